/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The zones that a calendar names, which the host looks for itself. Two calendars one after the
 * other, parted by a zero: the second may push the first one's zones out. */
#include <stdlib.h>
#include <string.h>

#include "indexer/extract/zones.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const zones *z) {
  static const char BYTES[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-+";
  if (z->count > ZONES_MAX) abort();
  for (uint32_t i = 0; i < z->count; i++) {
    const char *name = z->names[i];
    const size_t n = strnlen(name, ZONES_NAME_SIZE);
    if (n == 0 || n == ZONES_NAME_SIZE || name[0] == '/' || strspn(name, BYTES) != n) abort();
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(name, z->names[k]) == 0) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  zones z = { .count = 0 };
  const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
  const size_t first = zero != NULL ? (size_t)(zero - data) : size;
  const bool named = zones_add(&z, data, first);
  check(&z);
  if (named != (z.count > 0) || zones_add(&z, data, first)) abort();
  if (zero == NULL) return 0;
  (void)zones_add(&z, zero + 1, size - first - 1);
  check(&z);
  if (zones_add(&z, zero + 1, size - first - 1)) abort();
  return 0;
}
