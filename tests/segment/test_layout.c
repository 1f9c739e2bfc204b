/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encodings one by one: round trips at the edges, and the vectors of docs/format-segment.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "segment/bitpack.h"
#include "segment/layout.h"
#include "segment/order.h"

static void hex(char *out, const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) sprintf(out + 2 * i, "%02x", bytes[i]);
  out[2 * size] = 0;
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *expected) {
  char text[2000];
  assert_true(size < sizeof text / 2);
  hex(text, bytes, size);
  assert_string_equal(text, expected);
}

/* ---------------------------------------------------------------- numbers and bits */

static void test_numbers(void **state) {
  (void)state;
  uint32_t before = 0;
  for (uint32_t code = 0; code < 240; code++) {
    const uint32_t v = layout_value((uint8_t)code);
    assert_true(code == 0 || v > before);
    assert_int_equal(layout_floor(v), code);
    assert_int_equal(layout_ceiling(v), code);
    before = v;
  }
  random_state r = { 1 };
  for (int i = 0; i < 100000; i++) {
    const uint32_t v = (uint32_t)(random_next(&r) >> (32 + random_below(&r, 32)));
    const uint32_t low = layout_value(layout_floor(v)), high = layout_value(layout_ceiling(v));
    assert_true(low <= v && v <= high);
    assert_true(v >= 1u << 18 || v - low <= v / 16);
    assert_true(high == UINT32_MAX || high - v <= v / 16 + 1);
  }
  assert_int_equal(layout_value(layout_ceiling(253952)), 253952);
  assert_int_equal(layout_value(layout_ceiling(253953)), UINT32_MAX);
  assert_int_equal(layout_value(layout_floor(UINT32_MAX)), 253952);
  assert_int_equal(layout_value(layout_ceiling(UINT32_MAX)), UINT32_MAX);
}

static void test_golomb(void **state) {
  (void)state;
  random_state r = { 2 };
  enum { N = 3000 };
  static uint32_t values[N];
  static uint8_t orders[N];
  static uint8_t bytes[N * 10];
  for (int round = 0; round < 30; round++) {
    bit_writer w = { .at = bytes };
    uint64_t cost = 0;
    for (uint32_t i = 0; i < N; i++) {
      values[i] = (uint32_t)(random_next(&r) >> (32 + random_below(&r, 33) % 32));
      if (i % 100 == 0) values[i] = UINT32_MAX - random_below(&r, 2);
      orders[i] = (uint8_t)random_below(&r, 32);
      cost += bits_cost(values[i], orders[i]);
      bits_put_golomb(&w, values[i], orders[i]);
      if (i % 7 == 0) {
        bits_put(&w, values[i] & 0x1fff, 13);
        cost += 13;
      }
    }
    const size_t size = (size_t)(bits_finish(&w) - bytes);
    assert_int_equal(size, (cost + 7) / 8);
    uint8_t *exact = malloc(size + BITS_PAD); /* so that a sanitizer sees a read behind it */
    memcpy(exact, bytes, size);
    memset(exact + size, 0xff, BITS_PAD);
    bit_reader rd = bits_over(exact, size);
    for (uint32_t i = 0; i < N; i++) {
      assert_int_equal(bits_get_golomb(&rd, orders[i]), values[i]);
      if (i % 7 == 0) assert_int_equal(bits_get(&rd, 13), values[i] & 0x1fff);
    }
    assert_true(bits_ok(&rd));
    assert_int_equal(bits_bytes(&rd, exact), size);
    for (int i = 0; i < 1200; i++) {
      (void)bits_get_golomb(&rd, 3);
      if (i > 12) assert_false(bits_ok(&rd));
    }
    free(exact);
  }
  bit_writer w = { .at = bytes };
  for (uint32_t v = 0; v < 8; v++) bits_put_golomb(&w, v, 1);
  assert_hex(bytes, (size_t)(bits_finish(&w) - bytes), "2da64e30");
}

