/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyring_storage.h - a keyring that the host keeps (in a KMS, HSM or database): what keyring_file.h does,
 * by three callbacks. One region, replaced whole; that nothing of the old one can be had when `write`
 * returns is the host's part.
 */
#ifndef SEALDEX_CRYPTO_KEYRING_STORAGE_H
#define SEALDEX_CRYPTO_KEYRING_STORAGE_H

#include "crypto/region.h"

sdx_status keyring_storage_read(const sdx_keyring_storage *s, region *out, sdx_error *err) SDX_CHECK;
/* True where what is stored carries this one's checksum. */
bool keyring_storage_holds(const sdx_keyring_storage *s, const region *r);
sdx_status keyring_storage_create(const sdx_keyring_storage *s, region *r, sdx_error *err) SDX_CHECK;
sdx_status keyring_storage_replace(const sdx_keyring_storage *s, const region *now, region *next,
                                   sdx_error *err) SDX_CHECK;
sdx_status keyring_storage_destroy(const sdx_keyring_storage *s, sdx_error *err) SDX_CHECK;

#endif
