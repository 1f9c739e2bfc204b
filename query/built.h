/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * built.h - a query made by calls (sdx_query_...), and the tree that it is for one analyser.
 *
 * It knows no index: texts are kept as they were given and split when a search asks for the tree,
 * so one query may be used by many threads and indexes of many languages. Nodes are numbers from 1
 * on; a node's children have smaller numbers and one parent, so no calls make a cycle, and depth is
 * bounded.
 */
#ifndef SEALDEX_QUERY_BUILT_H
#define SEALDEX_QUERY_BUILT_H

#include "query/grammar.h"

#define BUILT_NODES_MAX 4096

/* The tree, in `s` and borrowing from `built`. SDX_INVALID where a strict context meets a text with
 * a fault, or what stands near something is neither words nor a choice of them. */
sdx_status built_tree(query *out, scratch *s, text_analyser *analyser, const sdx_query *built,
                      const query_context *context, sdx_error *err) SDX_CHECK;
/* Tells queries apart. */
uint64_t built_digest(const sdx_query *built);

#endif
