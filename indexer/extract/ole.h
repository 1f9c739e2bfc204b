/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ole.h - compound files by libgsf: Word, Excel and PowerPoint of before 2007, Outlook's .msg, and
 * documents that were encrypted (which are an item without text). Title, author and dates from the
 * summary. A .msg is an item of kind message, with the fields of one.
 */
#ifndef SEALDEX_EXTRACT_OLE_H
#define SEALDEX_EXTRACT_OLE_H

#include "indexer/extract/draft.h"

bool ole_extract(const void *bytes, size_t size, draft *d);

#endif
