/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Merging equals building anew; taking gives back what was put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"

#define PARTS 5

typedef struct place {
  int64_t date;
  uint32_t part, ordinal, item; /* item: in the part's model */
} place;

static int by_place(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (x->date != y->date) return x->date > y->date ? -1 : 1;
  if (x->part != y->part) return x->part < y->part ? -1 : 1;
  return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* Cuts a model into parts, builds a segment of each, merges them without what is dropped, and judges
 * the result by a model of what is left. */
static void merge_case(const model_shape *shape, uint32_t parts, uint32_t drop_of_100, bool by_language) {
  text_analyser *a;
  sdx_error err = { 0 };
  random_state r = { shape->seed * 77 + drop_of_100 };
  assert_int_equal(text_analyser_open(&a, "en,fr", &err), SDX_OK);
  model *whole = model_new(shape);
  model *part[PARTS];
  model_segment segments[PARTS];
  merge_input inputs[PARTS];
  bool *keep = calloc(whole->count + 1, sizeof *keep);
  uint32_t *of = calloc(whole->count + 1, sizeof *of);
  place *places = calloc(whole->count + 1, sizeof *places);
  size_t kept = 0;
  for (size_t i = 0; i < whole->count; i++)
    of[i] = by_language ? (strcmp(whole->items[i].language, "fr") == 0) : random_below(&r, parts);
  for (uint32_t p = 0; p < parts; p++) {
    for (size_t i = 0; i < whole->count; i++) keep[i] = of[i] == p;
    part[p] = model_select(whole, keep);
    uint32_t *ordinals = calloc(part[p]->count + 1, sizeof *ordinals);
    model_build(&segments[p], part[p], a, 100 + p, random_below(&r, 2) == 0, ordinals);
    model_sort(part[p], ordinals);
    free(ordinals);
    roaring_bitmap_t *dropped = drop_of_100 > 0 ? roaring_bitmap_create() : NULL;
    for (uint32_t i = 0; i < part[p]->count; i++) {
      if (random_below(&r, 100) < drop_of_100)
        roaring_bitmap_add(dropped, i);
      else
        places[kept++] = (place){ part[p]->items[i].date, p, i, i };
    }
    inputs[p] = (merge_input){ .seg = segments[p].seg,
                               .session = &segments[p].session,
                               .attributes = segments[p].attributes,
                               .dropped = dropped,
                               .ordinals = calloc(part[p]->count + 1, sizeof(uint32_t)) };
  }
  qsort(places, kept, sizeof *places, by_place);

  model_segment merged = { 0 };
  assert_int_equal(memory_blocks_new(&merged.blocks, NULL, &err), SDX_OK);
  const block_sink sink = memory_blocks_sink(merged.blocks);
  const sdx_status status = segment_merge(inputs, parts, 4711, &sink, &merged.attributes, &merged.info,
                                          NULL, NULL, &err);
  if (status != SDX_OK) fail_msg("segment_merge: %s", err.message);
  model_open(&merged, 4711, true);
  model left = { .terms = whole->terms, .term_count = whole->term_count };
  left.items = calloc(kept + 1, sizeof *left.items);
  left.count = kept;
  for (size_t i = 0; i < kept; i++) {
    left.items[i] = part[places[i].part]->items[places[i].item];
    assert_int_equal(inputs[places[i].part].ordinals[places[i].ordinal], i);
  }
  model_check(&left, &merged, a, &r);

  model_close(&merged);
  free(left.items);
  for (uint32_t p = 0; p < parts; p++) {
    for (uint32_t i = 0; i < part[p]->count; i++)
      if (inputs[p].dropped != NULL && roaring_bitmap_contains(inputs[p].dropped, i))
        assert_int_equal(inputs[p].ordinals[i], SEGMENT_END);
    free(inputs[p].ordinals);
    if (inputs[p].dropped != NULL) roaring_bitmap_free((roaring_bitmap_t *)inputs[p].dropped);
    model_close(&segments[p]);
    model_free_selection(part[p]);
  }
  free(keep);
  free(of);
  free(places);
  model_free(whole);
  text_analyser_close(a);
}

static void test_merges(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 40; i++)
    merge_case(&(model_shape){ .seed = 900 + i,
                               .items = i * 3,
                               .terms = 10 + i * 9,
                               .postings = 1 + i % 25,
                               .max_wdf = 1 + i % 5,
                               .two_languages = i % 2 == 0,
                               .same_dates = i % 5 == 0,
                               .oldest_first = i % 7 == 0 },
               1 + i % PARTS, i % 3 == 0 ? 0 : i % 3 == 1 ? 20 : i % 4 == 0 ? 100 : 70, false);
}

