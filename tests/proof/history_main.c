/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-history: gone means gone, by replaying the history of keys.
 *
 * A random life of items that each spell a word of their own in id, text, payload and attributes: added,
 * replaced, deleted, restored, changed, expiring, by the owner and by a depositor, with days on which the
 * owner is there and weeks on which he is not, changes of key, and sweeps, of which some are killed. Every
 * version of data.mdb is kept, as a backup would.
 *
 *   - After every sweep: no key that is left is that of a holder that ever held a purged version.
 *   - At the end every version of data.mdb is put beside the keyring as it stands then, and all that its keys
 *     open is looked through, row by row (opening.h): no word of a purged version is in it.
 *   - Ids that were purged before the id key was last replaced: no version of data.mdb says that they were
 *     there.
 *   - As a check of the check, versions are opened with the keyring of their own time.
 *   - In builds where calls can be made to fail, some sweeps are tried with a process that dies at every one
 *     of its calls of store and keyring, each time from the same state; then one sweep must finish it.
 *
 *   proof-history [--days N] [--operations N] [--seed N]
 */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/keyring.h"
#include "kept.h"
#include "opening.h"
#include "store/store.h"

#define RETENTION SDX_RETENTION_DEFAULT

enum { SLOTS = 120, SERIALS_MAX = 20000, HOLDERS_MAX = 40000, WORD = 11 };

typedef enum fate {
  FATE_LIVE,
  FATE_DEAD,   /* deleted or superseded: purged when `due` comes */
  FATE_PURGED,
  FATE_LOST    /* went along with something that was due */
} fate;

/* One version of one item, known by its serial. */
typedef struct version {
  unsigned id;  /* serial of the first version of its id */
  fate fate;
  bool unseen;  /* its death was deposited, and no sweep came since */
  int64_t due, expires, purged;
} version;

typedef struct holder {
  uint64_t id;
  uint32_t *serials; /* that it ever held */
  size_t count;
} holder;

typedef struct history {
  char base[160], dir[200], trial[200];
  sdx_index *index;
  sdx_deposit *deposit;
  char file[SDX_DEPOSIT_FILE_SIZE];
  int64_t now, away_until;
  version versions[SERIALS_MAX];
  unsigned serials;
  int current[SLOTS]; /* serial of the newest version under the slot's id, -1: none */
  kept *data, *keyrings;
  holder *holders;    /* by id: a hash table */
  unsigned operations, sweeps, killed, crash_points, missing;
  uint64_t random;
  char why[400];
} history;

static const uint8_t history_key[SDX_KEY_SIZE] = "the key of a history, 32 bytes..";
static const sdx_secret secret_of_history = { SDX_SECRET_KEY, history_key, sizeof history_key };

static uint64_t mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static unsigned draw(history *h, unsigned below) { return (unsigned)(mix(&h->random) % below); }

static int complain(history *h, const char *what, const sdx_error *err) {
  snprintf(h->why, sizeof h->why, "%s: %s", what, err != NULL ? err->message : "");
  return -1;
}

/* A word of letters alone that spells a serial and cannot be mistaken for another. */
static void canary(unsigned serial, char out[WORD + 1]) {
  memcpy(out, "qx", 2);
  for (int i = 0; i < 6; i++, serial /= 10) out[2 + i] = (char)('b' + serial % 10);
  memcpy(out + 8, "zkw", 4);
}

static sdx_bytes id_of(const history *h, unsigned serial, char out[WORD + 8]) {
  char word[WORD + 1];
  canary(h->versions[serial].id, word);
  return (sdx_bytes){ out, (size_t)snprintf(out, WORD + 8, "id-%s", word) };
}

static void path_of(char *out, size_t size, const char *dir, const char *name) {
  snprintf(out, size, "%s/%s", dir, name);
}

static int keep(history *h) {
  char data[300], keys[300];
  path_of(data, sizeof data, h->dir, "data.mdb");
  path_of(keys, sizeof keys, h->dir, "keyring");
  return kept_add(h->data, data) == 0 && kept_add(h->keyrings, keys) == 0
             ? 0
             : complain(h, "keeping a version", NULL);
}

