/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merging: items first, which gives each input a map of old ordinals to new ones; then terms, walked
 * side by side, their postings merged through the maps; then classes.
 *
 * Statistics of a class cannot be had by subtraction where items were dropped, since a member's
 * postings overlap another's. So the pass over terms notes, in a Bloom filter, which terms lost
 * postings; classes with such a member are summed anew from the inputs' postings, all others by
 * adding up what the inputs say. A false positive of the filter costs time and changes nothing.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "segment/builder.h"
#include "segment/order.h"
#include "segment/segment.h"
#include "segment/writer.h"

#define NONE UINT32_MAX
#define BLOOM_BITS (1u << 22)
#define CANCEL_EVERY 256u

/* Where one input stands. */
typedef struct source {
  const segment *seg;
  segment_session *session;
  const roaring_bitmap_t *dropped;
  uint32_t items, next;      /* the item that comes next */
  layout_item item;
  bool has_item;
  block_ref hold;
  uint32_t *map;             /* old ordinal -> new, NONE */
  uint8_t *item_languages;   /* where the segment has several: the result's number, by old ordinal */
  uint8_t languages[SEGMENT_LANGUAGES]; /* the input's -> the result's */
  segment_terms *terms;
  sdx_bytes name;
  segment_term term;
  bool has_term;
  postings list;             /* of the term at hand */
  bool listed;
  uint32_t at;               /* in list's block */
} source;

/* Classes of one input in order: those stored, or (implied) those it omits. */
typedef struct class_source {
  source *from;
  bool implied;
  segment_classes *stored;
  segment_terms *terms;
  segment_class_kind kind;
  uint8_t language;          /* the result's */
  sdx_bytes key;
  segment_class about;
  bool as_member, has;
  buffer names;
} class_source;

typedef struct merge_job {
  source *sources;
  size_t count;
  const merge_input *inputs;
  writer_setup setup;
  segment_writer *writer;
  attributes *attributes;
  uint64_t *bloom;           /* NULL: nothing was dropped */
  class_source *classes;
  size_t class_count;
  uint32_t *sums, *touched;  /* by new ordinal; all zero between classes */
  order_key *members;        /* of the class at hand */
  size_t member_room;
  buffer names, encoded, stored;
  bool (*cancelled)(void *);
  void *cancel_context;
  uint32_t until_asked;
  sdx_error *err;
} merge_job;

static bool is_cancelled(merge_job *j) {
  if (j->cancelled == NULL || ++j->until_asked % CANCEL_EVERY != 0) return false;
  return j->cancelled(j->cancel_context);
}

static sdx_status cancelled(merge_job *j) {
  return error_set(j->err, SDX_CANCELLED, "the merge was cancelled");
}

static sdx_status check_sessions(const merge_job *j) {
  for (size_t i = 0; i < j->count; i++)
    if (j->sources[i].session->status != SDX_OK) {
      const sdx_status status = j->sources[i].session->status;
      return error_set(j->err, status, "a segment could not be read in a merge");
    }
  return segment_writer_status(j->writer);
}

/* ---------------------------------------------------------------- items */

static bool is_dropped(const source *s, uint32_t ordinal) {
  return s->dropped != NULL && roaring_bitmap_contains(s->dropped, ordinal);
}

static sdx_status next_item(source *s) {
  while (s->next < s->items && is_dropped(s, s->next)) s->map[s->next++] = NONE;
  s->has_item = s->next < s->items;
  return s->has_item ? items_read(s->seg, s->session, s->next, &s->item, &s->hold) : SDX_OK;
}

