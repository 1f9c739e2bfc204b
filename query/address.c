/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/address.h"

#include <math.h>
#include <string.h>

#include "base/cursor.h"
#include "query/engine.h"
#include "segment/record.h"

#define HALF_LIFE (90 * (int64_t)SDX_DAY)
#define WEAK 0.1 /* of the score of what was matched by the name of its host alone */
#define READ_ITEMS 128 /* whose texts are read for names, over all segments */
#define READ_NEWEST 3  /* quarters of them that are the newest; the rest is spread over the others */

bool address_scope(const tree_scope *scope) {
  static const char *const names[] = { "from",      "to",       "cc",   "bcc",
                                       "organizer", "attendee", "email", "with" };
  for (size_t i = 0; scope != NULL && i < sizeof(names) / sizeof(*names); i++)
    if (strcmp(scope->name, names[i]) == 0) return true;
  return false;
}

/* ---------------------------------------------------------------- names */

static bool around(char c) { return strchr(" \t\r\n\"',;<>()", c) != NULL; }

/* A list of addresses as a field has them: `Name <address>, ...`, a name in quotation marks or not. */
typedef struct address_list {
  sdx_bytes text;
  size_t at;
  size_t entry;    /* where the name and address begin that `at` is in */
  size_t name_end; /* of a name in quotation marks, the second of them */
  bool has_address;
} address_list;

/* Where the quotation marks end that open at `at` and have a whole name in them; 0: they do not. */
static size_t quoted_end(sdx_bytes text, size_t at) {
  size_t end = at + 1;
  while (end < text.size && text.data[end] != '"' && text.data[end] != '\n')
    end += text.data[end] == '\\' ? 2 : 1;
  size_t next = end + 1;
  while (next < text.size && (text.data[next] == ' ' || text.data[next] == '\t')) next++;
  return next < text.size && text.data[end] == '"' && text.data[next] == '<' ? end : 0;
}

/* Passes what stands between two words. A comma ends nothing before the address: names have commas, too. */
static void pass_sign(address_list *l) {
  const char c = l->text.data[l->at];
  const bool in_name = l->at < l->name_end;
  if (c == '"' && l->at == l->entry && !in_name) l->name_end = quoted_end(l->text, l->at);
  if (c == '\n' || (!in_name && l->has_address && strchr(",;>", c) != NULL)) {
    l->entry = l->at + 1;
    l->has_address = false;
  } else if (l->at == l->entry && c != '"') {
    l->entry++;
  }
  l->at++;
}

static sdx_bytes name_of(const address_list *l, size_t end) {
  const char *text = l->text.data;
  size_t start = l->entry;
  if (l->name_end > start && l->name_end < end)
    return (sdx_bytes){ .data = text + start + 1, .size = l->name_end - start - 1 };
  if (end > start && text[end - 1] == '<') end--;
  while (end > start && strchr(" \t\r,;(", text[end - 1]) != NULL) end--;
  if (start < end && text[start] == '"') start++;
  return (sdx_bytes){ .data = text + start, .size = end - start };
}

/* The next address of the list, and the name in front of it. */
static bool address_next(address_list *l, sdx_bytes *address, sdx_bytes *name) {
  while (l->at < l->text.size) {
    const size_t start = l->at;
    while (l->at < l->text.size && !around(l->text.data[l->at])) l->at++;
    if (memchr(l->text.data + start, '@', l->at - start) != NULL) {
      *address = (sdx_bytes){ .data = l->text.data + start, .size = l->at - start };
      *name = name_of(l, start);
      if (start >= l->name_end) l->has_address = true;
      return true;
    }
    if (l->at < l->text.size) pass_sign(l);
  }
  return false;
}

static bool is_same(sdx_bytes a, sdx_bytes b) {
  return a.size == b.size && strncasecmp(a.data, b.data, a.size) == 0;
}

static bool in_scope(const tree_scope *scope, sdx_bytes field) {
  const text_field_rule *rule = text_field_find(field.data, field.size);
  for (size_t i = 0; rule != NULL && i < scope->count; i++)
    if (scope->rules[i]->prefix == rule->prefix) return true;
  return false;
}

