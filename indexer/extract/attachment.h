/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attachment.h - the text of a file within another: an attachment, a member of an archive. */
#ifndef SEALDEX_EXTRACT_ATTACHMENT_H
#define SEALDEX_EXTRACT_ATTACHMENT_H

#include "indexer/extract/draft.h"

/* Adds a field `attachment` to *d: what a reader of its type finds in the file, its title first.
 * What cannot be read of it makes *d partial; a type without text adds nothing. */
void attachment_add(draft *d, const char *name, const void *bytes, size_t size);
/* Appends the same to d->body; `depth` is how many archives the file is in. */
void attachment_put_body(draft *d, const char *name, const void *bytes, size_t size,
                         unsigned depth);

#endif
