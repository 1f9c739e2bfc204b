/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A copy of one's data: every live item, as it was added. */
#include "base/error.h"
#include "indexer/found.h"

static bool is_dead(const view_segment *s, uint32_t ordinal) {
  return s->dead != NULL && roaring_bitmap_contains(s->dead, ordinal);
}

/* Items that do not open are passed over and counted: the others are still their owner's. */
static sdx_status export_segment(view_read *r, size_t number, sdx_found *f,
                                 sdx_status (*each)(void *, const sdx_item *), void *context,
                                 uint64_t *failed, sdx_error *err) {
  const view_segment *s = &r->view->segments[number];
  const uint32_t items = segment_about(s->seg)->items;
  for (uint32_t ordinal = 0; ordinal < items; ordinal++) {
    if (is_dead(s, ordinal)) continue;
    const sdx_status status = found_fill(f, r, number, ordinal, err);
    if (status == SDX_DAMAGED) {
      r->session.status = SDX_OK;
      (*failed)++;
      continue;
    }
    if (status != SDX_OK) return status;
    const sdx_status told = each(context, &f->item);
    if (told != SDX_OK) return error_set(err, told, "the receiver of the export stopped it");
  }
  return SDX_OK;
}

sdx_status sdx_export(sdx_index *index, int64_t now, sdx_status (*each)(void *, const sdx_item *),
                      void *context, sdx_error *err) {
  view_read r;
  sdx_found f = { 0 };
  uint64_t failed = 0;
  if (each == NULL) return error_no_callback(err);
  sdx_status status = index_check(index, err);
  if (status == SDX_OK) status = view_begin_at(&r, index, 0, now, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; status == SDX_OK && i < r.view->segment_count; i++)
    status = export_segment(&r, i, &f, each, context, &failed, err);
  if (status == SDX_OK && (failed > 0 || r.view->partial != 0))
    status = error_set(err, SDX_DAMAGED,
                       "some items could not be read; run verify, then sealdex-reindex --missing");
  found_clear(&f);
  view_end(&r);
  return status;
}
