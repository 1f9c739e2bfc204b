/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attack: what somebody learns of words who has all files at several times, and a fifth of the mails in clear.
 *
 * The attacks of matching.h run twice. First on a table of deterministic term tokens (what a search over
 * encrypted mail that hides words by a keyed hash leaves on the disk), which shows that they work. Then on
 * Sealdex: tokens are all strings of 8 bytes that stand in several pages of any snapshot of its files. And a
 * third attack, on the lengths of journal records: each mail is added by itself, the attacker sees by how
 * much the store grew, and names the words that mails of that size class have most often.
 *
 *   sealdex-bench attack [--items N] [--words N] [--seed N] PATH...
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "corpus.h"
#include "matching.h"
#include "random.h"

enum { SNAPSHOTS = 8, PAGE = 4096, WORD_MAX = 24, TOP = 10 };

typedef struct word {
  char text[WORD_MAX];
  uint32_t count, last; /* documents; the last one that had it, + 1 */
  uint32_t number;      /* among the chosen, + 1 */
} word;

typedef struct attack {
  corpus mail;
  size_t words, known; /* how many words; every fifth mail is known */
  uint64_t seed;
  word *table;
  size_t room;
  uint32_t **members;  /* per mail: numbers of the chosen words in it, ascending */
  uint32_t *member_count;
  char dir[200];
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

static bool is_known(size_t mail) { return mail % 5 == 0; }

/* What the attacker expects of words, by the mails that he knows. */
static void expect(const attack *a, pairs *expected) {
  size_t known = 0;
  for (size_t i = 0; i < a->mail.count; i++) {
    if (!is_known(i)) continue;
    pairs_add(expected, a->members[i], a->member_count[i]);
    known++;
  }
  pairs_scale(expected, (double)a->mail.count / (double)known);
}

/* ------------------------------------------------------------------ the two attacks */

/* Share of tokens whose word was told; `truth` is theirs. */
static double score(const uint32_t *guess, const uint32_t *truth, size_t n) {
  size_t right = 0;
  for (size_t i = 0; i < n; i++) right += guess[i] == truth[i];
  return 100.0 * (double)right / (double)n;
}

static void try_both(attack *a, const char *on, const pairs *seen, const pairs *expected,
                     const uint32_t *truth) {
  uint32_t *guess = calloc(seen->n + 1, sizeof *guess);
  if (guess == NULL) abort();
  const double blind = 100.0 / (double)seen->n;
  matching_by_counts(seen, expected, guess);
  printf("%-34s count           %6.2f %% of %zu words told; blind guessing %.2f %%\n", on,
         score(guess, truth, seen->n), seen->n, blind);
  matching_by_annealing(seen, expected, a->seed, guess);
  printf("%-34s co-occurrence   %6.2f %% of %zu words told; blind guessing %.2f %%\n", on,
         score(guess, truth, seen->n), seen->n, blind);
  free(guess);
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

static void attack_tokens(attack *a, const pairs *expected) {
  pairs seen;
  uint32_t *truth = shuffled(a->words, &a->seed); /* token -> word */
  uint32_t *token = malloc((a->words + 1) * sizeof *token);
  if (token == NULL || pairs_new(&seen, a->words) != 0) abort();
  for (uint32_t i = 0; i < a->words; i++) token[truth[i]] = i;
  for (size_t i = 0; i < a->mail.count; i++) {
    uint32_t *members = malloc((a->member_count[i] + 1) * sizeof *members);
    if (members == NULL) abort();
    for (size_t k = 0; k < a->member_count[i]; k++) members[k] = token[a->members[i][k]];
    pairs_add(&seen, members, a->member_count[i]);
    free(members);
  }
  try_both(a, "deterministic term tokens", &seen, expected, truth);
  pairs_free(&seen);
  free(token);
  free(truth);
}

/* ------------------------------------------------------------------ Sealdex: the index and its snapshots */

typedef struct pages {
  uint8_t *bytes;
  size_t count;
} pages;

static int read_file(const attack *a, const char *name, pages *p) {
  char path[300];
  struct stat st;
  snprintf(path, sizeof path, "%s/index/%s", a->dir, name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) return -1;
  const size_t more = (size_t)st.st_size / PAGE;
  uint8_t *grown = realloc(p->bytes, (p->count + more + 1) * PAGE);
  if (grown == NULL) abort();
  p->bytes = grown;
  const ssize_t n = pread(fd, p->bytes + p->count * PAGE, more * PAGE, 0);
  close(fd);
  if (n != (ssize_t)(more * PAGE)) return -1;
  p->count += more;
  return 0;
}

static int add_mail(sdx_index *index, const corpus_item *mail, sdx_error *err) {
  const sdx_field fields[] = { { "subject", mail->subject }, { "from", mail->from },
                               { "body", mail->body } };
  sdx_item item = SDX_ITEM_INIT;
  item.id = (sdx_bytes){ mail->id, strlen(mail->id) };
  item.date = mail->date;
  item.fields = fields;
  item.field_count = 3;
  return sdx_add(index, &item, NULL, NULL, err) == SDX_OK ? 0 : -1;
}

/* Bytes that wait in the journal, which anybody can read. */
static void take_journal(void *context, const char *name, const char *value) {
  if (strcmp(name, "journal bytes") == 0) *(uint64_t *)context = strtoull(value, NULL, 10);
}

/* Adds the mails one by one; sizes[i] is by how much the journal grew, 0 where it was folded meanwhile. */
static int fill_index(attack *a, pages *seen, uint64_t *sizes) {
  char path[300];
  uint8_t key[SDX_KEY_SIZE];
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  uint64_t before = 0;
  snprintf(path, sizeof path, "%s/index", a->dir);
  sdx_status status = sdx_key_generate(key, &err);
  const sdx_secret secret = { SDX_SECRET_KEY, key, sizeof key };
  if (status == SDX_OK) status = sdx_init(path, &secret, NULL, &err);
  if (status == SDX_OK) status = sdx_open(&index, path, &secret, NULL, &err);
  for (size_t i = 0; i < a->mail.count && status == SDX_OK; i++) {
    uint64_t now = 0;
    if (add_mail(index, &a->mail.items[i], &err) != 0) continue; /* a repeated id */
    status = sdx_inspect(path, NULL, take_journal, &now, &err);
    sizes[i] = now > before ? now - before : 0;
    before = now;
    if ((i + 1) % (a->mail.count / SNAPSHOTS) == 0 &&
        (read_file(a, "data.mdb", seen) != 0 || read_file(a, "keyring", seen) != 0))
      status = SDX_SYSTEM;
  }
  sdx_close(index);
  if (status != SDX_OK) fprintf(stderr, "sealdex-bench: %s\n", err.message);
  return status == SDX_OK ? 0 : -1;
}

/* ------------------------------------------------------------------ Sealdex: repeated strings as tokens */

typedef struct repeated {
  uint64_t value;
  uint32_t pages, last;
} repeated;

static int most_pages_first(const void *x, const void *y) {
  const repeated *a = x, *b = y;
  return a->pages != b->pages ? (a->pages > b->pages ? -1 : 1) : a->value < b->value ? -1 : 1;
}

static repeated *string_slot(repeated *table, size_t room, uint64_t value) {
  for (size_t i = (value * 0x9e3779b97f4a7c15u) >> 20 & (room - 1);; i = (i + 1) & (room - 1))
    if (table[i].pages == 0 || table[i].value == value) return &table[i];
}

/* Pages that stand in several snapshots are looked at once. */
static size_t drop_same_pages(pages *p) {
  size_t room = 1, kept = 0;
  while (room < p->count * 2 + 2) room *= 2;
  uint64_t *table = calloc(room, sizeof *table);
  if (table == NULL) abort();
  for (size_t i = 0; i < p->count; i++) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t k = 0; k < PAGE; k += 8) {
      uint64_t v;
      memcpy(&v, p->bytes + i * PAGE + k, 8);
      hash = (hash ^ v) * 0x100000001b3u;
      hash ^= hash >> 29;
    }
    size_t at = hash & (room - 1);
    while (table[at] != 0 && table[at] != hash) at = (at + 1) & (room - 1);
    if (table[at] == hash) continue;
    table[at] = hash;
    memmove(p->bytes + kept++ * PAGE, p->bytes + i * PAGE, PAGE);
  }
  free(table);
  return p->count = kept;
}

