/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"
#include "segment/layout.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static void store(uint8_t *out, uint64_t v, unsigned width) {
  for (unsigned i = 0; i < width; i++) out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t load(const uint8_t *in, unsigned width) {
  uint64_t v = 0;
  for (unsigned i = 0; i < width; i++) v |= (uint64_t)in[i] << (8 * i);
  return v;
}

/* ---------------------------------------------------------------- item records
 *
 * A block: u16 count, u16 end of the records, i64 date of the first, u48 address in STREAM_STORED of the
 * first's text, records, ..., from the end downward u16 offsets of the records.
 *
 * A record: u8 kind (3 bits) | 0x08 attachment | 0x10 sent | 0x20 expires | 0x40 text | 0x80 payload;
 * u8 language; varints: block's date less its date, [zigzag sent less date], [zigzag expires less date],
 * length, end of body, size, text bytes; [where its stored bytes are, from the block's, then the
 * compressed sizes of text and of payload]; the id as a string. Payload follows text.
 */
#define ITEMS_HEAD 18u
#define RECORD_MAX 560u
#define ITEM_ATTACHMENT 0x08u
#define ITEM_SENT 0x10u
#define ITEM_EXPIRES 0x20u
#define ITEM_TEXT 0x40u
#define ITEM_PAYLOAD 0x80u

typedef struct sink {
  uint8_t *at;
} sink;

static void put(sink *s, uint64_t v) {
  while (v >= 0x80) {
    *s->at++ = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  *s->at++ = (uint8_t)v;
}

/* Differences of times wrap around, so that any two have one. */
static void put_difference(sink *s, int64_t a, int64_t b) {
  const uint64_t d = (uint64_t)a - (uint64_t)b;
  put(s, d << 1 ^ (d >> 63 != 0 ? UINT64_MAX : 0));
}

static int64_t get_difference(cursor *c, int64_t b) {
  return (int64_t)((uint64_t)cursor_get_zigzag(c) + (uint64_t)b);
}

void layout_items_begin(layout_items_builder *b, int64_t date, uint64_t stored) {
  memset(b->block, 0, sizeof b->block);
  b->count = 0;
  b->at = ITEMS_HEAD;
  b->base_date = date;
  b->base_stored = stored;
  store(b->block + 4, (uint64_t)date, 8);
  store(b->block + 12, stored, 6);
}

bool layout_items_add(layout_items_builder *b, const layout_item *item) {
  uint8_t record[RECORD_MAX];
  sink s = { record };
  *s.at++ = (uint8_t)(((unsigned)item->kind & 7) | (item->has_attachment ? ITEM_ATTACHMENT : 0) |
                      (item->sent != 0 ? ITEM_SENT : 0) | (item->expires != 0 ? ITEM_EXPIRES : 0) |
                      (item->has_text ? ITEM_TEXT : 0) | (item->has_payload ? ITEM_PAYLOAD : 0));
  *s.at++ = item->language;
  put(&s, (uint64_t)b->base_date - (uint64_t)item->date);
  if (item->sent != 0) put_difference(&s, item->sent, item->date);
  if (item->expires != 0) put_difference(&s, item->expires, item->date);
  put(&s, item->length);
  put(&s, item->body_end);
  put(&s, item->size);
  put(&s, item->text_bytes);
  if (item->has_text || item->has_payload) put(&s, item->stored_at - b->base_stored);
  if (item->has_text) put(&s, item->text_size);
  if (item->has_payload) put(&s, item->payload_size);
  put(&s, item->id.size);
  memcpy(s.at, item->id.data, item->id.size); /* at most SDX_ID_MAX: the writer has seen to it */
  s.at += item->id.size;

  const size_t size = (size_t)(s.at - record), slots = 2 * ((size_t)b->count + 1);
  if (b->at + size + slots > BLOCK_PLAIN) return false;
  store(b->block + BLOCK_PLAIN - slots, b->at, 2);
  memcpy(b->block + b->at, record, size);
  b->at += (uint32_t)size;
  b->count++;
  return true;
}

void layout_items_end(layout_items_builder *b) {
  store(b->block, b->count, 2);
  store(b->block + 2, b->at, 2);
}

static uint32_t load16(const uint8_t *in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8;
}

static uint64_t load64(const uint8_t *in) {
  return layout_load32(in) | (uint64_t)layout_load32(in + 4) << 32;
}

uint32_t layout_items_count(const uint8_t block[BLOCK_PLAIN]) {
  return load16(block);
}

static uint32_t get_u32(cursor *c) {
  const uint64_t v = cursor_get_varint(c);
  if (v > UINT32_MAX) c->failed = true;
  return (uint32_t)v;
}

/* The bytes from the i-th record on; false where there is none. */
static bool record_at(const uint8_t block[BLOCK_PLAIN], uint32_t i, cursor *c) {
  const uint32_t count = layout_items_count(block), end = load16(block + 2);
  if (i >= count || end + 2 * count > BLOCK_PLAIN) return false;
  const uint32_t offset = load16(block + BLOCK_PLAIN - 2 * (i + 1));
  if (offset < ITEMS_HEAD || offset >= end) return false;
  *c = cursor_over(block + offset, end - offset);
  return true;
}

/* A varint of any length up to four without a branch for each: nobody foresees which it will be. */
static uint64_t get_date(cursor *c) {
  if (c->failed || cursor_left(c) < 8) return cursor_get_varint(c);
  uint64_t v = load64(c->at);
  const uint64_t last = ~v & UINT64_C(0x80808080); /* bits of bytes that end one */
  if (last == 0) return cursor_get_varint(c);
  c->at += (__builtin_ctzll(last) + 1) / 8;
  v &= last ^ (last - 1);
  return (v & 0x7f) | (v >> 1 & 0x3f80) | (v >> 2 & 0x1fc000) | (v >> 3 & 0xfe00000);
}

static void skip_varints(cursor *c, unsigned count) {
#ifdef __SSE2__
  if (count > 0 && cursor_left(c) >= 16) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)c->at);
    unsigned last = ~(unsigned)_mm_movemask_epi8(bytes) & 0xffff;
    for (unsigned i = 1; i < count; i++) last &= last - 1;
    if (last != 0) {
      c->at += __builtin_ctz(last) + 1;
      return;
    }
  }
