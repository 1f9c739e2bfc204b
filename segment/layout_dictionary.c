/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A leaf:
 *
 *   u16 count, u16 end of the entries, 3 x u48 addresses (postings, positions, skips) of the first
 *   entry's data, entries, ..., from the end of the block downward u16 offsets of entries 0, 16, 32, ...
 *
 * An entry: at every 16th but the first three varints, how far each address has come since the leaf's;
 * a byte shared << 4 | rest, 15 in either half meaning that a varint with what is above follows; rest
 * bytes of the key; the value. `shared` counts bytes of the key before, at a restart of the leaf's
 * first key. An entry says how long its data are, so each gives the address of the next.
 *
 * An upper block: u16 count, u16 end of the keys, keys; from the end downward (u16 offset of key,
 * u32 child) each.
 */
#include "segment/layout.h"

#define LEAF_HEAD 22u
#define TOP_HEAD 4u
#define TOP_SLOT 6u

static void store(uint8_t *out, uint64_t v, unsigned width) {
  for (unsigned i = 0; i < width; i++) out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t load(const uint8_t *in, unsigned width) {
  uint64_t v = 0;
  for (unsigned i = 0; i < width; i++) v |= (uint64_t)in[i] << (8 * i);
  return v;
}

static uint8_t *put_varint(uint8_t *out, uint64_t v) {
  while (v >= 0x80) {
    *out++ = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  *out++ = (uint8_t)v;
  return out;
}

static uint64_t zigzag(int64_t v) { return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63); }

static size_t shared_prefix(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  const size_t limit = a_size < b_size ? a_size : b_size;
  size_t n = 0;
  while (n < limit && a[n] == b[n]) n++;
  return n;
}

static int compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  const int c = memcmp(a, b, a_size < b_size ? a_size : b_size);
  return c != 0 ? c : (a_size > b_size) - (a_size < b_size);
}

static uint8_t *put_lengths(uint8_t *out, size_t shared, size_t rest) {
  *out++ = (uint8_t)((shared < 15 ? shared : 15) << 4 | (rest < 15 ? rest : 15));
  if (shared >= 15) out = put_varint(out, shared - 15);
  if (rest >= 15) out = put_varint(out, rest - 15);
  return out;
}

static void get_lengths(cursor *c, size_t *shared, size_t *rest) {
  const uint8_t head = cursor_get_u8(c);
  *shared = head >> 4;
  *rest = head & 15;
  if (*shared == 15) *shared += (size_t)(cursor_get_varint(c) & UINT16_MAX);
  if (*rest == 15) *rest += (size_t)(cursor_get_varint(c) & UINT16_MAX);
}

/* ---------------------------------------------------------------- leaves */

void layout_leaf_begin(layout_leaf_builder *b, const uint64_t addresses[3]) {
  memset(b->block, 0, sizeof b->block);
  b->count = 0;
  b->at = LEAF_HEAD;
  for (unsigned i = 0; i < 3; i++) {
    b->base[i] = addresses[i];
    store(b->block + 4 + 6 * i, addresses[i], 6);
  }
}

bool layout_leaf_add(layout_leaf_builder *b, const uint8_t *key, size_t size, const uint8_t *value,
                     size_t value_size, const uint64_t addresses[3]) {
  uint8_t head[48], *at = head;
  const bool restart = b->count % LAYOUT_RESTART == 0;
  size_t shared = 0;
  if (restart) {
    for (unsigned i = 0; b->count > 0 && i < 3; i++) at = put_varint(at, addresses[i] - b->base[i]);
    if (b->count > 0) shared = shared_prefix(b->first, b->first_size, key, size);
  } else {
    shared = shared_prefix(b->last, b->last_size, key, size);
  }
  at = put_lengths(at, shared, size - shared);
  const size_t head_size = (size_t)(at - head);
  const size_t slots = 2 * (b->count / LAYOUT_RESTART + 1);
  if (b->at + head_size + (size - shared) + value_size + slots > BLOCK_PLAIN) return false;

  if (restart) store(b->block + BLOCK_PLAIN - slots, b->at, 2);
  if (b->count == 0) {
    memcpy(b->first, key, size);
    b->first_size = size;
  }
  memcpy(b->block + b->at, head, head_size);
  memcpy(b->block + b->at + head_size, key + shared, size - shared);
  memcpy(b->block + b->at + head_size + (size - shared), value, value_size);
  b->at += (uint32_t)(head_size + (size - shared) + value_size);
  b->count++;
  memcpy(b->last, key, size);
  b->last_size = size;
  return true;
}

