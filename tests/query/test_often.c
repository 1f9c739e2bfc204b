/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The best of a word's hits, which are scored by how often they have it, against the same hits
 * ranked as they come: when all of them are asked for, none is left out by its wdf.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "mailbox.h"

enum { SEGMENTS = 3, ITEMS = 400, LONG = 160 };

static uint32_t draw(uint32_t below) {
  static uint32_t state = 12345;
  state = state * UINT32_C(1664525) + UINT32_C(1013904223);
  return (state >> 8) % below;
}

/* The word from 0 to 7 times, mostly seldom, among others; items of all lengths, many of one date.
 */
static void add(mailbox *m, uint32_t number) {
  char id[16], body[8 * (8 + LONG)] = "";
  const uint32_t times = draw(8) * draw(8) / 7, others = draw(LONG);
  size_t at = 0;
  for (uint32_t i = 0; i < times; i++) at += (size_t)sprintf(body + at, "%s ", "willow");
  for (uint32_t i = 0; i < others; i++) at += (size_t)sprintf(body + at, "w%u ", draw(900));
  snprintf(id, sizeof(id), "%05u", number);
  mailbox_add(m, &(mailbox_item){ .id = id, .date = 1000 + draw(50), .body = body });
}

static void make(mailbox *m) {
  char id[16];
  mailbox_open(m, "en");
  for (uint32_t s = 0; s < SEGMENTS; s++) {
    for (uint32_t i = 0; i < ITEMS; i++) add(m, s * ITEMS + i);
    mailbox_seal(m);
  }
  for (uint32_t i = 0; i < SEGMENTS * ITEMS; i += 9) {
    snprintf(id, sizeof(id), "%05u", i);
    mailbox_kill(m, id);
  }
}

static void compare(mailbox *m, const char *text, size_t best) {
  const engine_options some = { .best = best, .bound_total = true };
  const engine_options all = { .best = SEGMENTS * ITEMS };
  mailbox_answer few, whole;
  mailbox_search(m, text, &some, &few);
  mailbox_search(m, text, &all, &whole);
  assert_true(whole.count > 100);
  assert_int_equal(few.count, best);
  for (size_t i = 0; i < best; i++) {
    assert_string_equal(few.hits[i].id, whole.hits[i].id);
    assert_true(few.hits[i].score == whole.hits[i].score);
  }
  mailbox_answer_free(&few);
  mailbox_answer_free(&whole);
}

static void the_best_are_the_best_of_all(void **state) {
  mailbox m = { 0 };
  (void)state;
  make(&m);
  for (size_t best = 1; best <= 100; best += best < 20 ? 1 : 16) {
    compare(&m, "willow", best);
    compare(&m, "body:willow", best);
  }
  mailbox_close(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(the_best_are_the_best_of_all) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
