/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rebuilds of an index that is alive: a host's store is read and the index swapped again and again,
 * while a writer, a depositor, sweeps (with a key and without) and a reader go on. No call fails,
 * no answer is half old and half new, nothing is lost, nothing comes back.
 *
 * The model: each item has one owner, who says in shared memory what the item is, and when an
 * operation on it is under way. An answer must agree with it on every item that nothing was under
 * way on from before the call until after it. Owners act as a backend does: on their own store
 * first, then on the index.
 *
 * Even seeds: the processes' sweeps have the key, the threads' not always; odd ones: the other way.
 *
 *   test_rebuild_alive [--seconds N] [--items N] [--seed N] [--pace US] [--threads | --processes]
 * [--flaw]
 *
 * As processes, a third of the rebuilds are killed, and the next goes on. --flaw: the writer
 * forgets to tell its store of changes, so that a rebuild takes them back: the run must fail.
 */
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sealdex.h"

#define START INT64_C(1700000000)
#define SPAN                                                                                       \
  (20 * (int64_t)SDX_DAY) /* that pass in the whole run: nothing deleted in it falls due */
#define ITEMS_MAX 20000
#define WORDS 7

typedef enum life { ABSENT, LIVE, DELETED, WISHED /* a depositor wants it back */ } life;

typedef struct told {
  atomic_uint sequence; /* odd: an operation is under way */
  atomic_uint state;    /* life | flagged << 2 | version << 8 */
  atomic_uint stored;   /* what the host's store has: 0, or version + 1 */
  int64_t due;          /* deleted before the run: when it is purged at the earliest; 0: not */
} told;

typedef struct shared {
  atomic_bool stop;
  atomic_uint failures, rebuilds, killed, writes, deposits, sweeps, purged, searches, shown;
  atomic_flag why_taken;
  char why[400];
  struct timespec begun;
  char dir[200], deposit_key[SDX_DEPOSIT_FILE_SIZE];
  unsigned items, pace;
  double seconds;
  uint64_t seed;
  bool flaw;
  bool keyless; /* sweeps come without the key, too; then depositors set no flags, since such a
                   sweep destroys what may be of a purged item */
  told told[ITEMS_MAX];
} shared;

/* Who acts: a handle of its own, or all threads' one. */
typedef struct actor {
  shared *s;
  sdx_index *index;
  uint64_t random;
} actor;

static const uint8_t key[SDX_KEY_SIZE] = "a key for an index that is alive";
static const sdx_secret secret = { SDX_SECRET_KEY, key, sizeof key };

static uint64_t mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static unsigned draw(actor *a, unsigned below) {
  return (unsigned)(mix(&a->random) % below);
}

static void __attribute__((format(printf, 2, 3))) fail(shared *s, const char *format, ...) {
  va_list list;
  if (!atomic_flag_test_and_set(&s->why_taken)) {
    va_start(list, format);
    vsnprintf(s->why, sizeof s->why, format, list);
    va_end(list);
  }
  atomic_fetch_add(&s->failures, 1);
  atomic_store(&s->stop, true);
}

static double elapsed(const shared *s) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)(t.tv_sec - s->begun.tv_sec) + (double)(t.tv_nsec - s->begun.tv_nsec) * 1e-9;
}

/* The time that everybody gives to the library. */
static int64_t clock_of(const shared *s) {
  const double share = elapsed(s) / s->seconds;
  return START + (int64_t)((share < 1 ? share : 1) * (double)SPAN);
}

static bool over(const shared *s) {
  return atomic_load(&s->stop) || elapsed(s) > s->seconds;
}

/* ------------------------------------------------------------------ items */

static uint32_t state_of(life l, bool flagged, unsigned version) {
  return (uint32_t)l | (uint32_t)flagged << 2 | version << 8;
}
static life life_of(uint32_t state) {
  return (life)(state & 3);
}
static bool flagged_of(uint32_t state) {
  return (state >> 2 & 1) != 0;
}
static unsigned version_of(uint32_t state) {
  return state >> 8;
}

typedef struct text {
  char id[24], body[1200];
  sdx_field field;
  sdx_bytes folder;
  sdx_item item;
} text;

static sdx_bytes id_of(unsigned number, char out[24]) {
  return (sdx_bytes){ out, (size_t)snprintf(out, 24, "item/%u", number) };
}

