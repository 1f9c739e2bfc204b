/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attack: what somebody learns of words who has all files at many times, and a fifth of the mails
 * in clear.
 *
 * The attacks of matching.h run first on a table of deterministic term tokens (what a search over
 * encrypted mail that hides words by a keyed hash leaves on the disk), which shows that they work.
 * Then on Sealdex, by what its files show before and after each mail (observed.h): tokens whatever
 * recurs: strings of 8 bytes that several mails wrote, and values of what can be counted. The
 * attack names a word for each token; it is right in each mail of the token that has the word sizes
 * by the mails that he knows, the words that are likely in a mail of such growth: TOP for each mail
 * Both are held against the same words named for mails without looking at the files. With several
 * seeds, which mails are known and what stands for what is drawn anew for each.
 *
 *   sealdex-bench attack [--items N] [--words N] [--seeds N] [--seed N] [--out FILE] PATH...
 *
 * Exit 1 where an attack on Sealdex gains more than a point, or one on tokens tells less than a
 * tenth.
 */
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "corpus.h"
#include "figures.h"
#include "matching.h"
#include "observed.h"
#include "random.h"

enum { WORD_MAX = 24, TOP = 10, SEEDS_MAX = 64, KINDS = 5 };

static const double share_known = 0.2;

typedef struct word {
  char text[WORD_MAX];
  uint32_t count, last; /* documents; the last one that had it, + 1 */
  uint32_t number;      /* among the chosen, + 1 */
} word;

typedef struct result {
  double told, blind; /* per cent */
} result;

typedef struct attack {
  corpus mail;
  size_t words, seeds;
  uint64_t seed;
  word *table;
  size_t room;
  uint32_t **members; /* per mail: numbers of the chosen words in it, ascending */
  uint32_t *member_count;
  uint8_t *is_known; /* per mail */
  double *frequency; /* per word: the share of the other mails that have it */
  observed seen;
  char dir[200];
  const char *out;
  result results[KINDS][SEEDS_MAX];
} attack;

/* ------------------------------------------------------------------ words */

static word *slot_of(attack *a, const char *text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char *p = text; *p; p++) hash = (hash ^ (uint8_t)*p) * 0x100000001b3u;
  for (size_t i = hash & (a->room - 1);; i = (i + 1) & (a->room - 1))
    if (a->table[i].text[0] == 0 || strcmp(a->table[i].text, text) == 0) return &a->table[i];
}

static void each_word(attack *a, sdx_bytes text, uint32_t mail,
                      void (*each)(attack *a, word *w, uint32_t mail)) {
  char held[WORD_MAX];
  size_t n = 0;
  for (size_t i = 0; i <= text.size; i++) {
    const char c = i < text.size ? (char)(text.data[i] | 0x20) : ' ';
    if (c >= 'a' && c <= 'z') {
      if (n < WORD_MAX - 1) held[n] = c;
      n++;
      continue;
    }
    if (n >= 4 && n < WORD_MAX - 1) {
      held[n] = 0;
      word *w = slot_of(a, held);
      if (w->text[0] == 0) memcpy(w->text, held, n + 1);
      each(a, w, mail);
    }
    n = 0;
  }
}

static void count_word(attack *a, word *w, uint32_t mail) {
  (void)a;
  if (w->last == mail + 1) return;
  w->last = mail + 1;
  w->count++;
}

static void note_word(attack *a, word *w, uint32_t mail) {
  if (w->number == 0 || w->last == mail + 1) return;
  w->last = mail + 1;
  uint32_t *grown = realloc(a->members[mail], (a->member_count[mail] + 1) * sizeof *grown);
  if (grown == NULL) abort();
  a->members[mail] = grown;
  grown[a->member_count[mail]++] = w->number - 1;
}

static int most_frequent_first(const void *x, const void *y) {
  const word *a = *(word *const *)x, *b = *(word *const *)y;
  return a->count != b->count ? (a->count > b->count ? -1 : 1) : strcmp(a->text, b->text);
}