void layout_leaf_end(layout_leaf_builder *b) {
  store(b->block, b->count, 2);
  store(b->block + 2, b->at, 2);
}

static uint32_t restarts(const layout_leaf *l) {
  return (l->count + LAYOUT_RESTART - 1) / LAYOUT_RESTART;
}

bool layout_leaf_open(layout_leaf *l, const uint8_t block[BLOCK_PLAIN]) {
  *l = (layout_leaf){ .block = block,
                      .count = (uint32_t)load(block, 2),
                      .end = (uint32_t)load(block + 2, 2) };
  if (l->end < LEAF_HEAD || l->end + 2 * restarts(l) > BLOCK_PLAIN) return false;
  if (l->count == 0) {
    l->at = cursor_over(block + LEAF_HEAD, 0);
    return true;
  }
  cursor c = cursor_over(block + LEAF_HEAD, l->end - LEAF_HEAD);
  size_t shared, rest;
  get_lengths(&c, &shared, &rest);
  l->first = cursor_get(&c, rest);
  l->first_size = rest;
  return l->first != NULL && shared == 0 && rest <= LAYOUT_KEY_MAX && layout_leaf_restart(l, 0);
}

bool layout_leaf_restart(layout_leaf *l, uint32_t r) {
  if (r >= restarts(l)) return false;
  const uint32_t offset = (uint32_t)load(l->block + BLOCK_PLAIN - 2 * (r + 1), 2);
  if (offset < LEAF_HEAD || offset >= l->end) return false;
  l->at = cursor_over(l->block + offset, l->end - offset);
  l->index = r * LAYOUT_RESTART;
  for (unsigned i = 0; i < 3; i++) l->addresses[i] = load(l->block + 4 + 6 * i, 6);
  return true;
}

bool layout_leaf_key(layout_leaf *l, size_t *shared, const uint8_t **suffix, size_t *size) {
  if (l->index >= l->count) return false;
  if (l->index > 0 && l->index % LAYOUT_RESTART == 0)
    for (unsigned i = 0; i < 3; i++)
      l->addresses[i] = load(l->block + 4 + 6 * i, 6) + cursor_get_varint(&l->at);
  get_lengths(&l->at, shared, size);
  *suffix = cursor_get(&l->at, *size);
  if (*shared + *size > LAYOUT_KEY_MAX) l->at.failed = true;
  if (l->index % LAYOUT_RESTART == 0 && *shared > l->first_size) l->at.failed = true;
  l->index++;
  return !l->at.failed;
}

/* The last restart whose key is <= the key sought, or the first. */
static bool find_restart(layout_leaf *l, const uint8_t *key, size_t size) {
  const size_t common = shared_prefix(l->first, l->first_size, key, size);
  uint32_t low = 0, high = restarts(l);
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    size_t shared, rest;
    const uint8_t *suffix;
    if (!layout_leaf_restart(l, middle) || !layout_leaf_key(l, &shared, &suffix, &rest)) return false;
    const int c = shared <= common /* of the restart's key with the one sought */
                      ? compare(suffix, rest, key + shared, size - shared)
                      : compare(l->first + common, shared - common, key + common, size - common);
    if (c <= 0)
      low = middle;
    else
      high = middle;
  }
  return layout_leaf_restart(l, low);
}