static void describe(text *t, unsigned number, unsigned version) {
  uint64_t random = (uint64_t)number << 32 | version;
  t->item = (sdx_item)SDX_ITEM_INIT;
  t->item.id = id_of(number, t->id);
  size_t at = (size_t)snprintf(t->body, sizeof t->body, "lantern word%c of item %u version %u",
                               (char)('a' + version % WORDS), number, version);
  for (unsigned i = (unsigned)(mix(&random) % 100); i > 0; i--)
    at += (size_t)snprintf(t->body + at, sizeof t->body - at, " w%u",
                           (unsigned)(mix(&random) % 5000));
  t->field = (sdx_field){ "body", { t->body, at } };
  t->item.fields = &t->field;
  t->item.field_count = 1;
  t->item.date = START - (int64_t)number * 60;
  t->folder = (sdx_bytes){ "INBOX", 5 };
  t->item.folders = &t->folder;
  t->item.folder_count = 1;
}

/* ------------------------------------------------------------------ the host's store, and the
 * rebuild */

typedef struct shelf {
  shared *s;
  unsigned at;
  text text;
} shelf;

static sdx_status shelf_begin(void *context, sdx_error *err) {
  (void)err;
  ((shelf *)context)->at = 0;
  return SDX_OK;
}

static sdx_status shelf_next(void *context, sdx_original *out, sdx_error *err) {
  shelf *h = context;
  unsigned stored = 0;
  (void)err;
  while (h->at < h->s->items && (stored = atomic_load(&h->s->told[h->at].stored)) == 0) h->at++;
  if (h->at == h->s->items) return SDX_NOT_FOUND;
  describe(&h->text, h->at++, stored - 1);
  out->item = &h->text.item;
  out->stamp = stored;
  if (h->s->pace != 0) usleep(h->s->pace);
  return SDX_OK;
}

static bool go_on(void *context, const sdx_reindex_report *so_far, uint64_t total) {
  (void)so_far, (void)total;
  return !atomic_load(&((shelf *)context)->s->stop);
}

static sdx_status reindex(actor *a, sdx_reindex_mode mode, sdx_reindex_report *report,
                          sdx_error *err) {
  shelf h = { .s = a->s };
  const sdx_source_calls calls = {
    .version = 1, .context = &h, .begin = shelf_begin, .next = shelf_next
  };
  sdx_reindex_options options = SDX_REINDEX_OPTIONS_INIT;
  sdx_source *source = NULL;
  options.mode = mode;
  options.now = clock_of(a->s);
  options.jobs = 2;
  options.memory = 96u << 20;
  options.context = &h;
  options.progress = go_on;
  sdx_status status = sdx_source_own(&source, &calls, err);
  if (status == SDX_OK) status = sdx_reindex(a->index, source, &options, report, err);
  sdx_source_close(source);
  return status;
}

static void rebuild_once(actor *a) {
  sdx_error err = { 0 };
  sdx_reindex_report report;
  const sdx_status status = reindex(a, SDX_REINDEX_ALL, &report, &err);
  if (status == SDX_CANCELLED && atomic_load(&a->s->stop)) return;
  if (status != SDX_OK || !report.swapped)
    fail(a->s, "rebuild: %s", err.message);
  else
    atomic_fetch_add(&a->s->rebuilds, 1);
}

/* ------------------------------------------------------------------ owners of items */

static void store_set(actor *a, unsigned i, unsigned stored) {
  if (!a->s->flaw || stored == 0) atomic_store(&a->s->told[i].stored, stored);
}

static void begin(told *t) {
  atomic_fetch_add(&t->sequence, 1);
}
static void end(told *t, uint32_t state) {
  atomic_store(&t->state, state);
  atomic_fetch_add(&t->sequence, 1);
}

/* One random operation on item i, by the owner's handle or, where `d` is given, by the deposit key.
 */
