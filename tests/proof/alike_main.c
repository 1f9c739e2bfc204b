/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-alike: two indexes of different mail of the same shape are told apart by their files no
 * better than by a coin.
 *
 * Mailboxes that differ in their words, in how often these occur and together, in labels and
 * lengths, are paired where what `sealdex inspect` says, and the size classes of journal records,
 * are the same at each of three times of their lives: then they are of one shape. For each pair
 * attackers are shown the files of indexes of either, each made anew under keys of its own, and
 * told which is which; then of others they have to guess it. They go by all that can be counted in
 * the files (visible.h): by the fact that tells most, by the ten that tell most, and by all.
 *
 *   - No attacker guesses better than a coin, by more than five standard deviations of a coin.
 *   - As a check of the check: with a leak planted in what they see, of three kinds, one of them
 * does.
 *
 *   proof-alike [--pairs N] [--shown N] [--asked N] [--mailboxes N] [--seed N] [--mail PATH]
 */
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sealdex.h"
#include "visible.h"

#define START INT64_C(1700000000)

enum { ITEMS = 60, LATE = 5, MAILS = ITEMS + LATE, DELETED = 5, DELETED_TOO = 17 };
enum { TIMES = 3, BEST = 10, ATTACKERS = 3, PLANTS = 4 };

typedef struct mail {
  char subject[80], from[60], body[700], labels[3][8];
  unsigned label_count;
} mail;

typedef struct mailbox {
  mail mails[MAILS];
  uint64_t shape;
} mailbox;

typedef struct game {
  char base[200], dir[220];
  unsigned pairs, shown, asked, mailboxes;
  const char *mail;
  uint64_t random;
  mailbox *boxes;
  size_t box_count;
  uint64_t right[PLANTS][ATTACKERS], guesses;
  char best[80]; /* the fact that told most of the last pair */
  char why[300];
} game;

static uint64_t mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int complain(game *g, const char *what, const sdx_error *err) {
  snprintf(g->why, sizeof g->why, "%s: %s", what, err != NULL ? err->message : "");
  return -1;
}

/* ------------------------------------------------------------------ mailboxes */

static size_t put_word(char *out, uint64_t n) {
  static const char *const syllables[] = { "ba", "te", "ri", "mo", "su",
                                           "ka", "de", "vi", "lo", "pa" };
  size_t size = 0;
  for (int i = 0; i < 3; i++, n /= 10, size += 2) memcpy(out + size, syllables[n % 10], 2);
  out[size++] = ' ';
  out[size] = '\0';
  return size;
}

/* One mailbox has few words, which stand in many mails; another has many; and so with labels. */
static void invent(mailbox *box, uint64_t seed) {
  const uint64_t vocabulary = 8 + mix(&seed) % 990, first = mix(&seed) % 1000;
  const unsigned skew = (unsigned)(mix(&seed) % 3), length = 12 + (unsigned)(mix(&seed) % 60);
  const unsigned labels = 1 + (unsigned)(mix(&seed) % 12);
  for (unsigned i = 0; i < MAILS; i++) {
    mail *m = &box->mails[i];
    const unsigned words = i < ITEMS ? length + (unsigned)(mix(&seed) % 20) : 10;
    char *at = m->body;
    for (unsigned k = 0; k < words; k++) {
      uint64_t n = mix(&seed) % vocabulary;
      for (unsigned s = 0; s < skew; s++) n = mix(&seed) % (n + 1);
      at += put_word(at, first + n);
    }
    put_word(m->subject, first + mix(&seed) % vocabulary);
    snprintf(m->from, sizeof m->from, "p%02u@example.org", (unsigned)(mix(&seed) % labels));
    m->label_count = (unsigned)(mix(&seed) % 3);
    for (unsigned k = 0; k < m->label_count; k++)
      snprintf(m->labels[k], sizeof m->labels[k], "l%02u", (unsigned)(mix(&seed) % labels));
  }
}

static void copy_text(char *out, size_t room, const sdx_item *item, const char *name) {
  for (size_t i = 0; i < item->field_count; i++) {
    const sdx_bytes text = item->fields[i].text;
    if (strcmp(item->fields[i].name, name) != 0) continue;
    const size_t n = text.size < room - 1 ? text.size : room - 1;
    if (n > 0) memcpy(out, text.data, n);
    out[n] = '\0';
    return;
  }
}

/* Real mail, from the source one mailbox after another. What will be a record of its own is cut
 * short, so that size classes meet. */
