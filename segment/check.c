/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verifying a segment: that every block opens, and that what the structures say of each other is true.
 * A part that is damaged ends its own check alone; the others go on.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"
#include "segment/builder.h"
#include "segment/segment.h"

#define NONE UINT32_MAX

typedef struct check_job {
  const segment *seg;
  segment_session session; /* of the part at hand */
  const segment_info *info;
  void (*report)(void *context, const char *line);
  void *context;
  uint64_t problems;
  sdx_status status;       /* what ended the check: anything but damage */
  uint32_t *lengths;
  uint8_t *languages; /* of items */
  uint32_t *sums;     /* wdf by ordinal, zero between classes */
  uint32_t *touched;
} check_job;

static void problem(check_job *j, const char *format, ...) SDX_PRINTF(2, 3);
static void problem(check_job *j, const char *format, ...) {
  char line[160];
  va_list args;
  j->problems++;
  if (j->report == NULL) return;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  j->report(j->context, line);
}

/* Whether reading failed by damage, so that the next thing can be read afresh. Other failures (memory,
 * the system) say nothing about the segment: they end the check. */
static bool broke(check_job *j) {
  const sdx_status status = j->session.status;
  if (status != SDX_OK && status != SDX_DAMAGED && j->status == SDX_OK) j->status = status;
  if (j->status == SDX_OK) j->session.status = SDX_OK; /* else nothing more is read */
  return status == SDX_DAMAGED;
}

/* Ends a part: what broke it counts once. */
static void end_part(check_job *j, const char *part) {
  if (broke(j)) problem(j, "%s: damaged", part);
}

static const char *const stream_names[STREAM_COUNT] = {
  "manifest", "items",    "item index",  "lengths",  "dates", "sizes",     "threads", "terms",
  "term index", "classes", "class index", "postings", "skips", "positions", "stored",  "attributes",
};

#define GONE_MAX 1024 /* blocks in a row that do not open: what stands behind them is not asked for */

static void check_stream(check_job *j, segment_stream stream) {
  uint32_t gone = 0;
  for (uint32_t i = 0; i < j->seg->manifest.blocks[stream]; i++) {
    block_ref ref = BLOCK_REF_INIT;
    (void)block_get(j->seg, &j->session, stream, i, &ref);
    block_release(&ref);
    if (!broke(j)) {
      gone = 0;
      continue;
    }
    problem(j, "%s: block %" PRIu32 " does not open", stream_names[stream], i);
    if (++gone < GONE_MAX) continue;
    problem(j, "%s: nor do those behind it", stream_names[stream]);
    return;
  }
}

/* A damaged manifest may promise any number of blocks, so their sum is held against its own first. */
static void check_blocks(check_job *j) {
  uint64_t total = 0;
  for (uint32_t stream = 0; stream < STREAM_ATTRIBUTES; stream++)
    total += j->seg->manifest.blocks[stream];
  if (total != j->info->blocks) {
    problem(j, "manifest: the sum of blocks is wrong");
    return;
  }
  for (uint32_t stream = 0; stream < STREAM_ATTRIBUTES; stream++)
    check_stream(j, (segment_stream)stream);
}

/* ---------------------------------------------------------------- items */

static void check_stored(check_job *j, uint32_t ordinal, const segment_item *item) {
  buffer text = BUFFER_INIT;
  (void)!segment_text_get(j->seg, &j->session, item, &text);
  if (broke(j)) problem(j, "stored: the text of item %" PRIu32 " does not open", ordinal);
  buffer_reset(&text);
  (void)!segment_payload_get(j->seg, &j->session, item, &text);
  if (broke(j)) problem(j, "stored: the payload of item %" PRIu32 " does not open", ordinal);
  buffer_free(&text);
}

