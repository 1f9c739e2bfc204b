/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"

/* Against a plain table: attribute x ordinal. */
#define KEYS 20u
#define ORDINALS 200000u

static void key_of(uint32_t i, char out[16], size_t *size) {
  *size = (size_t)snprintf(out, 16, "%c%u", "fglkna"[i % 6], i * 37 % KEYS);
}

static void compare(const attributes *a, const bool *table) {
  for (uint32_t k = 0; k < KEYS; k++) {
    char key[16];
    size_t size;
    key_of(k, key, &size);
    const roaring_bitmap_t *items = attributes_find(a, key, size);
    uint64_t count = 0;
    for (uint32_t o = 0; o < ORDINALS; o++) {
      count += table[k * ORDINALS + o];
      if (o % 97 == 0)
        assert_int_equal(items != NULL && roaring_bitmap_contains(items, o), table[k * ORDINALS + o]);
    }
    assert_int_equal(items != NULL ? roaring_bitmap_get_cardinality(items) : 0, count);
    assert_true((items != NULL) == (count > 0));
  }
}

static void test_model(void **state) {
  (void)state;
  random_state r = { 1 };
  sdx_error err;
  attributes *a, *copy, *decoded;
  bool *table = calloc((size_t)KEYS * ORDINALS, sizeof *table);
  assert_int_equal(attributes_new(&a, &err), SDX_OK);
  for (uint32_t k = 0; k < KEYS; k++) { /* sparse, dense and in runs, so that all containers are met */
    char key[16];
    size_t size;
    key_of(k, key, &size);
    for (uint32_t o = 0; o < ORDINALS; o++) {
      const bool has = k % 4 == 0 ? random_below(&r, 5000) == 0
                       : k % 4 == 1 ? random_below(&r, 3) == 0
                       : k % 4 == 2 ? o / 3000 % 2 == 0
                                    : o == k;
      if (!has) continue;
      table[k * ORDINALS + o] = true;
      assert_int_equal(attributes_add(a, key, size, o, &err), SDX_OK);
    }
    for (uint32_t n = 0; n < 300; n++) {
      const uint32_t o = random_below(&r, ORDINALS);
      attributes_remove(a, key, size, o);
      table[k * ORDINALS + o] = false;
    }
  }
  attributes_remove(a, "none", 4, 3);
  compare(a, table);
  assert_int_equal(attributes_clone(&copy, a, &err), SDX_OK);
  buffer b = BUFFER_INIT;
  attributes_encode(&b, a);
  assert_false(b.failed);
  assert_int_equal(attributes_decode(&decoded, b.data, b.size, &err), SDX_OK);
  attributes_free(a);
  compare(copy, table);
  compare(decoded, table);

  sdx_bytes key, before = { "", 0 };
  const roaring_bitmap_t *items;
  size_t n = 0;
  for (; attributes_at(decoded, n, &key, &items); n++) {
    if (n > 0) assert_true(strncmp(before.data, key.data, before.size < key.size ? before.size : key.size) <= 0);
    before = key;
  }
  assert_false(attributes_at(decoded, n, &key, &items));
  buffer of = BUFFER_INIT;
  attributes_of(decoded, 6001, &of);
  cursor c = cursor_over(of.data, of.size);
  size_t listed = 0, expected = 0;
  while (cursor_left(&c) > 0) {
    size_t size;
    const uint8_t *name = cursor_get_string(&c, &size);
    assert_true(roaring_bitmap_contains(attributes_find(decoded, name, size), 6001));
    listed++;
  }
  for (uint32_t k = 0; k < KEYS; k++) expected += table[k * ORDINALS + 6001];
  assert_int_equal(listed, expected);

  /* Whatever is changed, it is refused or makes bitmaps that can be used. */
  for (uint32_t i = 0; i < 3000; i++) {
    const size_t at = random_below(&r, (uint32_t)b.size);
    const uint8_t kept = b.data[at];
    attributes *other;
    b.data[at] ^= (uint8_t)(1 + random_below(&r, 255));
    if (attributes_decode(&other, b.data, i % 10 == 0 ? at : b.size, &err) == SDX_OK) {
      for (size_t k = 0; attributes_at(other, k, &key, &items); k++)
        assert_true(roaring_bitmap_get_cardinality(items) <= UINT32_MAX);
      attributes_of(other, 6001, &of);
      attributes_free(other);
    }
    b.data[at] = kept;
  }
  buffer_free(&of);
  buffer_free(&b);
  attributes_free(copy);
  attributes_free(decoded);
  free(table);
}

