/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/correct.h"

#include <string.h>

#include "base/error.h"
#include "query/candidates.h"
#include "query/expansion.h"

#define LOOKED_AT 16 /* candidates whose items are looked at */
#define CHARACTERS_LEAST 3
#define CHARACTERS_TWO_EDITS 6

/* ---------------------------------------------------------------- comparing */

/* Characters of UTF-8 as numbers that tell them apart. */
static uint32_t characters(sdx_bytes word, uint32_t out[TEXT_TERM_MAX]) {
  uint32_t n = 0;
  for (size_t i = 0; i < word.size && n < TEXT_TERM_MAX;) {
    uint32_t v = (unsigned char)word.data[i++];
    while (i < word.size && ((unsigned char)word.data[i] & 0xc0) == 0x80)
      v = v << 8 | (unsigned char)word.data[i++];
    out[n++] = v;
  }
  return n;
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned correct_distance(sdx_bytes a, sdx_bytes b) {
  uint32_t x[TEXT_TERM_MAX], y[TEXT_TERM_MAX];
  unsigned rows[3][TEXT_TERM_MAX + 1];
  const uint32_t n = characters(a, x), m = characters(b, y);
  for (uint32_t j = 0; j <= m; j++) rows[0][j] = j;
  for (uint32_t i = 1; i <= n; i++) {
    unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
    row[0] = i;
    for (uint32_t j = 1; j <= m; j++) {
      row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x[i - 1] != y[j - 1]));
      if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
        row[j] = least(row[j], second[j - 2] + 1);
    }
  }
  return least(rows[n % 3][m], 3);
}

/* ---------------------------------------------------------------- looking for a word */

static sdx_status finds_any(bool *any, plan_context *c, const tree *t, const query_clock *clock,
                            sdx_error *err) {
  const engine_options options = { .sort = SDX_NEWEST_FIRST, .best = 1, .bound_total = true,
                                   .clock = clock };
  engine_result found = { .total = 0 };
  plan *p;
  sdx_status status = plan_make(&p, c, t, err);
  if (status == SDX_OK) status = c->read->session.status;
  if (status == SDX_OK) status = engine_run(&found, c->s, c->read, p, &c->model, &options, err);
  c->segment = found.failed_segment;
  *any = found.top.count > 0 || found.timed_out;
  return status;
}

typedef struct looking {
  plan_context *c;
  candidates into;
  size_t prefix;
  sdx_bytes folded;
  unsigned most;
} looking;

/* The nearer the better; of two that are as near the more frequent, or with the same beginning. */
static bool take_word(void *context, sdx_bytes name, const segment_term *term) {
  looking *l = context;
  char fold[TEXT_TERM_MAX];
  const sdx_bytes word = { .data = name.data + l->prefix, .size = name.size - l->prefix };
  const sdx_bytes folded = {
    .data = fold,
    .size = text_fold(l->c->analyser, word.data, word.size, fold, sizeof(fold)),
  };
  const unsigned distance = correct_distance(folded, l->folded);
  if (distance == 0 || distance > l->most || folded.size == 0) return true;
  candidate *e = candidates_at(&l->into, word.data, word.size);
  if (e == NULL) return false;
  e->count += term->df;
  e->score = (double)e->count * (fold[0] == l->folded.data[0] ? 4 : 1) - 1e12 * distance;
  return true;
}

static bool is_live(plan_context *c, const char *prefix, sdx_bytes word) {
  char name[TEXT_TERM_MAX + 8];
  const size_t size = strlen(prefix);
  segment_term term;
  postings p = { .seg = NULL };
  uint32_t newest;
  bool live = false;
  if (size + word.size > sizeof(name)) return false;
  memcpy(name, prefix, size);
  memcpy(name + size, word.data, word.size);
  for (size_t i = 0; i < c->read->view->segment_count && !live; i++)
    live = segment_find(c->read->view->segments[i].seg, &c->read->session, name, size + word.size,
                        &term) == SDX_OK &&
           candidates_live(&p, c->read, i, &term, &newest) != 0;
  postings_close(&p);
  return live;
}

/* Puts the nearest word that some live item has in the place of the one that was typed; false where there is none. */
static bool replace(plan_context *c, tree *typed, const query_clock *clock) {
  const tree_scope *scope = typed->scope;
  const char *prefix = scope != NULL && scope->count > 0 ? scope->rules[0]->prefix : "";
  uint32_t unused[TEXT_TERM_MAX];
  const uint32_t size = characters(typed->folded, unused);
  if (size < CHARACTERS_LEAST) return false;
  looking l = { .c = c, .prefix = strlen(prefix), .folded = typed->folded,
                .most = size < CHARACTERS_TWO_EDITS ? 1 : 2 };
  const tree source = { .kind = TREE_FUZZY, .text = typed->folded, .folded = typed->folded, .number = 2 };
  candidates_init(&l.into, c->s);
  for (size_t i = 0; i < c->read->view->segment_count; i++) {
    c->segment = i;
    expansion_run(c->read->view->segments[i].seg, &c->read->session, &source, prefix, 1, clock,
                  take_word, &l);
    if (c->read->session.status != SDX_OK) return false;
  }
  candidate *best;
  const size_t n = candidates_sorted(&l.into, LOOKED_AT, &best);
  for (size_t i = 0; i < n; i++) {
    if (!is_live(c, prefix, best[i].value)) continue;
    char fold[TEXT_TERM_MAX];
    const size_t folded =
        text_fold(c->analyser, best[i].value.data, best[i].value.size, fold, sizeof(fold));
    typed->text = best[i].value;
    typed->folded = scratch_copy(c->s, fold, folded);
    return true;
  }
  return false;
}

/* ---------------------------------------------------------------- the query */

typedef struct correcting {
  plan_context *c;
  const query_clock *clock;
  unsigned left, replaced;
} correcting;

static sdx_status correct(correcting *k, tree *t, sdx_error *err) {
  sdx_status status = SDX_OK;
  bool known;
  switch (t->kind) {
  case TREE_AND:
  case TREE_OR:
  case TREE_PHRASE:
  case TREE_NEAR:
  case TREE_ADJ:
    if (t->ngram) return SDX_OK;
    for (tree *w = t->first; w != NULL && status == SDX_OK; w = w->next) {
      if (w->scope == NULL && t->kind == TREE_PHRASE) w->scope = t->scope;
      status = correct(k, w, err);
    }
    return status;
  case TREE_WORD: break;
  default: return SDX_OK;
  }
  if (t->ngram || k->left == 0) return SDX_OK;
  k->left--;
  status = finds_any(&known, k->c, t, k->clock, err);
  if (status != SDX_OK || known) return status;
  if (replace(k->c, t, k->clock)) k->replaced++;
  return k->c->read->session.status;
}

sdx_status correct_query(buffer *out, plan_context *c, tree *root, const query_clock *clock, sdx_error *err) {
  correcting k = { .c = c, .clock = clock, .left = CORRECT_WORDS_MAX };
  bool any = false;
  sdx_status status = correct(&k, root, err);
  if (status == SDX_OK && k.replaced > 0) status = finds_any(&any, c, root, clock, err);
  if (status == SDX_OK && any) tree_print(root, out);
  if (status == SDX_OK && (c->s->failed || out->failed)) status = error_memory(err);
  return status;
}
