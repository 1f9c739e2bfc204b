/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/filtered.h"

#include "query/occurs.h"

/* Narrows it to what the plan matches; false where it is of another kind. */
static bool narrow(filtered *f, view_read *read, size_t number, const plan *p) {
  const segment *seg = read->view->segments[number].seg;
  if (p->kind == PLAN_ATTRIBUTE && !p->ordered && f->among == NULL) {
    const plan_values v = plan_values_of(p, read, number);
    f->among = v.first;
    if (v.first == NULL) f->high = 0;
    return !v.several;
  }
  if (p->kind != PLAN_DATE || occurs_any(seg, &read->session)) return p->kind == PLAN_ALL;
  const uint32_t items = segment_about(seg)->items;
  const uint32_t low = p->high == DATE_LAST ? 0 : segment_date_bound(seg, &read->session, p->high);
  const uint32_t high =
      p->low == DATE_FIRST ? items : segment_date_bound(seg, &read->session, p->low);
  if (low > f->low) f->low = low;
  if (high < f->high) f->high = high;
  return true;
}

static bool is_filter(const plan *p) {
  return p->kind == PLAN_ATTRIBUTE || p->kind == PLAN_DATE || p->kind == PLAN_ALL;
}

static bool are_filters(const plan *p) {
  if (p->kind != PLAN_AND) return is_filter(p);
  for (uint32_t i = 0; i < p->count; i++)
    if (!is_filter(p->children[i])) return false;
  return true;
}

bool filtered_open(filtered *f, view_read *read, size_t number, const plan *p) {
  if (!are_filters(p)) return false;
  const view_segment *v = &read->view->segments[number];
  f->among = NULL;
  f->low = 0;
  f->high = f->items = segment_about(v->seg)->items;
  f->dead = v->live < f->high ? v->dead : NULL;
  if (p->kind != PLAN_AND && !narrow(f, read, number, p)) return false;
  for (uint32_t i = 0; p->kind == PLAN_AND && i < p->count && f->low < f->high; i++)
    if (!narrow(f, read, number, p->children[i])) return false;
  if (f->high < f->low) f->high = f->low;
  f->next = f->low;
  if (f->among == NULL) return true;
  roaring_init_iterator(f->among, &f->at);
  if (f->low > 0) (void)roaring_move_uint32_iterator_equalorlarger(&f->at, f->low);
  return true;
}

uint64_t filtered_count(const filtered *f) {
  if (f->low >= f->high) return 0;
  if (f->among == NULL) return f->high - f->low;
  if (f->low == 0 && f->high == f->items) return roaring_bitmap_get_cardinality(f->among);
  return roaring_bitmap_range_cardinality(f->among, f->low, f->high);
}

static uint32_t next(filtered *f) {
  if (f->among == NULL) return f->next < f->high ? f->next++ : SEGMENT_END;
  if (!f->at.has_value || f->at.current_value >= f->high) return SEGMENT_END;
  const uint32_t found = f->at.current_value;
  (void)roaring_advance_uint32_iterator(&f->at);
  return found;
}

uint32_t filtered_next(filtered *f, uint32_t *ordinals, uint32_t most) {
  uint32_t count = 0, found;
  while (count < most && (found = next(f)) != SEGMENT_END)
    if (f->dead == NULL || !roaring_bitmap_contains(f->dead, found)) ordinals[count++] = found;
  return count;
}