/* ------------------------------------------------------------------ what happens to items */

static void dies(history *h, version *v, int64_t since, bool deposited) {
  v->unseen = deposited;
  v->due = since + RETENTION;
  v->fate = FATE_DEAD;
  (void)h;
}

static int put(history *h, bool deposited) {
  const unsigned slot = draw(h, SLOTS), serial = h->serials;
  const int before = h->current[slot];
  char id[WORD + 8], word[WORD + 1], body[80];
  if (serial == SERIALS_MAX) return 0;
  version *v = &h->versions[serial];
  const bool same_id = before >= 0 && h->versions[before].fate != FATE_PURGED && draw(h, 2) == 0;
  *v = (version){ .id = same_id ? h->versions[before].id : serial };
  canary(serial, word);
  snprintf(body, sizeof body, "common words around %s here", word);
  const sdx_field fields[2] = { { "body", { body, strlen(body) } }, { "subject", { word, WORD } } };
  const sdx_bytes label = { word, WORD };
  sdx_item item = SDX_ITEM_INIT;
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  sdx_outcome outcome;
  sdx_error err = { 0 };
  item.id = id_of(h, serial, id);
  item.date = h->now;
  item.fields = fields;
  item.field_count = 2;
  item.labels = item.folders = &label;
  item.label_count = item.folder_count = 1;
  item.payload = label;
  if (!deposited && draw(h, 12) == 0) item.expires = v->expires = h->now + draw(h, 20) * SDX_DAY + 1;
  options.now = h->now;
  const sdx_status status = deposited ? sdx_deposit_add(h->deposit, &item, &options, &outcome, &err)
                                      : sdx_add(h->index, &item, &options, &outcome, &err);
  if (status != SDX_OK) return complain(h, "add", &err);
  h->serials++;
  h->current[slot] = (int)serial;
  if (!same_id) return 0; /* what stood in the slot goes its own way */
  for (unsigned i = 0; i < serial; i++) {
    version *old = &h->versions[i];
    if (old->id == v->id && old->fate == FATE_LIVE) dies(h, old, h->now, deposited);
  }
  return 0;
}

static int delete_one(history *h, bool deposited) {
  const int serial = h->current[draw(h, SLOTS)];
  char id[WORD + 8];
  sdx_error err = { 0 };
  if (serial < 0 || h->versions[serial].fate != FATE_LIVE) return 0;
  version *v = &h->versions[serial];
  if (v->expires != 0 && v->expires <= h->now) return 0;
  const sdx_bytes name = id_of(h, (unsigned)serial, id);
  const sdx_status status = deposited ? sdx_deposit_delete(h->deposit, name, h->now, &err)
                                      : sdx_delete(h->index, name, h->now, &err);
  if (status == SDX_NOT_FOUND && h->missing > 0) v->fate = FATE_LOST;
  else if (status != SDX_OK) return complain(h, "delete", &err);
  else dies(h, v, h->now, deposited);
  return 0;
}

static int restore_one(history *h) {
  const int serial = h->current[draw(h, SLOTS)];
  char id[WORD + 8];
  sdx_error err = { 0 };
  if (serial < 0 || h->versions[serial].fate != FATE_DEAD) return 0;
  version *v = &h->versions[serial];
  const sdx_status status = sdx_restore(h->index, id_of(h, (unsigned)serial, id), h->now, &err);
  if (status == SDX_OK) *v = (version){ .id = v->id, .expires = v->expires > h->now ? v->expires : 0 };
  else if (status != SDX_NOT_FOUND) return complain(h, "restore", &err);
  else if (h->now < v->due && !v->unseen && h->missing == 0)
    return complain(h, "restore: it is not due", &err);
  return 0;
}

