/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naming.h - what a file's path says: the id of its item, its folder, its flags.
 *
 * An id is the path relative to the argument. In a Maildir `cur/`, `new/` and the flags are no part
 * of it, since they change while the message does not. Bytes that are not UTF-8 are
 * percent-encoded.
 */
#ifndef SEALDEX_EXTRACT_NAMING_H
#define SEALDEX_EXTRACT_NAMING_H

#include "base/buffer.h"
#include "indexer/extract/draft.h"

/* Appends `bytes`; what is not UTF-8, and every control character, as %XX. */
void naming_put_escaped(buffer *out, const char *bytes, size_t size);

/* The length of a Maildir file name without its flags (`1234.host:2,RS`; `!` and `;` stand for the
 * colon where file systems have none). */
size_t naming_maildir_base(const char *name, size_t size);
/* Adds the flags behind it: seen, answered, flagged, draft, trashed, passed. */
void naming_add_flags(draft *d, const char *name, size_t size);
/* When the message was delivered, which a Maildir name begins with; 0 where it does not. */
int64_t naming_maildir_date(const char *name, size_t size);

/* Appends the folder name of the Maildir at `path` relative to the argument: INBOX for the argument
 * itself, `A/B` for `A/B` and for Maildir++'s `.A.B`, modified UTF-7 decoded. */
void naming_put_folder(buffer *out, const char *path, size_t size);

/* The base name without its last extension. */
sdx_bytes naming_stem(const char *path, size_t size);

#endif