/* What the writer must know before: number of items, range of dates, languages. */
static void survey(merge_job *j) {
  writer_setup *setup = &j->setup;
  bool any = false;
  setup->analyser = UINT16_MAX;
  for (size_t i = 0; i < j->count; i++) {
    source *s = &j->sources[i];
    const segment_info *info = segment_about(s->seg);
    uint32_t first = 0, last = info->items, count = 0;
    while (first < info->items && is_dropped(s, first)) first++;
    while (last > first && is_dropped(s, last - 1)) last--;
    for (uint32_t o = first; o < last; o++) count += !is_dropped(s, o);
    if (info->analyser < setup->analyser) setup->analyser = info->analyser;
    if (count == 0) continue;
    block_ref ref = BLOCK_REF_INIT;
    const int64_t newest = segment_date_at(s->seg, s->session, first, &ref);
    const int64_t oldest = segment_date_at(s->seg, s->session, last - 1, &ref);
    block_release(&ref);
    if (!any || newest > setup->newest) setup->newest = newest;
    if (!any || oldest < setup->oldest) setup->oldest = oldest;
    any = true;
    setup->items += count;
    const unsigned width = s->seg->manifest.size_width;
    const uint64_t max_size = width == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
    if (max_size > setup->max_size) setup->max_size = max_size;
  }
  if (j->count == 0) setup->analyser = TEXT_ANALYSER_VERSION;
}

static sdx_status join_languages(merge_job *j) {
  writer_setup *setup = &j->setup;
  for (size_t i = 0; i < j->count; i++) {
    const segment_info *info = segment_about(j->sources[i].seg);
    for (uint32_t l = 0; l < info->language_count; l++) {
      uint32_t at = 0;
      while (at < setup->language_count && memcmp(setup->languages[at], info->languages[l], 4) < 0) at++;
      if (at < setup->language_count && memcmp(setup->languages[at], info->languages[l], 4) == 0) continue;
      if (setup->language_count == SEGMENT_LANGUAGES)
        return error_set(j->err, SDX_INVALID, "a segment holds at most %d languages", SEGMENT_LANGUAGES);
      memmove(setup->languages[at + 1], setup->languages[at], (setup->language_count - at) * 4);
      memcpy(setup->languages[at], info->languages[l], 4);
      setup->language_count++;
    }
  }
  for (size_t i = 0; i < j->count; i++) {
    const segment_info *info = segment_about(j->sources[i].seg);
    for (uint32_t l = 0; l < info->language_count; l++)
      for (uint32_t at = 0; at < setup->language_count; at++)
        if (memcmp(setup->languages[at], info->languages[l], 4) == 0)
          j->sources[i].languages[l] = (uint8_t)at;
  }
  return SDX_OK;
}

/* Compressed text and payload lie together and are copied as they are. */
static sdx_status copy_item(merge_job *j, source *s, uint32_t ordinal) {
  layout_item *item = &s->item;
  const size_t size = (size_t)item->text_size + item->payload_size;
  block_ref ref = BLOCK_REF_INIT;
  buffer_reset(&j->stored);
  if (size > stream_bytes(s->seg, STREAM_STORED)) return session_damaged(s->session);
  if (!buffer_reserve(&j->stored, size)) return error_memory(j->err);
  stream_copy(s->seg, s->session, STREAM_STORED, item->stored_at, j->stored.data, size, &ref);
  j->stored.size = size;
  const uint64_t thread = segment_thread_at(s->seg, s->session, s->next, &ref);
  block_release(&ref);
  if (s->session->status != SDX_OK) return s->session->status;
  item->language = s->languages[item->language];
  if (s->item_languages != NULL) s->item_languages[s->next] = item->language;
  const char *stored = (const char *)j->stored.data;
  segment_writer_item(j->writer, item, thread, (sdx_bytes){ stored, item->text_size },
                      (sdx_bytes){ item->payload_size > 0 ? stored + item->text_size : NULL,
                                   item->payload_size });
  s->map[s->next++] = ordinal;
  return segment_writer_status(j->writer);
}

static sdx_status merge_items(merge_job *j) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < j->count && status == SDX_OK; i++) status = next_item(&j->sources[i]);
  for (uint32_t ordinal = 0; status == SDX_OK; ordinal++) {
    source *newest = NULL;
    for (size_t i = 0; i < j->count; i++) {
      source *s = &j->sources[i];
      if (s->has_item && (newest == NULL || s->item.date > newest->item.date)) newest = s;
    }
    if (newest == NULL) break;
    if (is_cancelled(j)) return cancelled(j);
    status = copy_item(j, newest, ordinal);
    if (status == SDX_OK) status = next_item(newest);
  }
  for (size_t i = 0; i < j->count; i++) block_release(&j->sources[i].hold);
  return status;
}

