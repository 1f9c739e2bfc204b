/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot.h - the trees of one transaction, walked by this library over a map of its own; no page
 * of a tree is trusted before it was checked.
 *
 * liblmdb trusts its pages: one flipped bit in a page of a tree can end the process, or keep it in
 * a loop. So liblmdb walks no page that was not checked here:
 *
 *   reading   liblmdb only keeps the snapshot from being written over; all gets and scans are done
 * here. writing   liblmdb walks, and before it does, the pages that it will meet are checked in the
 *             transaction's base: the path of a key for a get or put, the whole table for scans and
 *             deletions (which join neighbours), the main table and the free table at the
 * beginning.
 *
 * A page is checked when it is first met, and not again until another process has committed: one
 * bit for each page says so. Checked are its header, the place of every node, the order of its
 * keys, that children and values lie in the file; and with every step down, that it is of the kind
 * that is due there and that its keys lie between those of its parent.
 */
#ifndef SEALDEX_STORE_SNAPSHOT_H
#define SEALDEX_STORE_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/pages.h"
#include "store/state.h"
#include "store/store.h"

extern const char *const store_table_names[STORE_TABLES];

struct page_reader;

/* One data.mdb, mapped for reading. */
typedef struct page_map {
  const uint8_t *base;
  struct page_reader *reader; /* not mapped: pages come from here (glance.c), and have no bits */
  size_t size;
  size_t page_size;
  int fd;
  atomic_uint_fast64_t whole;      /* whole pages in the file when that was last looked at */
  atomic_uint_fast64_t *checked;   /* a bit for each page */
  atomic_uint_fast64_t *confirmed; /* a bit for each leaf whose entries were all found sound */
  uint64_t capacity;               /* pages that have one */
  atomic_uchar *touches; /* for each run of TOUCH_PAGES: how many were read beside the map */
  atomic_uint complete;            /* a bit for each table of which every page is checked */
  uint64_t *taken;      /* a bit for each page that the base of the open write calls free */
  pthread_mutex_t lock; /* guards: */
  uint64_t transaction; /* the newest one to whose pages the bits belong */
} page_map;

/* SDX_OK or SDX_SYSTEM, SDX_NO_MEMORY. `fd` stays the caller's. */
sdx_status page_map_open(page_map *m, int fd, size_t size, size_t page_size,
                         sdx_error *err) SDX_CHECK;
void page_map_close(page_map *m); /* zeroed is fine */

typedef struct snapshot {
  page_map *map;  /* NULL: nothing seen yet */
  uint64_t limit; /* pages from here on are not there */
  uint64_t last_page;
  pages_table free_table, main_table, tables[STORE_TABLES];
  state state;
  uint64_t transaction;
  uint64_t damaged; /* the page that was last found to be damaged */
  uint8_t meta[PAGES_META_SIZE];
} snapshot;

/* The results of this room's calls of LMDB: 0, MDB_NOTFOUND, MDB_CORRUPTED (s->damaged is the
 * page). */

/* Takes the trees of a transaction whose pages nobody writes over. *stale: its meta page has been
 * written over, begin anew. */
int snapshot_take(snapshot *s, page_map *m, uint64_t transaction, bool *stale);
/* Takes the trees of what was read of the meta pages, over a map with a reader. */
int snapshot_take_read(snapshot *s, page_map *m, const pages *p);
/* A commit of this process went from `before` to the next transaction: what is checked stays so. */
void snapshot_continues(page_map *m, uint64_t before);

/* Looks a key up. The value borrows the map. */
int snapshot_get(snapshot *s, const pages_table *table, const void *key, size_t key_size,
                 sdx_bytes *value);
/* The same of a block of its value, which begins at byte `at`: it borrows the map, or `room`; no bytes where the
 * value ends before. Where a page is first met, the kernel takes longer to map it, with those around it, than
 * to copy it: so the first few are read. */
#define TOUCH_PAGES 16
static inline sdx_bytes snapshot_block_of(sdx_bytes value, size_t at) {
  if (at > value.size || value.size - at < STORE_BLOCK_SIZE) return (sdx_bytes){ value.data, 0 };
  return (sdx_bytes){ value.data + at, STORE_BLOCK_SIZE };
}
int snapshot_get_block(snapshot *s, const pages_table *table, const void *key, size_t key_size,
                       size_t at, uint8_t room[STORE_PAGE], sdx_bytes *value);

/* The page on a key's way that is `level` below the root, which is not looked at; 0 where a page above it is
 * damaged. */
uint64_t snapshot_page_on_way(snapshot *s, const pages_table *table, const void *key,
                              size_t key_size, unsigned level);
/* The page of a key's value, and how many follow on it; 0 where it has none of its own. */
uint64_t snapshot_value_page(snapshot *s, const pages_table *table, const void *key,
                             size_t key_size, uint64_t *count);

/* Where the key is absent: 0 where every entry of the page on which it would stand is sound. */
int snapshot_confirm_missing(snapshot *s, const pages_table *table, const void *key,
                             size_t key_size,
                             bool (*sound)(void *context, sdx_bytes k, sdx_bytes v), void *context);

/* An ordered scan. */
typedef struct tree_step {
  const uint8_t *page;
  unsigned index;
} tree_step;
typedef struct tree_cursor {
  snapshot *s;
  const pages_table *table;
  unsigned depth;        /* steps taken; 0: stands nowhere */
  const uint64_t *total; /* what the sum of its rows must be; NULL: not asked */
  bool counts; /* began with the first entry: the scan's entries are counted and summed up */
  uint64_t count, sum;
  tree_step steps[PAGES_DEPTH_MAX];
} tree_cursor;
tree_cursor snapshot_cursor(snapshot *s, store_table table);
/* Key NULL, 0: the first entry. At the end of a scan from the first entry, the entries that came
 * must be as many as the table says, and their sum the one that the state has. */
int tree_cursor_seek(tree_cursor *c, const void *key, size_t key_size, sdx_bytes *k, sdx_bytes *v);
int tree_cursor_next(tree_cursor *c, sdx_bytes *k, sdx_bytes *v);

/* Before liblmdb opens the tables: the main table. */
int snapshot_check_main(snapshot *s);
/* What the meta page of the transaction before says of itself: it could be a newer one, damaged. */
int snapshot_check_before(page_map *m, uint64_t transaction);
/* Reads a table as a whole. */
int snapshot_check_rows(snapshot *s, store_table table);
/* Before liblmdb writes on the base `s`: checks the main and the free table, and that the pages in
 * use and the free ones are all there are. */
int snapshot_check_base(snapshot *s);
/* Before liblmdb gets or puts this key (NULL, 0: appends behind all). */
int snapshot_check_path(snapshot *s, store_table table, const void *key, size_t key_size);
/* Before liblmdb scans or deletes: every page of the table. */
int snapshot_check_table(snapshot *s, store_table table);
/* Before liblmdb deletes this key: the header of the pages of its value. */
int snapshot_check_value(snapshot *s, store_table table, const void *key, size_t key_size);
/* Before liblmdb copies all: everything. */
int snapshot_check_all(snapshot *s);

/* Has the roots of all tables read together (ahead.c). */
void snapshot_ahead(const snapshot *s);

/* It as bytes. */
pages snapshot_pages(const snapshot *s);

/* SDX_DAMAGED, and says where. */
sdx_status snapshot_error(const snapshot *s, int rc, const char *what, sdx_error *err);

#endif
