/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cursor over a term's postings and positions. */
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "base/plain.h"
#include "segment/segment.h"

#define NONE UINT32_MAX
#define PREFETCH_BYTES (8u * BLOCK_PLAIN)

struct postings_positions {
  layout_chunk chunk;
  bool empty;        /* the block has no positions at all */
  uint32_t held;     /* the posting whose positions are in `out`; NONE: none */
  buffer bytes;      /* the chunk, where it lies across blocks */
  uint32_t *out;
  size_t room;
};

static bool is_inline(const postings *p) { return p->term.inline_size > 0; }
static bool is_long(const postings *p) { return p->df > POSTINGS_BLOCK; }
static segment_stream skips_of(const postings *p) {
  return p->df <= LAYOUT_NEAR_DF ? STREAM_POSTINGS : STREAM_SKIPS;
}

void postings_open(postings *p, const segment *s, segment_session *session, const segment_term *term) {
  p->count = 0;
  p->df = term->df;
  p->block = NONE;
  p->seg = s;
  p->session = session;
  p->term = *term;
  p->blocks = term->df / POSTINGS_BLOCK + (term->df % POSTINGS_BLOCK != 0);
  p->at = 0;
  p->next_at = term->postings;
  p->last = 0;
  p->plain = false;
  p->later.at = NULL;
  p->positions_block = NONE;
  p->group.number = NONE;
  p->data = p->skip = p->place = (block_ref)BLOCK_REF_INIT;
  p->decoded = NULL;
  if (s->source.prefetch == NULL || is_inline(p)) return;
  if (is_long(p)) stream_prefetch(s, session, skips_of(p), term->skips, 1);
  stream_prefetch(s, session, STREAM_POSTINGS, term->postings,
                  term->postings_size < PREFETCH_BYTES ? term->postings_size : PREFETCH_BYTES);
}

void postings_rewind(postings *p) {
  p->count = 0;
  p->block = NONE;
  p->at = 0;
  p->next_at = p->term.postings;
  p->last = 0;
  p->later.at = NULL;
}

void postings_read_wdfs(postings *p) {
  layout_wdfs_decode(&p->later, p->wdfs);
  p->later.at = NULL;
  p->plain = false;
}

void postings_close(postings *p) {
  block_release(&p->data);
  block_release(&p->skip);
  block_release(&p->place);
  if (p->decoded != NULL) {
    buffer_free(&p->decoded->bytes);
    wipe(p->decoded->out, p->decoded->room * sizeof *p->decoded->out);
    plain_free(p->decoded->out);
    wipe(p->decoded, sizeof *p->decoded);
    plain_free(p->decoded);
  }
  wipe(p, sizeof *p);
}

/* ---------------------------------------------------------------- blocks */

static void end(postings *p) {
  p->count = 0;
  p->block = p->blocks;
  p->later.at = NULL;
}

static bool damaged(postings *p) {
  session_damaged(p->session);
  end(p);
  return false;
}

static bool decode_inline(postings *p) {
  uint8_t room[LAYOUT_INLINE_BYTES + BITS_PAD] = { 0 };
  const size_t size = p->term.inline_size - 1u;
  if (size > LAYOUT_INLINE_BYTES) return false;
  memcpy(room, p->term.inline_bytes + 1, size);
  return layout_inline_decode(room, size, &p->seg->manifest.context, p->df, p->term.inline_bytes[0],
                              p->ordinals, p->wdfs, NULL);
}

/* Decodes n postings at an address; returns the size of their encoding, 0 on failure. */
static size_t decode_at(postings *p, uint64_t address, uint32_t n, uint32_t base) {
  const uint64_t left = p->term.postings + p->term.postings_size - address;
  const uint32_t items = p->seg->manifest.info.items;
  size_t available;
  const uint8_t *bytes =
      stream_view(p->seg, p->session, STREAM_POSTINGS, address, &available, &p->data);
  if (bytes == NULL) return 0;
  size_t used =
      layout_block_decode(bytes, available, n, base, items, p->ordinals, p->wdfs, &p->plain, &p->later);
  if (used == 0 && left > available) { /* it goes on in the next block */
    uint8_t scratch[LAYOUT_BLOCK_MAX];
    const size_t size = left < sizeof scratch ? (size_t)left : sizeof scratch;
    p->plain = false;
    if (stream_copy(p->seg, p->session, STREAM_POSTINGS, address, scratch, size, &p->data))
      used = layout_block_decode(scratch, size, n, base, items, p->ordinals, p->wdfs, &p->plain, &p->later);
    if (used > 0) (void)postings_wdfs(p); /* before the copy goes */
    wipe(scratch, size);
  }
  return used <= left ? used : 0;
}