bool layout_leaf_find(layout_leaf *l, const uint8_t *key, size_t size,
                      bool (*skip)(layout_leaf *l, const layout_context *x), const layout_context *x,
                      bool *exact) {
  *exact = false;
  if (l->count == 0) return true;
  if (!find_restart(l, key, size)) return false;
  size_t matched = 0; /* bytes that the key before shares with the one sought, which is above it */
  for (bool first = true; l->index < l->count; first = false) {
    const uint32_t before = l->index;
    size_t shared, rest;
    const uint8_t *suffix;
    if (!layout_leaf_key(l, &shared, &suffix, &rest)) return false;
    if (first) matched = shared_prefix(l->first, shared, key, size);
    const bool restart = l->index % LAYOUT_RESTART == 1 && !first; /* known to be above */
    if (restart || shared < matched) { /* or differs where the one before did not: above */
      l->index = before;
      return true;
    }
    if (shared == matched) {
      const size_t more = shared_prefix(suffix, rest, key + matched, size - matched);
      if (more == rest && matched + more == size) {
        *exact = true;
        return true;
      }
      if (matched + more == size || (more < rest && suffix[more] > key[matched + more])) {
        l->index = before;
        return true;
      }
      matched += more;
    }
    if (!skip(l, x)) return false;
  }
  return true;
}

/* ---------------------------------------------------------------- terms
 *
 *   u8: form (3 bits) | 0x08 own stem | 0x10 folds | 0x20 has positions | mode << 6
 *   form 0: a long list, 1: a short one, 2 to 7: inline, with df = form - 1.
 *   inline: the list.
 *   else: varint df, by mode 0: all wdfs are 1; 1: zigzag cf - df, u8 greatest wdf; 3: all are 0;
 *   u8 least length, varint size of postings, [varint size of positions],
 *   [long: varint padding before the skip header, varint its size].
 */
enum { FORM_LONG = 0, FORM_SHORT = 1, FORM_INLINE = 1 };
enum { WDFS_ONES = 0, WDFS_CODED = 1, WDFS_ZERO = 3 };
#define TERM_OWN_STEM 0x08u
#define TERM_FOLDS 0x10u
#define TERM_POSITIONS 0x20u

size_t layout_term_encode(uint8_t out[LAYOUT_VALUE_MAX], const layout_term *t, uint32_t skip_padding,
                          uint32_t skips_size) {
  const segment_term *term = &t->term;
  uint8_t *at = out;
  unsigned head = ((t->flags & LAYOUT_OWN_STEM) != 0 ? TERM_OWN_STEM : 0) |
                  ((t->flags & LAYOUT_FOLDS) != 0 ? TERM_FOLDS : 0) |
                  (term->has_positions ? TERM_POSITIONS : 0);
  if (term->inline_size > 0) {
    head |= (term->df + FORM_INLINE) | (unsigned)term->inline_bytes[0] << 6;
    *at++ = (uint8_t)head;
    memcpy(at, term->inline_bytes + 1, term->inline_size - 1u);
    return term->inline_size;
  }
  const bool ones = term->max_wdf == 1 && term->cf == term->df;
  const unsigned mode = ones ? WDFS_ONES : term->max_wdf == 0 ? WDFS_ZERO : WDFS_CODED;
  head |= (skips_size > 0 ? FORM_LONG : FORM_SHORT) | mode << 6;
  *at++ = (uint8_t)head;
  at = put_varint(at, term->df);
  if (mode == WDFS_CODED) {
    at = put_varint(at, zigzag((int64_t)term->cf - term->df));
    *at++ = layout_ceiling(term->max_wdf);
  }
  *at++ = layout_floor(term->min_length);
  at = put_varint(at, term->postings_size);
  if (term->has_positions) at = put_varint(at, term->positions_size);
  if (skips_size > 0) {
    at = put_varint(at, skip_padding);
    at = put_varint(at, skips_size);
  }
  return (size_t)(at - out);
}

