/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/plan.h"

#include <string.h>

#include "base/error.h"
#include "query/ahead.h"
#include "query/occurs.h"

#define CLASSES_MAX 64 /* of one word: languages, and marked forms that it stands for */

/* ---------------------------------------------------------------- nodes */

static plan *new_plan(plan_context *c, plan_kind kind) {
  plan *p = SCRATCH_ONE(c->s, plan);
  if (p != NULL) p->kind = kind;
  return p;
}

static plan *new_branch(plan_context *c, plan_kind kind, size_t room) {
  plan *p = new_plan(c, kind);
  if (p == NULL) return NULL;
  p->children = SCRATCH_MANY(c->s, plan *, room != 0 ? room : 1);
  return p->children != NULL ? p : NULL;
}

static void add_child(plan *parent, plan *child) {
  if (parent == NULL || child == NULL) return;
  parent->children[parent->count++] = child;
  parent->weighted |= child->weighted;
}

static plan *only_child(plan *p) { return p != NULL && p->count == 1 ? p->children[0] : p; }

/* ---------------------------------------------------------------- terms of a segment */

bool plan_terms_add(plan_terms *t, scratch *s, const segment_term *term) {
  if (t->count == t->room) {
    const uint32_t room = t->room != 0 ? 2 * t->room : 4;
    segment_term *terms = scratch_take(s, room * sizeof(*terms));
    if (terms == NULL) return false;
    if (t->count != 0) memcpy(terms, t->terms, t->count * sizeof(*terms));
    t->terms = terms;
    t->room = room;
  }
  t->terms[t->count++] = *term;
  return true;
}

int plan_language(const segment_info *info, const char *code) {
  for (uint32_t i = 0; i < info->language_count; i++)
    if (strcmp(info->languages[i], code) == 0) return (int)i;
  return -1;
}

static void resolve_term(plan_context *c, const segment *seg, const plan_class *cls,
                         plan_members *out) {
  segment_term term;
  plan_terms terms = { 0 };
  if (segment_find(seg, &c->read->session, cls->key.data, cls->key.size, &term) != SDX_OK) return;
  if (!plan_terms_add(&terms, c->s, &term)) return;
  *out = (plan_members){ .terms = terms.terms, .count = 1, .df = term.df,
                         .max_wdf = term.max_wdf, .min_length = term.min_length };
}

typedef struct collecting {
  plan_context *c;
  plan_terms terms;
} collecting;

static bool collect_member(void *context, sdx_bytes name, const segment_term *term) {
  collecting *into = context;
  (void)name;
  return plan_terms_add(&into->terms, into->c->s, term);
}

static void resolve_class(plan_context *c, const segment *seg, const plan_class *cls, int language,
                          buffer *names, plan_members *out) {
  segment_class about;
  collecting into = { .c = c };
  const bool stem = cls->kind == PLAN_STEM;
  const sdx_status status = segment_class_members(
      seg, &c->read->session, stem ? CLASS_STEM : CLASS_FOLD, (uint8_t)(stem ? language : 0),
      cls->key.data, cls->key.size, false, &about, names, collect_member, &into);
  if (status != SDX_OK) return;
  *out = (plan_members){ .terms = into.terms.terms, .count = into.terms.count, .df = about.df,
                         .max_wdf = about.max_wdf, .min_length = about.min_length };
}

static sdx_status limit_language(plan_context *c, size_t number, const char *code,
                                 plan_members *members, sdx_error *err) {
  const attributes *a;
  const sdx_status status = view_attributes(c->read, number, &a, err);
  if (status != SDX_OK) return status;
  char key[8];
  key[0] = 'n';
  const size_t size = strnlen(code, sizeof(key) - 1);
  memcpy(key + 1, code, size);
  members->limit = attributes_find(a, key, size + 1);
  if (members->limit == NULL) *members = (plan_members){ 0 };
  return SDX_OK;
}

static uint64_t digest_of(const plan_class *cls) {
  const char kind = (char)cls->kind;
  const uint64_t seed = page_digest(0, &kind, 1);
  const char *language = cls->language != NULL ? cls->language : "";
  return page_digest(page_digest(seed, language, strlen(language)), cls->key.data, cls->key.size);
}

