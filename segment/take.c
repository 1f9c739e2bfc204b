/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking items out: one pass over all terms collects the postings of the items that are wanted, a
 * sort by counting brings them together by item, and each item becomes a record.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "segment/builder.h"
#include "segment/segment.h"

/* A posting of an item that is taken. */
typedef struct taken {
  uint32_t item;          /* its index among those taken */
  uint32_t wdf, count;
  size_t name_at, positions_at;
  uint32_t name_size;
} taken;

typedef struct take_job {
  const segment *seg;
  segment_session *session;
  const attributes *attributes;
  uint32_t *ordinals;     /* wanted, ascending */
  uint32_t count;
  uint64_t *wanted;       /* bit per ordinal */
  taken *postings;
  size_t posting_count, posting_room;
  buffer names;
  uint32_t *positions;
  size_t position_count, position_room;
  size_t *starts;         /* item -> first of its postings in `sorted` */
  uint32_t *sorted;
  sdx_error *err;
} take_job;

static bool grow(void **array, size_t *room, size_t need, size_t size) {
  if (need <= *room) return true;
  size_t more = *room > 0 ? 2 * *room : 1024;
  while (more < need) more *= 2;
  void *grown = plain_alloc(more * size);
  if (grown == NULL) return false;
  if (*room > 0) memcpy(grown, *array, *room * size);
  wipe(*array, *room * size);
  plain_free(*array);
  *array = grown;
  *room = more;
  return true;
}

static uint32_t index_of(const take_job *j, uint32_t ordinal) {
  uint32_t low = 0, high = j->count;
  while (low + 1 < high) {
    const uint32_t middle = (low + high) / 2;
    if (j->ordinals[middle] <= ordinal)
      low = middle;
    else
      high = middle;
  }
  return low;
}

static bool is_wanted(const take_job *j, uint32_t ordinal) {
  return (j->wanted[ordinal / 64] >> (ordinal % 64) & 1) != 0;
}

static sdx_status take_posting(take_job *j, postings *p, uint32_t i, size_t name_at, uint32_t name_size) {
  uint32_t count;
  const uint32_t *positions = postings_positions(p, i, &count);
  void *taken_so_far = j->postings, *positions_so_far = j->positions;
  const bool room = grow(&taken_so_far, &j->posting_room, j->posting_count + 1, sizeof *j->postings) &&
                    grow(&positions_so_far, &j->position_room, j->position_count + count,
                         sizeof *j->positions);
  j->postings = taken_so_far;
  j->positions = positions_so_far;
  if (!room || j->posting_count >= UINT32_MAX) return error_memory(j->err);
  j->postings[j->posting_count++] = (taken){ .item = index_of(j, p->ordinals[i]),
                                             .wdf = postings_wdfs(p)[i],
                                             .count = count,
                                             .name_at = name_at,
                                             .name_size = name_size,
                                             .positions_at = j->position_count };
  for (uint32_t k = 0; k < count; k++) j->positions[j->position_count++] = positions[k];
  return SDX_OK;
}

/* The term's postings: by seeking where few items are wanted of many, else by going through all. */
static sdx_status take_term(take_job *j, sdx_bytes name, const segment_term *term) {
  postings p;
  sdx_status status = SDX_OK;
  const size_t name_at = j->names.size;
  bool any = false;
  postings_open(&p, j->seg, j->session, term);
  const bool seek = (uint64_t)j->count * POSTINGS_BLOCK < term->df;
  for (uint32_t k = 0; seek && k < j->count && status == SDX_OK; k++) {
    const uint32_t i = postings_seek(&p, j->ordinals[k]);
    if (i == SEGMENT_END) break;
    if (p.ordinals[i] != j->ordinals[k]) continue;
    any = true;
    status = take_posting(j, &p, i, name_at, (uint32_t)name.size);
  }
  while (!seek && status == SDX_OK && postings_next(&p))
    for (uint32_t i = 0; i < p.count && status == SDX_OK; i++) {
      if (!is_wanted(j, p.ordinals[i])) continue;
      any = true;
      status = take_posting(j, &p, i, name_at, (uint32_t)name.size);
    }
  postings_close(&p);
  if (any) buffer_put(&j->names, name.data, name.size);
  if (j->names.failed) return error_memory(j->err);
  return status;
}