/* Inputs of one language each make a result of two: what they omit must be there. */
static void test_languages(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 10; i++)
    merge_case(&(model_shape){ .seed = 50 + i, .items = 80, .terms = 300, .postings = 30, .max_wdf = 3,
                               .two_languages = true },
               2, i % 2 == 0 ? 0 : 30, true);
}

static void test_larger(void **state) {
  (void)state;
  merge_case(&(model_shape){ .seed = 3, .items = 3000, .terms = 500, .postings = 60, .max_wdf = 4 }, 4, 10,
             false);
}

/* ---------------------------------------------------------------- copying */

static void copy_case(const model_shape *shape) {
  text_analyser *a;
  sdx_error err = { 0 };
  random_state r = { shape->seed };
  buffer attributes_bytes = BUFFER_INIT;
  assert_int_equal(text_analyser_open(&a, "en,fr", &err), SDX_OK);
  model *m = model_new(shape);
  uint32_t *ordinals = calloc(m->count + 1, sizeof *ordinals);
  model_segment from, copy = { 0 };
  model_build(&from, m, a, 100, true, ordinals);
  model_sort(m, ordinals);

  assert_int_equal(memory_blocks_new(&copy.blocks, NULL, &err), SDX_OK);
  const block_sink sink = memory_blocks_sink(copy.blocks);
  assert_int_equal(segment_copy(from.seg, &from.session, 4711, &sink, &copy.info, &err), SDX_OK);
  attributes_encode(&attributes_bytes, from.attributes);
  assert_int_equal(
      attributes_decode(&copy.attributes, attributes_bytes.data, attributes_bytes.size, &err), SDX_OK);
  buffer_free(&attributes_bytes);
  assert_int_equal(copy.info.id, 4711);
  assert_int_equal(copy.info.blocks, from.info.blocks);
  model_open(&copy, 4711, true);
  model_check(m, &copy, a, &r);

  model_close(&copy);
  model_close(&from);
  free(ordinals);
  model_free(m);
  text_analyser_close(a);
}

static void test_copies(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 10; i++)
    copy_case(&(model_shape){ .seed = 70 + i, .items = 1 + i * 40, .terms = 50 + i * 100, .postings = 20,
                              .max_wdf = 3, .two_languages = i % 2 == 0 });
}

/* ---------------------------------------------------------------- taking */

typedef struct taker {
  const model *m;
  inverter *v;
  uint32_t last;
  size_t count;
  bool any;
} taker;

static bool equal_bytes(sdx_bytes a, const char *b) {
  const size_t size = b != NULL ? strlen(b) : 0;
  return a.size == size && (size == 0 || memcmp(a.data, b, size) == 0);
}

static sdx_status judge(void *context, uint32_t ordinal, const record *r, sdx_error *err) {
  taker *t = context;
  const model_item *item = &t->m->items[ordinal];
  assert_true(!t->any || ordinal > t->last);
  t->any = true;
  t->last = ordinal;
  t->count++;
  assert_true(equal_bytes(r->id, item->id));
  assert_true(equal_bytes(r->text, item->text));
  assert_true(equal_bytes(r->payload, item->payload));
  assert_true(r->date == item->date && r->sent == item->sent && r->expires == item->expires);
  assert_true(r->size == item->size && r->thread == item->thread && r->text_bytes == item->text_bytes);
  assert_true(r->length == item->length && r->body_end == item->body_end);
  assert_true(r->has_attachment == item->has_attachment && r->kind == item->kind);
  assert_string_equal(r->language, item->language);
  assert_int_equal(r->attribute_count, item->attribute_count);
  assert_int_equal(r->term_count, item->count);
  for (size_t i = 0; i < item->count; i++) {
    const model_posting *p = &item->postings[i];
    assert_true(equal_bytes(r->terms[i].term, t->m->terms[p->term].name));
    assert_int_equal(r->terms[i].wdf, p->wdf);
    assert_int_equal(r->terms[i].count, p->count);
    for (uint32_t k = 0; k < p->count; k++)
      assert_int_equal(r->positions[r->terms[i].first + k], p->positions[k]);
  }
  return t->v != NULL ? inverter_add_record(t->v, r, err) : SDX_OK;
}

