/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of every kind against the vectors that row_vectors.py wrote from docs/format-rows.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/due.h"
#include "index/holder.h"
#include "index/journal.h"
#include "index/meta.h"
#include "index/place.h"

#include "golden_rows.h"

#define HOLDER UINT64_C(0x1122334455667788)
#define EPOCH UINT64_C(0x99AABBCCDDEEFF00)

typedef struct bench {
  char dir[64];
  store *store;
  secret *id_key, *table_key, *row_key, *holder_key;
  uint8_t index_id[16];
} bench;

#define assert_ok(call) assert_int_equal((call), SDX_OK)

static secret *key_from(uint8_t first) {
  uint8_t bytes[32];
  secret *s = NULL;
  for (unsigned i = 0; i < 32; i++) bytes[i] = (uint8_t)(first + i);
  assert_ok(secret_copy(&s, bytes, NULL));
  return s;
}

static int begin(void **state) {
  static bench b;
  b = (bench){ .dir = "/tmp/sealdex-rows-XXXXXX" };
  assert_ok(crypto_start(NULL));
  assert_non_null(mkdtemp(b.dir));
  assert_ok(store_create(b.dir, NULL));
  assert_ok(store_open(&b.store, b.dir, NULL));
  b.id_key = key_from(0x00);
  b.table_key = key_from(0x20);
  b.row_key = key_from(0x40);
  b.holder_key = key_from(0x60);
  for (unsigned i = 0; i < 16; i++) b.index_id[i] = (uint8_t)(0xa0 + i);
  *state = &b;
  return 0;
}

static int end(void **state) {
  bench *b = *state;
  static const char *const names[] = { "data.mdb", "lock.mdb" };
  char path[96];
  store_close(b->store);
  secret_free(b->id_key);
  secret_free(b->table_key);
  secret_free(b->row_key);
  secret_free(b->holder_key);
  for (size_t i = 0; i < 2; i++) {
    (void)snprintf(path, sizeof path, "%s/%s", b->dir, names[i]);
    (void)unlink(path);
  }
  (void)rmdir(b->dir);
  return 0;
}

/* The only row of the table, as it was written in this transaction. */
static void assert_wrote(store_txn *t, store_table table, const void *key, size_t key_size,
                         const uint8_t *wanted, size_t size) {
  sdx_bytes value;
  assert_ok(store_get(t, table, key, key_size, &value, NULL));
  assert_int_equal(value.size, size);
  assert_memory_equal(value.data, wanted, size);
}

static void a_place(void **state) {
  const bench *b = *state;
  uint8_t blind[BLIND_SIZE];
  place p;
  place_blind(blind, b->id_key, (sdx_bytes){ "item/1", 6 });
  assert_memory_equal(blind, golden_blind, sizeof blind);
  const sdx_bytes value = { (const char *)golden_place, sizeof golden_place };
  assert_ok(place_decode(&p, b->table_key, blind, value, NULL));
  assert_int_equal(p.state, PLACE_DELETED);
  assert_true(p.holder == HOLDER && p.ordinal == 5 && p.version == 9);
  assert_true(p.content == UINT64_C(0x0102030405060708) && p.attributes == 0x0a0b0c0d);
  assert_true(p.changed == 1700000000 && p.due == 1703888000 && p.expires == 0);
  blind[0] ^= 1; /* not under another key */
  assert_int_equal(place_decode(&p, b->table_key, blind, value, NULL), SDX_DAMAGED);
}

static void a_due_row(void **state) {
  bench *b = *state;
  const row_keys keys = { .owner = b->row_key, .depositor = b->table_key };
  const sdx_bytes key = { (const char *)golden_due_key, sizeof golden_due_key };
  const sdx_bytes value = { (const char *)golden_due, sizeof golden_due };
  due_row row;
  store_txn *t = NULL;
  assert_ok(due_decode(&row, &keys, key, value, NULL));
  assert_true(row.due == 1703888000 && row.since == 1700000000 && row.reason == DUE_DELETED);
  assert_true(row.holder == HOLDER && row.ordinal == 5 && !row.deposited);
  assert_memory_equal(row.blind, golden_blind, sizeof row.blind);
  assert_ok(store_write_begin(b->store, &t, NULL));
  assert_ok(due_put(t, &keys, &row, NULL));
  assert_wrote(t, STORE_DUE, golden_due_key, sizeof golden_due_key, golden_due, sizeof golden_due);

  assert_true(due_counts_from(&row, 3888000) == 1700000000);
  row.due -= 86400; /* it took over the due time of what was ended a day before it */
  assert_true(due_counts_from(&row, 3888000) == 1700000000 - 86400);
  row.due = DUE_UNSEEN;
  assert_true(due_counts_from(&row, 3888000) == 1700000000);
  store_abort(t);
}