static uint32_t get_size(cursor *c) {
  const uint64_t v = cursor_get_varint(c);
  if (v > UINT32_MAX) c->failed = true;
  return (uint32_t)v;
}

/* What stands behind the head of a list that is not inline, but for statistics in `out`. */
static void read_list(layout_leaf *l, unsigned head, layout_term *out) {
  segment_term *t = &out->term;
  const unsigned mode = head >> 6;
  t->df = get_size(&l->at);
  t->cf = t->df;
  t->max_wdf = 1;
  if (mode == WDFS_CODED) {
    t->cf = (uint64_t)((int64_t)t->df + cursor_get_zigzag(&l->at));
    t->max_wdf = layout_value(cursor_get_u8(&l->at));
  } else if (mode == WDFS_ZERO) {
    t->cf = 0;
    t->max_wdf = 0;
  }
  t->min_length = layout_value(cursor_get_u8(&l->at));
  t->postings_size = get_size(&l->at);
  t->positions_size = t->has_positions ? get_size(&l->at) : 0;
  t->postings = l->addresses[0];
  t->positions = l->addresses[1];
  l->addresses[0] += t->postings_size;
  l->addresses[1] += t->positions_size;
  if ((head & 7) == FORM_LONG) {
    uint64_t *const at = &l->addresses[t->df <= LAYOUT_NEAR_DF ? 0 : 2];
    *at += get_size(&l->at);
    t->skips = *at;
    *at += get_size(&l->at);
  }
}

/* An inline list stands where its reader may look some bytes behind it. */
typedef struct padded {
  uint8_t bytes[LAYOUT_INLINE_BYTES + BITS_PAD];
} padded;

static const uint8_t *with_padding(const uint8_t *bytes, size_t size, padded *room) {
  memcpy(room->bytes, bytes, size);
  memset(room->bytes + size, 0, sizeof room->bytes - size);
  return room->bytes;
}

/* The size of the inline list at the cursor; 0 on damage. */
static size_t inline_size(const layout_leaf *l, const layout_context *x, uint32_t df, uint8_t mode,
                          bool has_positions) {
  const uint8_t *bytes = l->at.at;
  size_t size = cursor_left(&l->at);
  padded room;
  if (size > LAYOUT_INLINE_BYTES) size = LAYOUT_INLINE_BYTES;
  if ((size_t)(l->block + BLOCK_PLAIN - bytes) < size + BITS_PAD) bytes = with_padding(bytes, size, &room);
  return layout_inline_size(bytes, size, x, df, mode, has_positions);
}

bool layout_term_read(layout_leaf *l, const layout_context *x, layout_term *out) {
  memset(out, 0, sizeof *out);
  const unsigned head = cursor_get_u8(&l->at);
  if (l->at.failed) return false;
  segment_term *t = &out->term;
  out->flags = (uint8_t)(((head & TERM_OWN_STEM) != 0 ? LAYOUT_OWN_STEM : 0u) |
                         ((head & TERM_FOLDS) != 0 ? LAYOUT_FOLDS : 0u));
  t->has_positions = (head & TERM_POSITIONS) != 0;
  if ((head & 7) <= FORM_SHORT) {
    read_list(l, head, out);
    return !l->at.failed && t->df > ((head & 7) == FORM_LONG ? POSTINGS_BLOCK : 0u) &&
           t->df <= ((head & 7) == FORM_LONG ? x->items : POSTINGS_BLOCK);
  }
  t->df = (head & 7) - FORM_INLINE;
  t->min_length = x->min_length;
  const uint8_t mode = (uint8_t)(head >> 6);
  const size_t size = inline_size(l, x, t->df, mode, t->has_positions);
  if (size == 0) return false;
  t->inline_size = (uint8_t)(size + 1);
  t->inline_bytes[0] = mode;
  memcpy(t->inline_bytes + 1, cursor_get(&l->at, size), size);
  padded room;
  return layout_inline_statistics(with_padding(t->inline_bytes + 1, size, &room), size, x, t->df, mode,
                                  &t->cf, &t->max_wdf);
}

