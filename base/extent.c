/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/extent.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/wipe.h"

#define UNIT ((size_t)4096)

static void *map_new(size_t room) {
  void *at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return NULL;
  (void)madvise(at, room, MADV_DONTDUMP);
  return at;
}

/* Out of memory of the heap, into another place there or into pages. */
static bool copy(extent *e, size_t used, size_t room) {
  void *at = room < EXTENT_PAGES ? calloc(1, room) : map_new(room);
  if (at == NULL) return false;
  if (used > 0) memcpy(at, e->at, used);
  wipe(e->at, used);
  free(e->at);
  *e = (extent){ .at = at, .room = room };
  return true;
}

bool extent_reserve(extent *e, size_t used, size_t need) {
  if (need <= e->room) return true;
  if (need > SIZE_MAX / 4) return false;
  size_t room = e->room + e->room / 2;
  if (room < need) room = need;
  if (room < 256) room = 256;
  if (room >= EXTENT_PAGES) room = (room + UNIT - 1) / UNIT * UNIT;
  if (e->room < EXTENT_PAGES) return copy(e, used, room);
  void *at = mremap(e->at, e->room, room, MREMAP_MAYMOVE);
  if (at == MAP_FAILED) return false;
  *e = (extent){ .at = at, .room = room };
  return true;
}

void extent_free(extent *e, size_t used) {
  if (e->at != NULL) {
    wipe(e->at, used);
    if (e->room < EXTENT_PAGES)
      free(e->at);
    else
      (void)munmap(e->at, e->room);
  }
  *e = (extent){ 0 };
}
