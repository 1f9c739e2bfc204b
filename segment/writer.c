/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/writer.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"

#define LEVELS 8u

typedef struct stream_writer {
  uint8_t *block;
  uint32_t number, at;
} stream_writer;

/* An upper level of a dictionary. */
typedef struct level_writer {
  layout_top_builder top;
  uint8_t first[LAYOUT_KEY_MAX]; /* separator of the block's first child */
  size_t first_size;
} level_writer;

typedef struct dictionary_writer {
  segment_stream leaves, top;
  layout_leaf_builder leaf;
  uint8_t before[LAYOUT_KEY_MAX]; /* last key of the leaf before */
  size_t before_size;
  uint32_t leaf_count, entries;
  bool begun;
  level_writer *levels[LEVELS];
  uint32_t root;
  uint8_t depth;
  uint8_t root_copy[LAYOUT_ROOT_MAX];
  size_t root_size;
} dictionary_writer;

/* The term being written. */
typedef struct term_writer {
  uint8_t name[LAYOUT_TERM_MAX];
  size_t size;
  layout_term value;
  uint64_t start[3];       /* addresses of its postings, positions, skips */
  uint32_t ordinals[POSTINGS_BLOCK], wdfs[POSTINGS_BLOCK], counts[POSTINGS_BLOCK];
  uint32_t pending;        /* of these */
  uint32_t *positions;     /* of these, in order */
  size_t position_count, position_room;
  uint32_t base;           /* least ordinal of the next block */
  layout_skip *skips;      /* of blocks written */
  size_t skip_count, skip_room;
  buffer chunk, header;
} term_writer;

struct segment_writer {
  sdx_status status;
  sdx_error *err;
  block_sink sink;
  writer_setup setup;
  layout_manifest manifest;
  stream_writer streams[STREAM_COUNT];
  uint8_t *blocks;
  layout_items_builder items;
  bool items_begun;
  uint8_t item_counts[LAYOUT_COPIES_MAX]; /* records in each block of items */
  bool uncounted;                         /* they do not fit */
  int64_t last_date;
  uint32_t *lengths;
  uint8_t *same_dates; /* a bit for each item: its date is that of the one before */
  term_writer term;
  dictionary_writer terms, classes;
  buffer value;
};

static void fail(segment_writer *w, sdx_status status) {
  if (w->status == SDX_OK) w->status = status;
}
static void fail_memory(segment_writer *w) { fail(w, error_memory(w->err)); }
static void fail_order(segment_writer *w) {
  fail(w, error_set(w->err, SDX_INVALID, "items, terms or postings of a segment are out of order"));
}

sdx_status segment_writer_status(const segment_writer *w) { return w->status; }

/* ---------------------------------------------------------------- streams */

static void put_block(segment_writer *w, segment_stream stream, const uint8_t *plain) {
  stream_writer *s = &w->streams[stream];
  if (w->status != SDX_OK) return;
  fail(w, w->sink.put(w->sink.context, stream, s->number, plain, w->err));
  s->number++;
}

static void stream_flush(segment_writer *w, segment_stream stream) {
  stream_writer *s = &w->streams[stream];
  if (s->at == 0) return;
  memset(s->block + s->at, 0, BLOCK_PLAIN - s->at);
  put_block(w, stream, s->block);
  s->at = 0;
}

static void stream_put(segment_writer *w, segment_stream stream, const void *bytes, size_t size) {
  stream_writer *s = &w->streams[stream];
  const uint8_t *at = bytes;
  while (size > 0) {
    const size_t room = BLOCK_PLAIN - s->at, n = size < room ? size : room;
    memcpy(s->block + s->at, at, n);
    s->at += (uint32_t)n;
    at += n;
    size -= n;
    if (s->at == BLOCK_PLAIN) stream_flush(w, stream);
  }
}

static uint64_t stream_address(const segment_writer *w, segment_stream stream) {
  return (uint64_t)w->streams[stream].number * BLOCK_PLAIN + w->streams[stream].at;
}

