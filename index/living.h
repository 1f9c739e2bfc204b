/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * living.h - the places of all living items, by the table `ids`.
 *
 * Pictures take the dead from `due`, which is short. Where a row of that does not open, nobody
 * knows which version it calls dead; then a picture asks the other way round: what no row of `ids`
 * points at is dead.
 */
#ifndef SEALDEX_INDEX_LIVING_H
#define SEALDEX_INDEX_LIVING_H

#include "index/place.h"

typedef struct living_place {
  holder_id holder;
  uint32_t ordinal;
} living_place;

typedef struct living {
  living_place *places; /* by holder and ordinal */
  size_t count;
  int64_t valid_from, valid_until; /* nothing expires within */
} living;

/* Rows that do not open are left out. Free *out with living_free, which takes NULL. */
sdx_status living_load(living **out, store_txn *t, const secret *table_key, int64_t now,
                       sdx_error *err) SDX_CHECK;
void living_free(living *l);
/* The places of one holder, ascending. */
const living_place *living_of(const living *l, holder_id holder, size_t *count);

#endif