static void check_items(check_job *j) {
  block_ref hold = BLOCK_REF_INIT, length = BLOCK_REF_INIT, date = BLOCK_REF_INIT, size = BLOCK_REF_INIT;
  uint64_t lengths = 0, text_bytes = 0;
  uint32_t min_length = UINT32_MAX;
  int64_t before = INT64_MAX;
  for (uint32_t i = 0; i < j->info->items; i++) {
    segment_item item;
    layout_item raw;
    if (segment_item_get(j->seg, &j->session, i, &item, &hold) != SDX_OK ||
        items_read(j->seg, &j->session, i, &raw, &hold) != SDX_OK) {
      if (broke(j)) problem(j, "items: item %" PRIu32 " cannot be read", i);
      if (j->status != SDX_OK) break;
      continue;
    }
    j->lengths[i] = item.length;
    j->languages[i] = item.language;
    lengths += item.length;
    text_bytes += raw.text_bytes;
    if (item.length < min_length) min_length = item.length;
    if (item.kind < SDX_MESSAGE || item.kind > SDX_DOCUMENT)
      problem(j, "items: item %" PRIu32 " has no known kind", i);
    if (item.date > before) problem(j, "items: item %" PRIu32 " is newer than the one before", i);
    if (i > 0 && segment_is_older(j->seg, &j->session, i, &length) != (item.date < before))
      problem(j, "lengths: whether item %" PRIu32 " is older than the one before is wrong", i);
    before = item.date;
    if (segment_length_at(j->seg, &j->session, i, &length) != item.length ||
        segment_date_at(j->seg, &j->session, i, &date) != item.date ||
        segment_size_at(j->seg, &j->session, i, &size) != item.size)
      problem(j, "items: columns differ from item %" PRIu32, i);
    if ((i == 0 && item.date != j->info->newest) ||
        (i + 1 == j->info->items && item.date != j->info->oldest))
      problem(j, "manifest: the range of dates is wrong");
    check_stored(j, i, &item);
  }
  end_part(j, "items");
  if (j->status != SDX_OK) goto out;
  if (lengths != j->info->length || text_bytes != j->info->text_bytes ||
      (j->info->items > 0 && min_length != j->info->min_length))
    problem(j, "manifest: a sum over items is wrong");
out:
  block_release(&hold);
  block_release(&length);
  block_release(&date);
  block_release(&size);
}

/* ---------------------------------------------------------------- terms */

/* What the skip header says of the block at hand. */
static void check_bounds(check_job *j, postings *p, uint32_t number) {
  postings_bound bound;
  if (p->df <= POSTINGS_BLOCK) return;
  if (!postings_bounds(p, p->ordinals[0], &bound)) {
    problem(j, "skips: term %" PRIu32 " block %" PRIu32 " is not found", number, p->block);
    return;
  }
  bool ok = bound.last == p->ordinals[p->count - 1];
  for (uint32_t i = 0; ok && i < p->count; i++) {
    ok = false;
    for (unsigned pair = 0; !ok && pair < POSTINGS_PAIRS; pair++)
      ok = p->wdfs[i] <= bound.wdfs[pair] && j->lengths[p->ordinals[i]] >= bound.lengths[pair];
  }
  if (!ok)
    problem(j, "skips: term %" PRIu32 " block %" PRIu32 " has wrong bounds", number, p->block);
}

static void check_postings(check_job *j, const segment_term *term, uint32_t number) {
  postings p;
  uint32_t df = 0, most = 0, least = UINT32_MAX, before = NONE;
  uint64_t cf = 0, placed = 0;
  postings_open(&p, j->seg, &j->session, term);
  while (postings_next(&p)) {
    check_bounds(j, &p, number);
    for (uint32_t i = 0; i < p.count; i++) {
      uint32_t count;
      const uint32_t ordinal = p.ordinals[i];
      if (before != NONE && ordinal <= before)
        problem(j, "postings: term %" PRIu32 " does not ascend", number);
      before = ordinal;
      if (p.wdfs[i] > most) most = p.wdfs[i];
      if (j->lengths[ordinal] < least) least = j->lengths[ordinal];
      cf += p.wdfs[i];
      const uint32_t *at = postings_positions(&p, i, &count);
      placed += count;
      for (uint32_t k = 1; k < count; k++)
        if (at[k] <= at[k - 1]) problem(j, "positions: term %" PRIu32 " does not ascend", number);
      df++;
    }
  }
  postings_close(&p);
  if (j->session.status != SDX_OK) {
    if (broke(j)) problem(j, "postings: term %" PRIu32 " cannot be read", number);
  } else if (df != term->df || cf != term->cf || most > term->max_wdf || least < term->min_length ||
             (placed > 0) != term->has_positions) {
    problem(j, "terms: the statistics of term %" PRIu32 " are wrong", number);
  }
}

