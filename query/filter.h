/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter.h - the filters of the query language: name and value to a node of the tree.
 *
 *   in:FOLDER  label:X  is:FLAG (unread, read, starred, ...)  has:attachment  kind:message|...
 *   thread_has: thread_all: thread_none: FLAG
 *   larger:5M  smaller:100k  before: after: on: date:a..b  older_than:30d  newer_than:1y
 */
#ifndef SEALDEX_QUERY_FILTER_H
#define SEALDEX_QUERY_FILTER_H

#include "query/tree.h"

typedef struct filter filter;

/* NULL where there is no filter of this name (any case). */
const filter *filter_find(const char *name, size_t size);
const char *filter_name(const filter *f);
/* The letter of the attribute that it asks for (segment/attributes.h); 0: it asks for none. */
char filter_letter(const filter *f);
/* The i-th name that people use for a flag, behind `is:`; NULL behind the last. */
const char *filter_flag_name(size_t i);
/* NULL where the value means nothing to the filter, or memory ran out (s->failed). */
tree *filter_node(scratch *s, const filter *f, sdx_bytes value, const date_context *dates);

#endif