static void column_put(segment_writer *w, segment_stream stream, uint64_t v, uint32_t width) {
  stream_writer *s = &w->streams[stream];
  if (s->at + width > BLOCK_PLAIN) stream_flush(w, stream);
  uint8_t bytes[8];
  for (uint32_t i = 0; i < width; i++) bytes[i] = (uint8_t)(v >> (8 * i));
  stream_put(w, stream, bytes, width);
}

/* ---------------------------------------------------------------- life */

static uint8_t bytes_of(uint64_t v) {
  uint8_t n = 1;
  while (n < 8 && v >> (8 * n) != 0) n++;
  return n;
}

static void dictionary_setup(dictionary_writer *d, segment_stream leaves, segment_stream top) {
  d->leaves = leaves;
  d->top = top;
}

sdx_status segment_writer_new(segment_writer **out, const writer_setup *setup, const block_sink *sink,
                              sdx_error *err) {
  if (setup->items > INT32_MAX || setup->newest < setup->oldest ||
      setup->language_count > SEGMENT_LANGUAGES)
    return error_set(err, SDX_INVALID, "a segment cannot hold so many items or languages");
  segment_writer *w = plain_alloc(sizeof *w);
  if (w == NULL) return error_memory(err);
  w->err = err;
  w->sink = *sink;
  w->setup = *setup;
  w->blocks = plain_alloc((size_t)STREAM_COUNT * BLOCK_PLAIN);
  w->lengths = plain_alloc(((size_t)setup->items + 1) * sizeof *w->lengths);
  w->same_dates = plain_alloc((size_t)setup->items / 8 + 1);
  if (w->blocks == NULL || w->lengths == NULL || w->same_dates == NULL) {
    segment_writer_free(w);
    return error_memory(err);
  }
  for (unsigned i = 0; i < STREAM_COUNT; i++)
    w->streams[i].block = w->blocks + (size_t)i * BLOCK_PLAIN;
  dictionary_setup(&w->terms, STREAM_TERMS, STREAM_TERM_TOP);
  dictionary_setup(&w->classes, STREAM_CLASSES, STREAM_CLASS_TOP);
  segment_info *info = &w->manifest.info;
  info->id = setup->id;
  info->format = SEGMENT_FORMAT;
  info->analyser = setup->analyser;
  info->newest = setup->newest;
  info->oldest = setup->oldest;
  info->min_length = UINT32_MAX;
  info->language_count = setup->language_count;
  memcpy(info->languages, setup->languages, sizeof info->languages);
  w->manifest.date_width = bytes_of((uint64_t)setup->newest - (uint64_t)setup->oldest);
  w->manifest.size_width = bytes_of(setup->max_size);
  *out = w;
  return SDX_OK;
}

static void dictionary_free(dictionary_writer *d) {
  for (unsigned i = 0; i < LEVELS; i++) {
    if (d->levels[i] != NULL) wipe(d->levels[i], sizeof *d->levels[i]);
    plain_free(d->levels[i]);
  }
}

void segment_writer_free(segment_writer *w) {
  if (w == NULL) return;
  if (w->blocks != NULL) wipe(w->blocks, (size_t)STREAM_COUNT * BLOCK_PLAIN);
  plain_free(w->blocks);
  plain_free(w->lengths);
  plain_free(w->same_dates);
  wipe(w->term.positions, w->term.position_room * sizeof *w->term.positions);
  plain_free(w->term.positions);
  plain_free(w->term.skips);
  buffer_free(&w->term.chunk);
  buffer_free(&w->term.header);
  buffer_free(&w->value);
  dictionary_free(&w->terms);
  dictionary_free(&w->classes);
  wipe(w, sizeof *w);
  plain_free(w);
}

/* ---------------------------------------------------------------- items */

/* The copy of the item index that stands in the manifest, where there is room. */
static void count_records(segment_writer *w) {
  const uint32_t block = w->streams[STREAM_ITEMS].number;
  if (block < sizeof w->item_counts && w->items.count <= UINT8_MAX)
    w->item_counts[block] = (uint8_t)w->items.count;
  else
    w->uncounted = true;
}

