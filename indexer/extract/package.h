/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * package.h - what is packed: Office Open XML, OpenDocument, EPUB by what is in them; other
 * archives (zip, tar, 7z, cpio, and single files packed by gzip, bzip2, xz) by the names of their
 * members and the text of those that can be read. By libarchive.
 */
#ifndef SEALDEX_EXTRACT_PACKAGE_H
#define SEALDEX_EXTRACT_PACKAGE_H

#include "indexer/extract/draft.h"

#define PACKAGE_MEMBERS_MAX 5000
#define PACKAGE_MEMBER_MAX ((size_t)64 << 20)    /* bytes of one member, unpacked */
#define PACKAGE_UNPACKED_MAX ((size_t)256 << 20) /* and of all of them */
#define PACKAGE_DEPTH_MAX 3                      /* archives in archives */

/* `depth` is 0 for a file, more for what was found in an archive. */
bool package_extract(const void *bytes, size_t size, draft *d, unsigned depth);

#endif