static int by_number(const void *x, const void *y) {
  const uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
  return a < b ? -1 : a > b;
}

/* The most frequent words, but those that a fourth of the mails have. */
static int choose_words(attack *a) {
  size_t n = 0, taken = 0;
  a->room = 1U << 21;
  a->table = calloc(a->room, sizeof *a->table);
  a->members = calloc(a->mail.count + 1, sizeof *a->members);
  a->member_count = calloc(a->mail.count + 1, sizeof *a->member_count);
  word **list = malloc(a->room * sizeof *list);
  if (a->table == NULL || a->members == NULL || a->member_count == NULL || list == NULL) return -1;
  for (uint32_t i = 0; i < a->mail.count; i++) {
    each_word(a, a->mail.items[i].subject, i, count_word);
    each_word(a, a->mail.items[i].body, i, count_word);
  }
  for (size_t i = 0; i < a->room; i++)
    if (a->table[i].count > 0) list[n++] = &a->table[i];
  qsort(list, n, sizeof *list, most_frequent_first);
  for (size_t i = 0; i < n && taken < a->words; i++)
    if (list[i]->count <= a->mail.count / 4) list[i]->number = (uint32_t)++taken;
  for (size_t i = 0; i < n; i++) list[i]->last = 0;
  free(list);
  for (uint32_t i = 0; i < a->mail.count; i++) {
    each_word(a, a->mail.items[i].subject, i, note_word);
    each_word(a, a->mail.items[i].body, i, note_word);
    if (a->member_count[i] > 1)
      qsort(a->members[i], a->member_count[i], sizeof **a->members, by_number);
  }
  return taken == a->words ? 0 : -1;
}

/* Which mails are known: drawn anew for each seed. */
static void draw_known(attack *a) {
  size_t others = 0;
  for (size_t i = 0; i < a->mail.count; i++) a->is_known[i] = random_share(&a->seed) < share_known;
  memset(a->frequency, 0, a->words * sizeof *a->frequency);
  for (size_t i = 0; i < a->mail.count; i++) {
    if (a->is_known[i]) continue;
    others++;
    for (size_t k = 0; k < a->member_count[i]; k++) a->frequency[a->members[i][k]]++;
  }
  for (size_t w = 0; w < a->words; w++) a->frequency[w] /= (double)(others > 0 ? others : 1);
}

/* ------------------------------------------------------------------ the two attacks */

typedef struct knowledge {
  pairs known, expected; /* of words: in the known mails, and in all as one would expect */
} knowledge;

static void learn(const attack *a, knowledge *k) {
  if (pairs_new(&k->known, a->words) != 0 || pairs_new(&k->expected, a->words) != 0) abort();
  for (size_t i = 0; i < a->mail.count; i++)
    if (a->is_known[i]) pairs_add(&k->known, a->members[i], a->member_count[i]);
  memcpy(k->expected.counts, k->known.counts, a->words * a->words * sizeof *k->known.counts);
  pairs_scale(&k->expected, 1 / share_known);
}

static void forget(knowledge *k) {
  pairs_free(&k->known);
  pairs_free(&k->expected);
}

/* Share of tokens whose word was told; `truth` is theirs. */
static double score(const uint32_t *guess, const uint32_t *truth, size_t n) {
  size_t right = 0;
  for (size_t i = 0; i < n; i++) right += guess[i] == truth[i];
  return 100.0 * (double)right / (double)n;
}

/* Tokens stand for words in an order that nobody knows. */
static uint32_t *shuffled(size_t n, uint64_t *seed) {
  uint32_t *order = malloc((n + 1) * sizeof *order);
  if (order == NULL) abort();
  for (uint32_t i = 0; i < n; i++) order[i] = i;
  for (size_t i = n; i > 1; i--) {
    const size_t k = random_next(seed) % i;
    const uint32_t swap = order[i - 1];
    order[i - 1] = order[k];
    order[k] = swap;
  }
  return order;
}

