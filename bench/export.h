/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * export.h - a corpus and its queries for the peers' own command line tools (script/bench-peers):
 *   items.script     for Xapian's scriptindex            mail.ascii, item.ascii   for sqlite3's
 * .import queries.xapian, queries.fts5    a line per query: class, a tab, text
 */
#ifndef SEALDEX_BENCH_EXPORT_H
#define SEALDEX_BENCH_EXPORT_H

#include "workload.h"

/* Returns 0, or -1 with a line on stderr. */
int export_write(const corpus *c, const workload *w, const char *dir);

#endif