typedef struct remap {
  const source *from;
  attributes *to;
  sdx_bytes key;
  sdx_status status;
  sdx_error *err;
} remap;

static bool add_remapped(uint32_t ordinal, void *context) {
  remap *r = context;
  if (ordinal < r->from->items && r->from->map[ordinal] != NONE)
    r->status = attributes_add(r->to, r->key.data, r->key.size, r->from->map[ordinal], r->err);
  return r->status == SDX_OK;
}

static sdx_status merge_attributes(merge_job *j) {
  for (size_t i = 0; i < j->count; i++) {
    remap r = { .from = &j->sources[i], .to = j->attributes, .err = j->err };
    const roaring_bitmap_t *items;
    if (j->inputs[i].attributes == NULL) continue;
    for (size_t k = 0; attributes_at(j->inputs[i].attributes, k, &r.key, &items); k++)
      if (!roaring_iterate(items, add_remapped, &r)) return r.status;
  }
  return SDX_OK;
}

/* ---------------------------------------------------------------- terms */

static uint64_t hash(sdx_bytes name) {
  uint64_t h = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < name.size; i++) h = (h ^ (uint8_t)name.data[i]) * UINT64_C(0x100000001b3);
  return h * UINT64_C(0x9e3779b97f4a7c15) ^ h >> 31;
}

static void bloom_add(merge_job *j, sdx_bytes name) {
  const uint64_t h = hash(name);
  for (unsigned i = 0; i < 3; i++) {
    const uint32_t bit = (uint32_t)(h >> (20 * i)) % BLOOM_BITS;
    j->bloom[bit / 64] |= UINT64_C(1) << (bit % 64);
  }
}

static bool bloom_may_have(const merge_job *j, sdx_bytes name) {
  const uint64_t h = hash(name);
  for (unsigned i = 0; i < 3; i++) {
    const uint32_t bit = (uint32_t)(h >> (20 * i)) % BLOOM_BITS;
    if ((j->bloom[bit / 64] >> (bit % 64) & 1) == 0) return false;
  }
  return true;
}

static int compare(sdx_bytes a, sdx_bytes b) {
  const int c = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
  return c != 0 ? c : (a.size > b.size) - (a.size < b.size);
}

static void next_term(source *s) { s->has_term = segment_terms_next(s->terms, &s->name, &s->term); }

/* Goes to the next posting that survives; false at the end. *lost where one did not. */
static bool next_posting(source *s, bool *lost) {
  for (s->at++;; s->at++) {
    if (s->at >= s->list.count) {
      if (!postings_next(&s->list)) return s->listed = false;
      s->at = 0;
    }
    if (s->map[s->list.ordinals[s->at]] != NONE) return true;
    *lost = true;
  }
}

/* Merges the lists of all inputs that have the term `name`. Order between them is by new ordinal. */
static sdx_status merge_term(merge_job *j, sdx_bytes name) {
  source *open[MERGE_INPUTS_MAX];
  size_t count = 0;
  uint8_t flags = 0;
  bool lost = false;
  for (size_t i = 0; i < j->count; i++) {
    source *s = &j->sources[i];
    if (!s->has_term || compare(s->name, name) != 0) continue;
    flags |= segment_terms_flags(s->terms);
    postings_open(&s->list, s->seg, s->session, &s->term);
    s->listed = true;
    s->at = NONE; /* + 1 is 0, of a block with no postings yet */
    open[count++] = s;
  }
  if (j->setup.language_count != 1) flags &= (uint8_t)~LAYOUT_OWN_STEM;
  segment_writer_term(j->writer, name.data, name.size, flags);
  for (size_t i = 0; i < count; i++) next_posting(open[i], &lost);
  for (;;) {
    source *least = NULL;
    uint32_t ordinal = NONE;
    for (size_t i = 0; i < count; i++) {
      if (!open[i]->listed) continue;
      const uint32_t o = open[i]->map[open[i]->list.ordinals[open[i]->at]];
      if (o < ordinal) {
        ordinal = o;
        least = open[i];
      }
    }
    if (least == NULL) break;
    uint32_t positions;
    const uint32_t *at = postings_positions(&least->list, least->at, &positions);
    segment_writer_posting(j->writer, ordinal, least->list.wdfs[least->at], at, positions);
    next_posting(least, &lost);
  }
  segment_writer_term_end(j->writer);
  if (lost && j->bloom != NULL) bloom_add(j, name);
  for (size_t i = 0; i < count; i++) postings_close(&open[i]->list);
  for (size_t i = 0; i < count; i++) next_term(open[i]);
  return check_sessions(j);
}