uint32_t layout_term_most(const layout_leaf *l, const layout_context *x) {
  if (cursor_left(&l->at) == 0) return 0;
  const unsigned form = l->at.at[0] & 7;
  return form > FORM_SHORT ? form - FORM_INLINE : form == FORM_SHORT ? POSTINGS_BLOCK : x->items;
}

bool layout_term_skip(layout_leaf *l, const layout_context *x) {
  const unsigned head = cursor_get_u8(&l->at);
  if (l->at.failed) return false;
  if ((head & 7) <= FORM_SHORT) {
    layout_term ignored;
    ignored.term.has_positions = (head & TERM_POSITIONS) != 0;
    read_list(l, head, &ignored);
    return !l->at.failed;
  }
  const size_t size = inline_size(l, x, (head & 7) - FORM_INLINE, (uint8_t)(head >> 6),
                                  (head & TERM_POSITIONS) != 0);
  return size > 0 && cursor_get(&l->at, size) != NULL;
}

/* ---------------------------------------------------------------- classes
 *
 *   u8: members, 15 meaning that a varint with what is above follows | 0x10 statistics are its one
 *   member's | 0x20 members stand in STREAM_SKIPS
 *   [varint df, zigzag cf - df, u8 greatest wdf, u8 least length], varint size of members, [members]
 */
#define CLASS_AS_MEMBER 0x10u
#define CLASS_OUTSIDE 0x20u

void layout_members_put(buffer *out, sdx_bytes key, sdx_bytes member) {
  uint8_t head[16];
  const size_t shared = shared_prefix((const uint8_t *)key.data, key.size,
                                      (const uint8_t *)member.data, member.size);
  const uint8_t *end = put_lengths(head, shared, member.size - shared);
  buffer_put(out, head, (size_t)(end - head));
  buffer_put(out, member.data + shared, member.size - shared);
}

bool layout_members_next(cursor *c, sdx_bytes key, buffer *names) {
  size_t shared, rest;
  get_lengths(c, &shared, &rest);
  const uint8_t *suffix = cursor_get(c, rest);
  if (suffix == NULL || shared > key.size || shared + rest > LAYOUT_TERM_MAX) return false;
  buffer_put_varint(names, shared + rest);
  buffer_put(names, key.data, shared);
  buffer_put(names, suffix, rest);
  return true;
}

void layout_class_encode(buffer *out, const layout_class *c) {
  const bool outside = c->size > LAYOUT_MEMBERS_MAX;
  const uint32_t members = c->about.members;
  buffer_put_u8(out, (uint8_t)((members < 15 ? members : 15) | (c->as_member ? CLASS_AS_MEMBER : 0) |
                               (outside ? CLASS_OUTSIDE : 0)));
  if (members >= 15) buffer_put_varint(out, members - 15);
  if (!c->as_member) {
    buffer_put_varint(out, c->about.df);
    buffer_put_zigzag(out, (int64_t)c->about.cf - c->about.df);
    buffer_put_u8(out, layout_ceiling(c->about.max_wdf));
    buffer_put_u8(out, layout_floor(c->about.min_length));
  }
  if (outside || members != 1) buffer_put_varint(out, c->size);
  if (!outside) buffer_put(out, c->members, c->size);
}