static void items_flush(segment_writer *w) {
  if (!w->items_begun) return;
  count_records(w);
  layout_items_end(&w->items);
  put_block(w, STREAM_ITEMS, w->items.block);
  w->items_begun = false;
}

static void items_begin(segment_writer *w, const layout_item *item) {
  column_put(w, STREAM_ITEM_TOP, w->manifest.info.items, 4);
  layout_items_begin(&w->items, item->date, item->stored_at);
  w->items_begun = true;
}

void segment_writer_item(segment_writer *w, const layout_item *item, uint64_t thread, sdx_bytes text,
                         sdx_bytes payload) {
  segment_info *info = &w->manifest.info;
  if (w->status != SDX_OK) return;
  if (item->id.size == 0 || item->id.size > SDX_ID_MAX || text.size > UINT32_MAX ||
      payload.size > UINT32_MAX) {
    fail(w, error_set(w->err, SDX_INVALID, "an item's id or payload is too long or empty"));
    return;
  }
  if (info->items >= w->setup.items || item->date > info->newest || item->date < info->oldest ||
      item->size > w->setup.max_size || (w->items_begun && item->date > w->last_date)) {
    fail_order(w);
    return;
  }
  if (info->items > 0 && item->date == w->last_date)
    w->same_dates[info->items / 8] |= (uint8_t)(1u << info->items % 8);
  w->last_date = item->date;
  layout_item stored = *item;
  stored.stored_at = stream_address(w, STREAM_STORED);
  stored.has_text = text.size > 0;
  stored.has_payload = payload.size > 0;
  stored.text_size = (uint32_t)text.size;
  stored.payload_size = (uint32_t)payload.size;
  stream_put(w, STREAM_STORED, text.data, text.size);
  stream_put(w, STREAM_STORED, payload.data, payload.size);
  if (!w->items_begun) items_begin(w, &stored);
  if (!layout_items_add(&w->items, &stored)) {
    items_flush(w);
    items_begin(w, &stored);
    if (!layout_items_add(&w->items, &stored)) fail_order(w);
  }
  column_put(w, STREAM_DATES, (uint64_t)item->date - (uint64_t)info->oldest, w->manifest.date_width);
  column_put(w, STREAM_SIZES, item->size, w->manifest.size_width);
  column_put(w, STREAM_THREADS, thread, 8);
  w->lengths[info->items++] = item->length;
  info->length += item->length;
  if (item->length < info->min_length) info->min_length = item->length;
  info->text_bytes += item->text_bytes;
}

uint32_t segment_writer_length(const segment_writer *w, uint32_t ordinal) {
  return ordinal < w->manifest.info.items ? w->lengths[ordinal] : 0;
}

/* Once all items are there, what inline lists need is known. */
static void settle_context(segment_writer *w) {
  layout_context *x = &w->manifest.context;
  const segment_info *info = &w->manifest.info;
  if (x->items != 0 || info->items == 0) return;
  const uint64_t mean = info->length / info->items / 2;
  x->items = info->items;
  x->min_length = info->min_length;
  x->first_order = (uint8_t)(mean > 1 ? 63 - __builtin_clzll(mean) : 0);
  if (x->first_order > 16) x->first_order = 16;
  x->gap_order = x->first_order > 1 ? (uint8_t)(x->first_order - 1) : 0;
}

/* ---------------------------------------------------------------- dictionaries */

static void top_add(segment_writer *w, dictionary_writer *d, unsigned level, const uint8_t *key,
                    size_t size, uint32_t child);

static void top_flush(segment_writer *w, dictionary_writer *d, unsigned level, bool up) {
  level_writer *l = d->levels[level];
  layout_top_end(&l->top);
  const uint32_t number = w->streams[d->top].number;
  put_block(w, d->top, l->top.block);
  if (!up) {
    d->root = number;
    d->root_size = layout_top_pack(d->root_copy, l->top.block);
  }
  layout_top_begin(&l->top);
  if (up) top_add(w, d, level + 1, l->first, l->first_size, number);
}