/* Finds the class in every segment and sums up its statistics. */
static sdx_status resolve(plan_context *c, plan_class *cls, sdx_error *err) {
  const view *v = c->read->view;
  buffer names = BUFFER_INIT;
  sdx_status status = SDX_OK;
  cls->segments = SCRATCH_MANY(c->s, plan_members, v->segment_count + 1);
  for (size_t i = 0; cls->segments != NULL && i < v->segment_count && status == SDX_OK; i++) {
    const segment *seg = v->segments[i].seg;
    const segment_info *info = segment_about(seg);
    plan_members *members = &cls->segments[i];
    if (c->read->session.status != SDX_OK) break;
    c->segment = i;
    int language = 0;
    if (cls->language != NULL && (language = plan_language(info, cls->language)) < 0) continue;
    if (cls->kind == PLAN_TERM) resolve_term(c, seg, cls, members);
    else resolve_class(c, seg, cls, language, &names, members);
    cls->df += members->df;
    if (members->count > 0 && cls->language != NULL && info->language_count > 1)
      status = limit_language(c, i, cls->language, members, err);
  }
  buffer_free(&names);
  uint64_t df = cls->df;
  if (c->statistics != NULL) df = page_df(c->statistics, digest_of(cls), df);
  if (cls->df > 0) cls->weight = rank_weight(&c->model, df);
  return status;
}

/* ---------------------------------------------------------------- words */

static bool same(sdx_bytes a, sdx_bytes b) {
  return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static sdx_bytes join(plan_context *c, const char *prefix, const char *word, size_t size) {
  const size_t prefix_size = strlen(prefix);
  char *p = scratch_take(c->s, prefix_size + size + 1);
  if (p == NULL) return (sdx_bytes){ .data = "", .size = 0 };
  memcpy(p, prefix, prefix_size);
  memcpy(p + prefix_size, word, size);
  return (sdx_bytes){ .data = p, .size = prefix_size + size };
}

/* The classes that a word stands for, each once. */
typedef struct classes {
  plan_class *at[CLASSES_MAX];
  size_t count;
} classes;

static void add_class(plan_context *c, classes *all, plan_class_kind kind, const char *language,
                      sdx_bytes key) {
  for (size_t i = 0; i < all->count; i++) {
    const plan_class *other = all->at[i];
    if (other->kind == kind && other->language == language && other->key.size == key.size &&
        memcmp(other->key.data, key.data, key.size) == 0)
      return;
  }
  if (all->count == CLASSES_MAX) return;
  plan_class *cls = SCRATCH_ONE(c->s, plan_class);
  if (cls == NULL) return;
  cls->kind = kind;
  cls->language = language;
  cls->key = key;
  all->at[all->count++] = cls;
}

/* The stems of a word, one per language; in languages that do not stem it, all its forms. */
static void add_stems(plan_context *c, classes *all, const char *prefix, sdx_bytes surface,
                      sdx_bytes folded) {
  const size_t languages = text_language_count(c->analyser);
  char stems[TEXT_LANGUAGES_MAX][TEXT_TERM_MAX];
  size_t sizes[TEXT_LANGUAGES_MAX], any = 0;
  for (size_t i = 0; i < languages; i++)
    any += sizes[i] = text_stem(c->analyser, (uint8_t)i, surface.data, surface.size, stems[i]);
  if (any == 0) {
    add_class(c, all, PLAN_FOLD, NULL, join(c, prefix, folded.data, folded.size));
    return;
  }
  for (size_t i = 0; i < languages; i++) {
    const char *code = text_language_code(c->analyser, i);
    if (sizes[i] != 0) add_class(c, all, PLAN_STEM, code, join(c, prefix, stems[i], sizes[i]));
    else add_class(c, all, PLAN_FOLD, code, join(c, prefix, folded.data, folded.size));
  }
}

typedef struct marking {
  plan_context *c;
  classes *all;
  const char *prefix;
  sdx_bytes folded;
} marking;

static bool add_marked_form(void *context, sdx_bytes name, const segment_term *term) {
  marking *m = context;
  const size_t prefix = strlen(m->prefix);
  (void)term;
  const sdx_bytes form = { .data = name.data + prefix, .size = name.size - prefix };
  if (name.size > prefix && !same(form, m->folded))
    add_stems(m->c, m->all, m->prefix, form, m->folded);
  return true;
}

/* A word that was typed without marks stands for the marked words that fold to it, too: their stems
 * may be others. */
static void add_marked(plan_context *c, classes *all, const char *prefix, sdx_bytes folded,
                       sdx_bytes key) {
  const view *v = c->read->view;
  buffer names = BUFFER_INIT;
  for (size_t i = 0; i < v->segment_count && c->read->session.status == SDX_OK; i++) {
    segment_class about;
    marking m = { .c = c, .all = all, .prefix = prefix, .folded = folded };
    c->segment = i;
    const sdx_status status =
        segment_class_members(v->segments[i].seg, &c->read->session, CLASS_FOLD, 0, key.data,
                              key.size, true, &about, &names, add_marked_form, &m);
    if (status != SDX_OK && status != SDX_NOT_FOUND) break;
  }
  buffer_free(&names);
}

static sdx_status make_leaf(plan **out, plan_context *c, plan_class *cls, bool weighted, bool body,
                            sdx_error *err) {
  *out = new_plan(c, PLAN_LEAF);
  if (*out == NULL) return SDX_OK;
  (*out)->leaf = cls;
  (*out)->weighted = weighted;
  (*out)->body = body;
  return resolve(c, cls, err);
}

/* One word in one field: a leaf, or several side by side. */
static sdx_status make_word(plan **out, plan_context *c, const tree *t, const char *prefix,
                            bool weighted, bool body, sdx_error *err) {
  classes all = { .count = 0 };
  const sdx_bytes key = join(c, prefix, t->folded.data, t->folded.size);
  const bool marked = !t->exact && same(t->text, t->folded);
  if (t->exact) add_class(c, &all, PLAN_FOLD, NULL, key);
  else add_stems(c, &all, prefix, t->text, t->folded);
  ahead_classes(c->read, all.at, all.count, marked ? &key : NULL);
  const size_t known = all.count;
  if (marked) add_marked(c, &all, prefix, t->folded, key);
  if (all.count > known) ahead_classes(c->read, all.at + known, all.count - known, NULL);
  plan *either = new_branch(c, PLAN_OR, all.count);
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < all.count && status == SDX_OK; i++) {
    plan *leaf = NULL;
    status = make_leaf(&leaf, c, all.at[i], weighted, body, err);
    add_child(either, leaf);
  }
  *out = only_child(either);
  return status;
}

