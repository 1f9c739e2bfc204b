/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/built.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "query/filter.h"
#include "query/page.h"
#include "query/unit.h"

typedef enum built_kind {
  BUILT_TEXT = 1,
  BUILT_WORDS,
  BUILT_PHRASE,
  BUILT_PREFIX,
  BUILT_PATTERN,
  BUILT_FUZZY, /* the last that is text */
  BUILT_FILTER,
  BUILT_DATES,
  BUILT_SIZES,
  BUILT_EVERYTHING,
  BUILT_AND,
  BUILT_OR,
  BUILT_NOT,
  BUILT_NEAR,
  BUILT_ADJ
} built_kind;

typedef struct built_node {
  built_kind kind;
  unsigned depth;
  bool placed;             /* it has a parent */
  const tree_scope *scope; /* of words */
  const filter *filter;
  sdx_bytes text;
  int64_t low, high;
  uint32_t number; /* of edits; of words apart */
  const sdx_node *children;
  size_t count;
} built_node;

struct sdx_query {
  scratch s;
  built_node *nodes; /* number n stands at n - 1 */
  uint32_t count, room;
  size_t bytes;
  sdx_node root;
  uint64_t digest;
  sdx_error error; /* the first */
};

/* ---------------------------------------------------------------- making nodes */

sdx_status sdx_query_new(sdx_query **out, sdx_error *err) {
  if (out == NULL) return error_no_place(err);
  *out = plain_alloc(sizeof(**out));
  return *out != NULL ? SDX_OK : error_memory(err);
}

void sdx_query_free(sdx_query *q) {
  if (q == NULL) return;
  scratch_free(&q->s);
  plain_free(q);
}

static sdx_node refuse(sdx_query *q, const char *what) {
  if (q != NULL && q->error.status == SDX_OK) (void)error_set(&q->error, SDX_INVALID, "%s", what);
  return 0;
}

static sdx_node no_memory(sdx_query *q) {
  if (q->error.status == SDX_OK) (void)error_memory(&q->error);
  return 0;
}

static bool make_room(sdx_query *q) {
  if (q->count < q->room) return true;
  const uint32_t room = q->room != 0 ? 2 * q->room : 16;
  built_node *nodes = SCRATCH_MANY(&q->s, built_node, room);
  if (nodes == NULL) return false;
  if (q->count != 0) memcpy(nodes, q->nodes, q->count * sizeof(*nodes));
  q->nodes = nodes;
  q->room = room;
  return true;
}

static sdx_node add(sdx_query *q, const built_node *n) {
  if (q == NULL || q->error.status != SDX_OK) return 0;
  if (q->s.failed || !make_room(q)) return no_memory(q);
  if (q->count == BUILT_NODES_MAX) return refuse(q, "a query has at most 4096 nodes");
  q->nodes[q->count] = *n;
  return ++q->count;
}

/* A node that holds text; false after saying why. */
static bool keep_text(sdx_query *q, built_node *n, sdx_bytes text) {
  if (text.size > QUERY_BYTES_MAX - q->bytes) {
    (void)refuse(q, "a query has at most 65536 bytes of text");
    return false;
  }
  q->bytes += text.size;
  n->text = scratch_copy(&q->s, text.size != 0 ? text.data : "", text.size);
  return true;
}

static sdx_node add_words(sdx_query *q, built_kind kind, const char *field, sdx_bytes text,
                          uint32_t number) {
  built_node n = { .kind = kind, .depth = 1, .number = number };
  if (q == NULL) return 0;
  if (field != NULL && field[0] != '\0') {
    n.scope = query_scope(&q->s, field, strlen(field));
    if (n.scope == NULL)
      return q->s.failed ? no_memory(q) : refuse(q, "there is no field of this name");
  }
  if (unit_is_value(n.scope) && kind != BUILT_WORDS && kind != BUILT_PHRASE)
    return refuse(q, "this field has whole values, not words");
  return keep_text(q, &n, text) ? add(q, &n) : 0;
}

sdx_node sdx_query_text(sdx_query *q, sdx_bytes text) {
  return add_words(q, BUILT_TEXT, NULL, text, 0);
}

