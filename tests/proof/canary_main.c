/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-canary: two items that nobody else resembles, one added by the owner and one by a
 * depositor, are deleted and purged.
 *
 *   - From the deletion on, no search, facet, suggestion, correction or export knows them.
 *   - After the purge: with every user key and every deposit file that was ever issued, beside the
 * keyring as it stands then, and as it stands after a sweep was killed at each of its writes and
 * another finished it, nothing of them opens from any version of data.mdb.
 *   - As a check of the check: with the keys and the keyring of its time, each opens.
 */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "kept.h"
#include "opening.h"
#include "sealdex.h"

#define START INT64_C(1700000000)

enum { COMMON = 40, SECRETS_MAX = 8, KEYRINGS_MAX = 400 };

/* Each stands for a thing of its own: words, an address, a folder, a label, a payload, ids. */
static const char *const marks[] = { "xylocanth", "wrenquist",   "zq.xylo",   "xylofolder",
                                     "xylolabel", "xylopayload", "xyloident", "xylothread" };
#define MARKS (sizeof marks / sizeof *marks)

typedef struct cage {
  char base[200], dir[220], trial[220], ring[240];
  sdx_index *index;
  sdx_deposit *deposit;
  int64_t now;
  kept *versions;
  char rings[KEYRINGS_MAX][16]; /* file names of keyrings, by version */
  sdx_secret secrets[SECRETS_MAX];
  uint8_t keys[SECRETS_MAX][128];
  size_t secret_count;
  int failed;
} cage;

static void must(sdx_status status, const sdx_error *err, const char *what) {
  if (status == SDX_OK) return;
  fprintf(stderr, "%s: status %d: %s\n", what, status, err->message);
  exit(1);
}

static void complain(cage *c, const char *what, const char *which) {
  printf("FAILED: %s: %s\n", what, which);
  c->failed++;
}

static sdx_bytes bytes(const char *text) {
  return (sdx_bytes){ text, strlen(text) };
}

static bool has(sdx_bytes text, const char *part) {
  return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static const sdx_secret *issue(cage *c, sdx_secret_kind kind, const void *from, size_t size) {
  const size_t i = c->secret_count++;
  memcpy(c->keys[i], from, size);
  c->secrets[i] = (sdx_secret){ kind, c->keys[i], size };
  return &c->secrets[i];
}

/* ------------------------------------------------------------------ files */

static void copy_file(const char *from_dir, const char *from, const char *to_dir, const char *to) {
  char command[1200];
  snprintf(command, sizeof command, "cp --sparse=always '%s/%s' '%s/%s'", from_dir, from, to_dir,
           to);
  if (system(command) != 0) exit(6);
}

/* Keeps data.mdb and the keyring as they stand. */
static void keep(cage *c) {
  char path[260];
  const size_t n = kept_count(c->versions);
  snprintf(path, sizeof path, "%s/data.mdb", c->dir);
  if (n == KEYRINGS_MAX || kept_add(c->versions, path) != 0) exit(6);
  snprintf(c->rings[n], sizeof c->rings[n], "k%zu", n);
  copy_file(c->dir, "keyring", c->ring, c->rings[n]);
}

static void open_index(cage *c, const sdx_secret *secret) {
  sdx_error err = { 0 };
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  options.now = c->now;
  sdx_close(c->index);
  c->index = NULL;
  must(sdx_open(&c->index, c->dir, secret, &options, &err), &err, "open");
}

/* ------------------------------------------------------------------ items */

static void add_common(cage *c, unsigned number) {
  char id[24], body[80];
  sdx_error err = { 0 };
  snprintf(body, sizeof body, "common words of every day, and number %u", number);
  const sdx_field fields[2] = { { "subject", bytes("about nothing") }, { "body", bytes(body) } };
  sdx_item item = SDX_ITEM_INIT;
  item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "common/%u", number) };
  item.date = c->now - number;
  item.fields = fields;
  item.field_count = 2;
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  options.now = c->now;
  must(sdx_add(c->index, &item, &options, NULL, &err), &err, "add");
}

static const char *const ids[2] = { "xyloident/1", "xyloident/2" };