static bool decode(postings *p, uint32_t block, uint64_t address, uint32_t base) {
  const uint32_t n = block + 1 < p->blocks ? POSTINGS_BLOCK : p->df - block * POSTINGS_BLOCK;
  if (p->session->status != SDX_OK) {
    end(p);
    return false;
  }
  if (is_inline(p)) {
    if (!decode_inline(p)) return damaged(p);
  } else {
    if (address < p->term.postings || address > p->term.postings + p->term.postings_size)
      return damaged(p);
    const size_t used = decode_at(p, address, n, base);
    if (used == 0) return damaged(p);
    p->next_at = address + used;
  }
  p->block = block;
  p->count = n;
  p->at = 0;
  p->last = p->ordinals[n - 1];
  return true;
}

bool postings_next(postings *p) {
  const uint32_t block = p->block + 1; /* NONE + 1 is 0 */
  if (p->block != NONE && block >= p->blocks) {
    end(p);
    return false;
  }
  if (!decode(p, block, p->next_at, p->block == NONE ? 0 : p->last + 1)) return false;
  (void)postings_wdfs(p);
  return true;
}

/* ---------------------------------------------------------------- skipping */

static uint32_t group_count(const postings *p) { return (p->blocks + LAYOUT_GROUP - 1) / LAYOUT_GROUP; }

static bool read_directory(postings *p, uint32_t number, layout_directory *d) {
  uint8_t entry[LAYOUT_DIRECTORY_ENTRY];
  p->group.number = NONE; /* the pin on its block may go */
  if (!stream_copy(p->seg, p->session, STREAM_SKIPS,
                   p->term.skips + (uint64_t)number * LAYOUT_DIRECTORY_ENTRY, entry, sizeof entry,
                   &p->skip))
    return false;
  layout_directory_decode(d, entry);
  return true;
}

static bool load_group(postings *p, uint32_t number) {
  if (p->group.number == number) return true;
  layout_directory d = { 0 };
  if (p->blocks > LAYOUT_GROUP && !read_directory(p, number, &d)) return false;
  size_t available;
  const uint8_t *bytes = stream_view(p->seg, p->session, skips_of(p), p->term.skips + d.group,
                                     &available, &p->skip);
  if (bytes == NULL) return false;
  const uint32_t left = p->blocks - number * LAYOUT_GROUP;
  if (!layout_group_decode(&p->group, bytes, available) ||
      p->group.count != (left < LAYOUT_GROUP ? left : LAYOUT_GROUP)) {
    p->group.number = NONE;
    session_damaged(p->session);
    return false;
  }
  p->group.number = number;
  p->group.postings = d.postings;
  p->group.positions = d.positions;
  return true;
}

/* From *low on, the first group whose last ordinal is >= target: often near, so gallop, then halve. */
static bool find_directory(postings *p, uint32_t target, uint32_t *low, uint32_t *high) {
  const uint32_t groups = *high;
  layout_directory d;
  for (uint32_t step = 1; *low + step <= groups; step *= 2) {
    if (!read_directory(p, *low + step - 1, &d)) return false;
    if (d.last >= target) {
      *high = *low + step - 1;
      break;
    }
    *low += step;
  }
  while (*low < *high) {
    const uint32_t middle = (*low + *high) / 2;
    if (!read_directory(p, middle, &d)) return false;
    if (d.last >= target)
      *high = middle;
    else
      *low = middle + 1;
  }
  return true;
}

/* Loads the group that may hold `target`; false behind the last, or on failure. */
static bool find_group(postings *p, uint32_t target) {
  layout_group *g = &p->group;
  const uint32_t groups = group_count(p);
  uint32_t low = p->block == NONE ? 0 : p->block / LAYOUT_GROUP;
  if (g->number != NONE && target >= g->base) {
    if (target <= layout_group_last(g, g->count - 1)) return true;
    if (g->number >= low) low = g->number + 1;
  }
  uint32_t high = groups;
  if (groups > 1 && !find_directory(p, target, &low, &high)) return false;
  if (low >= groups || !load_group(p, low)) return false;
  return target <= layout_group_last(g, g->count - 1);
}