static void attack_tokens(attack *a, const knowledge *k, result *counts, result *annealing) {
  pairs seen;
  uint32_t *truth = shuffled(a->words, &a->seed); /* token -> word */
  uint32_t *token = malloc((a->words + 1) * sizeof *token);
  uint32_t *members = malloc((a->words + 1) * sizeof *members);
  uint32_t *guess = calloc(a->words + 1, sizeof *guess);
  if (token == NULL || members == NULL || guess == NULL || pairs_new(&seen, a->words) != 0) abort();
  for (uint32_t i = 0; i < a->words; i++) token[truth[i]] = i;
  for (size_t i = 0; i < a->mail.count; i++) {
    for (size_t m = 0; m < a->member_count[i]; m++) members[m] = token[a->members[i][m]];
    pairs_add(&seen, members, a->member_count[i]);
  }
  matching_by_counts(&seen, &k->known, share_known, guess);
  *counts = (result){ score(guess, truth, a->words), 100.0 / (double)a->words };
  matching_by_annealing(&seen, &k->expected, a->seed, guess);
  *annealing = (result){ score(guess, truth, a->words), 100.0 / (double)a->words };
  pairs_free(&seen);
  free(members);
  free(token);
  free(truth);
  free(guess);
}

/* ------------------------------------------------------------------ Sealdex: what recurs */

typedef struct recurring {
  uint32_t count;
  uint32_t *mails; /* ascending */
} recurring;

static int most_mails_first(const void *x, const void *y) {
  const recurring *a = x, *b = y;
  return a->count != b->count ? (a->count > b->count ? -1 : 1) : 0;
}

/* All strings and values in one list, by value. */
static observed_string *list_all(const attack *a, size_t *count) {
  const size_t n = a->seen.count + a->mail.count * OBSERVED_FEATURES;
  observed_string *list = malloc((n + 1) * sizeof *list);
  if (list == NULL) abort();
  if (a->seen.count > 0) memcpy(list, a->seen.strings, a->seen.count * sizeof *list);
  *count = a->seen.count;
  return list;
}

static int by_value(const void *x, const void *y) {
  const observed_string *a = x, *b = y;
  if (a->value != b->value) return a->value < b->value ? -1 : 1;
  return a->mail < b->mail ? -1 : a->mail > b->mail;
}

static size_t find_recurring(const attack *a, recurring **out) {
  size_t count, n = 0, room = 1024;
  observed_string *list = list_all(a, &count);
  recurring *found = malloc(room * sizeof *found);
  if (found == NULL) abort();
  for (uint32_t i = 0; i < a->mail.count; i++)
    for (uint64_t f = 0; f < OBSERVED_FEATURES; f++)
      list[count++] = (observed_string){ f << 32 | a->seen.features[i][f], i };
  qsort(list, count, sizeof *list, by_value);
  for (size_t i = 0, end; i < count; i = end) {
    recurring r = { 0 };
    for (end = i; end < count && list[end].value == list[i].value;) end++;
    if (end - i < 3) continue;
    r.mails = malloc((end - i) * sizeof *r.mails);
    if (r.mails == NULL) abort();
    for (size_t k = i; k < end; k++)
      if (r.count == 0 || r.mails[r.count - 1] != list[k].mail) r.mails[r.count++] = list[k].mail;
    if (n == room) {
      found = realloc(found, (room *= 2) * sizeof *found);
      if (found == NULL) abort();
    }
    found[n++] = r;
  }
  free(list);
  qsort(found, n, sizeof *found, most_mails_first);
  *out = found;
  return n;
}