static void add_canary(cage *c, int which) {
  const sdx_field fields[4] = {
    { "subject", bytes("xylocanth seen") },
    { "body", bytes("the xylocanth met wrenquist by the sea, common words aside") },
    { "from", bytes("Xylo <zq.xylo@wrenquist.example>") },
    { "message-id", bytes("xylothread@wrenquist.example") }
  };
  const sdx_bytes folder = bytes("xylofolder"), label = bytes("xylolabel"), flag = bytes("flagged");
  sdx_error err = { 0 };
  sdx_item item = SDX_ITEM_INIT;
  item.id = bytes(ids[which]);
  item.date = c->now;
  item.fields = fields;
  item.field_count = 4;
  item.folders = &folder;
  item.labels = &label;
  item.flags = &flag;
  item.folder_count = item.label_count = item.flag_count = 1;
  item.thread = bytes("xylothread");
  item.payload = bytes("xylopayload of the item");
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  options.now = c->now;
  if (which == 0)
    must(sdx_add(c->index, &item, &options, NULL, &err), &err, "add");
  else
    must(sdx_deposit_add(c->deposit, &item, &options, NULL, &err), &err, "deposit");
}

/* ------------------------------------------------------------------ what the calls know */

static uint64_t hits(const cage *c, const char *query) {
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  sdx_results *results = NULL;
  sdx_error err = { 0 };
  size_t count;
  options.now = c->now;
  options.want = SDX_WANT_ALL;
  options.facets = true;
  must(sdx_search(c->index, bytes(query), &options, &results, &err), &err, query);
  uint64_t n = sdx_results_count(results);
  const sdx_bytes correction = sdx_results_suggestion(results);
  if (has(correction, "xylo") || has(correction, "wrenq")) n += 1000;
  static const char *const facets[] = { "kind", "folder", "from", "month" };
  for (size_t f = 0; f < 4; f++) {
    const sdx_facet_value *values = sdx_results_facet(results, facets[f], &count);
    for (size_t i = 0; i < count; i++)
      if (memmem(values[i].value.data, values[i].value.size, "xylo", 4) != NULL) n += 1000000;
  }
  sdx_results_free(results);
  return n;
}

static size_t suggestions(const cage *c, const char *typed) {
  sdx_suggest_options options = SDX_SUGGEST_OPTIONS_INIT;
  sdx_suggestions *s = NULL;
  sdx_error err = { 0 };
  options.now = c->now;
  must(sdx_suggest(c->index, bytes(typed), &options, &s, &err), &err, typed);
  const size_t n = sdx_suggestions_count(s);
  sdx_suggestions_free(s);
  return n;
}

static sdx_status look_at_item(void *context, const sdx_item *item) {
  size_t *found = context;
  *found += memmem(item->id.data, item->id.size, "xylo", 4) != NULL;
  for (size_t i = 0; i < item->field_count; i++)
    *found += memmem(item->fields[i].text.data, item->fields[i].text.size, "xylo", 4) != NULL;
  return SDX_OK;
}

/* Asks in every way; `there`: that they are known is what is wanted. */
static void ask(cage *c, bool there, const char *when) {
  static const char *const queries[] = { "xylocanth",         "wrenquist",
                                         "\"xylocanth met\"", "xylo*",
                                         "*locanth",          "from:zq.xylo@wrenquist.example",
                                         "in:xylofolder",     "label:xylolabel",
                                         "subject:xylocanth", "xylocanht~" };
  static const char *const typed[] = { "xyloc", "wrenq", "from:zq", "in:xylo", "label:xylo" };
  /* What is one letter off finds nothing; a correction would name what it comes near. */
  static const char *const mistyped[] = { "xylocanht", "wrenqiust" };
  for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
    if ((hits(c, queries[i]) > 0) != there) complain(c, when, queries[i]);
  for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
    if ((suggestions(c, typed[i]) > 0) != there) complain(c, when, typed[i]);
  for (size_t i = 0; i < sizeof mistyped / sizeof *mistyped; i++)
    if ((hits(c, mistyped[i]) > 0) != there) complain(c, when, mistyped[i]);
  if (hits(c, "common") > 1000000 && !there) complain(c, when, "facets");
  size_t exported = 0;
  sdx_error err = { 0 };
  must(sdx_export(c->index, c->now, look_at_item, &exported, &err), &err, "export");
  if ((exported > 0) != there) complain(c, when, "export");
  for (int i = 0; i < 2; i++) {
    sdx_found *found = NULL;
    if ((sdx_show(c->index, bytes(ids[i]), c->now, &found, NULL) == SDX_OK) != there)
      complain(c, when, "show");
    sdx_found_free(found);
  }
}

/* ------------------------------------------------------------------ what keys open */

