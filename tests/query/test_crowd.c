/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everybody at once, through the public calls: readers of all kinds, a writer, a depositor,
 * maintenance and sweeps that purge, in threads that share handles and in processes. Ten items are
 * never touched: whoever searches for them finds them, all and whole, at any time.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sealdex.h"

#define START INT64_C(1700000000)
#define DUE (START + SDX_RETENTION_DEFAULT + SDX_DAY)
#define ANCHORS 10
#define WRITES 160
#define IDS 24 /* that are written, replaced, deleted and restored */

static const sdx_secret key = { SDX_SECRET_KEY, "the key of a crowd: 32 bytes....", 32 };

typedef struct crowd {
  char dir[200], path[216];
  sdx_index *index, *other; /* two handles of one index */
  char deposit[SDX_DEPOSIT_FILE_SIZE];
  atomic_bool done;
} crowd;

/* cmocka's assertions jump, which threads must not: what fails is noted. */
static _Atomic(const char *) failure;
static void check(bool good, const char *what) {
  if (!good) atomic_store(&failure, what);
}

static sdx_bytes name(char out[24], const char *kind, unsigned number) {
  return (sdx_bytes){ out, (size_t)snprintf(out, 24, "%s/%u", kind, number) };
}

static sdx_item describe(char id[24], const char *kind, unsigned number, const sdx_field *fields) {
  sdx_item item = SDX_ITEM_INIT;
  item.id = name(id, kind, number);
  item.date = START - (int64_t)number;
  item.fields = fields;
  item.field_count = 2;
  return item;
}

/* ------------------------------------------------------------------ roles */

static void search_anchors(sdx_index *index) {
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  sdx_results *results = NULL;
  options.limit = 50;
  options.want = SDX_WANT_ALL;
  options.facets = true;
  options.now = START;
  const sdx_status status =
      sdx_search(index, (sdx_bytes){ "anchor holds", 12 }, &options, &results, NULL);
  check(status == SDX_OK, "search failed");
  if (status != SDX_OK) return;
  check(sdx_results_complete(results), "search was partial");
  check(sdx_results_count(results) == ANCHORS && sdx_results_total(results) == ANCHORS,
        "anchors are missing");
  for (size_t i = 0; i < sdx_results_count(results); i++)
    check(strstr(sdx_results_hit(results, i)->snippet.data, "<b>") != NULL,
          "a snippet without a match");
  sdx_results_free(results);
}

static void search_others(sdx_index *index, unsigned n) {
  static const char *const queries[] = {
    "zebra",      "\"zebra quartz\"",    "zeb*",   "zebra -quartz", "subject:about",
    "is:flagged", "zebra NEAR/3 quartz", "quarts~"
  };
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  sdx_results *results = NULL;
  options.want = SDX_WANT_ALL;
  options.sort = (sdx_sort)(n % 4);
  options.collapse_threads = n % 3 == 0;
  options.now = START;
  const char *text = queries[n % 8];
  check(sdx_search(index, (sdx_bytes){ text, strlen(text) }, &options, &results, NULL) == SDX_OK,
        "search failed");
  check(results == NULL || sdx_results_complete(results), "search was partial");
  sdx_results_free(results);
}

static sdx_status count_item(void *context, const sdx_item *item) {
  unsigned *anchors = context;
  *anchors += item->id.size > 6 && memcmp(item->id.data, "anchor", 6) == 0;
  return SDX_OK;
}

static void read_once(sdx_index *index, unsigned n) {
  char id[24], *snippet = NULL;
  sdx_found *found = NULL;
  sdx_state state;
  unsigned anchors = 0;
  search_anchors(index);
  search_others(index, n);
  check(sdx_show(index, name(id, "anchor", n % ANCHORS), START, &found, NULL) == SDX_OK,
        "show failed");
  sdx_found_free(found);
  if (n % 4 == 0) {
    check(sdx_snippet(index, name(id, "anchor", n % ANCHORS), (sdx_bytes){ "holds", 5 },
                      (sdx_bytes){ NULL, 0 }, &snippet, NULL) == SDX_OK,
          "snippet failed");
    sdx_text_free(snippet);
    check(sdx_status_of(index, START, &state, NULL) == SDX_OK && state.missing == 0,
          "status failed");
  }
  if (n % 16 == 0)
    check(sdx_export(index, START, count_item, &anchors, NULL) == SDX_OK && anchors == ANCHORS,
          "export failed");
  if (n % 16 == 8) check(sdx_idle(index, NULL) == SDX_OK, "idle failed");
}

