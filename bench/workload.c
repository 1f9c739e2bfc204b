/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How each class draws its words (df: share of items that hold the word):
 *   rare     one word, df 2 to 10 items          medium   one word, df 0.3% to 2%
 *   common   one word, df 5% to 40%              and2/3   words of one item, df 0.3% to 40%
 *   or2/4    any words, df 0.3% to 40%           phrase   neighbours in one body, df at least 0.1%
 *   near     two words of one item at most 8 apart, df 0.3% to 40%
 *   prefix   the first 3 or 4 letters of a medium or common word
 *   field    a word of a subject, df at least 5 items      and not  common NOT medium
 *   newest   a word of df 1% to 40%, newest first
 *   filter   a folder, in half of the queries within one to twelve weeks around one of its items;
 *            newest first
 */
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random.h"
#include "stems.h"

typedef struct word {
  char text[16];
  uint32_t df;
  uint32_t last_item;
} word;

typedef struct words {
  word *slots; /* open addressing */
  size_t capacity, count;
} words;

typedef struct drawing {
  const corpus *corpus;
  int growth; /* draws for workload_draw_growth */
  words words;
  const word **ranked; /* all words; classes pick by df */
  uint64_t random;
} drawing;

static const char *const names[QUERY_CLASSES] = {
  "rare",       "medium", "common", "AND 2", "AND 3",   "OR 2",      "OR 4",        "phrase 2",
  "phrase 3-4", "NEAR",   "prefix", "field", "AND NOT", "newest 10", "filter only",
};

const char *query_class_name(query_class c) {
  return names[c];
}

static uint64_t draw(drawing *d) {
  return random_next(&d->random);
}

static int is_word_byte(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 ||
         c == '_' || c == '\'' || c == '&' || c == '.' || c == '-' || c == '@';
}

/* The next plain word at or after *at; 0 at the end. Tokens with anything but letters are passed
 * over whole, and *clean says whether only blanks lay between. */
static size_t next_word(sdx_bytes text, size_t *at, char out[16], int *clean) {
  *clean = 1;
  while (*at < text.size) {
    if (!is_word_byte((unsigned char)text.data[*at])) {
      if (text.data[*at] != ' ') *clean = 0;
      (*at)++;
      continue;
    }
    const size_t start = *at;
    int plain = 1;
    while (*at < text.size && is_word_byte((unsigned char)text.data[*at])) {
      const unsigned char c = (unsigned char)text.data[*at] | 0x20;
      if (c < 'a' || c > 'z') plain = 0;
      (*at)++;
    }
    const size_t size = *at - start;
    if (!plain || size < 3 || size > 12) {
      *clean = 0;
      continue;
    }
    for (size_t i = 0; i < size; i++) out[i] = (char)(text.data[start + i] | 0x20);
    out[size] = '\0';
    return size;
  }
  return 0;
}

