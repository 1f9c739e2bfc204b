/* SPDX-License-Identifier: GPL-2.0-or-later */
/* word.h - the text of Word 6, 95 and 97 to 2003, and of PowerPoint of the same time. */
#ifndef SEALDEX_EXTRACT_WORD_H
#define SEALDEX_EXTRACT_WORD_H

#include "indexer/extract/draft.h"

/* Which table stream a document uses, by its first bytes: 0 or 1; -1 where it is encrypted; -2
 * where it has none: its text is between two marks. */
int word_table(const void *document, size_t size);
/* Append to d->body. */
void word_text(draft *d, const void *document, size_t size, const void *table, size_t table_size);
void slides_text(draft *d, const void *bytes, size_t size);

#endif
