/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * address.h - whom somebody may mean who types the beginning of an address or of a name.
 */
#ifndef SEALDEX_QUERY_ADDRESS_H
#define SEALDEX_QUERY_ADDRESS_H

#include "query/candidates.h"
#include "query/clock.h"
#include "query/tree.h"

/* True where the field holds addresses. */
bool address_scope(const tree_scope *scope);
/* Adds the addresses in the scope's fields that begin with `typed` (folded), or whose name has a word that
 * does, scored by how frequent and recent they are at `now`. Senders are all looked at; of the much
 * more numerous others the names in some hundred items, mostly the newest, where text is stored. */
void address_find(candidates *into, scratch *s, view_read *read, text_analyser *analyser,
                  const tree_scope *scope, sdx_bytes typed, int64_t now,
                  const query_clock *clock);
/* How the candidate's newest item writes the name that belongs to the address; empty where it does not, or
 * its text is not stored. */
sdx_bytes address_name(scratch *s, view_read *read, const tree_scope *scope, const candidate *c);

#endif
