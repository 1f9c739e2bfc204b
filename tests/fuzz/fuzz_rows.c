/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rows of the store that anyone could have written, and the opened contents of those that are
 * sealed: head, sweep and account, holders, due rows, places, journal records, changes of
 * attributes. The input is a run of rows: table (1), size of the key (1), key, size of the value
 * (2), value.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/plain.h"
#include "index/change.h"
#include "index/due.h"
#include "index/holder.h"
#include "index/journal.h"
#include "index/meta.h"
#include "index/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t index_id[16] = "an index, id 16";

typedef struct bench {
  char dir[64];
  store *store;
  secret *table_key;
  seal_key *key;
} bench;

static void must(sdx_status status) {
  if (status != SDX_OK) abort();
}

static void clear_bench(void) {
  char path[96];
  snprintf(path, sizeof path, "/tmp/sealdex-fuzz-rows-%d", (int)getpid());
  char file[128];
  snprintf(file, sizeof file, "%s/data.mdb", path);
  (void)unlink(file);
  snprintf(file, sizeof file, "%s/lock.mdb", path);
  (void)unlink(file);
  (void)rmdir(path);
}

static bench *the_bench(void) {
  static bench b;
  if (b.store != NULL) return &b;
  secret *raw = NULL;
  must(crypto_start(NULL));
  snprintf(b.dir, sizeof b.dir, "/tmp/sealdex-fuzz-rows-%d", (int)getpid());
  char command[96];
  snprintf(command, sizeof command, "mkdir -p %s", b.dir);
  if (system(command) != 0) abort();
  (void)atexit(clear_bench);
  must(store_create(b.dir, NULL));
  must(store_open(&b.store, b.dir, NULL));
  must(secret_random(&b.table_key, NULL));
  must(secret_random(&raw, NULL));
  must(seal_key_new(&b.key, SEAL_XCHACHA20_POLY1305, raw, NULL));
  secret_free(raw);
  return &b;
}

/* What a place or a record would be behind its seal. */
static void open_sealed(bench *b, store_txn *t, sdx_bytes plain) {
  uint8_t blind[BLIND_SIZE] = { 1 }, sealed[512];
  nonce_pool pool;
  place p;
  nonce_pool_start(&pool);
  if (plain.size > 0 && plain.size + SEAL_ROW_OVERHEAD <= sizeof sealed) {
    seal_row(sealed, b->table_key, &pool, blind, (const uint8_t *)plain.data, plain.size);
    const sdx_bytes row = { (const char *)sealed, plain.size + SEAL_ROW_OVERHEAD };
    (void)!place_decode(&p, b->table_key, blind, row, NULL);
  }
  if (plain.size > 0 && plain.size + SEAL_OVERHEAD <= sizeof sealed) {
    /* The associated data of record 0 of holder 7, as index/journal.h has it. */
    uint8_t ad[44] = "sealdex record", key[14] = { 0, 0, 0, 0, 0, 0, 0, 7 };
    ad[14] = META_FORMAT;
    ad[15] = 0;
    memcpy(ad + 16, index_id, 16);
    ad[39] = 7;
    seal(sealed, b->key, &pool, ad, sizeof ad, (const uint8_t *)plain.data, plain.size);
    must(store_put(t, STORE_JOURNAL, key, sizeof key, sealed, plain.size + SEAL_OVERHEAD, NULL));
    buffer out = BUFFER_INIT;
    journal_record r;
    if (journal_get(t, index_id, b->key, 7, 0, &out, &r, NULL) == SDX_OK && r.body.size > 0 &&
        r.body.data[r.body.size - 1] == r.body.data[0])
      (void)r.time;
    buffer_free(&out);
  }
  nonce_pool_stop(&pool);
}

static void change(sdx_bytes bytes) {
  attributes *a = NULL;
  must(attributes_new(&a, NULL));
  must(attributes_add(a, "fINBOX", 6, 3, NULL));
  (void)!change_apply(a, 3, bytes, NULL);
  attributes_free(a);
}

static void read_all(store_txn *t) {
  static const char kinds[] = "BERSTX";
  meta_head head;
  meta_sweep sweep;
  int64_t closed;
  due_set *due = NULL;
  (void)!meta_head_get(t, &head, NULL);
  (void)!meta_sweep_get(t, &sweep, NULL);
  (void)!meta_closed_get(t, &closed, NULL);
  for (size_t i = 0; kinds[i] != '\0'; i++) {
    holder_row *rows = NULL;
    size_t count = 0;
    bool any;
    must(holder_list(t, NULL, (holder_kind)kinds[i], &rows, &count, NULL));
    must(holder_any(t, (holder_kind)kinds[i], &any, NULL));
    if (any != (count > 0)) abort();
    plain_free(rows);
  }
  if (due_set_load_some(&due, t, NULL, NULL, NULL) == SDX_OK) {
    for (size_t i = 0; i < due->count; i++) (void)due_time(&due->rows[i]);
    due_set_release(due);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bench *b = the_bench();
  store_txn *t = NULL;
  must(store_write_begin(b->store, &t, NULL));
  cursor c = cursor_over(data, size);
  for (unsigned rows = 0; cursor_left(&c) > 4 && rows < 100; rows++) {
    const unsigned table = cursor_get_u8(&c) % 7;
    size_t key_size = cursor_get_u8(&c);
    if (key_size > cursor_left(&c)) key_size = cursor_left(&c);
    const uint8_t *key = cursor_get(&c, key_size);
    size_t value_size = cursor_get_u16(&c);
    if (value_size > cursor_left(&c)) value_size = cursor_left(&c);
    const sdx_bytes value = { (const char *)cursor_get(&c, value_size), value_size };
    if (c.failed) break;
    if (table == 5)
      open_sealed(b, t, value);
    else if (table == 6)
      change(value);
    else if (key_size > 0)
      must(store_put(t, (store_table)table, key, key_size, value.data, value.size, NULL));
  }
  read_all(t);
  store_abort(t);
  return 0;
}
