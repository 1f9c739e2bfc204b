/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-seeds DIR: writes first inputs for the targets whose formats a fuzzer would not find by
 * itself: records, attribute objects, segments, rows, and a store's pages. tests/fuzz/corpus holds
 * what fuzzing made of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/bytes.h"
#include "index/meta.h"
#include "segment/builder.h"
#include "segment/memory.h"
#include "store/store.h"

static int save(const char *dir, const char *name, const buffer *b) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "wb");
  if (f == NULL || b->failed) return -1;
  const size_t written = fwrite(b->data, 1, b->size, f);
  return fclose(f) == 0 && written == b->size ? 0 : -1;
}

static void make_record(buffer *out, bool full) {
  buffer text = BUFFER_INIT;
  record_fields_put(&text, "subject", "a subject", 9);
  record_fields_put(&text, "body", "words and more words", 20);
  const sdx_bytes held[] = { { "fINBOX", 6 }, { "gseen", 5 } };
  const record_term terms[] = { { { "more", 4 }, 1, 0, 1 }, { { "words", 5 }, 2, 1, 2 } };
  const uint32_t positions[] = { 3, 1, 4 };
  record r = { .id = { "an-id", 5 }, .kind = SDX_MESSAGE, .date = 1700000000, .language = "en" };
  if (full) {
    r.attributes = held;
    r.attribute_count = 2;
    r.text = (sdx_bytes){ (const char *)text.data, text.size };
    r.payload = (sdx_bytes){ "payload", 7 };
    r.terms = terms;
    r.term_count = 2;
    r.positions = positions;
    r.position_count = 3;
    r.length = 6;
    r.body_end = 4;
    r.text_bytes = 29;
  }
  record_encode(out, &r);
  buffer_free(&text);
}

static int make_attributes(buffer *out) {
  attributes *a = NULL;
  if (attributes_new(&a, NULL) != SDX_OK) return -1;
  int result = 0;
  for (uint32_t i = 0; i < 300; i++) {
    const char *key = i % 3 == 0 ? "fINBOX" : i % 3 == 1 ? "gseen" : "k1";
    if (attributes_add(a, key, strlen(key), i * i, NULL) != SDX_OK) result = -1;
  }
  attributes_encode(out, a);
  attributes_free(a);
  return result;
}

/* A segment of three items, in the shape that fuzz_segment.c reads. `long_list`: of 200, whose
 * words have lists with skips. */
static int make_segment(buffer *out, bool long_list) {
  text_analyser *a = NULL;
  inverter *v = NULL;
  memory_blocks *m = NULL;
  attributes *held = NULL;
  segment_info info;
  buffer encoded = BUFFER_INIT;
  record_arena arena = RECORD_ARENA_INIT;
  record r;
  sdx_status status = text_analyser_open(&a, "en", NULL);
  if (status == SDX_OK) status = inverter_new(&v, a, NULL);
  if (status == SDX_OK) status = memory_blocks_new(&m, NULL, NULL);
  const uint32_t items = long_list ? 200 : 3;
  for (uint32_t i = 0; i < items && status == SDX_OK; i++) {
    buffer_reset(&encoded);
    record_arena_reset(&arena);
    make_record(&encoded, i % 50 == 0 || !long_list);
    status = record_decode(&r, &arena, encoded.data, encoded.size, NULL);
    const record_term words[] = { { { "word", 4 }, 1 + i % 3, 0, 1 }, { { "words", 5 }, 1, 1, 1 } };
    const uint32_t positions[] = { 1 + i, 2 };
    char id[16];
    r.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "id/%u", i) };
    r.date += i;
    if (long_list) {
      r.terms = words;
      r.term_count = 2;
      r.positions = positions;
      r.position_count = 2;
      r.length = 4;
    }
    if (status == SDX_OK) status = inverter_add_record(v, &r, NULL);
  }
  if (status == SDX_OK) {
    const block_sink sink = memory_blocks_sink(m);
    status = inverter_write(v, 42, &sink, &held, NULL, &info, NULL);
  }
  const block_source source = m != NULL ? memory_blocks_source(m) : (block_source){ 0 };
  for (uint32_t stream = 0; stream < STREAM_COUNT && status == SDX_OK; stream++) {
    const uint8_t *block;
    for (uint32_t k = 0; (block = source.borrow(source.context, (segment_stream)stream, k)) != NULL;
         k++) {
      size_t size = BLOCK_PLAIN;
      while (size > 0 && block[size - 1] == 0) size--;
      buffer_put_u8(out, (uint8_t)stream);
      buffer_put_u8(out, (uint8_t)size);
      buffer_put_u8(out, (uint8_t)(size >> 8));
      buffer_put(out, block, size);
    }
  }
  attributes_free(held);
  inverter_free(v);
  if (m != NULL) memory_blocks_free(m);
  text_analyser_close(a);
  record_arena_free(&arena);
  buffer_free(&encoded);
  return status == SDX_OK && !out->failed ? 0 : -1;
}

