/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "index/authentic.h"

#include <stdlib.h>
#include <string.h>

#include "index/bytes.h"

void authentic_make(uint8_t tag[AUTHENTIC_SIZE], const secret *row_key, store_table table,
                    const void *key, size_t key_size, const void *value, size_t value_size) {
  uint8_t bytes[3 + AUTHENTIC_MAX];
  if (key_size + value_size > AUTHENTIC_MAX) abort(); /* rows have fixed sizes */
  bytes[0] = (uint8_t)table;
  put_le(bytes + 1, key_size, 2);
  memcpy(bytes + 3, key, key_size);
  memcpy(bytes + 3 + key_size, value, value_size);
  secret_hash(tag, AUTHENTIC_SIZE, row_key, bytes, 3 + key_size + value_size);
}

bool authentic_check(const secret *row_key, store_table table, const void *key, size_t key_size,
                     const void *value, size_t value_size) {
  uint8_t tag[AUTHENTIC_SIZE];
  authentic_make(tag, row_key, table, key, key_size, value, value_size);
  return secret_equal(tag, (const uint8_t *)value + value_size, AUTHENTIC_SIZE);
}