static sdx_status merge_terms(merge_job *j) {
  uint8_t copy[LAYOUT_TERM_MAX];
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < j->count; i++) {
    source *s = &j->sources[i];
    status = segment_terms_open(&s->terms, s->seg, s->session, "", 0);
    if (status != SDX_OK) return status;
    next_term(s);
  }
  while (status == SDX_OK) {
    const source *least = NULL;
    for (size_t i = 0; i < j->count; i++)
      if (j->sources[i].has_term && (least == NULL || compare(j->sources[i].name, least->name) < 0))
        least = &j->sources[i];
    if (least == NULL) break;
    if (is_cancelled(j)) return cancelled(j);
    const size_t size = least->name.size < sizeof copy ? least->name.size : sizeof copy;
    memcpy(copy, least->name.data, size); /* walking on overwrites it */
    status = merge_term(j, (sdx_bytes){ (const char *)copy, size });
  }
  wipe(copy, sizeof copy);
  return status == SDX_OK ? check_sessions(j) : status;
}

/* ---------------------------------------------------------------- classes */

static void next_class(class_source *c) {
  uint8_t language = 0;
  buffer_reset(&c->names);
  c->has = false;
  if (!c->implied) {
    c->has = segment_classes_next_bare(c->stored, &c->kind, &language, &c->key, &c->about, &c->names);
    if (c->has && c->kind == CLASS_STEM) language = c->from->languages[language];
    c->language = language;
    c->as_member = c->has && segment_classes_as_member(c->stored);
    return;
  }
  segment_term term;
  while (segment_terms_next(c->terms, &c->key, &term)) {
    if ((segment_terms_flags(c->terms) & LAYOUT_OWN_STEM) == 0) continue;
    c->kind = CLASS_STEM;
    c->language = c->from->languages[0];
    c->as_member = true;
    c->about = (segment_class){ .members = 1 };
    buffer_put_string(&c->names, c->key.data, c->key.size);
    c->has = true;
    return;
  }
}

static int compare_class(const class_source *a, const class_source *b) {
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  if (a->language != b->language) return a->language < b->language ? -1 : 1;
  return compare(a->key, b->key);
}

/* Adds the statistics of one input's class, or of its omitted class of one member. */
static void add_statistics(segment_class *to, const segment_class *from) {
  to->df += from->df;
  to->cf += from->cf;
  if (from->max_wdf > to->max_wdf) to->max_wdf = from->max_wdf;
  if (from->min_length < to->min_length) to->min_length = from->min_length;
}

static void add_term(const source *s, sdx_bytes name, segment_class *to) {
  segment_term t;
  if (segment_find(s->seg, s->session, name.data, name.size, &t) == SDX_OK)
    add_statistics(to, &(segment_class){ .df = t.df, .cf = t.cf, .max_wdf = t.max_wdf,
                                         .min_length = t.min_length });
}

/* The class's key, kind and language, and what its inputs say. */
typedef struct class_job {
  segment_class_kind kind;
  uint8_t language;
  sdx_bytes key;
  segment_class about;
  size_t count; /* members */
} class_job;