static void put_row(buffer *out, uint8_t table, const void *key, size_t key_size, const void *value,
                    size_t size) {
  buffer_put_u8(out, table);
  buffer_put_u8(out, (uint8_t)key_size);
  buffer_put(out, key, key_size);
  buffer_put_u8(out, (uint8_t)size);
  buffer_put_u8(out, (uint8_t)(size >> 8));
  buffer_put(out, value, size);
}

/* Rows of every kind, of the right sizes. */
static void make_rows(buffer *out) {
  uint8_t bytes[128] = { META_FORMAT, 0 }, key[20] = { 0 };
  static const uint8_t change[] = { 1, 2, 1, 5, 'I', 'N', 'B', 'O', 'X', 4, 4, 's', 'e', 'e', 'n' };
  put_row(out, STORE_META, "head", 4, bytes, 86);
  put_row(out, STORE_META, "sweep", 5, bytes, 17);
  put_row(out, STORE_META, "account", 7, bytes, 8);
  for (const char *kind = "BERSTX"; *kind != '\0'; kind++) {
    key[0] = (uint8_t)*kind;
    key[8] = 5;
    put_row(out, STORE_META, key, 9, bytes, 60);
  }
  memset(key, 0, sizeof key);
  put_be_time(key, 1700000000);
  bytes[0] = 1;
  put_row(out, STORE_DUE, key, sizeof key, bytes, 57);
  bytes[0] = 0x83;
  key[19] = 9;
  put_row(out, STORE_DUE, key, sizeof key, bytes, 57);
  put_row(out, 5, "", 0, bytes, 30); /* a place, and a record, behind their seals */
  put_row(out, 5, "", 0, bytes, 54);
  put_row(out, 5, "", 0, bytes, 120);
  put_row(out, 6, "", 0, change, sizeof change);
}

/* A small data.mdb. */
static int make_pages(buffer *out, unsigned rows) {
  char dir[] = "/tmp/sealdex-seeds-XXXXXX", path[64];
  store *s = NULL;
  store_txn *t = NULL;
  static uint8_t block[STORE_BLOCK_SIZE];
  if (mkdtemp(dir) == NULL) return -1;
  sdx_status status = store_create(dir, NULL);
  if (status == SDX_OK) status = store_open(&s, dir, NULL);
  if (status == SDX_OK) status = store_write_begin(s, &t, NULL);
  for (unsigned i = 0; i < rows && status == SDX_OK; i++) {
    uint8_t key[4];
    put_be(key, i, 4);
    status = store_put(t, STORE_IDS, key, 4, block, 40, NULL);
    if (status == SDX_OK && i % 40 == 0)
      status = store_put(t, STORE_BLOCKS, key, 4, block, sizeof block, NULL);
    if (status == SDX_OK && i % 40 == 1) status = store_put(t, STORE_META, key, 4, block, 9, NULL);
  }
  if (status == SDX_OK) status = store_commit(t, NULL);
  store_close(s);
  snprintf(path, sizeof path, "%s/data.mdb", dir);
  FILE *f = fopen(path, "rb");
  for (int c; f != NULL && (c = fgetc(f)) != EOF;) buffer_put_u8(out, (uint8_t)c);
  if (f != NULL) fclose(f);
  (void)unlink(path);
  snprintf(path, sizeof path, "%s/lock.mdb", dir);
  (void)unlink(path);
  (void)rmdir(dir);
  return status == SDX_OK && out->size > 0 ? 0 : -1;
}

static int make_stores(const char *dir, buffer *b) {
  int result = 0;
  for (int i = 0; i < 2; i++) {
    buffer_reset(b);
    result |= make_segment(b, i == 1);
    result |= save(dir, i == 0 ? "segment" : "segment-long", b);
    buffer_reset(b);
    result |= make_pages(b, i == 0 ? 3 : 120);
    result |= save(dir, i == 0 ? "pages" : "pages-more", b);
  }
  buffer_reset(b);
  make_rows(b);
  return result | save(dir, "rows", b);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  buffer b = BUFFER_INIT;
  make_record(&b, true);
  int result = save(argv[1], "record-full", &b);
  buffer_reset(&b);
  make_record(&b, false);
  result |= save(argv[1], "record-bare", &b);
  buffer_reset(&b);
  result |= make_attributes(&b);
  result |= save(argv[1], "attributes", &b);
  result |= make_stores(argv[1], &b);
  buffer_free(&b);
  return result == 0 ? 0 : 1;
}
