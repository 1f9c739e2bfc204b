/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtf.h - Rich Text Format by a reader of our own: body; title, author, keywords from its info. */
#ifndef SEALDEX_EXTRACT_RTF_H
#define SEALDEX_EXTRACT_RTF_H

#include "indexer/extract/draft.h"

#define RTF_DEPTH_MAX 1000

bool rtf_extract(const void *bytes, size_t size, draft *d);

#endif
