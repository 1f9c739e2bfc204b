/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the files give away without a key; docs/threat-model.md lists the same. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/due.h"
#include "index/holder.h"
#include "index/meta.h"
#include "indexer/receipt.h"

typedef struct teller {
  void (*line)(void *context, const char *name, const char *value);
  void *context;
} teller;

static void tell(const teller *t, const char *name, const char *format, ...) SDX_PRINTF(3, 4);
static void tell(const teller *t, const char *name, const char *format, ...) {
  char value[128];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(value, sizeof value, format, args);
  va_end(args);
  t->line(t->context, name, value);
}

static const char *kind_name(keyring_kind kind) {
  switch (kind) {
  case KEYRING_SEGMENT: return "segment";
  case KEYRING_EPOCH: return "journal epoch";
  case KEYRING_DEPOSIT_EPOCH: return "deposit epoch";
  case KEYRING_TRASH: return "trash bucket";
  case KEYRING_ID: return "id key";
  case KEYRING_TABLE: return "table key";
  case KEYRING_INTAKE: return "intake key";
  case KEYRING_DEPOSIT: return "deposit key";
  }
  return "other";
}

static void tell_slots(const teller *t, const keyring *k) {
  for (size_t i = 0; i < KEYRING_SLOTS; i++) {
    const keyring_slot s = keyring_slot_at(k, i);
    if (s.kind == SDX_SECRET_KEY) tell(t, "slot", "key");
    else if (s.kind == SDX_SECRET_DEPOSIT) tell(t, "slot", "deposit key");
    else if (s.kind == SDX_SECRET_PASSPHRASE)
      tell(t, "slot", "passphrase, Argon2id, %" PRIu32 " passes over %" PRIu32 " MiB", s.argon2_ops,
           s.argon2_mib);
  }
}

static void tell_keyring(const teller *t, const keyring *k) {
  const uint8_t *id = keyring_index_id(k);
  char hex[33];
  for (int i = 0; i < 16; i++) snprintf(hex + 2 * i, 3, "%02x", id[i]);
  tell(t, "index id", "%s", hex);
  tell(t, "keyring generation", "%" PRIu64, keyring_generation(k));
  tell(t, "cipher", "%d", (int)keyring_cipher(k));
  tell(t, "key slots", "%zu", keyring_slots(k));
  tell_slots(t, k);
  for (size_t i = 0; i < keyring_count(k); i++) {
    const keyring_entry e = keyring_at(k, i);
    if (e.kind == KEYRING_TRASH)
      tell(t, "key", "%s %016" PRIx64 ", born in generation %" PRIu64 ", due %" PRId64,
           kind_name(e.kind), e.id, e.born, e.due);
    else
      tell(t, "key", "%s %016" PRIx64 ", born in generation %" PRIu64, kind_name(e.kind), e.id,
           e.born);
  }
  for (size_t i = 0; i < keyring_removals(k); i++) {
    const keyring_removal r = keyring_removal_at(k, i);
    tell(t, "removed key", "%s %016" PRIx64 " at %" PRId64 ", held %" PRIu64 ", reason %d",
         kind_name(r.kind), r.id, r.time, r.items, (int)r.reason);
  }
}

static sdx_status tell_holders(const teller *t, store_txn *txn, holder_kind kind, const char *name,
                               sdx_error *err) {
  holder_row *rows = NULL;
  size_t count = 0;
  const sdx_status status = holder_list(txn, NULL, kind, &rows, &count, err);
  for (size_t i = 0; status == SDX_OK && i < count; i++)
    tell(t, name, "%016" PRIx64 ", items %" PRIu32 ", blocks %" PRIu64, rows[i].id, rows[i].items,
         kind == HOLDER_SEGMENT ? rows[i].number : 0);
  plain_free(rows);
  return status;
}

/* Rows that fall due together, in one holder, for one reason. */
typedef struct due_run {
  int64_t due;
  holder_id holder;
  due_reason reason;
  bool deposited;
  uint64_t count;
} due_run;

static const char *reason_name(due_reason reason) {
  return reason == DUE_DELETED ? "deleted" : reason == DUE_SUPERSEDED ? "superseded" : "expiring";
}

static void tell_run(const teller *t, const due_run *r) {
  if (r->count == 0) return;
  if (r->due == DUE_UNSEEN)
    tell(t, "falls due", "when a sweep has seen it, %" PRIu64 " %s in %016" PRIx64 ", deposited", r->count,
         reason_name(r->reason), r->holder);
  else
    tell(t, "falls due", "%" PRId64 ", %" PRIu64 " %s in %016" PRIx64 "%s", r->due, r->count,
         reason_name(r->reason), r->holder, r->deposited ? ", deposited" : "");
}