static void top_add(segment_writer *w, dictionary_writer *d, unsigned level, const uint8_t *key,
                    size_t size, uint32_t child) {
  if (w->status != SDX_OK) return;
  if (level >= LEVELS) {
    fail(w, error_set(w->err, SDX_INVALID, "a dictionary has too many levels"));
    return;
  }
  if (d->levels[level] == NULL) {
    d->levels[level] = plain_alloc(sizeof *d->levels[level]);
    if (d->levels[level] == NULL) {
      fail_memory(w);
      return;
    }
    layout_top_begin(&d->levels[level]->top);
    d->depth = (uint8_t)(level + 1);
  }
  level_writer *l = d->levels[level];
  if (l->top.count > 0 && layout_top_add(&l->top, key, size, child)) return;
  if (l->top.count > 0) top_flush(w, d, level, true);
  memcpy(l->first, key, size);
  l->first_size = size;
  if (!layout_top_add(&l->top, key, size, child)) fail_order(w);
}

static void leaf_flush(segment_writer *w, dictionary_writer *d) {
  if (!d->begun) return;
  layout_leaf_builder *leaf = &d->leaf;
  layout_leaf_end(leaf);
  put_block(w, d->leaves, leaf->block);
  const size_t separator =
      d->leaf_count == 0
          ? 0
          : layout_separator(d->before, d->before_size, leaf->first, leaf->first_size);
  top_add(w, d, 0, leaf->first, separator, d->leaf_count++);
  memcpy(d->before, leaf->last, leaf->last_size);
  d->before_size = leaf->last_size;
  d->begun = false;
}

static void dictionary_add(segment_writer *w, dictionary_writer *d, const uint8_t *key, size_t size,
                           const uint8_t *value, size_t value_size, const uint64_t addresses[3]) {
  if (w->status != SDX_OK) return;
  d->entries++;
  if (!d->begun) layout_leaf_begin(&d->leaf, addresses);
  d->begun = true;
  if (layout_leaf_add(&d->leaf, key, size, value, value_size, addresses)) return;
  leaf_flush(w, d);
  layout_leaf_begin(&d->leaf, addresses);
  d->begun = true;
  if (!layout_leaf_add(&d->leaf, key, size, value, value_size, addresses)) fail_order(w);
}

/* Closes every level; with one leaf there is none. */
static void dictionary_finish(segment_writer *w, dictionary_writer *d) {
  leaf_flush(w, d);
  if (d->leaf_count <= 1) {
    d->depth = 0;
    d->root = 0;
    return;
  }
  for (unsigned level = 0; level < LEVELS && d->levels[level] != NULL && w->status == SDX_OK; level++)
    top_flush(w, d, level, level + 1 < LEVELS && d->levels[level + 1] != NULL);
}

/* ---------------------------------------------------------------- terms */

void segment_writer_term(segment_writer *w, const void *name, size_t size, uint8_t flags) {
  term_writer *t = &w->term;
  if (w->status != SDX_OK) return;
  settle_context(w);
  if (size == 0 || size > LAYOUT_TERM_MAX) {
    fail(w, error_set(w->err, SDX_INVALID, "a term is empty or longer than %d bytes", LAYOUT_TERM_MAX));
    return;
  }
  memcpy(t->name, name, size);
  t->size = size;
  memset(&t->value, 0, sizeof t->value);
  t->value.flags = flags;
  t->value.term.min_length = UINT32_MAX;
  t->start[0] = stream_address(w, STREAM_POSTINGS);
  t->start[1] = stream_address(w, STREAM_POSITIONS);
  t->start[2] = stream_address(w, STREAM_SKIPS);
  t->pending = 0;
  t->position_count = 0;
  t->base = 0;
  t->skip_count = 0;
}