sdx_node sdx_query_words(sdx_query *q, const char *field, sdx_bytes text) {
  return add_words(q, BUILT_WORDS, field, text, 0);
}

sdx_node sdx_query_phrase(sdx_query *q, const char *field, sdx_bytes text) {
  return add_words(q, BUILT_PHRASE, field, text, 0);
}

sdx_node sdx_query_prefix(sdx_query *q, const char *field, sdx_bytes text) {
  return add_words(q, BUILT_PREFIX, field, text, 0);
}

sdx_node sdx_query_pattern(sdx_query *q, const char *field, sdx_bytes text) {
  return add_words(q, BUILT_PATTERN, field, text, 0);
}

sdx_node sdx_query_fuzzy(sdx_query *q, const char *field, sdx_bytes text, unsigned edits) {
  if (edits > 2) return refuse(q, "fuzzy words have at most 2 edits");
  return add_words(q, BUILT_FUZZY, field, text, edits);
}

sdx_node sdx_query_filter(sdx_query *q, const char *name, sdx_bytes value) {
  const date_context any = { .now = 0 };
  built_node n = { .kind = BUILT_FILTER, .depth = 1, .filter = filter_find(name, strlen(name)) };
  if (q == NULL) return 0;
  if (n.filter == NULL) return refuse(q, "there is no filter of this name");
  if (!keep_text(q, &n, value)) return 0;
  if (q->s.failed) return no_memory(q);
  if (filter_node(&q->s, n.filter, n.text, &any) == NULL)
    return q->s.failed ? no_memory(q) : refuse(q, "a filter does not know this value");
  return add(q, &n);
}

sdx_node sdx_query_dates(sdx_query *q, int64_t from, int64_t until) {
  const built_node n = { .kind = BUILT_DATES, .depth = 1, .low = from, .high = until };
  return add(q, &n);
}

sdx_node sdx_query_sizes(sdx_query *q, int64_t from, int64_t until) {
  const built_node n = { .kind = BUILT_SIZES, .depth = 1, .low = from, .high = until };
  return add(q, &n);
}

sdx_node sdx_query_everything(sdx_query *q) {
  const built_node n = { .kind = BUILT_EVERYTHING, .depth = 1 };
  return add(q, &n);
}

static sdx_node add_branch(sdx_query *q, built_kind kind, const sdx_node *nodes, size_t count,
                           uint32_t number) {
  if (q == NULL || q->error.status != SDX_OK) return 0;
  if (count > BUILT_NODES_MAX) return refuse(q, "a query has at most 4096 nodes");
  built_node n = { .kind = kind, .depth = 1, .number = number, .count = count };
  sdx_node *children = scratch_take(&q->s, (count + 1) * sizeof(*children));
  if (children == NULL) return no_memory(q);
  for (size_t i = 0; i < count; i++) {
    if (nodes[i] == 0 || nodes[i] > q->count) return refuse(q, "no such node of this query");
    built_node *child = &q->nodes[nodes[i] - 1];
    if (child->placed) return refuse(q, "a node stands in one place of a query");
    child->placed = true;
    if (child->depth >= n.depth) n.depth = child->depth + 1;
    children[i] = nodes[i];
  }
  if (n.depth > QUERY_DEPTH_MAX) return refuse(q, "a query is nested too deep");
  n.children = children;
  return add(q, &n);
}

sdx_node sdx_query_and(sdx_query *q, const sdx_node *nodes, size_t count) {
  return add_branch(q, BUILT_AND, nodes, count, 0);
}

sdx_node sdx_query_or(sdx_query *q, const sdx_node *nodes, size_t count) {
  return add_branch(q, BUILT_OR, nodes, count, 0);
}

sdx_node sdx_query_not(sdx_query *q, sdx_node unwanted) {
  return add_branch(q, BUILT_NOT, &unwanted, 1, 0);
}

sdx_node sdx_query_near(sdx_query *q, const sdx_node *nodes, size_t count, unsigned window,
                        bool ordered) {
  return add_branch(q, ordered ? BUILT_ADJ : BUILT_NEAR, nodes, count, window);
}

