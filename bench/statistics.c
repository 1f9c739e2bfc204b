/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Counts by the hash of what is counted: nothing of the text is kept. */
typedef struct tally {
  uint64_t hash;
  uint32_t count, items, last_item;
} tally;

typedef struct tallies {
  tally *slots;
  size_t capacity, count;
  uint64_t sum;
} tallies;

static uint64_t hash_bytes(const char *data, size_t size) {
  uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
  for (size_t i = 0; i < size; i++) {
    const unsigned char c = (unsigned char)data[i];
    h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 0x100000001b3u;
  }
  return (h ^ (h >> 29)) | 1;
}

static tally *tallies_find(const tallies *t, uint64_t hash) {
  size_t i = hash & (t->capacity - 1);
  while (t->slots[i].hash != 0 && t->slots[i].hash != hash) i = (i + 1) & (t->capacity - 1);
  return &t->slots[i];
}

static int tallies_grow(tallies *t) {
  tallies bigger = *t;
  bigger.capacity = t->capacity == 0 ? 1u << 16 : t->capacity * 2;
  bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
  if (bigger.slots == NULL) return -1;
  for (size_t i = 0; i < t->capacity; i++)
    if (t->slots[i].hash != 0) *tallies_find(&bigger, t->slots[i].hash) = t->slots[i];
  free(t->slots);
  *t = bigger;
  return 0;
}

static int tallies_add(tallies *t, const char *data, size_t size, uint32_t item) {
  if (t->count * 2 >= t->capacity && tallies_grow(t) != 0) return -1;
  const uint64_t hash = hash_bytes(data, size);
  tally *found = tallies_find(t, hash);
  if (found->hash == 0) {
    found->hash = hash;
    t->count++;
  }
  found->count++;
  t->sum++;
  if (found->last_item != item + 1) found->items++;
  found->last_item = item + 1;
  return 0;
}

static int descending(const void *a, const void *b) {
  const uint32_t x = ((const tally *)a)->count, y = ((const tally *)b)->count;
  return (x < y) - (x > y);
}

/* Moves the counts to the front, greatest first; the table is a list from then on. */
static void tallies_sort(tallies *t) {
  size_t n = 0;
  for (size_t i = 0; i < t->capacity; i++)
    if (t->slots[i].hash != 0) t->slots[n++] = t->slots[i];
  qsort(t->slots, n, sizeof *t->slots, descending);
}

static double top_share(const tallies *t, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n && i < t->count; i++) sum += t->slots[i].count;
  return t->sum > 0 ? sum / (double)t->sum : 0;
}