static void write_once(sdx_index *index, unsigned n) {
  const char *text = n % 2 == 0 ? "zebra quartz" : "zebra velvet";
  const sdx_field fields[2] = { { "subject", { "about it", 8 } },
                                { "body", { text, strlen(text) } } };
  const sdx_change change = { SDX_ADD_FLAG, { "flagged", 7 } };
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  char id[24];
  options.now = START;
  const unsigned number = (n * 7) % IDS;
  const sdx_item item = describe(id, "item", number, fields);
  sdx_status status = SDX_OK;
  if (n % 5 == 3)
    status = sdx_delete(index, item.id, START, NULL);
  else if (n % 11 == 4)
    status = sdx_restore(index, item.id, START, NULL);
  else if (n % 4 == 1)
    status = sdx_set(index, item.id, &change, 1, START, NULL);
  else
    check(sdx_add(index, &item, &options, NULL, NULL) == SDX_OK, "add failed");
  check(status == SDX_OK || status == SDX_NOT_FOUND, "a change failed");
}

static void write_batch(sdx_index *index, unsigned n) {
  const sdx_field fields[2] = { { "subject", { "about it", 8 } },
                                { "body", { "zebra in bulk", 13 } } };
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  sdx_batch *batch = NULL;
  options.now = START;
  check(sdx_batch_begin(&batch, index, &options, NULL) == SDX_OK, "batch failed");
  for (unsigned i = 0; i < 70 && batch != NULL; i++) {
    char id[24];
    const sdx_item item = describe(id, "bulk", (n + i) % 90, fields);
    check(sdx_batch_add(batch, &item, NULL, NULL) == SDX_OK, "batch add failed");
  }
  if (n % 3 == 0)
    sdx_batch_abort(batch);
  else
    check(sdx_batch_commit(batch, NULL) == SDX_OK, "batch commit failed");
}

static void deposit_once(sdx_deposit *deposit, unsigned n) {
  const sdx_field fields[2] = { { "subject", { "about mail", 10 } },
                                { "body", { "zebra delivered", 15 } } };
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  char id[24];
  options.now = START;
  const sdx_item item = describe(id, "mail", n % 20, fields);
  if (n % 4 == 3) {
    const sdx_status status = sdx_deposit_delete(deposit, item.id, START, NULL);
    check(status == SDX_OK || status == SDX_NOT_FOUND, "a deposited deletion failed");
  } else {
    check(sdx_deposit_add(deposit, &item, &options, NULL, NULL) == SDX_OK, "deposit failed");
  }
}

/* With the key, and a clock by which what was deleted is due: nothing that lives may go. */
static void sweep_once(const char *path) {
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report report = { 0 };
  options.now = DUE;
  options.force = true;
  options.secret = &key;
  const sdx_status status = sdx_sweep(path, &options, &report, NULL);
  check(status == SDX_OK || status == SDX_LOCKED, "sweep failed");
  check(report.items_missing == 0, "a sweep with the key lost something living");
}

static void maintain_once(sdx_index *index, unsigned n) {
  const sdx_status status = sdx_maintain(index, n % 4 == 0, START, NULL);
  check(status == SDX_OK || status == SDX_LOCKED, "maintenance failed");
}

/* ------------------------------------------------------------------ threads */

static void *reader(void *context) {
  crowd *c = context;
  for (unsigned n = 0; !atomic_load(&c->done); n++) read_once(n % 2 == 0 ? c->index : c->other, n);
  return NULL;
}

static void *writer(void *context) {
  crowd *c = context;
  for (unsigned n = 0; n < WRITES; n++) {
    write_once(c->index, n);
    if (n % 40 == 20) write_batch(c->other, n);
  }
  return NULL;
}

static void *depositor(void *context) {
  crowd *c = context;
  const sdx_secret secret = { SDX_SECRET_DEPOSIT, c->deposit, sizeof c->deposit };
  sdx_deposit *deposit = NULL;
  check(sdx_deposit_open(&deposit, c->path, &secret, NULL, NULL) == SDX_OK, "deposit handle failed");
  for (unsigned n = 0; n < WRITES / 2 && deposit != NULL; n++) deposit_once(deposit, n);
  sdx_deposit_close(deposit);
  return NULL;
}

static void *keeper(void *context) {
  crowd *c = context;
  for (unsigned n = 0; !atomic_load(&c->done); n++) maintain_once(c->other, n);
  return NULL;
}

static void *sweeper(void *context) {
  crowd *c = context;
  while (!atomic_load(&c->done)) {
    sweep_once(c->path);
    usleep(3000);
  }
  return NULL;
}