static int change_one(history *h, bool deposited) {
  const int serial = h->current[draw(h, SLOTS)];
  char id[WORD + 8], word[WORD + 1];
  sdx_error err = { 0 };
  if (serial < 0) return 0;
  canary((unsigned)serial, word);
  const sdx_change change = { SDX_ADD_LABEL, { word, draw(h, 2) == 0 ? WORD : WORD - 1 } };
  const sdx_bytes name = id_of(h, (unsigned)serial, id);
  const sdx_status status = deposited
                                ? sdx_deposit_set(h->deposit, name, &change, 1, h->now, &err)
                                : sdx_set(h->index, name, &change, 1, h->now, &err);
  return status == SDX_OK || status == SDX_NOT_FOUND ? 0 : complain(h, "set", &err);
}

static int act(history *h) {
  const bool away = h->now < h->away_until, deposited = away || draw(h, 5) == 0;
  const unsigned kind = draw(h, 12);
  h->operations++;
  if (kind < 6) return put(h, deposited);
  if (kind < 9) return delete_one(h, deposited);
  if (kind < 11) return change_one(h, deposited);
  return away ? 0 : restore_one(h);
}

/* ------------------------------------------------------------------ holders and what they hold */

static holder *find_holder(history *h, uint64_t id) {
  for (size_t i = id % HOLDERS_MAX;; i = (i + 1) % HOLDERS_MAX)
    if (h->holders[i].id == id || h->holders[i].id == 0) return &h->holders[i];
}

static unsigned read_serial(const char *text) {
  unsigned serial = 0;
  for (int i = 5; i >= 0; i--) serial = serial * 10 + (unsigned)(text[2 + i] - 'b');
  return serial;
}

static void each_serial(const history *h, const char *data, size_t size,
                        void (*each)(void *context, unsigned serial), void *context) {
  for (size_t at = 0; at + 10 <= size; at++) {
    if (data[at] != 'q' || data[at + 1] != 'x' || memcmp(data + at + 8, "zk", 2) != 0) continue;
    const unsigned serial = read_serial(data + at);
    if (serial < h->serials) each(context, serial);
  }
}

static void note_serial(void *context, unsigned serial) {
  holder *o = context;
  for (size_t i = o->count; i-- > 0;)
    if (o->serials[i] == serial) return;
  uint32_t *grown = realloc(o->serials, (o->count + 1) * sizeof *grown);
  if (grown == NULL) abort();
  o->serials = grown;
  o->serials[o->count++] = serial;
}

/* An id is that of its first version, and goes on with the others: it is looked at apart. */
static void note_text(void *context, uint64_t id, const char *data, size_t size) {
  history *h = context;
  if (size > 3 && memcmp(data, "id-", 3) == 0) return;
  holder *o = find_holder(h, id);
  o->id = id;
  each_serial(h, data, size, note_serial, o);
}

static int note_holders(history *h) {
  opening o = { .text = note_text, .context = h };
  sdx_error err = { 0 };
  return opening_all(&o, h->dir, &secret_of_history, &err) == SDX_OK ? 0
                                                                    : complain(h, "opening", &err);
}

static void check_key(void *context, int kind, uint64_t id) {
  history *h = context;
  const holder *o = find_holder(h, id);
  for (size_t i = 0; o->id == id && i < o->count; i++)
    if (h->versions[o->serials[i]].fate == FATE_PURGED && h->why[0] == '\0')
      snprintf(h->why, sizeof h->why,
               "day %ld: the key of holder %016llx (kind %d), which held version %u, purged on day %ld, is "
               "left",
               (long)(h->now / SDX_DAY), (unsigned long long)id, kind, o->serials[i],
               (long)(h->versions[o->serials[i]].purged / SDX_DAY));
}

static int check_keys(history *h, const char *dir) {
  sdx_error err = { 0 };
  if (opening_keys(dir, check_key, h, &err) != SDX_OK) return complain(h, "keyring", &err);
  return h->why[0] == '\0' ? 0 : -1;
}

/* ------------------------------------------------------------------ sweeps */