static void count_due(const teller *t, due_run *run, const due_row *row) {
  const due_run next = { due_time(row), row->holder, row->reason, row->deposited, 1 };
  if (run->count > 0 && run->due == next.due && run->holder == next.holder && run->reason == next.reason &&
      run->deposited == next.deposited) {
    run->count++;
    return;
  }
  tell_run(t, run);
  *run = next;
}

static sdx_status tell_due(const teller *t, store_txn *txn, sdx_error *err) {
  uint64_t counts[4] = { 0 };
  int64_t first = 0;
  due_run run = { 0 };
  store_cursor *c = NULL;
  sdx_bytes key, value;
  due_row row;
  sdx_status status = store_cursor_open(txn, STORE_DUE, &c, err);
  if (status != SDX_OK) return status;
  for (status = store_cursor_seek(c, NULL, 0, &key, &value, err); status == SDX_OK;
       status = store_cursor_next(c, &key, &value, err)) {
    status = due_decode(&row, NULL, key, value, err);
    if (status != SDX_OK) break;
    if (first == 0) first = row.due;
    if (row.reason >= DUE_DELETED && row.reason <= DUE_EXPIRES) counts[row.reason]++;
    count_due(t, &run, &row);
  }
  store_cursor_close(c);
  if (status != SDX_NOT_FOUND) return status;
  tell_run(t, &run);
  tell(t, "deleted versions", "%" PRIu64, counts[DUE_DELETED]);
  tell(t, "superseded versions", "%" PRIu64, counts[DUE_SUPERSEDED]);
  tell(t, "versions that expire", "%" PRIu64, counts[DUE_EXPIRES]);
  if (first != 0) tell(t, "first falls due", "%" PRId64, first);
  return SDX_OK;
}

/* ---------------------------------------------------------------- sizes of rows */

typedef struct row_size {
  size_t size;
  uint64_t rows;
} row_size;

typedef struct row_sizes {
  row_size *of;
  size_t count;
} row_sizes;

static bool count_size(row_sizes *s, size_t size) {
  for (size_t i = 0; i < s->count; i++)
    if (s->of[i].size == size) {
      s->of[i].rows++;
      return true;
    }
  row_size *grown = plain_resize(s->of, (s->count + 1) * sizeof *grown);
  if (grown == NULL) return false;
  s->of = grown;
  s->of[s->count++] = (row_size){ size, 1 };
  return true;
}

static int by_size(const void *a, const void *b) {
  const size_t x = ((const row_size *)a)->size, y = ((const row_size *)b)->size;
  return (x > y) - (x < y);
}

/* What the table's pages say of sealed values: how many there are of each size. */
static sdx_status tell_sizes(const teller *t, store_txn *txn, store_table table, const char *name,
                             sdx_error *err) {
  row_sizes sizes = { 0 };
  store_cursor *c = NULL;
  sdx_bytes key, value;
  sdx_status status = store_cursor_open(txn, table, &c, err);
  if (status != SDX_OK) return status;
  for (status = store_cursor_seek(c, NULL, 0, &key, &value, err); status == SDX_OK;
       status = store_cursor_next(c, &key, &value, err))
    if (!count_size(&sizes, value.size)) {
      status = error_memory(err);
      break;
    }
  store_cursor_close(c);
  if (sizes.count > 1) qsort(sizes.of, sizes.count, sizeof *sizes.of, by_size);
  for (size_t i = 0; status == SDX_NOT_FOUND && i < sizes.count; i++)
    tell(t, name, "%" PRIu64 " of %zu bytes", sizes.of[i].rows, sizes.of[i].size);
  plain_free(sizes.of);
  return status == SDX_NOT_FOUND ? SDX_OK : status;
}

static sdx_status tell_tables(const teller *t, store_txn *txn, sdx_error *err) {
  static const char *const names[STORE_TABLES] = {
    [STORE_META] = "rows of meta",     [STORE_IDS] = "rows of ids",         [STORE_DUE] = "rows of due",
    [STORE_BLOCKS] = "rows of blocks", [STORE_JOURNAL] = "rows of journal",
  };
  sdx_status status = SDX_OK;
  for (int i = 0; status == SDX_OK && i < STORE_TABLES; i++)
    status = tell_sizes(t, txn, (store_table)i, names[i], err);
  return status;
}