static int is_word(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

static int add_words(tallies *t, sdx_bytes text, uint32_t item) {
  for (size_t at = 0; at < text.size;) {
    while (at < text.size && !is_word((unsigned char)text.data[at])) at++;
    const size_t start = at;
    while (at < text.size && is_word((unsigned char)text.data[at])) at++;
    if (at > start && tallies_add(t, text.data + start, at - start, item) != 0) return -1;
  }
  return 0;
}

static sdx_bytes without_re(sdx_bytes subject) {
  while (subject.size >= 3 && strncasecmp(subject.data, "re:", 3) == 0) {
    subject.data += 3;
    subject.size -= 3;
    while (subject.size > 0 && subject.data[0] == ' ') subject.data++, subject.size--;
  }
  return subject;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Least squares of log count over log rank. */
static double zipf_slope(const tallies *t) {
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (double rank = 10; rank <= 5000 && rank < (double)t->count; rank *= 1.2) {
    const double x = log(rank), y = log(t->slots[(size_t)rank].count);
    n += 1, sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  return n > 1 ? -(n * sxy - sx * sy) / (n * sxx - sx * sx) : 0;
}

static void fill_words(statistics *s, tallies *t, double half_tokens, double half_words) {
  double pairs = 0;
  s->vocabulary = (double)t->count;
  s->tokens_per_item = (double)t->sum / s->items;
  s->heaps = log((double)t->count / half_words) / log((double)t->sum / half_tokens);
  tallies_sort(t);
  for (size_t i = 0; i < t->count; i++) {
    pairs += t->slots[i].items;
    s->in_one += t->slots[i].items == 1;
    s->in_ten += t->slots[i].items >= 2 && t->slots[i].items <= 10;
  }
  s->words_per_item = pairs / s->items;
  s->in_one /= s->vocabulary;
  s->in_ten /= s->vocabulary;
  s->top10 = top_share(t, 10);
  s->top100 = top_share(t, 100);
  s->top1000 = top_share(t, 1000);
  s->top10000 = top_share(t, 10000);
  s->zipf = zipf_slope(t);
}

static void fill_threads(statistics *s, tallies *t) {
  size_t single = 0;
  tallies_sort(t);
  for (size_t i = 0; i < t->count; i++) single += t->slots[i].count == 1;
  s->threads_single = (double)single / (double)t->count;
  s->thread_mean = (double)t->sum / (double)t->count;
  s->thread_p99 = t->slots[t->count / 100].count;
}

int statistics_of(statistics *s, const corpus *c) {
  tallies words = { 0 }, threads = { 0 }, senders = { 0 };
  double *sizes = malloc((c->count + 1) * sizeof *sizes), half_tokens = 0, half_words = 0;
  int result = sizes == NULL || c->count < 2 ? -1 : 0;
  *s = (statistics){ .items = (double)c->count };
  for (size_t i = 0; i < c->count && result == 0; i++) {
    const corpus_item *it = &c->items[i];
    sizes[i] = (double)it->body.size;
    if (i == c->count / 2) half_tokens = (double)words.sum, half_words = (double)words.count;
    result = add_words(&words, it->body, (uint32_t)i);
    const sdx_bytes subject = without_re(it->subject);
    if (result == 0 && subject.size > 0)
      result = tallies_add(&threads, subject.data, subject.size, (uint32_t)i);
    if (result == 0 && it->from.size > 0)
      result = tallies_add(&senders, it->from.data, it->from.size, (uint32_t)i);
  }
  if (result == 0) {
    qsort(sizes, c->count, sizeof *sizes, ascending);
    s->text_per_item = (double)c->text_bytes / s->items;
    s->body_p10 = sizes[c->count / 10];
    s->body_p50 = sizes[c->count / 2];
    s->body_p90 = sizes[c->count * 9 / 10];
    s->body_p99 = sizes[c->count * 99 / 100];
    fill_words(s, &words, half_tokens, half_words);
    if (threads.count > 0) fill_threads(s, &threads);
    if (senders.count > 0) {
      tallies_sort(&senders);
      s->sender_top10 = top_share(&senders, 10);
    }
  }
  free(words.slots);
  free(threads.slots);
  free(senders.slots);
  free(sizes);
  return result;
}

void statistics_print(const statistics *s) {
  const struct {
    const char *name;
    double value;
  } all[] = {
    { "items", s->items },
    { "bytes of text per item", s->text_per_item },
    { "body bytes, 10th percentile", s->body_p10 },
    { "body bytes, median", s->body_p50 },
    { "body bytes, 90th percentile", s->body_p90 },
    { "body bytes, 99th percentile", s->body_p99 },
    { "words per item", s->tokens_per_item },
    { "different words per item", s->words_per_item },
    { "different words in all", s->vocabulary },
    { "Heaps exponent, second half", s->heaps },
    { "Zipf slope, ranks 10 to 5,000", s->zipf },
    { "share of tokens, 10 most frequent words", s->top10 },
    { "share of tokens, 100", s->top100 },
    { "share of tokens, 1,000", s->top1000 },
    { "share of tokens, 10,000", s->top10000 },
    { "share of words in one item", s->in_one },
    { "share of words in 2 to 10 items", s->in_ten },
    { "items per thread, mean", s->thread_mean },
    { "items per thread, 99th percentile", s->thread_p99 },
    { "share of threads of one item", s->threads_single },
    { "share of items by the ten busiest senders", s->sender_top10 },
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    printf("%s\t%.4g\n", all[i].name, all[i].value);
}
