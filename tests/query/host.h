/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - an index in a directory of its own, used as a host uses it: through sealdex.h alone.
 */
#ifndef SEALDEX_TESTS_QUERY_HOST_H
#define SEALDEX_TESTS_QUERY_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sealdex.h"

#define HOST_NOW INT64_C(1718452800) /* 2024-06-15T12:00:00Z */

typedef struct host {
  char dir[64], path[80];
  sdx_index *index;
} host;

/* cmocka setup and teardown; *state is the host. */
int host_begin(void **state);
int host_begin_in(void **state, const char *languages);
int host_end(void **state);

/* Fails the test with the error's message where the status is not SDX_OK. */
void host_ok(sdx_status status, const sdx_error *err);
sdx_bytes host_bytes(const char *text);
/* Adds items from JSON Lines. */
void host_add(host *h, const char *lines, size_t size);
/* One message: id, subject and body. */
void host_message(host *h, const char *id, int64_t date, const char *from, const char *subject,
                  const char *body, const char *folder);
void host_delete(host *h, const char *id);
/* Folds the journal into a segment. */
void host_fold(host *h);

/* Closes the index and makes copies of it for so many users, and the path of one of these. */
void host_copies(host *h, unsigned users);
void host_path(const host *h, unsigned user, char out[128]);

/* Ids of a query's hits, separated by spaces, in `out`; `options` may be NULL: newest first, at most 100. */
void host_search(host *h, const char *query, const sdx_search_options *options, char out[2048]);

#endif
