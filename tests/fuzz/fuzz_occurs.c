/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times of a series, as a filter term has them: any bytes are a value. What takes place in a period
 * does so in every longer one. Input: u32 days of the period's beginning, u16 days that it lasts,
 * i16 minutes of a time zone, the value. */
#include <stdlib.h>
#include <string.h>

#include "query/occurs.h"

#define HEAD 8
#define DAY 86400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint32_t first;
  uint16_t days;
  int16_t zone;
  if (size < HEAD) return 0;
  memcpy(&first, data, 4);
  memcpy(&days, data + 4, 2);
  memcpy(&zone, data + 6, 2);
  const sdx_bytes value = { (const char *)data + HEAD, size - HEAD };
  const int64_t low = ((int64_t)(first % 4000000) - 800000) * DAY, high = low + (int64_t)days * DAY;
  const int32_t offset = zone % (15 * 60) * 60;
  const bool within = occurs_value_matches(value, low, high, offset);
  if (within && !occurs_value_matches(value, low - DAY, high + DAY, offset)) abort();
  if (within && !occurs_value_matches(value, DATE_FIRST, high, offset)) abort();
  if (within && !occurs_value_matches(value, DATE_FIRST, DATE_LAST, offset)) abort();
  return 0;
}
