/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/extent.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "segment/builder.h"
#include "segment/chain.h"
#include "segment/compress.h"
#include "segment/order.h"
#include "segment/writer.h"

#define NONE UINT32_MAX
#define AHEAD 8 /* postings between a fetch and its use */
#define PAGES_AHEAD ((size_t)128 << 10) /* of terms that will be met soon */

/* An item as it was added; its strings stand in `strings`, its frames in `stored`. */
typedef struct added {
  layout_item item;
  uint64_t thread;
  size_t id_at, attributes_at, text_at;
  uint32_t attribute_count;
  bool broken; /* could not be added whole: left out */
} added;

typedef struct spoken { /* a language of some item */
  char code[4];
  uint32_t stems; /* number among the analyser's languages; NONE: not one of them */
} spoken;

struct inverter {
  text_analyser *analyser;
  chain_store *chains;
  chain *terms; /* by number in the vocabulary; in term_extent, all zero behind the last that was met */
  size_t term_room;
  size_t term_pages; /* bytes of their extent that have pages */
  added *documents; /* in document_extent */
  size_t count, broken;
  extent term_extent, document_extent;
  spoken languages[SEGMENT_LANGUAGES];
  uint32_t language_count;
  buffer strings, stored;
  compressor *compressor;
  uint16_t analyser_version;
};

/* ---------------------------------------------------------------- life */

sdx_status inverter_new(inverter **out, text_analyser *analyser, sdx_error *err) {
  inverter *v = plain_alloc(sizeof *v);
  if (v == NULL) return error_memory(err);
  v->analyser = analyser;
  v->analyser_version = TEXT_ANALYSER_VERSION;
  sdx_status status = chain_store_new(&v->chains, err);
  if (status == SDX_OK) status = compressor_new(&v->compressor, err);
  if (status != SDX_OK) {
    inverter_free(v);
    return status;
  }
  *out = v;
  return SDX_OK;
}

static void forget(inverter *v) {
  chain_store_free(v->chains);
  v->chains = NULL;
  extent_free(&v->term_extent, 0);
  v->terms = NULL;
  v->term_room = v->term_pages = 0;
  extent_free(&v->document_extent, v->count * sizeof *v->documents);
  v->documents = NULL;
  v->count = v->broken = 0;
  v->language_count = 0;
  v->analyser_version = TEXT_ANALYSER_VERSION;
  buffer_free(&v->strings);
  buffer_free(&v->stored);
}

void inverter_free(inverter *v) {
  if (v == NULL) return;
  forget(v);
  compressor_free(v->compressor);
  plain_free(v);
}

size_t inverter_count(const inverter *v) { return v->count - v->broken; }

size_t inverter_bytes(const inverter *v) {
  const size_t terms = text_vocabulary_count(v->analyser);
  return sizeof *v + (v->chains != NULL ? chain_store_bytes(v->chains) : 0) +
         (terms < v->term_room ? terms : v->term_room) * sizeof *v->terms +
         v->count * sizeof *v->documents + v->strings.size + v->stored.size;
}

/* ---------------------------------------------------------------- adding */

static bool room_for_document(inverter *v) {
  const size_t used = v->count * sizeof *v->documents;
  if (!extent_reserve(&v->document_extent, used, used + sizeof *v->documents)) return false;
  v->documents = v->document_extent.at;
  return true;
}

static bool room_for_terms(inverter *v) {
  const size_t need = text_vocabulary_count(v->analyser);
  if (need > v->term_room) {
    if (!extent_reserve(&v->term_extent, v->term_room * sizeof *v->terms, need * sizeof *v->terms)) return false;
    v->terms = v->term_extent.at;
    v->term_room = v->term_extent.room / sizeof *v->terms;
  }
  if (need * sizeof *v->terms > v->term_pages) {
    const size_t wanted = need * sizeof *v->terms + PAGES_AHEAD;
    extent_populate(&v->term_extent, v->term_pages, wanted);
    v->term_pages = wanted < v->term_extent.room ? wanted : v->term_extent.room;
  }
  return true;
}

