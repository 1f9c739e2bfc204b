/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facet.h - how all hits of a search divide by kind, folder, sender and month.
 *
 * Kinds and folders are counted by their attribute bitmaps, senders by the filter terms of their
 * addresses, months by the order of items: no item is read.
 */
#ifndef SEALDEX_QUERY_FACET_H
#define SEALDEX_QUERY_FACET_H

#include "query/results.h"

#define FACET_VALUES_MAX 100 /* of one facet */

typedef struct facets facets;

/* In the scratch. */
sdx_status facets_open(facets **out, scratch *s, view_read *read, int32_t utc_offset,
                       const query_clock *clock, sdx_error *err) SDX_CHECK;
/* Takes the hits of a window: for engine_options.each_window. */
void facets_window(void *context, size_t number, uint32_t base, const uint64_t *bits);
/* Counts, and puts the facets into the results; *timed_out where the clock came first, and counts are too
 * low. */
sdx_status facets_finish(facets *f, sdx_results *r, bool *timed_out, size_t *failed_segment,
                         sdx_error *err) SDX_CHECK;

#endif
