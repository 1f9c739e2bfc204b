/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items by ordinal, and their columns. */
#include "base/error.h"
#include "segment/cache.h"
#include "segment/compress.h"
#include "segment/segment.h"

static inline uint64_t load(const uint8_t *in, unsigned width) {
  if (width == 4) return layout_load32(in);
  if (width == 8) return layout_load32(in) | (uint64_t)layout_load32(in + 4) << 32;
  return layout_load(in, width > 4 ? 4 : width) |
         (width > 4 ? (uint64_t)layout_load(in + 4, width - 4) << 32 : 0);
}

/* ---------------------------------------------------------------- records */

#define TOP_PER_BLOCK (BLOCK_PLAIN / 4u)

static bool find_first(const segment *s, uint32_t ordinal, uint32_t *block, uint32_t *first) {
  uint32_t low = 0, left = s->manifest.item_counts_size;
  while (left > 1) { /* no branch: nobody foresees it */
    const uint32_t half = left / 2;
    low += s->firsts[low + half] <= ordinal ? half : 0;
    left -= half;
  }
  *block = low;
  *first = s->firsts[low];
  return true;
}

/* Blocks hold about as many items each: looks around the one that would hold the ordinal if it were
 * just so. */
static void guess(const uint8_t *plain, uint32_t items, uint32_t ordinal, uint32_t *low,
                  uint32_t *high, uint32_t *first) {
  uint32_t at = (uint32_t)((uint64_t)ordinal * *high / items), step = 1;
  if (layout_load32(plain + 4 * (size_t)at) <= ordinal) {
    for (*low = at; at + step < *high && layout_load32(plain + 4 * (size_t)(at + step)) <= ordinal;
         step *= 2)
      *low = at += step;
    if (at + step < *high) *high = at + step;
  } else {
    for (*high = at; step < at && layout_load32(plain + 4 * (size_t)(at - step)) > ordinal;
         step *= 2)
      *high = at -= step;
    if (step < at) *low = at - step;
  }
  *first = *low > 0 ? layout_load32(plain + 4 * (size_t)*low) : 0;
}

/* The block of STREAM_ITEMS that holds an ordinal, and the first ordinal in it. */
static bool find_block(const segment *s, segment_session *session, uint32_t ordinal, uint32_t *block,
                       uint32_t *first, block_ref *ref) {
  const uint32_t blocks = s->manifest.blocks[STREAM_ITEMS];
  if (s->firsts != NULL) return find_first(s, ordinal, block, first);
  uint32_t low = 0, high = blocks; /* the last block whose first is <= ordinal is in [low, high) */
  *first = 0;
  *block = 0;
  if (blocks <= 1) return blocks == 1;
  while (low / TOP_PER_BLOCK <
         (high - 1) / TOP_PER_BLOCK) { /* first entries of blocks of the index */
    const uint32_t middle = (low / TOP_PER_BLOCK + (high - 1) / TOP_PER_BLOCK + 1) / 2;
    const uint8_t *plain = block_get(s, session, STREAM_ITEM_TOP, middle, ref);
    if (plain == NULL) return false;
    if (layout_load32(plain) <= ordinal)
      low = middle * TOP_PER_BLOCK;
    else
      high = middle * TOP_PER_BLOCK;
  }
  const uint32_t page = low / TOP_PER_BLOCK;
  const uint8_t *plain = block_get(s, session, STREAM_ITEM_TOP, page, ref);
  if (plain == NULL) return false;
  if (blocks <= TOP_PER_BLOCK) guess(plain, s->manifest.info.items, ordinal, &low, &high, first);
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2,
                   at = layout_load32(plain + 4 * (size_t)(middle % TOP_PER_BLOCK));
    if (at <= ordinal) {
      low = middle;
      *first = at;
    } else {
      high = middle;
    }
  }
  if (low > 0 && low % TOP_PER_BLOCK == 0) *first = layout_load32(plain);
  *block = low;
  return true;
}

bool items_block(const segment *s, segment_session *session, uint32_t ordinal, uint32_t *number) {
  block_ref ref = BLOCK_REF_INIT;
  uint32_t first;
  const bool found = session->status == SDX_OK && ordinal < s->manifest.info.items &&
                     find_block(s, session, ordinal, number, &first, &ref);
  block_release(&ref);
  return found;
}

/* Whether the ordinal is in the block at hand, as it is where items are read side by side. Looks only at
 * what `index` holds already. */