static void operate(actor *a, sdx_deposit *d, unsigned i) {
  shared *s = a->s;
  told *t = &s->told[i];
  const uint32_t was = atomic_load(&t->state);
  const unsigned version = version_of(was), dice = draw(a, 10);
  const int64_t now = clock_of(s);
  uint32_t becomes = was;
  sdx_status status = SDX_OK;
  sdx_error err = { 0 };
  const char *what = "";
  char id[24];
  if (life_of(was) == WISHED) return;
  begin(t);
  if (life_of(was) == ABSENT || (life_of(was) == LIVE && dice < 4) ||
      (life_of(was) == DELETED && dice < 3)) {
    text x;
    sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
    sdx_outcome outcome;
    what = "add";
    options.now = now;
    options.undelete = true;
    store_set(a, i, version + 2);
    describe(&x, i, version + 1);
    status = d != NULL ? sdx_deposit_add(d, &x.item, &options, &outcome, &err)
                       : sdx_add(a->index, &x.item, &options, &outcome, &err);
    becomes = state_of(LIVE, false, version + 1);
  } else if (life_of(was) == LIVE && dice < 7) {
    what = "delete";
    if (dice < 5) store_set(a, i, 0);
    status = d != NULL ? sdx_deposit_delete(d, id_of(i, id), now, &err)
                       : sdx_delete(a->index, id_of(i, id), now, &err);
    becomes = state_of(DELETED, flagged_of(was), version);
  } else if (life_of(was) == LIVE && (d == NULL || !s->keyless)) {
    const sdx_change change = { flagged_of(was) ? SDX_REMOVE_FLAG : SDX_ADD_FLAG,
                                { "flagged", 7 } };
    what = "set";
    status = d != NULL ? sdx_deposit_set(d, id_of(i, id), &change, 1, now, &err)
                       : sdx_set(a->index, id_of(i, id), &change, 1, now, &err);
    becomes = state_of(LIVE, !flagged_of(was), version);
  } else if (life_of(was) == DELETED && dice < 8) {
    what = "restore";
    store_set(a, i, version + 1);
    status = d != NULL ? sdx_deposit_restore(d, id_of(i, id), now, &err)
                       : sdx_restore(a->index, id_of(i, id), now, &err);
    becomes = state_of(d != NULL ? WISHED : LIVE, flagged_of(was), version);
  }
  if (status != SDX_OK)
    fail(s, "%s of item %u%s: %s", what, i, d != NULL ? " by deposit" : "", err.message);
  end(t, becomes);
}

/* Items 0, 1 mod 4 are the writer's, 2 mod 4 the depositor's; the rest stay as they are. */
static void act_writer(actor *a) {
  sdx_error err = { 0 };
  while (!over(a->s)) {
    const unsigned i = draw(a, a->s->items / 4) * 4 + draw(a, 2);
    operate(a, NULL, i);
    atomic_fetch_add(&a->s->writes, 1);
    if (draw(a, 40) != 0) continue;
    const sdx_status status = sdx_maintain(a->index, draw(a, 8) == 0, clock_of(a->s), &err);
    if (status != SDX_OK && status != SDX_LOCKED) fail(a->s, "upkeep: %s", err.message);
  }
}

static void act_depositor(actor *a) {
  sdx_error err = { 0 };
  sdx_deposit *d = NULL;
  const sdx_secret mine = { SDX_SECRET_DEPOSIT, a->s->deposit_key, strlen(a->s->deposit_key) };
  while (!over(a->s)) {
    if (d == NULL && sdx_deposit_open(&d, a->s->dir, &mine, NULL, &err) != SDX_OK) {
      fail(a->s, "deposit: %s", err.message);
      break;
    }
    operate(a, d, draw(a, a->s->items / 4) * 4 + 2);
    atomic_fetch_add(&a->s->deposits, 1);
    if (draw(a, 30) == 0) sdx_deposit_close(d), d = NULL;
  }
  sdx_deposit_close(d);
}

static void act_sweeper(actor *a) {
  sdx_error err = { 0 };
  while (!over(a->s)) {
    sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
    sdx_sweep_report report = { 0 };
    options.now = clock_of(a->s);
    if (!a->s->keyless || draw(a, 3) == 0) options.secret = &secret;
    const sdx_status status = sdx_sweep(a->s->dir, &options, &report, &err);
    if (status != SDX_OK && status != SDX_LOCKED) fail(a->s, "sweep: %s", err.message);
    if (report.items_missing != 0 || report.restorable_lost != 0)
      fail(a->s, "sweep %s the key: took %llu living items and %llu that could be restored along",
           options.secret != NULL ? "with" : "without", (unsigned long long)report.items_missing,
           (unsigned long long)report.restorable_lost);
    if (status == SDX_OK) atomic_fetch_add(&a->s->sweeps, 1);
    atomic_fetch_add(&a->s->purged, (unsigned)report.items_purged);
    usleep(20000 + draw(a, 30000));
  }
}

