/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * damage.h - which segments cannot be relied on: every block of every segment is opened.
 */
#ifndef SEALDEX_INDEXER_REBUILD_DAMAGE_H
#define SEALDEX_INDEXER_REBUILD_DAMAGE_H

#include "index/view.h"

typedef struct damage {
  holder_id *segments; /* that break an invariant, or do not open, or have no key */
  size_t count;
} damage;

sdx_status damage_find(damage *out, sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;
bool damage_has(const damage *d, holder_id id);
void damage_free(damage *d);

#endif
