/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding and walking terms and classes. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "segment/segment.h"

/* One of the two dictionaries. */
typedef struct dictionary {
  segment_stream leaves, top;
  uint32_t root;
  uint8_t depth;
  uint16_t top_at, top_size; /* the copy of the root in the manifest; 0: there is none */
  bool (*skip)(layout_leaf *l, const layout_context *x);
} dictionary;

static dictionary terms_of(const segment *s) {
  return (dictionary){ STREAM_TERMS, STREAM_TERM_TOP, s->manifest.term_root, s->manifest.term_depth,
                       LAYOUT_ROOTS_AT, s->manifest.term_top_size, layout_term_skip };
}

static dictionary classes_of(const segment *s) {
  return (dictionary){ STREAM_CLASSES, STREAM_CLASS_TOP, s->manifest.class_root,
                       s->manifest.class_depth,
                       (uint16_t)(LAYOUT_ROOTS_AT + s->manifest.term_top_size),
                       s->manifest.class_top_size, layout_class_skip };
}

/* The number of the leaf that holds the key, if any does; false and sticky status on failure. */
static bool find_leaf(const segment *s, segment_session *session, const dictionary *d,
                      const uint8_t *key, size_t size, uint32_t *leaf, block_ref *ref) {
  uint32_t number = d->root;
  uint8_t level = d->depth;
  if (level > 0 && d->top_size > 0) {
    const uint8_t *plain = block_get(s, session, STREAM_MANIFEST, 0, ref);
    if (plain == NULL) return false;
    if (!layout_top_find_packed(plain + d->top_at, d->top_size, key, size, &number)) {
      session_damaged(session);
      return false;
    }
    level--;
  }
  for (; level > 0; level--) {
    const uint8_t *plain = block_get(s, session, d->top, number, ref);
    if (plain == NULL) return false;
    if (!layout_top_find(plain, key, size, &number)) {
      session_damaged(session);
      return false;
    }
  }
  *leaf = number;
  return true;
}

/* Opens the leaf of a key and finds it there; SDX_NOT_FOUND leaves *l before the next greater. */
static sdx_status find(const segment *s, segment_session *session, const dictionary *d,
                       const uint8_t *key, size_t size, uint32_t *number, layout_leaf *l,
                       block_ref *ref) {
  bool exact = false;
  if (session->status != SDX_OK) return session->status;
  if (s->manifest.blocks[d->leaves] == 0 || size > LAYOUT_KEY_MAX) return SDX_NOT_FOUND;
  if (!find_leaf(s, session, d, key, size, number, ref)) return session->status;
  const uint8_t *plain = block_get(s, session, d->leaves, *number, ref);
  if (plain == NULL) return session->status;
  if (!layout_leaf_open(l, plain) ||
      !layout_leaf_find(l, key, size, d->skip, &s->manifest.context, &exact))
    return session_damaged(session);
  return exact ? SDX_OK : SDX_NOT_FOUND;
}

sdx_status dictionary_find(const segment *s, segment_session *session, const void *term, size_t size,
                           layout_term *out) {
  const dictionary d = terms_of(s);
  block_ref ref = BLOCK_REF_INIT;
  layout_leaf leaf;
  uint32_t number;
  sdx_status status = find(s, session, &d, term, size, &number, &leaf, &ref);
  if (status == SDX_OK && !layout_term_read(&leaf, &s->manifest.context, out))
    status = session_damaged(session);
  block_release(&ref);
  return status;
}

sdx_status segment_find(const segment *s, segment_session *session, const void *term, size_t size,
                        segment_term *out) {
  layout_term t;
  const sdx_status status = dictionary_find(s, session, term, size, &t);
  if (status == SDX_OK) *out = t.term;
  return status;
}

enum { KEPT_NOT_YET, KEPT_HAS, KEPT_LACKS };

bool segment_keeps_term(const segment *s, segment_session *session, const void *term, size_t size) {
  _Atomic uint8_t *kept = &((segment *)s)->kept_term;
  segment_term found;
  const uint8_t known = atomic_load_explicit(kept, memory_order_relaxed);
  if (known != KEPT_NOT_YET) return known == KEPT_HAS;
  const sdx_status status = segment_find(s, session, term, size, &found);
  if (session->status == SDX_OK)
    atomic_store_explicit(kept, status == SDX_OK ? KEPT_HAS : KEPT_LACKS, memory_order_relaxed);
  return status == SDX_OK;
}

/* ---------------------------------------------------------------- walking */