static void test_bitpack(void **state) {
  (void)state;
  random_state r = { 3 };
  for (unsigned width = 0; width <= 32; width++)
    for (int round = 0; round < 5; round++) {
      uint32_t in[BITPACK_COUNT], out[BITPACK_COUNT];
      for (int i = 0; i < BITPACK_COUNT; i++) {
        const uint64_t v = random_next(&r) >> 32;
        in[i] = width == 0 ? 0 : (uint32_t)(v >> (32 - width));
      }
      uint8_t *bytes = malloc(BITPACK_BYTES(width) + 1);
      bitpack_pack(bytes, in, width);
      bitpack_unpack(out, bytes, width, 0);
      assert_memory_equal(in, out, sizeof in);
      bitpack_unpack(out, bytes, width, 7);
      for (int i = 0; i < BITPACK_COUNT; i++) assert_int_equal(out[i], in[i] + 7);
      free(bytes);
    }
  uint32_t gaps[BITPACK_COUNT], sums[BITPACK_COUNT];
  uint32_t next = 17;
  for (int i = 0; i < BITPACK_COUNT; i++) {
    gaps[i] = random_below(&r, 1000);
    next += gaps[i];
    sums[i] = next++;
  }
  bitpack_sum(gaps, 17);
  assert_memory_equal(gaps, sums, sizeof sums);
  uint32_t in[BITPACK_COUNT];
  uint8_t bytes[BITPACK_BYTES(3)];
  for (uint32_t i = 0; i < BITPACK_COUNT; i++) in[i] = i % 8;
  bitpack_pack(bytes, in, 3);
  assert_hex(bytes, 32, /* the first two words of each lane */
             "20088220699aa669b22ccbb2fbbeeffb088220089aa6699a2ccbb22cbeeffbbe");
}

static void test_order(void **state) {
  (void)state;
  random_state r = { 4 };
  enum { N = 4000 };
  static char names[N][24];
  static order_key keys[N];
  for (uint32_t i = 0; i < N; i++) {
    const uint32_t n = random_below(&r, 24);
    for (uint32_t k = 0; k < n; k++)
      names[i][k] = random_below(&r, 6) == 0 ? 0 : (char)('a' + random_below(&r, i % 3 == 0 ? 1 : 3));
    keys[i] = (order_key){ .data = names[i], .size = (uint16_t)n, .id = i };
  }
  order_sort(keys, N);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < N; i++) {
    seen += keys[i].id;
    if (i == 0) continue;
    const sdx_bytes a = order_name(&keys[i - 1]), b = order_name(&keys[i]);
    const int c = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    assert_true(c < 0 || (c == 0 && a.size <= b.size));
  }
  assert_int_equal(seen, (uint64_t)N * (N - 1) / 2);
}

/* ---------------------------------------------------------------- postings */

static void test_blocks(void **state) {
  (void)state;
  random_state r = { 5 };
  for (int round = 0; round < 4000; round++) {
    const uint32_t n = round % 3 == 0 ? POSTINGS_BLOCK : 1 + random_below(&r, POSTINGS_BLOCK);
    uint32_t ordinals[POSTINGS_BLOCK], wdfs[POSTINGS_BLOCK], o[POSTINGS_BLOCK], w[POSTINGS_BLOCK];
    const uint32_t base = random_below(&r, 1000), spread = 1 + random_below(&r, round % 50 == 0 ? 10000000 : 60);
    uint64_t next = base;
    for (uint32_t i = 0; i < n; i++) {
      next += random_below(&r, spread);
      if (random_below(&r, 30) == 0) next += random_below(&r, spread * 8);
      ordinals[i] = (uint32_t)next++;
      wdfs[i] = round % 7 == 0 ? 1 : round % 7 == 1 ? 0 : round % 7 == 2 ? 3 : random_below(&r, 5);
      if (round % 11 == 0 && random_below(&r, 9) == 0) wdfs[i] = random_below(&r, INT32_MAX);
    }
    if (next > INT32_MAX) continue;
    uint8_t bytes[LAYOUT_BLOCK_MAX];
    const size_t size = layout_block_encode(bytes, ordinals, wdfs, n, base);
    assert_true(size <= sizeof bytes);
    uint8_t *exact = malloc(size);
    memcpy(exact, bytes, size);
    bool plain = false;
    layout_wdfs later;
    assert_int_equal(layout_block_decode(exact, size, n, base, (uint32_t)next, o, w, &plain, &later), size);
    if (later.at != NULL) layout_wdfs_decode(&later, w);
    assert_memory_equal(o, ordinals, n * sizeof *o);
    assert_memory_equal(w, wdfs, n * sizeof *w);
    plain = false; /* fewer items than the last ordinal needs: refused */
    assert_int_equal(layout_block_decode(exact, size, n, base, (uint32_t)next - 1, o, w, &plain, &later), 0);
    for (size_t less = 0; less < size; less += 1 + size / 7) {
      uint8_t *shorter = malloc(less + 1);
      memcpy(shorter, exact, less);
      if (layout_block_decode(shorter, less, n, base, (uint32_t)next, o, w, &plain, &later) != 0 &&
          later.at != NULL)
        layout_wdfs_decode(&later, w);
      free(shorter);
    }
    free(exact);
  }
}

