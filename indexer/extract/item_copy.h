/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * item_copy.h - an item that owns all that it refers to.
 */
#ifndef SEALDEX_EXTRACT_ITEM_COPY_H
#define SEALDEX_EXTRACT_ITEM_COPY_H

#include "base/buffer.h"
#include "sealdex.h"

typedef struct item_copy {
  sdx_item item;
  buffer bytes;  /* all that it borrows, with a zero behind each */
  buffer arrays; /* fields, then folders, flags and labels */
} item_copy;

/* Copies over what was there before. False where memory ran out. */
bool item_copy_set(item_copy *c, const sdx_item *from);
void item_copy_free(item_copy *c); /* wipes */

#endif
