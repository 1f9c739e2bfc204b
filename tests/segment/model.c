/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint64_t random_next(random_state *r) {
  uint64_t z = r->s += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

uint32_t random_below(random_state *r, uint32_t n) { return n > 0 ? (uint32_t)(random_next(r) % n) : 0; }

/* ---------------------------------------------------------------- making */

static int by_name(const void *a, const void *b) {
  const model_term *x = a, *y = b;
  const int c = memcmp(x->name, y->name, x->size < y->size ? x->size : y->size);
  return c != 0 ? c : (x->size > y->size) - (x->size < y->size);
}

/* Words that share stems and folds, under several prefixes, and random ones. */
static void make_term(random_state *r, model_term *t, uint32_t i) {
  static const char *const words[] = { "run",      "running", "runs",   "runner", "café",  "cafe",
                                       "cafés",    "naïve",   "naive",  "happy",  "happily", "happi",
                                       "connect",  "connected", "connection", "connecting", "été", "ete",
                                       "budget",   "budgets", "résumé", "resume", "über",  "uber",
                                       "a",        "ab",      "abc",    "abcd",   "größe", "grosse" };
  static const char *const prefixes[] = { "", "", "S", "A", "XTO" };
  const size_t known = sizeof words / sizeof *words;
  if (i < known * 5) {
    t->size = (size_t)snprintf(t->name, sizeof t->name, "%s%s", prefixes[i / known], words[i % known]);
  } else if (i % 13 == 0) { /* a filter */
    t->size = (size_t)snprintf(t->name, sizeof t->name, "XMID:%u@%x", i, random_below(r, 1000));
  } else {
    char word[40];
    const uint32_t n = 1 + random_below(r, i % 31 == 0 ? 38 : 9);
    for (uint32_t k = 0; k < n; k++) word[k] = (char)('a' + random_below(r, k < 3 ? 5 : 26));
    t->size = (size_t)snprintf(t->name, sizeof t->name, "%s%.*s%u", prefixes[random_below(r, 5)], (int)n,
                               word, random_below(r, 3) == 0 ? i : i % 7);
  }
}

static char *copy(const char *s) { return s != NULL ? strdup(s) : NULL; }

static void make_posting(random_state *r, const model_shape *shape, model_posting *p, bool filter) {
  memset(p, 0, sizeof *p);
  if (filter) return;
  p->wdf = 1;
  if (random_below(r, 3) == 0) p->wdf += random_below(r, shape->max_wdf);
  if (random_below(r, 200) == 0) p->wdf += random_below(r, 5000);
  p->count = p->wdf;
  const uint32_t style = random_below(r, 12);
  if (style == 0) p->count = 0;
  if (style == 1) p->count = random_below(r, p->wdf + 3);
  p->positions = calloc((size_t)p->count + 1, sizeof *p->positions);
  uint32_t at = random_below(r, 400);
  for (uint32_t i = 0; i < p->count; i++) {
    p->positions[i] = at;
    at += 1 + random_below(r, random_below(r, 20) == 0 ? 100000 : 60);
  }
}

static int by_number(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void make_postings(random_state *r, const model_shape *shape, const model *m, model_item *item) {
  const uint32_t want = random_below(r, 2 * shape->postings + 1);
  uint32_t *numbers = calloc((size_t)want + 1, sizeof *numbers);
  for (uint32_t i = 0; i < want; i++) { /* a few terms are common, most are rare */
    const double x = (double)random_below(r, 1u << 20) / (double)(1u << 20);
    numbers[i] = (uint32_t)(x * x * x * (double)m->term_count);
  }
  qsort(numbers, want, sizeof *numbers, by_number);
  item->postings = calloc((size_t)want + 1, sizeof *item->postings);
  for (uint32_t i = 0; i < want; i++) {
    if (i > 0 && numbers[i] == numbers[i - 1]) continue;
    model_posting *p = &item->postings[item->count++];
    make_posting(r, shape, p, strncmp(m->terms[numbers[i]].name, "XMID", 4) == 0);
    p->term = numbers[i];
    item->length += p->wdf;
  }
  free(numbers);
}

static void make_item(random_state *r, const model_shape *shape, const model *m, model_item *item,
                      uint32_t i) {
  snprintf(item->id, sizeof item->id, "item/%u.%x", i, random_below(r, 1u << 30));
  item->kind = (sdx_kind)(1 + random_below(r, 4));
  strcpy(item->language, shape->two_languages && random_below(r, 3) == 0 ? "fr" : "en");
  item->date = shape->oldest_first ? 1000000 + i
               : shape->same_dates ? 1000000 + random_below(r, 5)
                                   : 1000000 + random_below(r, 1u << 28);
  if (random_below(r, 3) == 0) item->sent = item->date - 1000 + random_below(r, 2000);
  if (random_below(r, 9) == 0) item->expires = item->date + 86400;
  item->size = random_below(r, random_below(r, 50) == 0 ? 1u << 30 : 9000);
  item->thread = random_next(r);
  item->text_bytes = random_below(r, 5000);
  item->has_attachment = random_below(r, 4) == 0;
  item->body_end = random_below(r, 500);
  static const char *const some[] = { "fInbox", "fArchive", "gseen", "gflagged", "ltravel", "lwork" };
  for (size_t k = 0; k < 6 && item->attribute_count < 4; k++)
    if (random_below(r, 3) == 0) item->attributes[item->attribute_count++] = copy(some[k]);
  char text[3000];
  if (random_below(r, 3) != 0) {
    const uint32_t n = random_below(r, sizeof text - 1);
    for (uint32_t k = 0; k < n; k++) text[k] = (char)('a' + random_below(r, 9));
    text[n] = 0;
    if (n > 0) item->text = copy(text);
  }
  if (random_below(r, 5) == 0) {
    snprintf(text, sizeof text, "payload %u", i);
    item->payload = copy(text);
  }
  make_postings(r, shape, m, item);
  if (random_below(r, 40) == 0) item->length += 70000; /* longer than the column says */
}

model *model_new(const model_shape *shape) {
  random_state r = { shape->seed };
  model *m = calloc(1, sizeof *m);
  m->terms = calloc(shape->terms, sizeof *m->terms);
  for (uint32_t i = 0; i < shape->terms; i++) make_term(&r, &m->terms[i], i);
  qsort(m->terms, shape->terms, sizeof *m->terms, by_name);
  for (uint32_t i = 0; i < shape->terms; i++)
    if (i == 0 || by_name(&m->terms[m->term_count - 1], &m->terms[i]) != 0)
      m->terms[m->term_count++] = m->terms[i];
  m->items = calloc((size_t)shape->items + 1, sizeof *m->items);
  m->count = shape->items;
  for (uint32_t i = 0; i < shape->items; i++) make_item(&r, shape, m, &m->items[i], i);
  return m;
}

void model_free(model *m) {
  for (size_t i = 0; i < m->count; i++) {
    model_item *item = &m->items[i];
    for (size_t k = 0; k < item->count; k++) free(item->postings[k].positions);
    for (size_t k = 0; k < item->attribute_count; k++) free(item->attributes[k]);
    free(item->postings);
    free(item->text);
    free(item->payload);
  }
  free(m->items);
  free(m->terms);
  free(m);
}

model *model_select(const model *m, const bool *keep) {
  model *s = calloc(1, sizeof *s);
  s->terms = m->terms;
  s->term_count = m->term_count;
  s->items = calloc(m->count + 1, sizeof *s->items);
  for (size_t i = 0; i < m->count; i++)
    if (keep[i]) s->items[s->count++] = m->items[i];
  return s;
}

void model_free_selection(model *m) {
  free(m->items);
  free(m);
}

void model_sort(model *m, const uint32_t *ordinals) {
  model_item *sorted = calloc(m->count + 1, sizeof *sorted);
  for (size_t i = 0; i < m->count; i++) sorted[ordinals[i]] = m->items[i];
  free(m->items);
  m->items = sorted;
}

/* ---------------------------------------------------------------- building */

sdx_status model_record(const model *m, size_t i,
                        sdx_status (*use)(void *context, const record *r, sdx_error *err),
                        void *context, sdx_error *err) {
  const model_item *item = &m->items[i];
  record_term *terms = calloc(item->count + 1, sizeof *terms);
  size_t total = 0;
  for (size_t k = 0; k < item->count; k++) total += item->postings[k].count;
  uint32_t *positions = calloc(total + 1, sizeof *positions);
  sdx_bytes attributes_of_item[4];
  total = 0;
  for (size_t k = 0; k < item->count; k++) {
    const model_posting *p = &item->postings[k];
    terms[k] = (record_term){ .term = { m->terms[p->term].name, m->terms[p->term].size },
                              .wdf = p->wdf,
                              .first = (uint32_t)total,
                              .count = p->count };
    for (uint32_t n = 0; n < p->count; n++) positions[total++] = p->positions[n];
  }
  for (size_t k = 0; k < item->attribute_count; k++)
    attributes_of_item[k] = (sdx_bytes){ item->attributes[k], strlen(item->attributes[k]) };
  record r = { .id = { item->id, strlen(item->id) },
               .kind = item->kind,
               .date = item->date,
               .sent = item->sent,
               .expires = item->expires,
               .size = item->size,
               .thread = item->thread,
               .has_attachment = item->has_attachment,
               .analyser = TEXT_ANALYSER_VERSION,
               .length = item->length,
               .body_end = item->body_end,
               .text_bytes = item->text_bytes,
               .attributes = attributes_of_item,
               .attribute_count = item->attribute_count,
               .terms = terms,
               .term_count = item->count,
               .positions = positions,
               .position_count = total };
  memcpy(r.language, item->language, sizeof r.language);
  if (item->text != NULL) r.text = (sdx_bytes){ item->text, strlen(item->text) };
  if (item->payload != NULL) r.payload = (sdx_bytes){ item->payload, strlen(item->payload) };
  const sdx_status status = use(context, &r, err);
  free(terms);
  free(positions);
  return status;
}

static sdx_status add_to_inverter(void *context, const record *r, sdx_error *err) {
  return inverter_add_record(context, r, err);
}

sdx_status model_add(const model *m, size_t i, inverter *v, sdx_error *err) {
  return model_record(m, i, add_to_inverter, v, err);
}

/* A source that copies, as a database would. */
static sdx_status copying_get(void *context, void *session, segment_stream stream, uint32_t number,
                              uint8_t plain[BLOCK_PLAIN], sdx_error *err) {
  (void)session;
  (void)err;
  const block_source lent = memory_blocks_source(context);
  const uint8_t *bytes = lent.borrow(lent.context, stream, number);
  if (bytes == NULL) return SDX_DAMAGED;
  memcpy(plain, bytes, BLOCK_PLAIN);
  return SDX_OK;
}

void model_open(model_segment *s, uint64_t id, bool cached) {
  sdx_error err = { 0 };
  s->session = (segment_session){ .err = NULL };
  s->cache = NULL;
  s->source = memory_blocks_source(s->blocks);
  if (cached) {
    s->source = (block_source){ .get = copying_get, .context = s->blocks };
    assert_int_equal(block_cache_new(&s->cache, 64 * 4096, NULL, &err), SDX_OK);
  }
  assert_int_equal(segment_open(&s->seg, id, 7, &s->source, s->cache, &s->session, &err), SDX_OK);
}

void model_build(model_segment *out, const model *m, text_analyser *a, uint64_t id, bool cached,
                 uint32_t *ordinals) {
  sdx_error err = { 0 };
  inverter *v;
  memset(out, 0, sizeof *out);
  assert_int_equal(inverter_new(&v, a, &err), SDX_OK);
  for (size_t i = 0; i < m->count; i++) assert_int_equal(model_add(m, i, v, &err), SDX_OK);
  assert_int_equal(inverter_count(v), m->count);
  assert_int_equal(memory_blocks_new(&out->blocks, NULL, &err), SDX_OK);
  const block_sink sink = memory_blocks_sink(out->blocks);
  const sdx_status status = inverter_write(v, id, &sink, &out->attributes, ordinals, &out->info, &err);
  if (status != SDX_OK) fail_msg("inverter_write: %s", err.message);
  assert_int_equal(inverter_count(v), 0);
  inverter_free(v);
  text_vocabulary_reset(a);
  model_open(out, id, cached);
}

void model_close(model_segment *s) {
  segment_close(s->seg);
  block_cache_free(s->cache);
  attributes_free(s->attributes);
  memory_blocks_free(s->blocks);
}

/* ---------------------------------------------------------------- judging: items */

static void check_items(const model *m, model_segment *s, random_state *r) {
  block_ref hold = BLOCK_REF_INIT, column = BLOCK_REF_INIT;
  buffer text = BUFFER_INIT;
  for (size_t i = 0; i < m->count; i++) {
    const uint32_t o = random_below(r, 2) == 0 ? (uint32_t)i : random_below(r, (uint32_t)m->count);
    const model_item *item = &m->items[o];
    segment_item got;
    assert_int_equal(segment_item_get(s->seg, &s->session, o, &got, &hold), SDX_OK);
    assert_int_equal(got.id.size, strlen(item->id));
    assert_memory_equal(got.id.data, item->id, got.id.size);
    assert_int_equal(got.kind, item->kind);
    assert_string_equal(s->info.languages[got.language], item->language);
    assert_int_equal(got.has_attachment, item->has_attachment);
    assert_true(got.date == item->date && got.sent == item->sent && got.expires == item->expires);
    assert_int_equal(got.length, item->length);
    assert_int_equal(got.body_end, item->body_end);
    assert_true(got.size == item->size);
    assert_int_equal(segment_length_at(s->seg, &s->session, o, &column), item->length);
    assert_true(segment_date_at(s->seg, &s->session, o, &column) == item->date);
    assert_true(segment_size_at(s->seg, &s->session, o, &column) == item->size);
    assert_true(segment_thread_at(s->seg, &s->session, o, &column) == item->thread);
    buffer_reset(&text);
    assert_int_equal(segment_text_get(s->seg, &s->session, &got, &text), SDX_OK);
    assert_int_equal(text.size, item->text != NULL ? strlen(item->text) : 0);
    if (text.size > 0) assert_memory_equal(text.data, item->text, text.size);
    buffer_reset(&text);
    assert_int_equal(segment_payload_get(s->seg, &s->session, &got, &text), SDX_OK);
    assert_int_equal(text.size, item->payload != NULL ? strlen(item->payload) : 0);
    if (text.size > 0) assert_memory_equal(text.data, item->payload, text.size);

    buffer_reset(&text);
    attributes_of(s->attributes, o, &text);
    cursor c = cursor_over(text.data, text.size);
    size_t plain = 0;
    while (cursor_left(&c) > 0) {
      size_t size;
      const char *key = (const char *)cursor_get_string(&c, &size);
      if (key[0] == 'k') assert_int_equal(key[1], '0' + (int)item->kind);
      if (key[0] == 'n') assert_memory_equal(key + 1, item->language, size - 1);
      if (key[0] == 'a') assert_true(item->has_attachment);
      if (key[0] != 'f' && key[0] != 'g' && key[0] != 'l') continue;
      plain++;
      bool mine = false;
      for (size_t k = 0; k < item->attribute_count; k++)
        mine = mine || (strlen(item->attributes[k]) == size && memcmp(item->attributes[k], key, size) == 0);
      assert_true(mine);
    }
    assert_int_equal(plain, item->attribute_count);
  }
  for (int i = 0; i < 40 && m->count > 0; i++) {
    const int64_t date = m->items[random_below(r, (uint32_t)m->count)].date - 1 + random_below(r, 3);
    uint32_t expected = 0;
    while (expected < m->count && m->items[expected].date >= date) expected++;
    assert_int_equal(segment_date_bound(s->seg, &s->session, date), expected);
  }
  block_release(&hold);
  block_release(&column);
  buffer_free(&text);
}

/* ---------------------------------------------------------------- judging: postings */

typedef struct expected {
  uint32_t *ordinals;
  const model_posting **postings;
  uint32_t df, max_wdf, min_length;
  uint64_t cf;
  bool positions;
} expected;

static void expect(const model *m, expected *e, uint32_t term, const char *language) {
  memset(e, 0, sizeof *e);
  e->ordinals = calloc(m->count + 1, sizeof *e->ordinals);
  e->postings = calloc(m->count + 1, sizeof *e->postings);
  e->min_length = UINT32_MAX;
  for (size_t i = 0; i < m->count; i++) {
    const model_item *item = &m->items[i];
    if (language != NULL && strcmp(item->language, language) != 0) continue;
    size_t low = 0, high = item->count;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (item->postings[middle].term < term)
        low = middle + 1;
      else
        high = middle;
    }
    if (low == item->count || item->postings[low].term != term) continue;
    const model_posting *p = &item->postings[low];
    e->ordinals[e->df] = (uint32_t)i;
    e->postings[e->df++] = p;
    e->cf += p->wdf;
    if (p->wdf > e->max_wdf) e->max_wdf = p->wdf;
    if (item->length < e->min_length) e->min_length = item->length;
    if (p->count > 0) e->positions = true;
  }
}

static void expected_free(expected *e) {
  free(e->ordinals);
  free(e->postings);
}

static void check_positions(postings *p, uint32_t i, const model_posting *e) {
  uint32_t count;
  const uint32_t *positions = postings_positions(p, i, &count);
  assert_int_equal(count, e->count);
  for (uint32_t k = 0; k < count; k++) assert_int_equal(positions[k], e->positions[k]);
}

static void check_scan(model_segment *s, const segment_term *term, const expected *e, random_state *r) {
  postings p;
  uint32_t n = 0;
  postings_open(&p, s->seg, &s->session, term);
  while (postings_next(&p)) {
    assert_true(p.count > 0 && n + p.count <= e->df);
    for (uint32_t i = 0; i < p.count; i++) {
      assert_int_equal(p.ordinals[i], e->ordinals[n + i]);
      assert_int_equal(p.wdfs[i], e->postings[n + i]->wdf);
    }
    for (uint32_t i = 0; i < p.count; i++)
      if (random_below(r, 2) == 0) check_positions(&p, i, e->postings[n + i]);
    const uint32_t back = random_below(r, p.count);
    check_positions(&p, back, e->postings[n + back]);
    n += p.count;
  }
  assert_int_equal(p.count, 0);
  assert_int_equal(n, e->df);
  postings_close(&p);
}

static void check_seeks(const model *m, model_segment *s, const segment_term *term, const expected *e,
                        random_state *r) {
  postings p;
  const uint32_t stride = 1 + random_below(r, 1 + (uint32_t)m->count / (1 + random_below(r, 40)));
  uint32_t n = 0, target = random_below(r, stride + 1);
  postings_open(&p, s->seg, &s->session, term);
  for (;;) {
    while (n < e->df && e->ordinals[n] < target) n++;
    if (random_below(r, 3) == 0) {
      postings_bound bound;
      const bool some = postings_bounds(&p, target, &bound);
      assert_true(some || n == e->df);
      for (uint32_t k = n; some && k < e->df && e->ordinals[k] <= bound.last; k++) {
        bool covered = false;
        for (unsigned pair = 0; pair < POSTINGS_PAIRS; pair++)
          covered |= e->postings[k]->wdf <= bound.wdfs[pair] &&
                     m->items[e->ordinals[k]].length >= bound.lengths[pair];
        assert_true(covered);
      }
      if (some && n < e->df) assert_true(bound.last >= e->ordinals[n]);
    }
    if (random_below(r, 5) == 0 && p.count > 0 && p.ordinals[p.count - 1] < target) {
      assert_true(p.block * POSTINGS_BLOCK + p.count <= e->df);
      if (postings_next(&p)) assert_int_equal(p.ordinals[0], e->ordinals[p.block * POSTINGS_BLOCK]);
      if (p.count > 0 && p.ordinals[0] > target) target = p.ordinals[0];
      while (n < e->df && e->ordinals[n] < target) n++;
    }
    const uint32_t i = postings_seek(&p, target);
    if (n == e->df) {
      assert_int_equal(i, UINT32_MAX);
      break;
    }
    assert_true(i < p.count);
    assert_int_equal(p.ordinals[i], e->ordinals[n]);
    if (random_below(r, 2) == 0) assert_int_equal(postings_wdfs(&p)[i], e->postings[n]->wdf);
    if (random_below(r, 2) == 0) check_positions(&p, i, e->postings[n]);
    target = e->ordinals[n] + 1 + random_below(r, stride);
  }
  assert_int_equal(postings_seek(&p, UINT32_MAX - 1), UINT32_MAX);
  assert_false(postings_next(&p));
  const uint32_t again = random_below(r, e->df);
  postings_rewind(&p);
  const uint32_t at = postings_seek(&p, e->ordinals[again]);
  assert_true(at < p.count);
  assert_int_equal(p.ordinals[at], e->ordinals[again]);
  assert_int_equal(postings_wdfs(&p)[at], e->postings[again]->wdf);
  check_positions(&p, at, e->postings[again]);
  postings_rewind(&p);
  assert_true(postings_next(&p));
  assert_int_equal(p.ordinals[0], e->ordinals[0]);
  postings_close(&p);
}

static void check_term(const model *m, model_segment *s, const segment_term *term, const expected *e) {
  (void)s;
  assert_int_equal(term->df, e->df);
  assert_true(term->cf == e->cf);
  assert_true(term->max_wdf >= e->max_wdf && term->max_wdf <= e->max_wdf + e->max_wdf / 16 + 1);
  assert_true(term->min_length <= e->min_length);
  assert_int_equal(term->has_positions, e->positions);
  assert_true(term->df <= m->count);
}

static void check_terms(const model *m, model_segment *s, random_state *r) {
  segment_terms *walk;
  sdx_bytes name;
  segment_term term, again;
  uint32_t seen = 0;
  assert_int_equal(segment_terms_open(&walk, s->seg, &s->session, "", 0), SDX_OK);
  for (uint32_t i = 0; i < m->term_count; i++) {
    const model_term *t = &m->terms[i];
    expected e;
    expect(m, &e, i, NULL);
    const sdx_status status = segment_find(s->seg, &s->session, t->name, t->size, &term);
    if (e.df == 0) {
      assert_int_equal(status, SDX_NOT_FOUND);
    } else {
      assert_int_equal(status, SDX_OK);
      check_term(m, s, &term, &e);
      check_scan(s, &term, &e, r);
      check_seeks(m, s, &term, &e, r);
      assert_true(segment_terms_next(walk, &name, i % 5 == 0 ? NULL : &again));
      assert_int_equal(name.size, t->size);
      assert_memory_equal(name.data, t->name, t->size);
      if (i % 5 != 0) assert_memory_equal(&again, &term, sizeof term);
      seen++;
    }
    expected_free(&e);
  }
  assert_false(segment_terms_next(walk, &name, NULL));
  segment_terms_close(walk);
  assert_int_equal(segment_about(s->seg)->terms, seen);
}

/* Starts anywhere, also between terms and behind the last. */
static void check_walks(const model *m, model_segment *s, random_state *r) {
  for (int i = 0; i < 60 && m->term_count > 0; i++) {
    const model_term *t = &m->terms[random_below(r, (uint32_t)m->term_count)];
    char from[100];
    size_t size = random_below(r, (uint32_t)t->size + 1);
    memcpy(from, t->name, size);
    if (size > 0 && random_below(r, 2) == 0) from[size - 1] = (char)(from[size - 1] + 1);
    uint32_t next = 0;
    segment_terms *walk;
    sdx_bytes name;
    assert_int_equal(segment_terms_open(&walk, s->seg, &s->session, from, size), SDX_OK);
    for (int k = 0; k < 40; k++) {
      for (;; next++) {
        if (next == m->term_count) break;
        const model_term *n = &m->terms[next];
        const size_t least = n->size < size ? n->size : size;
        const int c = memcmp(n->name, from, least);
        if (c < 0 || (c == 0 && n->size < size)) continue;
        segment_term ignored;
        if (segment_find(s->seg, &s->session, n->name, n->size, &ignored) == SDX_OK) break;
      }
      const bool more = segment_terms_next(walk, &name, NULL);
      assert_int_equal(more, next < m->term_count);
      if (!more) break;
      assert_int_equal(name.size, m->terms[next].size);
      assert_memory_equal(name.data, m->terms[next].name, name.size);
      next++;
    }
    segment_terms_close(walk);
  }
}

/* ---------------------------------------------------------------- judging: classes */

typedef struct expected_class {
  segment_class about;
  uint32_t *members;
} expected_class;

/* The union of the members' postings, by a plain sum over items. */
static void expect_class(const model *m, const uint32_t *terms, uint32_t count, const char *language,
                         expected_class *out) {
  uint64_t *sums = calloc(m->count + 1, sizeof *sums);
  memset(&out->about, 0, sizeof out->about);
  out->about.min_length = UINT32_MAX;
  out->members = calloc((size_t)count + 1, sizeof *out->members);
  for (uint32_t i = 0; i < count; i++) {
    expected e;
    expect(m, &e, terms[i], language);
    if (e.cf > 0) out->members[out->about.members++] = terms[i];
    for (uint32_t k = 0; k < e.df; k++) sums[e.ordinals[k]] += e.postings[k]->wdf;
    expected_free(&e);
  }
  for (size_t i = 0; i < m->count; i++) {
    if (sums[i] == 0) continue;
    out->about.df++;
    out->about.cf += sums[i];
    if (sums[i] > out->about.max_wdf) out->about.max_wdf = (uint32_t)sums[i];
    if (m->items[i].length < out->about.min_length) out->about.min_length = m->items[i].length;
  }
  free(sums);
}

static void check_class(const model *m, model_segment *s, segment_class_kind kind, uint8_t language,
                        sdx_bytes key, const expected_class *e) {
  buffer names = BUFFER_INIT;
  segment_class got;
  const sdx_status status =
      segment_find_class(s->seg, &s->session, kind, language, key.data, key.size, &got, &names);
  if (e->about.members == 0) {
    assert_int_equal(status, SDX_NOT_FOUND);
    buffer_free(&names);
    return;
  }
  assert_int_equal(status, SDX_OK);
  assert_int_equal(got.members, e->about.members);
  assert_int_equal(got.df, e->about.df);
  assert_true(got.cf == e->about.cf);
  assert_true(got.max_wdf >= e->about.max_wdf && got.min_length <= e->about.min_length);
  cursor c = cursor_over(names.data, names.size);
  for (uint32_t i = 0; i < got.members; i++) {
    size_t size;
    const uint8_t *name = cursor_get_string(&c, &size);
    const model_term *t = &m->terms[e->members[i]];
    assert_int_equal(size, t->size);
    assert_memory_equal(name, t->name, size);
  }
  assert_int_equal(cursor_left(&c), 0);
  buffer_free(&names);
}

static int language_of(const text_analyser *a, const char *code) {
  for (size_t i = 0; i < text_language_count(a); i++)
    if (strcmp(text_language_code(a, i), code) == 0) return (int)i;
  return -1;
}

/* Every class that any term of the model belongs to, of every language of the segment. */
static void check_classes(const model *m, model_segment *s, text_analyser *a) {
  uint32_t *ids = calloc(m->term_count + 1, sizeof *ids), *members = calloc(m->term_count + 1, sizeof *members);
  sdx_error err;
  for (uint32_t i = 0; i < m->term_count; i++)
    assert_int_equal(text_vocabulary_intern(a, m->terms[i].name, m->terms[i].size, &ids[i], &err), SDX_OK);
  const size_t classes = text_class_count(a);
  for (uint32_t c = 0; c < classes; c++) {
    text_class_kind kind;
    uint8_t stems;
    const sdx_bytes key = text_class_key(a, c, &kind, &stems);
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->term_count; i++) {
      const text_class *of = text_vocabulary_class(a, ids[i]);
      const bool own_fold = of->fold == TEXT_NONE && m->terms[i].size == key.size &&
                            memcmp(m->terms[i].name, key.data, key.size) == 0;
      if (kind == TEXT_FOLD ? of->fold == c || own_fold : of->stems[stems] == c) members[count++] = i;
    }
    for (uint8_t l = 0; l < s->info.language_count; l++) {
      if (kind == TEXT_STEM && language_of(a, s->info.languages[l]) != stems) continue;
      expected_class e;
      expect_class(m, members, count, kind == TEXT_STEM ? s->info.languages[l] : NULL, &e);
      check_class(m, s, kind == TEXT_FOLD ? CLASS_FOLD : CLASS_STEM, kind == TEXT_STEM ? l : 0, key, &e);
      free(e.members);
      if (kind == TEXT_FOLD) break;
    }
  }
  /* Walking gives what finding gives, in order. */
  segment_classes *walk;
  segment_class_kind kind;
  uint8_t language;
  sdx_bytes key;
  segment_class cls, found;
  buffer names = BUFFER_INIT, again = BUFFER_INIT, before = BUFFER_INIT;
  uint32_t seen = 0;
  assert_int_equal(segment_classes_open(&walk, s->seg, &s->session, CLASS_FOLD, 0, "", 0), SDX_OK);
  while (segment_classes_next(walk, &kind, &language, &key, &cls, &names)) {
    assert_int_equal(segment_find_class(s->seg, &s->session, kind, language, key.data, key.size, &found,
                                        &again),
                     SDX_OK);
    assert_memory_equal(&cls, &found, sizeof cls);
    assert_int_equal(names.size, again.size);
    assert_memory_equal(names.data, again.data, names.size);
    buffer_reset(&names);
    buffer_put_u8(&names, (uint8_t)kind);
    buffer_put_u8(&names, language);
    buffer_put(&names, key.data, key.size);
    const size_t least = names.size < before.size ? names.size : before.size;
    const int c = least > 0 ? memcmp(before.data, names.data, least) : 0;
    assert_true(c < 0 || (c == 0 && before.size < names.size));
    buffer_reset(&before);
    buffer_put(&before, names.data, names.size);
    buffer_reset(&names);
    buffer_reset(&again);
    seen++;
  }
  segment_classes_close(walk);
  assert_int_equal(seen, segment_about(s->seg)->classes);
  buffer_free(&names);
  buffer_free(&again);
  buffer_free(&before);
  free(ids);
  free(members);
  text_vocabulary_reset(a);
}

void model_check(const model *m, model_segment *s, text_analyser *a, random_state *r) {
  const segment_info *info = segment_about(s->seg);
  uint64_t length = 0, text_bytes = 0;
  for (size_t i = 0; i < m->count; i++) {
    length += m->items[i].length;
    text_bytes += m->items[i].text_bytes;
    if (i > 0) assert_true(m->items[i].date <= m->items[i - 1].date);
  }
  assert_int_equal(info->items, m->count);
  assert_true(info->length == length && info->text_bytes == text_bytes);
  assert_memory_equal(info, &s->info, sizeof *info);
  check_items(m, s, r);
  check_terms(m, s, r);
  check_walks(m, s, r);
  check_classes(m, s, a);
  assert_int_equal(s->session.status, SDX_OK);
}