static sdx_status collect(take_job *j) {
  segment_terms *terms;
  sdx_bytes name;
  segment_term term;
  sdx_status status = segment_terms_open(&terms, j->seg, j->session, "", 0);
  if (status != SDX_OK) return status;
  while (status == SDX_OK && segment_terms_next(terms, &name, &term)) status = take_term(j, name, &term);
  segment_terms_close(terms);
  return status == SDX_OK ? j->session->status : status;
}

static sdx_status sort_by_item(take_job *j) {
  j->starts = plain_array((size_t)j->count + 2, sizeof *j->starts);
  j->sorted = plain_alloc((j->posting_count + 1) * sizeof *j->sorted);
  if (j->starts == NULL || j->sorted == NULL) return error_memory(j->err);
  for (size_t i = 0; i < j->posting_count; i++) j->starts[j->postings[i].item + 1]++;
  for (uint32_t i = 0; i < j->count; i++) j->starts[i + 1] += j->starts[i];
  for (size_t i = 0; i < j->posting_count; i++) j->sorted[j->starts[j->postings[i].item]++] = (uint32_t)i;
  memmove(j->starts + 1, j->starts, j->count * sizeof *j->starts);
  j->starts[0] = 0;
  return SDX_OK;
}

/* ---------------------------------------------------------------- records */

/* What one record borrows. */
typedef struct borrowed {
  buffer text, payload, attributes;
  sdx_bytes *keys;
  record_term *terms;
  uint32_t *positions;
} borrowed;

static void borrowed_free(borrowed *b) {
  buffer_free(&b->text);
  buffer_free(&b->payload);
  buffer_free(&b->attributes);
  plain_free(b->keys);
  plain_free(b->terms);
  plain_free(b->positions);
}

/* Kind, language and attachment are fields of a record, and become attributes again when it is added. */
static bool stands_in_record(const uint8_t *key) { return key[0] == 'k' || key[0] == 'n' || key[0] == 'a'; }

static sdx_status fill_attributes(take_job *j, uint32_t ordinal, borrowed *b, record *r) {
  if (j->attributes == NULL) return SDX_OK;
  attributes_of(j->attributes, ordinal, &b->attributes);
  if (b->attributes.failed) return error_memory(j->err);
  b->keys = plain_alloc((b->attributes.size + 1) * sizeof *b->keys);
  if (b->keys == NULL) return error_memory(j->err);
  cursor c = cursor_over(b->attributes.data, b->attributes.size);
  while (cursor_left(&c) > 0) {
    size_t size;
    const uint8_t *key = cursor_get_string(&c, &size);
    if (key == NULL) break;
    if (!stands_in_record(key)) b->keys[r->attribute_count++] = (sdx_bytes){ (const char *)key, size };
  }
  r->attributes = b->keys;
  return SDX_OK;
}

static sdx_status fill_terms(take_job *j, uint32_t index, borrowed *b, record *r) {
  const size_t from = j->starts[index], count = j->starts[index + 1] - from;
  size_t total = 0;
  for (size_t i = 0; i < count; i++) total += j->postings[j->sorted[from + i]].count;
  b->terms = plain_alloc((count + 1) * sizeof *b->terms);
  b->positions = plain_alloc((total + 1) * sizeof *b->positions);
  if (b->terms == NULL || b->positions == NULL) return error_memory(j->err);
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    const taken *t = &j->postings[j->sorted[from + i]];
    b->terms[i] = (record_term){
      .term = { (const char *)j->names.data + t->name_at, t->name_size },
      .wdf = t->wdf,
      .first = (uint32_t)at,
      .count = t->count,
    };
    for (uint32_t k = 0; k < t->count; k++) b->positions[at++] = j->positions[t->positions_at + k];
  }
  r->terms = b->terms;
  r->term_count = count;
  r->positions = b->positions;
  r->position_count = total;
  return SDX_OK;
}

