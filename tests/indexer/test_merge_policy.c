/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which segments become one, over long runs of folds: how many there are, how big a merge gets that
 * somebody waits for, and how often an item is rewritten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "indexer/maintain.h"
#include "indexer/merge_policy.h"

#define FOLD 128
#define ROOM 64

typedef struct mailbox {
  merge_candidate segments[ROOM];
  size_t count;
  uint64_t items, rewritten, greatest_wait, next_id;
} mailbox;

/* Items rewritten per item. */
static uint64_t amplification(const mailbox *m) {
  return m->rewritten / m->items;
}

static void fold(mailbox *m, uint32_t items) {
  assert_true(m->count < ROOM);
  m->segments[m->count++] =
      (merge_candidate){ .id = ++m->next_id, .items = items, .oldest_dead = INT64_MAX };
  m->items += items;
}

static bool merge_once(mailbox *m, bool all, uint64_t limit, uint64_t *items) {
  const size_t chosen = merge_choose(m->segments, m->count, all, limit, -25 * (int64_t)SDX_DAY);
  merge_candidate merged = { .id = ++m->next_id, .oldest_dead = INT64_MAX };
  size_t kept = 0, found = 0;
  if (chosen == 0) return false;
  for (size_t i = 0; i < m->count; i++) {
    if (!m->segments[i].chosen) {
      m->segments[kept++] = m->segments[i];
      continue;
    }
    merged.items += m->segments[i].items - m->segments[i].dead;
    m->items -= m->segments[i].dead;
    found++;
  }
  assert_int_equal(found, chosen);
  m->segments[kept++] = merged;
  m->count = kept;
  m->rewritten += merged.items;
  *items += merged.items;
  return true;
}

static void write_items(mailbox *m, unsigned folds) {
  for (unsigned i = 0; i < folds; i++) {
    uint64_t waited = 0;
    fold(m, FOLD);
    while (merge_once(m, false, MAINTAIN_ADD_ITEMS, &waited)) {
    }
    if (waited > m->greatest_wait) m->greatest_wait = waited;
    assert_true(m->count <= MERGE_BIG_MANY + 8);
  }
}

/* Nobody maintains: 20,000 items one by one, then up to 100,000. */
static void test_single_adds(void **state) {
  mailbox m = { .count = 0 };
  (void)state;
  write_items(&m, 20000 / FOLD);
  assert_true(m.greatest_wait <= 2 * MAINTAIN_ADD_ITEMS);
  write_items(&m, 80000 / FOLD);
  assert_in_range(m.greatest_wait, 1, 100000 / 6);
  assert_in_range(amplification(&m), 1, 10);
}

/* Where maintenance comes now and then, no write waits for more than a small merge, and segments
 * are few. */
static void test_with_maintenance(void **state) {
  mailbox m = { .count = 0 };
  uint64_t items = 0;
  (void)state;
  for (int day = 0; day < 100; day++) {
    write_items(&m, 8);
    while (merge_once(&m, false, UINT64_MAX, &items)) {
    }
    assert_true(m.count <= 10);
  }
  assert_true(m.greatest_wait <= MAINTAIN_ADD_ITEMS);
  assert_true(merge_once(&m, true, UINT64_MAX, &items));
  assert_int_equal(m.count, 1);
  assert_false(merge_once(&m, true, UINT64_MAX, &items));
  assert_in_range(amplification(&m), 1, 10);
}

/* What is dead is rewritten: at once where that is a small matter, else by maintenance. */
static void test_purges(void **state) {
  mailbox m = { .count = 0 };
  uint64_t items = 0;
  (void)state;
  fold(&m, 10000);
  fold(&m, 500);
  m.segments[1].dead = 200;
  assert_true(merge_once(&m, false, MAINTAIN_ADD_ITEMS, &items));
  assert_int_equal(items, 300);
  for (size_t i = 0; i < m.count; i++)
    if (m.segments[i].items == 10000) m.segments[i].due = true;
  assert_false(merge_once(&m, false, MAINTAIN_ADD_ITEMS, &items));
  assert_true(merge_once(&m, false, UINT64_MAX, &items));
  assert_int_equal(m.count, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_single_adds),
    cmocka_unit_test(test_with_maintenance),
    cmocka_unit_test(test_purges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
