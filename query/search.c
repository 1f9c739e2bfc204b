/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sdx_search and sdx_snippet: a query from its text to its results. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/wipe.h"
#include "query/correct.h"
#include "query/facet.h"
#include "query/grammar.h"
#include "query/results.h"
#include "segment/record.h"

#define LIMIT_DEFAULT 10
#define HALF_LIFE (90 * (int64_t)SDX_DAY)
#define ATTEMPTS 16 /* one more for each segment that stops opening meanwhile */

typedef struct search {
  sdx_index *index;
  const sdx_search_options *options;
  sdx_bytes text;
  int64_t begun, deadline; /* CLOCK_MONOTONIC nanoseconds */
  text_analyser *analyser;
  scratch s;
  view_read read;
  query query;
  sdx_results *results;
  size_t failed_segment;
} search;

static int64_t monotonic(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void say_why(const search *q, bool timed_out) {
  const unsigned partial = q->read.view->partial;
  if (partial & VIEW_SEGMENT_DAMAGED) results_add_why(q->results, "segment damaged");
  if (partial & VIEW_SEGMENT_MISSING) results_add_why(q->results, "items purged unread");
  if (partial & VIEW_JOURNAL_UNREAD) results_add_why(q->results, "journal not read");
  if (partial & VIEW_JOURNAL_DAMAGED) results_add_why(q->results, "journal damaged");
  if (partial & VIEW_ROWS_DAMAGED) results_add_why(q->results, "rows damaged");
  if (timed_out) results_add_why(q->results, "time limit");
}

static void print_parsed(search *q) {
  buffer out = BUFFER_INIT;
  tree_print(q->query.root, &out);
  q->results->parsed = scratch_copy(&q->results->memory, out.size != 0 ? out.data : (const uint8_t *)"",
                                    out.size);
  if (out.failed) q->results->memory.failed = true;
  buffer_free(&out);
}

static size_t best_wanted(const search *q) {
  const size_t limit = q->options->limit != 0 ? q->options->limit : LIMIT_DEFAULT;
  const uint64_t most = q->read.view->items; /* there is no more to be had */
  if (q->options->offset >= most) return (size_t)most;
  return limit < most - q->options->offset ? q->options->offset + limit : (size_t)most;
}

/* "Did you mean", where nothing was found. */
static sdx_status suggest(search *q, plan_context *planning, sdx_error *err) {
  buffer out = BUFFER_INIT;
  const sdx_status status = correct_query(&out, planning, q->query.root, q->deadline, err);
  q->failed_segment = planning->segment;
  if (status == SDX_OK && out.size != 0)
    q->results->suggestion = scratch_copy(&q->results->memory, out.data, out.size);
  buffer_free(&out);
  return status;
}

/* Plan, evaluation and texts, in the view that is held. */
static sdx_status answer(search *q, sdx_error *err) {
  const sdx_search_options *o = q->options;
  const bool custom = o->k1 != 0 || o->b != 0;
  plan_context planning = { .s = &q->s, .analyser = q->analyser, .read = &q->read };
  engine_options options = { .sort = o->sort, .best = best_wanted(q), .bound_total = o->bound_total,
                             .collapse_threads = o->collapse_threads, .deadline = q->deadline,
                             .now = q->read.now, .half_life = HALF_LIFE };
  engine_result found;
  plan *p;
  facets *counted = NULL;
  rank_model_init(&planning.model, q->read.view->items, q->read.view->length,
                  custom ? o->k1 : RANK_K1, custom ? o->b : RANK_B);
  sdx_status status = plan_make(&p, &planning, q->query.root, err);
  q->failed_segment = planning.segment;
  if (status == SDX_OK) status = q->read.session.status;
  if (status == SDX_OK && o->facets) {
    status = facets_open(&counted, &q->s, &q->read, o->utc_offset, err);
    options.each_window = facets_window;
    options.context = counted;
  }
  if (status != SDX_OK) return status;
  status = engine_run(&found, &q->s, &q->read, p, &planning.model, &options, err);
  q->failed_segment = found.failed_segment;
  if (status == SDX_OK && o->facets)
    status = facets_finish(counted, q->results, &q->failed_segment, err);
  if (status != SDX_OK) return status;
  q->results->total = found.total;
  q->results->exact = found.exact;
  say_why(q, found.timed_out);
  if (found.total == 0 && !found.timed_out && (o->want & SDX_WANT_SUGGESTION))
    return suggest(q, &planning, err);
  const snippet_words *words =
      o->want & SDX_WANT_SNIPPET ? snippet_prepare(&q->s, q->analyser, q->query.root) : NULL;
  return results_fill(q->results, &q->read, q->analyser, &found, o->offset, o->want, words,
                      &q->failed_segment, err);
}

/* One attempt in a view of its own. *again: a segment stopped opening; the next view is without it. */
static sdx_status attempt(search *q, bool *again, sdx_error *err) {
  *again = false;
  sdx_status status =
      view_begin_at(&q->read, q->index, q->deadline, q->options->now, err);
  if (status != SDX_OK) return status;
  q->results = results_new();
  const query_context context = {
    .dates = { .now = q->read.now, .utc_offset = q->options->utc_offset },
    .strict = q->options->strict,
  };
  if (q->results == NULL) status = error_memory(err);
  else status = query_parse(&q->query, &q->s, q->analyser, q->text, &context, err);
  if (status == SDX_OK) {
    q->results->fell_back = q->query.fell_back;
    print_parsed(q);
    status = answer(q, err);
  }
  if (status == SDX_DAMAGED && q->read.session.status == SDX_DAMAGED &&
      q->failed_segment < q->read.view->segment_count &&
      q->read.view->segments[q->failed_segment].holder != 0) {
    view_mark_damaged(&q->read, q->failed_segment);
    *again = true;
  }
  view_end(&q->read);
  scratch_free(&q->s);
  return status;
}

static void count(search *q) {
  atomic_fetch_add_explicit(&q->index->count_searches, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&q->index->count_search_us, (uint64_t)((monotonic() - q->begun) / 1000),
                            memory_order_relaxed);
}

sdx_status sdx_search(sdx_index *index, sdx_bytes text, const sdx_search_options *options,
                      sdx_results **out, sdx_error *err) {
  static const sdx_search_options defaults = SDX_SEARCH_OPTIONS_INIT;
  search q = { .index = index, .options = options != NULL ? options : &defaults, .text = text,
               .begun = monotonic() };
  *out = NULL;
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  if (q.options->time_limit_us > 0)
    q.deadline = q.begun + (q.options->time_limit_us < INT64_MAX / 2000
                                ? q.options->time_limit_us * 1000
                                : INT64_MAX / 2);
  status = index_borrow_analyser(index, &q.analyser, err);
  if (status != SDX_OK) return status;
  bool again = true;
  for (int i = 0; i < ATTEMPTS && again; i++) {
    sdx_results_free(q.results);
    q.results = NULL;
    status = attempt(&q, &again, err);
  }
  index_return_analyser(index, q.analyser);
  if (status == SDX_OK) {
    *out = q.results;
  } else {
    sdx_results_free(q.results);
  }
  count(&q);
  return status;
}

/* ---------------------------------------------------------------- one item's snippet */

static sdx_status take_text(buffer *fields, view_read *read, sdx_bytes id, int *language,
                            const text_analyser *analyser, sdx_error *err) {
  size_t number;
  uint32_t ordinal;
  segment_item item;
  block_ref hold = BLOCK_REF_INIT;
  sdx_status status = view_find(read, id, &number, &ordinal, err);
  if (status != SDX_OK) return status;
  const segment *seg = read->view->segments[number].seg;
  const segment_info *info = segment_about(seg);
  status = segment_item_get(seg, &read->session, ordinal, &item, &hold);
  if (status == SDX_OK) {
    for (size_t i = 0; i < text_language_count(analyser); i++)
      if (item.language < info->language_count &&
          strcmp(text_language_code(analyser, i), info->languages[item.language]) == 0)
        *language = (int)i;
    if (item.has_text) status = segment_text_get(seg, &read->session, &item, fields);
  }
  block_release(&hold);
  return status;
}

static sdx_status make_snippet(buffer *html, scratch *s, view_read *read, text_analyser *analyser,
                               sdx_bytes id, sdx_bytes text, sdx_bytes given, sdx_error *err) {
  const query_context context = { .dates = { .now = read->now } };
  query q;
  int language = -1;
  buffer fields = BUFFER_INIT;
  sdx_status status = query_parse(&q, s, analyser, text, &context, err);
  if (status == SDX_OK) status = take_text(&fields, read, id, &language, analyser, err);
  if (status == SDX_OK) {
    const snippet_words *words = snippet_prepare(s, analyser, q.root);
    if (given.size != 0)
      snippet_of_text(s, analyser, words, language, (sdx_bytes){ .data = "body", .size = 4 }, given,
                      html);
    else snippet_of_fields(s, analyser, words, language, fields.data, fields.size, html);
    if (s->failed || fields.failed || html->failed) status = error_memory(err);
  }
  buffer_free(&fields);
  return status;
}

sdx_status sdx_snippet(sdx_index *index, sdx_bytes id, sdx_bytes query_text, sdx_bytes text,
                       char **out, sdx_error *err) {
  text_analyser *analyser;
  view_read read;
  scratch s = SCRATCH_INIT;
  buffer html = BUFFER_INIT;
  *out = NULL;
  sdx_status status = index_check(index, err);
  if (status == SDX_OK) status = index_borrow_analyser(index, &analyser, err);
  if (status != SDX_OK) return status;
  status = view_begin(&read, index, 0, err);
  if (status == SDX_OK) {
    status = make_snippet(&html, &s, &read, analyser, id, query_text, text, err);
    view_end(&read);
  }
  if (status == SDX_OK) {
    *out = malloc(html.size + 1);
    if (*out == NULL) status = error_memory(err);
    else {
      if (html.size != 0) memcpy(*out, html.data, html.size);
      (*out)[html.size] = '\0';
    }
  }
  scratch_free(&s);
  buffer_free(&html);
  index_return_analyser(index, analyser);
  return status;
}

void sdx_text_free(char *text) {
  if (text == NULL) return;
  wipe(text, strlen(text));
  free(text);
}
