/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { HEAD = 10000, GUIDE = 4096, FREQUENT = 160 };

static const double head_share = 0.965; /* of tokens; the rest falls into the tail */
static const double tail_exponent = 1.43;

struct word_source {
  double shares[HEAD];       /* cumulated */
  uint16_t guide[GUIDE + 1]; /* where the search for a share begins */
  struct {
    const char *text;
    size_t size;
  } frequent[WORDS_LANGUAGES][FREQUENT];
  size_t frequent_count[WORDS_LANGUAGES];
};

void words_free(word_source *w) {
  free(w);
}

uint64_t words_draw(const word_source *w, uint64_t *random) {
  const double at = random_share(random);
  if (at >= head_share) {
    const double u = 1 - random_share(random); /* (0, 1] */
    const double rank = HEAD * pow(u, -1 / (tail_exponent - 1));
    return rank < 0x1p48 ? (uint64_t)rank : (uint64_t)0x1p48;
  }
  size_t rank = w->guide[(size_t)(at * GUIDE)];
  while (w->shares[rank] < at) rank++;
  return rank;
}

typedef struct spelling {
  const char *frequent; /* blank-separated, most frequent first */
  const char *onsets[16], *vowels[5];
  const char *endings[4]; /* of the forms of one word */
} spelling;

static const spelling spellings[WORDS_LANGUAGES] = {
  [WORDS_ENGLISH] = { "the to of and a in is that i it for you on be have this not with are as at "
                      "but or from if they was "
                      "we my by can an will your what all so there about one would me do has no "
                      "who which he were been "
                      "their out more when up some like just know any get how only time then other "
                      "than its them also "
                      "could now don people think does into may should had use his because very "
                      "these make here good "
                      "please new see way much well our even back want over need first two most "
                      "where same such",
                      { "b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "br",
                        "th" },
                      { "a", "e", "i", "o", "u" },
                      { "", "s", "ing", "ed" } },
  [WORDS_GERMAN] = { "die der und in zu den das nicht von sie ist des sich mit dem dass er es ein "
                     "ich auf so eine auch als "
                     "an nach wie im für man aber aus durch wenn nur war noch werden bei hat wir "
                     "was wird sein einen "
                     "welche sind oder zur um haben einer mir über ihm diese einem ihr uns da zum "
                     "kann doch vor dieser "
                     "mich ihn du hatte seine mehr am denn nun unter sehr selbst schon hier bis "
                     "habe ihre dann ihnen "
                     "seiner alle wieder meine gegen vom ganz einzelnen wo muss ohne eines können",
                     { "b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "w", "sch", "z",
                       "pf" },
                     { "a", "e", "ie", "o", "ü" },
                     { "", "en", "ung", "er" } },
  [WORDS_FRENCH] = { "de la le et les des en un du une que est pour qui dans a par plus pas au sur "
                     "ne se ce il sont mais "
                     "nous avec ou vous comme on je cette son tout être aux ces sa fait elle leur "
                     "bien si peut sans aussi "
                     "deux même ont été encore ses entre très après tous dont faire depuis autre "
                     "avait votre moins ils "
                     "notre ainsi fois donc toujours quand avant chez nos sous alors peu rien où "
                     "lui",
                     { "b", "d", "f", "g", "c", "l", "m", "n", "p", "r", "s", "t", "v", "ch", "j",
                       "qu" },
                     { "a", "é", "i", "ou", "eau" },
                     { "", "s", "ment", "tion" } },
  [WORDS_SPANISH] = { "de la que el en y a los se del las un por con no una su para es al lo como "
                      "más o pero sus le ha me "
                      "si sin sobre este ya entre cuando todo esta ser son dos también fue había "
                      "era muy años hasta desde "
                      "está mi porque qué sólo han yo hay vez puede todos así nos ni parte tiene "
                      "él uno donde bien tiempo "
                      "mismo ese ahora cada vida otro después te otros aunque esa eso hace otra "
                      "gobierno tan durante",
                      { "b", "d", "f", "g", "c", "l", "m", "n", "p", "r", "s", "t", "v", "ll", "ñ",
                        "ch" },
                      { "a", "e", "i", "o", "ó" },
                      { "", "s", "ción", "ando" } },
};

static void split_frequent(word_source *w, words_language language) {
  const char *list = spellings[language].frequent;
  while (list != NULL && *list != '\0' && w->frequent_count[language] < FREQUENT) {
    const size_t size = strcspn(list, " "), i = w->frequent_count[language]++;
    w->frequent[language][i].text = list;
    w->frequent[language][i].size = size;
    list += size + (list[size] == ' ');
  }
}

word_source *words_new(void) {
  word_source *w = calloc(1, sizeof *w);
  double sum = 0;
  if (w == NULL) return NULL;
  for (size_t i = 0; i < HEAD; i++) w->shares[i] = sum += pow((double)i + 2.7, -1.13);
  for (size_t i = 0; i < HEAD; i++) w->shares[i] *= head_share / sum;
  for (size_t i = 0, rank = 0; i <= GUIDE; i++) {
    while (rank < HEAD - 1 && w->shares[rank] < (double)i / GUIDE) rank++;
    w->guide[i] = (uint16_t)rank;
  }
  for (int i = 0; i < WORDS_LANGUAGES; i++) split_frequent(w, (words_language)i);
  return w;
}

static size_t put(char *out, size_t at, const char *text, size_t size) {
  memcpy(out + at, text, size);
  return at + size;
}

static size_t put_scalar(char *out, size_t at, uint32_t c) { /* of three UTF-8 bytes */
  out[at] = (char)(0xe0 | c >> 12);
  out[at + 1] = (char)(0x80 | (c >> 6 & 0x3f));
  out[at + 2] = (char)(0x80 | (c & 0x3f));
  return at + 3;
}

/* Particles in hiragana, then words of two or more characters. */
static size_t spell_japanese(uint64_t rank, char out[WORDS_SIZE]) {
  enum { PARTICLES = 40, CHARACTERS = 1200 };
  size_t at = 0;
  if (rank < PARTICLES) return put_scalar(out, 0, 0x3042 + (uint32_t)(rank * 2 % 80));
  for (rank += CHARACTERS - PARTICLES; rank > 0 && at < WORDS_SIZE - 8; rank /= CHARACTERS)
    at = put_scalar(out, at, 0x4e00 + (uint32_t)(rank % CHARACTERS * 7));
  return at;
}

size_t words_spell(const word_source *w, words_language language, uint64_t rank,
                   char out[WORDS_SIZE]) {
  if (language == WORDS_JAPANESE) return spell_japanese(rank, out);
  const spelling *s = &spellings[language];
  size_t at = 0;
  if (rank < w->frequent_count[language])
    return put(out, 0, w->frequent[language][rank].text, w->frequent[language][rank].size);
  const char *ending = s->endings[rank % 4];
  for (rank = rank / 4 + 6; rank > 0 && at < WORDS_SIZE - 16; rank /= 80) {
    at = put(out, at, s->onsets[rank % 80 / 5], strlen(s->onsets[rank % 80 / 5]));
    at = put(out, at, s->vowels[rank % 5], strlen(s->vowels[rank % 5]));
  }
  out[at++] = 'n'; /* so that only the ending is one to a stemmer */
  return put(out, at, ending, strlen(ending));
}