static bool room_for(void **array, size_t *room, size_t need, size_t size, bool secret) {
  if (need <= *room) return true;
  size_t more = *room > 0 ? *room * 2 : 64;
  while (more < need) more *= 2;
  void *grown = plain_alloc(more * size);
  if (grown == NULL) return false;
  if (*room > 0) memcpy(grown, *array, *room * size);
  if (secret) wipe(*array, *room * size);
  plain_free(*array);
  *array = grown;
  *room = more;
  return true;
}

static double average_length(const segment_writer *w) {
  const segment_info *info = &w->manifest.info;
  return info->items > 0 && info->length > 0 ? (double)info->length / (double)info->items : 1;
}

/* Writes the pending postings as a block, with the chunk of their positions. `alone`: it is the
 * list's only one, which has no skip header. */
static void block_flush(segment_writer *w, bool alone) {
  term_writer *t = &w->term;
  uint8_t bytes[LAYOUT_BLOCK_MAX];
  const size_t size = layout_block_encode(bytes, t->ordinals, t->wdfs, t->pending, t->base);
  stream_put(w, STREAM_POSTINGS, bytes, size);
  buffer_reset(&t->chunk);
  layout_chunk_encode(&t->chunk, t->wdfs, t->counts, t->pending, t->positions);
  void *skips = t->skips;
  if (t->chunk.failed ||
      !room_for(&skips, &t->skip_room, t->skip_count + 1, sizeof *t->skips, false)) {
    fail_memory(w);
    return;
  }
  t->skips = skips;
  stream_put(w, STREAM_POSITIONS, t->chunk.data, t->chunk.size);
  uint32_t max_wdf = 0, min_length = UINT32_MAX, lengths[POSTINGS_BLOCK];
  for (uint32_t i = 0; i < t->pending; i++) {
    lengths[i] = w->lengths[t->ordinals[i]];
    if (t->wdfs[i] > max_wdf) max_wdf = t->wdfs[i];
    if (lengths[i] < min_length) min_length = lengths[i];
  }
  layout_skip *skip = &t->skips[t->skip_count++];
  *skip = (layout_skip){ .last = t->ordinals[t->pending - 1],
                         .postings_size = (uint32_t)size,
                         .positions_size = (uint32_t)t->chunk.size };
  if (!alone)
    layout_bounds_make(&skip->bounds, t->wdfs, lengths, t->pending, average_length(w));
  if (max_wdf > t->value.term.max_wdf) t->value.term.max_wdf = max_wdf;
  if (min_length < t->value.term.min_length) t->value.term.min_length = min_length;
  t->base = t->ordinals[t->pending - 1] + 1;
  t->pending = 0;
  t->position_count = 0;
}

void segment_writer_posting(segment_writer *w, uint32_t ordinal, uint32_t wdf,
                            const uint32_t *positions, uint32_t count) {
  term_writer *t = &w->term;
  if (w->status != SDX_OK) return;
  if (t->pending == POSTINGS_BLOCK) block_flush(w, false);
  if (ordinal >= w->manifest.info.items || wdf > INT32_MAX || count > INT32_MAX ||
      ordinal < (t->pending > 0 ? t->ordinals[t->pending - 1] + 1 : t->base)) {
    fail_order(w);
    return;
  }
  if (t->position_count + count > t->position_room) {
    void *grown = t->positions;
    if (!room_for(&grown, &t->position_room, t->position_count + count, sizeof *t->positions, true)) {
      fail_memory(w);
      return;
    }
    t->positions = grown;
  }
  t->ordinals[t->pending] = ordinal;
  t->wdfs[t->pending] = wdf;
  t->counts[t->pending++] = count;
  for (uint32_t i = 0; i < count; i++) t->positions[t->position_count + i] = positions[i];
  t->position_count += count;
  t->value.term.df++;
  t->value.term.cf += wdf;
  if (count > 0) t->value.term.has_positions = true;
}

_Static_assert(LAYOUT_NEAR_DF <= LAYOUT_GROUP * POSTINGS_BLOCK, "such a header has no directory");