static sdx_status language_number(inverter *v, const char *code, uint8_t *out, sdx_error *err) {
  uint32_t i = 0;
  while (i < v->language_count && strncmp(v->languages[i].code, code, 4) != 0) i++;
  if (i == SEGMENT_LANGUAGES)
    return error_set(err, SDX_INVALID, "a segment holds at most %d languages", SEGMENT_LANGUAGES);
  if (i == v->language_count) {
    spoken *s = &v->languages[v->language_count++];
    *s = (spoken){ .stems = NONE };
    for (size_t j = 0; j < 3 && code[j] != 0; j++) s->code[j] = code[j];
    for (size_t j = 0; j < text_language_count(v->analyser) && j < TEXT_LANGUAGES_MAX; j++)
      if (strncmp(text_language_code(v->analyser, j), s->code, 4) == 0) s->stems = (uint32_t)j;
  }
  *out = (uint8_t)i;
  return SDX_OK;
}

/* Everything about an item but its terms; the item is broken until they are there. */
static sdx_status add_document(inverter *v, const builder_item *item, const char *language,
                               uint32_t length, uint32_t body_end, sdx_error *err) {
  if (item->id.size == 0 || item->id.size > SDX_ID_MAX)
    return error_set(err, SDX_INVALID, "an item's id has 1 to %d bytes", SDX_ID_MAX);
  if (item->text.size > COMPRESS_CONTENT_MAX || item->payload.size > COMPRESS_CONTENT_MAX)
    return error_set(err, SDX_INVALID, "an item's text or payload is too long");
  if (v->count >= INT32_MAX) return error_set(err, SDX_INVALID, "too many items for one segment");
  if (v->chains == NULL) { /* after a write */
    const sdx_status status = chain_store_new(&v->chains, err);
    if (status != SDX_OK) return status;
  }
  added d = { .item = { .kind = item->kind,
                           .has_attachment = item->has_attachment,
                           .date = item->date,
                           .sent = item->sent,
                           .expires = item->expires,
                           .length = length,
                           .body_end = body_end,
                           .size = item->size,
                           .text_bytes = item->text_bytes,
                           .id.size = item->id.size },
                 .thread = item->thread,
                 .id_at = v->strings.size,
                 .attribute_count = (uint32_t)item->attribute_count,
                 .text_at = v->stored.size,
                 .broken = true };
  const sdx_status status = language_number(v, language, &d.item.language, err);
  if (status != SDX_OK) return status;
  if (!room_for_document(v)) return error_memory(err);
  buffer_put(&v->strings, item->id.data, item->id.size);
  d.attributes_at = v->strings.size;
  for (size_t i = 0; i < item->attribute_count; i++)
    buffer_put_string(&v->strings, item->attributes[i].data, item->attributes[i].size);
  if (item->text.size > 0) compress_put(&v->stored, v->compressor, item->text.data, item->text.size);
  d.item.text_size = (uint32_t)(v->stored.size - d.text_at);
  if (item->payload.size > 0)
    compress_put(&v->stored, v->compressor, item->payload.data, item->payload.size);
  d.item.payload_size = (uint32_t)(v->stored.size - d.text_at - d.item.text_size);
  if (v->strings.failed || v->stored.failed) { /* what was there before is still good */
    v->strings.failed = v->stored.failed = false;
    return error_memory(err);
  }
  v->documents[v->count++] = d;
  v->broken++;
  return SDX_OK;
}

static void complete_document(inverter *v) {
  v->documents[v->count - 1].broken = false;
  v->broken--;
}

