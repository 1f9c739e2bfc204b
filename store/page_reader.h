/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page_reader.h - a few pages of a data.mdb that is not mapped, each read once. */
#ifndef SEALDEX_STORE_PAGE_READER_H
#define SEALDEX_STORE_PAGE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whoever needs more than a glance at so many opens the store. */
#define PAGE_READER_MAX 64

typedef struct page_reader {
  int fd; /* the caller's */
  size_t page_size;
  size_t count;
  uint64_t numbers[PAGE_READER_MAX];
  uint8_t *pages[PAGE_READER_MAX];
} page_reader;

/* NULL where it cannot be read, or there are too many. *fresh: read by this call. */
const uint8_t *page_reader_get(page_reader *r, uint64_t number, bool *fresh);
/* Drops what was read last: it is not what it should be. */
void page_reader_forget(page_reader *r);
void page_reader_free(page_reader *r); /* zeroed is fine */

#endif
