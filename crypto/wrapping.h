/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wrapping.h - the keys of a region, wrapped: id key and table key under the deposit key of their set, all
 * others under the root, each with its entry's identity as associated data (docs/format-crypto.md).
 */
#ifndef SEALDEX_CRYPTO_WRAPPING_H
#define SEALDEX_CRYPTO_WRAPPING_H

#include "crypto/region.h"

/* True for an id key or a table key: a depositor needs them too. */
bool wrapped_by_deposit_key(keyring_kind kind);
/* Under a key that is at hand. *out is the caller's. SDX_DAMAGED where the entry does not open. */
sdx_status unwrap_under(const seal_key *wrap, secret **out, const region_entry *e, const region *r,
                        sdx_error *err) SDX_CHECK;
sdx_status wrap_key(region_entry *e, const region *r, const root_key *root, const secret *key,
                    sdx_error *err) SDX_CHECK;
sdx_status unwrap_key(secret **out, const region_entry *e, const region *r, const root_key *root,
                      sdx_error *err) SDX_CHECK;
/* Adds an entry for *key, or for a fresh key where that is NULL, which is then put there for the caller to
 * free. On failure *key is freed, and NULL. */
sdx_status wrap_new_key(region *r, const root_key *root, keyring_kind kind, uint64_t id, int64_t due,
                        secret **key, sdx_error *err) SDX_CHECK;

#endif
