/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-deadline: many accounts, active and idle, through some months of nightly sweeps without a
 * key.
 *
 * Some users are there every day, some every week, some every 25 days, and some leave for good
 * after a while; mail is deposited for those who are away, and deleted. Some nights the sweep has
 * the key.
 *
 *   - Nothing that fell due is openable after the sweep of that night: deleted, superseded and
 * expired versions alike; so nothing is openable 45 days and one sweep interval after its end.
 *   - Nothing younger is lost: every deleted item can be restored, exactly, and every living one is
 * shown, but for what the report of a sweep without the key counts, to the item.
 *   - Where the user was there within 30 days of every deletion, that is at most one in a hundred
 * of the living.
 *
 *   proof-deadline [--accounts N] [--days N] [--seed N]
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opening.h"

#define RETENTION SDX_RETENTION_DEFAULT
#define START INT64_C(1700006400) /* midnight */

enum { VERSIONS_MAX = 400, WORD = 11, KINDS = 4 };

typedef enum fate { FATE_LIVE, FATE_DEAD, FATE_PURGED, FATE_LOST } fate;

typedef struct version {
  unsigned id; /* number of the first version of its id */
  fate fate;
  bool superseded, unseen; /* unseen: its end was deposited, and no sweep came since */
  int64_t expires, not_before, due;
} version;

typedef struct account {
  unsigned number, kind;
  char dir[200];
  version versions[VERSIONS_MAX];
  unsigned count;
  char file[SDX_DEPOSIT_FILE_SIZE];
} account;

typedef struct sums {
  uint64_t purged, missing, lost, living, restored; /* living: at the end; restored: on trial */
} sums;

typedef struct town {
  char base[160], trial[200];
  uint64_t random;
  int64_t now;
  uint64_t sweeps, keyed, looks;
  sums of[KINDS];
  char why[600];
} town;

static const char *const kind_names[KINDS] = { "there every day", "every week", "every 25 days",
                                               "left for good" };
static const uint8_t town_key[SDX_KEY_SIZE] = "the key of a town, thirty-two b.";
static const sdx_secret secret_of_town = { SDX_SECRET_KEY, town_key, sizeof town_key };

static uint64_t mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static unsigned draw(town *t, unsigned below) {
  return (unsigned)(mix(&t->random) % below);
}

static int complain(town *t, const account *a, const char *what, const sdx_error *err) {
  snprintf(t->why, sizeof t->why, "account %u (%s), day %ld: %s: %s", a->number,
           kind_names[a->kind], (long)((t->now - START) / SDX_DAY), what,
           err != NULL ? err->message : "");
  return -1;
}

/* A word that spells the number of a version. */
static void spell(unsigned number, char out[WORD + 1]) {
  memcpy(out, "qx", 2);
  for (int i = 0; i < 6; i++, number /= 10) out[2 + i] = (char)('b' + number % 10);
  memcpy(out + 8, "zkw", 4);
}

static unsigned read_number(const char *text) {
  unsigned number = 0;
  for (int i = 5; i >= 0; i--) number = number * 10 + (unsigned)(text[2 + i] - 'b');
  return number;
}

static sdx_bytes id_of(const account *a, unsigned number, char out[24]) {
  return (sdx_bytes){ out, (size_t)snprintf(out, 24, "mail/%u", a->versions[number].id) };
}

/* ------------------------------------------------------------------ what users and depositors do
 */

typedef struct hands { /* one of both */
  sdx_index *index;
  sdx_deposit *deposit;
} hands;

static void ends(version *v, int64_t since, bool deposited, bool superseded) {
  v->fate = FATE_DEAD;
  v->unseen = deposited;
  v->superseded = superseded;
  v->not_before = v->due = since + RETENTION;
}

static sdx_status put(town *t, const account *a, unsigned number, const hands *h, sdx_error *err) {
  const version *v = &a->versions[number];
  char id[24], word[WORD + 1], body[80];
  spell(number, word);
  snprintf(body, sizeof body, "words that others have, and %s", word);
  const sdx_field field = { "body", { body, strlen(body) } };
  sdx_item item = SDX_ITEM_INIT;
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  options.now = t->now;
  item.id = id_of(a, number, id);
  item.date = START;
  item.fields = &field;
  item.field_count = 1;
  item.expires = v->expires;
  return h->index != NULL ? sdx_add(h->index, &item, &options, NULL, err)
                          : sdx_deposit_add(h->deposit, &item, &options, NULL, err);
}

