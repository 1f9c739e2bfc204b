/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sdx_search and sdx_snippet: a query from its text to its results. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/stack.h"
#include "index/note.h"
#include "query/built.h"
#include "query/correct.h"
#include "query/facet.h"
#include "query/grammar.h"
#include "query/ordering.h"
#include "query/results.h"
#include "segment/record.h"

#define LIMIT_DEFAULT 10
#define HALF_LIFE (90 * (int64_t)SDX_DAY)
#define ATTEMPTS 16 /* one more for each segment that stops opening meanwhile */

typedef struct search {
  sdx_index *index;
  const sdx_search_options *options;
  sdx_bytes text;
  const sdx_query *built; /* in place of the text; or NULL */
  int64_t begun;          /* CLOCK_MONOTONIC nanoseconds */
  query_clock clock;
  page page; /* where the page before ended; then where this one does */
  text_analyser *analyser;
  scratch s;
  view_read read;
  query query;
  sdx_results *results;
  size_t failed_segment;
} search;

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
  q->results->parsed =
      scratch_copy(&q->results->memory, out.size != 0 ? out.data : (const uint8_t *)"", out.size);
  if (out.failed) q->results->memory.failed = true;
  buffer_free(&out);
}

static size_t best_wanted(const search *q) {
  const size_t limit = q->options->limit != 0 ? q->options->limit : LIMIT_DEFAULT;
  const uint64_t most = q->read.view->items; /* there is no more to be had */
  if (q->options->offset >= most) return (size_t)most;
  return limit < most - q->options->offset ? q->options->offset + limit : (size_t)most;
}

/* ---------------------------------------------------------------- pages */

static uint64_t digest_query(const search *q) {
  const sdx_search_options *o = q->options;
  const int32_t offset = o->utc_offset;
  const uint64_t seed =
      page_digest(q->built != NULL ? built_digest(q->built) : 0, &offset, sizeof(offset));
  return page_digest(seed, q->text.data, q->text.size);
}

static sdx_status take_cursor(search *q, sdx_error *err) {
  const sdx_search_options *o = q->options;
  buffer plain = BUFFER_INIT;
  if (o->after.size == 0) {
    q->page = (page){ .sort = o->sort, .collapse = o->collapse_threads };
    if (!o->pages) return SDX_OK;
    q->page.query = digest_query(q);
    return page_statistics_open(&q->page.statistics, &q->s) ? SDX_OK : error_memory(err);
  }
  sdx_status status = note_open(&plain, q->index, o->after, err);
  if (status == SDX_OK && !page_decode(&q->page, &q->s, plain.data, plain.size))
    status = q->s.failed ? error_memory(err)
                         : error_set(err, SDX_INVALID,
                                     "a cursor of another version; begin at the first page");
  if (status == SDX_OK && (q->page.query != digest_query(q) || q->page.sort != o->sort ||
                           q->page.collapse != o->collapse_threads))
    status = error_set(err, SDX_INVALID, "the cursor belongs to another query or order");
  buffer_free(&plain);
  return status;
}

static sdx_status give_cursor(search *q, const rank_hit *last, sdx_error *err) {
  buffer plain = BUFFER_INIT, text = BUFFER_INIT;
  q->page.score = last->score;
  q->page.date = q->results->hits[q->results->count - 1].date;
  q->page.id = q->results->hits[q->results->count - 1].id;
  page_encode(&plain, &q->page);
  sdx_status status =
      plain.failed ? error_memory(err) : note_seal(&text, q->index, plain.data, plain.size, err);
  if (status == SDX_OK) {
    q->results->next = scratch_copy(&q->results->memory, text.data, text.size);
    if (q->results->memory.failed) status = error_memory(err);
  }
  buffer_free(&plain);
  buffer_free(&text);
  return status;
}

/* "Did you mean", where nothing was found. */
static sdx_status suggest(search *q, plan_context *planning, sdx_error *err) {
  buffer out = BUFFER_INIT;
  const sdx_status status = correct_query(&out, planning, q->query.root, &q->clock, err);
  q->failed_segment = planning->segment;
  if (status == SDX_OK && out.size != 0)
    q->results->suggestion = scratch_copy(&q->results->memory, out.data, out.size);
  buffer_free(&out);
  return status;
}

/* What looks at all hits; NULL where it was not asked for. */
typedef struct looking {
  facets *counted;
  ordering *ordered;
} looking;

static void look(void *context, size_t number, uint32_t base, const uint64_t *bits) {
  const looking *all = context;
  if (all->counted != NULL) facets_window(all->counted, number, base, bits);
  if (all->ordered != NULL) ordering_window(all->ordered, number, base, bits);
}

/* What ranks a first page. Later pages have it from their cursor, so that they rank alike. */
static void begin_page(search *q) {
  const sdx_search_options *o = q->options;
  const bool custom = o->k1 != 0 || o->b != 0;
  q->page.now = q->read.now;
  q->page.k1 = custom ? o->k1 : RANK_K1;
  q->page.b = custom ? o->b : RANK_B;
  q->page.statistics.items = q->read.view->items;
  q->page.statistics.length = q->read.view->length;
}