/* The skip header: a directory where there are several groups, and the groups, none of which lies
 * across blocks. Returns its size and the padding before it. */
static uint32_t skips_write(segment_writer *w, segment_stream stream, uint32_t *padding) {
  static const uint8_t zeros[LAYOUT_GROUP_MAX];
  term_writer *t = &w->term;
  buffer *h = &t->header;
  uint8_t bytes[LAYOUT_GROUP_MAX], entry[LAYOUT_DIRECTORY_ENTRY];
  const size_t groups = (t->skip_count + LAYOUT_GROUP - 1) / LAYOUT_GROUP;
  const uint64_t start = stream_address(w, stream);
  layout_directory d = { .postings = 0, .positions = 0 };
  buffer_reset(h);
  *padding = 0;
  if (groups > 1 && buffer_reserve(h, groups * sizeof entry)) h->size = groups * sizeof entry;
  for (size_t g = 0; g < groups && !h->failed; g++) {
    const layout_skip *skips = t->skips + g * LAYOUT_GROUP;
    const size_t left = t->skip_count - g * LAYOUT_GROUP;
    const uint32_t count = (uint32_t)(left < LAYOUT_GROUP ? left : LAYOUT_GROUP);
    const size_t size = layout_group_encode(bytes, skips, count, g > 0 ? skips[-1].last + 1 : 0);
    const size_t offset = (size_t)((start + h->size) % BLOCK_PLAIN);
    if (offset + size > BLOCK_PLAIN) {
      if (groups == 1) *padding = (uint32_t)(BLOCK_PLAIN - offset);
      buffer_put(h, zeros, BLOCK_PLAIN - offset);
    }
    if (groups > 1) {
      d.last = skips[count - 1].last;
      d.group = (uint32_t)h->size;
      layout_directory_encode(entry, &d);
      memcpy(h->data + g * sizeof entry, entry, sizeof entry);
      for (uint32_t i = 0; i < count; i++) {
        d.postings += skips[i].postings_size;
        d.positions += skips[i].positions_size;
      }
    }
    buffer_put(h, bytes, size);
  }
  if (h->failed) fail_memory(w);
  stream_put(w, stream, h->data, h->size);
  return (uint32_t)h->size - *padding;
}

bool segment_writer_term_end(segment_writer *w) {
  term_writer *t = &w->term;
  segment_term *term = &t->value.term;
  uint8_t value[LAYOUT_VALUE_MAX];
  uint32_t padding = 0, skips_size = 0;
  if (w->status != SDX_OK || term->df == 0) return false;
  if (term->cf == 0) t->value.flags = 0; /* a filter has no classes */
  if (term->df <= LAYOUT_INLINE_DF) {
    uint8_t mode = 0;
    const size_t size =
        layout_inline_encode(term->inline_bytes + 1, &w->manifest.context, t->ordinals, t->wdfs,
                             t->counts, t->pending, t->positions, &mode);
    term->inline_bytes[0] = mode;
    term->inline_size = size > 0 ? (uint8_t)(size + 1) : 0;
  }
  if (term->inline_size == 0) {
    block_flush(w, term->df <= POSTINGS_BLOCK);
    const uint64_t listed = stream_address(w, STREAM_POSTINGS) - t->start[0];
    const uint64_t placed = stream_address(w, STREAM_POSITIONS) - t->start[1];
    if (listed > UINT32_MAX || placed > UINT32_MAX)
      fail(w, error_set(w->err, SDX_INVALID, "a segment is too large: merge less"));
    term->postings_size = (uint32_t)listed;
    term->positions_size = (uint32_t)placed;
    if (term->df > POSTINGS_BLOCK)
      skips_size = skips_write(w, term->df <= LAYOUT_NEAR_DF ? STREAM_POSTINGS : STREAM_SKIPS, &padding);
  }
  const size_t size = layout_term_encode(value, &t->value, padding, skips_size);
  dictionary_add(w, &w->terms, t->name, t->size, value, size, t->start);
  return w->status == SDX_OK;
}

