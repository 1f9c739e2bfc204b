/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/rebuild/compare.h"

#include "base/error.h"
#include "indexer/attribute.h"
#include "indexer/rebuild/seen_set.h"

/* ------------------------------------------------------------------ one item */

/* The item is there and live: does it differ? */
static comparison differ(reindexing *r, const place *p, const sdx_item *item, const item_work *work,
                         const char **reason) {
  const builder_item *b = &work->built;
  *reason = "its content differs";
  if (p->content != work->content) return COMPARE_STALE;
  *reason = "its expiry differs";
  if (p->expires != b->expires) return COMPARE_STALE;
  *reason = "its folders, flags and labels were lost to damage";
  if (p->attributes == 0 && work->attributes != 0) return COMPARE_MISSING;
  *reason = "its folders, flags or labels differ";
  if (p->attributes != work->attributes &&
      !attribute_is(r->index, item->id, b->attributes, b->attribute_count, r->now))
    return COMPARE_STALE;
  return COMPARE_SYNCED;
}

sdx_status compare_item(reindexing *r, const damage *d, const sdx_item *item, const item_work *work,
                        comparison *out, const char **reason, sdx_error *err) {
  store_txn *t = NULL;
  place p;
  *out = COMPARE_MISSING;
  sdx_status status = store_read_begin(r->index->store, &t, err);
  if (status != SDX_OK) return status;
  status = place_get(t, r->index->table_key, work->blind, &p, err);
  const bool known = status == SDX_OK;
  if (known) status = holder_published(t, p.holder, NULL, err);
  store_read_end(t);
  if (!known) *reason = "the index does not have it";
  if (!known && status == SDX_DAMAGED) *reason = "its row of \"ids\" is damaged";
  if (!known) return status == SDX_NOT_FOUND || status == SDX_DAMAGED ? SDX_OK : status;
  const bool lost = status == SDX_NOT_FOUND;
  if (status != SDX_OK && !lost) return status;
  if (place_dead(&p, r->now) && p.due > r->now) {
    *out = COMPARE_HIDDEN;
    *reason = "it is deleted in the index";
  } else if (lost) {
    *reason = "it was lost to a purge or to damage";
  } else if (place_dead(&p, r->now)) {
    *reason = "the index does not have it any more";
  } else if (damage_has(d, p.holder)) {
    *reason = "its segment is damaged";
  } else {
    *out = differ(r, &p, item, work, reason);
  }
  return SDX_OK;
}

/* ------------------------------------------------------------------ all of them */

typedef struct comparing {
  reindexing *r;
  damage damage;
  seen_set seen;
} comparing;

static sdx_status take(void *context, const sdx_item *item, item_work *work, sdx_error *err) {
  static const sdx_finding findings[] = { [COMPARE_MISSING] = SDX_FINDING_MISSING,
                                          [COMPARE_STALE] = SDX_FINDING_STALE,
                                          [COMPARE_HIDDEN] = SDX_FINDING_HIDDEN };
  comparing *c = context;
  comparison found;
  const char *reason;
  if (!seen_set_add(&c->seen, work->blind)) return error_memory(err);
  const sdx_status status = compare_item(c->r, &c->damage, item, work, &found, &reason, err);
  if (status != SDX_OK) return status;
  if (found == COMPARE_SYNCED)
    c->r->report->synced++;
  else
    reindexing_tell(c->r, findings[found], item->id, reason);
  return SDX_OK;
}

static bool is_dead(const view_segment *s, uint32_t ordinal) {
  return s->dead != NULL && roaring_bitmap_contains(s->dead, ordinal);
}

static sdx_status find_extra(comparing *c, view_read *v, const view_segment *s, sdx_error *err) {
  const uint32_t items = segment_about(s->seg)->items;
  block_ref hold = BLOCK_REF_INIT;
  sdx_status status = SDX_OK;
  for (uint32_t i = 0; i < items && status == SDX_OK; i++) {
    segment_item item;
    uint8_t blind[BLIND_SIZE];
    if (is_dead(s, i)) continue;
    status = segment_item_get(s->seg, &v->session, i, &item, &hold);
    if (status ==
        SDX_DAMAGED) { /* that its segment is damaged stands with the items of the source */
      v->session.status = status = SDX_OK;
      continue;
    }
    if (status != SDX_OK) break;
    place_blind(blind, c->r->index->id_key, item.id);
    if (!seen_set_has(&c->seen, blind))
      reindexing_tell(c->r, SDX_FINDING_EXTRA, item.id, "the source does not have it");
  }
  block_release(&hold);
  return status != SDX_OK ? error_set(err, status, "the items of a segment could not be read")
                          : status;
}

static sdx_status find_extras(comparing *c, sdx_error *err) {
  view_read v;
  sdx_status status = view_begin_at(&v, c->r->index, 0, c->r->now, err);
  if (status != SDX_OK) return status;
  for (size_t i = 0; i < v.view->segment_count && status == SDX_OK; i++)
    status = find_extra(c, &v, &v.view->segments[i], err);
  view_end(&v);
  return status;
}

sdx_status compare_run(reindexing *r, sdx_error *err) {
  comparing c = { .r = r };
  sdx_status status = damage_find(&c.damage, r->index, r->now, err);
  if (status == SDX_OK) status = reindexing_walk(r, take, &c, err);
  if (status == SDX_OK) status = find_extras(&c, err);
  damage_free(&c.damage);
  seen_set_free(&c.seen);
  return status;
}