sdx_status inverter_add(inverter *v, const builder_item *item, const text_terms *terms,
                        sdx_error *err) {
  sdx_status status = add_document(v, item, text_language_code(v->analyser, terms->language),
                                   terms->length, terms->body_end, err);
  if (status != SDX_OK) return status;
  if (!room_for_terms(v)) return error_memory(err);
  const uint32_t number = (uint32_t)(v->count - 1);
  for (size_t i = 0; i < terms->count && status == SDX_OK; i++) {
    const text_term *t = &terms->terms[i];
    if (i + 2 * AHEAD < terms->count) __builtin_prefetch(&v->terms[terms->terms[i + 2 * AHEAD].id], 1);
    if (i + AHEAD < terms->count)
      __builtin_prefetch(chain_tail(v->chains, &v->terms[terms->terms[i + AHEAD].id]), 1);
    status = chain_add(v->chains, &v->terms[t->id], number, t->wdf, terms->positions + t->first,
                       t->count, err);
  }
  if (status == SDX_OK) complete_document(v);
  return status;
}

sdx_status inverter_add_record(inverter *v, const record *r, sdx_error *err) {
  const builder_item item = { .id = r->id,
                              .kind = r->kind,
                              .date = r->date,
                              .sent = r->sent,
                              .expires = r->expires,
                              .size = r->size,
                              .thread = r->thread,
                              .has_attachment = r->has_attachment,
                              .text_bytes = r->text_bytes,
                              .attributes = r->attributes,
                              .attribute_count = r->attribute_count,
                              .text = r->text,
                              .payload = r->payload };
  sdx_status status = add_document(v, &item, r->language, r->length, r->body_end, err);
  const uint32_t number = (uint32_t)(v->count - 1);
  for (size_t i = 0; i < r->term_count && status == SDX_OK; i++) {
    const record_term *t = &r->terms[i];
    uint32_t id;
    status = text_vocabulary_intern(v->analyser, t->term.data, t->term.size, &id, err);
    if (status == SDX_OK && !room_for_terms(v)) status = error_memory(err);
    if (status == SDX_OK)
      status = chain_add(v->chains, &v->terms[id], number, t->wdf, r->positions + t->first, t->count,
                         err);
  }
  if (status != SDX_OK) return status;
  if (r->analyser < v->analyser_version) v->analyser_version = r->analyser;
  complete_document(v);
  return SDX_OK;
}

/* ---------------------------------------------------------------- writing: items */

/* What one write works with. */
typedef struct write_job {
  inverter *v;
  segment_writer *writer;
  attributes *attributes;
  sdx_error *err;
  uint32_t items;
  uint32_t *order;    /* ordinal -> document */
  uint32_t *ordinals; /* document -> ordinal, NONE where it is broken */
  uint8_t languages[SEGMENT_LANGUAGES]; /* the inverter's -> the segment's */
  uint32_t by_number[SEGMENT_LANGUAGES]; /* the segment's -> the inverter's */
  writer_setup setup;
  order_key *keys;    /* terms in byte order */
  size_t key_count;
  bool *worded;       /* by term in byte order: it has a posting that is no mere filter */
  struct gathered *postings;
  size_t posting_room;
  uint32_t *positions;
  size_t position_room;
  uint64_t *sorting;  /* ordinal << 32 | index into postings; twice posting_room */
  uint32_t *sums;     /* wdf by document, all zero between classes */
} write_job;

typedef struct gathered {
  uint32_t wdf, count;
  size_t first;
} gathered;

static int newest_first(const void *a, const void *b, void *context) {
  const added *documents = context;
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  const int64_t p = documents[x].item.date, q = documents[y].item.date;
  if (p != q) return p > q ? -1 : 1;
  return x > y ? -1 : 1;
}

static sdx_status order_items(write_job *j) {
  inverter *v = j->v;
  j->order = plain_alloc((v->count + 1) * sizeof *j->order);
  j->ordinals = plain_alloc((v->count + 1) * sizeof *j->ordinals);
  j->sums = plain_array(v->count + 1, sizeof *j->sums);
  if (j->order == NULL || j->ordinals == NULL || j->sums == NULL) return error_memory(j->err);
  for (size_t i = 0; i < v->count; i++) {
    j->ordinals[i] = NONE;
    if (!v->documents[i].broken) j->order[j->items++] = (uint32_t)i;
  }
  qsort_r(j->order, j->items, sizeof *j->order, newest_first, v->documents);
  for (uint32_t i = 0; i < j->items; i++) j->ordinals[j->order[i]] = i;
  return SDX_OK;
}