/* Plans the query and runs the plan. `found` has one hit more than `best` where there is another page. */
static sdx_status evaluate(search *q, plan_context *planning, size_t best, engine_result *found,
                           sdx_error *err) {
  const sdx_search_options *o = q->options;
  engine_options options = { .sort = o->sort,
                             .best = best + (o->pages ? 1 : 0),
                             .bound_total = o->bound_total,
                             .collapse_threads = o->collapse_threads,
                             .clock = &q->clock,
                             .after = o->after.size != 0 ? &q->page : NULL,
                             .now = q->page.now,
                             .half_life = HALF_LIFE };
  looking all = { .ordered = NULL };
  plan *p;
  if (o->pages || o->after.size != 0) planning->statistics = &q->page.statistics;
  rank_model_init(&planning->model, q->page.statistics.items, q->page.statistics.length, q->page.k1,
                  q->page.b);
  sdx_status status = plan_make(&p, planning, q->query.root, err);
  q->failed_segment = planning->segment;
  if (status == SDX_OK) status = q->read.session.status;
  if (status == SDX_OK && o->facets)
    status = facets_open(&all.counted, &q->s, &q->read, o->utc_offset, &q->clock, err);
  if (status == SDX_OK && o->order_count > 0)
    status = ordering_open(&all.ordered, planning, o->orders, o->order_count, err);
  if (status != SDX_OK) return status;
  if (o->facets || o->order_count > 0) {
    options.each_window = look;
    options.context = &all;
  }
  if (o->order_count > 0) { /* the order is made of all hits */
    options.sort = SDX_NEWEST_FIRST;
    options.best = 0;
    options.collapse_threads = false;
  }
  status = engine_run(found, &q->s, &q->read, p, &planning->model, &options, err);
  q->failed_segment = found->failed_segment;
  if (planning->timed_out) { /* while threads were looked at */
    found->timed_out = true;
    found->exact = false;
  }
  if (status == SDX_OK && o->facets)
    status = facets_finish(all.counted, q->results, &found->timed_out, &q->failed_segment, err);
  if (status == SDX_OK && o->order_count > 0)
    status =
        ordering_finish(all.ordered, found, best, o->collapse_threads, &q->failed_segment, err);
  return status == SDX_OK ? clock_check(&q->clock, err) : status;
}

/* Plan, evaluation and texts, in the view that is held. */
static sdx_status answer(search *q, sdx_error *err) {
  const sdx_search_options *o = q->options;
  const size_t best = best_wanted(q);
  plan_context planning = { .s = &q->s, .analyser = q->analyser, .read = &q->read,
                            .clock = &q->clock };
  engine_result found;
  if (o->after.size == 0) begin_page(q);
  sdx_status status = evaluate(q, &planning, best, &found, err);
  if (status != SDX_OK) return status;
  const bool more = o->pages && found.top.count > best;
  if (more) found.top.count = best;
  q->results->total = found.total;
  q->results->exact = found.exact && q->read.view->partial == 0; /* what cannot be read may match */
  say_why(q, found.timed_out);
  if (found.top.count == 0 && found.total == 0 && !found.timed_out &&
      (o->want & SDX_WANT_SUGGESTION))
    return suggest(q, &planning, err);
  const snippet_words *words =
      o->want & (SDX_WANT_SNIPPET | SDX_WANT_EXCERPTS)
          ? snippet_prepare(&q->s, q->analyser, q->query.root, o->html_mark)
          : NULL;
  status = results_fill(q->results, &q->read, q->analyser, &found, o->offset, o->want, words,
                        &q->clock, &q->failed_segment, err);
  if (status == SDX_OK && more && q->results->count > 0)
    status = give_cursor(q, &found.top.hits[found.top.count - 1], err);
  return status;
}

/* The text or the calls as a tree. */
static sdx_status read_query(query *out, scratch *s, text_analyser *analyser, sdx_bytes text,
                             const sdx_query *built, const query_context *context, sdx_error *err) {
  return built != NULL ? built_tree(out, s, analyser, built, context, err)
                       : query_parse(out, s, analyser, text, context, err);
}

/* One attempt in a view of its own. *again: a segment stopped opening; the next view is without it.
 */
static sdx_status attempt(search *q, bool *again, sdx_error *err) {
  *again = false;
  sdx_status status = view_begin_at(&q->read, q->index, q->clock.deadline, q->options->now, err);
  if (status != SDX_OK) return status;
  q->results = results_new();
  status = take_cursor(q, err);
  const query_context context = {
    .dates = { .now = q->options->after.size != 0 ? q->page.now : q->read.now,
               .utc_offset = q->options->utc_offset },
    .strict = q->options->strict,
  };
  if (q->results == NULL) status = error_memory(err);
  if (status == SDX_OK)
    status = read_query(&q->query, &q->s, q->analyser, q->text, q->built, &context, err);
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
  atomic_fetch_add_explicit(&q->index->count_search_us, (uint64_t)((clock_now() - q->begun) / 1000),
                            memory_order_relaxed);
}

