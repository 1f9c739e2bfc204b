/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault.h - the calls that can fail: how a test makes them fail, and what their failures mean.
 *
 * Every call of LMDB that can fail goes through LMDB(), and every file operation of a swap through
 * FILE_OP(). In builds with SEALDEX_FAULTS each of them first asks store_fault.
 */
#ifndef SEALDEX_STORE_FAULT_H
#define SEALDEX_STORE_FAULT_H

#include <errno.h>
#include <lmdb.h>

#include "store/store.h"

#ifdef SEALDEX_FAULTS
#define FAULT() (store_fault != NULL ? store_fault() : 0)
#else
#define FAULT() 0
#endif

/* rc = the result of an LMDB call: 0, an MDB_ code, or an errno value. */
#define LMDB(rc, call)                                                                             \
  do {                                                                                             \
    (rc) = FAULT();                                                                                \
    if ((rc) == 0) (rc) = (call);                                                                  \
  } while (0)

/* rc = 0 or the errno value of a call that answers -1 on failure. */
#define FILE_OP(rc, call)                                                                          \
  do {                                                                                             \
    (rc) = FAULT();                                                                                \
    if ((rc) == 0 && (call) < 0) (rc) = errno;                                                     \
  } while (0)

/* Turns a result of LMDB into a status and a message. MDB_NOTFOUND is SDX_NOT_FOUND and leaves *err
 * alone. */
sdx_status lmdb_error(sdx_error *err, int rc, const char *what);

#endif