static sdx_status tell_meta(const teller *t, store_txn *txn, sdx_error *err) {
  meta_head head;
  meta_sweep sweep;
  int64_t closed = 0, upkeep = 0;
  sdx_status status = meta_head_get(txn, &head, err);
  if (status == SDX_OK) status = meta_upkeep_get(txn, &upkeep, err);
  if (status == SDX_OK) status = meta_sweep_get(txn, &sweep, err);
  if (status == SDX_OK) status = meta_closed_get(txn, &closed, err);
  if (status != SDX_OK) return status;
  tell(t, "format", "%u", (unsigned)head.format);
  tell(t, "generation", "%" PRIu64, head.generation);
  tell(t, "created", "%" PRId64, head.created);
  tell(t, "id and row keys since", "%" PRId64, head.keys_since);
  tell(t, "journal records", "%" PRIu32, head.journal_records);
  tell(t, "journal bytes", "%" PRIu64, head.journal_bytes);
  if (sweep.ever) tell(t, "last sweep", "%" PRId64, sweep.last);
  if (upkeep != 0) tell(t, "last upkeep with the key", "%" PRId64, upkeep);
  if (closed != 0) tell(t, "account", "closed at %" PRId64, closed);
  else tell(t, "account", "open");
  return SDX_OK;
}

static sdx_status tell_store(const teller *t, store *s, sdx_error *err) {
  store_txn *txn = NULL;
  store_space space;
  sdx_status status = store_measure(s, &space, err);
  if (status == SDX_OK) status = store_read_begin(s, &txn, err);
  if (status != SDX_OK) return status;
  tell(t, "file bytes", "%" PRIu64, space.file_size);
  tell(t, "transactions", "%" PRIu64, space.transactions);
  tell(t, "used bytes", "%" PRIu64, space.used_pages * space.page_size);
  tell(t, "ids (items, live and deleted)", "%" PRIu64, space.entries[STORE_IDS]);
  tell(t, "sealed blocks", "%" PRIu64, space.entries[STORE_BLOCKS]);
  tell(t, "sealed record parts", "%" PRIu64, space.entries[STORE_JOURNAL]);
  status = tell_meta(t, txn, err);
  if (status == SDX_OK) status = tell_holders(t, txn, HOLDER_SEGMENT, "segment", err);
  if (status == SDX_OK) status = tell_holders(t, txn, HOLDER_EPOCH, "epoch", err);
  if (status == SDX_OK) status = tell_holders(t, txn, HOLDER_TRASH, "trash bucket", err);
  if (status == SDX_OK) status = tell_holders(t, txn, HOLDER_LOST, "destroyed with living items", err);
  if (status == SDX_OK) status = tell_due(t, txn, err);
  if (status == SDX_OK) status = tell_tables(t, txn, err);
  store_read_end(txn);
  return status;
}

sdx_status sdx_inspect(const char *dir, const sdx_keyring_storage *storage,
                       void (*line)(void *, const char *, const char *), void *context,
                       sdx_error *err) {
  const teller t = { line, context };
  keyring *k = NULL;
  store *s = NULL;
  if (line == NULL) return error_no_callback(err);
  sdx_status status = crypto_start(err);
  if (status == SDX_OK) status = keyring_open_in(&k, dir, storage, err);
  if (status == SDX_OK) tell_keyring(&t, k);
  if (status == SDX_OK) status = store_open(&s, dir, err);
  if (status == SDX_OK) status = tell_store(&t, s, err);
  if (s != NULL) store_close(s);
  keyring_close(k);
  return status;
}

sdx_status sdx_receipts(const char *dir, const sdx_keyring_storage *storage,
                        void (*each)(void *, const sdx_receipt *), void *context, sdx_error *err) {
  keyring *k = NULL;
  if (each == NULL) return error_no_callback(err);
  sdx_status status = crypto_start(err);
  if (status == SDX_OK) status = keyring_open_in(&k, dir, storage, err);
  for (size_t i = 0; status == SDX_OK && i < keyring_removals(k); i++) {
    const sdx_receipt receipt = receipt_of(k, i);
    each(context, &receipt);
  }
  keyring_close(k);
  return status;
}

sdx_status sdx_compact(const char *dir, sdx_error *err) {
  store *s = NULL;
  sdx_status status = store_open(&s, dir, err);
  if (status != SDX_OK) return status;
  status = store_maintenance_lock(s, false, err);
  if (status == SDX_OK) {
    status = store_compact(s, err);
    store_maintenance_unlock(s);
  }
  store_close(s);
  return status;
}