static size_t find_strings(const pages *p, repeated **out) {
  size_t room = 1, n = 0;
  while (room < p->count * (PAGE / 8) * 2) room *= 2;
  repeated *table = calloc(room, sizeof *table);
  if (table == NULL) abort();
  for (uint32_t i = 0; i < p->count; i++)
    for (size_t k = 0; k < PAGE; k += 8) {
      uint64_t v;
      memcpy(&v, p->bytes + (size_t)i * PAGE + k, 8);
      if (v >> 32 == 0 || (uint32_t)v == 0) continue; /* numbers, zeros */
      repeated *r = string_slot(table, room, v);
      if (r->pages > 0 && r->last == i) continue;
      *r = (repeated){ v, r->pages + 1, i };
    }
  for (size_t i = 0; i < room; i++)
    if (table[i].pages > 1) table[n++] = table[i];
  qsort(table, n, sizeof *table, most_pages_first);
  *out = table;
  return n;
}

static void attack_files(attack *a, pages *p, const pairs *expected) {
  repeated *strings = NULL;
  const size_t pages_seen = drop_same_pages(p), found = find_strings(p, &strings);
  const size_t tokens = found < a->words ? found : a->words;
  pairs seen;
  if (pairs_new(&seen, a->words) != 0) abort();
  uint32_t *members = malloc((a->words + 1) * sizeof *members);
  if (members == NULL) abort();
  for (size_t i = 0; i < pages_seen; i++) {
    size_t n = 0;
    for (uint32_t t = 0; t < tokens; t++)
      for (size_t k = 0; k < PAGE; k += 8)
        if (memcmp(p->bytes + i * PAGE + k, &strings[t].value, 8) == 0) {
          members[n++] = t;
          break;
        }
    pairs_add(&seen, members, n);
  }
  pairs_scale(&seen, (double)a->mail.count / (double)pages_seen);
  printf("Sealdex, %d snapshots: %zu different pages; %zu strings of 8 bytes stand in several of them\n",
         SNAPSHOTS, pages_seen, found);
  uint32_t *truth = shuffled(a->words, &a->seed); /* which word a query would be for */
  try_both(a, "Sealdex, repeated strings", &seen, expected, truth);
  free(truth);
  free(members);
  pairs_free(&seen);
  free(strings);
}