/* The object as it stands in docs/format-segment.md. */
static void test_vector(void **state) {
  (void)state;
  static const uint8_t expected[] = {
    0x02, 0x06, 'f', 'I', 'n', 'b', 'o', 'x', 0x14, 0x3a, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0x10, 0, 0, 0,
    0x01, 0x00, 0x03, 0x00,
    0x05, 'g', 's', 'e', 'e', 'n', 0x0f, 0x3b, 0x30, 0, 0, 0x01, 0, 0, 0x09, 0, 1, 0, 5, 0, 9, 0,
  };
  sdx_error err;
  attributes *a;
  assert_int_equal(attributes_new(&a, &err), SDX_OK);
  for (uint32_t o = 5; o < 15; o++) assert_int_equal(attributes_add(a, "gseen", 5, o, &err), SDX_OK);
  assert_int_equal(attributes_add(a, "fInbox", 6, 3, &err), SDX_OK);
  assert_int_equal(attributes_add(a, "fInbox", 6, 1, &err), SDX_OK);
  assert_int_equal(attributes_add(a, "", 0, 1, &err), SDX_INVALID);
  buffer b = BUFFER_INIT;
  attributes_encode(&b, a);
  assert_int_equal(b.size, sizeof expected);
  assert_memory_equal(b.data, expected, sizeof expected);
  buffer_free(&b);
  attributes_free(a);
}

/* The i-th of a few names, in one of the ways in which its two letters can be written. */
static size_t case_key(uint32_t i, uint32_t way, char out[16]) {
  const size_t size =
      (size_t)snprintf(out, 16, "f%c%u%c", way & 1 ? 'A' : 'a', i, way & 2 ? 'Z' : 'z');
  return size;
}

#define NAMES 40u

/* All that are alike are found, once each, with the index of them and without. */
static void expect_alike(attributes *a, const bool has[4 * NAMES]) {
  for (uint32_t k = 0; k < 4 * (NAMES + 5); k++) {
    char key[16];
    const size_t size = case_key(k / 4, k % 4, key);
    uint32_t seen = 0, expected = 0;
    bool same;
    size_t at = 0;
    const roaring_bitmap_t *items;
    for (uint32_t way = 0; k / 4 < NAMES && way < 4; way++)
      expected |= (uint32_t)has[k / 4 * 4 + way] << way;
    while ((items = attributes_alike(a, key, size, attributes_hash(key, size), &at, &same)) !=
           NULL) {
      const uint32_t way = roaring_bitmap_minimum(items) % 4;
      assert_int_equal(roaring_bitmap_minimum(items) / 4, k / 4);
      assert_int_equal(same, way == k % 4);
      assert_int_equal(seen >> way & 1, 0);
      seen |= 1u << way;
    }
    assert_int_equal(seen, expected);
  }
}

static void test_alike(void **state) {
  (void)state;
  random_state r = { 7 };
  sdx_error err;
  attributes *a;
  bool has[4 * NAMES] = { false };
  assert_int_equal(attributes_new(&a, &err), SDX_OK);
  for (unsigned round = 0; round < 20; round++) {
    for (unsigned n = 0; n < 12; n++) {
      char key[16];
      const uint32_t k = random_below(&r, 4 * NAMES);
      const size_t size = case_key(k / 4, k % 4, key);
      if (has[k])
        attributes_remove(a, key, size, k);
      else
        assert_int_equal(attributes_add(a, key, size, k, &err), SDX_OK);
      has[k] = !has[k];
    }
    expect_alike(a, has);
    attributes_index(a);
    expect_alike(a, has);
  }
  /* What is not a letter of ASCII is itself alone, and so is the letter in front. */
  size_t at = 0;
  bool same;
  assert_int_equal(attributes_add(a, "f[\xc3\x84", 4, 1, &err), SDX_OK);
  attributes_index(a);
  assert_null(attributes_alike(a, "f{\xc3\x84", 4, attributes_hash("f{\xc3\x84", 4), &at, &same));
  at = 0;
  assert_null(attributes_alike(a, "F[\xc3\x84", 4, attributes_hash("F[\xc3\x84", 4), &at, &same));
  attributes_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_model), cmocka_unit_test(test_vector),
                                      cmocka_unit_test(test_alike) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