/* Whether an input of which no class of this key was met omits it, its only member being the key. */
static bool omits(const class_job *c, const source *s) {
  layout_term t;
  if (c->kind == CLASS_STEM && (segment_about(s->seg)->language_count != 1 || s->languages[0] != c->language))
    return false;
  if (dictionary_find(s->seg, s->session, c->key.data, c->key.size, &t) != SDX_OK || t.term.cf == 0)
    return false;
  return c->kind == CLASS_STEM ? (t.flags & LAYOUT_OWN_STEM) != 0 : (t.flags & LAYOUT_FOLDS) == 0;
}

/* Members of all inputs, ascending, each once, in j->members; their bytes in j->names. */
static sdx_status sort_members(merge_job *j, class_job *c) {
  cursor at = cursor_over(j->names.data, j->names.size);
  c->count = 0;
  while (cursor_left(&at) > 0) {
    size_t size;
    const char *name = (const char *)cursor_get_string(&at, &size);
    if (name == NULL) break;
    if (c->count == j->member_room) {
      const size_t room = j->member_room > 0 ? 2 * j->member_room : 64;
      order_key *grown = plain_resize(j->members, room * sizeof *grown);
      if (grown == NULL) return error_memory(j->err);
      j->members = grown;
      j->member_room = room;
    }
    j->members[c->count++] = (order_key){ .data = name, .size = (uint16_t)size };
  }
  order_sort(j->members, c->count);
  size_t kept = 0;
  for (size_t i = 0; i < c->count; i++)
    if (i == 0 || compare(order_name(&j->members[i]), order_name(&j->members[kept - 1])) != 0)
      j->members[kept++] = j->members[i];
  c->count = kept;
  return SDX_OK;
}

static bool any_touched(const merge_job *j, const class_job *c) {
  if (j->bloom == NULL) return false;
  for (size_t i = 0; i < c->count; i++)
    if (bloom_may_have(j, order_name(&j->members[i]))) return true;
  return false;
}

/* Adds a member's surviving postings in one input to the sums; whether there were any. */
static bool sum_postings(merge_job *j, class_job *c, source *s, sdx_bytes name) {
  segment_term term;
  bool any = false;
  const bool one_language = segment_about(s->seg)->language_count == 1;
  if (c->kind == CLASS_STEM && one_language && s->languages[0] != c->language) return false;
  if (segment_find(s->seg, s->session, name.data, name.size, &term) != SDX_OK) return false;
  postings_open(&s->list, s->seg, s->session, &term);
  while (postings_next(&s->list))
    for (uint32_t i = 0; i < s->list.count; i++) {
      const uint32_t old = s->list.ordinals[i], new = s->map[old];
      if (new == NONE || s->list.wdfs[i] == 0) continue;
      if (c->kind == CLASS_STEM && !one_language && s->item_languages[old] != c->language) continue;
      if (j->sums[new] == 0) j->touched[c->about.df++] = new;
      j->sums[new] += s->list.wdfs[i];
      c->about.cf += s->list.wdfs[i];
      any = true;
    }
  postings_close(&s->list);
  return any;
}

/* Sums a class anew; members without a surviving posting go. */
static sdx_status sum_anew(merge_job *j, class_job *c) {
  if (j->sums == NULL) {
    j->sums = plain_array((size_t)j->setup.items + 1, sizeof *j->sums);
    j->touched = plain_alloc(((size_t)j->setup.items + 1) * sizeof *j->touched);
    if (j->sums == NULL || j->touched == NULL) return error_memory(j->err);
  }
  c->about = (segment_class){ .min_length = UINT32_MAX };
  size_t kept = 0;
  for (size_t i = 0; i < c->count; i++) {
    bool any = false;
    for (size_t k = 0; k < j->count; k++)
      any = sum_postings(j, c, &j->sources[k], order_name(&j->members[i])) || any;
    if (any) j->members[kept++] = j->members[i];
  }
  c->count = kept;
  for (uint32_t i = 0; i < c->about.df; i++) {
    const uint32_t o = j->touched[i], length = segment_writer_length(j->writer, o);
    if (j->sums[o] > c->about.max_wdf) c->about.max_wdf = j->sums[o];
    if (length < c->about.min_length) c->about.min_length = length;
    j->sums[o] = 0;
  }
  return check_sessions(j);
}

