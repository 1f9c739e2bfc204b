/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spreadsheet.h - the text and numbers in the records of Excel: .xls (BIFF5, BIFF8) and .xlsb. */
#ifndef SEALDEX_EXTRACT_SPREADSHEET_H
#define SEALDEX_EXTRACT_SPREADSHEET_H

#include "indexer/extract/draft.h"

/* Append to d->body; the stream `Workbook` or `Book` of an .xls, or a whole file of before them. */
void sheet_text(draft *d, const void *bytes, size_t size);
/* A part of an .xlsb: its shared strings or a sheet. */
void binary_sheet_text(draft *d, const void *bytes, size_t size);

#endif