static void pairs_of(const attack *a, const recurring *tokens, size_t n, pairs *seen) {
  uint32_t **members = calloc(a->mail.count + 1, sizeof *members);
  size_t *counts = calloc(a->mail.count + 1, sizeof *counts);
  if (members == NULL || counts == NULL) abort();
  for (uint32_t t = 0; t < n; t++)
    for (size_t k = 0; k < tokens[t].count; k++) {
      const uint32_t mail = tokens[t].mails[k];
      members[mail] = realloc(members[mail], (counts[mail] + 1) * sizeof **members);
      if (members[mail] == NULL) abort();
      members[mail][counts[mail]++] = t;
    }
  for (size_t i = 0; i < a->mail.count; i++) {
    pairs_add(seen, members[i], counts[i]);
    free(members[i]);
  }
  free(members);
  free(counts);
}

static bool has_word(const attack *a, size_t mail, uint32_t w) {
  return bsearch(&w, a->members[mail], a->member_count[mail], sizeof w, by_number) != NULL;
}

/* Of the words named for mails, those that are in them; and as many where the mails are any. */
static result score_tokens(const attack *a, const recurring *tokens, size_t n,
                           const uint32_t *guess) {
  double tries = 0, right = 0, blind = 0;
  for (size_t t = 0; t < n; t++)
    for (size_t k = 0; k < tokens[t].count; k++) {
      if (a->is_known[tokens[t].mails[k]]) continue;
      tries++;
      right += has_word(a, tokens[t].mails[k], guess[t]);
      blind += a->frequency[guess[t]];
    }
  return tries > 0 ? (result){ 100 * right / tries, 100 * blind / tries } : (result){ 0 };
}

static void attack_recurring(attack *a, const knowledge *k, const recurring *tokens, size_t found,
                             result *counts, result *annealing) {
  pairs seen;
  const size_t n = found < a->words ? found : a->words;
  uint32_t *guess = calloc(a->words + 1, sizeof *guess);
  if (guess == NULL || pairs_new(&seen, a->words) != 0) abort();
  pairs_of(a, tokens, n, &seen);
  matching_by_counts(&seen, &k->known, share_known, guess);
  *counts = score_tokens(a, tokens, n, guess);
  matching_by_annealing(&seen, &k->expected, a->seed, guess);
  *annealing = score_tokens(a, tokens, n, guess);
  pairs_free(&seen);
  free(guess);
}

/* ------------------------------------------------------------------ Sealdex: sizes */

/* How many known mails have a word, of those whose feature has a value; and how many mails those
 * are. */
typedef struct table {
  uint32_t *values, *mails, *counts;
  size_t n;
} table;

static size_t row_of(table *t, uint32_t value, size_t words) {
  for (size_t i = 0; i < t->n; i++)
    if (t->values[i] == value) return i;
  t->values = realloc(t->values, (t->n + 1) * sizeof *t->values);
  t->mails = realloc(t->mails, (t->n + 1) * sizeof *t->mails);
  t->counts = realloc(t->counts, (t->n + 1) * words * sizeof *t->counts);
  if (t->values == NULL || t->mails == NULL || t->counts == NULL) abort();
  t->values[t->n] = value;
  t->mails[t->n] = 0;
  memset(t->counts + t->n * words, 0, words * sizeof *t->counts);
  return t->n++;
}

static void count_features(const attack *a, table *tables, double *prior) {
  double known = 0;
  for (size_t i = 0; i < a->mail.count; i++) {
    if (!a->is_known[i]) continue;
    known++;
    for (size_t k = 0; k < a->member_count[i]; k++) prior[a->members[i][k]]++;
    for (size_t f = 0; f < OBSERVED_FEATURES; f++) {
      const size_t row = row_of(&tables[f], a->seen.features[i][f], a->words);
      tables[f].mails[row]++;
      for (size_t k = 0; k < a->member_count[i]; k++)
        tables[f].counts[row * a->words + a->members[i][k]]++;
    }
  }
  for (size_t w = 0; w < a->words; w++) prior[w] = (prior[w] + 0.5) / (known + 1);
}

