/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyring.h - the small file that holds every wrapped key that opens content.
 *
 * Whoever destroys a key here destroys what it sealed, wherever copies of the ciphertext may be.
 * The file is two regions of one fixed size, aligned to 4 KiB, always written whole: write one,
 * sync, overwrite the other, sync; a failed sync stops before the second is touched. A reader takes
 * the valid region of the higher generation. Growth, and a swap, overwrite before they unlink.
 *
 * The caller serialises writers (under the store's write lock); readers need no lock. A keyring
 * object is used by one thread at a time, and gives SDX_FORKED in a forked child.
 * docs/format-crypto.md draws the file.
 */
#ifndef SEALDEX_CRYPTO_KEYRING_H
#define SEALDEX_CRYPTO_KEYRING_H

#include "crypto/seal.h"

typedef enum keyring_kind {
  KEYRING_SEGMENT = 1,
  KEYRING_EPOCH = 2,         /* a reading writer's journal epoch: symmetric */
  KEYRING_DEPOSIT_EPOCH = 3, /* a depositor's epoch: X25519 pair, secret sealed to the intake key */
  KEYRING_TRASH = 4,         /* a trash bucket; `due` says when */
  KEYRING_ID = 16,           /* keys blinding external ids ... */
  KEYRING_TABLE = 17,        /* ... sealing `ids` rows and authenticating `due` rows */
  KEYRING_INTAKE = 18,       /* X25519 pair that deposit epochs' secrets are sealed to */
  KEYRING_DEPOSIT = 19       /* seals id and table key; what deposit slots open */
} keyring_kind;

/* The last four kinds come in sets, under one id each: 0 in a new keyring, random in those that follow.
 * More than one set is there only while one is replaced by another; which of them counts stands in
 * the store, and the caller says so with keyring_use_set. Where these kinds are asked for with id 0,
 * the set in use is meant. */
static inline bool keyring_in_set(keyring_kind kind) { return kind >= KEYRING_ID; }

/* One entry as it shows without a key. */
typedef struct keyring_entry {
  keyring_kind kind;
  uint64_t id;   /* holder id; of the last four kinds the set's */
  int64_t due;   /* TRASH: when its earliest item falls due; else 0 */
  uint64_t born; /* keyring generation in which it entered */
} keyring_entry;

/* Why a key was destroyed, for the removal log and receipts. */
typedef enum keyring_reason {
  KEYRING_PURGED = 1, /* what it sealed was due */
  KEYRING_MERGED = 2, /* its content lives on, or was dropped as superseded, in a newer segment */
  KEYRING_UNPUBLISHED = 3, /* a crash left it behind; nothing refers to it */
  KEYRING_ACCOUNT = 4
} keyring_reason;

typedef struct keyring_removal {
  keyring_kind kind;
  uint64_t id;
  int64_t time;   /* as told by the caller */
  uint64_t items; /* how many items it held, as told by the caller */
  keyring_reason reason;
  uint64_t generation; /* of the keyring that no longer has it */
  uint8_t chain[32];   /* BLAKE2b of the previous chain value and this record */
} keyring_removal;

typedef struct keyring_options {
  seal_cipher cipher;  /* for new keys */
  uint32_t argon2_ops; /* passphrase slots; 0: the default (floor and ceiling are checked) */
  uint32_t argon2_mib;
} keyring_options;

typedef struct keyring keyring;

/* Creates DIR/keyring with a fresh index id, root key, id, table and intake keys, and one slot for
 * `first`. SDX_INVALID where one exists. The result is unlocked. */
sdx_status keyring_create(keyring **out, const char *dir, const sdx_secret *first,
                          const keyring_options *options, sdx_error *err) SDX_CHECK;

/* The same where the host keeps the keyring (NULL: the file). Borrowed as long as the keyring is open. */
sdx_status keyring_create_in(keyring **out, const char *dir, const sdx_keyring_storage *storage,
                             const sdx_secret *first, const keyring_options *options,
                             sdx_error *err) SDX_CHECK;
sdx_status keyring_open_in(keyring **out, const char *dir, const sdx_keyring_storage *storage,
                           sdx_error *err) SDX_CHECK;

/* Reads DIR/keyring without any key. SDX_SYSTEM where there is none, SDX_DAMAGED where neither
 * region is valid or the format is newer. */
sdx_status keyring_open(keyring **out, const char *dir, sdx_error *err) SDX_CHECK;
/* What shows of it without holding it open: read, and checked, as keyring_open_in does. `dir` is a
 * descriptor, and the caller's. */
typedef struct keyring_outline {
  uint8_t index_id[16];
  uint64_t generation, store_generation;
} keyring_outline;
sdx_status keyring_glance(keyring_outline *out, int dir, const sdx_keyring_storage *storage,
                          sdx_error *err) SDX_CHECK;
void keyring_close(keyring *k); /* wipes; NULL is fine */

/* Opens a slot with `s`: SDX_WRONG_KEY where none opens; SDX_DAMAGED where the authenticated set of
 * entries minus the removal log is not what stands there. A deposit key opens its slot alone: then
 * id and table key can be had, the rest of the keyring stays locked, and what is checked of it is
 * what this key appended. */
sdx_status keyring_unlock(keyring *k, const sdx_secret *s, sdx_error *err) SDX_CHECK;
/* Says which set is in use (0 until then). SDX_NOT_FOUND where it is not there: refresh; SDX_DAMAGED
 * where a depositor finds that its keys are not what they were. */
sdx_status keyring_use_set(keyring *k, uint64_t set, sdx_error *err) SDX_CHECK;
uint64_t keyring_set(const keyring *k);
bool keyring_unlocked(const keyring *k);   /* with a read key */
bool keyring_depositing(const keyring *k); /* with a deposit key */

/* Reads the file again if its generation moved; keys that are gone are wiped from memory. Keeps the
 * keyring unlocked if it was: also under a new root, where the secret that unlocked it still opens a
 * slot (else SDX_WRONG_KEY).
 * SDX_ROLLED_BACK where the file is older than what was read before. What is staged is forgotten.
 * On failure the keyring stays as it was. */
sdx_status keyring_refresh(keyring *k, sdx_error *err) SDX_CHECK;

/* A writer's first step: keyring_refresh, and if a crash or a failed write was before us, brings
 * both regions to the higher valid generation and removes what it left behind. Writes nothing where
 * they agree. */
sdx_status keyring_recover(keyring *k, sdx_error *err) SDX_CHECK;

/* *whole: both copies of the keyring can be read. A keyring that the host keeps has one. */
sdx_status keyring_check(const keyring *k, bool *whole, sdx_error *err) SDX_CHECK;

/* What shows without a key. */
/* All of these tell of what was last read or committed, not of what is staged. */
const uint8_t *keyring_index_id(const keyring *k); /* 16 bytes */
uint64_t keyring_generation(const keyring *k);
uint64_t keyring_store_generation(const keyring *k); /* the store's, at the last keyring_commit */
void keyring_digest(const keyring *k,
                    uint8_t out[32]); /* of the current region, for hosts to remember */
size_t keyring_count(const keyring *k);
keyring_entry keyring_at(const keyring *k, size_t i);
bool keyring_has(const keyring *k, keyring_kind kind, uint64_t id);
size_t keyring_slots(const keyring *k);
/* Slot i of 8 as it shows: its kind, 0 where it is empty, and the costs of a passphrase. */
typedef struct keyring_slot {
  int kind; /* sdx_secret_kind */
  uint32_t argon2_ops, argon2_mib;
} keyring_slot;
#define KEYRING_SLOTS 8
keyring_slot keyring_slot_at(const keyring *k, size_t i);
seal_cipher keyring_cipher(const keyring *k);

/* Keys, of an unlocked keyring, staged ones too. The result is the caller's. SDX_NOT_FOUND where no
 * such entry. Of INTAKE and DEPOSIT_EPOCH, the secret half. With a deposit key ID and TABLE alone;
 * SDX_WRONG_KEY for the others. */
sdx_status keyring_key(const keyring *k, keyring_kind kind, uint64_t id, seal_key **out,
                       sdx_error *err) SDX_CHECK;
sdx_status keyring_secret(const keyring *k, keyring_kind kind, uint64_t id, secret **out,
                          sdx_error *err) SDX_CHECK;

/* The public half of the intake key; NULL where there is none. It shows without a key; with a
 * deposit key it is one that whoever has the root vouches for, or NULL. */
const uint8_t *keyring_intake_public(const keyring *k); /* 32 bytes */

/* Deposit epochs, for batches of records that only the read key opens. A pair each: the public half
 * stands in the keyring, the secret half is sealed to the intake key.
 *
 * keyring_stage_epoch adds one, with a read key or a deposit key. keyring_epoch_public gives the
 * public half of one that the caller may trust: with a deposit key, only of those that were added
 * under it since the last keyed commit (SDX_NOT_FOUND for others: start another epoch); staged ones
 * too. Batch keys are sealed and opened with pair.h. */
sdx_status keyring_stage_epoch(keyring *k, uint64_t id, uint8_t public_half[32],
                               sdx_error *err) SDX_CHECK;
sdx_status keyring_epoch_public(const keyring *k, uint64_t id, uint8_t public_half[32],
                                sdx_error *err) SDX_CHECK;

/* Changes, made in memory and written by keyring_commit. `stage` calls fail on a locked keyring,
 * except keyring_stage_remove, which needs no key: it appends to the removal log. Adding what is
 * there is SDX_INVALID (ids are never used again); removing what is not is SDX_NOT_FOUND. `out` of
 * keyring_stage_add may be NULL. */
sdx_status keyring_stage_add(keyring *k, keyring_kind kind, uint64_t id, int64_t due,
                             seal_key **out, sdx_error *err) SDX_CHECK;
sdx_status keyring_stage_remove(keyring *k, keyring_kind kind, uint64_t id, keyring_reason reason,
                                int64_t time, uint64_t items, sdx_error *err) SDX_CHECK;

/* Writes both regions (generation + 1), noting the store's generation; an unlocked keyring also
 * authenticates the set of entries anew. On failure the in-memory state is as before staging or,
 * where a sync failed half-way, must be re-read with keyring_refresh. What was staged is forgotten
 * either way. SDX_INVALID, and nothing written, where the file moved on since it was read. A locked
 * keyring never lowers the store's generation. */
sdx_status keyring_commit(keyring *k, uint64_t store_generation, sdx_error *err) SDX_CHECK;
/* Forgets what was staged. */
void keyring_rollback(keyring *k);

/* The removal log, oldest first. */
size_t keyring_removals(const keyring *k);
keyring_removal keyring_removal_at(const keyring *k, size_t i);

/* The chain value behind `before`: with `removal` appended. Its own `chain` is not looked at. */
sdx_status keyring_chain_next(uint8_t out[32], const uint8_t before[32],
                              const keyring_removal *removal, sdx_error *err) SDX_CHECK;

/* Slots: at most 8. Adding needs an unlocked keyring; takes effect with keyring_commit. */
sdx_status keyring_slot_add(keyring *k, const sdx_secret *s, const keyring_options *options,
                            sdx_error *err) SDX_CHECK;
/* Adds a slot for a new deposit key and gives the contents of its file. Wipe them when done. */
sdx_status keyring_deposit_add(keyring *k, char contents[SDX_DEPOSIT_FILE_SIZE],
                               sdx_error *err) SDX_CHECK;
/* Removes what `s` opens; never the last slot of a read key (SDX_INVALID). */
sdx_status keyring_slot_remove(keyring *k, const sdx_secret *s, sdx_error *err) SDX_CHECK;
/* Adds a set of keys, and gives its id. Deposit keys go on to open the new set, or with `revoke` they are
 * all taken back. Takes effect with keyring_commit. */
sdx_status keyring_stage_set(keyring *k, bool revoke, uint64_t *set, sdx_error *err) SDX_CHECK;
/* Puts `is` in the place of what `was` opens. SDX_WRONG_KEY where that opens nothing. */
sdx_status keyring_slot_replace(keyring *k, const sdx_secret *was, const sdx_secret *is,
                                const keyring_options *options, sdx_error *err) SDX_CHECK;
/* A new root key; every slot is rewrapped to its public key, and deposit files stay good. Takes
 * effect with keyring_commit; other handles then get SDX_WRONG_KEY from keyring_refresh and open
 * the keyring again. On failure what was staged is forgotten. */
sdx_status keyring_rekey(keyring *k, sdx_error *err) SDX_CHECK;

/* Overwrites both regions with noise, syncs, and unlinks: the end of the account's keys. SDX_OK
 * where there is nothing left to destroy. */
sdx_status keyring_destroy(const char *dir, sdx_error *err) SDX_CHECK;
sdx_status keyring_destroy_in(const char *dir, const sdx_keyring_storage *storage,
                              sdx_error *err) SDX_CHECK;

/* Fault injection for tests: when set, called before every system call that changes the disk; a
 * result other than 0 is an errno with which that call fails (a write after half of its bytes). */
#ifdef SEALDEX_FAULTS
typedef enum keyring_op {
  KEYRING_OP_OPEN,
  KEYRING_OP_WRITE,
  KEYRING_OP_SYNC,
  KEYRING_OP_RENAME,
  KEYRING_OP_UNLINK,
  KEYRING_OP_SYNC_DIR
} keyring_op;

typedef struct keyring_call {
  keyring_op op;
  int fd;      /* of the file (WRITE, SYNC), else of the directory */
  uint64_t at; /* WRITE: the range */
  size_t size;
} keyring_call;

extern int (*keyring_fault)(const keyring_call *call);
#endif

#endif