static void look_at_text(void *context, uint64_t holder, const char *data, size_t size) {
  uint64_t *found = context;
  (void)holder;
  for (size_t i = 0; i < MARKS; i++)
    if (size > 0 && memmem(data, size, marks[i], strlen(marks[i])) != NULL) found[i]++;
}

static void open_version(cage *c, size_t version, const char *ring_dir, const char *ring,
                         uint64_t found[MARKS], uint64_t *items) {
  char path[260];
  snprintf(path, sizeof path, "%s/data.mdb", c->trial);
  if (kept_lay_out(c->versions, version, path) != 0) exit(6);
  copy_file(ring_dir, ring, c->trial, "keyring");
  for (size_t s = 0; s < c->secret_count; s++) {
    opening o = { .text = look_at_text, .context = found };
    sdx_error err = { 0 };
    snprintf(path, sizeof path, "%s/lock.mdb", c->trial);
    unlink(path);
    (void)!opening_all(&o, c->trial, &c->secrets[s],
                       &err); /* not every secret opens every keyring */
    if (c->secrets[s].kind == SDX_SECRET_DEPOSIT && o.items > 0)
      complain(c, "a deposit file opens something", "");
    *items += o.items;
  }
}

static void replay(cage *c, const char *ring_dir, const char *ring, const char *when) {
  uint64_t found[MARKS] = { 0 }, items = 0;
  for (size_t v = 0; v < kept_count(c->versions); v++)
    open_version(c, v, ring_dir, ring, found, &items);
  for (size_t i = 0; i < MARKS; i++)
    if (found[i] > 0) complain(c, when, marks[i]);
  if (items == 0) complain(c, when, "nothing opens at all");
}

static void check_the_check(cage *c) {
  uint64_t found[MARKS] = { 0 }, items = 0;
  for (size_t v = 0; v < kept_count(c->versions); v++)
    open_version(c, v, c->ring, c->rings[v], found, &items);
  for (size_t i = 0; i < MARKS; i++)
    if (found[i] == 0 && strcmp(marks[i], "xylothread") != 0)
      complain(c, "never seen at all", marks[i]);
}

/* ------------------------------------------------------------------ the sweep that is killed */

static void sweep(const char *dir, int64_t now, const sdx_secret *secret) {
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report report;
  sdx_error err = { 0 };
  options.now = now;
  options.force = true;
  options.secret = secret;
  must(sdx_sweep(dir, &options, &report, &err), &err, "sweep");
}

/* From the same state, each time a little further; then a sweep without the key finishes it. The
 * keyring that is left is kept. Returns how many there were. */