/* The newest version of some id that has this fate; `count`: none. */
static unsigned pick(town *t, const account *a, fate wanted) {
  const unsigned from = a->count > 0 ? draw(t, a->count) : 0;
  for (unsigned i = 0; i < a->count; i++) {
    const unsigned n = (from + i) % a->count;
    if (a->versions[n].fate == wanted && !a->versions[n].superseded) return n;
  }
  return a->count;
}

static int add(town *t, account *a, const hands *h) {
  sdx_error err = { 0 };
  const unsigned number = a->count, old = draw(t, 4) == 0 ? pick(t, a, FATE_LIVE) : number;
  if (number == VERSIONS_MAX) return 0;
  a->versions[number] = (version){ .id = old < number ? a->versions[old].id : number };
  if (h->index != NULL && draw(t, 6) == 0)
    a->versions[number].expires = t->now + (1 + draw(t, 30)) * SDX_DAY;
  if (put(t, a, number, h, &err) != SDX_OK) return complain(t, a, "add", &err);
  a->count++;
  if (old < number) ends(&a->versions[old], t->now, h->index == NULL, true);
  return 0;
}

static int end_one(town *t, account *a, const hands *h) {
  sdx_error err = { 0 };
  char id[24];
  const unsigned n = pick(t, a, FATE_LIVE);
  if (n == a->count) return 0;
  const sdx_bytes name = id_of(a, n, id);
  const sdx_status status = h->index != NULL ? sdx_delete(h->index, name, t->now, &err)
                                             : sdx_deposit_delete(h->deposit, name, t->now, &err);
  if (status != SDX_OK) return complain(t, a, "delete", &err);
  ends(&a->versions[n], t->now, h->index == NULL, false);
  return 0;
}

static int restore_one(town *t, account *a, const hands *h) {
  sdx_error err = { 0 };
  char id[24];
  const unsigned n = pick(t, a, FATE_DEAD);
  if (n == a->count || a->versions[n].due <= t->now) return 0;
  if (sdx_restore(h->index, id_of(a, n, id), t->now, &err) != SDX_OK)
    return complain(t, a, "restore", &err);
  version *v = &a->versions[n];
  *v = (version){ .id = v->id, .expires = v->expires > t->now ? v->expires : 0 };
  return 0;
}

/* What a sweep without the key took along comes back from the user's mail. */
static int mend(town *t, account *a, const hands *h) {
  sdx_error err = { 0 };
  for (unsigned i = 0; i < a->count; i++) {
    if (a->versions[i].fate != FATE_LOST) continue;
    if (put(t, a, i, h, &err) != SDX_OK) return complain(t, a, "adding what was lost", &err);
    a->versions[i].fate = FATE_LIVE;
  }
  return 0;
}

static void pass_time(town *t, account *a, bool swept) {
  for (unsigned i = 0; i < a->count; i++) {
    version *v = &a->versions[i];
    if (v->fate == FATE_LIVE && v->expires != 0 && v->expires <= t->now)
      ends(v, v->expires, false, false);
    if (!swept || v->fate != FATE_DEAD) continue;
    if (v->unseen && v->due < t->now + RETENTION) v->due = t->now + RETENTION;
    v->unseen = false;
  }
}

static int come(town *t, account *a) {
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  sdx_error err = { 0 };
  hands h = { 0 };
  options.now = t->now;
  pass_time(t, a, false);
  if (sdx_open(&h.index, a->dir, &secret_of_town, &options, &err) != SDX_OK)
    return complain(t, a, "open", &err);
  int result = mend(t, a, &h);
  for (unsigned i = draw(t, 3); i > 0 && result == 0; i--) result = add(t, a, &h);
  if (result == 0 && draw(t, 2) == 0) result = end_one(t, a, &h);
  if (result == 0 && draw(t, 6) == 0) result = restore_one(t, a, &h);
  if (result == 0 && sdx_maintain(h.index, false, t->now, &err) != SDX_OK)
    result = complain(t, a, "upkeep", &err);
  sdx_close(h.index);
  return result;
}

static int deliver(town *t, account *a) {
  const sdx_secret file = { SDX_SECRET_DEPOSIT, a->file, sizeof a->file };
  sdx_error err = { 0 };
  hands h = { 0 };
  pass_time(t, a, false);
  if (sdx_deposit_open(&h.deposit, a->dir, &file, NULL, &err) != SDX_OK)
    return complain(t, a, "deposit", &err);
  int result = add(t, a, &h);
  bool lost = false; /* of what is lost a depositor knows nothing */
  for (unsigned i = 0; i < a->count; i++) lost |= a->versions[i].fate == FATE_LOST;
  if (result == 0 && !lost && draw(t, 6) == 0) result = end_one(t, a, &h);
  sdx_deposit_close(h.deposit);
  return result;
}