static uint64_t digest_node(uint64_t seed, const built_node *n) {
  const int64_t numbers[] = { n->kind, n->number, n->low, n->high, (int64_t)n->count };
  uint64_t h = page_digest(seed, numbers, sizeof(numbers));
  if (n->scope != NULL) h = page_digest(h, n->scope->name, strlen(n->scope->name) + 1);
  if (n->filter != NULL) {
    const char *name = filter_name(n->filter);
    h = page_digest(h, name, strlen(name) + 1);
  }
  h = page_digest(h, n->text.data, n->text.size);
  return page_digest(h, n->children, n->count * sizeof(*n->children));
}

sdx_status sdx_query_set(sdx_query *q, sdx_node root, sdx_error *err) {
  if (q == NULL) return error_set(err, SDX_INVALID, "a query is needed");
  q->root = 0;
  if (q->error.status == SDX_OK && (root == 0 || root > q->count))
    (void)refuse(q, "no such node of this query");
  if (q->error.status != SDX_OK) return error_set(err, q->error.status, "%s", q->error.message);
  q->root = root;
  q->digest = page_digest(0, &root, sizeof(root));
  for (uint32_t i = 0; i < q->count; i++) q->digest = digest_node(q->digest, &q->nodes[i]);
  return SDX_OK;
}

uint64_t built_digest(const sdx_query *built) {
  return built->digest;
}

/* ---------------------------------------------------------------- the tree */

typedef struct making {
  const sdx_query *built;
  const query_context *context;
  unit_reader read;
  bool fell_back;
} making;

static tree *make(making *m, sdx_node number);

static tree *make_text(making *m, const built_node *n) {
  query q;
  query_context context = *m->context;
  if (m->read.status != SDX_OK) return NULL;
  context.units = m->read.units;
  m->read.status = query_parse(&q, m->read.s, m->read.analyser, n->text, &context, m->read.err);
  if (m->read.status != SDX_OK) return NULL;
  m->read.units = q.units;
  m->fell_back |= q.fell_back;
  return q.root->kind != TREE_NOTHING ? q.root : NULL;
}

static tree *make_dates(making *m, const built_node *n) {
  char text[64];
  tree *t = tree_new(m->read.s, n->low >= n->high                              ? TREE_NOTHING
                                : n->low == DATE_FIRST && n->high == DATE_LAST ? TREE_ALL
                                                                               : TREE_DATE);
  if (t == NULL || t->kind != TREE_DATE) return t;
  t->low = n->low;
  t->high = n->high;
  t->number = (uint32_t)m->context->dates.utc_offset;
  int size = snprintf(text, sizeof(text), "date:");
  if (n->low != DATE_FIRST)
    size += snprintf(text + size, sizeof(text) - (size_t)size, "@%lld", (long long)n->low);
  size += snprintf(text + size, sizeof(text) - (size_t)size, "..");
  if (n->high != DATE_LAST)
    size += snprintf(text + size, sizeof(text) - (size_t)size, "@%lld", (long long)n->high - 1);
  t->typed = scratch_copy(m->read.s, text, (size_t)size);
  return t;
}

static tree *make_bound(making *m, const char *name, int64_t bytes) {
  char text[24];
  const int size = snprintf(text, sizeof(text), "%lld", (long long)bytes);
  return filter_node(m->read.s, filter_find(name, strlen(name)),
                     (sdx_bytes){ .data = text, .size = (size_t)size }, &m->context->dates);
}

#define SIZE_END INT64_C(1000000000000000) /* of what a size filter can say */

static tree *make_sizes(making *m, const built_node *n) {
  if (n->low >= n->high || n->low >= SIZE_END) return tree_new(m->read.s, TREE_NOTHING);
  tree *all = tree_new(m->read.s, TREE_AND);
  if (n->low > 0) tree_append(all, make_bound(m, "larger", n->low - 1));
  if (n->high < SIZE_END) tree_append(all, make_bound(m, "smaller", n->high));
  return all != NULL && all->first == NULL ? tree_new(m->read.s, TREE_ALL) : tree_simplify(all);
}

