/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * epoch.h - the records of a journal epoch, of either kind.
 *
 * A reading writer's epoch has one symmetric key. A depositor's has a pair: each batch (the records of one
 * transaction) has a random key that is sealed to the epoch's public half and stands in the journal
 * under the sequence of the batch's first record, with part number 0xffff. The records' own key is
 * derived from the batch key and from the key that authenticates deposited rows:
 *
 *   derive(batch key, "sealdex deposit record 1", keyed(depositor's row key, "sealdex deposit batch 1" |
 *   index id (16) | epoch (8, big-endian)))
 *
 * so whoever finds the public half in the keyring, and has no deposit key, makes no record that opens.
 */
#ifndef SEALDEX_INDEX_EPOCH_H
#define SEALDEX_INDEX_EPOCH_H

#include "crypto/pair.h"
#include "index/journal.h"

typedef struct epoch_reader {
  holder_id id; /* 0: not open */
  keyring_kind kind;
  seal_key *key;  /* the epoch's, or of the batch that was last read */
  uint32_t batch; /* its first record */
  secret *secret_half;
  uint8_t public_half[PAIR_PUBLIC_SIZE];
} epoch_reader;

/* Opens the epoch, or bucket, whose key has this kind; what was open before is closed. SDX_NOT_FOUND where
 * the keyring lacks the key. */
sdx_status epoch_open(epoch_reader *r, sdx_index *index, keyring_kind kind, holder_id id,
                      sdx_error *err) SDX_CHECK;
/* As journal_get. */
sdx_status epoch_get(epoch_reader *r, sdx_index *index, store_txn *t, uint32_t sequence,
                     buffer *plain, journal_record *out, sdx_error *err) SDX_CHECK;
void epoch_close(epoch_reader *r); /* zeroed is fine */

/* journal_append for a depositor's handle. */
sdx_status epoch_deposit(write_txn *w, const journal_record *r, holder_id *holder,
                         uint32_t *sequence, sdx_error *err) SDX_CHECK;

#endif
