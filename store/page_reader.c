/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/page_reader.h"

#include <stdlib.h>
#include <unistd.h>

static uint8_t *read_page(const page_reader *r, uint64_t number) {
  uint8_t *page = malloc(r->page_size);
  if (page == NULL) return NULL;
  if (pread(r->fd, page, r->page_size, (off_t)(number * r->page_size)) == (ssize_t)r->page_size)
    return page;
  free(page);
  return NULL;
}

const uint8_t *page_reader_get(page_reader *r, uint64_t number, bool *fresh) {
  *fresh = false;
  for (size_t i = 0; i < r->count; i++)
    if (r->numbers[i] == number) return r->pages[i];
  if (r->count == PAGE_READER_MAX) return NULL;
  uint8_t *page = read_page(r, number);
  if (page == NULL) return NULL;
  *fresh = true;
  r->numbers[r->count] = number;
  r->pages[r->count++] = page;
  return page;
}

void page_reader_forget(page_reader *r) {
  if (r->count > 0) free(r->pages[--r->count]);
}

void page_reader_free(page_reader *r) {
  while (r->count > 0) page_reader_forget(r);
}
