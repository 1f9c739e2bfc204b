/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attachment.h - the text of a file within another: an attachment, a member of an archive. */
#ifndef SEALDEX_EXTRACT_ATTACHMENT_H
#define SEALDEX_EXTRACT_ATTACHMENT_H

#include "indexer/extract/draft_sink.h"

/* Adds a field `attachment` to *d: what a reader of its type finds in the file, its title first.
 * What cannot be read of it makes *d partial; a type without text adds nothing. */
void attachment_add(draft *d, const char *name, const void *bytes, size_t size);
/* Gives the events of d->invitations, which attachment_add kept, one after another; each has its
 * UID as id. *d is the message, which was given before. */
void attachment_give_invitations(draft *d, draft_sink *sink);
/* Appends the same to d->body; `depth` is how many archives the file is in. */
void attachment_put_body(draft *d, const char *name, const void *bytes, size_t size,
                         unsigned depth);

#endif