static sdx_status write_class(merge_job *j, class_job *c) {
  const bool one_language = c->kind == CLASS_FOLD || j->setup.language_count == 1;
  const bool single = c->count == 1 && one_language;
  if (c->count == 0 || (single && compare(order_name(&j->members[0]), c->key) == 0)) return SDX_OK;
  buffer_reset(&j->encoded);
  for (size_t i = 0; i < c->count; i++) layout_members_put(&j->encoded, c->key, order_name(&j->members[i]));
  c->about.members = (uint32_t)c->count;
  segment_writer_class(j->writer, c->kind, c->language, c->key, &c->about, single, &j->encoded);
  return segment_writer_status(j->writer);
}

/* Merges all classes whose key is `least`'s, which lives until the sources are moved on. */
static sdx_status merge_class(merge_job *j, const class_source *least) {
  class_job c = { .kind = least->kind,
                  .language = least->language,
                  .key = least->key,
                  .about.min_length = UINT32_MAX };
  sdx_status status = SDX_OK;
  bool *met = plain_array(j->count + 1, sizeof *met), *here = plain_array(j->class_count + 1, sizeof *here);
  if (met == NULL || here == NULL) {
    status = error_memory(j->err);
    goto out;
  }
  buffer_reset(&j->names);
  for (size_t i = 0; i < j->class_count; i++) { /* stored ones stand before implied ones */
    class_source *s = &j->classes[i];
    if (!s->has || compare_class(s, least) != 0) continue;
    here[i] = true;
    if (met[s->from - j->sources]) continue; /* it is stored, so it is not omitted */
    met[s->from - j->sources] = true;
    buffer_put(&j->names, s->names.data, s->names.size);
    if (s->as_member) {
      cursor at = cursor_over(s->names.data, s->names.size);
      size_t size;
      const char *name = (const char *)cursor_get_string(&at, &size);
      if (name != NULL) add_term(s->from, (sdx_bytes){ name, size }, &c.about);
    } else {
      add_statistics(&c.about, &s->about);
    }
  }
  for (size_t i = 0; i < j->count; i++)
    if (!met[i] && omits(&c, &j->sources[i])) {
      buffer_put_string(&j->names, c.key.data, c.key.size);
      add_term(&j->sources[i], c.key, &c.about);
    }
  if (j->names.failed) status = error_memory(j->err);
  if (status == SDX_OK) status = check_sessions(j);
  if (status == SDX_OK) status = sort_members(j, &c);
  if (status == SDX_OK && any_touched(j, &c)) status = sum_anew(j, &c);
  if (status == SDX_OK) status = write_class(j, &c);
  for (size_t i = 0; i < j->class_count && status == SDX_OK; i++)
    if (here[i]) next_class(&j->classes[i]);
out:
  plain_free(met);
  plain_free(here);
  return status == SDX_OK ? check_sessions(j) : status;
}

/* One source of stored classes for each input, and, where classes that an input of one language omits
 * are not omitted in a result of several, one of implied ones. */
static sdx_status open_classes(merge_job *j) {
  j->classes = plain_array(2 * j->count + 1, sizeof *j->classes);
  if (j->classes == NULL) return error_memory(j->err);
  for (int implied = 0; implied < 2; implied++)
    for (size_t i = 0; i < j->count; i++) {
      source *s = &j->sources[i];
      if (implied == 1 &&
          (j->setup.language_count == 1 || segment_about(s->seg)->language_count != 1))
        continue;
      class_source *c = &j->classes[j->class_count++];
      c->from = s;
      c->implied = implied == 1;
      const sdx_status status =
          c->implied ? segment_terms_open(&c->terms, s->seg, s->session, "", 0)
                     : segment_classes_open(&c->stored, s->seg, s->session, CLASS_FOLD, 0, "", 0);
      if (status != SDX_OK) return status;
      next_class(c);
    }
  return check_sessions(j);
}

