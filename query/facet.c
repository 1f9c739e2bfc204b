/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/facet.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "query/tally.h"

typedef enum facet_name {
  FACET_KIND,
  FACET_FOLDER,
  FACET_FROM,
  FACET_MONTH,
  FACET_COUNT
} facet_name;

static const char *const names[FACET_COUNT] = { "kind", "folder", "from", "month" };

struct facets {
  scratch *s;
  view_read *read;
  int32_t utc_offset;
  const query_clock *clock;
  bool timed_out;
  uint64_t **hits; /* bits, per segment */
  tally tallies[FACET_COUNT];
};

sdx_status facets_open(facets **out, scratch *s, view_read *read, int32_t utc_offset,
                       const query_clock *clock, sdx_error *err) {
  const view *v = read->view;
  facets *f = SCRATCH_ONE(s, facets);
  *out = f;
  if (f == NULL) return error_memory(err);
  f->s = s;
  f->read = read;
  f->utc_offset = utc_offset;
  f->clock = clock;
  f->hits = SCRATCH_MANY(s, uint64_t *, v->segment_count + 1);
  for (size_t i = 0; f->hits != NULL && i < v->segment_count; i++) {
    const size_t items = segment_about(v->segments[i].seg)->items;
    f->hits[i] = SCRATCH_MANY(s, uint64_t, (items + WINDOW) / 64 + 1);
  }
  for (size_t i = 0; i < FACET_COUNT; i++) tally_init(&f->tallies[i], s);
  return s->failed ? error_memory(err) : SDX_OK;
}

void facets_window(void *context, size_t number, uint32_t base, const uint64_t *bits) {
  facets *f = context;
  memcpy(f->hits[number] + (base >> 6), bits, WINDOW_WORDS * sizeof(*bits));
}

/* ---------------------------------------------------------------- counting */

#define CLOCK_EVERY 256 /* terms */

static bool is_late(facets *f) {
  if (!f->timed_out) f->timed_out = clock_is_up(f->clock);
  return f->timed_out;
}

static bool is_hit(const uint64_t *hits, uint32_t ordinal) {
  return (hits[ordinal >> 6] >> (ordinal & 63) & 1) != 0;
}

static uint64_t count_bitmap(const roaring_bitmap_t *items, const uint64_t *hits, uint32_t end) {
  roaring_uint32_iterator_t at;
  uint64_t n = 0;
  roaring_init_iterator(items, &at);
  for (; at.has_value && at.current_value < end; roaring_advance_uint32_iterator(&at))
    n += is_hit(hits, at.current_value);
  return n;
}

static sdx_status count_attributes(facets *f, size_t number, sdx_error *err) {
  static const char *const kinds[] = { "message", "event", "contact", "document" };
  const attributes *a;
  const uint32_t items = segment_about(f->read->view->segments[number].seg)->items;
  const sdx_status status = view_attributes(f->read, number, &a, err);
  if (status != SDX_OK) return status;
  sdx_bytes key;
  const roaring_bitmap_t *bitmap;
  for (size_t i = 0; attributes_at(a, i, &key, &bitmap) && !is_late(f); i++) {
    if (key.size == 0 || (key.data[0] != 'f' && key.data[0] != 'k')) continue;
    const uint64_t n = count_bitmap(bitmap, f->hits[number], items);
    if (key.data[0] == 'f') {
      tally_add(&f->tallies[FACET_FOLDER], key.data + 1, key.size - 1, n);
    } else if (key.size == 2 && key.data[1] >= '1' && key.data[1] <= '4') {
      const char *kind = kinds[key.data[1] - '1'];
      tally_add(&f->tallies[FACET_KIND], kind, strlen(kind), n);
    }
  }
  return SDX_OK;
}

