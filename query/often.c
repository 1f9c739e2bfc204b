/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/often.h"

bool often_open(often *o, scratch *s, uint32_t most) {
  *o = (often){ .room = most };
  o->hits = scratch_take(s, o->room * sizeof(*o->hits));
  return o->hits != NULL;
}

static uint32_t count_at(uint32_t wdf) {
  return wdf < OFTEN_COUNTS ? wdf : OFTEN_COUNTS - 1;
}

bool often_add(often *o, size_t number, uint32_t base, const uint64_t *bits, const uint32_t *wdf) {
  if (bits_count(bits) > o->room - o->count) return false;
  BITS_EACH(bits, i) {
    o->hits[o->count++] =
        (often_hit){ .segment = (uint32_t)number, .ordinal = base + i, .wdf = wdf[i] };
    o->counts[count_at(wdf[i])]++;
  }
  return true;
}

/* The lengths at hand: hits of a segment stand together. */
typedef struct scoring {
  const often *o;
  view_read *read;
  const rank_model *model;
  rank_top *top;
  size_t *failed_segment;
  block_ref lengths;
} scoring;

static void rank_one(scoring *r, const often_hit *h) {
  segment_session *session = &r->read->session;
  *r->failed_segment = h->segment;
  const uint32_t length =
      segment_length_at(r->read->view->segments[h->segment].seg, session, h->ordinal, &r->lengths);
  const double score = rank_score(r->o->weight, rank_norm(r->model, length), h->wdf);
  if (session->status == SDX_OK && score >= r->top->threshold)
    (void)rank_top_offer(
        r->top, &(rank_hit){ .score = score, .segment = h->segment, .ordinal = h->ordinal });
}

/* The least wdf that enough hits for the page have. */
static uint32_t most_often(const often *o, size_t wanted) {
  uint64_t found = 0;
  uint32_t wdf = OFTEN_COUNTS;
  while (wdf > 1 && found < wanted) found += o->counts[--wdf];
  return wdf;
}

/* Hits with less cannot be ranked, however short they are. */
static uint32_t least_wdf(const scoring *r) {
  return rank_least_wdf(r->model, r->o->weight, r->top->threshold);
}

void often_rank(const often *o, view_read *read, const rank_model *model, rank_top *top,
                size_t *failed_segment) {
  scoring r = {
    .o = o, .read = read, .model = model, .top = top, .failed_segment = failed_segment
  };
  const uint32_t high = most_often(o, top->room);
  for (uint32_t i = 0; i < o->count && read->session.status == SDX_OK; i++)
    if (o->hits[i].wdf >= high) rank_one(&r, &o->hits[i]);
  uint32_t least = least_wdf(&r);
  for (uint32_t i = 0; i < o->count && read->session.status == SDX_OK; i++) {
    if (o->hits[i].wdf >= high || o->hits[i].wdf < least) continue;
    rank_one(&r, &o->hits[i]);
    least = least_wdf(&r);
  }
  block_release(&r.lengths);
}
