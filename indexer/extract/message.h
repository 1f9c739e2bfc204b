/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * message.h - an Internet message (RFC 5322, MIME) to an item, by GMime.
 *
 *   subject, from, to, cc, bcc   decoded; addresses as "Name <address>, ..."
 *   list                         List-Id, or the newsgroups of an article
 *   message-id                   without angle brackets
 *   keywords, org                Keywords, Organization
 *   body                         all inline text; of alternatives the plain one, or the HTML one
 * where it says more than twice as much; of messages in it subject, people and text filename the
 * name of each part that has one, decoded attachment                   the text of text files
 * attached
 *
 * date is that of the newest Received field that holds one, else Date, else what the caller knows;
 * held to one day after now. thread is the first of References, else In-Reply-To, else the
 * message's own id (as it is, or hashed where longer than 64 bytes). TNEF, PGP and S/MIME are not
 * opened.
 *
 * Beyond 64 levels of nesting, 10,000 parts, 1 MiB of header or DRAFT_BODY_MAX of text the item is
 * partial. GLib aborts the process where memory runs out.
 */
#ifndef SEALDEX_EXTRACT_MESSAGE_H
#define SEALDEX_EXTRACT_MESSAGE_H

#include "indexer/extract/draft.h"

#define MESSAGE_DEPTH_MAX 64
#define MESSAGE_PARTS_MAX 10000

/* True where the bytes begin as a message does: maybe an mbox separator, then a field in the first
 * or second line. `strict`: and among the first fields two that mail is known by (for files whose
 * name says that they are something else). */
bool message_begins(const void *bytes, size_t size, bool strict);

/* Never refuses but where there are no bytes. */
bool message_extract(const void *bytes, size_t size, draft *d);

/* The addresses of one field's value, as message_extract reads them; `parsed`: by GMime alone,
 * never the short way (address.h), which is held against it. */
void message_put_addresses(buffer *out, const void *value, size_t size, bool parsed);

#endif
