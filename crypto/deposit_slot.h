/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deposit_slot.h - a slot that opens the deposit key, and no root.
 *
 * Its seed, pair and MAC key come of the deposit file's key as those of any slot. `sealed` holds the
 * deposit key, sealed to the slot's pair; the MAC covers that too. Under the deposit key the keyring
 * holds id key and table key, and the sealing of the table key binds the intake public half: a
 * depositor cannot be made to seal to somebody else's intake key. A change of root, or of id and table
 * key, leaves the box alone, so deposit files stay good.
 *
 * What a depositor adds to the keyring is authenticated under the append key, which is derived from
 * the slot's MAC key: the holder of the root can unwrap that one and check.
 */
#ifndef SEALDEX_CRYPTO_DEPOSIT_SLOT_H
#define SEALDEX_CRYPTO_DEPOSIT_SLOT_H

#include "crypto/pair.h"
#include "crypto/slot.h"

/* Draws a key for a new deposit file and writes its contents; see SDX_DEPOSIT_FILE_SIZE. */
sdx_status deposit_file_new(char out[SDX_DEPOSIT_FILE_SIZE], sdx_error *err) SDX_CHECK;
/* SDX_INVALID where the contents are not those of a deposit file. */
sdx_status deposit_file_read(secret **out, const sdx_secret *contents, sdx_error *err) SDX_CHECK;

sdx_status deposit_slot_make(slot *out, const sdx_secret *contents,
                             const uint8_t index_id[INDEX_ID_SIZE], const root_key *root,
                             const secret *deposit, sdx_error *err) SDX_CHECK;
/* Opens the slot with the keys that a deposit file gives at it. SDX_WRONG_KEY where it is
 * another's. */
sdx_status deposit_slot_open(secret **out, const slot *s, const slot_keys *keys,
                             const uint8_t index_id[INDEX_ID_SIZE],
                             const uint8_t commitment[COMMITMENT_SIZE], sdx_error *err) SDX_CHECK;

sdx_status deposit_append_key(secret **out, const secret *mac_key, sdx_error *err) SDX_CHECK;

#endif
