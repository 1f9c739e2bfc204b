/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/extent.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/plain.h"
#include "base/wipe.h"

#define UNIT ((size_t)4096)

static void *map_new(size_t room) {
  void *at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return NULL;
  if (madvise(at, room, MADV_DONTDUMP) == 0) return at;
  (void)munmap(at, room);
  return NULL;
}

/* Out of the heap of plaintext, into another place there or into pages. */
static bool copy(extent *e, size_t used, size_t room) {
  void *at = room < EXTENT_PAGES ? plain_alloc(room) : map_new(room);
  if (at == NULL) return false;
  if (used > 0) memcpy(at, e->at, used);
  plain_free(e->at);
  *e = (extent){ .at = at, .room = room };
  return true;
}

/* Pages into more of them. */
static bool move(extent *e, size_t used, size_t room) {
#ifdef __SANITIZE_THREAD__ /* which does not see mremap, and takes pages that another thread left  \
                              for a race */
  void *at = map_new(room);
  if (at == NULL) return false;
  memcpy(at, e->at, used);
  (void)munmap(e->at, e->room);
#else
  (void)used;
  void *at = mremap(e->at, e->room, room, MREMAP_MAYMOVE);
  if (at == MAP_FAILED) return false;
#endif
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
  return e->room < EXTENT_PAGES ? copy(e, used, room) : move(e, used, room);
}

void extent_populate(const extent *e, size_t from, size_t to) {
#ifdef MADV_POPULATE_WRITE
  from = from / UNIT * UNIT;
  if (to > e->room) to = e->room;
  if (e->room >= EXTENT_PAGES && from < to)
    (void)madvise((uint8_t *)e->at + from, to - from, MADV_POPULATE_WRITE);
#else
  (void)e, (void)from, (void)to;
#endif
}

void extent_free(extent *e, size_t used) {
  if (e->at != NULL) {
    if (e->room < EXTENT_PAGES) {
      plain_free(e->at); /* all of it: decoders write behind what they keep */
    } else {
      wipe(e->at, used);
      (void)munmap(e->at, e->room);
    }
  }
  *e = (extent){ 0 };
}
