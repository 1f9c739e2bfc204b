/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/address.h"

#include <math.h>
#include <string.h>

#include "base/cursor.h"
#include "query/engine.h"
#include "segment/record.h"

#define HALF_LIFE (90 * (int64_t)SDX_DAY)
#define WEAK 0.1 /* of the score of what was matched by the name of its host alone */

bool address_scope(const tree_scope *scope) {
  static const char *const names[] = { "from",      "to",       "cc",   "bcc",
                                       "organizer", "attendee", "email", "with" };
  for (size_t i = 0; scope != NULL && i < sizeof(names) / sizeof(*names); i++)
    if (strcmp(scope->name, names[i]) == 0) return true;
  return false;
}

/* ---------------------------------------------------------------- finding */

typedef struct finding {
  candidates *into;
  scratch *s;
  view_read *read;
  sdx_bytes typed;
  size_t number; /* of the segment */
  const segment *seg;
  uint64_t *named; /* items that have a word which begins so, as bits */
} finding;

static bool begins(sdx_bytes text, sdx_bytes with) {
  return text.size >= with.size && memcmp(text.data, with.data, with.size) == 0;
}

/* A word of the address's host begins so: that its items have such a word says nothing then. */
static bool host_begins(sdx_bytes address, sdx_bytes with) {
  const char *at = memchr(address.data, '@', address.size);
  const char *end = address.data + address.size;
  while (at != NULL && ++at < end) {
    if (begins((sdx_bytes){ .data = at, .size = (size_t)(end - at) }, with)) return true;
    at = memchr(at, '.', (size_t)(end - at));
  }
  return false;
}

/* Calls `each` for every term that begins with prefix and rest. */
static void walk(finding *f, const char *prefix, sdx_bytes rest,
                 void (*each)(finding *f, sdx_bytes behind, const segment_term *term)) {
  char from[TEXT_TERM_MAX + 8];
  const size_t size = strlen(prefix);
  if (size + rest.size > sizeof(from)) return;
  memcpy(from, prefix, size);
  if (rest.size != 0) memcpy(from + size, rest.data, rest.size);
  const sdx_bytes all = { .data = from, .size = size + rest.size };
  segment_terms *terms;
  sdx_bytes name;
  segment_term term;
  if (segment_terms_open(&terms, f->seg, &f->read->session, from, all.size) != SDX_OK) return;
  while (segment_terms_next(terms, &name, &term) && begins(name, all))
    each(f, (sdx_bytes){ .data = name.data + size, .size = name.size - size }, &term);
  segment_terms_close(terms);
}

static void mark_items(finding *f, sdx_bytes word, const segment_term *term) {
  postings p;
  (void)word;
  postings_open(&p, f->seg, &f->read->session, term);
  while (postings_next(&p))
    for (uint32_t i = 0; i < p.count; i++)
      f->named[p.ordinals[i] >> 6] |= UINT64_C(1) << (p.ordinals[i] & 63);
  postings_close(&p);
}

/* Whether the newest live item of an address is among those marked. */
static void take_address(finding *f, sdx_bytes address, const segment_term *term) {
  const bool own = begins(address, f->typed);
  uint32_t newest = 0;
  uint64_t count = 0;
  if (address.size == 0) return;
  count = candidates_live(f->read, f->number, term, &newest);
  if (count == 0 || (!own && (f->named[newest >> 6] >> (newest & 63) & 1) == 0)) return;
  candidate *c = candidates_at(f->into, address.data, address.size);
  if (c == NULL) return;
  c->weak = !own && host_begins(address, f->typed);
  candidates_count(c, f->read, f->number, count, newest);
}

static bool is_one_word(sdx_bytes typed) {
  for (size_t i = 0; i < typed.size; i++)
    if (strchr("@.-_+", typed.data[i]) != NULL) return false;
  return true;
}