/* ------------------------------------------------------------------ what is left */

typedef struct seen {
  const account *a;
  bool version[VERSIONS_MAX];
} seen;

static void see(void *context, uint64_t holder, const char *data, size_t size) {
  seen *s = context;
  (void)holder;
  for (size_t at = 0; at + WORD <= size; at++)
    if (data[at] == 'q' && memcmp(data + at + 8, "zkw", 3) == 0 && data[at + 1] == 'x') {
      const unsigned number = read_number(data + at);
      if (number < s->a->count) s->version[number] = true;
    }
}

static int look_for_purged(town *t, account *a) {
  seen s = { .a = a };
  opening o = { .text = see, .context = &s };
  sdx_error err = { 0 };
  if (opening_all(&o, a->dir, &secret_of_town, &err) != SDX_OK)
    return complain(t, a, "opening", &err);
  for (unsigned i = 0; i < a->count; i++)
    if (a->versions[i].fate == FATE_PURGED && s.version[i]) {
      const version *v = &a->versions[i];
      snprintf(err.message, sizeof err.message, "version %u of %u, due on day %ld, expires %ld%s",
               i, v->id, (long)((v->due - START) / SDX_DAY), (long)(v->expires / SDX_DAY),
               v->superseded ? ", superseded" : "");
      return complain(t, a, "a purged version is openable", &err);
    }
  t->looks++;
  return 0;
}

static bool shows(sdx_index *index, const account *a, unsigned number, int64_t now) {
  char id[24], word[WORD + 1];
  sdx_found *found = NULL;
  spell(number, word);
  if (sdx_show(index, id_of(a, number, id), now, &found, NULL) != SDX_OK) return false;
  const sdx_item *item = sdx_found_item(found);
  bool same = false;
  for (size_t i = 0; i < item->field_count; i++)
    same |= memmem(item->fields[i].text.data, item->fields[i].text.size, word, WORD) != NULL;
  sdx_found_free(found);
  return same;
}

static int copy_account(town *t, const account *a) {
  char command[1200];
  snprintf(command, sizeof command,
           "rm -rf '%s' && mkdir '%s' && cp --sparse=always '%s/data.mdb' '%s/keyring' '%s'",
           t->trial, t->trial, a->dir, a->dir, t->trial);
  return system(command) == 0 ? 0 : complain(t, a, "copying", NULL);
}

/* In a copy: whether all that lives is shown, and all that is young can be restored. Counts what is
 * not. */
static int look_for_young(town *t, account *a, uint64_t *missing, uint64_t *lost) {
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  char id[24];
  options.now = t->now;
  if (copy_account(t, a) != 0) return -1;
  if (sdx_open(&index, t->trial, &secret_of_town, &options, &err) != SDX_OK)
    return complain(t, a, "opening a copy", &err);
  for (unsigned i = 0; i < a->count; i++) {
    version *v = &a->versions[i];
    if (v->fate == FATE_LIVE && !shows(index, a, i, t->now)) {
      v->fate = FATE_LOST;
      ++*missing;
    }
    bool again = false; /* its id came again since */
    for (unsigned k = i + 1; k < a->count; k++) again |= a->versions[k].id == v->id;
    if (v->fate != FATE_DEAD || v->superseded || again || v->not_before <= t->now) continue;
    if (sdx_restore(index, id_of(a, i, id), t->now, NULL) == SDX_OK && shows(index, a, i, t->now)) {
      t->of[a->kind].restored++;
      continue;
    }
    v->fate = FATE_PURGED;
    ++*lost;
  }
  sdx_close(index);
  return 0;
}

/* ------------------------------------------------------------------ nights */

static int sweep(town *t, account *a, bool keyed) {
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report report = { 0 };
  sdx_error err = { 0 };
  uint64_t missing = 0, lost = 0, purged = 0;
  options.now = t->now;
  options.secret = keyed ? &secret_of_town : NULL;
  if (sdx_sweep(a->dir, &options, &report, &err) != SDX_OK) return complain(t, a, "sweep", &err);
  if (report.clock_refused) return complain(t, a, "the clock was refused", NULL);
  t->sweeps++;
  t->keyed += keyed;
  pass_time(t, a, true);
  for (unsigned i = 0; i < a->count; i++) {
    version *v = &a->versions[i];
    if (v->fate != FATE_DEAD || v->due > t->now) continue;
    v->fate = FATE_PURGED;
    purged++;
  }
  t->of[a->kind].purged += purged;
  if (purged == 0 && report.keys_destroyed == 0) return 0;
  if (look_for_purged(t, a) != 0 || look_for_young(t, a, &missing, &lost) != 0) return -1;
  t->of[a->kind].missing += missing;
  t->of[a->kind].lost += lost;
  if (keyed && missing + lost > 0)
    return complain(t, a, "a sweep with the key lost something", NULL);
  if (missing != report.items_missing || lost != report.restorable_lost) {
    snprintf(err.message, sizeof err.message,
             "missing %llu, reported %llu; young lost %llu, reported %llu",
             (unsigned long long)missing, (unsigned long long)report.items_missing,
             (unsigned long long)lost, (unsigned long long)report.restorable_lost);
    return complain(t, a, "a sweep counted wrongly", &err);
  }
  return 0;
}