/* ------------------------------------------------------------------ the reader */

typedef struct question {
  char words[40];
  int word;    /* the version says it; -1: any */
  bool not_it; /* or does not */
  bool flagged;
} question;

static void invent(actor *a, question *q) {
  *q = (question){ .word = -1 };
  const unsigned word = draw(a, WORDS);
  const char letter = (char)('a' + word);
  switch (draw(a, 5)) {
  case 0:
    strcpy(q->words, "lantern");
    break;
  case 1:
    snprintf(q->words, sizeof q->words, "word%c", letter);
    q->word = (int)word;
    break;
  case 2:
    snprintf(q->words, sizeof q->words, "\"lantern word%c\"", letter);
    q->word = (int)word;
    break;
  case 3:
    snprintf(q->words, sizeof q->words, "lantern -word%c", letter);
    q->word = (int)word;
    q->not_it = true;
    break;
  default:
    strcpy(q->words, "is:flagged");
    q->flagged = true;
  }
}

static bool answers(uint32_t state, const question *q) {
  if (life_of(state) != LIVE || (q->flagged && !flagged_of(state))) return false;
  return q->word < 0 || (version_of(state) % WORDS == (unsigned)q->word) != q->not_it;
}

/* What the owners say of all items; sequence odd: nothing that can be relied on. */
typedef struct picture {
  uint32_t sequence[ITEMS_MAX], state[ITEMS_MAX];
} picture;

static void take_picture(shared *s, picture *p) {
  for (unsigned i = 0; i < s->items; i++) {
    p->sequence[i] = atomic_load(&s->told[i].sequence);
    p->state[i] = atomic_load(&s->told[i].state);
  }
}

static bool is_still(shared *s, const picture *p, unsigned i) {
  return p->sequence[i] % 2 == 0 && life_of(p->state[i]) != WISHED &&
         atomic_load(&s->told[i].sequence) == p->sequence[i];
}

static void compare(actor *a, const question *q, const picture *p, sdx_results *results,
                    uint8_t *found) {
  shared *s = a->s;
  const size_t count = sdx_results_count(results);
  memset(found, 0, s->items);
  if (!sdx_results_complete(results))
    fail(s, "search for %s: %s", q->words, sdx_results_why(results, 0));
  if (!sdx_results_exact(results) || sdx_results_total(results) != count)
    fail(s, "search for %s: the total is %llu, the hits %zu", q->words,
         (unsigned long long)sdx_results_total(results), count);
  for (size_t i = 0; i < count; i++) {
    char id[24] = "";
    unsigned number = ITEMS_MAX;
    const sdx_hit *hit = sdx_results_hit(results, i);
    memcpy(id, hit->id.data, hit->id.size < 23 ? hit->id.size : 23);
    if (sscanf(id, "item/%u", &number) != 1 || number >= s->items)
      fail(s, "search: an id that nobody gave");
    else if (found[number]++ != 0)
      fail(s, "search for %s: item %u twice", q->words, number);
  }
  for (unsigned i = 0; i < s->items; i++)
    if (is_still(s, p, i) && (found[i] != 0) != answers(p->state[i], q))
      fail(s, "search for %s: item %u, version %u, life %u, is %sthere", q->words, i,
           version_of(p->state[i]), (unsigned)life_of(p->state[i]), found[i] ? "" : "not ");
}

static void search(actor *a, picture *p, uint8_t *found) {
  question q;
  sdx_error err = { 0 };
  sdx_results *results = NULL;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  invent(a, &q);
  options.limit = a->s->items;
  options.sort = draw(a, 2) == 0 ? SDX_BY_RELEVANCE : SDX_NEWEST_FIRST;
  take_picture(a->s, p);
  options.now = clock_of(a->s);
  if (sdx_search(a->index, (sdx_bytes){ q.words, strlen(q.words) }, &options, &results, &err) !=
      SDX_OK) {
    fail(a->s, "search for %s: %s", q.words, err.message);
    return;
  }
  compare(a, &q, p, results, found);
  sdx_results_free(results);
  atomic_fetch_add(&a->s->searches, 1);
}

