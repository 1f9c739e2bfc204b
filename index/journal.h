/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - sealed records, of journal epochs and of trash buckets.
 *
 *   key     holder (8) | sequence (4) | part (2), big-endian
 *   value   a part of the sealed record: 4,080 bytes but for the last part
 *
 *   record  type (1) | blind id (16) | time (8) | version (8) | size (4) | body | zeros
 *   sealed under the holder's key as one; its size is one of 256, 512, 1024, 1536, 2016, 4080 * n;
 *   associated data: "sealdex record" | format (2) | index id (16) | holder (8) | sequence (4)
 */
#ifndef SEALDEX_INDEX_JOURNAL_H
#define SEALDEX_INDEX_JOURNAL_H

#include "base/buffer.h"
#include "index/place.h"
#include "index/write.h"

#define JOURNAL_EPOCH_RECORDS 64
#define JOURNAL_EPOCH_AGE SDX_DAY
#define JOURNAL_EPOCH_KIB 16384
#define JOURNAL_BODY_MAX (200U << 20)

typedef enum journal_type {
  JOURNAL_ITEM = 1,  /* the body is a record (segment/record.h) */
  JOURNAL_CHANGE = 2 /* the body is a change of attributes (index/change.h) of one version */
} journal_type;

typedef struct journal_record {
  journal_type type;
  uint8_t blind[BLIND_SIZE];
  int64_t time;      /* when it was written; in the trash: when the item was deleted */
  uint64_t version;  /* of the item, as in its place */
  sdx_bytes body;
} journal_record;

/* Bytes that a record of this body takes when sealed; 0 where it is too big. */
size_t journal_sealed_size(size_t body_size);

/* Writes one record; *stored (may be NULL) is its sealed size. */
sdx_status journal_put(write_txn *w, const seal_key *key, holder_id holder, uint32_t sequence,
                       const journal_record *r, uint64_t *stored, sdx_error *err) SDX_CHECK;
/* Reads one record; it borrows `plain`, which is overwritten. SDX_NOT_FOUND where there is none. */
sdx_status journal_get(store_txn *t, const uint8_t index_id[16], const seal_key *key,
                       holder_id holder, uint32_t sequence, buffer *plain, journal_record *out,
                       sdx_error *err) SDX_CHECK;
sdx_status journal_delete(store_txn *t, holder_id holder, uint32_t sequence, sdx_error *err) SDX_CHECK;

/* True where the epoch has room and is young enough for one more record. */
bool journal_takes_more(const holder_row *epoch, int64_t now);
/* Counts a record of `stored` bytes that was appended to the epoch. */
void journal_count(write_txn *w, holder_row *epoch, const journal_record *r, uint64_t stored);

/* Appends to the open epoch, or to a new one where that is full, old, of the other kind, or not there. */
sdx_status journal_append(write_txn *w, const journal_record *r, holder_id *holder,
                          uint32_t *sequence, sdx_error *err) SDX_CHECK;

#endif