static double log_odds(double p) {
  return log(p) - log(1 - p);
}

/* How likely each word is in a mail, by all features (naive Bayes; few known mails say little). */
static void judge(const attack *a, table *tables, const double *prior, size_t mail, double *odds) {
  enum { AS_GOOD_AS = 20 };
  for (size_t w = 0; w < a->words; w++) odds[w] = log_odds(prior[w]);
  for (size_t f = 0; f < OBSERVED_FEATURES; f++) {
    const size_t row = row_of(&tables[f], a->seen.features[mail][f], a->words);
    for (size_t w = 0; w < a->words; w++) {
      const double p = (tables[f].counts[row * a->words + w] + AS_GOOD_AS * prior[w]) /
                       (double)(tables[f].mails[row] + AS_GOOD_AS);
      odds[w] += log_odds(p) - log_odds(prior[w]);
    }
  }
}

static size_t hits(const attack *a, size_t mail, double *odds) {
  size_t n = 0;
  for (size_t i = 0; i < TOP; i++) {
    uint32_t best = 0;
    for (uint32_t w = 1; w < a->words; w++)
      if (odds[w] > odds[best]) best = w;
    odds[best] = -HUGE_VAL;
    n += has_word(a, mail, best);
  }
  return n;
}

static result attack_sizes(const attack *a) {
  table tables[OBSERVED_FEATURES] = { 0 };
  double *prior = calloc(a->words + 1, sizeof *prior), *odds = calloc(a->words + 1, sizeof *odds);
  size_t tries = 0, right = 0, blind = 0;
  if (prior == NULL || odds == NULL) abort();
  count_features(a, tables, prior);
  for (size_t i = 0; i < a->mail.count; i++) {
    if (a->is_known[i]) continue;
    judge(a, tables, prior, i, odds);
    right += hits(a, i, odds);
    memcpy(odds, prior, a->words * sizeof *odds);
    blind += hits(a, i, odds);
    tries += TOP;
  }
  for (size_t f = 0; f < OBSERVED_FEATURES; f++) {
    free(tables[f].values);
    free(tables[f].mails);
    free(tables[f].counts);
  }
  free(prior);
  free(odds);
  return (result){ 100.0 * (double)right / (double)tries, 100.0 * (double)blind / (double)tries };
}

/* ------------------------------------------------------------------ the command */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static result mean(const attack *a, size_t kind, double *spread) {
  result m = { 0 };
  double squares = 0;
  for (size_t i = 0; i < a->seeds; i++) {
    const result *r = &a->results[kind][i];
    m.told += r->told / (double)a->seeds;
    m.blind += r->blind / (double)a->seeds;
    squares += (r->told - r->blind) * (r->told - r->blind) / (double)a->seeds;
  }
  const double gain = m.told - m.blind;
  *spread = sqrt(fmax(0, squares - gain * gain));
  return m;
}

/* One line per attack, with the mean over the seeds. Returns 0 where it went as it must. */
static int tell(const attack *a) {
  static const struct {
    const char *on, *by;
    bool control;
  } kinds[KINDS] = {
    { "deterministic tokens", "counts", true },
    { "deterministic tokens", "co-occurrence", true },
    { "Sealdex, what recurs", "counts", false },
    { "Sealdex, what recurs", "co-occurrence", false },
    { "Sealdex, growth", "likely words", false },
  };
  figures f = { 0 };
  int code = 0;
  for (size_t i = 0; i < KINDS; i++) {
    char blindly[64];
    double spread;
    const result r = mean(a, i, &spread);
    const double gain = r.told - r.blind;
    const bool good = kinds[i].control ? r.told >= 10 : gain <= 1;
    printf("%-22s %-14s told %6.2f %%  blind %6.2f %%  gain %+6.2f (spread %.2f)%s\n", kinds[i].on,
           kinds[i].by, r.told, r.blind, gain, spread, good ? "" : "  NOT AS IT MUST BE");
    if (!good) code = 1;
    snprintf(blindly, sizeof blindly, "%s, blind guessing", kinds[i].by);
    figures_put(&f, "attack", kinds[i].on, kinds[i].by, "recovered", "ratio", r.told / 100);
    figures_put(&f, "attack", kinds[i].on, blindly, "recovered", "ratio", r.blind / 100);
  }
  if (a->out != NULL && figures_write(&f, a->out) != 0) code = 6;
  figures_free(&f);
  return code;
}

