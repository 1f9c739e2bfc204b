/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "invented.h"

#include <stdio.h>
#include <string.h>

#define VOCABULARY 900

typedef struct inventor {
  uint64_t seed;
  char body[16384], subject[256], from[256], to[256];
} inventor;

static uint32_t below(inventor *v, uint32_t n) {
  v->seed ^= v->seed << 13;
  v->seed ^= v->seed >> 7;
  v->seed ^= v->seed << 17;
  return (uint32_t)((v->seed >> 11) % n);
}

/* Word number n: syllables that spell it. */
static size_t spell(char out[40], uint32_t n) {
  static const char *const syllables[] = { "ba", "ten", "ri",  "mo", "sul",
                                           "ka", "dre", "vin", "lo", "pa" };
  size_t size = 0;
  n += 10;
  for (; n > 0; n /= 10) {
    const char *s = syllables[n % 10];
    memcpy(out + size, s, strlen(s));
    size += strlen(s);
  }
  out[size] = '\0';
  return size;
}

static const char *const oddities[] = {
  "C++",
  "scsi-2",
  "nasa.gov",
  "x11r5",
  "AT&T",
  "don't",
  "3.14",
  "1,234.56",
  "U.S.A.",
  "café",
  "résumé",
  "Zürich",
  "naïve",
  "cafe",
  "resume",
  "https://example.org/a/b.html",
  "joe.doe@example.org",
  "c#",
  "i/o",
  "to",
  "be",
  "or",
  "not",
  "the",
  "a",
  "snake_case",
  "DE89",
  "10.0.0.1",
  "Straße",
  "\xff\xfe",
};
#define ODDITIES (sizeof oddities / sizeof *oddities)

static size_t one_word(inventor *v, char out[128]) {
  static const char *const endings[] = { "", "", "", "", "s", "ing", "ed", "er", "ly" };
  if (below(v, 9) == 0) return (size_t)snprintf(out, 128, "%s", oddities[below(v, ODDITIES)]);
  if (below(v, 900) == 0) { /* longer than a word may be */
    size_t size = 0;
    while (size < 70) size += spell(out + size, below(v, VOCABULARY));
    return size;
  }
  uint32_t n = below(v, VOCABULARY);
  for (uint32_t again = below(v, 4); again > 0; again--) n = below(v, n + 1);
  char word[40];
  spell(word, n);
  if (below(v, 12) == 0) word[0] = (char)(word[0] - 32);
  return (size_t)snprintf(out, 128, "%s%s", word, endings[below(v, 9)]);
}

static void some_words(inventor *v, char *out, size_t room, uint32_t count) {
  static const char *const gaps[] = { " ",  " ",    " ", " ",  " ",  ", ", ". ",
                                      "\n", "\n> ", "-", " (", ") ", "--" };
  size_t size = 0;
  for (uint32_t i = 0; i < count && size + 140 < room; i++) {
    char word[128];
    const size_t n = one_word(v, word);
    memcpy(out + size, word, n);
    size += n;
    const char *gap = gaps[below(v, sizeof gaps / sizeof *gaps)];
    memcpy(out + size, gap, strlen(gap));
    size += strlen(gap);
  }
  out[size] = '\0';
}

static void an_address(inventor *v, char *out, size_t room) {
  char a[40], b[40];
  spell(a, below(v, 60));
  spell(b, below(v, 20));
  snprintf(out, room, "%s %s <%s.%s@%s.example>", a, b, a, b, b);
}

void invented_mailbox(uint64_t seed, unsigned count,
                      void (*take)(void *context, const sdx_item *item), void *context) {
  static inventor v;
  v.seed = seed * 0x9e3779b97f4a7c15u + 7;
  for (unsigned i = 0; i < count; i++) {
    some_words(&v, v.body, sizeof v.body, 1 + below(&v, below(&v, 20) == 0 ? 900 : 90));
    some_words(&v, v.subject, sizeof v.subject, below(&v, 7));
    an_address(&v, v.from, sizeof v.from);
    an_address(&v, v.to, sizeof v.to);
    const sdx_field fields[] = { { "subject", { v.subject, strlen(v.subject) } },
                                 { "from", { v.from, strlen(v.from) } },
                                 { "to", { v.to, strlen(v.to) } },
                                 { "body", { v.body, strlen(v.body) } } };
    sdx_item item = SDX_ITEM_INIT;
    item.date = 1600000000 + (int64_t)below(&v, 90000000);
    item.fields = fields;
    item.field_count = 4;
    take(context, &item);
  }
}