static void test_block_vectors(void **state) {
  (void)state;
  uint8_t bytes[LAYOUT_BLOCK_MAX];
  const uint32_t ordinals[] = { 3, 4, 9, 30 }, wdfs[] = { 1, 1, 2, 1 };
  assert_hex(bytes, layout_block_encode(bytes, ordinals, wdfs, 4, 0), "0a3c82b802");
  uint32_t o[POSTINGS_BLOCK], w[POSTINGS_BLOCK];
  for (uint32_t i = 0; i < POSTINGS_BLOCK; i++) {
    o[i] = 2 * i;
    w[i] = 1;
  }
  o[127] = 1000; /* one exception */
  w[5] = 9;
  assert_hex(bytes, layout_block_encode(bytes, o, w, POSTINGS_BLOCK, 0),
             "c240" "54555555" "55555555" "55555555" "55555555" "55555555" "55555555" "55555555"
             "555555d5" "017fba" "010508");
}

static void test_groups(void **state) {
  (void)state;
  random_state r = { 6 };
  for (int round = 0; round < 300; round++) {
    const uint32_t n = 1 + random_below(&r, LAYOUT_GROUP), base = random_below(&r, 1000);
    layout_skip skips[LAYOUT_GROUP];
    uint32_t last = base;
    for (uint32_t i = 0; i < n; i++)
      skips[i] = (layout_skip){ .last = last += 127 + random_below(&r, round % 2 == 0 ? 100 : 100000),
                                .postings_size = 1 + random_below(&r, round % 3 == 0 ? 2000 : 200),
                                .positions_size = round % 4 == 0 ? 0 : random_below(&r, round % 5 == 0 ? 300000 : 400),
                                .bounds = { { (uint8_t)random_below(&r, 240), 7, 1 },
                                            { (uint8_t)random_below(&r, 240), 9, 3 } } };
    uint8_t bytes[LAYOUT_GROUP_MAX];
    const size_t size = layout_group_encode(bytes, skips, n, base);
    layout_group g;
    assert_true(layout_group_decode(&g, bytes, size));
    assert_false(layout_group_decode(&g, bytes, size - 1));
    assert_true(layout_group_decode(&g, bytes, size));
    uint32_t ends = 0, places = 0;
    assert_int_equal(g.count, n);
    for (uint32_t i = 0; i < n; i++) {
      assert_int_equal(layout_group_last(&g, i), skips[i].last);
      assert_int_equal(layout_group_end(&g, i), ends += skips[i].postings_size);
      assert_int_equal(layout_group_place(&g, i), places += skips[i].positions_size);
      for (uint32_t pair = 0; pair < POSTINGS_PAIRS; pair++) {
        assert_int_equal(g.wdfs[pair * n + i], skips[i].bounds.wdfs[pair]);
        assert_int_equal(g.lengths[pair * n + i], skips[i].bounds.lengths[pair]);
      }
    }
  }
}