/* ---------------------------------------------------------------- finding */

typedef struct finding {
  candidates *into;
  scratch *s;
  view_read *read;
  text_analyser *analyser;
  const tree_scope *scope;
  sdx_bytes typed;
  size_t number; /* of the segment */
  const segment *seg;
  postings live;
  const query_clock *clock;
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

#define CLOCK_EVERY 256 /* terms */

/* Calls `each` for every term that begins with prefix and rest, while there is time. */
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
  for (uint32_t n = 1; segment_terms_next(terms, &name, &term) && begins(name, all); n++) {
    if (n % CLOCK_EVERY == 0 && clock_is_up(f->clock)) break;
    each(f, (sdx_bytes){ .data = name.data + size, .size = name.size - size }, &term);
  }
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
  count = candidates_live(&f->live, f->read, f->number, term, &newest);
  if (count == 0 || (!own && (f->named[newest >> 6] >> (newest & 63) & 1) == 0)) return;
  candidate *c = candidates_at(f->into, address.data, address.size);
  if (c == NULL) return;
  c->weak = !own && host_begins(address, f->typed);
  candidates_count(c, f->read, f->number, count, newest);
}

/* ---- names in stored text */

static bool has_word(finding *f, sdx_bytes name) {
  char folded[256];
  const size_t size = text_fold(f->analyser, name.data, name.size, folded, sizeof(folded));
  for (size_t i = 0; i < size; i++)
    if ((i == 0 || around(folded[i - 1]) || folded[i - 1] == '.' || folded[i - 1] == '-') &&
        begins((sdx_bytes){ .data = folded + i, .size = size - i }, f->typed))
      return true;
  return false;
}

/* Counts an address over the whole view, in the fields of the scope. */
static void count_everywhere(finding *f, candidate *c) {
  char name[TEXT_TERM_MAX + 16];
  segment_term term;
  uint32_t newest = 0;
  for (size_t i = 0; i < f->scope->count; i++) {
    const size_t size = strlen(f->scope->rules[i]->prefix);
    if (size + 1 + c->value.size > sizeof(name)) continue;
    memcpy(name, f->scope->rules[i]->prefix, size);
    name[size] = ':';
    memcpy(name + size + 1, c->value.data, c->value.size);
    for (size_t k = 0; k < f->read->view->segment_count; k++) {
      if (segment_find(f->read->view->segments[k].seg, &f->read->session, name,
                       size + 1 + c->value.size, &term) != SDX_OK)
        continue;
      const uint64_t live = candidates_live(&f->live, f->read, k, &term, &newest);
      if (live != 0) candidates_count(c, f->read, k, live, newest);
    }
  }
}

static void take_names(finding *f, const text_field_rule *rule, sdx_bytes text) {
  address_list list = { .text = text };
  sdx_bytes word, name;
  while (address_next(&list, &word, &name)) {
    if (!has_word(f, name)) continue;
    char exact[TEXT_TERM_MAX];
    const size_t prefix = strlen(rule->prefix) + 1;
    const size_t size = text_exact(f->analyser, rule, word.data, word.size, exact);
    if (size <= prefix) continue;
    const sdx_bytes address = { .data = exact + prefix, .size = size - prefix };
    if (begins(address, f->typed)) continue; /* met already */
    candidate *c = candidates_at(f->into, address.data, address.size);
    if (c != NULL && c->count == 0) count_everywhere(f, c);
  }
}

static void read_names(finding *f, uint32_t ordinal) {
  const view_segment *v = &f->read->view->segments[f->number];
  sdx_bytes name, text;
  segment_item item;
  block_ref hold = BLOCK_REF_INIT;
  buffer fields = BUFFER_INIT;
  if (v->dead != NULL && roaring_bitmap_contains(v->dead, ordinal)) return;
  if (segment_item_get(f->seg, &f->read->session, ordinal, &item, &hold) == SDX_OK &&
      item.has_text && segment_text_get(f->seg, &f->read->session, &item, &fields) == SDX_OK) {
    cursor at = cursor_over(fields.data, fields.size);
    while (record_fields_next(&at, &name, &text))
      if (in_scope(f->scope, name)) take_names(f, text_field_find(name.data, name.size), text);
  }
  block_release(&hold);
  buffer_free(&fields);
}