static bool is_there(const account *a, unsigned day) {
  static const unsigned every[KINDS] = { 1, 7, 25, 1 };
  return a->kind == 3 ? day < 12 : (day + a->number) % every[a->kind] == 0;
}

static int begin(town *t, account *a) {
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  options.now = t->now;
  snprintf(a->dir, sizeof a->dir, "%s/index", t->base);
  if (sdx_init(a->dir, &secret_of_town, &options, &err) != SDX_OK ||
      sdx_open(&index, a->dir, &secret_of_town, NULL, &err) != SDX_OK ||
      sdx_deposit_key(index, a->file, &err) != SDX_OK)
    return complain(t, a, "beginning", &err);
  sdx_close(index);
  return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

/* Accounts know nothing of each other, so one lives after another. */
static int live(town *t, unsigned number, unsigned days) {
  account *a = calloc(1, sizeof *a);
  if (a == NULL) return -1;
  t->now = START;
  a->number = number;
  a->kind = number % KINDS;
  int result = begin(t, a);
  for (unsigned day = 0; day < days && result == 0; day++) {
    const bool there = is_there(a, day);
    t->now = START + day * SDX_DAY + 3600 + draw(t, 70000);
    if (there)
      result = come(t, a);
    else if (draw(t, 5) == 0)
      result = deliver(t, a);
    t->now = START + (day + 1) * SDX_DAY;
    if (result == 0) result = sweep(t, a, there && draw(t, 3) == 0);
  }
  for (unsigned i = 0; i < a->count; i++) t->of[a->kind].living += a->versions[i].fate == FATE_LIVE;
  nftw(a->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  free(a);
  return result;
}

static int tell(town *t, unsigned accounts, unsigned days) {
  sums timely = { 0 };
  printf("%u accounts, %u days, %llu sweeps, %llu of them with the key, %llu looks after a purge\n",
         accounts, days, (unsigned long long)t->sweeps, (unsigned long long)t->keyed,
         (unsigned long long)t->looks);
  for (int k = 0; k < KINDS; k++) {
    const sums *s = &t->of[k];
    printf("%-16s purged %llu, none openable; restored on trial %llu, young lost %llu; living lost "
           "%llu of "
           "%llu\n",
           kind_names[k], (unsigned long long)s->purged, (unsigned long long)s->restored,
           (unsigned long long)s->lost, (unsigned long long)s->missing,
           (unsigned long long)s->living);
    if (k == 3) continue;
    timely.missing += s->missing;
    timely.living += s->living;
  }
  if (timely.missing * 100 > timely.living) {
    snprintf(t->why, sizeof t->why,
             "more than one in a hundred was lost where the user was there in time");
    return -1;
  }
  if (t->of[0].purged > 0 && t->of[3].purged > 0 && t->of[0].restored > 0) return 0;
  snprintf(t->why, sizeof t->why, "the check itself saw nothing");
  return -1;
}

int main(int argc, char **argv) {
  static town t = { .random = 1 };
  unsigned accounts = 24, days = 100;
  for (int i = 1; i + 1 < argc; i += 2) {
    const unsigned number = (unsigned)strtoul(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--accounts") == 0) accounts = number;
    if (strcmp(argv[i], "--days") == 0) days = number;
    if (strcmp(argv[i], "--seed") == 0) t.random = number;
  }
  snprintf(t.base, sizeof t.base, "%s/sealdex-deadline-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  snprintf(t.trial, sizeof t.trial, "%s/trial", t.base);
  mkdir(t.base, 0700);
  int result = 0;
  for (unsigned i = 0; i < accounts && result == 0; i++) result = live(&t, i, days);
  if (result == 0) result = tell(&t, accounts, days);
  if (result != 0) printf("FAILED: %s\n", t.why);
  nftw(t.base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return result == 0 ? 0 : 1;
}