static bool is_at_hand(const segment *s, uint32_t ordinal, const block_ref *hold,
                       const block_ref *index, uint32_t *first) {
  const uint32_t number = hold->number, page = number / TOP_PER_BLOCK, at = number % TOP_PER_BLOCK;
  if (s->firsts != NULL) {
    if (hold->data == NULL || hold->segment != s || hold->stream != STREAM_ITEMS) return false;
    *first = s->firsts[number];
    return *first <= ordinal && ordinal < s->firsts[number + 1];
  }
  if (hold->data == NULL || index->data == NULL || hold->segment != s || index->segment != s ||
      hold->stream != STREAM_ITEMS || index->stream != STREAM_ITEM_TOP || index->number != page ||
      at + 1 == TOP_PER_BLOCK || number + 1 >= s->manifest.blocks[STREAM_ITEMS])
    return false;
  *first = layout_load32(index->data + 4 * (size_t)at);
  return *first <= ordinal && ordinal < layout_load32(index->data + 4 * (size_t)(at + 1));
}

/* Which block holds the ordinal, and its place there. */
static sdx_status locate(const segment *s, segment_session *session, uint32_t ordinal,
                         item_spot *spot, block_ref *index) {
  uint32_t first;
  if (session->status != SDX_OK) return session->status;
  if (ordinal >= s->manifest.info.items)
    return error_set(session->err, SDX_INVALID, "a segment has no such ordinal");
  if (is_at_hand(s, ordinal, &spot->hold, index, &first))
    spot->block = spot->hold.number;
  else if (!find_block(s, session, ordinal, &spot->block, &first, index))
    return session->status != SDX_OK ? session->status : session_damaged(session);
  spot->at = ordinal - first;
  return SDX_OK;
}

static sdx_status read_at(const segment *s, segment_session *session, const item_spot *spot,
                          layout_item *out) {
  if (!layout_items_read(spot->hold.data, spot->at, out) ||
      (out->language != 0 && out->language >= s->manifest.info.language_count))
    return session_damaged(session);
  return SDX_OK;
}

static sdx_status read_near(const segment *s, segment_session *session, uint32_t ordinal,
                            layout_item *out, block_ref *hold, block_ref *index) {
  item_spot spot = { .hold = *hold };
  sdx_status status = locate(s, session, ordinal, &spot, index);
  if (status == SDX_OK && block_get(s, session, STREAM_ITEMS, spot.block, &spot.hold) == NULL)
    status = session->status;
  *hold = spot.hold;
  return status == SDX_OK ? read_at(s, session, &spot, out) : status;
}

sdx_status items_read(const segment *s, segment_session *session, uint32_t ordinal,
                      layout_item *out, block_ref *hold) {
  block_ref index = BLOCK_REF_INIT;
  const sdx_status status = read_near(s, session, ordinal, out, hold, &index);
  block_release(&index);
  return status;
}

sdx_status segment_item_get(const segment *s, segment_session *session, uint32_t ordinal,
                            segment_item *out, block_ref *hold) {
  block_ref index = BLOCK_REF_INIT;
  const sdx_status status = segment_item_near(s, session, ordinal, out, hold, &index);
  block_release(&index);
  return status;
}

static segment_item item_of(const layout_item *item) {
  return (segment_item){ .id = item->id,
                         .kind = item->kind,
                         .language = item->language,
                         .has_attachment = item->has_attachment,
                         .has_text = item->has_text,
                         .has_payload = item->has_payload,
                         .date = item->date,
                         .sent = item->sent,
                         .expires = item->expires,
                         .length = item->length,
                         .body_end = item->body_end,
                         .size = item->size,
                         .text_at = item->stored_at,
                         .payload_at = item->stored_at + item->text_size,
                         .text_size = item->text_size,
                         .payload_size = item->payload_size };
}

sdx_status segment_item_near(const segment *s, segment_session *session, uint32_t ordinal,
                             segment_item *out, block_ref *hold, block_ref *index) {
  layout_item item;
  const sdx_status status = read_near(s, session, ordinal, &item, hold, index);
  if (status == SDX_OK) *out = item_of(&item);
  return status;
}

sdx_status segment_item_locate(const segment *s, segment_session *session, uint32_t ordinal,
                               item_spot *spot, block_ref *index) {
  const sdx_status status = locate(s, session, ordinal, spot, index);
  if (status == SDX_OK && s->source.borrow == NULL && s->cache != NULL)
    cache_fetch(s->cache, cache_key(s->number, STREAM_ITEMS, spot->block));
  return status;
}