/* The segment's languages are those that its items have, ascending by code. */
static void order_languages(write_job *j) {
  const inverter *v = j->v;
  bool used[SEGMENT_LANGUAGES] = { false };
  for (uint32_t i = 0; i < j->items; i++) used[v->documents[j->order[i]].item.language] = true;
  writer_setup *s = &j->setup;
  for (uint32_t i = 0; i < v->language_count; i++) {
    if (!used[i]) continue;
    uint32_t at = s->language_count++;
    for (; at > 0 && memcmp(s->languages[at - 1], v->languages[i].code, 4) > 0; at--) {
      memcpy(s->languages[at], s->languages[at - 1], 4);
      j->by_number[at] = j->by_number[at - 1];
    }
    memcpy(s->languages[at], v->languages[i].code, 4);
    j->by_number[at] = i;
  }
  for (uint32_t i = 0; i < s->language_count; i++) j->languages[j->by_number[i]] = (uint8_t)i;
}

static sdx_status add_attribute(write_job *j, const void *key, size_t size, uint32_t ordinal) {
  return attributes_add(j->attributes, key, size, ordinal, j->err);
}

static sdx_status write_attributes(write_job *j, const added *d, uint32_t ordinal) {
  const char kind[2] = { 'k', (char)('0' + (int)d->item.kind) };
  char language[5] = "n";
  memcpy(language + 1, j->v->languages[d->item.language].code, 4);
  sdx_status status = add_attribute(j, kind, sizeof kind, ordinal);
  if (status == SDX_OK) status = add_attribute(j, language, strlen(language), ordinal);
  if (status == SDX_OK && d->item.has_attachment) status = add_attribute(j, "a", 1, ordinal);
  cursor c = cursor_over(j->v->strings.data + d->attributes_at, j->v->strings.size - d->attributes_at);
  for (uint32_t i = 0; i < d->attribute_count && status == SDX_OK; i++) {
    size_t size;
    const uint8_t *key = cursor_get_string(&c, &size);
    status = add_attribute(j, key, size, ordinal);
  }
  return status;
}

static sdx_status write_items(write_job *j) {
  const inverter *v = j->v;
  for (uint32_t i = 0; i < j->items; i++) {
    const added *d = &v->documents[j->order[i]];
    layout_item item = d->item;
    const char *stored = (const char *)v->stored.data + d->text_at;
    item.id.data = (const char *)v->strings.data + d->id_at;
    item.language = j->languages[d->item.language];
    segment_writer_item(j->writer, &item, d->thread,
                        (sdx_bytes){ d->item.text_size > 0 ? stored : NULL, d->item.text_size },
                        (sdx_bytes){ d->item.payload_size > 0 ? stored + d->item.text_size : NULL,
                                     d->item.payload_size });
    const sdx_status status = write_attributes(j, d, i);
    if (status != SDX_OK) return status;
  }
  return segment_writer_status(j->writer);
}

/* ---------------------------------------------------------------- writing: terms */

static order_key key_of(sdx_bytes name, size_t id) {
  return (order_key){ .data = name.data, .size = (uint16_t)name.size, .id = (uint32_t)id };
}

