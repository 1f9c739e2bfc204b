/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datafile.h - a look at the bytes of data.mdb before LMDB maps them.
 *
 * LMDB trusts its file: a page size of 0 divides by zero, and a page behind the end of a truncated
 * file is a SIGBUS. So the meta pages, and the length of the file, are checked with plain reads.
 */
#ifndef SEALDEX_STORE_DATAFILE_H
#define SEALDEX_STORE_DATAFILE_H

#include "store/pages.h"
#include "store/store.h"

/* SDX_DAMAGED where `fd` is not an LMDB file that is all there. */
sdx_status datafile_check(int fd, sdx_error *err) SDX_CHECK;
/* Whether all pages are there, by one look. */
bool datafile_whole(const pages *p);

#endif
