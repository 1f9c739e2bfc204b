/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ordering.h - all hits of a search in an order that the caller makes up of keys: what JMAP's sort asks for.
 * Every hit is looked at, and its text read where a key is made of text.
 */
#ifndef SEALDEX_QUERY_ORDERING_H
#define SEALDEX_QUERY_ORDERING_H

#include "query/engine.h"

#define ORDERING_KEYS_MAX 8

typedef struct ordering ordering;

/* In the scratch. SDX_INVALID for keys that are none. */
sdx_status ordering_open(ordering **out, plan_context *c, const sdx_order *orders, size_t count,
                         sdx_error *err) SDX_CHECK;
/* Takes the hits of a window. */
void ordering_window(ordering *o, size_t number, uint32_t base, const uint64_t *bits);
/* Puts the first `best` hits in order into found->top; with `collapse` the first of each thread, and
 * found->total is how many threads there are. */
sdx_status ordering_finish(ordering *o, engine_result *found, size_t best, bool collapse,
                           size_t *failed_segment, sdx_error *err) SDX_CHECK;

#endif