/* Every posting is covered by a pair, and no pair promises more than the whole block's bounds do. */
static void test_bounds(void **state) {
  (void)state;
  random_state r = { 12 };
  for (int round = 0; round < 3000; round++) {
    const uint32_t n = 1 + random_below(&r, POSTINGS_BLOCK), most = 1 + random_below(&r, round % 7 == 0 ? 500000 : 60);
    uint32_t wdfs[POSTINGS_BLOCK], lengths[POSTINGS_BLOCK], max_wdf = 0, min_length = UINT32_MAX;
    layout_bounds b;
    for (uint32_t i = 0; i < n; i++) {
      wdfs[i] = random_below(&r, 1 + random_below(&r, most));
      lengths[i] = wdfs[i] + random_below(&r, 1 + random_below(&r, 3000));
      if (wdfs[i] > max_wdf) max_wdf = wdfs[i];
      if (lengths[i] < min_length) min_length = lengths[i];
    }
    layout_bounds_make(&b, wdfs, lengths, n, 1 + random_below(&r, 500));
    for (uint32_t i = 0; i < n; i++) {
      bool covered = false;
      for (unsigned pair = 0; pair < POSTINGS_PAIRS; pair++)
        covered |= wdfs[i] <= layout_value(b.wdfs[pair]) && lengths[i] >= layout_value(b.lengths[pair]);
      assert_true(covered);
    }
    for (unsigned pair = 0; pair < POSTINGS_PAIRS; pair++) {
      assert_true(b.wdfs[pair] <= layout_ceiling(max_wdf));
      assert_true(b.lengths[pair] >= layout_floor(min_length));
    }
  }
  /* 9 in 100 words, 4 in 50, 2 in 20, 1 in 10 are not one item of 9 in 10. */
  const uint32_t w[] = { 1, 9, 2, 4 }, l[] = { 10, 100, 20, 50 };
  layout_bounds b;
  layout_bounds_make(&b, w, l, 4, 60);
  assert_hex(b.wdfs, 3, "090402");
  assert_hex(b.lengths, 3, "39290a");
}

static void test_chunks(void **state) {
  (void)state;
  random_state r = { 7 };
  static uint32_t positions[POSTINGS_BLOCK * 40], out[40];
  for (int round = 0; round < 2000; round++) {
    const uint32_t n = 1 + random_below(&r, POSTINGS_BLOCK);
    uint32_t wdfs[POSTINGS_BLOCK], counts[POSTINGS_BLOCK], total = 0;
    for (uint32_t i = 0; i < n; i++) {
      wdfs[i] = round % 6 == 0 ? 1 : random_below(&r, 6);
      counts[i] = wdfs[i];
      if (round % 6 == 1) counts[i] = random_below(&r, 30);
      if (round % 6 == 2 && wdfs[i] > 1) counts[i]--;
      if (round % 6 == 3) wdfs[i] = 3 * counts[i];
      uint32_t at = random_below(&r, 300);
      for (uint32_t k = 0; k < counts[i]; k++) {
        positions[total++] = at;
        at += 1 + random_below(&r, random_below(&r, 9) == 0 ? 10000 : 30);
      }
    }
    buffer b = BUFFER_INIT;
    layout_chunk_encode(&b, wdfs, counts, n, positions);
    assert_true(buffer_reserve(&b, BITS_PAD));
    assert_true((b.size > 0) == (total > 0));
    layout_chunk c;
    if (total > 0) {
      assert_true(layout_chunk_open(&c, b.data, b.size, n));
      const uint32_t *p = positions, *at[POSTINGS_BLOCK];
      for (uint32_t i = 0; i < n; p += counts[i++]) {
        at[i] = p;
        if (random_below(&r, 3) == 0) continue;
        const uint32_t k = random_below(&r, 9) == 0 ? random_below(&r, i + 1) : i; /* also back */
        assert_true(layout_chunk_reach(&c, wdfs, k));
        assert_int_equal(c.counts[k], counts[k]);
        if (counts[k] > 0) assert_int_equal(c.firsts[k], at[k][0]);
        if (counts[k] > 0 && random_below(&r, 2) == 0) { /* no further than some position */
          const uint32_t enough = at[k][random_below(&r, counts[k])] + random_below(&r, 3) - 1;
          uint32_t some, wanted = 1;
          assert_true(layout_chunk_read_until(&c, wdfs, k, enough, out, &some));
          while (wanted < counts[k] && at[k][wanted - 1] < enough) wanted++;
          assert_int_equal(some, wanted);
          assert_memory_equal(out, at[k], some * sizeof *p);
          if (random_below(&r, 2) == 0) continue;
        }
        assert_true(layout_chunk_read(&c, wdfs, k, out));
        assert_memory_equal(out, at[k], counts[k] * sizeof *p);
      }
    }
    buffer_free(&b);
  }
  const uint32_t wdfs[] = { 1, 2 }, counts[] = { 1, 2 }, at[] = { 7, 2, 12 };
  buffer b = BUFFER_INIT;
  layout_chunk_encode(&b, wdfs, counts, 2, at);
  assert_hex(b.data, b.size, "1182ab05");
  buffer_free(&b);
}

