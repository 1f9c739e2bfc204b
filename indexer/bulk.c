/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/bulk.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"

sdx_status bulk_new(bulk **out, sdx_index *index, int64_t now, size_t memory, size_t first,
                    sdx_error *err) {
  bulk *b = plain_alloc(sizeof *b);
  if (b == NULL) return error_memory(err);
  b->index = index;
  b->now = now;
  b->memory = memory;
  b->first = first;
  sdx_status status = text_analyser_open(&b->analyser, index->settings.languages, err);
  if (status == SDX_OK) status = inverter_new(&b->inverter, b->analyser, err);
  if (status == SDX_OK)
    *out = b;
  else
    bulk_free(b);
  return status;
}

void bulk_free(bulk *b) {
  if (b == NULL) return;
  for (size_t i = 0; i < b->part_count; i++) {
    build_end(&b->parts[i]->build);
    plain_free(b->parts[i]->numbers);
    plain_free(b->parts[i]->ordinals);
    plain_free(b->parts[i]);
  }
  inverter_free(b->inverter);
  text_analyser_close(b->analyser);
  plain_free(b->parts);
  plain_free(b->numbers);
  plain_free(b);
}

/* ------------------------------------------------------------------ writing */

/* The part owns the numbers of its items from here on. */
static sdx_status begin_part(bulk *b, bulk_part **out, sdx_error *err) {
  bulk_part **grown = plain_resize(b->parts, (b->part_count + 1) * sizeof *grown);
  if (grown == NULL) return error_memory(err);
  b->parts = grown;
  bulk_part *p = plain_alloc(sizeof *p);
  if (p == NULL) return error_memory(err);
  p->ordinals = plain_alloc(b->count * sizeof *p->ordinals);
  const sdx_status status =
      p->ordinals == NULL ? error_memory(err) : build_begin(&p->build, b->index, b->now, NULL, err);
  if (status != SDX_OK) {
    plain_free(p->ordinals);
    plain_free(p);
    return status;
  }
  p->items = (uint32_t)b->count;
  p->numbers = b->numbers;
  b->numbers = NULL;
  b->count = b->room = 0;
  b->parts[b->part_count++] = *out = p;
  return SDX_OK;
}

sdx_status bulk_flush(bulk *b, sdx_error *err) {
  attributes *a = NULL;
  bulk_part *p = NULL;
  if (b->count == 0) return SDX_OK;
  sdx_status status = begin_part(b, &p, err);
  if (status != SDX_OK) return status;
  const block_sink sink = build_sink(&p->build);
  status = inverter_write(b->inverter, p->build.id, &sink, &a, p->ordinals, &p->info, err);
  if (status == SDX_OK) status = build_finish(&p->build, a, err);
  attributes_free(a);
  text_vocabulary_reset(b->analyser);
  return status;
}

/* ------------------------------------------------------------------ adding */

static sdx_status reserve_number(bulk *b, sdx_error *err) {
  if (b->count < b->room) return SDX_OK;
  const size_t room = b->room != 0 ? b->room * 2 : 128;
  uint32_t *grown = plain_resize(b->numbers, room * sizeof *grown);
  if (grown == NULL) return error_memory(err);
  b->numbers = grown;
  b->room = room;
  return SDX_OK;
}

/* The vocabulary keeps words over a flush: a quarter of the memory at least is for postings. */
static bool is_full(const bulk *b) {
  const size_t inverted = inverter_bytes(b->inverter),
               limit = b->part_count == 0 ? b->first : b->memory;
  return inverted + text_vocabulary_bytes(b->analyser) >= limit && inverted >= limit / 4;
}

sdx_status bulk_add(bulk *b, uint32_t number, const builder_item *item, sdx_bytes fields,
                    sdx_error *err) {
  text_terms terms;
  sdx_status status = reserve_number(b, err);
  if (status == SDX_OK) status = item_analyse(b->analyser, fields, &terms, err);
  if (status == SDX_OK) status = inverter_add(b->inverter, item, &terms, err);
  if (status != SDX_OK) return status;
  b->numbers[b->count++] = number;
  return is_full(b) ? bulk_flush(b, err) : SDX_OK;
}

sdx_status bulk_add_record(bulk *b, uint32_t number, const record *r, sdx_error *err) {
  sdx_status status = reserve_number(b, err);
  if (status == SDX_OK) status = inverter_add_record(b->inverter, r, err);
  if (status == SDX_OK) b->numbers[b->count++] = number;
  return status;
}