static sdx_status make_record(take_job *j, uint32_t index, borrowed *b, block_ref *hold, record *r) {
  const uint32_t ordinal = j->ordinals[index];
  const segment_info *info = segment_about(j->seg);
  layout_item raw;
  segment_item item;
  block_ref column = BLOCK_REF_INIT;
  const uint64_t thread = segment_thread_at(j->seg, j->session, ordinal, &column);
  block_release(&column);
  sdx_status status = segment_item_get(j->seg, j->session, ordinal, &item, hold);
  if (status == SDX_OK) status = items_read(j->seg, j->session, ordinal, &raw, hold);
  if (status == SDX_OK) status = segment_text_get(j->seg, j->session, &item, &b->text);
  if (status == SDX_OK) status = segment_payload_get(j->seg, j->session, &item, &b->payload);
  if (status != SDX_OK) return status;
  *r = (record){ .id = item.id,
                 .kind = item.kind,
                 .date = item.date,
                 .sent = item.sent,
                 .expires = item.expires,
                 .size = item.size,
                 .thread = thread,
                 .has_attachment = item.has_attachment,
                 .analyser = info->analyser,
                 .length = item.length,
                 .body_end = item.body_end,
                 .text_bytes = raw.text_bytes,
                 .text = { (const char *)b->text.data, b->text.size },
                 .payload = { (const char *)b->payload.data, b->payload.size } };
  memcpy(r->language, info->languages[item.language], sizeof r->language);
  status = fill_attributes(j, ordinal, b, r);
  return status == SDX_OK ? fill_terms(j, index, b, r) : status;
}

static sdx_status want(take_job *j, const roaring_bitmap_t *which) {
  const uint32_t items = segment_about(j->seg)->items;
  j->wanted = plain_array((size_t)items / 64 + 1, sizeof *j->wanted);
  j->ordinals = plain_alloc(((size_t)roaring_bitmap_get_cardinality(which) + 1) * sizeof *j->ordinals);
  if (j->wanted == NULL || j->ordinals == NULL) return error_memory(j->err);
  for (uint32_t o = 0; o < items; o++)
    if (roaring_bitmap_contains(which, o)) {
      j->wanted[o / 64] |= UINT64_C(1) << (o % 64);
      j->ordinals[j->count++] = o;
    }
  return SDX_OK;
}

sdx_status segment_take(const segment *s, segment_session *session, const attributes *a,
                        const roaring_bitmap_t *which,
                        sdx_status (*take)(void *context, uint32_t ordinal, const record *r,
                                           sdx_error *err),
                        void *context, sdx_error *err) {
  take_job j = { .seg = s, .session = session, .attributes = a, .err = err };
  block_ref hold = BLOCK_REF_INIT;
  sdx_status status = want(&j, which);
  if (status == SDX_OK && j.count > 0) status = collect(&j);
  if (status == SDX_OK && j.count > 0) status = sort_by_item(&j);
  for (uint32_t i = 0; i < j.count && status == SDX_OK; i++) {
    borrowed b = { 0 };
    record r;
    status = make_record(&j, i, &b, &hold, &r);
    if (status == SDX_OK) status = take(context, j.ordinals[i], &r, err);
    borrowed_free(&b);
  }
  block_release(&hold);
  plain_free(j.ordinals);
  plain_free(j.wanted);
  plain_free(j.postings);
  buffer_free(&j.names);
  wipe(j.positions, j.position_room * sizeof *j.positions);
  plain_free(j.positions);
  plain_free(j.starts);
  plain_free(j.sorted);
  return status;
}