static void test_inline(void **state) {
  (void)state;
  random_state r = { 8 };
  const layout_context x = { .items = 5000, .min_length = 3, .first_order = 7, .gap_order = 5 };
  uint32_t fitted = 0;
  for (int round = 0; round < 5000; round++) {
    const uint32_t n = 1 + random_below(&r, LAYOUT_INLINE_DF);
    uint32_t ordinals[LAYOUT_INLINE_DF], wdfs[LAYOUT_INLINE_DF], counts[LAYOUT_INLINE_DF], positions[200], total = 0;
    uint32_t next = 0, o[LAYOUT_INLINE_DF], w[LAYOUT_INLINE_DF];
    const bool filter = round % 5 == 0;
    for (uint32_t i = 0; i < n; i++) {
      next += random_below(&r, 4900 / n);
      ordinals[i] = next++;
      wdfs[i] = counts[i] = filter ? 0 : round % 5 == 1 ? 1 : random_below(&r, 4);
      if (round % 5 == 2) counts[i] = wdfs[i] = 1, wdfs[i] = 3;
      uint32_t at = random_below(&r, 500);
      for (uint32_t k = 0; k < counts[i]; k++, at += 1 + random_below(&r, 90)) positions[total++] = at;
    }
    uint8_t bytes[LAYOUT_INLINE_BYTES + BITS_PAD], mode;
    const size_t size = layout_inline_encode(bytes, &x, ordinals, wdfs, counts, n, positions, &mode);
    if (size == 0) continue;
    fitted++;
    layout_chunk c;
    assert_int_equal(layout_inline_size(bytes, size, &x, n, mode, total > 0), size);
    assert_true(layout_inline_decode(bytes, size, &x, n, mode, o, w, total > 0 ? &c : NULL));
    assert_memory_equal(o, ordinals, n * sizeof *o);
    assert_memory_equal(w, wdfs, n * sizeof *w);
    const uint32_t *p = positions;
    uint32_t out[200];
    for (uint32_t i = 0; total > 0 && i < n; p += counts[i++]) {
      assert_true(layout_chunk_reach(&c, w, i));
      assert_int_equal(c.counts[i], counts[i]);
      assert_true(layout_chunk_read(&c, w, i, out));
      assert_memory_equal(out, p, counts[i] * sizeof *p);
    }
  }
  assert_true(fitted > 3000);
}

/* ---------------------------------------------------------------- blocks of the dictionary and items */