/* ---------------------------------------------------------------- trees */

static sdx_status make(plan **out, plan_context *c, const tree *t, bool weighted, sdx_error *err);

static sdx_status make_in_field(plan **out, plan_context *c, const tree *t, const char *prefix,
                                bool body, bool weighted, sdx_error *err);
static sdx_status make_scoped(plan **out, plan_context *c, const tree *t, bool weighted,
                              sdx_error *err);

static const char *prefix_of(const tree_scope *scope) {
  return scope != NULL && scope->count > 0 ? scope->rules[0]->prefix : "";
}

/* What stands in a NEAR or ADJ: words of any field, phrases, and groups of them. */
static sdx_status make_member(plan **out, plan_context *c, const tree *t, bool weighted,
                              sdx_error *err) {
  if (t->kind != TREE_OR) return make_scoped(out, c, t, weighted, err);
  plan *either = new_branch(c, PLAN_OR, tree_children(t));
  *out = either;
  sdx_status status = SDX_OK;
  for (const tree *w = t->first; either != NULL && w != NULL && status == SDX_OK; w = w->next) {
    plan *p = NULL;
    status = make_member(&p, c, w, weighted, err);
    add_child(either, p);
  }
  return status;
}

static bool in_body(const tree *t) {
  bool body = t->scope != NULL && t->scope->body;
  for (const tree *c = t->kind == TREE_OR ? t->first : NULL; c != NULL && !body; c = c->next)
    body = in_body(c);
  return body;
}

/* Words of a phrase share its field; those of NEAR and ADJ have each their own. A phrase in a NEAR
 * stands where its first word does. */
