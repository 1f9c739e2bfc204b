/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * region.h - the contents of a keyring, and their form on disk: one region.
 *
 *   header | 8 slots | entries | husks | removal records | zeros | checksum
 *
 * Entries are the wrapped keys, in the order of (kind, id). A husk is what a removal without the
 * read key leaves of an entry: its clear fields and the digest of its wrapped bytes, so that the
 * next keyed open can still check the set that the last keyed writer authenticated. A keyed commit
 * drops husks.
 *
 * A depositor has no root key and cannot renew the proof over the set. What it adds is *appended*:
 * the entry names the depositor's slot, and all entries and husks of one slot are authenticated
 * together, under that slot's append key and bound to the proof they came after. A keyed open
 * checks the set, then each slot's appended entries; a keyed commit takes those into the set.
 * docs/format-crypto.md draws all of this to the byte.
 */
#ifndef SEALDEX_CRYPTO_REGION_H
#define SEALDEX_CRYPTO_REGION_H

#include "crypto/slot.h"

#define REGION_VERSION 1
#define REGION_MIN 16384
#define REGION_MAX (4U << 20)
#define REGION_SLOTS 8
#define REGION_DIGEST_SIZE 32

#define REGION_REMOVALS_KEPT 256 /* records of older commits that are kept where there is room */
#define REGION_REMOVALS_MIN 64   /* ... and for which a region grows */

/* Unwrapped: public_half zeros for symmetric keys. `sealed` is 80 bytes of seal() under the wrap
 * key; for id and table key, under the deposit key of their set; for a deposit epoch, of
 * crypto_box_seal to the intake key. */
typedef struct region_entry {
  keyring_entry shown;
  seal_cipher cipher;
  uint8_t appended; /* 0: in the proven set; else 1 + the number of the slot that added it */
  uint8_t public_half[32];
  uint8_t sealed[SECRET_SIZE + SEAL_OVERHEAD];
} region_entry;

typedef struct region_husk {
  keyring_entry shown;
  seal_cipher cipher;
  uint8_t appended;
  uint8_t digest[32]; /* of public_half and sealed */
} region_husk;

typedef struct region {
  uint32_t size; /* bytes on disk */
  uint8_t index_id[INDEX_ID_SIZE];
  uint64_t generation;
  uint64_t store_generation;
  seal_cipher cipher;     /* for new keys */
  uint64_t removals_ever; /* records ever appended; the newest of them stand in `removals` */
  uint8_t chain_base[32]; /* chain value before the oldest record kept */

  /* As the last keyed commit left it, which the proof covers together with slots and entries. */
  uint64_t proven_generation;
  uint64_t proven_store_generation;
  uint64_t proven_removals;
  uint8_t proven_chain[32];
  uint8_t commitment[COMMITMENT_SIZE];
  uint8_t proof[32];
  uint8_t appended_proofs[REGION_SLOTS][32]; /* zeros where the slot appended nothing */

  slot slots[REGION_SLOTS];
  region_entry *entries;
  size_t entry_count;
  region_husk *husks;
  size_t husk_count;
  keyring_removal *removals; /* oldest first */
  size_t removal_count;

  uint8_t digest[REGION_DIGEST_SIZE]; /* the checksum on disk */
} region;

/* An empty region of the smallest size; region_free frees what hangs on any region. */
void region_init(region *r, const uint8_t index_id[INDEX_ID_SIZE], seal_cipher cipher);
void region_free(region *r);
sdx_status region_copy(region *out, const region *from, sdx_error *err) SDX_CHECK;

/* Reads the bytes of one region, which may be anything: a pure function. SDX_DAMAGED where they are
 * not exactly what region_encode writes; *out then needs no freeing. All that can be checked
 * without a key is: structure, order, checksum, chain, and that husks are those of the log. */
sdx_status region_decode(region *out, const uint8_t *bytes, size_t size, sdx_error *err) SDX_CHECK;

/* True where the bytes begin as a region of a newer format does. */
bool region_is_newer(const uint8_t *bytes, size_t size);

/* Writes r->size bytes into `out`, and r->digest. region_fit must have been asked before. */
sdx_status region_encode(region *r, uint8_t *out, sdx_error *err) SDX_CHECK;

/* Makes the contents fit: forgets removal records of commits before this generation that the proof
 * does not need, down to REGION_REMOVALS_KEPT, further where room is short, and doubles the size
 * where that is not enough. SDX_NO_SPACE at REGION_MAX. */
sdx_status region_fit(region *r, sdx_error *err) SDX_CHECK;

/* The entry; NULL where there is none. */
region_entry *region_find(const region *r, keyring_kind kind, uint64_t id);
/* Inserts a zeroed entry at its place; SDX_INVALID where (kind, id) stands there, dead or alive. */
sdx_status region_insert(region *r, region_entry **out, keyring_kind kind, uint64_t id,
                         sdx_error *err) SDX_CHECK;
/* Turns an entry into a husk and appends `record` (its chain value is computed here). */
sdx_status region_remove(region *r, region_entry *entry, const keyring_removal *record,
                         sdx_error *err) SDX_CHECK;

/* The chain value behind `before`. False where memory ran out. */
bool region_chain_step(uint8_t out[32], const uint8_t before[32], const keyring_removal *record);
/* The chain value of the newest record. */
const uint8_t *region_chain(const region *r);

/* Takes what was appended into the set, drops the husks, notes what is proven from now on, and
 * computes the proof. */
sdx_status region_prove(region *r, const root_key *root, sdx_error *err) SDX_CHECK;
/* SDX_DAMAGED where the proof does not hold for slots, entries and husks, or an appended proof for
 * what that slot appended. */
sdx_status region_check_proof(const region *r, const root_key *root, sdx_error *err) SDX_CHECK;

/* The proof over what slot number `slot` appended, under its append key. */
sdx_status region_prove_appended(region *r, size_t slot_number, const secret *append_key,
                                 sdx_error *err) SDX_CHECK;
sdx_status region_check_appended(const region *r, size_t slot_number, const secret *append_key,
                                 sdx_error *err) SDX_CHECK;

/* Associated data of an entry's sealing: everything of it that stands in clear; of a table key also the
 * intake public half of its set. */
void region_entry_identity(buffer *b, const region *r, const region_entry *entry);

#endif
