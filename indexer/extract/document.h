/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * document.h - plain text, Markdown and HTML files to items of kind document.
 *
 * Fields: body, and title (an HTML page's <title>, the first heading of Markdown). The character
 * set is what an HTML page says, else guessed (charset.h).
 */
#ifndef SEALDEX_EXTRACT_DOCUMENT_H
#define SEALDEX_EXTRACT_DOCUMENT_H

#include "indexer/extract/draft.h"

/* These refuse bytes that are no text. */
bool text_extract(const void *bytes, size_t size, draft *d);
bool markdown_extract(const void *bytes, size_t size, draft *d);
bool page_extract(const void *bytes, size_t size, draft *d);

#endif