static sdx_status make_window(plan **out, plan_context *c, const tree *t, const char *prefix,
                              bool body, bool weighted, sdx_error *err) {
  const size_t words = tree_children(t);
  plan *p = new_branch(c, PLAN_WINDOW, words);
  uint32_t places = 0;
  *out = p;
  sdx_status status = SDX_OK;
  for (const tree *w = t->first; p != NULL && w != NULL && status == SDX_OK; w = w->next) {
    plan *word = NULL;
    if (t->kind == TREE_PHRASE) status = make_in_field(&word, c, w, prefix, false, weighted, err);
    else status = make_member(&word, c, w, weighted, err);
    add_child(p, word);
    places += tree_width(w);
    if (t->kind != TREE_PHRASE) body |= in_body(w);
  }
  if (p == NULL) return status;
  p->body = body;
  p->ordered = t->kind != TREE_NEAR;
  p->window = t->kind == TREE_PHRASE ? (uint32_t)words : t->number + places - 1;
  return status;
}

/* A word, pattern, or words within a window, in one field. */
static sdx_status make_in_field(plan **out, plan_context *c, const tree *t, const char *prefix,
                                bool body, bool weighted, sdx_error *err) {
  switch (t->kind) {
  case TREE_WORD: return make_word(out, c, t, prefix, weighted, body, err);
  case TREE_PHRASE:
  case TREE_NEAR:
  case TREE_ADJ: return make_window(out, c, t, prefix, body, weighted, err);
  default: break;
  }
  *out = new_plan(c, PLAN_EXPANSION);
  if (*out == NULL) return SDX_OK;
  (*out)->source = t;
  (*out)->prefix = prefix;
  (*out)->body = body;
  return SDX_OK;
}

/* In all text, in one field, or in any of several. */
static sdx_status make_scoped(plan **out, plan_context *c, const tree *t, bool weighted,
                              sdx_error *err) {
  const tree_scope *scope = t->scope;
  if (scope == NULL || scope->count <= 1)
    return make_in_field(out, c, t, prefix_of(scope), scope != NULL && scope->body, weighted, err);
  plan *either = new_branch(c, PLAN_OR, scope->count);
  *out = either;
  sdx_status status = SDX_OK;
  for (size_t i = 0; either != NULL && i < scope->count && status == SDX_OK; i++) {
    plan *p = NULL;
    status = make_in_field(&p, c, t, scope->rules[i]->prefix, false, weighted, err);
    add_child(either, p);
  }
  return status;
}

static sdx_status make_value(plan **out, plan_context *c, const tree *t, sdx_error *err) {
  char term[TEXT_TERM_MAX];
  const size_t size = text_exact(c->analyser, t->scope->rules[0], t->text.data, t->text.size, term);
  if (size == 0) {
    *out = new_plan(c, PLAN_NOTHING);
    return SDX_OK;
  }
  plan_class *cls = SCRATCH_ONE(c->s, plan_class);
  if (cls == NULL) return SDX_OK;
  cls->kind = PLAN_TERM;
  cls->key = scratch_copy(c->s, term, size);
  ahead_classes(c->read, &cls, 1, NULL);
  return make_leaf(out, c, cls, false, false, err);
}

/* All have it: none lacks it. */
static sdx_status make_threads(plan **out, plan_context *c, const tree *t, sdx_error *err) {
  *out = new_plan(c, PLAN_THREADS);
  if (*out == NULL) return SDX_OK;
  const bool lacking = t->low != 0;
  (*out)->ordered = t->number != 0;
  return thread_set_make(&(*out)->threads, c->s, c->read, t->text,
                         t->number == 1 ? !lacking : lacking, c->clock, &c->timed_out, err);
}

static sdx_status make_attribute(plan **out, plan_context *c, const tree *t) {
  *out = new_plan(c, PLAN_ATTRIBUTE);
  char *key = scratch_take(c->s, t->text.size + 1);
  if (*out == NULL || key == NULL) return SDX_OK;
  key[0] = t->letter;
  memcpy(key + 1, t->text.data, t->text.size);
  (*out)->key = (sdx_bytes){ .data = key, .size = t->text.size + 1 };
  (*out)->hash = attributes_hash(key, t->text.size + 1);
  view_attributes_fetch(c->read, (*out)->hash, false);
  (*out)->ordered = t->number == 1;
  return SDX_OK;
}

