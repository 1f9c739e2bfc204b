/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Journal and trash records, and the stored fields inside them. */
#include "segment/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  record r;
  record_arena arena = RECORD_ARENA_INIT;
  uint32_t sum = 0;
  if (record_decode(&r, &arena, data, size, NULL) == SDX_OK) {
    for (size_t i = 0; i < r.term_count; i++)
      for (uint32_t k = 0; k < r.terms[i].count; k++) sum += r.positions[r.terms[i].first + k];
    cursor c = cursor_over(r.text.data, r.text.size);
    sdx_bytes name, text;
    while (record_fields_next(&c, &name, &text)) sum += (uint32_t)(name.size + text.size);
  }
  record_arena_free(&arena);
  return sum == UINT32_MAX; /* the sums are made so that all is read */
}