static bool same(sdx_bytes a, sdx_bytes b) {
  return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* The class of a term's stem in the segment's language number l; NONE: there is none. */
static uint32_t stem_of(const write_job *j, uint32_t term, uint32_t l) {
  const uint32_t stems = j->v->languages[j->by_number[l]].stems;
  return stems == NONE ? NONE : text_vocabulary_class(j->v->analyser, term)->stems[stems];
}

static uint8_t flags_of(const write_job *j, uint32_t term, sdx_bytes name) {
  uint8_t flags = 0;
  text_class_kind kind;
  uint8_t language;
  if (text_vocabulary_class(j->v->analyser, term)->fold != TEXT_NONE) flags |= LAYOUT_FOLDS;
  const uint32_t stem = j->setup.language_count == 1 ? stem_of(j, term, 0) : NONE;
  if (stem != TEXT_NONE && same(text_class_key(j->v->analyser, stem, &kind, &language), name))
    flags |= LAYOUT_OWN_STEM;
  return flags;
}

static sdx_status order_terms(write_job *j) {
  inverter *v = j->v;
  const size_t count = v->term_room < text_vocabulary_count(v->analyser)
                           ? v->term_room
                           : text_vocabulary_count(v->analyser);
  size_t met = 0;
  for (size_t i = 0; i < count; i++) met += v->terms[i].df > 0;
  j->keys = plain_alloc((met + 1) * sizeof *j->keys);
  j->worded = plain_array(met + 1, sizeof *j->worded);
  if (j->keys == NULL || j->worded == NULL) return error_memory(j->err);
  for (size_t i = 0; i < count; i++) {
    if (v->terms[i].df == 0) continue;
    const sdx_bytes name = text_vocabulary_term(v->analyser, (uint32_t)i);
    j->keys[j->key_count] = key_of(name, i);
    j->keys[j->key_count++].tag = flags_of(j, (uint32_t)i, name); /* here, while classes come in their order */
  }
  order_sort(j->keys, j->key_count);
  return SDX_OK;
}

static bool room_for_postings(write_job *j, uint32_t df) {
  if (df <= j->posting_room) return true;
  size_t room = j->posting_room > 0 ? j->posting_room : 1024;
  while (room < df) room *= 2;
  plain_free(j->postings);
  plain_free(j->sorting);
  j->postings = plain_alloc(room * sizeof *j->postings);
  j->sorting = plain_alloc(2 * room * sizeof *j->sorting);
  j->posting_room = j->postings != NULL && j->sorting != NULL ? room : 0;
  return j->posting_room > 0;
}

static bool room_for_positions(write_job *j, size_t used, size_t need) {
  if (used + need <= j->position_room) return true;
  size_t room = j->position_room > 0 ? j->position_room : 4096;
  while (room < used + need) room *= 2;
  uint32_t *grown = plain_alloc(room * sizeof *grown);
  if (grown == NULL) return false;
  if (used > 0) memcpy(grown, j->positions, used * sizeof *grown);
  wipe(j->positions, used * sizeof *grown);
  plain_free(j->positions);
  j->positions = grown;
  j->position_room = room;
  return true;
}

/* Sorts `n` keys by their upper half, which is below `limit`; returns where they end up. */
static uint64_t *sort_ordinals(uint64_t *keys, uint64_t *spare, uint32_t n, uint32_t limit) {
  if (n <= 32) {
    for (uint32_t i = 1; i < n; i++) {
      const uint64_t key = keys[i];
      uint32_t at = i;
      for (; at > 0 && keys[at - 1] > key; at--) keys[at] = keys[at - 1];
      keys[at] = key;
    }
    return keys;
  }
  for (unsigned shift = 32; shift < 64 && (uint64_t)limit >> (shift - 32) != 0; shift += 8) {
    uint32_t starts[257] = { 0 };
    for (uint32_t i = 0; i < n; i++) starts[(keys[i] >> shift & 255) + 1]++;
    for (unsigned i = 1; i < 256; i++) starts[i] += starts[i - 1];
    for (uint32_t i = 0; i < n; i++) spare[starts[keys[i] >> shift & 255]++] = keys[i];
    uint64_t *t = keys;
    keys = spare;
    spare = t;
  }
  return keys;
}

static void free_postings(write_job *j) {
  plain_free(j->postings);
  plain_free(j->sorting);
  wipe(j->positions, j->position_room * sizeof *j->positions);
  plain_free(j->positions);
  j->postings = NULL;
  j->sorting = NULL;
  j->positions = NULL;
  j->posting_room = j->position_room = 0;
}

/* Reads a term's chain, puts its postings in order of ordinals, and writes them. */
static sdx_status write_postings(write_job *j, const chain *c, bool *worded) {
  if (!room_for_postings(j, c->df)) return error_memory(j->err);
  chain_reader r = chain_read(j->v->chains, c);
  uint32_t n = 0, document, wdf, count;
  size_t used = 0;
  bool ascending = true, descending = true;
  while (chain_next(&r, &document, &wdf, &count)) {
    const uint32_t ordinal = j->ordinals[document];
    if (!room_for_positions(j, used, count)) return error_memory(j->err);
    chain_positions(&r, count, j->positions + used);
    if (ordinal == NONE) continue;
    *worded = *worded || wdf > 0;
    if (n > 0) {
      const uint32_t before = (uint32_t)(j->sorting[n - 1] >> 32);
      ascending = ascending && ordinal > before;
      descending = descending && ordinal < before;
    }
    j->postings[n] = (gathered){ wdf, count, used };
    j->sorting[n] = (uint64_t)ordinal << 32 | n;
    n++;
    used += count;
  }
  uint64_t *keys = j->sorting;
  if (!ascending && !descending) keys = sort_ordinals(keys, keys + j->posting_room, n, j->items);
  for (uint32_t i = 0; i < n; i++) {
    const uint64_t key = keys[!ascending && descending ? n - 1 - i : i];
    const gathered *p = &j->postings[(uint32_t)key];
    segment_writer_posting(j->writer, (uint32_t)(key >> 32), p->wdf, j->positions + p->first, p->count);
  }
  return segment_writer_status(j->writer);
}

static sdx_status write_terms(write_job *j) {
  sdx_status status = order_terms(j);
  for (size_t i = 0; i < j->key_count && status == SDX_OK; i++) {
    const order_key *key = &j->keys[i];
    segment_writer_term(j->writer, key->data, key->size, key->tag);
    status = write_postings(j, &j->v->terms[key->id], &j->worded[i]);
    if (status == SDX_OK) segment_writer_term_end(j->writer);
  }
  free_postings(j); /* classes need memory of their own */
  return status == SDX_OK ? segment_writer_status(j->writer) : status;
}

/* ---------------------------------------------------------------- writing: classes */

/* Members of all classes, by counting: members[starts[c] .. starts[c + 1]) are indices into keys. */
typedef struct membership {
  uint32_t *starts, *members, *extra; /* extra: for folds, the key's own term, or NONE */
  size_t classes;
} membership;

static void membership_free(membership *m) {
  plain_free(m->starts);
  plain_free(m->members);
  plain_free(m->extra);
}

static uint32_t find_key(const write_job *j, sdx_bytes name) {
  size_t low = 0, high = j->key_count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const sdx_bytes at = order_name(&j->keys[middle]);
    int c = memcmp(at.data, name.data, at.size < name.size ? at.size : name.size);
    if (c == 0) c = (at.size > name.size) - (at.size < name.size);
    if (c == 0) return (uint32_t)middle;
    if (c < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NONE;
}

/* Calls for each (class, term): once to count, once to fill. */
static void each_membership(const write_job *j, membership *m, bool fill) {
  for (size_t i = 0; i < j->key_count; i++) {
    if (!j->worded[i]) continue;
    const text_class *c = text_vocabulary_class(j->v->analyser, j->keys[i].id);
    for (uint32_t l = 0; l <= j->setup.language_count; l++) {
      const uint32_t number = l < j->setup.language_count ? stem_of(j, j->keys[i].id, l) : c->fold;
      if (number == TEXT_NONE || number >= m->classes) continue;
      if (fill)
        m->members[m->starts[number]++] = (uint32_t)i;
      else
        m->starts[number + 1]++;
    }
  }
}

static sdx_status gather_members(write_job *j, membership *m) {
  m->classes = text_class_count(j->v->analyser);
  m->starts = plain_array(m->classes + 2, sizeof *m->starts);
  if (m->starts == NULL) return error_memory(j->err);
  each_membership(j, m, false);
  for (size_t i = 1; i <= m->classes; i++) m->starts[i] += m->starts[i - 1];
  m->members = plain_alloc(((size_t)m->starts[m->classes] + 1) * sizeof *m->members);
  if (m->members == NULL) return error_memory(j->err);
  each_membership(j, m, true);
  memmove(m->starts + 1, m->starts, m->classes * sizeof *m->starts);
  m->starts[0] = 0;
  return SDX_OK;
}

/* Adds one member's postings to the sums; language NONE: of all items. Returns whether it had any. */
static bool sum_member(write_job *j, uint32_t term, uint32_t language, segment_class *about,
                       uint32_t *touched) {
  const inverter *v = j->v;
  chain_reader r = chain_read(v->chains, &v->terms[term]);
  uint32_t document, wdf, count;
  bool any = false;
  while (chain_next(&r, &document, &wdf, &count)) {
    chain_positions(&r, count, NULL);
    if (wdf == 0 || j->ordinals[document] == NONE) continue;
    if (language != NONE && v->documents[document].item.language != language) continue;
    if (j->sums[document] == 0) touched[about->df++] = document;
    j->sums[document] += wdf;
    about->cf += wdf;
    any = true;
  }
  return any;
}

typedef struct class_job {
  segment_class_kind kind;
  uint32_t language; /* the segment's */
  const uint32_t *members;
  uint32_t count;
  uint32_t extra;
  uint32_t *touched;
  buffer encoded;
} class_job;

static void write_class(write_job *j, class_job *c, sdx_bytes key) {
  const bool one_language = c->kind == CLASS_FOLD || j->setup.language_count == 1;
  const uint32_t total = c->count + (c->extra != NONE);
  segment_class about = { .min_length = UINT32_MAX };
  buffer_reset(&c->encoded);
  if (total == 1 && one_language) { /* its statistics are its member's */
    const sdx_bytes name = order_name(&j->keys[c->members[0]]);
    if (same(name, key)) return;
    about.members = 1;
    layout_members_put(&c->encoded, key, name);
    segment_writer_class(j->writer, c->kind, (uint8_t)c->language, key, &about, true, &c->encoded);
    return;
  }
  const uint32_t language = one_language ? NONE : j->by_number[c->language];
  bool extra = c->extra != NONE;
  for (uint32_t i = 0; i < c->count || extra;) { /* in byte order, the extra one in its place */
    const bool take_extra = extra && (i == c->count || c->extra < c->members[i]);
    const order_key *member = &j->keys[take_extra ? c->extra : c->members[i]];
    if (take_extra)
      extra = false;
    else
      i++;
    if (!sum_member(j, member->id, language, &about, c->touched)) continue;
    layout_members_put(&c->encoded, key, order_name(member));
    about.members++;
  }
  for (uint32_t i = 0; i < about.df; i++) {
    const uint32_t document = c->touched[i], length = j->v->documents[document].item.length;
    if (j->sums[document] > about.max_wdf) about.max_wdf = j->sums[document];
    if (length < about.min_length) about.min_length = length;
    j->sums[document] = 0;
  }
  if (about.members > 0)
    segment_writer_class(j->writer, c->kind, (uint8_t)c->language, key, &about, false, &c->encoded);
}

/* All classes of one kind and language, in byte order of their keys. */
static sdx_status write_kind(write_job *j, const membership *m, class_job *c) {
  const text_analyser *a = j->v->analyser;
  const uint32_t stems = c->kind == CLASS_STEM ? j->v->languages[j->by_number[c->language]].stems : 0;
  order_key *keys = plain_alloc((m->classes + 1) * sizeof *keys);
  size_t count = 0;
  if (keys == NULL) return error_memory(j->err);
  for (size_t i = 0; i < m->classes; i++) {
    text_class_kind kind;
    uint8_t language;
    if (m->starts[i + 1] == m->starts[i]) continue;
    const sdx_bytes key = text_class_key(a, (uint32_t)i, &kind, &language);
    if (kind == (c->kind == CLASS_FOLD ? TEXT_FOLD : TEXT_STEM) &&
        (c->kind == CLASS_FOLD || language == stems))
      keys[count++] = key_of(key, i);
  }
  order_sort(keys, count);
  for (size_t i = 0; i < count && segment_writer_status(j->writer) == SDX_OK; i++) {
    const uint32_t from = m->starts[keys[i].id];
    c->members = m->members + from;
    c->count = m->starts[keys[i].id + 1] - from;
    c->extra = NONE;
    if (c->kind == CLASS_FOLD) { /* a term that is its own fold belongs to the class of that key */
      const uint32_t own = find_key(j, order_name(&keys[i]));
      if (own != NONE && j->worded[own] &&
          text_vocabulary_class(a, j->keys[own].id)->fold == TEXT_NONE)
        c->extra = own;
    }
    write_class(j, c, order_name(&keys[i]));
  }
  plain_free(keys);
  return segment_writer_status(j->writer);
}

static sdx_status write_classes(write_job *j) {
  membership m = { 0 };
  class_job c = { .touched = plain_alloc((j->v->count + 1) * sizeof *c.touched) };
  sdx_status status = c.touched != NULL ? gather_members(j, &m) : error_memory(j->err);
  c.kind = CLASS_FOLD;
  if (status == SDX_OK) status = write_kind(j, &m, &c);
  c.kind = CLASS_STEM;
  for (; c.language < j->setup.language_count && status == SDX_OK; c.language++)
    if (j->v->languages[j->by_number[c.language]].stems != NONE) status = write_kind(j, &m, &c);
  membership_free(&m);
  plain_free(c.touched);
  buffer_free(&c.encoded);
  return status;
}

/* ---------------------------------------------------------------- writing */

static void job_free(write_job *j) {
  segment_writer_free(j->writer);
  attributes_free(j->attributes);
  plain_free(j->order);
  plain_free(j->ordinals);
  plain_free(j->keys);
  plain_free(j->worded);
  free_postings(j);
  plain_free(j->sums);
}

sdx_status inverter_write(inverter *v, uint64_t segment_id, const block_sink *sink,
                          attributes **attributes_out, uint32_t *ordinals, segment_info *info,
                          sdx_error *err) {
  write_job j = { .v = v, .err = err };
  sdx_status status = order_items(&j);
  if (status != SDX_OK) goto out;
  order_languages(&j);
  j.setup.id = segment_id;
  j.setup.analyser = v->analyser_version;
  j.setup.items = j.items;
  if (j.items > 0) {
    j.setup.newest = v->documents[j.order[0]].item.date;
    j.setup.oldest = v->documents[j.order[j.items - 1]].item.date;
  }
  for (uint32_t i = 0; i < j.items; i++)
    if (v->documents[j.order[i]].item.size > j.setup.max_size)
      j.setup.max_size = v->documents[j.order[i]].item.size;

  status = segment_writer_new(&j.writer, &j.setup, sink, err);
  if (status == SDX_OK) status = attributes_new(&j.attributes, err);
  if (status == SDX_OK) status = write_items(&j);
  if (status == SDX_OK) status = write_terms(&j);
  if (status == SDX_OK) status = write_classes(&j);
  if (status == SDX_OK) status = segment_writer_finish(j.writer, info);
  if (status != SDX_OK) goto out;

  if (ordinals != NULL)
    for (size_t i = 0, n = 0; i < v->count; i++)
      if (j.ordinals[i] != NONE) ordinals[n++] = j.ordinals[i];
  *attributes_out = j.attributes;
  j.attributes = NULL;
  forget(v);
out:
  job_free(&j);
  return status;
}