static bool same_body(const sdx_item *item, unsigned number, unsigned version) {
  text t;
  describe(&t, number, version);
  return item->field_count == 1 && item->fields[0].text.size == t.field.text.size &&
         memcmp(item->fields[0].text.data, t.body, t.field.text.size) == 0;
}

static void show(actor *a, picture *p, unsigned i) {
  char id[24];
  sdx_error err = { 0 };
  sdx_found *found = NULL;
  p->sequence[i] = atomic_load(&a->s->told[i].sequence);
  p->state[i] = atomic_load(&a->s->told[i].state);
  const sdx_status status = sdx_show(a->index, id_of(i, id), clock_of(a->s), &found, &err);
  const bool still = is_still(a->s, p, i), live = life_of(p->state[i]) == LIVE;
  if (status != SDX_OK && status != SDX_NOT_FOUND)
    fail(a->s, "show item %u: %s", i, err.message);
  else if (still && live != (status == SDX_OK))
    fail(a->s, "show item %u: %s", i, live ? "it is lost" : "it came back");
  else if (still && live && !same_body(sdx_found_item(found), i, version_of(p->state[i])))
    fail(a->s, "show item %u: another text than version %u", i, version_of(p->state[i]));
  sdx_found_free(found);
  atomic_fetch_add(&a->s->shown, 1);
}

static void act_reader(actor *a) {
  picture *p = calloc(1, sizeof *p);
  uint8_t *found = calloc(1, ITEMS_MAX);
  while (p != NULL && found != NULL && !over(a->s)) {
    search(a, p, found);
    for (int i = 0; i < 4; i++) show(a, p, draw(a, a->s->items));
  }
  free(p);
  free(found);
}

/* ------------------------------------------------------------------ the stage */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static bool good(shared *s, const char *what, sdx_status status, const sdx_error *err) {
  if (status != SDX_OK) fail(s, "%s: %s", what, err->message);
  return status == SDX_OK;
}

/* Everything but the last eighth is there. */
static bool fill(actor *a, unsigned count) {
  shared *s = a->s;
  sdx_error err = { 0 };
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  sdx_batch_options batching = SDX_BATCH_OPTIONS_INIT;
  sdx_batch *batch = NULL;
  text t;
  options.now = batching.now = START - SDX_RETENTION_DEFAULT - SDX_DAY;
  if (!good(s, "init", sdx_init(s->dir, &secret, &options, &err), &err) ||
      !good(s, "open", sdx_open(&a->index, s->dir, &secret, NULL, &err), &err) ||
      !good(s, "batch", sdx_batch_begin(&batch, a->index, &batching, &err), &err))
    return false;
  for (unsigned i = 0; i < count; i++) {
    describe(&t, i, 0);
    atomic_store(&s->told[i].state, state_of(LIVE, false, 0));
    atomic_store(&s->told[i].stored, 1);
    if (!good(s, "batch", sdx_batch_add(batch, &t.item, NULL, &err), &err)) return false;
  }
  return good(s, "batch", sdx_batch_commit(batch, &err), &err);
}

/* Of the items that stay as they are, some were deleted at times that let them fall due during the
 * run; the store has them no more. */
/* Due times in steps of three hours: eight a day is what has trash keys of its own, and a sweep without the
 * key takes along only what fell due on the same day where there are more (docs/architecture.md). */
static int64_t due_in_steps(int64_t due) {
  return due - due % (3 * 3600);
}

static void furnish(actor *a) {
  shared *s = a->s;
  sdx_error err = { 0 };
  char id[24];
  const unsigned count = s->items - s->items / 8;
  if (!fill(a, count)) return;
  for (unsigned i = 3; i < count; i += 8) {
    const bool falls_due = i % 16 == 3;
    const int64_t due = falls_due ? due_in_steps(START + SPAN * i / s->items) : 0;
    const int64_t when = falls_due ? due - SDX_RETENTION_DEFAULT : START - SDX_DAY;
    s->told[i].due = due;
    atomic_store(&s->told[i].state, state_of(DELETED, false, 0));
    atomic_store(&s->told[i].stored, 0);
    if (!good(s, "delete", sdx_delete(a->index, id_of(i, id), when, &err), &err)) return;
  }
  if (good(s, "upkeep", sdx_maintain(a->index, true, START - SDX_DAY, &err), &err))
    (void)good(s, "deposit key", sdx_deposit_key(a->index, s->deposit_key, &err), &err);
}

