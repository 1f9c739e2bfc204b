/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The depositor's handle: the writing calls of an index that has no key to read. */
#include <stdlib.h>

#include "base/error.h"
#include "base/plain.h"
#include "index/index.h"

struct sdx_deposit {
  sdx_index *index;
};

static sdx_status need(const sdx_deposit *d, sdx_error *err) {
  return d != NULL ? SDX_OK : error_set(err, SDX_INVALID, "no deposit handle was given");
}

sdx_status sdx_deposit_open(sdx_deposit **out, const char *dir, const sdx_secret *contents,
                            const sdx_keyring_storage *storage, sdx_error *err) {
  if (out == NULL) return error_no_place(err);
  sdx_deposit *d = plain_alloc(sizeof *d);
  if (d == NULL) return error_memory(err);
  const sdx_status status = index_open_deposit(&d->index, dir, contents, storage, err);
  if (status == SDX_OK) *out = d;
  else plain_free(d);
  return status;
}

void sdx_deposit_close(sdx_deposit *d) {
  if (d == NULL) return;
  sdx_close(d->index);
  plain_free(d);
}

sdx_status sdx_deposit_add(sdx_deposit *d, const sdx_item *item, const sdx_write_options *options,
                           sdx_outcome *outcome, sdx_error *err) {
  const sdx_status status = need(d, err);
  return status == SDX_OK ? sdx_add(d->index, item, options, outcome, err) : status;
}

sdx_status sdx_deposit_delete(sdx_deposit *d, sdx_bytes id, int64_t now, sdx_error *err) {
  const sdx_status status = need(d, err);
  return status == SDX_OK ? sdx_delete(d->index, id, now, err) : status;
}

sdx_status sdx_deposit_restore(sdx_deposit *d, sdx_bytes id, int64_t now, sdx_error *err) {
  const sdx_status status = need(d, err);
  return status == SDX_OK ? sdx_restore(d->index, id, now, err) : status;
}

sdx_status sdx_deposit_set(sdx_deposit *d, sdx_bytes id, const sdx_change *changes, size_t count,
                           int64_t now, sdx_error *err) {
  const sdx_status status = need(d, err);
  return status == SDX_OK ? sdx_set(d->index, id, changes, count, now, err) : status;
}