/* Walks the keys of a dictionary in order; the value comes next in `leaf` after walk_next. */
typedef struct walk {
  const segment *seg;
  segment_session *session;
  dictionary dictionary;
  block_ref ref;
  layout_leaf leaf;
  uint32_t number;
  bool ended;
  bool at_value; /* the key that was sought is here, and its value comes next */
  uint8_t key[LAYOUT_KEY_MAX];
  size_t size;
} walk;

/* Stands before the first key >= the given one. */
static sdx_status walk_begin(walk *w, const segment *s, segment_session *session, dictionary d,
                             const uint8_t *key, size_t size) {
  *w = (walk){ .seg = s, .session = session, .dictionary = d };
  if (size > LAYOUT_KEY_MAX) size = LAYOUT_KEY_MAX;
  sdx_status status = find(s, session, &d, key, size, &w->number, &w->leaf, &w->ref);
  if (s->manifest.blocks[d.leaves] == 0) w->ended = true;
  if (status != SDX_OK && status != SDX_NOT_FOUND) return status;
  if (w->ended) return SDX_OK;
  if (status == SDX_OK) {
    memcpy(w->key, key, size);
    w->size = size;
    w->at_value = true;
    return SDX_OK;
  }
  /* Keys are told by difference: begin at the restart and read up to where the search stands. */
  const uint32_t target = w->leaf.index;
  if (target >= w->leaf.count) {
    w->leaf.index = w->leaf.count;
    return SDX_OK;
  }
  if (!layout_leaf_restart(&w->leaf, target / LAYOUT_RESTART)) return session_damaged(session);
  while (w->leaf.index < target) {
    size_t shared, rest;
    const uint8_t *suffix;
    if (!layout_leaf_key(&w->leaf, &shared, &suffix, &rest) ||
        !d.skip(&w->leaf, &s->manifest.context))
      return session_damaged(session);
    const bool restart = w->leaf.index % LAYOUT_RESTART == 1;
    if (restart) memcpy(w->key, w->leaf.first, shared);
    if (!restart && shared > w->size) return session_damaged(session);
    memcpy(w->key + shared, suffix, rest);
    w->size = shared + rest;
  }
  return SDX_OK;
}

static bool walk_next(walk *w) {
  if (w->ended || w->session->status != SDX_OK) return false;
  if (w->at_value) {
    w->at_value = false;
    return true;
  }
  while (w->leaf.index >= w->leaf.count) {
    if (++w->number >= w->seg->manifest.blocks[w->dictionary.leaves]) {
      w->ended = true;
      return false;
    }
    const uint8_t *plain =
        block_get(w->seg, w->session, w->dictionary.leaves, w->number, &w->ref);
    if (plain == NULL) return false;
    if (!layout_leaf_open(&w->leaf, plain)) {
      session_damaged(w->session);
      return false;
    }
    w->size = 0;
  }
  size_t shared, rest;
  const uint8_t *suffix;
  if (layout_leaf_key(&w->leaf, &shared, &suffix, &rest)) {
    const bool restart = w->leaf.index % LAYOUT_RESTART == 1;
    if (restart && shared > 0) memcpy(w->key, w->leaf.first, shared);
    if (restart || shared <= w->size) {
      memcpy(w->key + shared, suffix, rest);
      w->size = shared + rest;
      return true;
    }
  }
  session_damaged(w->session);
  return false;
}

static void walk_end(walk *w) {
  block_release(&w->ref);
  wipe(w->key, sizeof w->key);
}

/* ---------------------------------------------------------------- terms */

struct segment_terms {
  walk walk;
  uint8_t flags;
  bool unread; /* the last name's entry was not looked at */
};

sdx_status segment_terms_open(segment_terms **out, const segment *s, segment_session *session,
                              const void *from, size_t size) {
  if (session->status != SDX_OK) return session->status;
  segment_terms *t = plain_alloc(sizeof *t);
  if (t == NULL) return session_fail(session, SDX_NO_MEMORY, "out of memory");
  const sdx_status status =
      walk_begin(&t->walk, s, session, terms_of(s), size > 0 ? from : "", size);
  if (status != SDX_OK) {
    segment_terms_close(t);
    return status;
  }
  *out = t;
  return SDX_OK;
}

bool segment_terms_step(segment_terms *t, sdx_bytes *name, uint32_t *most) {
  walk *w = &t->walk;
  if (t->unread && !layout_term_skip(&w->leaf, &w->seg->manifest.context)) {
    session_damaged(w->session);
    return false;
  }
  t->unread = walk_next(w);
  if (!t->unread) return false;
  *name = (sdx_bytes){ (const char *)w->key, w->size };
  *most = layout_term_most(&w->leaf, &w->seg->manifest.context);
  return true;
}

