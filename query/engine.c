/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/engine.h"

#include <string.h>

#include "base/error.h"
#include "query/ahead.h"
#include "query/filtered.h"
#include "query/lead.h"
#include "query/often.h"
#include "query/threads.h"

typedef struct engine {
  scratch *s;
  view_read *read;
  const plan *plan;
  const rank_model *model;
  const engine_options *options;
  engine_result *result;
  rank_order order;
  bool scores;        /* hits are ranked by what they score */
  bool pruning;       /* what cannot be ranked need not be counted */
  bool fading;        /* scores fade with age */
  threads *threads;   /* NULL: each hit stands for itself */
  often *often;       /* hits of one word wait in it; NULL: they are ranked as they come */
  size_t number;      /* the segment at hand ... */
  const segment *seg;
  matcher *matcher;
  bool counted;       /* ... whose matches are known without counting */
  bool stop;          /* nothing more of it can be ranked */
  block_ref dates, thread_column, tied, tied_lengths;
} engine;

/* ---------------------------------------------------------------- ids */

static int compare_bytes(sdx_bytes x, sdx_bytes y) {
  const int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
  return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

/* One of them is the end of the page before, of which only the id is at hand. */
static int compare_outside(engine *e, const rank_hit *a, const rank_hit *b) {
  const bool first = a->segment == RANK_OUTSIDE;
  const rank_hit *inside = first ? b : a;
  segment_item item;
  block_ref hold = BLOCK_REF_INIT;
  int result = 0;
  if (segment_item_get(e->read->view->segments[inside->segment].seg, &e->read->session,
                       inside->ordinal, &item, &hold) == SDX_OK)
    result = first ? compare_bytes(e->options->after->id, item.id)
                   : compare_bytes(item.id, e->options->after->id);
  block_release(&hold);
  return result;
}

/* Hits that are equal in all else are told apart by their ids: rare, so they are read anew. */
static int compare_ids(void *context, const rank_hit *a, const rank_hit *b) {
  engine *e = context;
  segment_item x, y;
  block_ref hold_x = BLOCK_REF_INIT, hold_y = BLOCK_REF_INIT;
  segment_session *session = &e->read->session;
  int result = 0;
  if (a->segment == RANK_OUTSIDE || b->segment == RANK_OUTSIDE)
    return compare_outside(e, a, b);
  if (segment_item_get(e->read->view->segments[a->segment].seg, session, a->ordinal, &x, &hold_x) ==
          SDX_OK &&
      segment_item_get(e->read->view->segments[b->segment].seg, session, b->ordinal, &y, &hold_y) ==
          SDX_OK) {
    result = compare_bytes(x.id, y.id);
  }
  block_release(&hold_x);
  block_release(&hold_y);
  return result;
}

/* ---------------------------------------------------------------- one window */

double engine_fade(double score, int64_t age, int64_t half_life) {
  return age > 0 ? score * ((double)half_life / ((double)half_life + (double)age)) : score;
}

static int64_t date_of(engine *e, uint32_t ordinal) {
  return segment_date_at(e->seg, &e->read->session, ordinal, &e->dates);
}

/* Where hits of one score meet: not often enough to read every hit's date. */
static int64_t date_of_hit(void *context, const rank_hit *hit) {
  engine *e = context;
  return segment_date_at(e->read->view->segments[hit->segment].seg, &e->read->session, hit->ordinal,
                         &e->tied);
}

static bool is_older(void *context, const rank_hit *hit) {
  engine *e = context;
  return segment_is_older(e->read->view->segments[hit->segment].seg, &e->read->session,
                          hit->ordinal, &e->tied_lengths);
}

static void offer(engine *e, rank_hit hit) {
  const uint32_t ordinal = hit.ordinal;
  hit.segment = (uint32_t)e->number;
  if (e->threads == NULL) {
    rank_top_offer(&e->result->top, &hit);
    return;
  }
  hit.thread = segment_thread_at(e->seg, &e->read->session, ordinal, &e->thread_column);
  threads_offer(e->threads, &hit);
}

/* For every hit: a call costs as much as what it does. */
static inline __attribute__((always_inline)) void rank_one(engine *e, uint32_t ordinal, double score,
                                                           bool lazy) {
  bool wanted = score >= e->result->top.threshold;
  if (wanted && e->fading) {
    score = engine_fade(score, e->options->now - date_of(e, ordinal), e->options->half_life);
    wanted = score >= e->result->top.threshold;
  }
  if (!wanted) {
    if (lazy) e->result->exact = false; /* whether it matches was not looked at */
    return;
  }
  if (lazy && !match_verify(e->matcher, ordinal)) return;
  if (lazy) e->result->total++;
  offer(e, (rank_hit){ .score = score, .ordinal = ordinal });
}

static void rank_all(engine *e, uint32_t base, const uint64_t *bits, bool lazy) {
  uint32_t places[MATCH_SCORED], from = 0, count;
  double scores[MATCH_SCORED];
  while ((count = match_scores(e->matcher, base, bits, &from, places, scores)) > 0)
    for (uint32_t k = 0; k < count; k++) rank_one(e, base + places[k], scores[k], lazy);
}

/* While there is room for all that matches, what does not match need not be scored. Once there is none,
 * what scores too little need not be looked at: that is left in `bits`. */
static void rank_with_room(engine *e, uint32_t base, uint64_t *bits) {
  const rank_top *top = &e->result->top;
  while (top->threshold <= 0 && bits_any(bits)) {
    uint64_t matched[WINDOW_WORDS] = { 0 };
    size_t room = top->room > top->count ? top->room - top->count : 1;
    for (uint32_t i = 0; room > 0 && (i = bits_next(bits, i)) < WINDOW; i++) {
      bits[i >> 6] &= ~(UINT64_C(1) << (i & 63));
      if (!match_verify(e->matcher, base + i)) continue;
      bits_set(matched, i);
      e->result->total++;
      room--;
    }
    rank_all(e, base, matched, false);
  }
}

static bool keep_waiting(engine *e, uint32_t base, const uint64_t *bits) {
  if (e->often == NULL) return false;
  const uint32_t *wdf = match_word(e->matcher, &e->often->weight);
  return wdf != NULL && often_add(e->often, e->number, base, bits, wdf);
}

/* Of hits with one score the newest come first, and ordinals ascend from new to old. */
static void rank_by_score(engine *e, uint32_t base, const uint64_t *bits) {
  const bool lazy = match_is_lazy(e->matcher);
  uint64_t rest[WINDOW_WORDS];
  if (lazy && e->result->top.threshold <= 0) {
    bits_copy(rest, bits);
    rank_with_room(e, base, rest);
    bits = rest;
  }
  rank_all(e, base, bits, lazy);
}

static void rank_by_date(engine *e, uint32_t base, const uint64_t *bits) {
  const bool lazy = match_is_lazy(e->matcher);
  BITS_EACH(bits, i) {
    if (e->stop) {
      if (lazy) e->result->exact = false;
      return;
    }
    const int64_t date = date_of(e, base + i);
    if (e->threads == NULL && !rank_top_wants(&e->result->top, date)) {
      e->stop = e->order == RANK_NEWEST;
      if (lazy) e->result->exact = false;
      continue;
    }
    if (lazy && !match_verify(e->matcher, base + i)) continue;
    if (lazy) e->result->total++;
    offer(e, (rank_hit){ .date = date, .dated = true, .ordinal = base + i });
  }
}

/* What an item of the window must score to be ranked, before it fades: nothing in the window is newer
 * than its first item. */
static double least_score(engine *e, uint32_t base) {
  const double threshold = e->result->top.threshold;
  if (!e->fading || threshold <= 0) return threshold;
  const double kept = engine_fade(1, e->options->now - date_of(e, base), e->options->half_life);
  return threshold / kept * (1 - 1e-12);
}

/* Whether anything of the window can be ranked; `mask` says where where `masked` is set. */
static bool worth_ranking(engine *e, double *least, uint32_t base, uint64_t *mask, bool *masked) {
  *least = -INFINITY;
  *masked = false;
  if (e->options->best == 0) return false;
  if (!e->scores) return !e->stop;
  if (e->result->top.threshold <= 0) return true;
  *least = least_score(e, base);
  *masked = true;
  return match_promising(e->matcher, base, *least, mask);
}

static void run_window(engine *e, uint32_t base) {
  double least;
  uint64_t mask[WINDOW_WORDS], ranked[WINDOW_WORDS];
  bool masked;
  const bool ranking = worth_ranking(e, &least, base, mask, &masked);
  if (!ranking && e->pruning) {
    e->result->exact &= e->counted;
    return;
  }
  const bool pruned = masked && e->pruning;
  if (pruned && !e->counted) e->result->exact = false;
  const uint64_t *bits = match_window(e->matcher, base, pruned ? mask : NULL, least);
  const bool lazy = match_is_lazy(e->matcher);
  if (!e->counted && !lazy) e->result->total += bits_count(bits);
  if (e->options->each_window != NULL)
    e->options->each_window(e->options->context, e->number, base, bits);
  if (!ranking) return;
  if (masked && !pruned) {
    bits_copy(ranked, bits);
    bits_and(ranked, mask);
    bits = ranked;
  }
  if (!bits_any(bits)) return;
  if (keep_waiting(e, base, bits)) return;
  if (e->scores) rank_by_score(e, base, bits);
  else rank_by_date(e, base, bits);
}

/* ---------------------------------------------------------------- segments */

/* A single list without dead items counts itself. */
static bool count_is_known(const engine *e, uint64_t *total) {
  const view_segment *v = &e->read->view->segments[e->number];
  if (v->dead != NULL && !roaring_bitmap_is_empty(v->dead)) return false;
  if (e->plan->kind == PLAN_ALL) *total = segment_about(v->seg)->items;
  else if (e->plan->kind == PLAN_LEAF && !e->plan->body &&
           e->plan->leaf->segments[e->number].limit == NULL)
    *total = e->plan->leaf->segments[e->number].df;
  else return false;
  return true;
}

/* Whether the segment is passed by because all of it is older than what is ranked already. */
static bool is_too_old(engine *e) {
  if (e->order != RANK_NEWEST || !e->pruning || e->threads != NULL) return false;
  return !rank_top_wants(&e->result->top, segment_about(e->seg)->newest);
}

#define TAKEN 1024 /* items between two looks at the clock */
#define DATED 16u  /* whose dates are read at once */

/* As many as there is room for, and one more, which says that the rest is too old. */
static uint32_t next_dated(engine *e, filtered *f, uint32_t *ordinals, int64_t *dates) {
  const size_t room = e->result->top.room - e->result->top.count + 1;
  const uint32_t count = filtered_next(f, ordinals, room < DATED ? (uint32_t)room : DATED);
  segment_dates_at(e->seg, &e->read->session, ordinals, count, dates, &e->dates);
  return count;
}

/* The newest of a filter, without a matcher. */
static void run_filtered(engine *e, filtered *f) {
  uint32_t ordinals[DATED], count, taken = 0, looked = 0;
  int64_t dates[DATED];
  bool more = false;
  while (!more && (count = next_dated(e, f, ordinals, dates)) > 0) {
    if (taken >= looked && (e->result->timed_out = more = clock_is_up(e->options->clock))) break;
    if (taken >= looked) looked = taken + TAKEN;
    for (uint32_t i = 0; i < count && !more; i++) {
      more = !rank_top_wants(&e->result->top, dates[i]);
      if (more) break;
      offer(e, (rank_hit){ .date = dates[i], .dated = true, .ordinal = ordinals[i] });
      taken++;
    }
  }
  block_release(&e->dates);
  if (e->counted) return;
  /* Dead ones may be among them: there are not more of these in the filter than in the segment. */
  const view_segment *v = &e->read->view->segments[e->number];
  const uint64_t all = filtered_count(f), dead = segment_about(e->seg)->items - v->live;
  if (more)
    e->result->total += all > dead + taken ? all - dead : taken;
  else
    e->result->total += taken;
  if (more) e->result->exact = false;
}

/* Whether the segment has nothing to evaluate: only its newest to take. */
static bool open_filtered(engine *e, filtered *f, bool everything) {
  if (everything || e->order != RANK_NEWEST || e->options->best == 0) return false;
  if (!filtered_open(f, e->read, e->number, e->plan)) return false;
  if (!e->counted && f->dead == NULL) {
    e->counted = true;
    e->result->total += filtered_count(f);
  }
  return e->counted || e->options->bound_total;
}

static void run_windows(engine *e) {
  uint32_t from = 0;
  while ((from = match_next(e->matcher, from)) != SEGMENT_END) {
    if ((e->stop && e->pruning) || (e->result->timed_out = clock_is_up(e->options->clock))) {
      e->result->exact &= e->counted;
      break;
    }
    const uint32_t base = from & ~UINT32_C(63);
    run_window(e, base);
    from = base + WINDOW;
  }
}

/* Whether what scores too little may be left out, and nothing but a score decides. */
static bool may_follow_lead(const engine *e) {
  return e->pruning && e->scores && !e->fading && e->options->best > 0;
}

static void run_lead(engine *e, lead *l) {
  const rank_top *top = &e->result->top;
  const bool lazy = match_is_lazy(e->matcher);
  uint32_t ordinal, taken = 0;
  double score;
  while (lead_next(l, top->threshold, &ordinal, &score)) {
    if (!lazy) e->result->total++;
    rank_one(e, ordinal, score, lazy);
    if (++taken % TAKEN == 0 && (e->result->timed_out = clock_is_up(e->options->clock))) break;
  }
  if (l->passed_by) e->result->exact = false;
}

static sdx_status run_matcher(engine *e, bool everything, sdx_error *err) {
  const scratch_mark mark = scratch_here(e->s);
  const match_options options = { .scores = e->scores,
                                  .lazy = e->pruning,
                                  .clock = e->options->clock };
  uint64_t total;
  e->matcher = match_open(e->s, e->read, e->number, e->plan, e->model, &options);
  if (e->matcher == NULL) return error_memory(err);
  if (!everything && !e->pruning && match_count(e->matcher, &total)) {
    e->counted = e->pruning = true;
    e->result->total += total;
  }
  lead l;
  if (may_follow_lead(e) && lead_open(&l, e->matcher, e->result->top.threshold)) run_lead(e, &l);
  else run_windows(e);
  match_close(e->matcher);
  block_release(&e->dates);
  block_release(&e->thread_column);
  scratch_return(e->s, mark);
  return e->s->failed ? error_memory(err) : SDX_OK;
}

static sdx_status run_segment(engine *e, sdx_error *err) {
  const bool everything = e->options->each_window != NULL || e->threads != NULL;
  uint64_t total = 0;
  sdx_status status = SDX_OK;
  filtered f;
  e->seg = e->read->view->segments[e->number].seg;
  e->stop = false;
  e->counted = !everything && count_is_known(e, &total);
  e->pruning = !everything && (e->options->bound_total || e->counted);
  e->result->total += total;
  if (segment_about(e->seg)->items == 0) return SDX_OK;
  if (is_too_old(e)) {
    e->result->exact &= e->counted;
    return SDX_OK;
  }
  if (open_filtered(e, &f, everything))
    run_filtered(e, &f);
  else if (plan_may_match(e->plan, e->read, e->number))
    status = run_matcher(e, everything, err);
  if (!e->result->timed_out)
    e->result->timed_out = clock_is_up(e->options->clock); /* in a pattern */
  return status == SDX_OK ? e->read->session.status : status;
}

/* Newest first: the sooner good hits are there, the more can be passed by. */
static size_t *order_segments(scratch *s, const view *v, rank_order order) {
  size_t *numbers = scratch_take(s, (v->segment_count + 1) * sizeof(*numbers));
  for (size_t i = 0; numbers != NULL && i < v->segment_count; i++) {
    const segment_info *info = segment_about(v->segments[i].seg);
    size_t k = i;
    for (; k > 0; k--) {
      const segment_info *other = segment_about(v->segments[numbers[k - 1]].seg);
      const bool before = order == RANK_OLDEST  ? info->oldest < other->oldest
                          : order == RANK_NEWEST ? info->newest > other->newest
                                                 : info->items > other->items;
      if (!before) break;
      numbers[k] = numbers[k - 1];
    }
    numbers[k] = i;
  }
  return numbers;
}

static rank_order order_of(sdx_sort sort, bool weighted) {
  if (sort == SDX_OLDEST_FIRST) return RANK_OLDEST;
  /* without weights all scores are 0, and the newest come first */
  return sort == SDX_NEWEST_FIRST || !weighted ? RANK_NEWEST : RANK_BY_SCORE;
}

/* A word with more hits than are ranked, and not so many that windows of them can be passed by. */
static bool may_wait(const engine *e) {
  const plan *p = e->plan;
  return e->scores && !e->fading && e->threads == NULL && e->options->each_window == NULL &&
         p->kind == PLAN_LEAF && !p->body && e->options->best > 0 &&
         p->leaf->df > e->options->best && p->leaf->df <= OFTEN_MOST;
}

sdx_status engine_run(engine_result *out, scratch *s, view_read *read, const plan *p,
                      const rank_model *model, const engine_options *options, sdx_error *err) {
  engine e = { .s = s, .read = read, .plan = p, .model = model, .options = options, .result = out };
  *out = (engine_result){ .exact = true };
  e.order = order_of(options->sort, p->weighted);
  e.scores = e.order == RANK_BY_SCORE;
  e.fading = e.scores && options->sort == SDX_BY_RECENCY;
  if (!rank_top_init(&out->top, s, options->best, e.order, date_of_hit, is_older, compare_ids,
                     &e))
    return error_memory(err);
  rank_hit after = { .segment = RANK_OUTSIDE, .dated = true };
  if (options->after != NULL) {
    after.score = e.scores ? options->after->score : 0;
    after.date = options->after->date;
    out->top.after = &after;
  }
  if (options->collapse_threads) e.threads = threads_new(&out->top);
  often waiting;
  if (may_wait(&e) && often_open(&waiting, s, (uint32_t)p->leaf->df)) e.often = &waiting;
  size_t *numbers = order_segments(s, read->view, e.order);
  ahead_lists(read, p, e.scores);
  sdx_status status = SDX_OK;
  if (s->failed || (options->collapse_threads && e.threads == NULL)) status = error_memory(err);
  for (size_t i = 0; i < read->view->segment_count && status == SDX_OK && !out->timed_out; i++) {
    e.number = out->failed_segment = numbers[i];
    status = run_segment(&e, err);
  }
  if (e.often != NULL && status == SDX_OK) {
    often_rank(e.often, read, model, &out->top, &out->failed_segment);
    status = read->session.status;
  }
  if (out->timed_out) out->exact = false;
  if (status == SDX_OK) status = clock_check(options->clock, err);
  if (e.threads != NULL && status == SDX_OK) status = threads_finish(e.threads, &out->total, err);
  if (status == SDX_OK) rank_top_finish(&out->top);
  out->top.after = NULL;
  block_release(&e.tied);
  block_release(&e.tied_lengths);
  if (status == SDX_OK) status = read->session.status;
  threads_free(e.threads);
  return status;
}
