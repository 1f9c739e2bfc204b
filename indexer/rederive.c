/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rederive.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "indexer/item.h"

#define VOCABULARY_MAX ((size_t)16 << 20)

struct rederive {
  text_analyser *analyser;
  record_term *terms; /* that the text gives, ascending */
  size_t room;
};

sdx_status rederive_open(rederive **out, const sdx_index *index, sdx_error *err) {
  rederive *d = plain_alloc(sizeof *d);
  if (d == NULL) return error_memory(err);
  const sdx_status status = text_analyser_open(&d->analyser, index->settings.languages, err);
  if (status == SDX_OK)
    *out = d;
  else
    rederive_close(d);
  return status;
}

void rederive_close(rederive *d) {
  if (d == NULL) return;
  text_analyser_close(d->analyser);
  plain_free(d->terms);
  plain_free(d);
}

static int by_term(const void *a, const void *b) {
  const sdx_bytes *x = &((const record_term *)a)->term, *y = &((const record_term *)b)->term;
  const size_t least = x->size < y->size ? x->size : y->size;
  const int order = least > 0 ? memcmp(x->data, y->data, least) : 0;
  return order != 0 ? order : x->size < y->size ? -1 : x->size > y->size;
}

static bool list_terms(rederive *d, const text_terms *terms) {
  if (terms->count > d->room) {
    record_term *grown = plain_resize(d->terms, terms->count * sizeof *grown);
    if (grown == NULL) return false;
    d->terms = grown;
    d->room = terms->count;
  }
  for (size_t i = 0; i < terms->count; i++) {
    const text_term *t = &terms->terms[i];
    d->terms[i] = (record_term){ .term = text_vocabulary_term(d->analyser, t->id),
                                 .wdf = t->wdf,
                                 .first = t->first,
                                 .count = t->count };
  }
  if (terms->count > 1) qsort(d->terms, terms->count, sizeof *d->terms, by_term);
  return true;
}

static bool same_term(const record_term *x, const uint32_t *of_x, const record_term *y,
                      const uint32_t *of_y) {
  return by_term(x, y) == 0 && x->wdf == y->wdf && x->count == y->count &&
         (x->count == 0 || memcmp(of_x + x->first, of_y + y->first, x->count * sizeof *of_x) == 0);
}

sdx_status rederive_check(rederive *d, const record *r, bool *agrees, sdx_error *err) {
  text_terms terms;
  *agrees = true;
  if (r->text.size == 0 || r->analyser != TEXT_ANALYSER_VERSION) return SDX_OK;
  if (text_vocabulary_bytes(d->analyser) > VOCABULARY_MAX) text_vocabulary_reset(d->analyser);
  const sdx_status status = item_analyse(d->analyser, r->text, &terms, err);
  if (status != SDX_OK) return status;
  if (!list_terms(d, &terms)) return error_memory(err);
  *agrees = terms.count == r->term_count && terms.length == r->length &&
            terms.body_end == r->body_end &&
            strcmp(text_language_code(d->analyser, terms.language), r->language) == 0;
  for (size_t i = 0; *agrees && i < terms.count; i++)
    *agrees = same_term(&d->terms[i], terms.positions, &r->terms[i], r->positions);
  return SDX_OK;
}