sdx_status segment_item_reach(const segment *s, segment_session *session, item_spot *spot) {
  if (block_get(s, session, STREAM_ITEMS, spot->block, &spot->hold) == NULL) return session->status;
  layout_items_fetch(spot->hold.data, spot->at);
  return SDX_OK;
}

void segment_item_fetch(const item_spot *spot) {
  if (spot->hold.data != NULL) layout_items_fetch_record(spot->hold.data, spot->at);
}

sdx_status segment_item_read(const segment *s, segment_session *session, const item_spot *spot,
                             segment_item *out) {
  layout_item item;
  const sdx_status status = read_at(s, session, spot, &item);
  if (status == SDX_OK) *out = item_of(&item);
  return status;
}

sdx_status segment_item_head(segment_session *session, const item_spot *spot, item_head *out) {
  return layout_items_head(spot->hold.data, spot->at, out) ? SDX_OK : session_damaged(session);
}

static sdx_status stored_get(const segment *s, segment_session *session, uint64_t address,
                             uint32_t size, buffer *out) {
  block_ref ref = BLOCK_REF_INIT;
  buffer copy = BUFFER_INIT;
  size_t available;
  sdx_status status = SDX_OK;
  const uint8_t *frame = NULL;
  if (session->status != SDX_OK) return session->status;
  if (size > stream_bytes(s, STREAM_STORED) || size == 0) return session_damaged(session);
  stream_prefetch(s, session, STREAM_STORED, address, size);
  frame = stream_view(s, session, STREAM_STORED, address, &available, &ref);
  if (frame != NULL && available < size) {
    frame = NULL;
    if (!buffer_reserve(&copy, size))
      session_fail(session, SDX_NO_MEMORY, "out of memory");
    else if (stream_copy(s, session, STREAM_STORED, address, copy.data, size, &ref)) {
      copy.size = size;
      frame = copy.data;
    }
  }
  if (frame != NULL) {
    sdx_error reason = { .status = SDX_OK, .message = "" };
    status = compress_get(out, frame, size, &reason);
    if (status != SDX_OK) session_fail(session, status, reason.message);
  }
  block_release(&ref);
  buffer_free(&copy);
  return session->status;
}

sdx_status segment_text_get(const segment *s, segment_session *session, const segment_item *item,
                            buffer *out) {
  if (!item->has_text) return SDX_OK;
  return stored_get(s, session, item->text_at, item->text_size, out);
}

sdx_status segment_payload_get(const segment *s, segment_session *session, const segment_item *item,
                               buffer *out) {
  if (!item->has_payload) return SDX_OK;
  return stored_get(s, session, item->payload_at, item->payload_size, out);
}

/* ---------------------------------------------------------------- columns */

static inline __attribute__((always_inline)) const uint8_t *
column_at(const segment *s, segment_session *session, segment_stream stream, uint32_t width,
          uint32_t ordinal, block_ref *hold) {
  const uint32_t per_block = BLOCK_PLAIN / width;
  if (ordinal >= s->manifest.info.items) return NULL;
  const uint8_t *plain = block_at_hand(s, session, stream, ordinal / per_block, hold);
  return plain != NULL ? plain + (size_t)(ordinal % per_block) * width : NULL;
}

/* Longer than the column can say: the record says it. */
static __attribute__((noinline)) uint32_t long_length(const segment *s, segment_session *session,
                                                      uint32_t ordinal) {
  layout_item item;
  block_ref ref = BLOCK_REF_INIT;
  const sdx_status status = items_read(s, session, ordinal, &item, &ref);
  block_release(&ref);
  return status == SDX_OK ? item.length : 0;
}

uint32_t segment_length_at(const segment *s, segment_session *session, uint32_t ordinal,
                           block_ref *hold) {
  const uint8_t *at = column_at(s, session, STREAM_LENGTHS, 2, ordinal, hold);
  if (at == NULL) return 0;
  const uint32_t length = ((uint32_t)at[0] | (uint32_t)at[1] << 8) & LAYOUT_LENGTH_LONG;
  return length != LAYOUT_LENGTH_LONG ? length : long_length(s, session, ordinal);
}

bool segment_is_older(const segment *s, segment_session *session, uint32_t ordinal, block_ref *hold) {
  const uint8_t *at = column_at(s, session, STREAM_LENGTHS, 2, ordinal, hold);
  return at != NULL && ordinal > 0 && (((uint32_t)at[1] << 8) & LAYOUT_SAME_DATE) == 0;
}