/* Addresses of senders stand in the dictionary, each as one term. */
static void count_senders(facets *f, size_t number) {
  const segment *seg = f->read->view->segments[number].seg;
  segment_session *session = &f->read->session;
  char prefix[8];
  const int written = snprintf(prefix, sizeof(prefix), "%s:", text_field_find("from", 4)->prefix);
  const size_t size = (size_t)written;
  segment_terms *terms;
  if (segment_terms_open(&terms, seg, session, prefix, size) != SDX_OK) return;
  sdx_bytes name;
  segment_term term;
  for (uint32_t steps = 0; segment_terms_next(terms, &name, &term); steps++) {
    if (steps % CLOCK_EVERY == 0 && is_late(f)) break;
    if (name.size < size || memcmp(name.data, prefix, size) != 0) break;
    postings p;
    uint64_t n = 0;
    postings_open(&p, seg, session, &term);
    while (postings_next(&p))
      for (uint32_t i = 0; i < p.count; i++) n += is_hit(f->hits[number], p.ordinals[i]);
    postings_close(&p);
    tally_add(&f->tallies[FACET_FROM], name.data + size, name.size - size, n);
  }
  segment_terms_close(terms);
}

static uint64_t count_range(const uint64_t *hits, uint32_t from, uint32_t to) {
  uint64_t n = 0;
  for (; from < to && (from & 63) != 0; from++) n += is_hit(hits, from);
  for (; from + 64 <= to; from += 64) n += (uint64_t)__builtin_popcountll(hits[from >> 6]);
  for (; from < to; from++) n += is_hit(hits, from);
  return n;
}

/* Items stand newest first, so a month is a range of them. */
static void count_months(facets *f, size_t number) {
  const segment *seg = f->read->view->segments[number].seg;
  segment_session *session = &f->read->session;
  const uint32_t items = segment_about(seg)->items;
  block_ref hold = BLOCK_REF_INIT;
  for (uint32_t from = 0; from < items && session->status == SDX_OK;) {
    if (!is_hit(f->hits[number], from)) { /* on to the next hit */
      from++;
      while (from < items && (from & 63) == 0 && f->hits[number][from >> 6] == 0) from += 64;
      continue;
    }
    if (is_late(f)) break;
    const int64_t month = date_month(segment_date_at(seg, session, from, &hold), f->utc_offset);
    const uint32_t end = segment_date_bound(seg, session, date_month_start(month, f->utc_offset));
    const uint32_t to = end > from ? end : from + 1;
    char name[32];
    const int size = snprintf(name, sizeof(name), "%04lld-%02lld", (long long)(month / 12),
                              (long long)(month % 12 + 1));
    tally_add(&f->tallies[FACET_MONTH], name, (size_t)size, count_range(f->hits[number], from, to));
    from = to;
  }
  block_release(&hold);
}

sdx_status facets_finish(facets *f, sdx_results *r, bool *timed_out, size_t *failed_segment,
                         sdx_error *err) {
  for (size_t i = 0; i < f->read->view->segment_count && !f->timed_out; i++) {
    *failed_segment = i;
    const sdx_status status = count_attributes(f, i, err);
    if (status != SDX_OK) return status;
    count_senders(f, i);
    count_months(f, i);
    if (f->read->session.status != SDX_OK) return f->read->session.status;
  }
  *timed_out |= f->timed_out;
  for (size_t i = 0; i < FACET_COUNT; i++) {
    tally_entry *entries;
    const size_t n = tally_sorted(&f->tallies[i], FACET_VALUES_MAX, &entries);
    results_facet *facet = &r->facets[r->facet_count++];
    facet->name = names[i];
    facet->count = n;
    facet->values = SCRATCH_MANY(&r->memory, sdx_facet_value, n + 1);
    for (size_t k = 0; facet->values != NULL && k < n; k++)
      facet->values[k] = (sdx_facet_value){
        .value = scratch_copy(&r->memory, entries[k].value.data, entries[k].value.size),
        .count = entries[k].count,
      };
  }
  return f->s->failed || r->memory.failed ? error_memory(err) : SDX_OK;
}