static sdx_status make_children(plan **out, plan_context *c, const tree *t, plan_kind kind,
                                bool weighted, sdx_error *err) {
  plan *p = new_branch(c, kind, tree_children(t));
  *out = p;
  sdx_status status = SDX_OK;
  for (const tree *child = t->first; p != NULL && child != NULL && status == SDX_OK;
       child = child->next) {
    plan *made = NULL;
    status = make(&made, c, child, weighted, err);
    add_child(p, made);
  }
  return status;
}

static sdx_status make(plan **out, plan_context *c, const tree *t, bool weighted, sdx_error *err) {
  sdx_status status;
  switch (t->kind) {
  case TREE_NOTHING: *out = new_plan(c, PLAN_NOTHING); return SDX_OK;
  case TREE_ALL: *out = new_plan(c, PLAN_ALL); return SDX_OK;
  case TREE_AND: return make_children(out, c, t, PLAN_AND, weighted, err);
  case TREE_OR: return make_children(out, c, t, PLAN_OR, weighted, err);
  case TREE_NOT:
    status = make_children(out, c, t, PLAN_NOT, false, err);
    if (*out != NULL) (*out)->weighted = false;
    return status;
  case TREE_VALUE: return make_value(out, c, t, err);
  case TREE_THREAD: return make_threads(out, c, t, err);
  case TREE_ATTRIBUTE:
    return make_attribute(out, c, t);
  case TREE_DATE:
  case TREE_SIZE:
    *out = new_plan(c, t->kind == TREE_DATE ? PLAN_DATE : PLAN_SIZE);
    if (*out == NULL) return SDX_OK;
    (*out)->source = t;
    (*out)->low = t->low;
    (*out)->high = t->high;
    return SDX_OK;
  default: return make_scoped(out, c, t, weighted, err);
  }
}

static void fetch_attributes(const view_read *read, const plan *p) {
  if (p->kind == PLAN_ATTRIBUTE) view_attributes_fetch(read, p->hash, true);
  for (uint32_t i = 0; p->kind == PLAN_AND && i < p->count; i++)
    fetch_attributes(read, p->children[i]);
}

sdx_status plan_make(plan **out, plan_context *c, const tree *t, sdx_error *err) {
  *out = NULL;
  const sdx_status status = make(out, c, t, true, err);
  if (status != SDX_OK) return status;
  if (c->s->failed) return error_memory(err);
  fetch_attributes(c->read, *out);
  return SDX_OK;
}

/* ---------------------------------------------------------------- in one segment */

plan_values plan_values_of(const plan *p, view_read *read, size_t number) {
  plan_values v = { .first = NULL };
  segment_session *session = &read->session;
  bool same = false;
  const sdx_status status = view_attributes(read, number, &v.all, session->err);
  if (status != SDX_OK) {
    if (session->status == SDX_OK) session->status = status;
    return v;
  }
  const roaring_bitmap_t *found;
  while (!same && (found = attributes_alike(v.all, p->key.data, p->key.size, p->hash, &v.at,
                                            &same)) != NULL) {
    v.several = v.first != NULL && !same;
    v.first = v.first == NULL || same ? found : v.first;
  }
  v.at = 0;
  return v;
}

const roaring_bitmap_t *plan_values_next(const plan *p, plan_values *v) {
  bool same;
  return attributes_alike(v->all, p->key.data, p->key.size, p->hash, &v->at, &same);
}

bool plan_may_match(const plan *p, view_read *read, size_t number) {
  const segment *seg = read->view->segments[number].seg;
  const segment_info *info = segment_about(seg);
  bool any = false;
  switch (p->kind) {
  case PLAN_NOTHING:
    return false;
  case PLAN_LEAF:
    return p->leaf->segments[number].count > 0;
  case PLAN_ATTRIBUTE:
    return p->ordered || plan_values_of(p, read, number).first != NULL;
  case PLAN_DATE:
    return (p->low <= info->newest && p->high > info->oldest) || occurs_any(seg, &read->session);
  case PLAN_OR:
    for (uint32_t i = 0; i < p->count && !any; i++)
      any = plan_may_match(p->children[i], read, number);
    return any;
  case PLAN_AND:
  case PLAN_WINDOW:
    for (uint32_t i = 0; i < p->count; i++)
      if (!plan_may_match(p->children[i], read, number)) return false;
    return true;
  default:
    return true;
  }
}