static void test_leaf_vector(void **state) {
  (void)state;
  const uint64_t addresses[3] = { 1000, 2000, 3000 };
  static layout_leaf_builder b;
  layout_term t = { .term = { .df = 1, .cf = 1, .max_wdf = 1, .has_positions = true, .inline_size = 3,
                              .inline_bytes = { 0, 0xab, 0xcd } },
                    .flags = LAYOUT_OWN_STEM };
  uint8_t value[LAYOUT_VALUE_MAX];
  layout_leaf_begin(&b, addresses);
  size_t size = layout_term_encode(value, &t, 0, 0);
  assert_true(layout_leaf_add(&b, (const uint8_t *)"sale", 4, value, size, addresses));
  t = (layout_term){ .term = { .df = 300, .cf = 420, .max_wdf = 17, .min_length = 33, .has_positions = true,
                               .postings_size = 200, .positions_size = 500 },
                     .flags = LAYOUT_FOLDS };
  size = layout_term_encode(value, &t, 5, 28);
  assert_true(layout_leaf_add(&b, (const uint8_t *)"sales", 5, value, size, addresses));
  layout_leaf_end(&b);
  assert_hex(b.block, b.at,
             "02002d00e80300000000d00700000000b80b00000000"
             "0473616c65" "2aabcd" "4173" "70ac02f0011120c801f403051c");
  assert_hex(b.block + BLOCK_PLAIN - 2, 2, "1600");

  const layout_context x = { .items = 1000, .min_length = 9 };
  layout_leaf l;
  layout_term got;
  bool exact;
  assert_true(layout_leaf_open(&l, b.block));
  assert_true(layout_leaf_find(&l, (const uint8_t *)"sales", 5, layout_term_skip, &x, &exact));
  assert_true(exact);
  assert_true(layout_term_read(&l, &x, &got));
  assert_int_equal(got.term.df, 300);
  assert_int_equal(got.term.cf, 420);
  assert_int_equal(got.term.max_wdf, 17);
  assert_int_equal(got.term.min_length, 32);
  assert_int_equal(got.term.postings, 1000);
  assert_int_equal(got.term.skips, 1205); /* behind the postings */
  assert_int_equal(got.flags, LAYOUT_FOLDS);
}

static void test_top(void **state) {
  (void)state;
  static layout_top_builder b;
  uint32_t child;
  layout_top_begin(&b);
  assert_true(layout_top_add(&b, (const uint8_t *)"", 0, 0));
  assert_true(layout_top_add(&b, (const uint8_t *)"h", 1, 1));
  assert_true(layout_top_add(&b, (const uint8_t *)"sal", 3, 2));
  layout_top_end(&b);
  assert_hex(b.block, b.at, "03000800" "6873616c");
  assert_hex(b.block + BLOCK_PLAIN - 18, 18, "050002000000" "040001000000" "040000000000");
  static const struct {
    const char *key;
    uint32_t child;
  } cases[] = { { "", 0 }, { "a", 0 }, { "h", 1 }, { "hh", 1 }, { "sa", 1 }, { "sal", 2 }, { "z", 2 } };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_true(layout_top_find(b.block, (const uint8_t *)cases[i].key, strlen(cases[i].key), &child));
    assert_int_equal(child, cases[i].child);
  }
  uint8_t packed[LAYOUT_ROOT_MAX];
  const size_t packed_size = layout_top_pack(packed, b.block);
  assert_int_equal(packed_size, 26);
  assert_hex(packed, 26, "03000800" "6873616c" "050002000000" "040001000000" "040000000000");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_true(layout_top_find_packed(packed, packed_size, (const uint8_t *)cases[i].key,
                                       strlen(cases[i].key), &child));
    assert_int_equal(child, cases[i].child);
  }
  for (size_t cut = 0; cut < packed_size; cut++)
    assert_false(layout_top_find_packed(packed, cut, (const uint8_t *)"h", 1, &child));
  layout_top_begin(&b);
  for (uint32_t i = 0; i < 200; i++) {
    char name[16];
    snprintf(name, sizeof name, "key %04u", i);
    assert_true(layout_top_add(&b, (const uint8_t *)name, strlen(name), i));
  }
  layout_top_end(&b);
  assert_int_equal(layout_top_pack(packed, b.block), 0); /* too big */
}

static void test_item_vector(void **state) {
  (void)state;
  static layout_items_builder b;
  const layout_item item = { .id = { "m/1", 3 }, .kind = SDX_MESSAGE, .has_attachment = true, .has_text = true,
                             .date = 1700000000, .sent = 1699999990, .length = 300, .body_end = 120,
                             .size = 5000, .text_bytes = 2000, .stored_at = 640, .text_size = 900 };
  layout_item got;
  layout_items_begin(&b, 1700000100, 512);
  assert_true(layout_items_add(&b, &item));
  layout_items_end(&b);
  assert_hex(b.block, b.at,
             "01002500" "64f1536500000000" "000200000000"
             "5900" "64" "13" "ac02" "78" "8827" "d00f" "8001" "8407" "036d2f31");
  assert_true(layout_items_read(b.block, 0, &got));
  assert_true(got.date == item.date && got.sent == item.sent && got.stored_at == 640 && got.text_size == 900);
  assert_false(layout_items_read(b.block, 1, &got));
}