static int read_mailboxes(game *g) {
  sdx_source *source = NULL;
  const sdx_entry *entry;
  sdx_error err = { 0 };
  size_t mails = 0;
  if (sdx_source_open(&source, &g->mail, 1, NULL, &err) != SDX_OK) return complain(g, "mail", &err);
  while (g->box_count < g->mailboxes && sdx_source_next(source, &entry, &err) == SDX_OK) {
    if (entry->state != SDX_ENTRY_ITEM) continue;
    mail *m = &g->boxes[g->box_count].mails[mails];
    const bool alone = mails >= ITEMS || mails == DELETED || mails == DELETED_TOO;
    copy_text(m->subject, alone ? 20 : sizeof m->subject, entry->item, "subject");
    copy_text(m->from, alone ? 20 : sizeof m->from, entry->item, "from");
    copy_text(m->body, alone ? 60 : 300, entry->item, "body");
    if (++mails < MAILS) continue;
    mails = 0;
    g->box_count++;
  }
  sdx_source_close(source);
  return g->box_count > 1 ? 0 : complain(g, "there is too little mail", NULL);
}

/* ------------------------------------------------------------------ a life */

static sdx_item describe(const mail *m, unsigned number, sdx_field fields[3], sdx_bytes *labels,
                         char id[16]) {
  sdx_item item = SDX_ITEM_INIT;
  fields[0] = (sdx_field){ "subject", { m->subject, strlen(m->subject) } };
  fields[1] = (sdx_field){ "from", { m->from, strlen(m->from) } };
  fields[2] = (sdx_field){ "body", { m->body, strlen(m->body) } };
  for (unsigned i = 0; i < m->label_count; i++)
    labels[i] = (sdx_bytes){ m->labels[i], strlen(m->labels[i]) };
  item.id = (sdx_bytes){ id, (size_t)snprintf(id, 16, "mail/%u", number) };
  item.date = START - (int64_t)number * 3600;
  item.fields = fields;
  item.field_count = 3;
  item.labels = labels;
  item.label_count = m->label_count;
  return item;
}

static sdx_status add_first(sdx_index *index, const mailbox *box, sdx_error *err) {
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  sdx_batch *batch = NULL;
  options.now = START;
  sdx_status status = sdx_batch_begin(&batch, index, &options, err);
  for (unsigned i = 0; i < ITEMS && status == SDX_OK; i++) {
    sdx_field fields[3];
    sdx_bytes labels[3];
    char id[16];
    const sdx_item item = describe(&box->mails[i], i, fields, labels, id);
    status = sdx_batch_add(batch, &item, NULL, err);
  }
  if (status == SDX_OK) return sdx_batch_commit(batch, err);
  sdx_batch_abort(batch);
  return status;
}

static sdx_status add_late(sdx_index *index, const mailbox *box, unsigned from, unsigned behind,
                           int64_t now, sdx_error *err) {
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  sdx_status status = SDX_OK;
  options.now = now;
  for (unsigned i = from; i < behind && status == SDX_OK; i++) {
    sdx_field fields[3];
    sdx_bytes labels[3];
    char id[16];
    const sdx_item item = describe(&box->mails[i], i, fields, labels, id);
    status = sdx_add(index, &item, &options, NULL, err);
  }
  return status;
}

static sdx_status change_some(sdx_index *index, const mailbox *box, int64_t now, sdx_error *err) {
  const sdx_change label = { SDX_ADD_LABEL,
                             { box->mails[9].from, strnlen(box->mails[9].from, 20) } };
  static const unsigned deleted[2] = { DELETED, DELETED_TOO };
  sdx_status status = SDX_OK;
  char id[16];
  for (int i = 0; i < 2 && status == SDX_OK; i++) {
    const int size = snprintf(id, sizeof id, "mail/%u", deleted[i]);
    status = sdx_delete(index, (sdx_bytes){ id, (size_t)size }, now, err);
  }
  if (status == SDX_OK) status = sdx_set(index, (sdx_bytes){ "mail/9", 6 }, &label, 1, now, err);
  return status;
}

