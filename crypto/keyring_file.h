/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyring_file.h - the file `keyring` of an index directory: two equal regions, and at times a
 * second file `keyring.new` beside it.
 *
 * In place: one region is written and synced, then the other; a failed sync stops before the
 * second. Growth: keyring.new is written whole and made durable with its name; the old file is
 * overwritten with noise; then the new one takes its name. So at every instant there is a whole
 * valid region: in `keyring`, or, where that is noise, in `keyring.new`. A keyring.new beside a
 * valid `keyring` is a leftover, and is overwritten before it is unlinked.
 *
 * Writers are serialised by the caller; readers look again where a writer was in their way.
 */
#ifndef SEALDEX_CRYPTO_KEYRING_FILE_H
#define SEALDEX_CRYPTO_KEYRING_FILE_H

#include "crypto/region.h"

/* The valid region of the higher generation. SDX_SYSTEM where there is no file. */
sdx_status keyring_file_read(int dir, region *out, sdx_error *err) SDX_CHECK;

/* *whole: both regions can be read. False: one is damaged, and nothing but the other is left. */
sdx_status keyring_file_check(int dir, bool *whole, sdx_error *err) SDX_CHECK;

/* True where both regions on disk carry this one's checksum and there is no leftover; reads 64
 * bytes. Whole it need not be: a power cut can tear a region and leave its checksum. */
bool keyring_file_holds(int dir, const region *r);

/* SDX_INVALID where there is a keyring already. */
sdx_status keyring_file_create(int dir, region *r, sdx_error *err) SDX_CHECK;

/* Finishes what a crash or a failed write interrupted: afterwards both regions hold *out, and there
 * is no leftover. Writes nothing where that holds already. */
sdx_status keyring_file_settle(int dir, region *out, sdx_error *err) SDX_CHECK;

/* Replaces `now` by `next`. SDX_INVALID where `now` is not what stands on disk. After any other
 * failure either may stand there. */
sdx_status keyring_file_replace(int dir, const region *now, region *next, sdx_error *err) SDX_CHECK;

/* Overwrites and unlinks everything. SDX_OK where nothing is there. */
sdx_status keyring_file_destroy(int dir, sdx_error *err) SDX_CHECK;

#endif