#endif
  for (; count > 0 && c->at < c->end; c->at++) count -= *c->at < 0x80;
}

bool layout_items_head(const uint8_t block[BLOCK_PLAIN], uint32_t i, item_head *out) {
  cursor c;
  size_t size;
  if (!record_at(block, i, &c)) return false;
  const unsigned flags = cursor_get_u8(&c);
  (void)cursor_get_u8(&c);
  out->kind = (sdx_kind)(flags & 7);
  out->date = (int64_t)(load64(block + 4) - get_date(&c));
  const bool text = (flags & ITEM_TEXT) != 0, payload = (flags & ITEM_PAYLOAD) != 0;
  skip_varints(&c, 4u + ((flags & ITEM_SENT) != 0) + ((flags & ITEM_EXPIRES) != 0) +
                       (text || payload) + text + payload);
  out->id.data = (const char *)cursor_get_string(&c, &size);
  out->id.size = size;
  return !c.failed && size > 0 && size <= SDX_ID_MAX;
}

bool layout_items_read(const uint8_t block[BLOCK_PLAIN], uint32_t i, layout_item *out) {
  cursor c;
  if (!record_at(block, i, &c)) return false;
  memset(out, 0, sizeof *out);
  const unsigned flags = cursor_get_u8(&c);
  out->kind = (sdx_kind)(flags & 7);
  out->has_attachment = (flags & ITEM_ATTACHMENT) != 0;
  out->has_text = (flags & ITEM_TEXT) != 0;
  out->has_payload = (flags & ITEM_PAYLOAD) != 0;
  out->language = cursor_get_u8(&c);
  out->date = (int64_t)(load64(block + 4) - cursor_get_varint(&c));
  if ((flags & ITEM_SENT) != 0) out->sent = get_difference(&c, out->date);
  if ((flags & ITEM_EXPIRES) != 0) out->expires = get_difference(&c, out->date);
  out->length = get_u32(&c);
  out->body_end = get_u32(&c);
  out->size = cursor_get_varint(&c);
  out->text_bytes = cursor_get_varint(&c);
  if (out->has_text || out->has_payload) out->stored_at = load(block + 12, 6) + cursor_get_varint(&c);
  if (out->has_text) out->text_size = get_u32(&c);
  if (out->has_payload) out->payload_size = get_u32(&c);
  size_t size;
  out->id.data = (const char *)cursor_get_string(&c, &size);
  out->id.size = size;
  return !c.failed && size > 0 && size <= SDX_ID_MAX && out->language < SEGMENT_LANGUAGES;
}