static sdx_status search_one(sdx_index *index, sdx_bytes text, const sdx_query *built,
                             const sdx_search_options *options, sdx_results **out, sdx_error *err) {
  static const sdx_search_options defaults = SDX_SEARCH_OPTIONS_INIT;
  search q = { .index = index,
               .options = options != NULL ? options : &defaults,
               .text = text,
               .built = built,
               .begun = clock_now() };
  *out = NULL;
  sdx_status status = index_check(index, err);
  if (status != SDX_OK) return status;
  if (q.options->version != 1 || (unsigned)q.options->sort > SDX_BY_RECENCY)
    return error_set(err, SDX_INVALID, "search: options of version 1 and a known order are needed");
  if (q.options->order_count > 0 && (q.options->pages || q.options->after.size != 0))
    return error_set(err, SDX_INVALID, "pages by cursor are in one of the orders of sdx_sort");
  q.clock = clock_for(q.begun, q.options->time_limit_us, q.options->cancel);
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

/* A call's arguments and its status, for the stack aside. */
typedef struct asking {
  sdx_index *index;
  sdx_bytes id, query, text;
  const sdx_query *built;
  const sdx_search_options *options;
  sdx_results **results;
  char **html;
  sdx_error *err;
  sdx_status status;
} asking;

static void search_aside(void *context) {
  asking *a = context;
  a->status = search_one(a->index, a->query, a->built, a->options, a->results, a->err);
}

static sdx_status run(sdx_index *index, sdx_bytes text, const sdx_query *built,
                      const sdx_search_options *options, sdx_results **out, sdx_error *err) {
  asking a = { .index = index, .query = text, .built = built, .options = options, .results = out,
               .err = err };
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  return stack_aside(search_aside, &a) ? a.status : error_memory(err);
}

sdx_status sdx_search(sdx_index *index, sdx_bytes text, const sdx_search_options *options,
                      sdx_results **out, sdx_error *err) {
  return run(index, text, NULL, options, out, err);
}

sdx_status sdx_search_query(sdx_index *index, const sdx_query *built,
                            const sdx_search_options *options, sdx_results **out, sdx_error *err) {
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  if (built == NULL) return error_set(err, SDX_INVALID, "a query is needed");
  return run(index, (sdx_bytes){ .data = "", .size = 0 }, built, options, out, err);
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
                               sdx_bytes id, sdx_bytes text, const sdx_query *built,
                               sdx_bytes given, sdx_error *err) {
  const query_context context = { .dates = { .now = read->now } };
  query q;
  int language = -1;
  buffer fields = BUFFER_INIT;
  sdx_status status = read_query(&q, s, analyser, text, built, &context, err);
  if (status == SDX_OK) status = take_text(&fields, read, id, &language, analyser, err);
  if (status == SDX_OK) {
    const snippet_words *words = snippet_prepare(s, analyser, q.root, false);
    if (given.size != 0)
      snippet_of_text(s, analyser, words, language, (sdx_bytes){ .data = "body", .size = 4 }, given,
                      html);
    else
      snippet_of_fields(s, analyser, words, language, fields.data, fields.size, html);
    if (s->failed || fields.failed || html->failed) status = error_memory(err);
  }
  buffer_free(&fields);
  return status;
}

static sdx_status snippet_one(sdx_index *index, sdx_bytes id, sdx_bytes query_text,
                              const sdx_query *built, sdx_bytes text, char **out, sdx_error *err) {
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
    status = make_snippet(&html, &s, &read, analyser, id, query_text, built, text, err);
    view_end(&read);
  }
  if (status == SDX_OK) {
    *out = plain_alloc(html.size + 1);
    if (*out == NULL)
      status = error_memory(err);
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

static void snippet_aside(void *context) {
  asking *a = context;
  a->status = snippet_one(a->index, a->id, a->query, a->built, a->text, a->html, a->err);
}

static sdx_status run_snippet(sdx_index *index, sdx_bytes id, sdx_bytes query_text,
                              const sdx_query *built, sdx_bytes text, char **out, sdx_error *err) {
  asking a = { .index = index, .id = id, .query = query_text, .text = text, .built = built,
               .html = out, .err = err };
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  return stack_aside(snippet_aside, &a) ? a.status : error_memory(err);
}

sdx_status sdx_snippet(sdx_index *index, sdx_bytes id, sdx_bytes query_text, sdx_bytes text,
                       char **out, sdx_error *err) {
  return run_snippet(index, id, query_text, NULL, text, out, err);
}

sdx_status sdx_snippet_query(sdx_index *index, sdx_bytes id, const sdx_query *built, sdx_bytes text,
                             char **out, sdx_error *err) {
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  if (built == NULL) return error_set(err, SDX_INVALID, "a query is needed");
  return run_snippet(index, id, (sdx_bytes){ .data = "", .size = 0 }, built, text, out, err);
}

void sdx_text_free(char *text) {
  plain_free(text);
}
