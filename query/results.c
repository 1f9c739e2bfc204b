/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/results.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/plain.h"
#include "query/ahead.h"
#include "segment/record.h"

sdx_results *results_new(void) { return plain_alloc(sizeof(sdx_results)); }

void results_add_why(sdx_results *r, const char *why) {
  for (size_t i = 0; i < r->why_count; i++)
    if (strcmp(r->why[i], why) == 0) return;
  if (r->why_count < RESULTS_WHY_MAX) r->why[r->why_count++] = why;
}

/* ---------------------------------------------------------------- filling */

#define SPOTS 10u /* records that are reached before the first is read */

typedef struct filling {
  sdx_results *r;
  view_read *read;
  text_analyser *analyser;
  unsigned want;
  const snippet_words *words;
  buffer fields, html;
  item_spot spots[SPOTS];
  block_ref index; /* hits often stand near each other */
} filling;

static sdx_bytes keep(filling *f, const void *bytes, size_t size) {
  return scratch_copy(&f->r->memory, size != 0 ? bytes : "", size);
}

/* The first field of the first of these names that the item has. */
static sdx_bytes find_field(const filling *f, const char *const *names) {
  for (; *names != NULL; names++) {
    cursor at = cursor_over(f->fields.data, f->fields.size);
    sdx_bytes name, text;
    while (record_fields_next(&at, &name, &text))
      if (name.size == strlen(*names) && memcmp(name.data, *names, name.size) == 0 && text.size != 0)
        return text;
  }
  return (sdx_bytes){ .data = "", .size = 0 };
}

/* The analyser's number of an item's language; -1 where it does not have it. */
static int language_of(const filling *f, const segment_info *info, const segment_item *item) {
  const size_t count = text_language_count(f->analyser);
  for (size_t i = 0; item->language < info->language_count && i < count; i++)
    if (strcmp(text_language_code(f->analyser, i), info->languages[item->language]) == 0)
      return (int)i;
  return -1;
}

typedef struct excerpting {
  filling *f;
  sdx_excerpt *list;
  size_t count;
} excerpting;

static bool take_excerpt(void *context, sdx_bytes field, sdx_bytes html) {
  excerpting *x = context;
  x->list[x->count++] = (sdx_excerpt){ .field = keep(x->f, field.data, field.size),
                                       .html = keep(x->f, html.data, html.size) };
  return x->count < SDX_EXCERPTS_MAX;
}

static void fill_excerpts(filling *f, int language, sdx_hit *hit) {
  excerpting x = { .f = f,
                   .list = SCRATCH_MANY(&f->r->memory, sdx_excerpt, SDX_EXCERPTS_MAX) };
  if (x.list == NULL) return;
  snippet_of_each_field(&f->r->memory, f->analyser, f->words, language, f->fields.data,
                        f->fields.size, take_excerpt, &x);
  hit->excerpts = x.list;
  hit->excerpt_count = x.count;
}

static sdx_status fill_texts(filling *f, const segment *seg, const segment_item *item, sdx_hit *hit) {
  static const char *const titles[] = { "subject", "title", "name", "filename", "org", "email", NULL };
  static const char *const senders[] = { "from", "organizer", "author", "email", NULL };
  buffer_reset(&f->fields);
  const sdx_status status = segment_text_get(seg, &f->read->session, item, &f->fields);
  if (status != SDX_OK) return status;
  if (f->want & SDX_WANT_TITLE) {
    const sdx_bytes title = find_field(f, titles);
    hit->title = keep(f, title.data, title.size);
  }
  if (f->want & SDX_WANT_FROM) {
    const sdx_bytes from = find_field(f, senders);
    hit->from = keep(f, from.data, from.size);
  }
  if (f->want & SDX_WANT_SNIPPET) {
    buffer_reset(&f->html);
    snippet_of_fields(&f->r->memory, f->analyser, f->words,
                      language_of(f, segment_about(seg), item), f->fields.data, f->fields.size,
                      &f->html);
    hit->snippet = keep(f, f->html.data, f->html.size);
  }
  if (f->want & SDX_WANT_EXCERPTS)
    fill_excerpts(f, language_of(f, segment_about(seg), item), hit);
  return SDX_OK;
}

static const segment *segment_of(const filling *f, const rank_hit *found) {
  return f->read->view->segments[found->segment].seg;
}