bool segment_terms_read(segment_terms *t, segment_term *term) {
  layout_term value;
  t->unread = false;
  if (!layout_term_read(&t->walk.leaf, &t->walk.seg->manifest.context, &value)) {
    session_damaged(t->walk.session);
    return false;
  }
  t->flags = value.flags;
  *term = value.term;
  return true;
}

bool segment_terms_next(segment_terms *t, sdx_bytes *name, segment_term *term) {
  uint32_t most;
  return segment_terms_step(t, name, &most) && (term == NULL || segment_terms_read(t, term));
}

uint8_t segment_terms_flags(const segment_terms *t) { return t->flags; }

void segment_terms_close(segment_terms *t) {
  if (t == NULL) return;
  walk_end(&t->walk);
  plain_free(t);
}

/* ---------------------------------------------------------------- classes */

static size_t class_key(uint8_t out[LAYOUT_KEY_MAX], segment_class_kind kind, uint8_t language,
                        const void *key, size_t size) {
  if (size > LAYOUT_TERM_MAX) return 0;
  out[0] = (uint8_t)kind;
  out[1] = language;
  if (size > 0) memcpy(out + 2, key, size);
  return size + 2;
}

/* Appends the members' names to `names`. */
static bool read_members(const segment *s, segment_session *session, const layout_class *c,
                         sdx_bytes key, buffer *names) {
  cursor at = cursor_over(c->members, c->size);
  buffer outside = BUFFER_INIT;
  bool ok = true;
  if (c->outside) {
    block_ref ref = BLOCK_REF_INIT;
    ok = c->size <= stream_bytes(s, STREAM_SKIPS) && buffer_reserve(&outside, c->size) &&
         stream_copy(s, session, STREAM_SKIPS, c->address, outside.data, c->size, &ref);
    if (ok) outside.size = c->size;
    block_release(&ref);
    at = cursor_over(outside.data, outside.size);
  }
  for (uint32_t i = 0; ok && i < c->about.members; i++) ok = layout_members_next(&at, key, names);
  const bool memory = outside.failed || names->failed;
  buffer_free(&outside);
  if (memory) session_fail(session, SDX_NO_MEMORY, "out of memory");
  if (!ok) session_damaged(session);
  return ok && !memory;
}

static void from_term(segment_class *c, const segment_term *t) {
  *c = (segment_class){ .df = t->df,
                        .max_wdf = t->max_wdf,
                        .min_length = t->min_length,
                        .cf = t->cf,
                        .members = 1 };
}

/* The statistics of a class of one member are the member's. `name` is a string of names. */
static bool complete(const segment *s, segment_session *session, const buffer *names, size_t from,
                     segment_class *out) {
  cursor at = cursor_over(names->data + from, names->size - from);
  segment_term term;
  size_t size;
  const uint8_t *member = cursor_get_string(&at, &size);
  const sdx_status status =
      member != NULL ? segment_find(s, session, member, size, &term) : SDX_NOT_FOUND;
  if (status == SDX_OK) from_term(out, &term);
  if (status == SDX_NOT_FOUND) session_damaged(session);
  return status == SDX_OK;
}

/* The one member of a class that is not stored because it has the key's own bytes. */
static sdx_status find_own(const segment *s, segment_session *session, segment_class_kind kind,
                           uint8_t language, const void *key, size_t size, layout_term *out) {
  if (kind == CLASS_STEM && (s->manifest.info.language_count > 1 || language != 0))
    return SDX_NOT_FOUND;
  const sdx_status status = dictionary_find(s, session, key, size, out);
  if (status != SDX_OK) return status;
  const bool own = kind == CLASS_STEM ? (out->flags & LAYOUT_OWN_STEM) != 0
                                      : (out->flags & LAYOUT_FOLDS) == 0 && out->term.cf > 0;
  return own ? SDX_OK : SDX_NOT_FOUND;
}

static sdx_status find_omitted(const segment *s, segment_session *session, segment_class_kind kind,
                               uint8_t language, const void *key, size_t size, segment_class *out,
                               buffer *names) {
  layout_term t;
  const sdx_status status = find_own(s, session, kind, language, key, size, &t);
  if (status != SDX_OK) return status;
  from_term(out, &t.term);
  buffer_put_string(names, key, size);
  return names->failed ? session_fail(session, SDX_NO_MEMORY, "out of memory") : SDX_OK;
}