static void a_holder(void **state) {
  bench *b = *state;
  const row_keys keys = { .owner = b->row_key, .depositor = b->table_key };
  const uint8_t key[9] = { 'S', 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
  holder_row row;
  store_txn *t = NULL;
  assert_ok(store_write_begin(b->store, &t, NULL));
  assert_ok(store_put(t, STORE_META, key, sizeof key, golden_holder, sizeof golden_holder, NULL));
  assert_ok(holder_get(t, &keys, HOLDER_SEGMENT, HOLDER, &row, NULL));
  assert_true(row.items == 1000 && row.number == 321 && row.time == 1700000000);
  assert_true(row.attributes_version == 2 && row.attributes_size == 4567);
  assert_true(row.format == 1 && row.analyser == 1 && row.was == KEYRING_SEGMENT);
  assert_ok(holder_put(t, &keys, &row, NULL));
  assert_wrote(t, STORE_META, key, sizeof key, golden_holder, sizeof golden_holder);
  store_abort(t);
}

static void the_head(void **state) {
  bench *b = *state;
  meta_head head;
  store_txn *t = NULL;
  assert_ok(store_write_begin(b->store, &t, NULL));
  assert_ok(store_put(t, STORE_META, "head", 4, golden_head, sizeof golden_head, NULL));
  assert_ok(meta_head_get(t, &head, NULL));
  assert_true(head.format == 1 && memcmp(head.index_id, b->index_id, 16) == 0);
  assert_true(head.generation == 7 && head.due_generation == 5 && head.epochs_ever == 3);
  assert_true(head.epoch == EPOCH && head.journal_records == 12 && head.journal_bytes == 34567);
  assert_true(head.keyring_generation == 4 && head.created == 1690000000);
  assert_true(head.keys == 2 && head.keys_since == 1695000000);
  assert_ok(meta_head_put(t, &head, NULL));
  assert_wrote(t, STORE_META, "head", 4, golden_head, sizeof golden_head);
  store_abort(t);
}

static void a_record(void **state) {
  bench *b = *state;
  const uint8_t key[14] = { 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0, 0, 0, 3, 0, 0 };
  seal_key *sealing = NULL;
  journal_record r;
  buffer plain = BUFFER_INIT;
  store_txn *t = NULL;
  assert_ok(seal_key_new(&sealing, SEAL_XCHACHA20_POLY1305, b->holder_key, NULL));
  assert_ok(store_write_begin(b->store, &t, NULL));
  assert_ok(
      store_put(t, STORE_JOURNAL, key, sizeof key, golden_record, sizeof golden_record, NULL));
  assert_ok(journal_get(t, b->index_id, sealing, EPOCH, 3, &plain, &r, NULL));
  assert_int_equal(r.type, JOURNAL_CHANGE);
  assert_true(r.time == 1700000001 && r.version == 9 && r.body.size == 5);
  assert_memory_equal(r.body.data, "hello", 5);
  assert_memory_equal(r.blind, golden_blind, sizeof r.blind);
  assert_int_equal(journal_sealed_size(r.body.size), sizeof golden_record);
  assert_int_equal(journal_get(t, b->index_id, sealing, EPOCH, 4, &plain, &r, NULL), SDX_NOT_FOUND);
  store_abort(t);
  buffer_free(&plain);
  seal_key_free(sealing);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_place, begin, end),
    cmocka_unit_test_setup_teardown(a_due_row, begin, end),
    cmocka_unit_test_setup_teardown(a_holder, begin, end),
    cmocka_unit_test_setup_teardown(the_head, begin, end),
    cmocka_unit_test_setup_teardown(a_record, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