static uint64_t hash_word(const char *text) {
  uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
  for (; *text != '\0'; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
  return h ^ (h >> 29);
}

static word *find_word(const words *w, const char *text) {
  size_t i = hash_word(text) & (w->capacity - 1);
  while (w->slots[i].df != 0 && strcmp(w->slots[i].text, text) != 0)
    i = (i + 1) & (w->capacity - 1);
  return &w->slots[i];
}

static int grow_words(words *w) {
  words bigger = { .capacity = w->capacity == 0 ? 1u << 16 : w->capacity * 2, .count = w->count };
  bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
  if (bigger.slots == NULL) return -1;
  for (size_t i = 0; i < w->capacity; i++)
    if (w->slots[i].df != 0) *find_word(&bigger, w->slots[i].text) = w->slots[i];
  free(w->slots);
  *w = bigger;
  return 0;
}

static int count_text(words *w, sdx_bytes text, uint32_t item) {
  char buffer[16];
  int clean;
  for (size_t at = 0; next_word(text, &at, buffer, &clean) != 0;) {
    if (w->count * 2 >= w->capacity && grow_words(w) != 0) return -1;
    word *found = find_word(w, buffer);
    if (found->df == 0) {
      memcpy(found->text, buffer, sizeof buffer);
      w->count++;
    } else if (found->last_item == item) {
      continue;
    }
    found->df++;
    found->last_item = item;
  }
  return 0;
}

static int by_text(const void *a, const void *b) {
  return strcmp((*(const word *const *)a)->text, (*(const word *const *)b)->text);
}

static int count_words(drawing *d) {
  for (size_t i = 0; i < d->corpus->count; i++)
    if (count_text(&d->words, d->corpus->items[i].body, (uint32_t)i + 1) != 0) return -1;
  d->ranked = malloc(d->words.count * sizeof *d->ranked);
  if (d->ranked == NULL) return -1;
  size_t n = 0;
  for (size_t i = 0; i < d->words.capacity; i++)
    if (d->words.slots[i].df != 0) d->ranked[n++] = &d->words.slots[i];
  qsort(d->ranked, n, sizeof *d->ranked, by_text); /* the seed alone decides, not the hash table */
  return 0;
}

/* Items that have any word of the same stem: what a query of the word finds. With a mailbox grow
 * the forms that a stem has in it, so words of a fixed number of items would not be queries of one.
 */
static int count_stems(drawing *d) {
  words all = { 0 };
  stems *english = stems_new();
  uint32_t *stem_of = calloc(d->words.capacity, sizeof *stem_of); /* slot in `all` by slot */
  char text[16];
  int clean, result = -1;
  all.capacity = d->words.capacity; /* there are not more stems than words */
  all.slots = calloc(all.capacity, sizeof *all.slots);
  if (english == NULL || stem_of == NULL || all.slots == NULL) goto out;
  for (size_t i = 0; i < d->words.capacity; i++) {
    if (d->words.slots[i].df == 0) continue;
    stems_of(english, d->words.slots[i].text, text);
    word *stem = find_word(&all, text);
    if (stem->df == 0) memcpy(stem->text, text, sizeof text);
    stem->df = 1; /* taken; counted from here on */
    stem_of[i] = (uint32_t)(stem - all.slots);
  }
  for (size_t i = 0; i < d->corpus->count; i++)
    for (size_t at = 0; next_word(d->corpus->items[i].body, &at, text, &clean) != 0;) {
      word *stem = &all.slots[stem_of[find_word(&d->words, text) - d->words.slots]];
      if (stem->last_item == i + 1) continue;
      stem->df += stem->last_item != 0;
      stem->last_item = (uint32_t)i + 1;
    }
  for (size_t i = 0; i < d->words.capacity; i++)
    if (d->words.slots[i].df != 0) d->words.slots[i].df = all.slots[stem_of[i]].df;
  result = 0;
out:
  free(all.slots);
  free(stem_of);
  stems_free(english);
  return result;
}

static int in_band(const drawing *d, const word *w, double low, double high) {
  const double share = (double)w->df / (double)d->corpus->count;
  return share >= low && share <= high;
}

static int pick_band(drawing *d, double low, double high, char out[16]) {
  for (int i = 0; i < 100000; i++) {
    const word *w = d->ranked[draw(d) % d->words.count];
    if (!in_band(d, w, low, high)) continue;
    memcpy(out, w->text, 16);
    return 0;
  }
  return -1;
}

static int pick_rare(drawing *d, char out[16]) {
  for (int i = 0; i < 100000; i++) {
    const word *w = d->ranked[draw(d) % d->words.count];
    if (w->df < 2 || w->df > 10) continue;
    memcpy(out, w->text, 16);
    return 0;
  }
  return -1;
}

static const corpus_item *pick_item(drawing *d) {
  return &d->corpus->items[draw(d) % d->corpus->count];
}

/* `n` different words of one body, all in the band; `within` limits how far apart (in words, 0:
 * any). */
static int pick_together(drawing *d, size_t n, double low, double high, size_t within,
                         char out[][16]) {
  for (int tries = 0; tries < 2000; tries++) {
    const corpus_item *item = pick_item(d);
    size_t at = item->body.size == 0 ? 0 : draw(d) % item->body.size;
    while (at < item->body.size && is_word_byte((unsigned char)item->body.data[at])) at++;
    size_t have = 0, seen = 0;
    char buffer[16];
    int clean;
    while (have < n && next_word(item->body, &at, buffer, &clean) != 0) {
      if (within != 0 && have > 0 && ++seen > within) break;
      if (!in_band(d, find_word(&d->words, buffer), low, high)) continue;
      int fresh = 1;
      for (size_t k = 0; k < have; k++) fresh &= strcmp(out[k], buffer) != 0;
      if (fresh) memcpy(out[have++], buffer, 16);
    }
    if (have == n) return 0;
  }
  return -1;
}

static int pick_phrase(drawing *d, size_t n, char out[][16]) {
  for (int tries = 0; tries < 10000; tries++) {
    const corpus_item *item = pick_item(d);
    size_t at = item->body.size == 0 ? 0 : draw(d) % item->body.size;
    while (at < item->body.size && is_word_byte((unsigned char)item->body.data[at])) at++;
    size_t have = 0;
    int clean;
    while (have < n && next_word(item->body, &at, out[have], &clean) != 0) {
      if (have > 0 && !clean) break;
      if (!in_band(d, find_word(&d->words, out[have]), 0.001, 1)) break;
      have++;
    }
    if (have == n) return 0;
  }
  return -1;
}

static int pick_subject(drawing *d, char out[16]) {
  for (int tries = 0; tries < 10000; tries++) {
    const corpus_item *item = pick_item(d);
    size_t at = 0;
    int clean;
    while (next_word(item->subject, &at, out, &clean) != 0)
      if (find_word(&d->words, out)->df >= 5 && draw(d) % 2 == 0) return 0;
  }
  return -1;
}

static int pick_filter(drawing *d, workload_query *q) {
  enum { DAY = 86400 };
  const corpus_item *item = pick_item(d);
  q->folder = item->folder;
  if (draw(d) % 2 == 0) {
    const int64_t days = 7 * (1 + (int64_t)(draw(d) % 12));
    q->since = item->date - item->date % DAY - (int64_t)(draw(d) % (uint64_t)days) * DAY;
    q->until = q->since + days * DAY;
    if (q->since <= 0) return -1;
  }
  return q->folder[0] != '\0' ? 0 : -1;
}

/* Two words of a body, the rarer one in about 1,000 items, the other in at most that share of all. */
static int pick_thousand(drawing *d, double most, char out[][16]) {
  const double n = (double)d->corpus->count;
  for (int tries = 0; tries < 200; tries++) {
    if (pick_together(d, 2, 800 / n, most, 0, out) != 0) continue;
    const uint32_t a = find_word(&d->words, out[0])->df, b = find_word(&d->words, out[1])->df;
    if ((a < b ? a : b) <= 1250) return 0;
  }
  return -1;
}

static int draw_query(drawing *d, query_class class, workload_query *q) {
  *q = (workload_query){ .kind = class, .word_count = 1 };
  if (d->growth && (class == QUERY_AND2 || class == QUERY_AND3)) {
    const double fixed = 4000 / (double)d->corpus->count;
    q->kind = QUERY_AND2; /* of two words, whatever class it stands in */
    q->word_count = 2;
    return pick_thousand(d, class == QUERY_AND3 && fixed < 0.40 ? fixed : 0.40, q->words);
  }
  switch (class) {
  case QUERY_RARE:
    return pick_rare(d, q->words[0]);
  case QUERY_MEDIUM:
    return pick_band(d, 0.003, 0.02, q->words[0]);
  case QUERY_COMMON:
    return pick_band(d, 0.05, 0.40, q->words[0]);
  case QUERY_AND2:
    q->word_count = 2;
    return pick_together(d, 2, 0.003, 0.40, 0, q->words);
  case QUERY_AND3:
    q->word_count = 3;
    return pick_together(d, 3, 0.003, 0.40, 0, q->words);
  case QUERY_OR2:
    q->word_count = 2;
    break;
  case QUERY_OR4:
    q->word_count = 4;
    break;
  case QUERY_PHRASE2:
    q->word_count = 2;
    return pick_phrase(d, 2, q->words);
  case QUERY_PHRASE34:
    q->word_count = 3 + draw(d) % 2;
    return pick_phrase(d, q->word_count, q->words);
  case QUERY_NEAR:
    q->word_count = 2;
    return pick_together(d, 2, 0.003, 0.40, 8, q->words);
  case QUERY_PREFIX: {
    if (pick_band(d, 0.003, 0.40, q->words[0]) != 0) return -1;
    const size_t keep = 3 + draw(d) % 2;
    if (strlen(q->words[0]) > keep) q->words[0][keep] = '\0';
    return 0;
  }
  case QUERY_FIELD:
    return pick_subject(d, q->words[0]);
  case QUERY_AND_NOT:
    q->word_count = 2;
    if (pick_band(d, 0.05, 0.40, q->words[0]) != 0) return -1;
    return pick_band(d, 0.003, 0.02, q->words[1]);
  case QUERY_NEWEST:
    return pick_band(d, 0.01, 0.40, q->words[0]);
  case QUERY_FILTER:
    q->word_count = 0;
    return pick_filter(d, q);
  case QUERY_CLASSES:
    return -1;
  }
  for (size_t i = 0; i < q->word_count; i++)
    if (pick_band(d, 0.003, 0.40, q->words[i]) != 0) return -1;
  return 0;
}

static int same_query(const workload_query *a, const workload_query *b) {
  if (a->word_count != b->word_count) return 0;
  if (a->folder != NULL)
    return strcmp(a->folder, b->folder) == 0 && a->since == b->since && a->until == b->until;
  for (size_t i = 0; i < a->word_count; i++)
    if (strcmp(a->words[i], b->words[i]) != 0) return 0;
  return 1;
}

static void draw_class(drawing *d, workload *w, query_class class, size_t per_class) {
  const size_t first = w->first[class];
  for (size_t tries = 0; tries < per_class * 20 && w->count - first < per_class; tries++) {
    workload_query *q = &w->queries[w->count];
    if (draw_query(d, class, q) != 0) continue;
    size_t i = first;
    while (i < w->count && !same_query(&w->queries[i], q)) i++;
    if (i == w->count) w->count++;
  }
}

static int draw_all(workload *w, const corpus *c, size_t per_class, uint64_t seed, int growth) {
  static const int in_growth[QUERY_CLASSES] = {
    [QUERY_RARE] = 1, [QUERY_COMMON] = 1, [QUERY_AND2] = 1, [QUERY_AND3] = 1, [QUERY_NEWEST] = 1
  };
  drawing d = { .corpus = c, .random = seed, .growth = growth };
  *w = (workload){ 0 };
  int result = -1;
  if (c->count == 0 || grow_words(&d.words) != 0 || count_words(&d) != 0) goto out;
  if (growth && count_stems(&d) != 0) goto out;
  w->queries = calloc(per_class * QUERY_CLASSES, sizeof *w->queries);
  if (w->queries == NULL) goto out;
  for (int class = 0; class < QUERY_CLASSES; class ++) {
    w->first[class] = w->count;
    if (!growth || in_growth[class]) draw_class(&d, w, (query_class) class, per_class);
  }
  w->first[QUERY_CLASSES] = w->count;
  result = 0;
out:
  free(d.ranked);
  free(d.words.slots);
  return result;
}

int workload_draw(workload *w, const corpus *c, size_t per_class, uint64_t seed) {
  return draw_all(w, c, per_class, seed, 0);
}

int workload_draw_growth(workload *w, const corpus *c, size_t per_class, uint64_t seed) {
  return draw_all(w, c, per_class, seed, 1);
}

void workload_free(workload *w) {
  free(w->queries);
  *w = (workload){ 0 };
}