sdx_status dictionary_find_class(const segment *s, segment_session *session, segment_class_kind kind,
                                 uint8_t language, const void *key, size_t size, segment_class *out,
                                 bool *as_member, buffer *names) {
  uint8_t full[LAYOUT_KEY_MAX];
  if (kind == CLASS_FOLD && !layout_folds_may_have(s->manifest.folds, key, size))
    return session->status != SDX_OK ? session->status : SDX_NOT_FOUND;
  const size_t full_size = class_key(full, kind, language, key, size);
  if (full_size == 0) return SDX_NOT_FOUND;
  const dictionary d = classes_of(s);
  block_ref ref = BLOCK_REF_INIT;
  layout_leaf leaf;
  layout_class c;
  uint32_t number;
  sdx_status status = find(s, session, &d, full, full_size, &number, &leaf, &ref);
  if (status == SDX_OK) {
    if (!layout_class_read(&leaf, &s->manifest.context, &c)) {
      status = session_damaged(session);
    } else if (!read_members(s, session, &c, (sdx_bytes){ key, size }, names)) {
      status = session->status;
    } else {
      *out = c.about;
      *as_member = c.as_member;
    }
  }
  block_release(&ref);
  wipe(full, sizeof full);
  return status;
}

sdx_status segment_find_class(const segment *s, segment_session *session, segment_class_kind kind,
                              uint8_t language, const void *key, size_t size, segment_class *out,
                              buffer *names) {
  const size_t from = names->size;
  bool as_member = false;
  sdx_status status =
      dictionary_find_class(s, session, kind, language, key, size, out, &as_member, names);
  if (status == SDX_OK && as_member && !complete(s, session, names, from, out))
    status = session->status;
  if (status == SDX_NOT_FOUND) status = find_omitted(s, session, kind, language, key, size, out, names);
  return status;
}

/* ---------------------------------------------------------------- leaves */

static bool leaf_of(const segment *s, segment_session *session, const dictionary *d,
                    const uint8_t *key, size_t size, uint32_t *leaf) {
  block_ref ref = BLOCK_REF_INIT;
  if (session->status != SDX_OK || s->manifest.blocks[d->leaves] == 0 || size > LAYOUT_KEY_MAX)
    return false;
  const bool found = find_leaf(s, session, d, key, size, leaf, &ref);
  block_release(&ref);
  return found;
}

bool dictionary_term_leaf(const segment *s, segment_session *session, const void *term, size_t size,
                          uint32_t *leaf) {
  const dictionary d = terms_of(s);
  return leaf_of(s, session, &d, term, size, leaf);
}

bool dictionary_class_leaf(const segment *s, segment_session *session, segment_class_kind kind,
                           uint8_t language, const void *key, size_t size, uint32_t *leaf) {
  uint8_t full[LAYOUT_KEY_MAX];
  const dictionary d = classes_of(s);
  const size_t full_size = class_key(full, kind, language, key, size);
  const bool found = full_size > 0 && leaf_of(s, session, &d, full, full_size, leaf);
  wipe(full, sizeof full);
  return found;
}

/* ---------------------------------------------------------------- members */

#define MEMBER_STEPS 16 /* of a walk from one member to the next, before it is looked up instead */

/* Walks on to a name that stands above; false where it is too far, or not there. */
static bool walk_to(walk *w, sdx_bytes name) {
  for (unsigned i = 0; i < MEMBER_STEPS && walk_next(w); i++) {
    const size_t shorter = w->size < name.size ? w->size : name.size;
    const int order = memcmp(w->key, name.data, shorter);
    if (order == 0 && w->size == name.size) return true;
    if (order > 0 || (order == 0 && w->size > name.size)) return false;
    if (!w->dictionary.skip(&w->leaf, &w->seg->manifest.context)) {
      session_damaged(w->session);
      return false;
    }
  }
  return false;
}

/* The entries of the members named. They stand near each other, mostly with few terms between, so
 * walking costs less than looking each up. */
static sdx_status give_members(const segment *s, segment_session *session, const buffer *names,
                               segment_member each, void *context) {
  cursor at = cursor_over(names->data, names->size);
  walk w = { .ended = true };
  sdx_status status = SDX_OK;
  while (cursor_left(&at) > 0 && status == SDX_OK) {
    sdx_bytes name = { NULL, 0 };
    layout_term value;
    name.data = (const char *)cursor_get_string(&at, &name.size);
    if (w.ended || !walk_to(&w, name)) {
      walk_end(&w);
      status = walk_begin(&w, s, session, terms_of(s), (const uint8_t *)name.data, name.size);
      if (status == SDX_OK && (!w.at_value || !walk_next(&w))) status = session_damaged(session);
      if (status != SDX_OK) break;
    }
    if (!layout_term_read(&w.leaf, &s->manifest.context, &value)) status = session_damaged(session);
    else if (!each(context, name, &value.term)) break;
  }
  walk_end(&w);
  return session->status != SDX_OK ? session->status : status;
}

