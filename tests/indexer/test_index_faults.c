/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every call of the store, and every write and sync of the keyring, fails once in a short life of an
 * index. What was acknowledged holds, whatever failed; nothing is left half done once the next call
 * succeeds.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/keyring.h"
#include "scene.h"

#ifndef SEALDEX_FAULTS

int main(void) {
  printf("skipped: faults are for builds with SEALDEX_FAULTS\n");
  return 0;
}

#else

static long countdown; /* calls until one fails; below 0: none does any more */

static int fail_store(void) {
  return countdown >= 0 && countdown-- == 0 ? ENOSPC : 0;
}

static int fail_keyring(const keyring_call *call) {
  (void)call;
  return countdown >= 0 && countdown-- == 0 ? EIO : 0;
}

typedef enum known { UNSURE, HERE, GONE } known;

typedef struct story {
  scene *s;
  known items[200];
} story;

static sdx_bytes id_of(unsigned number, char out[24]) {
  return (sdx_bytes){ out, (size_t)snprintf(out, 24, "item/%u", number) };
}

static sdx_item describe(unsigned number, char id[24], const sdx_field *field, int64_t now) {
  sdx_item item = SDX_ITEM_INIT;
  item.id = id_of(number, id);
  item.date = now - number;
  item.fields = field;
  item.field_count = 1;
  return item;
}

static const sdx_field body = { "body", { "zebra quartz", 12 } };

static void add(story *t, unsigned number) {
  char id[24];
  const sdx_item item = describe(number, id, &body, t->s->now);
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  sdx_error err = { 0 };
  options.now = t->s->now;
  t->items[number] = sdx_add(t->s->index, &item, &options, NULL, &err) == SDX_OK ? HERE : UNSURE;
}

static void drop(story *t, unsigned number) {
  char id[24];
  const known before = t->items[number];
  const sdx_status status = sdx_delete(t->s->index, id_of(number, id), t->s->now, NULL);
  if (status == SDX_OK) t->items[number] = GONE;
  else if (status != SDX_NOT_FOUND || before != GONE) t->items[number] = UNSURE;
}

static void bring_back(story *t, unsigned number) {
  char id[24];
  const sdx_status status = sdx_restore(t->s->index, id_of(number, id), t->s->now, NULL);
  t->items[number] = status == SDX_OK ? HERE : UNSURE;
}

static void add_many(story *t, unsigned first, unsigned count) {
  sdx_batch *b = NULL;
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  options.now = t->s->now;
  options.memory = 1;
  sdx_status status = sdx_batch_begin(&b, t->s->index, &options, NULL);
  for (unsigned i = first; i < first + count && status == SDX_OK; i++) {
    char id[24];
    const sdx_item item = describe(i, id, &body, t->s->now);
    status = sdx_batch_add(b, &item, NULL, NULL);
    if (status != SDX_OK) sdx_batch_abort(b);
  }
  if (status == SDX_OK) status = sdx_batch_commit(b, NULL);
  for (unsigned i = first; i < first + count; i++) t->items[i] = status == SDX_OK ? HERE : UNSURE;
}

static void live(story *t) {
  const sdx_change change = { SDX_ADD_FLAG, { "flagged", 7 } };
  sdx_sweep_options sweep = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report report;
  char id[24];
  for (unsigned i = 0; i < 4; i++) add(t, i);
  (void)!sdx_maintain(t->s->index, false, t->s->now, NULL);
  drop(t, 1);
  drop(t, 2);
  add(t, 4);
  (void)!sdx_set(t->s->index, id_of(0, id), &change, 1, t->s->now, NULL);
  add_many(t, 100, 67);
  (void)!sdx_maintain(t->s->index, true, t->s->now, NULL);
  if (t->items[1] == GONE) bring_back(t, 1);
  t->s->now += SDX_RETENTION_DEFAULT;
  sweep.now = t->s->now;
  sweep.secret = &scene_key;
  (void)!sdx_sweep(t->s->path, &sweep, &report, NULL);
  add(t, 5);
}

static void tell(void *context, const char *line) {
  (void)context;
  print_message("%s\n", line);
}

static void look(story *t) {
  sdx_error err = { 0 };
  uint64_t problems = 0;
  unsigned batch = 0, unsure = 0;
  scene_reopen(t->s);
  add(t, 6); /* a writer finishes what was left undone */
  assert_int_equal(t->items[6], HERE);
  for (unsigned i = 0; i < 200; i++) {
    if (t->items[i] == UNSURE) continue;
    if (scene_shows(t->s, i, "zebra quartz") != (t->items[i] == HERE))
      fail_msg("item %u was acknowledged as %s and is not", i, t->items[i] == HERE ? "added" : "deleted");
  }
  for (unsigned i = 100; i < 167; i++) {
    batch += scene_shows(t->s, i, "zebra quartz");
    unsure += t->items[i] == UNSURE;
  }
  assert_true(batch == 67 || (batch == 0 && unsure == 67)); /* whole or not at all */
  const sdx_status status = sdx_verify(t->s->index, tell, NULL, &problems, &err);
  assert_int_equal(problems, 0);
  scene_ok(status, &err);
  scene_maintain(t->s, true);
  assert_int_equal(scene_restore(t->s, 2), t->items[2] == GONE ? SDX_NOT_FOUND : scene_restore(t->s, 2));
  view_read r;
  scene_ok(view_begin(&r, t->s->index, 0, &err), &err);
  assert_int_equal(r.view->partial, 0);
  view_end(&r);
}

/* Lets the n-th call fail, for growing n, until a life goes by in which none did. The stride grows too,
 * so that the suite stays short. */
static void check_each(void **state, bool of_store) {
  (void)state;
  long n = 0;
  for (bool fired = true; fired; n += 1 + n / 8) {
    void *own = NULL;
    assert_int_equal(scene_begin(&own), 0);
    story t = { .s = own };
    memset(t.items, 0, sizeof t.items);
    countdown = n;
    if (of_store) store_fault = fail_store;
    else keyring_fault = fail_keyring;
    live(&t);
    fired = countdown < 0;
    store_fault = NULL;
    keyring_fault = NULL;
    look(&t);
    scene_end(&own);
  }
  print_message("%ld calls\n", n);
}

static void test_store(void **state) { check_each(state, true); }
static void test_keyring(void **state) { check_each(state, false); }

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_keyring),
    cmocka_unit_test(test_store),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