static void test_take(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 25; i++) {
    text_analyser *a;
    sdx_error err;
    random_state r = { i };
    const model_shape shape = { .seed = 400 + i, .items = 1 + i * 40, .terms = 200, .postings = 20,
                                .max_wdf = 3, .two_languages = i % 2 == 0 };
    assert_int_equal(text_analyser_open(&a, "en,fr", &err), SDX_OK);
    model *m = model_new(&shape);
    uint32_t *ordinals = calloc(m->count + 1, sizeof *ordinals);
    model_segment s;
    model_build(&s, m, a, 1, true, ordinals);
    model_sort(m, ordinals);
    roaring_bitmap_t *which = roaring_bitmap_create();
    const uint32_t of_100 = i % 5 == 0 ? 100 : i % 5 == 1 ? 0 : i % 5 == 2 ? 2 : 30;
    bool *keep = calloc(m->count + 1, sizeof *keep);
    for (uint32_t o = 0; o < m->count; o++) {
      keep[o] = random_below(&r, 100) < of_100;
      if (keep[o]) roaring_bitmap_add(which, o);
    }
    taker t = { .m = m };
    assert_int_equal(inverter_new(&t.v, a, &err), SDX_OK);
    assert_int_equal(segment_take(s.seg, &s.session, s.attributes, which, judge, &t, &err), SDX_OK);
    assert_int_equal(t.count, roaring_bitmap_get_cardinality(which));

    /* What was taken makes a segment of the same items. */
    model_segment again = { 0 };
    model *taken = model_select(m, keep);
    uint32_t *sorted = calloc(taken->count + 1, sizeof *sorted);
    assert_int_equal(memory_blocks_new(&again.blocks, NULL, &err), SDX_OK);
    const block_sink sink = memory_blocks_sink(again.blocks);
    assert_int_equal(inverter_write(t.v, 2, &sink, &again.attributes, sorted, &again.info, &err), SDX_OK);
    text_vocabulary_reset(a);
    model_open(&again, 2, false);
    model_sort(taken, sorted);
    model_check(taken, &again, a, &r);
    model_close(&again);
    model_free_selection(taken);
    free(sorted);
    inverter_free(t.v);
    roaring_bitmap_free(which);
    model_close(&s);
    free(keep);
    free(ordinals);
    model_free(m);
    text_analyser_close(a);
  }
}

static bool at_once(void *context) {
  (void)context;
  return true;
}

static void test_cancelled(void **state) {
  (void)state;
  text_analyser *a;
  sdx_error err;
  assert_int_equal(text_analyser_open(&a, "en", &err), SDX_OK);
  model *m = model_new(&(model_shape){ .seed = 1, .items = 600, .terms = 100, .postings = 5, .max_wdf = 2 });
  model_segment s;
  model_build(&s, m, a, 1, false, NULL);
  memory_blocks *out;
  assert_int_equal(memory_blocks_new(&out, NULL, &err), SDX_OK);
  const block_sink sink = memory_blocks_sink(out);
  const merge_input input = { .seg = s.seg, .session = &s.session, .attributes = s.attributes };
  attributes *merged = NULL;
  segment_info info;
  assert_int_equal(segment_merge(&input, 1, 2, &sink, &merged, &info, at_once, NULL, &err), SDX_CANCELLED);
  assert_null(merged);
  memory_blocks_free(out);
  model_close(&s);
  model_free(m);
  text_analyser_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_merges), cmocka_unit_test(test_languages), cmocka_unit_test(test_larger),
    cmocka_unit_test(test_copies), cmocka_unit_test(test_cancelled), cmocka_unit_test(test_take),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