static sdx_status give_omitted(const segment *s, segment_session *session, segment_class_kind kind,
                               uint8_t language, sdx_bytes key, segment_class *out,
                               segment_member each, void *context) {
  layout_term t;
  const sdx_status status = find_own(s, session, kind, language, key.data, key.size, &t);
  if (status != SDX_OK) return status;
  from_term(out, &t.term);
  (void)each(context, key, &t.term);
  return SDX_OK;
}

sdx_status segment_class_members(const segment *s, segment_session *session, segment_class_kind kind,
                                 uint8_t language, const void *key, size_t size, bool stored,
                                 segment_class *out, buffer *names, segment_member each,
                                 void *context) {
  bool as_member = false;
  buffer_reset(names);
  sdx_status status =
      dictionary_find_class(s, session, kind, language, key, size, out, &as_member, names);
  if (status == SDX_NOT_FOUND && !stored)
    return give_omitted(s, session, kind, language, (sdx_bytes){ key, size }, out, each, context);
  if (status != SDX_OK) return status;
  if (!as_member) return give_members(s, session, names, each, context);
  cursor at = cursor_over(names->data, names->size);
  sdx_bytes name;
  segment_term term;
  name.data = (const char *)cursor_get_string(&at, &name.size);
  status = segment_find(s, session, name.data, name.size, &term);
  if (status == SDX_NOT_FOUND) return session_damaged(session);
  if (status != SDX_OK) return status;
  from_term(out, &term);
  (void)each(context, name, &term);
  return SDX_OK;
}

struct segment_classes {
  walk walk;
  bool as_member;
};

sdx_status segment_classes_open(segment_classes **out, const segment *s, segment_session *session,
                                segment_class_kind kind, uint8_t language, const void *from,
                                size_t size) {
  uint8_t full[LAYOUT_KEY_MAX];
  if (session->status != SDX_OK) return session->status;
  segment_classes *c = plain_alloc(sizeof *c);
  if (c == NULL) return session_fail(session, SDX_NO_MEMORY, "out of memory");
  if (size > LAYOUT_TERM_MAX) size = LAYOUT_TERM_MAX;
  const size_t full_size = class_key(full, kind, language, from, size);
  const sdx_status status = walk_begin(&c->walk, s, session, classes_of(s), full, full_size);
  wipe(full, sizeof full);
  if (status != SDX_OK) {
    segment_classes_close(c);
    return status;
  }
  *out = c;
  return SDX_OK;
}

bool segment_classes_next_bare(segment_classes *c, segment_class_kind *kind, uint8_t *language,
                               sdx_bytes *key, segment_class *cls, buffer *names) {
  walk *w = &c->walk;
  layout_class value;
  if (!walk_next(w)) return false;
  if (w->size < 2 || w->key[0] > CLASS_STEM || w->key[1] >= SEGMENT_LANGUAGES ||
      !layout_class_read(&w->leaf, &w->seg->manifest.context, &value)) {
    session_damaged(w->session);
    return false;
  }
  *kind = (segment_class_kind)w->key[0];
  *language = w->key[1];
  *key = (sdx_bytes){ (const char *)w->key + 2, w->size - 2 };
  *cls = value.about;
  c->as_member = value.as_member;
  return names == NULL || read_members(w->seg, w->session, &value, *key, names);
}

bool segment_classes_next(segment_classes *c, segment_class_kind *kind, uint8_t *language,
                          sdx_bytes *key, segment_class *cls, buffer *names) {
  buffer own = BUFFER_INIT;
  buffer *to = names != NULL ? names : &own;
  const size_t from = to->size;
  bool ok = segment_classes_next_bare(c, kind, language, key, cls, to);
  if (ok && c->as_member) ok = complete(c->walk.seg, c->walk.session, to, from, cls);
  buffer_free(&own);
  return ok;
}

bool segment_classes_as_member(const segment_classes *c) { return c->as_member; }

void segment_classes_close(segment_classes *c) {
  if (c == NULL) return;
  walk_end(&c->walk);
  plain_free(c);
}