static bool ascends(check_job *j, buffer *before, sdx_bytes name) {
  const size_t least = before->size < name.size ? before->size : name.size;
  const int c = least > 0 ? memcmp(before->data, name.data, least) : 0;
  const bool ok = c < 0 || (c == 0 && before->size < name.size);
  buffer_reset(before);
  buffer_put(before, name.data, name.size);
  if (before->failed) session_fail(&j->session, SDX_NO_MEMORY, "out of memory");
  return ok || before->failed;
}

static void check_terms(check_job *j) {
  segment_terms *walk;
  segment_term term;
  sdx_bytes name;
  buffer before = BUFFER_INIT;
  uint32_t number = 0;
  if (segment_terms_open(&walk, j->seg, &j->session, "", 0) == SDX_OK) {
    for (; segment_terms_next(walk, &name, &term); number++) {
      layout_term found;
      if (!ascends(j, &before, name)) problem(j, "terms: term %" PRIu32 " does not ascend", number);
      if (dictionary_find(j->seg, &j->session, name.data, name.size, &found) == SDX_NOT_FOUND ||
          (j->session.status == SDX_OK && found.term.df != term.df) || broke(j))
        problem(j, "terms: term %" PRIu32 " is not found", number);
      check_postings(j, &term, number);
    }
    segment_terms_close(walk);
  }
  if (j->session.status == SDX_OK && number != j->info->terms)
    problem(j, "manifest: the number of terms is wrong");
  buffer_free(&before);
  end_part(j, "terms");
}

/* ---------------------------------------------------------------- classes */

/* Adds a member's postings to the sums; false where there is no such term. */
static bool sum_member(check_job *j, segment_class_kind kind, uint8_t language, sdx_bytes name,
                       segment_class *about) {
  segment_term term;
  postings p;
  if (segment_find(j->seg, &j->session, name.data, name.size, &term) != SDX_OK) return false;
  postings_open(&p, j->seg, &j->session, &term);
  while (postings_next(&p))
    for (uint32_t i = 0; i < p.count; i++) {
      const uint32_t o = p.ordinals[i];
      if (p.wdfs[i] == 0 || (kind == CLASS_STEM && j->languages[o] != language)) continue;
      if (j->sums[o] == 0) j->touched[about->df++] = o;
      j->sums[o] += p.wdfs[i];
      about->cf += p.wdfs[i];
    }
  postings_close(&p);
  return true;
}

static void check_class(check_job *j, segment_class_kind kind, uint8_t language,
                        const segment_class *cls, const buffer *names, uint32_t number) {
  segment_class sum = { .min_length = UINT32_MAX };
  cursor at = cursor_over(names->data, names->size);
  buffer before = BUFFER_INIT;
  bool ok = true;
  for (uint32_t i = 0; i < cls->members; i++) {
    sdx_bytes name;
    name.data = (const char *)cursor_get_string(&at, &name.size);
    if (name.data == NULL || !ascends(j, &before, name) || !sum_member(j, kind, language, name, &sum)) {
      ok = false;
      break;
    }
  }
  for (uint32_t i = 0; i < sum.df; i++) {
    const uint32_t o = j->touched[i];
    if (j->sums[o] > sum.max_wdf) sum.max_wdf = j->sums[o];
    if (j->lengths[o] < sum.min_length) sum.min_length = j->lengths[o];
    j->sums[o] = 0;
  }
  buffer_free(&before);
  if (j->session.status != SDX_OK) return; /* told by who called */
  if (!ok) problem(j, "classes: the members of class %" PRIu32 " are wrong", number);
  if (ok && (sum.df != cls->df || sum.cf != cls->cf || sum.max_wdf > cls->max_wdf ||
             sum.min_length < cls->min_length))
    problem(j, "classes: the statistics of class %" PRIu32 " are wrong", number);
}