/* ---------------------------------------------------------------- manifest
 *
 * "SDXS", u16 format, u16 analyser, u64 id, u32 items, terms, classes, u64 length, u32 least length,
 * i64 newest, oldest, u64 text bytes, u64 blocks, u8 languages, 16 x 4 bytes of ISO code, u8 width of
 * dates, of sizes, u8 order of first positions, of gaps, in inline lists, u32 and u8 root and depth
 * of terms, the same of classes, 16 x u32 blocks of each stream, 512 bytes of the set of folds, u16 sizes of
 * the copies of the roots of terms and of classes, and of the counts of items, and from LAYOUT_ROOTS_AT on
 * these.
 */
_Static_assert(LAYOUT_ROOTS_AT + 2 * LAYOUT_ROOT_MAX <= BLOCK_PLAIN, "both roots fit");
static const uint8_t magic[4] = { 'S', 'D', 'X', 'S' };

typedef struct place {
  uint8_t *at;
} place;

/* The set has 4,096 bits; a key sets those that two parts of its hash (FNV-1a, 64 bits) name. */
static uint64_t fold_hash(const void *key, size_t size) {
  uint64_t h = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < size; i++)
    h = (h ^ ((const uint8_t *)key)[i]) * UINT64_C(0x100000001b3);
  return h;
}

void layout_folds_add(uint8_t set[LAYOUT_FOLD_BYTES], const void *key, size_t size) {
  const uint64_t h = fold_hash(key, size);
  for (unsigned shift = 20; shift <= 40; shift += 20) {
    const unsigned bit = (unsigned)(h >> shift) % (8 * LAYOUT_FOLD_BYTES);
    set[bit / 8] |= (uint8_t)(1u << bit % 8);
  }
}

bool layout_folds_may_have(const uint8_t set[LAYOUT_FOLD_BYTES], const void *key, size_t size) {
  const uint64_t h = fold_hash(key, size);
  for (unsigned shift = 20; shift <= 40; shift += 20) {
    const unsigned bit = (unsigned)(h >> shift) % (8 * LAYOUT_FOLD_BYTES);
    if ((set[bit / 8] >> bit % 8 & 1) == 0) return false;
  }
  return true;
}

static void put_fixed(place *p, uint64_t v, unsigned width) {
  store(p->at, v, width);
  p->at += width;
}

void layout_manifest_encode(uint8_t block[BLOCK_PLAIN], const layout_manifest *m) {
  const segment_info *info = &m->info;
  memset(block, 0, BLOCK_PLAIN);
  memcpy(block, magic, sizeof magic);
  place p = { block + sizeof magic };
  put_fixed(&p, info->format, 2);
  put_fixed(&p, info->analyser, 2);
  put_fixed(&p, info->id, 8);
  put_fixed(&p, info->items, 4);
  put_fixed(&p, info->terms, 4);
  put_fixed(&p, info->classes, 4);
  put_fixed(&p, info->length, 8);
  put_fixed(&p, info->min_length, 4);
  put_fixed(&p, (uint64_t)info->newest, 8);
  put_fixed(&p, (uint64_t)info->oldest, 8);
  put_fixed(&p, info->text_bytes, 8);
  put_fixed(&p, info->blocks, 8);
  put_fixed(&p, info->language_count, 1);
  memcpy(p.at, info->languages, sizeof info->languages);
  p.at += sizeof info->languages;
  put_fixed(&p, m->date_width, 1);
  put_fixed(&p, m->size_width, 1);
  put_fixed(&p, m->context.first_order, 1);
  put_fixed(&p, m->context.gap_order, 1);
  put_fixed(&p, m->term_root, 4);
  put_fixed(&p, m->term_depth, 1);
  put_fixed(&p, m->class_root, 4);
  put_fixed(&p, m->class_depth, 1);
  for (unsigned i = 0; i < STREAM_COUNT; i++) put_fixed(&p, m->blocks[i], 4);
  memcpy(p.at, m->folds, sizeof m->folds);
  p.at += sizeof m->folds;
  put_fixed(&p, m->term_top_size, 2);
  put_fixed(&p, m->class_top_size, 2);
  put_fixed(&p, m->item_counts_size, 2);
  p.at = block + LAYOUT_ROOTS_AT;
  if (m->term_top_size > 0) memcpy(p.at, m->term_top, m->term_top_size);
  p.at += m->term_top_size;
  if (m->class_top_size > 0) memcpy(p.at, m->class_top, m->class_top_size);
  p.at += m->class_top_size;
  if (m->item_counts_size > 0) memcpy(p.at, m->item_counts, m->item_counts_size);
}

