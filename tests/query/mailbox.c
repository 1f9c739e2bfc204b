/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x)                                                                                 \
  do {                                                                                           \
    if ((x) != SDX_OK) {                                                                         \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                    \
      abort();                                                                                   \
    }                                                                                            \
  } while (0)

/* In place of index/view.c, which knows only views of a store. */
sdx_status view_attributes(view_read *r, size_t i, const attributes **out, sdx_error *err) {
  const mailbox *m = (const mailbox *)(const void *)r->index;
  (void)err;
  *out = m->segments[i].attributes;
  return SDX_OK;
}

void view_attributes_fetch(const view_read *r, uint32_t hash, bool again) {
  (void)r, (void)hash, (void)again;
}

bool view_ahead_wanted(const view_read *r) {
  (void)r;
  return false; /* all of it is in memory */
}

void view_ahead_begin(view_ahead *a, view_read *r) {
  (void)a, (void)r;
}

segment_ahead view_ahead_of(view_ahead *a, size_t i) {
  (void)a, (void)i;
  return (segment_ahead){ .want = NULL };
}

void view_ahead_go(view_ahead *a) { (void)a; }

void mailbox_open(mailbox *m, const char *languages) {
  memset(m, 0, sizeof(*m));
  CHECK(text_analyser_open(&m->analyser, languages, NULL));
  CHECK(text_analyser_open(&m->queries, languages, NULL));
  CHECK(inverter_new(&m->inverter, m->analyser, NULL));
  m->view.segments = m->shown;
  m->read.view = &m->view;
  m->read.index = (sdx_index *)(void *)m;
}

void mailbox_close(mailbox *m) {
  for (size_t i = 0; i < m->view.segment_count; i++) {
    mailbox_segment *s = &m->segments[i];
    segment_close(s->seg);
    memory_blocks_free(s->blocks);
    attributes_free(s->attributes);
    roaring_bitmap_free(s->dead);
  }
  inverter_free(m->inverter);
  text_analyser_close(m->queries);
  text_analyser_close(m->analyser);
}

static void add_field(mailbox *m, const char *name, const char *text) {
  if (text == NULL) return;
  CHECK(text_add_field(m->analyser, text_field_find(name, strlen(name)), text, strlen(text), NULL));
}

static sdx_bytes string(const char *text) {
  return (sdx_bytes){ .data = text, .size = strlen(text) };
}

void mailbox_add(mailbox *m, const mailbox_item *item) {
  text_terms terms;
  CHECK(text_begin(m->analyser, NULL));
  if (item->body != NULL) CHECK(text_detect(m->analyser, item->body, strlen(item->body), NULL));
  add_field(m, "body", item->body);
  add_field(m, "subject", item->subject);
  add_field(m, "from", item->from);
  add_field(m, "to", item->to);
  CHECK(text_finish(m->analyser, &terms, NULL));
  sdx_bytes keys[6];
  builder_item built = { .id = string(item->id), .kind = SDX_MESSAGE, .date = item->date,
                         .size = item->size, .thread = item->thread, .attributes = keys };
  while (built.attribute_count < 6 && item->attributes[built.attribute_count] != NULL) {
    keys[built.attribute_count] = string(item->attributes[built.attribute_count]);
    built.attribute_count++;
  }
  CHECK(inverter_add(m->inverter, &built, &terms, NULL));
  if (m->listener != NULL) m->listener(m->context, item, m->analyser, &terms);
}

void mailbox_seal(mailbox *m) {
  const size_t i = m->view.segment_count;
  mailbox_segment *s = &m->segments[i];
  segment_info info;
  segment_session session = { 0 };
  CHECK(memory_blocks_new(&s->blocks, NULL, NULL));
  const block_sink sink = memory_blocks_sink(s->blocks);
  CHECK(inverter_write(m->inverter, i + 1, &sink, &s->attributes, NULL, &info, NULL));
  const block_source source = memory_blocks_source(s->blocks);
  CHECK(segment_open(&s->seg, i + 1, (uint32_t)i, &source, NULL, &session, NULL));
  s->dead = roaring_bitmap_create();
  m->shown[i] = (view_segment){ .seg = s->seg, .live = info.items };
  m->view.segment_count++;
  m->view.items += info.items;
  m->view.live += info.items;
  m->view.length += info.length;
}

void mailbox_kill(mailbox *m, const char *id) {
  for (size_t i = 0; i < m->view.segment_count; i++) {
    const uint32_t items = segment_about(m->segments[i].seg)->items;
    block_ref hold = BLOCK_REF_INIT;
    for (uint32_t ordinal = 0; ordinal < items; ordinal++) {
      segment_item item;
      CHECK(segment_item_get(m->segments[i].seg, &m->read.session, ordinal, &item, &hold));
      if (item.id.size != strlen(id) || memcmp(item.id.data, id, item.id.size) != 0) continue;
      roaring_bitmap_add(m->segments[i].dead, ordinal);
      m->shown[i].dead = m->segments[i].dead;
    }
    block_release(&hold);
  }
}

void mailbox_search(mailbox *m, const char *text, const engine_options *options,
                    mailbox_answer *out) {
  scratch s = SCRATCH_INIT;
  query q;
  plan *p;
  engine_result result;
  const query_context context = { .dates = { .now = options->now } };
  plan_context planning = { .s = &s, .analyser = m->queries, .read = &m->read };
  rank_model_init(&planning.model, m->view.items, m->view.length, RANK_K1, RANK_B);
  CHECK(query_parse(&q, &s, m->queries, string(text), &context, NULL));
  CHECK(plan_make(&p, &planning, q.root, NULL));
  CHECK(engine_run(&result, &s, &m->read, p, &planning.model, options, NULL));
  *out = (mailbox_answer){ .count = result.top.count, .total = result.total,
                           .exact = result.exact, .fell_back = q.fell_back };
  out->hits = calloc(out->count + 1, sizeof(*out->hits));
  block_ref hold = BLOCK_REF_INIT;
  for (size_t i = 0; i < out->count; i++) {
    const rank_hit *hit = &result.top.hits[i];
    segment_item item;
    CHECK(segment_item_get(m->shown[hit->segment].seg, &m->read.session, hit->ordinal, &item, &hold));
    memcpy(out->hits[i].id, item.id.data, item.id.size);
    out->hits[i].score = hit->score;
    out->hits[i].date = item.date;
  }
  block_release(&hold);
  scratch_free(&s);
}

void mailbox_answer_free(mailbox_answer *a) {
  free(a->hits);
  a->hits = NULL;
}