static void check_classes(check_job *j) {
  segment_classes *walk;
  segment_class_kind kind;
  uint8_t language;
  sdx_bytes key;
  segment_class cls;
  buffer names = BUFFER_INIT, before = BUFFER_INIT, full = BUFFER_INIT;
  uint32_t number = 0;
  if (segment_classes_open(&walk, j->seg, &j->session, CLASS_FOLD, 0, "", 0) == SDX_OK) {
    for (; segment_classes_next(walk, &kind, &language, &key, &cls, &names); number++) {
      buffer_reset(&full);
      buffer_put_u8(&full, (uint8_t)kind);
      buffer_put_u8(&full, language);
      buffer_put(&full, key.data, key.size);
      if (full.failed) session_fail(&j->session, SDX_NO_MEMORY, "out of memory");
      if (!full.failed && !ascends(j, &before, (sdx_bytes){ (const char *)full.data, full.size }))
        problem(j, "classes: class %" PRIu32 " does not ascend", number);
      if (kind == CLASS_FOLD && !layout_folds_may_have(j->seg->manifest.folds, key.data, key.size))
        problem(j, "manifest: class %" PRIu32 " is not among the folds", number);
      check_class(j, kind, language, &cls, &names, number);
      buffer_reset(&names);
    }
    segment_classes_close(walk);
  }
  if (j->session.status == SDX_OK && number != j->info->classes)
    problem(j, "manifest: the number of classes is wrong");
  buffer_free(&names);
  buffer_free(&before);
  buffer_free(&full);
  end_part(j, "classes");
}

/* The manifest's copy of a root is what stands in the stream. */
static void check_root(check_job *j, segment_stream stream, uint32_t root, size_t at, size_t size) {
  uint8_t packed[LAYOUT_ROOT_MAX];
  block_ref block = BLOCK_REF_INIT, manifest = BLOCK_REF_INIT;
  if (size == 0) return;
  const uint8_t *plain = block_get(j->seg, &j->session, stream, root, &block);
  const uint8_t *copy = block_get(j->seg, &j->session, STREAM_MANIFEST, 0, &manifest);
  if (plain != NULL && copy != NULL &&
      (layout_top_pack(packed, plain) != size || memcmp(packed, copy + at, size) != 0))
    problem(j, "manifest: the root of %s is another", stream_names[stream]);
  block_release(&block);
  block_release(&manifest);
  wipe(packed, sizeof packed);
}

/* And so is its copy of the item index. */
static void check_counts(check_job *j) {
  const segment *s = j->seg;
  block_ref ref = BLOCK_REF_INIT;
  bool same = true;
  for (uint32_t i = 0; i < s->manifest.item_counts_size && same; i++) {
    uint8_t first[4];
    if (!stream_copy(s, &j->session, STREAM_ITEM_TOP, 4 * (uint64_t)i, first, sizeof first, &ref)) break;
    same = layout_load32(first) == s->firsts[i];
  }
  if (!same) problem(j, "manifest: the item index is another");
  block_release(&ref);
}

static void check_roots(check_job *j) {
  const layout_manifest *m = &j->seg->manifest;
  check_root(j, STREAM_TERM_TOP, m->term_root, LAYOUT_ROOTS_AT, m->term_top_size);
  check_root(j, STREAM_CLASS_TOP, m->class_root, LAYOUT_ROOTS_AT + (size_t)m->term_top_size,
             m->class_top_size);
  check_counts(j);
  end_part(j, "manifest");
}

sdx_status segment_check(const segment *s, segment_session *session,
                         void (*report)(void *context, const char *line), void *context,
                         uint64_t *problems, sdx_error *err) {
  const segment_info *info = segment_about(s);
  check_job j = { .seg = s,
                  .session = { .context = session->context },
                  .info = info,
                  .report = report,
                  .context = context };
  const size_t n = (size_t)info->items + 1;
  sdx_status status = SDX_OK;
  *problems = 0;
  /* A damaged manifest may promise anything: an item takes bytes in its columns. */
  if ((uint64_t)s->manifest.blocks[STREAM_LENGTHS] * (BLOCK_PLAIN / 2) < info->items) {
    problem(&j, "manifest: there are fewer items than it says");
    *problems = j.problems;
    return SDX_OK;
  }
  j.lengths = plain_array(n, sizeof *j.lengths);
  j.languages = plain_array(n, 1);
  j.sums = plain_array(n, sizeof *j.sums);
  j.touched = plain_array(n, sizeof *j.touched);
  if (j.lengths == NULL || j.languages == NULL || j.sums == NULL || j.touched == NULL) {
    status = error_memory(err);
    goto out;
  }
  check_blocks(&j);
  check_roots(&j);
  check_items(&j);
  check_terms(&j);
  check_classes(&j);
  if (j.status != SDX_OK) status = error_set(err, j.status, "a segment could not be read to its end");
  session->blocks_opened += j.session.blocks_opened;
  session->blocks_hit += j.session.blocks_hit;
out:
  plain_free(j.lengths);
  plain_free(j.languages);
  plain_free(j.sums);
  plain_free(j.touched);
  *problems = j.problems;
  return status;
}