static int run(attack *a) {
  knowledge k;
  recurring *tokens = NULL;
  a->is_known = calloc(a->mail.count + 1, 1);
  a->frequency = calloc(a->words + 1, sizeof *a->frequency);
  if (a->is_known == NULL || a->frequency == NULL || choose_words(a) != 0) {
    fprintf(stderr, "sealdex-bench: attack: too few words or too little memory\n");
    return 6;
  }
  if (observe(&a->seen, &a->mail, a->dir) != 0) return 6;
  const size_t found = find_recurring(a, &tokens);
  printf("%zu mails, %zu of their words, a fifth of the mails known, %zu seeds from %llu\n",
         a->mail.count, a->words, a->seeds, (unsigned long long)a->seed);
  printf("Sealdex: files before and after each mail, %llu pages that differ, %zu strings and "
         "values that "
         "recur\n",
         (unsigned long long)a->seen.looked_at, found);
  for (size_t i = 0; i < a->seeds; i++) {
    draw_known(a);
    learn(a, &k);
    attack_tokens(a, &k, &a->results[0][i], &a->results[1][i]);
    attack_recurring(a, &k, tokens, found, &a->results[2][i], &a->results[3][i]);
    a->results[4][i] = attack_sizes(a);
    forget(&k);
  }
  for (size_t i = 0; i < found; i++) free(tokens[i].mails);
  free(tokens);
  return tell(a);
}

static void release(attack *a) {
  for (size_t i = 0; a->members != NULL && i < a->mail.count; i++) free(a->members[i]);
  free(a->members);
  free(a->member_count);
  free(a->table);
  free(a->is_known);
  free(a->frequency);
  observed_free(&a->seen);
  nftw(a->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  corpus_free(&a->mail);
}

int command_attack(int argc, char **argv) {
  static attack a; /* its results are big for a stack */
  size_t items = 4000;
  int i = 1;
  a = (attack){ .words = 300, .seed = 1, .seeds = 5 };
  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
    const unsigned long long value = strtoull(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--items") == 0)
      items = value;
    else if (strcmp(argv[i], "--words") == 0)
      a.words = value;
    else if (strcmp(argv[i], "--seeds") == 0)
      a.seeds = value;
    else if (strcmp(argv[i], "--seed") == 0)
      a.seed = value;
    else if (strcmp(argv[i], "--out") == 0)
      a.out = argv[i + 1];
    else
      break;
  }
  if (i >= argc || a.words < 10 || items < 100 || a.seeds < 1 || a.seeds > SEEDS_MAX) {
    fprintf(stderr, "usage: sealdex-bench attack [--items N] [--words N] [--seeds N] [--seed N] "
                    "[--out FILE] PATH...\n");
    return 2;
  }
  if (corpus_read(&a.mail, (const char *const *)argv + i, (size_t)(argc - i), items) != 0) return 6;
  const char *temporary = getenv("TMPDIR");
  snprintf(a.dir, sizeof a.dir, "%s/sealdex-attack-XXXXXX", temporary != NULL ? temporary : "/tmp");
  if (mkdtemp(a.dir) == NULL) {
    fprintf(stderr, "sealdex-bench: %s: %s\n", a.dir, strerror(errno));
    return 6;
  }
  const int code = run(&a);
  release(&a);
  return code;
}
