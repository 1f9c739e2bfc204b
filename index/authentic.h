/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * authentic.h - rows that anyone may read and only a writer with a key can make.
 *
 * The tag is keyed BLAKE2b-128, under the row key, of: table (1 byte), size of the key (2 bytes),
 * key, value; it stands behind the value. The row key is the index's own, so that a row moved from
 * another index, table or key does not pass.
 */
#ifndef SEALDEX_INDEX_AUTHENTIC_H
#define SEALDEX_INDEX_AUTHENTIC_H

#include "index/index.h"

#define AUTHENTIC_SIZE 16
#define AUTHENTIC_MAX 128 /* bytes of key and value together */

void authentic_make(uint8_t tag[AUTHENTIC_SIZE], const secret *row_key, store_table table,
                    const void *key, size_t key_size, const void *value, size_t value_size);
/* The tag is expected behind the value. */
bool authentic_check(const secret *row_key, store_table table, const void *key, size_t key_size,
                     const void *value, size_t value_size);

#endif