bool layout_class_read(layout_leaf *l, const layout_context *x, layout_class *out) {
  (void)x;
  cursor *c = &l->at;
  memset(out, 0, sizeof *out);
  const unsigned head = cursor_get_u8(c);
  segment_class *about = &out->about;
  about->members = head & 15;
  if (about->members == 15) about->members += get_size(c) & (UINT32_MAX >> 1);
  out->as_member = (head & CLASS_AS_MEMBER) != 0;
  out->outside = (head & CLASS_OUTSIDE) != 0;
  if (!out->as_member) {
    about->df = get_size(c);
    about->cf = (uint64_t)((int64_t)about->df + cursor_get_zigzag(c));
    about->max_wdf = layout_value(cursor_get_u8(c));
    about->min_length = layout_value(cursor_get_u8(c));
  }
  if (out->outside || about->members != 1) {
    out->size = get_size(c);
  } else { /* one member tells its own size */
    cursor ahead = *c;
    size_t shared, rest;
    get_lengths(&ahead, &shared, &rest);
    cursor_get(&ahead, rest);
    if (ahead.failed) c->failed = true;
    out->size = (uint32_t)(ahead.at - c->at);
  }
  if (out->outside) {
    out->address = l->addresses[2];
    l->addresses[2] += out->size;
  } else {
    out->members = cursor_get(c, out->size);
  }
  return !c->failed && (head & 0xc0) == 0 && about->members > 0 &&
         !(out->as_member && about->members != 1);
}

bool layout_class_skip(layout_leaf *l, const layout_context *x) {
  layout_class ignored;
  return layout_class_read(l, x, &ignored);
}

/* ---------------------------------------------------------------- upper levels */

void layout_top_begin(layout_top_builder *b) {
  memset(b->block, 0, sizeof b->block);
  b->count = 0;
  b->at = TOP_HEAD;
}

bool layout_top_add(layout_top_builder *b, const uint8_t *key, size_t size, uint32_t child) {
  const size_t slots = TOP_SLOT * (b->count + 1);
  if (b->at + size + slots > BLOCK_PLAIN) return false;
  store(b->block + BLOCK_PLAIN - slots, b->at, 2);
  store(b->block + BLOCK_PLAIN - slots + 2, child, 4);
  if (size > 0) memcpy(b->block + b->at, key, size);
  b->at += (uint32_t)size;
  b->count++;
  return true;
}

void layout_top_end(layout_top_builder *b) {
  store(b->block, b->count, 2);
  store(b->block + 2, b->at, 2);
}

size_t layout_top_pack(uint8_t out[LAYOUT_ROOT_MAX], const uint8_t block[BLOCK_PLAIN]) {
  const size_t count = (size_t)load(block, 2), end = (size_t)load(block + 2, 2);
  const size_t slots = TOP_SLOT * count;
  if (end + slots > LAYOUT_ROOT_MAX || end < TOP_HEAD) return 0;
  memcpy(out, block, end);
  memcpy(out + end, block + BLOCK_PLAIN - slots, slots);
  return end + slots;
}

bool layout_top_find_packed(const uint8_t *top, size_t top_size, const uint8_t *key, size_t size,
                            uint32_t *child) {
  if (top_size < TOP_HEAD) return false;
  const uint32_t count = (uint32_t)load(top, 2), end = (uint32_t)load(top + 2, 2);
  if (count == 0 || end < TOP_HEAD || end + TOP_SLOT * count > top_size) return false;
  const uint8_t *const slots = top + top_size;
  uint32_t low = 0, high = count;
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    const uint32_t from = (uint32_t)load(slots - TOP_SLOT * (middle + 1), 2);
    const uint32_t to = middle + 1 < count ? (uint32_t)load(slots - TOP_SLOT * (middle + 2), 2) : end;
    if (from < TOP_HEAD || to < from || to > end) return false;
    if (compare(top + from, to - from, key, size) <= 0)
      low = middle;
    else
      high = middle;
  }
  *child = (uint32_t)load(slots - TOP_SLOT * (low + 1) + 2, 4);
  return true;
}

bool layout_top_find(const uint8_t block[BLOCK_PLAIN], const uint8_t *key, size_t size,
                     uint32_t *child) {
  return layout_top_find_packed(block, BLOCK_PLAIN, key, size, child);
}

size_t layout_separator(const uint8_t *before, size_t before_size, const uint8_t *key, size_t size) {
  const size_t shared = shared_prefix(before, before_size, key, size);
  return shared < size ? shared + 1 : size;
}