int64_t segment_date_at(const segment *s, segment_session *session, uint32_t ordinal, block_ref *hold) {
  const unsigned width = s->manifest.date_width;
  const uint8_t *at = width == 4 /* as it mostly is: no division */
                          ? column_at(s, session, STREAM_DATES, 4, ordinal, hold)
                          : column_at(s, session, STREAM_DATES, width, ordinal, hold);
  return at != NULL ? (int64_t)((uint64_t)s->manifest.info.oldest + load(at, width)) : 0;
}

void segment_dates_at(const segment *s, segment_session *session, const uint32_t *ordinals,
                      uint32_t count, int64_t *dates, block_ref *hold) {
  for (uint32_t i = 0; i < count; i++) dates[i] = segment_date_at(s, session, ordinals[i], hold);
}

uint64_t segment_size_at(const segment *s, segment_session *session, uint32_t ordinal, block_ref *hold) {
  const unsigned width = s->manifest.size_width;
  const uint8_t *at = column_at(s, session, STREAM_SIZES, width, ordinal, hold);
  return at != NULL ? load(at, width) : 0;
}

uint64_t segment_thread_at(const segment *s, segment_session *session, uint32_t ordinal,
                           block_ref *hold) {
  const uint8_t *at = column_at(s, session, STREAM_THREADS, 8, ordinal, hold);
  return at != NULL ? load(at, 8) : 0;
}

/* A node of the search for a date: from the root, 1, every search goes the same ways, so what it
 * meets first is kept. */
static int64_t date_at_node(const segment *s, segment_session *session, uint32_t node,
                            uint32_t ordinal, block_ref *ref) {
  const int64_t oldest = s->manifest.info.oldest;
  if (node >= SEGMENT_DATES_KEPT) return segment_date_at(s, session, ordinal, ref);
  _Atomic uint64_t *kept = &((segment *)s)->kept_dates[node];
  const uint64_t known = atomic_load_explicit(kept, memory_order_relaxed);
  if (known != 0) return (int64_t)((uint64_t)oldest + known - 1);
  const int64_t date = segment_date_at(s, session, ordinal, ref);
  if (session->status == SDX_OK)
    atomic_store_explicit(kept, (uint64_t)date - (uint64_t)oldest + 1, memory_order_relaxed);
  return date;
}

#define DATES_PER_LINE 16u
#define DATES_SCANNED 512u /* where no more are left, in one block, one look is taken at each line */

/* The first of [low, high) that is older than `date`: each line's last date, then those of one
 * line. All loads are on their way at once; a search by halves waits for each of its steps. */
static uint32_t scan_dates(const uint8_t *dates, uint32_t low, uint32_t high, uint64_t date) {
  uint32_t lines = 0, ones = 0;
  for (uint32_t at = low + DATES_PER_LINE - 1; at < high; at += DATES_PER_LINE)
    lines += layout_load32(dates + 4 * (size_t)at) >= date;
  low += lines * DATES_PER_LINE;
  const uint32_t end = high - low < DATES_PER_LINE ? high : low + DATES_PER_LINE;
  for (uint32_t at = low; at < end; at++) ones += layout_load32(dates + 4 * (size_t)at) >= date;
  return low + ones;
}

static bool bound_in_block(const segment *s, segment_session *session, int64_t date, uint32_t *low,
                           uint32_t high, block_ref *ref) {
  const uint32_t per_block = BLOCK_PLAIN / 4, block = *low / per_block, first = block * per_block;
  if (s->manifest.date_width != 4 || high - *low > DATES_SCANNED || (high - 1) / per_block != block)
    return false;
  const uint8_t *plain = block_at_hand(s, session, STREAM_DATES, block, ref);
  if (plain != NULL)
    *low = first + scan_dates(plain, *low - first, high - first,
                              (uint64_t)date - (uint64_t)s->manifest.info.oldest);
  return true;
}

uint32_t segment_date_bound(const segment *s, segment_session *session, int64_t date) {
  const segment_info *info = &s->manifest.info;
  if (info->items == 0 || date > info->newest) return 0;
  if (date <= info->oldest) return info->items;
  block_ref ref = BLOCK_REF_INIT;
  uint32_t low = 0, high = info->items;
  for (uint32_t node = 1; low < high && session->status == SDX_OK;) {
    if (node >= SEGMENT_DATES_KEPT && bound_in_block(s, session, date, &low, high, &ref)) break;
    const uint32_t middle = low + (high - low) / 2;
    const bool older = date_at_node(s, session, node, middle, &ref) < date;
    if (older)
      high = middle;
    else
      low = middle + 1;
    if (node < SEGMENT_DATES_KEPT) node = 2 * node + !older;
  }
  block_release(&ref);
  return low;
}
