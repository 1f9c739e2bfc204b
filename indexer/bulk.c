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

static void part_free(bulk_part *p) {
  if (p == NULL) return;
  build_end(&p->build);
  plain_free(p->numbers);
  plain_free(p->ordinals);
  plain_free(p);
}

void bulk_free(bulk *b) {
  if (b == NULL) return;
  for (size_t i = 0; i < b->part_count; i++) part_free(b->parts[i]);
  part_free(b->open);
  inverter_free(b->inverter);
  text_analyser_close(b->analyser);
  plain_free(b->parts);
  plain_free(b->numbers);
  plain_free(b);
}

/* ------------------------------------------------------------------ writing */

/* The next part, for what is in the inverter. Beginning it waits for the disk: a runner does it while
 * items are added. */
static sdx_status open_part(bulk *b, sdx_error *err) {
  bulk_part **grown = plain_resize(b->parts, (b->part_count + 1) * sizeof *grown);
  if (grown == NULL) return error_memory(err);
  b->parts = grown;
  b->open = plain_alloc(sizeof *b->open);
  if (b->open == NULL) return error_memory(err);
  if (b->runner == NULL) return build_begin(&b->open->build, b->index, b->now, NULL, err);
  build_send(&b->open->build, b->index, b->now, b->runner);
  return SDX_OK;
}

/* The part owns the numbers of its items from here on. */
static sdx_status begin_part(bulk *b, bulk_part **out, sdx_error *err) {
  sdx_status status = b->open == NULL ? open_part(b, err) : SDX_OK;
  if (status == SDX_OK) status = build_await(&b->open->build, err);
  if (status != SDX_OK) return status;
  bulk_part *p = b->open;
  p->ordinals = plain_alloc(b->count * sizeof *p->ordinals);
  if (p->ordinals == NULL) return error_memory(err);
  p->items = (uint32_t)b->count;
  p->numbers = b->numbers;
  b->numbers = NULL;
  b->count = b->room = 0;
  b->parts[b->part_count++] = *out = p;
  b->open = NULL;
  return SDX_OK;
}

sdx_status bulk_flush(bulk *b, sdx_error *err) {
  attributes *a = NULL;
  bulk_part *p = NULL;
  if (b->count == 0) return SDX_OK;
  sdx_status status = begin_part(b, &p, err);
  if (status != SDX_OK) return status;
  const block_sink sink = build_sink(&p->build);
  text_vocabulary_close(b->analyser);
  status = inverter_write(b->inverter, p->build.id, &sink, &a, p->ordinals, &p->info, err);
  if (status == SDX_OK) status = build_finish(&p->build, a, err);
  attributes_free(a);
  text_vocabulary_reset(b->analyser);
  return status;
}

sdx_status bulk_finish(bulk *b, sdx_error *err) {
  sdx_status status = bulk_flush(b, err);
  for (size_t i = 0; i < b->part_count && status == SDX_OK; i++)
    status = build_await(&b->parts[i]->build, err);
  return status;
}

size_t bulk_bytes(const bulk *b) { return inverter_bytes(b->inverter); }

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
  if (status == SDX_OK && b->runner != NULL && b->open == NULL) status = open_part(b, err);
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