/* ---------------------------------------------------------------- classes */

void segment_writer_class(segment_writer *w, segment_class_kind kind, uint8_t language, sdx_bytes key,
                          const segment_class *about, bool as_member, const buffer *members) {
  uint8_t full[LAYOUT_KEY_MAX];
  const uint64_t start[3] = { stream_address(w, STREAM_POSTINGS), stream_address(w, STREAM_POSITIONS),
                              stream_address(w, STREAM_SKIPS) };
  if (w->status != SDX_OK) return;
  if (members->failed || key.size > LAYOUT_TERM_MAX || members->size > UINT32_MAX) {
    fail_memory(w);
    return;
  }
  if (kind == CLASS_FOLD) layout_folds_add(w->manifest.folds, key.data, key.size);
  const layout_class c = { .about = *about,
                           .as_member = as_member,
                           .size = (uint32_t)members->size,
                           .members = members->data };
  if (members->size > LAYOUT_MEMBERS_MAX)
    stream_put(w, STREAM_SKIPS, members->data, members->size);
  full[0] = (uint8_t)kind;
  full[1] = language;
  memcpy(full + 2, key.data, key.size);
  buffer_reset(&w->value);
  layout_class_encode(&w->value, &c);
  if (w->value.failed)
    fail_memory(w);
  else
    dictionary_add(w, &w->classes, full, key.size + 2, w->value.data, w->value.size, start);
}

/* ---------------------------------------------------------------- end */

/* Last, since what stands in front of a segment is best written together (index/blocks.h). */
static void lengths_write(segment_writer *w) {
  for (uint32_t i = 0; i < w->manifest.info.items; i++) {
    const bool same = (w->same_dates[i / 8] >> i % 8 & 1) != 0;
    const uint32_t length = w->lengths[i] < LAYOUT_LENGTH_LONG ? w->lengths[i] : LAYOUT_LENGTH_LONG;
    column_put(w, STREAM_LENGTHS, length | (same ? LAYOUT_SAME_DATE : 0), 2);
  }
  stream_flush(w, STREAM_LENGTHS);
}

sdx_status segment_writer_finish(segment_writer *w, segment_info *info) {
  layout_manifest *m = &w->manifest;
  settle_context(w);
  items_flush(w);
  dictionary_finish(w, &w->terms);
  dictionary_finish(w, &w->classes);
  for (unsigned i = 0; i < STREAM_COUNT; i++) stream_flush(w, (segment_stream)i);
  lengths_write(w);
  if (w->status != SDX_OK) return w->status;
  if (m->info.items != w->setup.items) {
    fail_order(w);
    return w->status;
  }
  if (m->info.items == 0) m->info.min_length = 0;
  m->info.terms = w->terms.entries;
  m->info.classes = w->classes.entries;
  m->term_root = w->terms.root;
  m->term_depth = w->terms.depth;
  m->class_root = w->classes.root;
  m->class_depth = w->classes.depth;
  m->term_top = w->terms.root_copy;
  m->term_top_size = (uint16_t)w->terms.root_size;
  m->class_top = w->classes.root_copy;
  m->class_top_size = (uint16_t)w->classes.root_size;
  m->item_counts = w->item_counts;
  const uint32_t counts = w->streams[STREAM_ITEMS].number;
  if (!w->uncounted && counts <= layout_manifest_room(m)) m->item_counts_size = (uint16_t)counts;
  m->blocks[STREAM_MANIFEST] = 1;
  m->info.blocks = 1;
  for (unsigned i = 1; i < STREAM_COUNT; i++) {
    m->blocks[i] = w->streams[i].number;
    m->info.blocks += w->streams[i].number;
  }
  uint8_t plain[BLOCK_PLAIN];
  layout_manifest_encode(plain, m);
  put_block(w, STREAM_MANIFEST, plain);
  if (w->status == SDX_OK) *info = m->info;
  return w->status;
}