static void find_in_field(finding *f, const char *prefix) {
  char exact[16];
  const size_t size = strlen(prefix);
  const size_t words = (size_t)segment_about(f->seg)->items / 64 + 1;
  memcpy(exact, prefix, size);
  memcpy(exact + size, ":", 2);
  if (!is_one_word(f->typed)) {
    walk(f, exact, f->typed, take_address);
    return;
  }
  f->named = SCRATCH_MANY(f->s, uint64_t, words);
  if (f->named == NULL) return;
  walk(f, prefix, f->typed, mark_items);
  walk(f, exact, (sdx_bytes){ .data = "", .size = 0 }, take_address);
}

void address_find(candidates *into, scratch *s, view_read *read, const tree_scope *scope,
                  sdx_bytes typed, int64_t now) {
  finding f = { .into = into, .s = s, .read = read, .typed = typed };
  if (typed.size == 0) return;
  for (f.number = 0; f.number < read->view->segment_count; f.number++) {
    f.seg = read->view->segments[f.number].seg;
    for (size_t i = 0; i < scope->count && read->session.status == SDX_OK; i++)
      find_in_field(&f, scope->rules[i]->prefix);
  }
  for (size_t i = 0; i < into->room; i++) {
    candidate *c = &into->slots[i];
    if (c->count == 0) continue;
    c->score = engine_fade(log2(1 + (double)c->count), now - c->date, HALF_LIFE);
    if (c->weak) c->score *= WEAK;
  }
}

/* ---------------------------------------------------------------- names */

static bool around(char c) { return strchr(" \t\r\n\"',;<>()", c) != NULL; }

/* The name in front of an address in a list of them: what stands between the one before and it. */
static sdx_bytes name_before(sdx_bytes text, size_t at) {
  size_t start = at;
  bool quoted = false;
  while (start > 0) {
    const char c = text.data[start - 1];
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ',' || c == ';' || c == '>' || c == '\n')) break;
    start--;
  }
  while (start < at && around(text.data[start])) start++;
  while (at > start && around(text.data[at - 1])) at--;
  return (sdx_bytes){ .data = text.data + start, .size = at - start };
}

/* Where the address stands in the text, as a whole; SIZE_MAX where it does not. */
static size_t find_address(sdx_bytes text, sdx_bytes address) {
  for (size_t i = 0; i + address.size <= text.size; i++)
    if (strncasecmp(text.data + i, address.data, address.size) == 0 &&
        (i == 0 || around(text.data[i - 1])) &&
        (i + address.size == text.size || around(text.data[i + address.size])))
      return i;
  return SIZE_MAX;
}

static bool in_scope(const tree_scope *scope, sdx_bytes field) {
  const text_field_rule *rule = text_field_find(field.data, field.size);
  for (size_t i = 0; rule != NULL && i < scope->count; i++)
    if (scope->rules[i]->prefix == rule->prefix) return true;
  return false;
}

sdx_bytes address_name(scratch *s, view_read *read, const tree_scope *scope, const candidate *c) {
  sdx_bytes found = { .data = "", .size = 0 }, name, text;
  const segment *seg = read->view->segments[c->segment].seg;
  segment_item item;
  block_ref hold = BLOCK_REF_INIT;
  buffer fields = BUFFER_INIT;
  if (segment_item_get(seg, &read->session, c->ordinal, &item, &hold) == SDX_OK && item.has_text &&
      segment_text_get(seg, &read->session, &item, &fields) == SDX_OK) {
    cursor at = cursor_over(fields.data, fields.size);
    while (found.size == 0 && record_fields_next(&at, &name, &text)) {
      const size_t where = in_scope(scope, name) ? find_address(text, c->value) : SIZE_MAX;
      if (where == SIZE_MAX) continue;
      const sdx_bytes before = name_before(text, where);
      found = scratch_copy(s, before.data, before.size);
    }
  }
  block_release(&hold);
  buffer_free(&fields);
  return found;
}