static void close_handle(actor *a) {
  sdx_close(a->index);
  a->index = NULL;
}

/* Everything as the owners left it; then every deleted item comes back exactly, or not at all if it
 * was due. */
static void check_all(actor *a) {
  shared *s = a->s;
  sdx_error err = { 0 };
  uint64_t problems = 0;
  sdx_reindex_report report;
  picture *p = calloc(1, sizeof *p);
  char id[24];
  const int64_t now = START + SPAN;
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report swept;
  options.now = now;
  options.secret = &secret;
  if (sdx_maintain(a->index, true, now, &err) != SDX_OK) fail(s, "upkeep: %s", err.message);
  if (sdx_sweep(s->dir, &options, &swept, &err) != SDX_OK) fail(s, "sweep: %s", err.message);
  for (unsigned i = 0; i < s->items; i++) { /* wishes were carried out */
    const uint32_t state = atomic_load(&s->told[i].state);
    if (life_of(state) == WISHED)
      atomic_store(&s->told[i].state, state_of(LIVE, flagged_of(state), version_of(state)));
  }
  for (unsigned i = 0; i < s->items && p != NULL; i++) show(a, p, i);
  uint8_t *found = calloc(1, ITEMS_MAX);
  for (int i = 0; i < 20 && p != NULL && found != NULL; i++) search(a, p, found);
  if (sdx_verify(a->index, NULL, NULL, &problems, &err) != SDX_OK)
    fail(s, "verify: %s, %llu problems", err.message, (unsigned long long)problems);
  if (reindex(a, SDX_REINDEX_COMPARE, &report, &err) != SDX_OK) fail(s, "compare: %s", err.message);
  if (report.missing + report.stale + report.extra + report.duplicate != 0)
    fail(s, "compare: %llu missing, %llu stale, %llu extra", (unsigned long long)report.missing,
         (unsigned long long)report.stale, (unsigned long long)report.extra);
  for (unsigned i = 0; i < s->items && p != NULL; i++) {
    const uint32_t state = atomic_load(&s->told[i].state);
    if (life_of(state) != DELETED) continue;
    const sdx_status status = sdx_restore(a->index, id_of(i, id), now, &err);
    if (status != (s->told[i].due != 0 ? SDX_NOT_FOUND : SDX_OK))
      fail(s, "restore of item %u: %s", i, status == SDX_OK ? "it was purged" : err.message);
    if (status != SDX_OK) continue;
    atomic_store(&s->told[i].state, state_of(LIVE, flagged_of(state), version_of(state)));
    show(a, p, i);
  }
  for (int i = 0; i < 20 && p != NULL && found != NULL; i++) search(a, p, found);
  free(p);
  free(found);
}

/* ------------------------------------------------------------------ processes, threads */

typedef void (*role)(actor *a);
static const role roles[] = { act_writer, act_depositor, act_sweeper, act_reader };
enum { ROLES = sizeof roles / sizeof roles[0] };

static pid_t spawn(shared *s, role r, uint64_t random) {
  const pid_t child = fork();
  if (child != 0) return child;
  actor a = { .s = s, .random = random };
  sdx_error err = { 0 };
  if (sdx_open(&a.index, s->dir, &secret, NULL, &err) != SDX_OK)
    fail(s, "open: %s", err.message);
  else
    r(&a);
  sdx_close(a.index);
  _exit(0);
}

static void wait_for(shared *s, pid_t child, bool may_die) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || (!may_die && status != 0))
    fail(s, "a process died: status %d", status);
}

static void run_processes(actor *a) {
  shared *s = a->s;
  pid_t children[ROLES];
  double took = 0.3;
  for (unsigned i = 0; i < ROLES; i++) children[i] = spawn(s, roles[i], s->seed * 100 + i);
  for (unsigned round = 0; !over(s); round++) {
    const double begun = elapsed(s);
    const bool kill_it = draw(a, 3) == 0;
    const pid_t child = spawn(s, rebuild_once, s->seed * 1000 + round);
    if (kill_it) {
      usleep((useconds_t)(took * 1.2e6 * draw(a, 1000) / 1000));
      if (kill(child, SIGKILL) == 0) atomic_fetch_add(&s->killed, 1);
    }
    wait_for(s, child, kill_it);
    if (!kill_it) took = elapsed(s) - begun;
  }
  for (unsigned i = 0; i < ROLES; i++) wait_for(s, children[i], false);
}