static sdx_status reach_hits(filling *f, const rank_hit *found, size_t count,
                             size_t *failed_segment) {
  sdx_status status = SDX_OK;
  ahead_hits(f->read, found, count);
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    *failed_segment = found[i].segment;
    status = segment_item_locate(segment_of(f, &found[i]), &f->read->session, found[i].ordinal,
                                 &f->spots[i], &f->index);
  }
  for (size_t i = 0; i < count && status == SDX_OK; i++) {
    *failed_segment = found[i].segment;
    status = segment_item_reach(segment_of(f, &found[i]), &f->read->session, &f->spots[i]);
  }
  for (size_t i = 0; i < count && status == SDX_OK; i++) segment_item_fetch(&f->spots[i]);
  return status;
}

static sdx_hit hit_of(filling *f, sdx_bytes id, sdx_kind kind, int64_t date, double score) {
  static const sdx_bytes none = { "", 0 };
  return (sdx_hit){ .id = keep(f, id.data, id.size),
                    .kind = kind,
                    .date = date,
                    .score = score,
                    .title = none,
                    .from = none,
                    .snippet = none };
}

static sdx_status fill_hit(filling *f, const rank_hit *found, const item_spot *spot, sdx_hit *hit) {
  const segment *seg = segment_of(f, found);
  segment_session *session = &f->read->session;
  if (f->want == 0) {
    item_head head;
    const sdx_status status = segment_item_head(session, spot, &head);
    if (status == SDX_OK) *hit = hit_of(f, head.id, head.kind, head.date, found->score);
    return status;
  }
  segment_item item;
  const sdx_status status = segment_item_read(seg, session, spot, &item);
  if (status != SDX_OK) return status;
  *hit = hit_of(f, item.id, item.kind, item.date, found->score);
  return item.has_text ? fill_texts(f, seg, &item, hit) : SDX_OK;
}

sdx_status results_fill(sdx_results *r, view_read *read, text_analyser *analyser,
                        const engine_result *found, size_t offset, unsigned want,
                        const snippet_words *words, const query_clock *clock,
                        size_t *failed_segment, sdx_error *err) {
  filling f = { .r = r, .read = read, .analyser = analyser, .want = want, .words = words };
  sdx_status status = SDX_OK;
  r->count = found->top.count > offset ? found->top.count - offset : 0;
  r->hits = SCRATCH_MANY(&r->memory, sdx_hit, r->count + 1);
  const rank_hit *const hits = found->top.hits + offset;
  for (size_t i = 0; i < r->count && status == SDX_OK && !r->memory.failed; i++) {
    status = clock_check(clock, err); /* what was found by the time limit is shown in full */
    if (status == SDX_OK && i % SPOTS == 0)
      status =
          reach_hits(&f, hits + i, r->count - i < SPOTS ? r->count - i : SPOTS, failed_segment);
    if (status != SDX_OK) break;
    *failed_segment = hits[i].segment;
    status = fill_hit(&f, &hits[i], &f.spots[i % SPOTS], &r->hits[i]);
  }
  if (f.fields.failed || f.html.failed || r->memory.failed) status = error_memory(err);
  for (size_t i = 0; i < SPOTS; i++) block_release(&f.spots[i].hold);
  block_release(&f.index);
  buffer_free(&f.fields);
  buffer_free(&f.html);
  return status;
}

/* ---------------------------------------------------------------- looking */

void sdx_results_free(sdx_results *results) {
  if (results == NULL) return;
  scratch_free(&results->memory);
  plain_free(results);
}

size_t sdx_results_count(const sdx_results *results) { return results->count; }

const sdx_hit *sdx_results_hit(const sdx_results *results, size_t i) {
  return i < results->count ? &results->hits[i] : NULL;
}

uint64_t sdx_results_total(const sdx_results *results) { return results->total; }
bool sdx_results_exact(const sdx_results *results) { return results->exact; }
bool sdx_results_complete(const sdx_results *results) { return results->why_count == 0; }

const char *sdx_results_why(const sdx_results *results, size_t i) {
  return i < results->why_count ? results->why[i] : NULL;
}

sdx_bytes sdx_results_parsed(const sdx_results *results) { return results->parsed; }
bool sdx_results_fell_back(const sdx_results *results) { return results->fell_back; }
sdx_bytes sdx_results_suggestion(const sdx_results *results) { return results->suggestion; }

sdx_bytes sdx_results_next(const sdx_results *results) { return results->next; }

const sdx_facet_value *sdx_results_facet(const sdx_results *results, const char *name,
                                         size_t *count) {
  *count = 0;
  for (size_t i = 0; i < results->facet_count; i++)
    if (strcmp(results->facets[i].name, name) == 0) {
      *count = results->facets[i].count;
      return results->facets[i].values;
    }
  return NULL;
}