/* The marked items of the segment: the newest, and some of the others. */
static void read_marked(finding *f) {
  const uint32_t items = segment_about(f->seg)->items;
  const uint32_t most = (uint32_t)(READ_ITEMS / f->read->view->segment_count) + 1;
  uint32_t marked = 0, met = 0, read = 0, next = 0;
  for (uint32_t w = 0; w <= items / 64; w++) marked += (uint32_t)__builtin_popcountll(f->named[w]);
  const uint32_t newest = marked <= most ? most : most * READ_NEWEST / 4;
  const uint32_t step = marked <= most ? 1 : (marked - newest) / (most - newest) + 1;
  for (uint32_t w = 0; w <= items / 64 && read < most; w++)
    for (uint64_t left = f->named[w]; left != 0 && read < most; left &= left - 1, met++) {
      if (met >= newest && met < next) continue;
      if (clock_is_up(f->clock)) return;
      next = met + step;
      read++;
      read_names(f, (w << 6) + (uint32_t)__builtin_ctzll(left));
    }
}

/* ---- all of it */

static bool is_one_word(sdx_bytes typed) {
  for (size_t i = 0; i < typed.size; i++)
    if (strchr("@.-_+", typed.data[i]) != NULL) return false;
  return true;
}

/* Words of hosts are words of the field, too; so senders are told from their hosts by looking. */
static void find_in_segment(finding *f) {
  const size_t words = (size_t)segment_about(f->seg)->items / 64 + 1;
  const bool senders = f->scope->count == 1 && strcmp(f->scope->rules[0]->prefix, "A") == 0;
  const sdx_bytes all = { .data = "", .size = 0 };
  f->named = is_one_word(f->typed) ? SCRATCH_MANY(f->s, uint64_t, words) : NULL;
  for (size_t i = 0; i < f->scope->count; i++) {
    char exact[16];
    const char *prefix = f->scope->rules[i]->prefix;
    memcpy(exact, prefix, strlen(prefix));
    memcpy(exact + strlen(prefix), ":", 2);
    if (f->named != NULL) walk(f, prefix, f->typed, mark_items);
    walk(f, exact, senders && f->named != NULL ? all : f->typed, take_address);
  }
  if (f->named != NULL && !senders) read_marked(f);
}

void address_find(candidates *into, scratch *s, view_read *read, text_analyser *analyser,
                  const tree_scope *scope, sdx_bytes typed, int64_t now,
                  const query_clock *clock) {
  finding f = { .into = into, .s = s, .read = read, .analyser = analyser, .scope = scope,
                .typed = typed, .clock = clock };
  if (typed.size == 0) return;
  for (f.number = 0; f.number < read->view->segment_count && read->session.status == SDX_OK;
       f.number++) {
    f.seg = read->view->segments[f.number].seg;
    find_in_segment(&f);
  }
  postings_close(&f.live);
  for (size_t i = 0; i < into->room; i++) {
    candidate *c = &into->slots[i];
    if (c->count == 0) continue;
    c->score = engine_fade(log2(1 + (double)c->count), now - c->date, HALF_LIFE);
    if (c->weak) c->score *= WEAK;
  }
}

/* ---------------------------------------------------------------- naming one */

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
      address_list list = { .text = text };
      sdx_bytes word, owner;
      if (!in_scope(scope, name)) continue;
      while (found.size == 0 && address_next(&list, &word, &owner))
        if (is_same(word, c->value)) found = scratch_copy(s, owner.data, owner.size);
    }
  }
  block_release(&hold);
  buffer_free(&fields);
  return found;
}
