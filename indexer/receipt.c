/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receipts judged against the keyring as it stands. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "indexer/receipt.h"

sdx_receipt receipt_of(const keyring *k, size_t i) {
  const keyring_removal r = keyring_removal_at(k, i);
  sdx_receipt receipt = { .kind = (int)r.kind, .key_id = r.id, .time = r.time, .items = r.items,
                          .reason = (int)r.reason, .generation = r.generation };
  memcpy(receipt.chain, r.chain, sizeof receipt.chain);
  return receipt;
}

typedef struct judging {
  const keyring *keyring;
  const sdx_receipt *receipts;
  size_t count;
  void (*report)(void *context, const char *line);
  void *context;
  uint64_t problems;
} judging;

static void complain(judging *j, const char *format, ...) SDX_PRINTF(2, 3);
static void complain(judging *j, const char *format, ...) {
  char line[160];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(line, sizeof line, format, args);
  va_end(args);
  j->problems++;
  if (j->report != NULL) j->report(j->context, line);
}

static keyring_removal removal_of(const sdx_receipt *r) {
  keyring_removal removal = { .kind = (keyring_kind)r->kind, .id = r->key_id, .time = r->time,
                              .items = r->items, .reason = (keyring_reason)r->reason,
                              .generation = r->generation };
  memcpy(removal.chain, r->chain, sizeof removal.chain);
  return removal;
}

static void check_absent(judging *j, const sdx_receipt *r) {
  if (keyring_has(j->keyring, (keyring_kind)r->kind, r->key_id))
    complain(j, "key %016" PRIx64 " was destroyed by its receipt, and is in the keyring", r->key_id);
}

/* Between the receipts of two exports the log may have dropped records: then the chain has a gap. */
static sdx_status check_chain(judging *j, size_t i, sdx_error *err) {
  const keyring_removal removal = removal_of(&j->receipts[i]);
  uint8_t chain[32];
  const sdx_status status = keyring_chain_next(chain, j->receipts[i - 1].chain, &removal, err);
  if (status == SDX_OK && memcmp(chain, removal.chain, sizeof chain) != 0)
    complain(j, "the receipt of key %016" PRIx64 " does not follow from the one before it",
             removal.id);
  return status;
}

static bool has_receipt(const judging *j, const keyring_removal *removal) {
  for (size_t i = 0; i < j->count; i++)
    if (memcmp(j->receipts[i].chain, removal->chain, sizeof removal->chain) == 0) return true;
  return false;
}

/* Receipts and log share a stretch of the chain: what the log holds beyond it came later. A generation
 * that the log covers, with a receipt that the log lacks, is a forgery of one of them. */
static void check_log(judging *j) {
  const size_t kept = keyring_removals(j->keyring);
  const uint64_t newest = j->count > 0 ? j->receipts[j->count - 1].generation : 0;
  if (newest > keyring_generation(j->keyring))
    complain(j, "the keyring is older than the newest receipt: an old copy was put back");
  for (size_t i = 0; i < kept; i++) {
    const keyring_removal removal = keyring_removal_at(j->keyring, i);
    if (removal.generation <= newest && j->count > 0 &&
        removal.generation >= j->receipts[0].generation && !has_receipt(j, &removal))
      complain(j, "the removal of key %016" PRIx64 " has no receipt that agrees", removal.id);
  }
}

sdx_status sdx_receipts_verify(const char *dir, const sdx_keyring_storage *storage,
                               const sdx_receipt *receipts, size_t count,
                               void (*report)(void *, const char *), void *context,
                               uint64_t *problems, sdx_error *err) {
  keyring *k = NULL;
  if (dir == NULL || (receipts == NULL && count > 0))
    return error_set(err, SDX_INVALID, "a directory and receipts are needed");
  sdx_status status = crypto_start(err);
  if (status == SDX_OK) status = keyring_open_in(&k, dir, storage, err);
  judging j = { .keyring = k, .receipts = receipts, .count = count, .report = report,
                .context = context };
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    check_absent(&j, &receipts[i]);
    if (i > 0) status = check_chain(&j, i, err);
  }
  if (status == SDX_OK) check_log(&j);
  keyring_close(k);
  if (problems != NULL) *problems = j.problems;
  if (status == SDX_OK && j.problems > 0)
    status = error_set(err, SDX_DAMAGED, "%" PRIu64 " receipts do not hold", j.problems);
  return status;
}