void layout_manifest_copies(layout_manifest *m, const uint8_t block[BLOCK_PLAIN]) {
  m->term_top = block + LAYOUT_ROOTS_AT;
  m->class_top = m->term_top + m->term_top_size;
  m->item_counts = m->class_top + m->class_top_size;
}

static bool manifest_sound(const layout_manifest *m) {
  const segment_info *info = &m->info;
  bool sound = info->items <= INT32_MAX && info->language_count <= SEGMENT_LANGUAGES &&
               m->date_width >= 1 && m->date_width <= 8 && m->size_width >= 1 &&
               m->size_width <= 8 && m->context.first_order <= BITS_ORDER_MAX &&
               m->context.gap_order <= BITS_ORDER_MAX && m->term_depth <= 8 && m->class_depth <= 8 &&
               m->term_top_size <= LAYOUT_ROOT_MAX && m->class_top_size <= LAYOUT_ROOT_MAX &&
               m->item_counts_size <= layout_manifest_room(m) &&
               (m->item_counts_size == 0 || m->item_counts_size == m->blocks[STREAM_ITEMS]);
  for (unsigned i = 0; i < SEGMENT_LANGUAGES; i++) sound = sound && info->languages[i][3] == 0;
  return sound;
}

sdx_status layout_manifest_decode(layout_manifest *m, const uint8_t block[BLOCK_PLAIN],
                                  sdx_error *err) {
  memset(m, 0, sizeof *m);
  segment_info *info = &m->info;
  cursor c = cursor_over(block, BLOCK_PLAIN);
  if (memcmp(cursor_get(&c, sizeof magic), magic, sizeof magic) != 0)
    return error_set(err, SDX_DAMAGED, "a segment's manifest is damaged; reindex --missing mends it");
  info->format = cursor_get_u16(&c);
  if (info->format != SEGMENT_FORMAT)
    return error_set(err, SDX_DAMAGED, "a segment has format %u, this library reads %u: upgrade it",
                     info->format, SEGMENT_FORMAT);
  info->analyser = cursor_get_u16(&c);
  info->id = cursor_get_u64(&c);
  info->items = cursor_get_u32(&c);
  info->terms = cursor_get_u32(&c);
  info->classes = cursor_get_u32(&c);
  info->length = cursor_get_u64(&c);
  info->min_length = cursor_get_u32(&c);
  info->newest = (int64_t)cursor_get_u64(&c);
  info->oldest = (int64_t)cursor_get_u64(&c);
  info->text_bytes = cursor_get_u64(&c);
  info->blocks = cursor_get_u64(&c);
  info->language_count = cursor_get_u8(&c);
  memcpy(info->languages, cursor_get(&c, sizeof info->languages), sizeof info->languages);
  m->date_width = cursor_get_u8(&c);
  m->size_width = cursor_get_u8(&c);
  m->context.first_order = cursor_get_u8(&c);
  m->context.gap_order = cursor_get_u8(&c);
  m->context.items = info->items;
  m->context.min_length = info->min_length;
  m->term_root = cursor_get_u32(&c);
  m->term_depth = cursor_get_u8(&c);
  m->class_root = cursor_get_u32(&c);
  m->class_depth = cursor_get_u8(&c);
  for (unsigned i = 0; i < STREAM_COUNT; i++) m->blocks[i] = cursor_get_u32(&c);
  memcpy(m->folds, cursor_get(&c, sizeof m->folds), sizeof m->folds);
  m->term_top_size = cursor_get_u16(&c);
  m->class_top_size = cursor_get_u16(&c);
  m->item_counts_size = cursor_get_u16(&c);
  if (!manifest_sound(m))
    return error_set(err, SDX_DAMAGED, "a segment's manifest is damaged; reindex --missing mends it");
  return SDX_OK;
}
