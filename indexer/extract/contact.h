/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contact.h - vCards (2.1, 3.0, 4.0) to items of kind contact, by a reader of our own.
 *
 *   name      FN; the parts of N as one would say them; nicknames, spoken forms; the initials
 *   email     EMAIL
 *   phone     TEL as it stands, and as it may be typed: see phone_put_spellings
 *   org       ORG, TITLE, ROLE        address   ADR, LABEL
 *   note      NOTE, BDAY, ANNIVERSARY, RELATED
 *   url       URL, IMPP, profiles     keywords  CATEGORIES
 *
 * Pictures, sounds and keys are never read. date is REV, else what the caller knows. The key of a
 * card among others is its UID, else none: the caller finds one.
 */
#ifndef SEALDEX_EXTRACT_CONTACT_H
#define SEALDEX_EXTRACT_CONTACT_H

#include "indexer/extract/draft_sink.h"

#define CONTACT_FIELDS_MAX 1000 /* of one card; the rest is left out */

bool contact_extract(const void *bytes, size_t size, draft *d, draft_sink *sink);

/* Appends the ways to type the number `text`, apart by blanks: its digits at once, without its
 * country code, behind a 0 instead of it, behind 00, the groups with the 0 in them, and every end
 * of four digits or more. */
void phone_put_spellings(buffer *out, const char *text, size_t size);

#endif