static void pass_time(history *h) {
  for (unsigned i = 0; i < h->serials; i++) {
    version *v = &h->versions[i];
    if (v->fate == FATE_LIVE && v->expires != 0 && v->expires <= h->now) dies(h, v, v->expires, false);
    if (v->fate == FATE_DEAD && v->unseen) { /* it counts from the first sweep that saw it */
      v->unseen = false;
      if (v->due < h->now + RETENTION) v->due = h->now + RETENTION;
    } else if (v->fate == FATE_DEAD && v->due <= h->now) {
      v->fate = FATE_PURGED;
      v->purged = h->now;
    }
  }
}

static sdx_status sweep_dir(const char *dir, bool keyed, int64_t now, sdx_sweep_report *report,
                            sdx_error *err) {
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  options.now = now;
  options.secret = keyed ? &secret_of_history : NULL;
  return sdx_sweep(dir, &options, report, err);
}

/* A sweep that is killed somewhere; what it leaves is kept, too. */
static int sweep_killed(history *h, bool keyed) {
  const struct timespec pause = { .tv_nsec = 300000 + draw(h, 12000) * 1000L };
  const pid_t child = fork();
  if (child == 0) {
    (void)!sweep_dir(h->dir, keyed, h->now, NULL, NULL);
    _exit(0);
  }
  nanosleep(&pause, NULL);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  h->killed++;
  if (!keyed) h->missing++; /* perhaps: nobody heard what it counted */
  return keep(h);
}

#ifdef SEALDEX_FAULTS
static long calls_left;
static int die_at_call(void) {
  if (--calls_left < 0) _exit(9);
  return 0;
}
static int die_at_keyring_call(const keyring_call *call) {
  (void)call;
  return die_at_call();
}

static int lay_out_last(history *h) {
  char path[300];
  path_of(path, sizeof path, h->trial, "lock.mdb");
  unlink(path);
  path_of(path, sizeof path, h->trial, "keyring.new");
  unlink(path);
  path_of(path, sizeof path, h->trial, "data.mdb");
  int result = kept_lay_out(h->data, kept_count(h->data) - 1, path);
  path_of(path, sizeof path, h->trial, "keyring");
  if (result == 0) result = kept_lay_out(h->keyrings, kept_count(h->keyrings) - 1, path);
  return result == 0 ? 0 : complain(h, "laying out a version", NULL);
}

/* From the state before the sweep: dead at each of its calls; one more sweep must do. */
static int every_crash_point(history *h, bool keyed) {
  sdx_error err = { 0 };
  for (long at = 0;; at++) {
    int status = 0;
    if (lay_out_last(h) != 0) return -1;
    const pid_t child = fork();
    if (child == 0) {
      calls_left = at;
      store_fault = die_at_call;
      keyring_fault = die_at_keyring_call;
      (void)!sweep_dir(h->trial, keyed, h->now, NULL, NULL);
      _exit(0);
    }
    waitpid(child, &status, 0);
    if (sweep_dir(h->trial, false, h->now, NULL, &err) != SDX_OK)
      return complain(h, "sweep after a crash", &err);
    if (check_keys(h, h->trial) != 0) return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    h->crash_points++;
  }
}
#else
static int every_crash_point(history *h, bool keyed) {
  (void)h, (void)keyed;
  return 0;
}
#endif

static int sweep(history *h, bool keyed, bool crash) {
  sdx_sweep_report report = { 0 };
  sdx_error err = { 0 };
  if (note_holders(h) != 0 || keep(h) != 0) return -1;
  if (draw(h, 4) == 0 && sweep_killed(h, keyed) != 0) return -1;
  pass_time(h);
  if (crash && every_crash_point(h, keyed) != 0) return -1;
  if (sweep_dir(h->dir, keyed, h->now, &report, &err) != SDX_OK) return complain(h, "sweep", &err);
  h->missing += (unsigned)(report.items_missing + report.restorable_lost);
  h->sweeps++;
  return keep(h) == 0 ? check_keys(h, h->dir) : -1;
}

/* ------------------------------------------------------------------ days */

