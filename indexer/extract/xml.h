/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xml.h - the text of the XML that documents are made of, by libxml2's SAX parser.
 *
 * No tree is built, no entity is expanded, nothing is fetched; what is not well-formed is read as
 * far as it goes.
 */
#ifndef SEALDEX_EXTRACT_XML_H
#define SEALDEX_EXTRACT_XML_H

#include "base/buffer.h"
#include "indexer/extract/draft.h"

/* What is text in a kind of document. Names are local ones, lists end with NULL. */
typedef struct xml_rules {
  const char *const *text;  /* elements whose own text is kept; NULL: all */
  const char *const *lines; /* elements that end a line; NULL: all */
  const char *const *gaps;  /* elements that part words; may be NULL */
  const char *const *skip;  /* elements that are left out with all in them; may be NULL */
  const char *within;       /* only what is in this element, or NULL */
  bool cells;               /* <v> in <c t="s"> is a number of a string and no text */
} xml_rules;

/* Appends text, at most about `limit` bytes. Gives the reason where some may be left out, else NULL. */
const char *xml_text(buffer *out, size_t limit, const xml_rules *rules, const void *bytes, size_t size);

/* Adds title, author, keywords and note, and sets the date, from the elements that say so in Dublin
 * Core and its likes (OOXML's core.xml, ODF's meta.xml, EPUB's package, FictionBook). */
void xml_metadata(draft *d, const void *bytes, size_t size);

#endif
