/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/datafile.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"

#define TAIL_MAX ((uint64_t)1 << 26)
/* A commit of another process may be half visible to a read: look again before calling it damage.
 */
#define LOOKS 5

/* The pages behind the end of the file, a bit for each: known to be free. */
typedef struct tail {
  const pages *p;
  uint8_t *bits;
  uint64_t free;
} tail;

static bool mark_free(void *context, const uint8_t *list, size_t size) {
  tail *t = context;
  cursor c = cursor_over(list, size);
  const uint64_t count = cursor_get_u64(&c);
  if (c.failed || count > cursor_left(&c) / 8) return false;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t page = cursor_get_u64(&c);
    if (page > t->p->last_page) return false;
    if (page < t->p->whole) continue;
    const uint64_t bit = page - t->p->whole;
    const uint8_t mask = (uint8_t)(1u << (bit & 7));
    if ((t->bits[bit / 8] & mask) != 0) return false;
    t->bits[bit / 8] |= mask;
    t->free++;
  }
  return true;
}

/* A file may end before its last page: pages that were taken and given back within one transaction
 * are never written. It is whole if every page behind its end is in the free table. */
bool datafile_whole(const pages *p) {
  if (p->whole > p->last_page) return true;
  const uint64_t missing = p->last_page + 1 - p->whole;
  if (missing > TAIL_MAX) return false;
  tail t = { .p = p, .bits = calloc(1, (size_t)(missing / 8 + 1)) };
  const bool fine = t.bits != NULL && pages_each_free(p, mark_free, &t) && t.free == missing;
  free(t.bits);
  return fine;
}

sdx_status datafile_check(int fd, sdx_error *err) {
  bool looks_fine = false;
  for (int i = 0; i < LOOKS; i++) {
    pages p;
    looks_fine = pages_look(&p, fd);
    if (looks_fine && datafile_whole(&p)) return SDX_OK;
  }
  if (!looks_fine) return error_set(err, SDX_DAMAGED, "data.mdb is not a store");
  return error_set(err, SDX_DAMAGED, "data.mdb is cut short");
}