static int export_deposit_key(history *h) {
  sdx_error err = { 0 };
  const sdx_secret file = { SDX_SECRET_DEPOSIT, h->file, sizeof h->file };
  sdx_deposit_close(h->deposit);
  h->deposit = NULL;
  if (sdx_deposit_key(h->index, h->file, &err) != SDX_OK ||
      sdx_deposit_open(&h->deposit, h->dir, &file, NULL, &err) != SDX_OK)
    return complain(h, "deposit key", &err);
  return 0;
}

static int care_for_index(history *h, unsigned day) {
  sdx_error err = { 0 };
  if (draw(h, 4) == 0 && sdx_maintain(h->index, draw(h, 3) == 0, h->now, &err) != SDX_OK)
    return complain(h, "maintain", &err);
  if (day % 50 == 30 && sdx_rekey(h->index, NULL, NULL, false, h->now, &err) != SDX_OK)
    return complain(h, "rekey", &err);
  if (day % 130 == 90) {
    if (sdx_rekey(h->index, NULL, NULL, true, h->now, &err) != SDX_OK)
      return complain(h, "rekey deep", &err);
    return export_deposit_key(h);
  }
  return 0;
}

static int live_a_day(history *h, unsigned day, unsigned operations) {
  const bool away = h->now < h->away_until;
  for (unsigned i = 0; i < operations; i++) {
    h->now += SDX_DAY / (operations + 1);
    if (act(h) != 0 || keep(h) != 0) return -1;
  }
  h->now = (h->now / SDX_DAY + 1) * SDX_DAY;
  if (!away && care_for_index(h, day) != 0) return -1;
  if (!away && draw(h, 30) == 0) h->away_until = h->now + (10 + draw(h, 55)) * SDX_DAY;
  return sweep(h, !away && draw(h, 2) == 0, day % 60 == 50);
}

/* ------------------------------------------------------------------ the replay */

typedef struct found {
  const history *h;
  uint64_t purged, living;
} found;

static void count_serial(void *context, unsigned serial) {
  found *f = context;
  if (f->h->versions[serial].fate == FATE_PURGED) f->purged++;
  else f->living++;
}

static void count_text(void *context, uint64_t id, const char *data, size_t size) {
  found *f = context;
  (void)id;
  if (size > 3 && memcmp(data, "id-", 3) == 0) return;
  each_serial(f->h, data, size, count_serial, f);
}

static int lay_out(history *h, size_t data, size_t keys) {
  char path[300];
  path_of(path, sizeof path, h->trial, "lock.mdb");
  unlink(path);
  path_of(path, sizeof path, h->trial, "data.mdb");
  int result = kept_lay_out(h->data, data, path);
  path_of(path, sizeof path, h->trial, "keyring");
  if (result == 0) result = kept_lay_out(h->keyrings, keys, path);
  return result == 0 ? 0 : complain(h, "laying out a version", NULL);
}

static int replay(history *h, size_t data, size_t keys, found *f) {
  opening o = { .text = count_text, .context = f };
  sdx_error err = { 0 };
  if (lay_out(h, data, keys) != 0) return -1;
  const sdx_status status = opening_all(&o, h->trial, &secret_of_history, &err);
  /* A version from the midst of a killed sweep may lack what its own keyring names. */
  return status == SDX_OK || status == SDX_DAMAGED ? 0 : complain(h, "opening a version", &err);
}

/* Ids of which every version was purged by then. */
static size_t old_ids(const history *h, int64_t then, sdx_bytes *ids, char (*texts)[WORD + 8]) {
  size_t count = 0;
  for (unsigned i = 0; i < h->serials; i++) {
    bool gone = h->versions[i].id == i;
    for (unsigned k = i; k < h->serials && gone; k++) {
      const version *v = &h->versions[k];
      if (v->id == i) gone = v->fate == FATE_PURGED && v->purged < then;
    }
    if (gone) ids[count] = id_of(h, i, texts[count]), count++;
  }
  return count;
}