/* The index in the group of the first block whose last ordinal is >= target (there is one). */
static uint32_t find_in_group(const postings *p, uint32_t target) {
  const layout_group *g = &p->group;
  uint32_t low = 0, high = g->count - 1;
  if (p->block != NONE && p->block / LAYOUT_GROUP == g->number) {
    low = p->block % LAYOUT_GROUP; /* often the next one */
    if (low < high && layout_group_last(g, low) < target) low++;
    if (layout_group_last(g, low) >= target && (low == 0 || layout_group_last(g, low - 1) < target))
      return low;
  }
  if (low > 0 && layout_group_last(g, low - 1) >= target) low = 0;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (layout_group_last(g, middle) >= target)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* The index of the first ordinal >= target in a full block, whose last is: by the last of each 16 of
 * them, then among these. Sums of comparisons: there is no branch that the processor would mispredict,
 * and the compiler makes vectors of the second. */
static inline uint32_t find_in_full(const uint32_t *ordinals, uint32_t target) {
  uint32_t rows = 0, below = 0;
#pragma GCC unroll 8
  for (uint32_t i = 15; i + 1 < POSTINGS_BLOCK; i += 16) rows += ordinals[i] < target;
  const uint32_t *row = ordinals + 16 * (size_t)rows;
  for (uint32_t i = 0; i < 16; i++) below += row[i] < target;
  return 16 * rows + below;
}

/* The first index >= from of an ordinal >= target; there is one. */
static uint32_t find_in_block(const uint32_t *ordinals, uint32_t count, uint32_t from, uint32_t target) {
  if (from > 0 && ordinals[from - 1] >= target) from = 0;
  if (ordinals[from] >= target) return from;
  if (count == POSTINGS_BLOCK) return find_in_full(ordinals, target);
  from++;
  uint32_t low = from, length = count - from;
  while (length > 1) {
    const uint32_t half = length / 2;
    low += ordinals[low + half - 1] < target ? half : 0;
    length -= half;
  }
  return low;
}

uint32_t postings_seek(postings *p, uint32_t target) {
  if (p->count == 0 || p->last < target) {
    if (p->block != NONE && p->block >= p->blocks) return NONE;
    if (!is_long(p)) {
      if (p->block != NONE || !postings_next(p) || p->last < target) {
        end(p);
        return NONE;
      }
    } else {
      if (!find_group(p, target)) {
        end(p);
        return NONE;
      }
      const layout_group *g = &p->group;
      const uint32_t i = find_in_group(p, target);
      const uint64_t from = g->postings + (i > 0 ? layout_group_end(g, i - 1) : 0);
      const uint32_t base = i > 0 ? layout_group_last(g, i - 1) + 1 : g->base;
      if (!decode(p, g->number * LAYOUT_GROUP + i, p->term.postings + from, base)) return NONE;
      if (p->last < target) { /* the header promised otherwise */
        damaged(p);
        return NONE;
      }
    }
  }
  return p->at = find_in_block(p->ordinals, p->count, p->at, target);
}

void postings_follow(postings *p, postings *other, uint32_t target) {
  const uint32_t n = other->count;
  if ((p->count > 0 && p->last >= target) || n == 0 || other->last < target ||
      other->ordinals[0] > target)
    return;
  const uint32_t *wdfs = postings_wdfs(other);
  memcpy(p->ordinals, other->ordinals, n * sizeof *p->ordinals);
  if (!(p->plain && other->plain)) memcpy(p->wdfs, wdfs, n * sizeof *p->wdfs);
  p->plain = other->plain;
  p->later.at = NULL;
  p->count = n;
  p->block = other->block;
  p->next_at = other->next_at;
  p->last = other->last;
  p->at = 0;
}

bool postings_bounds(postings *p, uint32_t target, postings_bound *out) {
  if (p->block != NONE && p->block >= p->blocks) return false;
  if (!is_long(p)) {
    if (p->count > 0 && p->last < target) return false;
    *out = (postings_bound){ .wdfs = { p->term.max_wdf }, .lengths = { p->term.min_length } };
    out->last = p->count > 0 ? p->last : p->seg->manifest.info.items - 1;
    return true;
  }
  if (!find_group(p, target)) return false;
  const layout_group *g = &p->group;
  const uint32_t i = find_in_group(p, target);
  for (uint32_t pair = 0; pair < POSTINGS_PAIRS; pair++) {
    out->wdfs[pair] = layout_value(g->wdfs[pair * g->count + i]);
    out->lengths[pair] = layout_value(g->lengths[pair * g->count + i]);
  }
  out->last = layout_group_last(g, i);
  return true;
}

/* ---------------------------------------------------------------- positions */

/* Where the current block's chunk is; false on failure. */
static bool place_chunk(postings *p, uint64_t *address, uint64_t *size) {
  *address = p->term.positions;
  *size = p->term.positions_size;
  if (!is_long(p)) return true;
  if (!load_group(p, p->block / LAYOUT_GROUP)) return false;
  const layout_group *g = &p->group;
  const uint32_t i = p->block % LAYOUT_GROUP;
  const uint32_t from = i > 0 ? layout_group_place(g, i - 1) : 0, to = layout_group_place(g, i);
  *address += g->positions + from;
  *size = to - from;
  return to >= from;
}

/* Room for a copy of a chunk, with the padding that its reader wants. */
static uint8_t *room_for_chunk(postings *p, size_t size) {
  buffer *b = &p->decoded->bytes;
  buffer_reset(b);
  if (!buffer_reserve(b, size + BITS_PAD)) {
    session_fail(p->session, SDX_NO_MEMORY, "out of memory");
    return NULL;
  }
  b->size = size + BITS_PAD;
  memset(b->data + size, 0, BITS_PAD);
  return b->data;
}

static bool open_inline_chunk(postings *p) {
  uint32_t ordinals[LAYOUT_INLINE_DF], wdfs[LAYOUT_INLINE_DF];
  const size_t size = p->term.inline_size - 1u;
  uint8_t *room = room_for_chunk(p, size);
  if (room == NULL) return false;
  memcpy(room, p->term.inline_bytes + 1, size);
  return layout_inline_decode(room, size, &p->seg->manifest.context, p->df, p->term.inline_bytes[0],
                              ordinals, wdfs, &p->decoded->chunk);
}

static bool open_chunk(postings *p) {
  struct postings_positions *d = p->decoded;
  d->held = NONE;
  d->empty = false;
  p->positions_block = p->block;
  if (is_inline(p)) return open_inline_chunk(p);
  uint64_t address, size;
  if (!place_chunk(p, &address, &size)) return false;
  d->empty = size == 0;
  if (d->empty) return true;
  if (size > stream_bytes(p->seg, STREAM_POSITIONS)) return false;
  size_t available;
  const uint8_t *bytes =
      stream_view(p->seg, p->session, STREAM_POSITIONS, address, &available, &p->place);
  if (bytes == NULL) return false;
  if (available < size + BITS_PAD) {
    uint8_t *room = room_for_chunk(p, (size_t)size);
    if (room == NULL || !stream_copy(p->seg, p->session, STREAM_POSITIONS, address, room, (size_t)size,
                                     &p->place))
      return false;
    bytes = room;
  }
  return layout_chunk_open(&d->chunk, bytes, (size_t)size, p->count);
}

static bool make_room(struct postings_positions *d, uint32_t count) {
  if (count <= d->room) return true;
  size_t room = d->room > 0 ? d->room : 64;
  while (room < count) room *= 2;
  uint32_t *out = plain_alloc(room * sizeof *out);
  if (out == NULL) return false;
  wipe(d->out, d->room * sizeof *d->out);
  plain_free(d->out);
  d->out = out;
  d->room = room;
  return true;
}

static bool fail_positions(postings *p) {
  p->positions_block = NONE;
  return damaged(p);
}

/* Opens the part of posting i of the current block; false where it has no positions, or on failure. */
static bool reach_positions(postings *p, uint32_t i) {
  if (!p->term.has_positions || i >= p->count || p->session->status != SDX_OK) return false;
  if (p->decoded == NULL) {
    p->decoded = plain_alloc(sizeof *p->decoded);
    if (p->decoded == NULL) {
      session_fail(p->session, SDX_NO_MEMORY, "out of memory");
      return false;
    }
  }
  struct postings_positions *d = p->decoded;
  if (p->positions_block != p->block && !open_chunk(p)) return fail_positions(p);
  if (d->empty) return false;
  (void)postings_wdfs(p);
  if (!layout_chunk_reach(&d->chunk, p->wdfs, i)) return fail_positions(p);
  return d->chunk.counts[i] > 0;
}

static const uint32_t *positions_until(postings *p, uint32_t i, uint32_t enough, uint32_t *count) {
  *count = 0;
  if (!reach_positions(p, i)) return NULL;
  struct postings_positions *d = p->decoded;
  const uint32_t all = d->chunk.counts[i], *first = &d->chunk.firsts[i];
  if (all == 1 || *first >= enough) {
    *count = 1;
    return first;
  }
  if (i == d->held) {
    for (*count = all; *count > 1 && d->out[*count - 2] >= enough;) --*count;
    return d->out;
  }
  if (!make_room(d, all)) {
    *count = 0;
    session_fail(p->session, SDX_NO_MEMORY, "out of memory");
    return NULL;
  }
  d->held = NONE;
  if (!layout_chunk_read_until(&d->chunk, p->wdfs, i, enough, d->out, count)) {
    *count = 0;
    (void)fail_positions(p);
    return NULL;
  }
  if (*count == all) d->held = i;
  return d->out;
}

const uint32_t *postings_positions(postings *p, uint32_t i, uint32_t *count) {
  const uint32_t *at = positions_until(p, i, UINT32_MAX, count);
  if (at == NULL || *count == p->decoded->chunk.counts[i]) return at;
  *count = 0; /* more of them behind the last number there is */
  (void)fail_positions(p);
  return NULL;
}

const uint32_t *postings_positions_of(postings *p, postings *other, uint32_t ordinal, uint32_t enough,
                                      uint32_t *count) {
  *count = 0;
  if (p->count == 0 || p->last < ordinal) postings_follow(p, other, ordinal);
  const uint32_t i = postings_seek(p, ordinal);
  if (i == NONE || p->ordinals[i] != ordinal) return NULL;
  return positions_until(p, i, enough, count);
}