static sdx_status merge_classes(merge_job *j) {
  sdx_status status = open_classes(j);
  while (status == SDX_OK) {
    const class_source *least = NULL;
    for (size_t i = 0; i < j->class_count; i++)
      if (j->classes[i].has && (least == NULL || compare_class(&j->classes[i], least) < 0))
        least = &j->classes[i];
    if (least == NULL) break;
    if (is_cancelled(j)) return cancelled(j);
    status = merge_class(j, least);
  }
  return status;
}

/* ---------------------------------------------------------------- whole */

static sdx_status job_new(merge_job *j, size_t count) {
  bool drops = false;
  j->sources = plain_array(count + 1, sizeof *j->sources);
  if (j->sources == NULL) return error_memory(j->err);
  j->count = count;
  for (size_t i = 0; i < count; i++) {
    source *s = &j->sources[i];
    const segment_info *info = segment_about(j->inputs[i].seg);
    s->seg = j->inputs[i].seg;
    s->session = j->inputs[i].session;
    s->dropped = j->inputs[i].dropped;
    s->items = info->items;
    drops = drops || (s->dropped != NULL && !roaring_bitmap_is_empty(s->dropped));
    s->map = plain_alloc(((size_t)s->items + 1) * sizeof *s->map);
    if (info->language_count > 1) s->item_languages = plain_array((size_t)s->items + 1, 1);
    if (s->map == NULL || (info->language_count > 1 && s->item_languages == NULL))
      return error_memory(j->err);
  }
  if (drops) j->bloom = plain_array(BLOOM_BITS / 64, sizeof *j->bloom);
  return drops && j->bloom == NULL ? error_memory(j->err) : SDX_OK;
}

static void job_free(merge_job *j) {
  for (size_t i = 0; j->sources != NULL && i < j->count; i++) {
    block_release(&j->sources[i].hold);
    segment_terms_close(j->sources[i].terms);
    plain_free(j->sources[i].map);
    plain_free(j->sources[i].item_languages);
  }
  for (size_t i = 0; i < j->class_count; i++) {
    segment_classes_close(j->classes[i].stored);
    segment_terms_close(j->classes[i].terms);
    buffer_free(&j->classes[i].names);
  }
  plain_free(j->classes);
  plain_free(j->sources);
  plain_free(j->bloom);
  plain_free(j->sums);
  plain_free(j->touched);
  plain_free(j->members);
  buffer_free(&j->names);
  buffer_free(&j->encoded);
  buffer_free(&j->stored);
  segment_writer_free(j->writer);
  attributes_free(j->attributes);
}

sdx_status segment_merge(const merge_input *inputs, size_t count, uint64_t segment_id,
                         const block_sink *sink, attributes **attributes_out, segment_info *info,
                         bool (*is_cancelled_now)(void *), void *cancel_context, sdx_error *err) {
  if (count > MERGE_INPUTS_MAX)
    return error_set(err, SDX_INVALID, "at most %d segments merge at once", MERGE_INPUTS_MAX);
  merge_job j = { .inputs = inputs, .cancelled = is_cancelled_now, .cancel_context = cancel_context,
                  .err = err };
  j.setup.id = segment_id;
  sdx_status status = job_new(&j, count);
  if (status == SDX_OK) status = join_languages(&j);
  if (status != SDX_OK) goto out;
  survey(&j);
  status = segment_writer_new(&j.writer, &j.setup, sink, err);
  if (status == SDX_OK) status = check_sessions(&j);
  if (status == SDX_OK) status = attributes_new(&j.attributes, err);
  if (status == SDX_OK) status = merge_items(&j);
  if (status == SDX_OK) status = merge_attributes(&j);
  if (status == SDX_OK) status = merge_terms(&j);
  if (status == SDX_OK) status = merge_classes(&j);
  if (status == SDX_OK) status = segment_writer_finish(j.writer, info);
  if (status != SDX_OK) goto out;
  for (size_t i = 0; i < count; i++)
    if (inputs[i].ordinals != NULL)
      memcpy(inputs[i].ordinals, j.sources[i].map, j.sources[i].items * sizeof *inputs[i].ordinals);
  *attributes_out = j.attributes;
  j.attributes = NULL;
out:
  job_free(&j);
  return status;
}
