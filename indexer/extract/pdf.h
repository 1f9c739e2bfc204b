/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pdf.h - PDF by poppler: body, title, author, keywords, note (its subject); date of the last
 * change, else of creation. One that needs a password is an item without text. */
#ifndef SEALDEX_EXTRACT_PDF_H
#define SEALDEX_EXTRACT_PDF_H

#include "indexer/extract/draft.h"

bool pdf_extract(const void *bytes, size_t size, draft *d);

#endif
