/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/fault.h"

#include "base/error.h"

#ifdef SEALDEX_FAULTS
int (*store_fault)(void);
#endif

static sdx_status status_of(int rc) {
  switch (rc) {
  case MDB_CORRUPTED:
  case MDB_PAGE_NOTFOUND:
  case MDB_INVALID:
  case MDB_VERSION_MISMATCH:
  case MDB_INCOMPATIBLE:
  case MDB_CURSOR_FULL:
  case MDB_PAGE_FULL:
    return SDX_DAMAGED;
  case MDB_MAP_FULL:
  case MDB_TXN_FULL:
    return SDX_NO_SPACE;
  case MDB_KEYEXIST:
  case MDB_BAD_VALSIZE:
  case MDB_BAD_TXN:
    return SDX_INVALID;
  default:
    return SDX_SYSTEM;
  }
}

sdx_status lmdb_error(sdx_error *err, int rc, const char *what) {
  if (rc == 0) return SDX_OK;
  if (rc == MDB_NOTFOUND) return SDX_NOT_FOUND;
  if (rc == EFBIG) return error_set(err, SDX_NO_SPACE, "%s: file size limit reached", what);
  if (rc > 0) return error_system(err, rc, what);
  return error_set(err, status_of(rc), "%s: %s", what, mdb_strerror(rc));
}