typedef struct thread_body {
  actor actor;
  role role;
  pthread_t thread;
} thread_body;

static void *run_thread(void *context) {
  thread_body *b = context;
  b->role(&b->actor);
  return NULL;
}

static void run_threads(actor *a) {
  thread_body bodies[ROLES];
  for (unsigned i = 0; i < ROLES; i++) {
    bodies[i] = (thread_body){ { a->s, a->index, a->s->seed * 100 + i }, roles[i], 0 };
    if (pthread_create(&bodies[i].thread, NULL, run_thread, &bodies[i]) != 0) abort();
  }
  while (!over(a->s)) rebuild_once(a);
  for (unsigned i = 0; i < ROLES; i++) pthread_join(bodies[i].thread, NULL);
}

static unsigned run(shared *s, bool threads) {
  actor a = { .s = s, .random = s->seed };
  atomic_store(&s->stop, false);
  furnish(&a);
  if (!threads) close_handle(&a); /* nothing is open across a fork */
  clock_gettime(CLOCK_MONOTONIC, &s->begun);
  if (atomic_load(&s->failures) == 0) (threads ? run_threads : run_processes)(&a);
  sdx_error err = { 0 };
  if (a.index == NULL && sdx_open(&a.index, s->dir, &secret, NULL, &err) != SDX_OK)
    fail(s, "open: %s", err.message);
  if (atomic_load(&s->failures) == 0) check_all(&a);
  close_handle(&a);
  printf("%s: %u rebuilds (%u killed), %u writes, %u deposits, %u sweeps (%u purged), %u searches, "
         "%u shown: "
         "%u failures%s%s\n",
         threads ? "threads" : "processes", atomic_load(&s->rebuilds), atomic_load(&s->killed),
         atomic_load(&s->writes), atomic_load(&s->deposits), atomic_load(&s->sweeps),
         atomic_load(&s->purged), atomic_load(&s->searches), atomic_load(&s->shown),
         atomic_load(&s->failures), s->why[0] != 0 ? ": " : "", s->why);
  return atomic_load(&s->failures);
}

int main(int argc, char **argv) {
  bool threads = true, processes = true, flaw = false;
  double seconds = 2.5;
  unsigned items = 400, pace = 500;
  uint64_t seed = 1;
  for (int i = 1; i < argc; i++) {
    const bool more = i + 1 < argc;
    if (strcmp(argv[i], "--threads") == 0)
      processes = false;
    else if (strcmp(argv[i], "--processes") == 0)
      threads = false;
    else if (strcmp(argv[i], "--flaw") == 0)
      flaw = true;
    else if (more && strcmp(argv[i], "--seconds") == 0)
      seconds = atof(argv[++i]);
    else if (more && strcmp(argv[i], "--items") == 0)
      items = (unsigned)atoi(argv[++i]);
    else if (more && strcmp(argv[i], "--pace") == 0)
      pace = (unsigned)atoi(argv[++i]);
    else if (more && strcmp(argv[i], "--seed") == 0)
      seed = strtoull(argv[++i], NULL, 10);
    else
      return 2;
  }
  if (items > ITEMS_MAX || items < 64 || seconds <= 0) return 2;
  unsigned failures = 0;
  for (int way = 0; way < 2; way++) {
    if (way == 0 ? !processes : !threads) continue;
    shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char base[160];
    if (s == MAP_FAILED) return 6;
    snprintf(base, sizeof base, "%s/sealdex-alive.XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(base) == NULL) return 6;
    snprintf(s->dir, sizeof s->dir, "%s/index", base);
    s->items = items;
    s->pace = pace;
    s->seconds = seconds;
    s->seed = seed;
    s->flaw = flaw;
    s->keyless = ((uint64_t)way + seed) % 2 == 1;
    failures += run(s, way == 1);
    nftw(base, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    munmap(s, sizeof *s);
  }
  return failures != 0;
}
