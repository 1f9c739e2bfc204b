/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"

static void same_bytes(sdx_bytes a, sdx_bytes b) {
  assert_int_equal(a.size, b.size);
  if (a.size > 0) assert_memory_equal(a.data, b.data, a.size);
}

static void same_record(const record *a, const record *b) {
  same_bytes(a->id, b->id);
  assert_true(a->kind == b->kind && a->date == b->date && a->sent == b->sent && a->expires == b->expires);
  assert_true(a->size == b->size && a->thread == b->thread && a->has_attachment == b->has_attachment);
  assert_true(a->analyser == b->analyser && a->length == b->length && a->body_end == b->body_end);
  assert_true(a->text_bytes == b->text_bytes);
  assert_memory_equal(a->language, b->language, sizeof a->language);
  assert_int_equal(a->attribute_count, b->attribute_count);
  for (size_t i = 0; i < a->attribute_count; i++) same_bytes(a->attributes[i], b->attributes[i]);
  same_bytes(a->text, b->text);
  same_bytes(a->payload, b->payload);
  assert_int_equal(a->term_count, b->term_count);
  for (size_t i = 0; i < a->term_count; i++) {
    same_bytes(a->terms[i].term, b->terms[i].term);
    assert_int_equal(a->terms[i].wdf, b->terms[i].wdf);
    assert_int_equal(a->terms[i].count, b->terms[i].count);
    assert_memory_equal(a->positions + a->terms[i].first, b->positions + b->terms[i].first,
                        a->terms[i].count * sizeof *a->positions);
  }
}

typedef struct round {
  random_state r;
  record_arena arena;
  uint32_t accepted;
} round;

static sdx_status round_trip(void *context, const record *r, sdx_error *err) {
  round *t = context;
  buffer b = BUFFER_INIT;
  record back;
  record_encode(&b, r);
  assert_false(b.failed);
  record_arena_reset(&t->arena);
  assert_int_equal(record_decode(&back, &t->arena, b.data, b.size, err), SDX_OK);
  same_record(r, &back);
  for (int i = 0; i < 60; i++) { /* other bytes are refused, or mean something else */
    buffer damaged = BUFFER_INIT;
    buffer_put(&damaged, b.data, b.size);
    damaged.data[random_below(&t->r, (uint32_t)b.size)] ^= (uint8_t)(1 + random_below(&t->r, 255));
    const size_t size = i % 4 == 0 ? random_below(&t->r, (uint32_t)b.size) : b.size;
    record_arena_reset(&t->arena);
    if (record_decode(&back, &t->arena, damaged.data, size, err) == SDX_OK)
      t->accepted++;
    buffer_free(&damaged);
  }
  buffer_free(&b);
  return SDX_OK;
}

static void test_round_trips(void **state) {
  (void)state;
  model *m = model_new(&(model_shape){ .seed = 77, .items = 120, .terms = 300, .postings = 40, .max_wdf = 5,
                                       .two_languages = true });
  round t = { .r = { 4 }, .arena = RECORD_ARENA_INIT };
  sdx_error err;
  for (size_t i = 0; i < m->count; i++) assert_int_equal(model_record(m, i, round_trip, &t, &err), SDX_OK);
  record_arena_free(&t.arena);
  model_free(m);
}

/* What is no record: terms out of order, positions that do not ascend, counts that do not add up. */
static void refuse(const record *r) {
  buffer b = BUFFER_INIT;
  record back;
  record_arena arena = RECORD_ARENA_INIT;
  sdx_error err;
  record_encode(&b, r);
  assert_int_equal(record_decode(&back, &arena, b.data, b.size, &err), SDX_DAMAGED);
  assert_true(strlen(err.message) > 0);
  buffer_free(&b);
  record_arena_free(&arena);
}

static void test_refusals(void **state) {
  (void)state;
  const uint32_t positions[] = { 4, 9, 12 };
  record_term terms[] = { { { "abc", 3 }, 2, 0, 2 }, { { "abd", 3 }, 1, 2, 1 } };
  record r = { .id = { "id", 2 }, .kind = SDX_EVENT, .language = "en", .terms = terms, .term_count = 2,
               .positions = positions, .position_count = 3 };
  buffer b = BUFFER_INIT;
  record back;
  record_arena arena = RECORD_ARENA_INIT;
  sdx_error err;
  record_encode(&b, &r);
  assert_int_equal(record_decode(&back, &arena, b.data, b.size, &err), SDX_OK);
  buffer_free(&b);
  record_arena_free(&arena);

  const uint32_t falling[] = { 4, 4, 12 };
  r.positions = falling;
  refuse(&r);
  r.positions = positions;
  terms[1].term.data = "abb"; /* out of order */
  refuse(&r);
  terms[1].term.data = "abc"; /* twice */
  refuse(&r);
  terms[1].term.data = "abd";
  terms[1].wdf = UINT32_MAX;
  refuse(&r);
  terms[1].wdf = 1;
  r.position_count = 2;
  refuse(&r);
  r.position_count = 3;
  r.kind = (sdx_kind)0;
  refuse(&r);
  r.kind = SDX_EVENT;
  r.id.size = 0;
  refuse(&r);
}

static void test_fields(void **state) {
  (void)state;
  buffer b = BUFFER_INIT;
  record_fields_put(&b, "subject", "Caf\xc3\xa9", 5);
  record_fields_put(&b, "body", "", 0);
  static const uint8_t expected[] = { 7, 's', 'u', 'b', 'j', 'e', 'c', 't', 5, 'C', 'a', 'f', 0xc3, 0xa9,
                                      4, 'b', 'o', 'd', 'y', 0 };
  assert_int_equal(b.size, sizeof expected);
  assert_memory_equal(b.data, expected, sizeof expected);
  cursor c = cursor_over(b.data, b.size);
  sdx_bytes name, text;
  assert_true(record_fields_next(&c, &name, &text));
  same_bytes(name, (sdx_bytes){ "subject", 7 });
  same_bytes(text, (sdx_bytes){ "Caf\xc3\xa9", 5 });
  assert_true(record_fields_next(&c, &name, &text));
  same_bytes(name, (sdx_bytes){ "body", 4 });
  assert_int_equal(text.size, 0);
  assert_false(record_fields_next(&c, &name, &text));
  assert_false(c.failed);
  c = cursor_over(b.data, b.size - 2);
  assert_true(record_fields_next(&c, &name, &text));
  assert_false(record_fields_next(&c, &name, &text));
  assert_true(c.failed);
  buffer_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_round_trips),
    cmocka_unit_test(test_refusals),
    cmocka_unit_test(test_fields),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