/* What is done between two looks. */
static sdx_status live(sdx_index *index, const mailbox *box, int time, int64_t now,
                       sdx_error *err) {
  sdx_status status = SDX_OK;
  switch (time) {
  case 0:
    status = add_first(index, box, err);
    if (status == SDX_OK) status = add_late(index, box, ITEMS, ITEMS + 3, now, err);
    return status == SDX_OK ? change_some(index, box, now, err) : status;
  case 1:
    return sdx_maintain(index, true, now, err);
  default:
    return add_late(index, box, ITEMS + 3, MAILS, now, err);
  }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

/* Lives the mailbox through in an index of its own: its shape, and what is seen with each plant. */
static int play(game *g, const mailbox *box, uint64_t *shape, visible *seen, plant *plants) {
  uint8_t key[SDX_KEY_SIZE];
  const sdx_secret secret = { SDX_SECRET_KEY, key, sizeof key };
  sdx_init_options init = SDX_INIT_OPTIONS_INIT;
  sdx_open_options open = SDX_OPEN_OPTIONS_INIT;
  sdx_error err = { 0 };
  init.now = START;
  *shape = 0;
  nftw(g->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  sdx_status status = sdx_key_generate(key, &err);
  if (status == SDX_OK) status = sdx_init(g->dir, &secret, &init, &err);
  for (int time = 0; time < TIMES && status == SDX_OK; time++) {
    sdx_index *index = NULL;
    open.now = START + time * 2 * SDX_DAY;
    status = sdx_open(&index, g->dir, &secret, &open, &err);
    if (status == SDX_OK) status = live(index, box, time, open.now, &err);
    sdx_close(index);
    if (status == SDX_OK && visible_shape(shape, g->dir) != 0) return complain(g, "shape", NULL);
    if (seen != NULL && status == SDX_OK && visible_add(seen, PLANTS, g->dir, plants) != 0)
      return complain(g, "reading", NULL);
  }
  return status == SDX_OK ? 0 : complain(g, "a life", &err);
}

/* ------------------------------------------------------------------ attackers */

typedef struct learnt {
  double middle[VISIBLE_MAX], weight[VISIBLE_MAX], telling[VISIBLE_MAX];
  double nth; /* how much the tenth best fact tells */
  size_t best, count;
} learnt;

static int downwards(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* Means and deviations of each fact (a linear discriminant without covariances). */
static void learn(learnt *l, const visible *of_a, const visible *of_b, unsigned n) {
  static double order[VISIBLE_MAX];
  *l = (learnt){ .count = of_a->count };
  for (size_t f = 0; f < l->count; f++) {
    double a = 0, b = 0, squares = 0;
    for (unsigned i = 0; i < n; i++) a += of_a[i].facts[f] / n, b += of_b[i].facts[f] / n;
    for (unsigned i = 0; i < n; i++)
      squares += pow(of_a[i].facts[f] - a, 2) + pow(of_b[i].facts[f] - b, 2);
    const double variance = squares / (2 * n - 2) + 1e-12 * (a * a + b * b) + 1e-12;
    l->middle[f] = (a + b) / 2;
    l->weight[f] = (b - a) / variance;
    l->telling[f] = order[f] = fabs(b - a) / sqrt(variance);
    if (l->telling[f] > l->telling[l->best]) l->best = f;
  }
  qsort(order, l->count, sizeof *order, downwards);
  l->nth = order[BEST - 1];
}

/* True: it is of b. Where nothing speaks for either, a coin is thrown. */
static bool guess(game *g, const learnt *l, const visible *seen, int attacker) {
  double sum = 0;
  for (size_t f = 0; f < l->count; f++) {
    const bool taken = attacker == 0   ? f == l->best
                       : attacker == 1 ? l->telling[f] >= l->nth
                                       : true;
    if (taken) sum += l->weight[f] * (seen->facts[f] - l->middle[f]);
  }
  return sum != 0 ? sum > 0 : mix(&g->random) % 2;
}

static void set_plants(plant plants[PLANTS], const mailbox *box, bool is_b, uint64_t key,
                       uint64_t room[2][MAILS]) {
  for (unsigned i = 0; i < MAILS; i++) {
    uint64_t word = 0;
    for (unsigned k = 0; k < 6; k++) word = word * 256 + (uint8_t)box->mails[i].body[k];
    room[0][i] = strlen(box->mails[i].body) + strlen(box->mails[i].from);
    room[1][i] = word;
  }
  plants[PLANT_NONE] = (plant){ .kind = PLANT_NONE };
  plants[PLANT_LENGTH] = (plant){ PLANT_LENGTH, room[0], ITEMS, key };
  plants[PLANT_TOKEN] = (plant){ PLANT_TOKEN, room[1], ITEMS, key };
  static const uint64_t bits[2] = { 0, 1 };
  plants[PLANT_BIT] = (plant){ PLANT_BIT, &bits[is_b], 1, key };
}

static int play_one(game *g, const mailbox *box, bool is_b, visible *seen) {
  plant plants[PLANTS];
  uint64_t room[2][MAILS], shape;
  for (int p = 0; p < PLANTS; p++) seen[p].count = 0;
  set_plants(plants, box, is_b, mix(&g->random), room);
  if (play(g, box, &shape, seen, plants) != 0) return -1;
  return shape == box->shape ? 0 : complain(g, "the same mail has another shape", NULL);
}

static int play_pair(game *g, const mailbox *a, const mailbox *b) {
  const unsigned n = g->shown;
  visible *shown = calloc((size_t)2 * n * PLANTS, sizeof *shown);
  learnt *l = calloc(PLANTS, sizeof *l);
  visible *one = calloc(PLANTS, sizeof *one);
  int result = shown != NULL && l != NULL && one != NULL ? 0 : complain(g, "memory", NULL);
  for (unsigned i = 0; i < 2 * n && result == 0; i++) { /* of a, then of b, by plant */
    result = play_one(g, i < n ? a : b, i >= n, one);
    for (int p = 0; p < PLANTS; p++) shown[(size_t)p * 2 * n + i] = one[p];
  }
  for (int p = 0; p < PLANTS && result == 0; p++)
    learn(&l[p], shown + (size_t)p * 2 * n, shown + (size_t)p * 2 * n + n, n);
  visible_name(l[PLANT_NONE].best, g->best, sizeof g->best);
  for (unsigned i = 0; i < 2 * g->asked && result == 0; i++) {
    const bool is_b = mix(&g->random) % 2;
    result = play_one(g, is_b ? b : a, is_b, one);
    for (int p = 0; p < PLANTS && result == 0; p++)
      for (int k = 0; k < ATTACKERS; k++) g->right[p][k] += guess(g, &l[p], &one[p], k) == is_b;
    g->guesses++;
  }
  free(shown);
  free(one);
  free(l);
  return result;
}

/* ------------------------------------------------------------------ the program */

static int by_shape(const void *a, const void *b) {
  const mailbox *x = a, *y = b;
  return (x->shape > y->shape) - (x->shape < y->shape);
}

static int find_shapes(game *g) {
  if (g->mail != NULL && read_mailboxes(g) != 0) return -1;
  for (; g->mail == NULL && g->box_count < g->mailboxes; g->box_count++)
    invent(&g->boxes[g->box_count], mix(&g->random));
  for (size_t i = 0; i < g->box_count; i++)
    if (play(g, &g->boxes[i], &g->boxes[i].shape, NULL, NULL) != 0) return -1;
  qsort(g->boxes, g->box_count, sizeof *g->boxes, by_shape);
  return 0;
}

static int play_all(game *g) {
  unsigned played = 0;
  for (size_t i = 0; i + 1 < g->box_count && played < g->pairs; i++) {
    if (g->boxes[i].shape != g->boxes[i + 1].shape) continue;
    if (play_pair(g, &g->boxes[i], &g->boxes[i + 1]) != 0) return -1;
    played++;
    i++;
  }
  printf("%u pairs of one shape among %zu mailboxes, %llu guesses\n", played, g->box_count,
         (unsigned long long)g->guesses);
  return played * 3 >= g->pairs ? 0 : complain(g, "too few mailboxes are of one shape", NULL);
}

static int judge(game *g) {
  static const char *const names[PLANTS] = { "as it is", "planted: length", "planted: token",
                                             "planted: bit" };
  const double n = (double)g->guesses, bound = 0.5 + 5 * 0.5 / sqrt(n);
  int result = 0;
  printf("%-18s %10s %10s %10s   (of a coin: at most %.1f %%)\n", "right guesses", "best fact",
         "ten best", "all facts", 100 * bound);
  for (int p = 0; p < PLANTS; p++) {
    double most = 0;
    printf("%-18s", names[p]);
    for (int k = 0; k < ATTACKERS; k++) {
      const double share = (double)g->right[p][k] / n;
      printf(" %8.1f %%", 100 * share);
      most = fmax(most, fmax(share, 1 - share));
    }
    printf("\n");
    if (p == PLANT_NONE && most > bound) {
      printf("best of the last pair: %s\n", g->best);
      result = complain(g, "the files tell them apart", NULL);
    }
    if (p != PLANT_NONE && most <= bound) result = complain(g, "a planted leak is not seen", NULL);
  }
  return result;
}

int main(int argc, char **argv) {
  static game g = { .pairs = 3, .shown = 8, .asked = 10, .mailboxes = 40, .random = 1 };
  for (int i = 1; i + 1 < argc; i += 2) {
    const unsigned number = (unsigned)strtoul(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--pairs") == 0) g.pairs = number;
    if (strcmp(argv[i], "--shown") == 0) g.shown = number;
    if (strcmp(argv[i], "--asked") == 0) g.asked = number;
    if (strcmp(argv[i], "--mailboxes") == 0) g.mailboxes = number;
    if (strcmp(argv[i], "--seed") == 0) g.random = number;
    if (strcmp(argv[i], "--mail") == 0) g.mail = argv[i + 1];
  }
  snprintf(g.base, sizeof g.base, "%s/sealdex-alike-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  snprintf(g.dir, sizeof g.dir, "%s/index", g.base);
  mkdir(g.base, 0700);
  g.boxes = calloc(g.mailboxes + 1, sizeof *g.boxes);
  int result = g.boxes != NULL ? find_shapes(&g) : -1;
  if (result == 0) result = play_all(&g);
  if (result == 0) result = judge(&g);
  if (result != 0) printf("FAILED: %s\n", g.why);
  nftw(g.base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  free(g.boxes);
  return result == 0 ? 0 : 1;
}