static void test_manifest(void **state) {
  (void)state;
  layout_manifest m = { .info = { .id = 0x1122334455667788u, .format = SEGMENT_FORMAT, .analyser = 1,
                                  .items = 20, .terms = 30, .classes = 4, .length = 999, .min_length = 7,
                                  .newest = 1700000000, .oldest = 1600000000, .language_count = 1,
                                  .languages = { "en" }, .text_bytes = 12345, .blocks = 14 },
                        .date_width = 4, .size_width = 2, .term_root = 3, .term_depth = 1,
                        .context = { .first_order = 7, .gap_order = 6 } };
  uint8_t block[BLOCK_PLAIN];
  layout_manifest got;
  sdx_error err;
  for (uint32_t i = 0; i < STREAM_COUNT; i++) m.blocks[i] = i;
  assert_false(layout_folds_may_have(m.folds, "cafe", 4));
  layout_folds_add(m.folds, "cafe", 4);
  assert_true(m.folds[3717 / 8] == 1 << 3717 % 8 && m.folds[2173 / 8] == 1 << 2173 % 8);
  assert_true(layout_folds_may_have(m.folds, "cafe", 4));
  assert_false(layout_folds_may_have(m.folds, "cafes", 5));
  layout_manifest_encode(block, &m);
  assert_hex(block, 60,
             "53445853" "0100" "0100" "8877665544332211" "14000000" "1e000000" "04000000"
             "e703000000000000" "07000000" "00f1536500000000" "00105e5f00000000" "39300000");
  assert_int_equal(layout_manifest_decode(&got, block, &err), SDX_OK);
  assert_memory_equal(&got.info, &m.info, sizeof m.info);
  assert_memory_equal(got.blocks, m.blocks, sizeof m.blocks);
  assert_memory_equal(got.folds, m.folds, sizeof m.folds);
  assert_true(got.term_top_size == 0 && got.class_top_size == 0);
  m.term_top = (const uint8_t *)"terms' root";
  m.term_top_size = 11;
  m.class_top = (const uint8_t *)"classes' root";
  m.class_top_size = 13;
  layout_manifest_encode(block, &m);
  assert_hex(block + 727, 4, "0b00" "0d00");
  assert_memory_equal(block + LAYOUT_ROOTS_AT, "terms' rootclasses' root", 24);
  assert_int_equal(layout_manifest_decode(&got, block, &err), SDX_OK);
  assert_true(got.term_top_size == 11 && got.class_top_size == 13);
  block[728] = 0x07; /* a root that is too big */
  assert_int_equal(layout_manifest_decode(&got, block, &err), SDX_DAMAGED);
  block[728] = 0;
  block[4] = 2; /* a newer format */
  assert_int_equal(layout_manifest_decode(&got, block, &err), SDX_DAMAGED);
  assert_non_null(strstr(err.message, "upgrade"));
  block[4] = 1;
  block[0] = 'X';
  assert_int_equal(layout_manifest_decode(&got, block, &err), SDX_DAMAGED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_numbers),     cmocka_unit_test(test_golomb),        cmocka_unit_test(test_bitpack),
    cmocka_unit_test(test_order),       cmocka_unit_test(test_blocks),        cmocka_unit_test(test_block_vectors),
    cmocka_unit_test(test_groups),        cmocka_unit_test(test_bounds),        cmocka_unit_test(test_chunks),        cmocka_unit_test(test_inline),
    cmocka_unit_test(test_leaf_vector), cmocka_unit_test(test_top),           cmocka_unit_test(test_item_vector),
    cmocka_unit_test(test_manifest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