static int replay_all(history *h) {
  const size_t count = kept_count(h->data), last = count - 1, step = count / 100 + 1;
  static char texts[SERIALS_MAX][WORD + 8];
  static sdx_bytes ids[SERIALS_MAX];
  int64_t since = 0;
  sdx_error err = { 0 };
  if (opening_ids_since(h->dir, &since, &err) != SDX_OK) return complain(h, "looking at the store", &err);
  const size_t id_count = old_ids(h, since, ids, texts);
  found with_old = { .h = h }, with_new = { .h = h };
  uint64_t confirmed = 0;
  for (size_t i = 0; i < count; i++) {
    if (i % step == 0 && replay(h, i, i, &with_old) != 0) return -1;
    if (replay(h, i, last, &with_new) != 0) return -1;
    if (opening_ids(h->trial, &secret_of_history, ids, id_count, &confirmed, &err) != SDX_OK)
      return complain(h, "looking for ids", &err);
    if (with_new.purged != 0 || confirmed != 0) {
      snprintf(h->why, sizeof h->why, "version %zu of data.mdb gives %llu purged words, %llu purged ids",
               i, (unsigned long long)with_new.purged, (unsigned long long)confirmed);
      return -1;
    }
  }
  unsigned purged = 0;
  for (unsigned i = 0; i < h->serials; i++) purged += h->versions[i].fate == FATE_PURGED;
  printf("%u operations, %u item versions, %u of them purged, %u sweeps, %u killed, %u crash points of "
         "sweeps; %zu versions of data.mdb, %llu MiB of distinct pages\n",
         h->operations, h->serials, purged, h->sweeps, h->killed, h->crash_points, count,
         (unsigned long long)kept_bytes(h->data) >> 20);
  printf("purged words opened with keyrings of their time (every %zuth version) %llu, with the last "
         "keyring 0 in every version; living words with the last keyring %llu; of %zu ids purged before "
         "the id key was replaced, %ld days ago, 0 confirmed\n",
         step, (unsigned long long)with_old.purged, (unsigned long long)with_new.living, id_count,
         (long)((h->now - since) / SDX_DAY));
  if (with_old.purged > 0 && with_new.living > 0) return 0;
  snprintf(h->why, sizeof h->why, "the check itself saw nothing");
  return -1;
}

/* ------------------------------------------------------------------ the program */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static int begin(history *h) {
  char path[300];
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  sdx_error err = { 0 };
  snprintf(h->base, sizeof h->base, "%s/sealdex-history-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  snprintf(h->dir, sizeof h->dir, "%s/index", h->base);
  snprintf(h->trial, sizeof h->trial, "%s/trial", h->base);
  mkdir(h->base, 0700);
  mkdir(h->trial, 0700);
  path_of(path, sizeof path, h->base, "data.pages");
  h->data = kept_new(path);
  path_of(path, sizeof path, h->base, "keyring.pages");
  h->keyrings = kept_new(path);
  h->holders = calloc(HOLDERS_MAX, sizeof *h->holders);
  memset(h->current, -1, sizeof h->current);
  options.now = h->now;
  if (sdx_init(h->dir, &secret_of_history, &options, &err) != SDX_OK ||
      sdx_open(&h->index, h->dir, &secret_of_history, NULL, &err) != SDX_OK)
    return complain(h, "beginning", &err);
  return export_deposit_key(h);
}

int main(int argc, char **argv) {
  unsigned days = 120, operations = 1200;
  static history h;
  h.random = 1;
  h.now = 1700006400; /* midnight */
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--days") == 0) days = (unsigned)strtoul(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--operations") == 0) operations = (unsigned)strtoul(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--seed") == 0) h.random = strtoull(argv[i + 1], NULL, 10);
  }
  int result = begin(&h);
  for (unsigned day = 0; result == 0 && day < days; day++)
    result = live_a_day(&h, day, operations / days);
  sdx_deposit_close(h.deposit);
  sdx_close(h.index);
  if (result == 0) result = replay_all(&h);
  if (result != 0) printf("failed: %s\n", h.why);
  kept_free(h.data);
  kept_free(h.keyrings);
  nftw(h.base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return result == 0 ? 0 : 1;
}
