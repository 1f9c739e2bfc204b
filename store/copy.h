/* SPDX-License-Identifier: GPL-2.0-or-later */
/* copy.h - a compacted copy of an environment's last snapshot, in a file beside it. */
#ifndef SEALDEX_STORE_COPY_H
#define SEALDEX_STORE_COPY_H

#include "store/environment.h"

/* Writes and syncs file `name` in the index directory, with owner and mode of data.mdb; *fd is open
 * on it and holds an flock on it. On failure nothing is left. Nobody may be writing to `m`: the
 * caller holds the write lock, or `m` is retired. */
sdx_status copy_compact(int *fd, const environment *e, mapping *m, const char *name,
                        sdx_error *err) SDX_CHECK;

/* Takes the retirement out of a copy that was made of a retired environment. Nobody else
 * knows the file yet. */
sdx_status copy_revive(const environment *e, const char *name, sdx_error *err) SDX_CHECK;

/* Gives a file owner and mode of another of the directory, as far as this process may. */
void copy_owner(const environment *e, int fd, const char *like);

#endif