static void test_threads(void **state) {
  crowd *c = *state;
  pthread_t writing, depositing, others[4];
  atomic_store(&failure, NULL);
  atomic_store(&c->done, false);
  pthread_create(&others[0], NULL, reader, c);
  pthread_create(&others[1], NULL, reader, c);
  pthread_create(&others[2], NULL, keeper, c);
  pthread_create(&others[3], NULL, sweeper, c);
  pthread_create(&writing, NULL, writer, c);
  pthread_create(&depositing, NULL, depositor, c);
  pthread_join(writing, NULL);
  pthread_join(depositing, NULL);
  atomic_store(&c->done, true);
  for (int i = 0; i < 4; i++) pthread_join(others[i], NULL);
  if (atomic_load(&failure) != NULL) fail_msg("%s", atomic_load(&failure));
}

/* ------------------------------------------------------------------ processes */

enum { ROLE_WRITER, ROLE_DEPOSITOR, ROLE_KEEPER, ROLE_SWEEPER, ROLE_READER, ROLES };

static int play(const crowd *c, int role) {
  crowd own = { .done = false };
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  options.now = START;
  memcpy(own.path, c->path, sizeof own.path);
  memcpy(own.deposit, c->deposit, sizeof own.deposit);
  atomic_store(&failure, NULL);
  check(sdx_open(&own.index, own.path, &key, &options, NULL) == SDX_OK, "open failed");
  own.other = own.index;
  if (own.index == NULL) return 1;
  if (role == ROLE_WRITER) writer(&own);
  if (role == ROLE_DEPOSITOR) depositor(&own);
  for (unsigned n = 0; role >= ROLE_KEEPER && n < 25; n++) {
    if (role == ROLE_KEEPER) maintain_once(own.index, n);
    if (role == ROLE_SWEEPER) sweep_once(own.path);
    if (role == ROLE_READER) read_once(own.index, n);
  }
  sdx_close(own.index);
  if (atomic_load(&failure) != NULL) fprintf(stderr, "role %d: %s\n", role, atomic_load(&failure));
  return atomic_load(&failure) != NULL;
}

static void test_processes(void **state) {
  crowd *c = *state;
  pid_t children[ROLES];
  for (int role = 0; role < ROLES; role++) {
    children[role] = fork();
    assert_true(children[role] >= 0);
    if (children[role] == 0) _exit(play(c, role));
  }
  atomic_store(&failure, NULL);
  for (int role = 0; role < ROLES; role++) {
    int status = -1;
    for (unsigned n = 0; waitpid(children[role], &status, WNOHANG) == 0; n++)
      read_once(c->index, n);
    assert_int_equal(status, 0);
  }
  if (atomic_load(&failure) != NULL) fail_msg("%s", atomic_load(&failure));
}

/* ------------------------------------------------------------------ */

static void tell(void *context, const char *line) {
  (void)context;
  print_message("%s\n", line);
}

static int begin(void **state) {
  static crowd c;
  sdx_init_options init = SDX_INIT_OPTIONS_INIT;
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  const char *base = getenv("TMPDIR");
  memset(&c, 0, sizeof c);
  snprintf(c.dir, sizeof c.dir, "%s/sealdex-crowd-XXXXXX", base != NULL ? base : "/tmp");
  if (mkdtemp(c.dir) == NULL) return -1;
  snprintf(c.path, sizeof c.path, "%s/index", c.dir);
  init.now = options.now = START;
  if (sdx_init(c.path, &key, &init, NULL) != SDX_OK ||
      sdx_open(&c.index, c.path, &key, &options, NULL) != SDX_OK ||
      sdx_open(&c.other, c.path, &key, &options, NULL) != SDX_OK ||
      sdx_deposit_key(c.index, c.deposit, NULL) != SDX_OK)
    return -1;
  for (unsigned i = 0; i < ANCHORS; i++) {
    const sdx_field fields[2] = { { "subject", { "about anchors", 13 } },
                                  { "body", { "the anchor holds", 16 } } };
    sdx_write_options write = SDX_WRITE_OPTIONS_INIT;
    char id[24];
    write.now = START;
    const sdx_item item = describe(id, "anchor", i, fields);
    if (sdx_add(c.index, &item, &write, NULL, NULL) != SDX_OK) return -1;
  }
  *state = &c;
  return 0;
}

static int end(void **state) {
  crowd *c = *state;
  uint64_t problems = 0;
  const sdx_status status = sdx_verify(c->index, tell, NULL, &problems, NULL);
  char command[240];
  sdx_close(c->index);
  sdx_close(c->other);
  snprintf(command, sizeof command, "rm -rf '%s'", c->dir);
  return system(command) == 0 && status == SDX_OK && problems == 0 ? 0 : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_threads, begin, end),
    cmocka_unit_test_setup_teardown(test_processes, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