/* A choice of none is nothing, and must not let pass what it stands beside. */
static tree *make_branch(making *m, const built_node *n, tree_kind kind) {
  if (kind == TREE_OR && n->count == 0) return tree_new(m->read.s, TREE_NOTHING);
  tree *t = tree_new(m->read.s, kind);
  for (size_t i = 0; i < n->count; i++) tree_join(t, make(m, n->children[i]));
  return tree_simplify(t);
}

static tree *make_not(making *m, const built_node *n) {
  tree *unwanted = make(m, n->children[0]);
  tree *t = unwanted != NULL ? tree_new(m->read.s, TREE_NOT) : NULL;
  tree_append(t, unwanted);
  return t;
}

static tree *make_near(making *m, const built_node *n) {
  tree *near = tree_new(m->read.s, n->kind == BUILT_NEAR ? TREE_NEAR : TREE_ADJ);
  if (near == NULL) return NULL;
  near->number = n->number == 0                 ? QUERY_WINDOW_DEFAULT
                 : n->number > QUERY_WINDOW_MAX ? QUERY_WINDOW_MAX
                                                : n->number;
  bool words = true;
  for (size_t i = 0; i < n->count; i++) {
    tree *child = make(m, n->children[i]);
    if (child == NULL) continue;
    /* Words of one text; an AND of the caller's is none of what can stand near. */
    const bool several = child->kind == TREE_AND && !child->ngram &&
                         m->built->nodes[n->children[i] - 1].kind <= BUILT_FUZZY;
    for (tree *c = several ? child->first : child, *next; c != NULL && words; c = next) {
      next = several ? c->next : NULL;
      c->next = NULL;
      words = unit_into_near(near, c);
    }
  }
  if (!words && m->read.status == SDX_OK)
    m->read.status = error_set(m->read.err, SDX_INVALID, "NEAR and ADJ stand between words");
  return tree_simplify(near);
}

static tree *make(making *m, sdx_node number) {
  const built_node *n = &m->built->nodes[number - 1];
  switch (n->kind) {
  case BUILT_TEXT:
    return make_text(m, n);
  case BUILT_WORDS:
    return unit_literal_words(&m->read, n->text, n->scope);
  case BUILT_PHRASE:
    return unit_literal_phrase(&m->read, n->text, n->scope);
  case BUILT_PREFIX:
    return unit_prefix(&m->read, n->text, n->scope);
  case BUILT_PATTERN:
    return unit_pattern(&m->read, n->text, n->scope);
  case BUILT_FUZZY:
    return unit_fuzzy(&m->read, n->text, n->number, n->scope);
  case BUILT_FILTER:
    return filter_node(m->read.s, n->filter, n->text, &m->context->dates);
  case BUILT_DATES:
    return make_dates(m, n);
  case BUILT_SIZES:
    return make_sizes(m, n);
  case BUILT_EVERYTHING:
    return tree_new(m->read.s, TREE_ALL);
  case BUILT_AND:
    return make_branch(m, n, TREE_AND);
  case BUILT_OR:
    return make_branch(m, n, TREE_OR);
  case BUILT_NOT:
    return make_not(m, n);
  case BUILT_NEAR:
  case BUILT_ADJ:
    break;
  }
  return make_near(m, n);
}

sdx_status built_tree(query *out, scratch *s, text_analyser *analyser, const sdx_query *built,
                      const query_context *context, sdx_error *err) {
  *out = (query){ .root = NULL };
  if (built->root == 0) return error_set(err, SDX_INVALID, "the query was not set");
  making m = { .built = built,
               .context = context,
               .read = { .s = s, .analyser = analyser, .err = err } };
  out->root = make(&m, built->root);
  out->fell_back = m.fell_back || m.read.dropped;
  if (m.read.status != SDX_OK) return m.read.status;
  if (out->root == NULL) out->root = tree_new(s, TREE_NOTHING);
  return s->failed ? error_memory(err) : SDX_OK;
}