static unsigned kill_sweeps(cage *c, const sdx_secret *secret) {
  unsigned n = 0;
  for (bool killed = true; killed; n++) {
    char copy[240], name[24];
    snprintf(copy, sizeof copy, "%s/copy", c->base);
    mkdir(copy, 0700);
    copy_file(c->dir, "data.mdb", copy, "data.mdb");
    copy_file(c->dir, "keyring", copy, "keyring");
    const pid_t child = fork();
    if (child == 0) {
      fault_arm(FAULT_KILL, (long)n);
      sweep(copy, c->now, n % 2 == 0 ? secret : NULL);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    killed = WIFSIGNALED(status);
    if (!killed && status != 0) complain(c, "a sweep failed", "");
    sweep(copy, c->now, NULL);
    snprintf(name, sizeof name, "crash%u", n);
    copy_file(copy, "keyring", c->ring, name);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", copy);
    if (system(command) != 0) exit(6);
  }
  return n;
}

/* ------------------------------------------------------------------ the life */

static void delete_both(cage *c) {
  sdx_error err = { 0 };
  must(sdx_delete(c->index, bytes(ids[0]), c->now, &err), &err, "delete");
  must(sdx_deposit_delete(c->deposit, bytes(ids[1]), c->now, &err), &err, "deposited deletion");
  keep(c);
}

static void take_deposit_key(cage *c) {
  char file[SDX_DEPOSIT_FILE_SIZE];
  sdx_error err = { 0 };
  must(sdx_deposit_key(c->index, file, &err), &err, "deposit key");
  sdx_deposit_close(c->deposit);
  c->deposit = NULL;
  must(sdx_deposit_open(&c->deposit, c->dir, issue(c, SDX_SECRET_DEPOSIT, file, sizeof file), NULL,
                        &err),
       &err, "deposit handle");
}

static void maintain(cage *c, bool all) {
  sdx_error err = { 0 };
  must(sdx_maintain(c->index, all, c->now, &err), &err, "maintain");
  keep(c);
}

static const sdx_secret *live(cage *c) {
  sdx_error err = { 0 };
  const sdx_secret *first = issue(c, SDX_SECRET_KEY, "the first key of the canary's cage", 32);
  sdx_init_options init = SDX_INIT_OPTIONS_INIT;
  init.now = c->now;
  must(sdx_init(c->dir, first, &init, &err), &err, "init");
  open_index(c, first);
  take_deposit_key(c);
  for (unsigned i = 0; i < COMMON; i++) add_common(c, i);
  keep(c);
  add_canary(c, 0);
  add_canary(c, 1);
  keep(c);
  ask(c, true, "in the journal");
  maintain(c, false);
  ask(c, true, "in a segment");
  delete_both(c);
  ask(c, false, "deleted");
  must(sdx_restore(c->index, bytes(ids[0]), c->now, &err), &err, "restore");
  must(sdx_restore(c->index, bytes(ids[1]), c->now, &err), &err, "restore");
  ask(c, true, "restored");
  keep(c);
  /* Another key beside the first, which goes again; then a new root under a second key. */
  const sdx_secret *other = issue(c, SDX_SECRET_KEY, "another key, for a while: 32 byte", 32);
  must(sdx_slot_add(c->index, other, NULL, &err), &err, "slot");
  keep(c);
  must(sdx_slot_remove(c->index, other, &err), &err, "slot");
  const sdx_secret *second = issue(c, SDX_SECRET_KEY, "the second key of the canary's cage", 32);
  must(sdx_rekey(c->index, first, second, false, c->now, &err), &err, "rekey");
  open_index(c, second);
  keep(c);
  c->now += 3 * SDX_DAY;
  delete_both(c);
  for (unsigned i = 0; i < COMMON; i++) add_common(c, i + COMMON / 2);
  maintain(c, true); /* to the trash */
  ask(c, false, "in the trash");
  const sdx_secret *third = issue(c, SDX_SECRET_KEY, "the third key of the canary's cage.", 32);
  must(sdx_rekey(c->index, second, third, true, c->now, &err), &err, "deep rekey");
  open_index(c, third);
  take_deposit_key(c);
  keep(c);
  for (int day = 0; day < 44; day += 11) {
    c->now += 11 * SDX_DAY;
    sweep(c->dir, c->now, day % 22 == 0 ? third : NULL);
    open_index(c, third);
    add_common(c, 3 * COMMON + (unsigned)day);
    keep(c);
  }
  return third;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static void begin(cage *c) {
  char path[260];
  snprintf(c->base, sizeof c->base, "%s/sealdex-canary-XXXXXX",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
  if (mkdtemp(c->base) == NULL) exit(6);
  snprintf(c->dir, sizeof c->dir, "%s/index", c->base);
  snprintf(c->trial, sizeof c->trial, "%s/trial", c->base);
  snprintf(c->ring, sizeof c->ring, "%s/rings", c->base);
  mkdir(c->trial, 0700);
  mkdir(c->ring, 0700);
  snprintf(path, sizeof path, "%s/pages", c->base);
  c->versions = kept_new(path);
  c->now = START;
}

int main(void) {
  static cage c;
  sdx_error err = { 0 };
  begin(&c);
  const sdx_secret *secret = live(&c);
  ask(&c, false, "the day before");
  c.now += 2 * SDX_DAY;
  const unsigned crashes = kill_sweeps(&c, secret);
  sweep(c.dir, c.now, NULL);
  open_index(&c, secret);
  keep(&c);
  ask(&c, false, "purged");
  for (int i = 0; i < 2; i++)
    if (sdx_restore(c.index, bytes(ids[i]), c.now, &err) != SDX_NOT_FOUND)
      complain(&c, "it comes back", ids[i]);
  check_the_check(&c);
  replay(&c, c.dir, "keyring", "with the keyring that is left");
  for (unsigned i = 0; i < crashes; i++) {
    char name[24];
    snprintf(name, sizeof name, "crash%u", i);
    replay(&c, c.ring, name, "with the keyring after a crash");
  }
  printf("%zu versions of data.mdb, %zu keys and deposit files, keyrings after %u crashes: %d "
         "failed\n",
         kept_count(c.versions), c.secret_count, crashes, c.failed);
  sdx_deposit_close(c.deposit);
  sdx_close(c.index);
  kept_free(c.versions);
  nftw(c.base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return c.failed == 0 ? 0 : 1;
}
