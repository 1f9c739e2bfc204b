/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hex.h - comparing bytes with a known answer written in hexadecimal. Include cmocka.h before. */
#ifndef SEALDEX_TESTS_CRYPTO_HEX_H
#define SEALDEX_TESTS_CRYPTO_HEX_H

#include <stdio.h>

#define HEX_MAX 512

static inline void assert_hex(const uint8_t *bytes, size_t size, const char *expected) {
  char text[2 * HEX_MAX + 1];
  assert_true(size <= HEX_MAX);
  text[0] = '\0';
  for (size_t i = 0; i < size; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  assert_string_equal(text, expected);
}

#endif