/* ------------------------------------------------------------------ Sealdex: sizes */

/* The TOP words of a size class (NULL: of all mails), by the mails that are known. */
static void likely_words(const attack *a, const uint64_t *sizes, const uint64_t *size, uint32_t *top) {
  uint32_t *counts = calloc(a->words + 1, sizeof *counts);
  if (counts == NULL) abort();
  for (size_t i = 0; i < a->mail.count; i++)
    if (is_known(i) && (size == NULL || sizes[i] == *size))
      for (size_t k = 0; k < a->member_count[i]; k++) counts[a->members[i][k]]++;
  for (size_t n = 0; n < TOP; n++) {
    uint32_t best = 0;
    for (uint32_t w = 1; w < a->words; w++)
      if (counts[w] > counts[best]) best = w;
    top[n] = best;
    counts[best] = 0;
  }
  free(counts);
}

static size_t hits(const attack *a, size_t mail, const uint32_t *top) {
  size_t n = 0;
  for (size_t i = 0; i < TOP; i++)
    n += bsearch(&top[i], a->members[mail], a->member_count[mail], sizeof *top, by_number) != NULL;
  return n;
}

/* Mails of one size are guessed at together. A class in which few mails are known tells the attacker nothing
 * that he could rely on. */
static void attack_sizes(const attack *a, const uint64_t *sizes) {
  enum { ENOUGH = 30 };
  uint32_t overall[TOP], top[TOP];
  size_t tries = 0, with = 0, blind = 0, classes = 0;
  uint8_t *done = calloc(a->mail.count + 1, 1);
  if (done == NULL) abort();
  likely_words(a, sizes, NULL, overall);
  for (size_t i = 0; i < a->mail.count; i++) {
    size_t known = 0;
    if (done[i] || sizes[i] == 0) continue;
    for (size_t k = i; k < a->mail.count; k++) known += is_known(k) && sizes[k] == sizes[i];
    if (known >= ENOUGH) likely_words(a, sizes, &sizes[i], top);
    else memcpy(top, overall, sizeof top);
    classes++;
    for (size_t k = i; k < a->mail.count; k++) {
      if (sizes[k] != sizes[i]) continue;
      done[k] = 1;
      if (is_known(k)) continue;
      tries += TOP;
      with += hits(a, k, top);
      blind += hits(a, k, overall);
    }
  }
  printf("%-34s %zu size classes  %6.2f %% of words named are in the mail; blind guessing %.2f %%\n",
         "Sealdex, growth of the journal", classes, tries > 0 ? 100.0 * (double)with / (double)tries : 0,
         tries > 0 ? 100.0 * (double)blind / (double)tries : 0);
  free(done);
}

/* ------------------------------------------------------------------ the command */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static int run(attack *a) {
  pairs expected;
  pages seen = { 0 };
  uint64_t *sizes = calloc(a->mail.count + 1, sizeof *sizes);
  if (sizes == NULL || choose_words(a) != 0 || pairs_new(&expected, a->words) != 0) {
    fprintf(stderr, "sealdex-bench: attack: too few words or too little memory\n");
    return 6;
  }
  expect(a, &expected);
  printf("%zu mails, %zu of their words, a fifth of the mails known, seed %llu\n", a->mail.count, a->words,
         (unsigned long long)a->seed);
  attack_tokens(a, &expected);
  const int failed = fill_index(a, &seen, sizes);
  if (failed == 0) {
    attack_files(a, &seen, &expected);
    attack_sizes(a, sizes);
  }
  pairs_free(&expected);
  free(seen.bytes);
  free(sizes);
  for (size_t i = 0; i < a->mail.count; i++) free(a->members[i]);
  free(a->members);
  free(a->member_count);
  free(a->table);
  return failed == 0 ? 0 : 6;
}

int command_attack(int argc, char **argv) {
  attack a = { .words = 300, .seed = 1 };
  size_t items = 4000;
  int i = 1;
  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
    const unsigned long long value = strtoull(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--items") == 0) items = value;
    else if (strcmp(argv[i], "--words") == 0) a.words = value;
    else if (strcmp(argv[i], "--seed") == 0) a.seed = value;
    else break;
  }
  if (i >= argc || a.words < 10 || items < 100) {
    fprintf(stderr, "usage: sealdex-bench attack [--items N] [--words N] [--seed N] PATH...\n");
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
  nftw(a.dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  corpus_free(&a.mail);
  return code;
}
