/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/occurs.h"

#include <stdio.h>
#include <string.h>

#include "text/text.h"

#define PREFIX_SIZE (sizeof(TEXT_OCCURS) - 1)
#define DAY 86400
#define YEAR_FIRST 1 /* that is read */
#define YEAR_LAST 9999

/* ---------------------------------------------------------------- one value */

typedef struct reading {
  const char *at, *end;
  bool failed;
} reading;

static int64_t take_number(reading *r) {
  int64_t v = 0;
  const char *start = r->at;
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < 10)
    v = v * 10 + (*r->at++ - '0');
  if (r->at == start) r->failed = true;
  return v;
}

static bool take_char(reading *r, char c) {
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

/* Is there a k in [0, times) with first + k step < high and first + k step + more >= low? */
static bool run_touches(int64_t first, int64_t more, int64_t step, int64_t times, int64_t low,
                        int64_t high) {
  int64_t k = 0;
  if (low != DATE_FIRST && first + more < low) {
    if (step <= 0) return false;
    k = (low - more - first + step - 1) / step;
  }
  return k < times && (high == DATE_LAST || first + k * step < high);
}

static int64_t shifted(int64_t moment, int32_t by) {
  return moment == DATE_FIRST || moment == DATE_LAST ? moment : moment + by;
}

bool occurs_value_matches(sdx_bytes value, int64_t low, int64_t high, int32_t utc_offset) {
  reading r = { .at = value.data, .end = value.data + value.size };
  const int64_t later = date_month_start((OCCURS_YEAR_LAST + 1) * 12, 0);
  if (value.size == 5 && memcmp(value.data, "later", 5) == 0)
    return high == DATE_LAST || high > later;
  const int64_t start = date_month_start(take_number(&r) * 12, 0);
  while (!r.failed && take_char(&r, ' ')) {
    const int64_t first = take_number(&r);
    if (!take_char(&r, '+')) return false;
    const int64_t more = take_number(&r);
    const int32_t zone = take_char(&r, 'd') ? utc_offset : 0;
    int64_t step = 0, times = 1;
    if (take_char(&r, '/')) {
      step = take_number(&r);
      if (!take_char(&r, '*')) return false;
      times = take_number(&r);
    }
    if (!r.failed && run_touches(start + first, more, step, times, shifted(low, zone),
                                 shifted(high, zone)))
      return true;
  }
  return false;
}

/* ---------------------------------------------------------------- a segment */

bool occurs_any(const segment *seg, segment_session *session) {
  return segment_keeps_term(seg, session, TEXT_OCCURS, PREFIX_SIZE);
}

static void mark(const segment *seg, segment_session *session, const segment_term *term, bool is,
                 uint64_t *bits) {
  postings p;
  postings_open(&p, seg, session, term);
  while (postings_next(&p))
    for (uint32_t i = 0; i < p.count; i++) {
      const uint64_t bit = UINT64_C(1) << (p.ordinals[i] & 63);
      if (is) bits[p.ordinals[i] >> 6] |= bit;
      else bits[p.ordinals[i] >> 6] &= ~bit;
    }
  postings_close(&p);
}

/* The year that holds a moment, within those that are read; days of a calendar may be off by one. */
static int64_t year_of(int64_t moment, int days_off) {
  if (moment == DATE_FIRST) return YEAR_FIRST;
  if (moment == DATE_LAST) return YEAR_LAST;
  const int64_t year = date_month(moment + (int64_t)days_off * DAY, 0) / 12;
  return year < YEAR_FIRST ? YEAR_FIRST : year > YEAR_LAST ? YEAR_LAST : year;
}

/* Values from `from` on, while they are not behind the year `last`. */
static void mark_values(const segment *seg, segment_session *session, const char *from,
                        const char *last, int64_t low, int64_t high, int32_t utc_offset,
                        uint64_t *bits) {
  segment_terms *terms;
  if (segment_terms_open(&terms, seg, session, from, strlen(from)) != SDX_OK) return;
  const size_t size = strlen(last);
  sdx_bytes name;
  segment_term term;
  while (segment_terms_next(terms, &name, &term)) {
    if (memcmp(name.data, last, name.size < size ? name.size : size) > 0) break;
    const sdx_bytes value = { .data = name.data + PREFIX_SIZE, .size = name.size - PREFIX_SIZE };
    if (value.size != 0 && occurs_value_matches(value, low, high, utc_offset))
      mark(seg, session, &term, true, bits);
  }
  segment_terms_close(terms);
}

void occurs_apply(const segment *seg, segment_session *session, int64_t low, int64_t high,
                  int32_t utc_offset, uint64_t *bits) {
  char from[32], last[32];
  segment_term term;
  if (segment_find(seg, session, TEXT_OCCURS, PREFIX_SIZE, &term) != SDX_OK) return;
  mark(seg, session, &term, false, bits);
  if (low >= high) return;
  snprintf(from, sizeof(from), TEXT_OCCURS "%04lld", (long long)year_of(low, -1));
  snprintf(last, sizeof(last), TEXT_OCCURS "%04lld", (long long)year_of(high, 1));
  mark_values(seg, session, from, last, low, high, utc_offset, bits);
  mark_values(seg, session, TEXT_OCCURS "later", TEXT_OCCURS "later", low, high, utc_offset, bits);
}
