/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/snapshot.h"

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/check.h"
#include "store/fault.h"
#include "store/page_reader.h"

#define PAGE_OVERFLOW 0x04
#define PAGE_BRANCH 0x01
#define PAGE_LEAF 0x02
#define NODE_HEADER 8
#define TABLE_RECORD 48

const char *const store_table_names[STORE_TABLES] = { "meta", "ids", "due", "blocks", "journal" };

/* ------------------------------------------------------------------ the map */

static size_t bitmap_size(const page_map *m) {
  return ((size_t)(m->capacity / 64 + 1) * sizeof *m->checked + m->page_size - 1) / m->page_size *
         m->page_size;
}

/* All that is known of pages. */
static size_t notes_size(const page_map *m) {
  return 2 * bitmap_size(m) + (size_t)(m->capacity / TOUCH_PAGES + 1);
}

/* Pages of their own, which take memory where a bit is set: maps are much larger than their files. */
static bool make_bitmaps(page_map *m) {
  uint8_t *bits =
      mmap(NULL, notes_size(m), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bits == MAP_FAILED) return false;
  m->checked = (atomic_uint_fast64_t *)(void *)bits;
  m->confirmed = (atomic_uint_fast64_t *)(void *)(bits + bitmap_size(m));
  m->touches = (atomic_uchar *)(void *)(bits + 2 * bitmap_size(m));
  return true;
}

sdx_status page_map_open(page_map *m, int fd, size_t size, size_t page_size, sdx_error *err) {
  *m = (page_map){ .size = size, .page_size = page_size, .fd = fd, .capacity = size / page_size };
  void *base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return error_system(err, errno, "mapping the store");
  m->base = base;
  (void)madvise(base, size, MADV_RANDOM);
  (void)pthread_mutex_init(&m->lock, NULL);
  if (make_bitmaps(m)) return SDX_OK;
  page_map_close(m);
  return error_memory(err);
}

void page_map_close(page_map *m) {
  if (m->base == NULL) return;
  if (m->checked != NULL) (void)munmap(m->checked, notes_size(m));
  (void)munmap((void *)(uintptr_t)m->base, m->size);
  free(m->taken);
  (void)pthread_mutex_destroy(&m->lock);
  *m = (page_map){ 0 };
}

static bool is_checked(const page_map *m, uint64_t page) {
  return (atomic_load_explicit(&m->checked[page / 64], memory_order_acquire) >> (page & 63) & 1) !=
         0;
}

static void set_checked(page_map *m, uint64_t page) {
  (void)atomic_fetch_or_explicit(&m->checked[page / 64], (uint64_t)1 << (page & 63),
                                 memory_order_release);
}

/* A reader of an older snapshot may go on setting bits meanwhile: of pages that nobody writes over
 * as long as it reads, so they are right for the newer one, too. */
static void follow(page_map *m, uint64_t transaction, uint64_t last_page) {
  (void)pthread_mutex_lock(&m->lock);
  if (m->transaction < transaction) {
    const uint64_t last = last_page < m->capacity ? last_page : m->capacity;
    if (m->transaction != 0)
      for (uint64_t i = 0; i <= last / 64; i++) {
        atomic_store_explicit(&m->checked[i], 0, memory_order_release);
        atomic_store_explicit(&m->confirmed[i], 0, memory_order_release);
      }
    atomic_store(&m->complete, 0);
    m->transaction = transaction;
  }
  (void)pthread_mutex_unlock(&m->lock);
}

void snapshot_continues(page_map *m, uint64_t before) {
  (void)pthread_mutex_lock(&m->lock);
  if (m->transaction == before) m->transaction++;
  (void)pthread_mutex_unlock(&m->lock);
}

static uint64_t whole_pages(page_map *m, uint64_t wanted) {
  struct stat st;
  if (atomic_load(&m->whole) < wanted && fstat(m->fd, &st) == 0)
    atomic_store(&m->whole, (uint64_t)st.st_size / m->page_size);
  return atomic_load(&m->whole);
}

/* ------------------------------------------------------------------ pages */

static unsigned get_16(const uint8_t *at) {
  return (unsigned)at[0] | (unsigned)at[1] << 8;
}

static uint64_t get_64(const uint8_t *at) {
  uint64_t v;
  memcpy(&v, at, sizeof v);
  return le64toh(v);
}

static unsigned count_of(const uint8_t *page) {
  return (get_16(page + 12) - PAGES_HEADER) / 2;
}

static const uint8_t *node_at(const uint8_t *page, unsigned i) {
  return page + get_16(page + PAGES_HEADER + 2 * (size_t)i);
}

typedef struct key_bytes {
  const uint8_t *data; /* NULL: no bound */
  size_t size;
} key_bytes;

static key_bytes key_of(const uint8_t *entry) {
  return (key_bytes){ entry + NODE_HEADER, get_16(entry + 6) };
}

static size_t value_size(const uint8_t *entry) {
  return get_16(entry) | (size_t)get_16(entry + 2) << 16;
}

static uint64_t child_of(const uint8_t *entry) {
  return get_16(entry) | (uint64_t)get_16(entry + 2) << 16 | (uint64_t)get_16(entry + 4) << 32;
}

/* By words: most keys are of two, which takes less than a call does. */
static int compare(key_bytes a, key_bytes b) {
  const size_t common = a.size < b.size ? a.size : b.size;
  size_t i = 0;
  for (; common - i >= 8; i += 8) {
    uint64_t x, y;
    memcpy(&x, a.data + i, sizeof x);
    memcpy(&y, b.data + i, sizeof y);
    if (x != y) return be64toh(x) < be64toh(y) ? -1 : 1;
  }
  const int order = common > i ? memcmp(a.data + i, b.data + i, common - i) : 0;
  return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

static uint64_t value_pages(const snapshot *s, size_t size) {
  return (PAGES_HEADER - 1 + (uint64_t)size) / s->map->page_size + 1;
}

/* Bytes that the node takes; 0 where it makes no sense. */
static size_t sound_node(const snapshot *s, const uint8_t *entry, size_t room, bool leaf) {
  const key_bytes key = key_of(entry);
  size_t taken = NODE_HEADER + key.size;
  if (key.size > PAGES_KEY_MAX || taken > room) return 0;
  if (!leaf) {
    const uint64_t child = child_of(entry);
    return child >= PAGES_FIRST && child < s->limit ? taken : 0;
  }
  const unsigned flags = get_16(entry + 4);
  const size_t size = value_size(entry);
  if ((flags & ~(unsigned)(NODE_OVERFLOW | NODE_TABLE)) != 0 || key.size == 0) return 0;
  if ((flags & NODE_TABLE) != 0 && (size != TABLE_RECORD || flags != NODE_TABLE)) return 0;
  if ((flags & NODE_OVERFLOW) == 0) return size <= room - taken ? taken + size : 0;
  if (room - taken < 8) return 0;
  const uint64_t first = get_64(entry + taken), count = value_pages(s, size);
  if (first < PAGES_FIRST || count > s->limit || first > s->limit - count) return 0;
  return taken + 8;
}

/* Nodes lie side by side from upper to the end: so if their sizes add up, none overlap. */
static bool sound_page(const snapshot *s, const uint8_t *page, uint64_t number, bool leaf) {
  const size_t size = s->map->page_size, lower = get_16(page + 12), upper = get_16(page + 14);
  if (get_64(page) != number || get_16(page + 10) != (leaf ? PAGE_LEAF : PAGE_BRANCH)) return false;
  if (lower < PAGES_HEADER || lower > upper || upper > size || (lower & 1) != 0) return false;
  const unsigned count = count_of(page);
  if (count < (leaf ? 1U : 2U)) return false;
  size_t total = 0;
  const uint8_t *before = NULL;
  for (unsigned i = 0; i < count; i++) {
    const size_t offset = get_16(page + PAGES_HEADER + 2 * (size_t)i);
    if (offset < upper || offset > size - NODE_HEADER || (offset & 1) != 0) return false;
    const uint8_t *entry = page + offset;
    const size_t taken = sound_node(s, entry, size - offset, leaf);
    if (taken == 0) return false;
    total += (taken + 1) & ~(size_t)1;
    /* The first key of a branch counts as smaller than all. */
    if (before != NULL && compare(key_of(before), key_of(entry)) >= 0) return false;
    before = leaf || i > 0 ? entry : NULL;
  }
  return total == size - upper;
}

static bool is_of_kind(const uint8_t *page, bool leaf) {
  return get_16(page + 10) == (leaf ? PAGE_LEAF : PAGE_BRANCH);
}

/* As page_at, of a file that is not mapped: a page that was read is checked once, too. */
static const uint8_t *page_read(snapshot *s, uint64_t number, bool leaf) {
  bool fresh;
  const uint8_t *page = page_reader_get(s->map->reader, number, &fresh);
  if (page == NULL) return NULL;
  if (!fresh) return is_of_kind(page, leaf) ? page : NULL;
  if (sound_page(s, page, number, leaf)) return page;
  page_reader_forget(s->map->reader);
  return NULL;
}

/* NULL where the page is damaged. `leaf`: what is due at this depth. */
static const uint8_t *page_at(snapshot *s, uint64_t number, bool leaf) {
  page_map *m = s->map;
  s->damaged = number;
  if (number < PAGES_FIRST || number >= s->limit) return NULL;
  if (m->reader != NULL) return page_read(s, number, leaf);
  const uint8_t *page = m->base + number * m->page_size;
  if (is_checked(m, number)) return is_of_kind(page, leaf) ? page : NULL;
  if (!sound_page(s, page, number, leaf)) return NULL;
  set_checked(m, number);
  return page;
}

/* The last child whose key is not greater; the first child's counts as smaller than all. */
static unsigned search_branch(const uint8_t *page, key_bytes key) {
  unsigned low = 1, high = count_of(page);
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    if (compare(key_of(node_at(page, middle)), key) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low - 1;
}

/* The first entry that is not smaller. */
static unsigned search_leaf(const uint8_t *page, key_bytes key, bool *exact) {
  unsigned low = 0, high = count_of(page);
  *exact = false;
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    const int order = compare(key_of(node_at(page, middle)), key);
    if (order == 0) {
      *exact = true;
      return middle;
    }
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* What a leaf's keys must lie between. */
typedef struct bounds {
  key_bytes low, high; /* low <= key < high */
} bounds;

static void narrow(bounds *b, const uint8_t *branch, unsigned child) {
  if (child > 0) b->low = key_of(node_at(branch, child));
  if (child + 1 < count_of(branch)) b->high = key_of(node_at(branch, child + 1));
}

static bool lies_between(const bounds *b, const uint8_t *leaf) {
  const key_bytes first = key_of(node_at(leaf, 0)),
                  last = key_of(node_at(leaf, count_of(leaf) - 1));
  return (b->low.data == NULL || compare(b->low, first) <= 0) &&
         (b->high.data == NULL || compare(last, b->high) < 0);
}

/* The first page of a value that takes so many. */
static bool sound_value(const uint8_t *page, uint64_t number, uint64_t count) {
  return get_64(page) == number && get_16(page + 10) == PAGE_OVERFLOW &&
         (get_16(page + 12) | (uint64_t)get_16(page + 14) << 16) == count;
}

static int value_of(snapshot *s, const uint8_t *entry, sdx_bytes *out) {
  const size_t size = value_size(entry);
  const uint8_t *at = entry + NODE_HEADER + get_16(entry + 6);
  if ((get_16(entry + 4) & NODE_OVERFLOW) != 0) {
    const uint64_t number = get_64(at);
    if (s->map->reader != NULL) return ENOTSUP; /* no table that is glanced at has such values */
    const uint8_t *page = s->map->base + number * s->map->page_size;
    s->damaged = number;
    if (!sound_value(page, number, value_pages(s, size))) return MDB_CORRUPTED;
    at = page + PAGES_HEADER;
  }
  *out = (sdx_bytes){ (const char *)at, size };
  return 0;
}

/* ------------------------------------------------------------------ taking a snapshot */

static bool find_tables(snapshot *s) {
  sdx_bytes record;
  if (snapshot_get(s, &s->main_table, STATE_KEY, sizeof STATE_KEY - 1, &record) != 0 ||
      !state_decode(&s->state, record.data, record.size))
    return false;
  for (int i = 0; i < STORE_TABLES; i++) {
    const char *name = store_table_names[i];
    if (snapshot_get(s, &s->main_table, name, strlen(name), &record) != 0 ||
        !pages_get_table(&s->tables[i], record.data, record.size, s->last_page) ||
        s->tables[i].flags != 0)
      return false;
  }
  return true;
}

int snapshot_take(snapshot *s, page_map *m, uint64_t transaction, bool *stale) {
  const uint64_t number = transaction & 1;
  const uint8_t *meta = m->base + number * m->page_size;
  *stale = false;
  if (s->map == m && s->transaction == transaction && memcmp(s->meta, meta, sizeof s->meta) == 0)
    return 0;
  pages p = { 0 };
  s->map = NULL;
  memcpy(s->meta, meta, sizeof s->meta);
  if (!pages_get_meta(&p, s->meta, number) || p.transaction != transaction ||
      memcmp(s->meta, meta, sizeof s->meta) != 0) {
    *stale = true;
    return 0;
  }
  const uint64_t whole = whole_pages(m, p.last_page + 1);
  s->limit = p.last_page < whole ? p.last_page + 1 : whole;
  if (s->limit > m->capacity) s->limit = m->capacity;
  s->last_page = p.last_page;
  s->free_table = p.free_table;
  s->main_table = p.main_table;
  s->transaction = transaction;
  follow(m, transaction, p.last_page);
  s->map = m;
  if (p.page_size == m->page_size && find_tables(s)) return 0;
  s->map = NULL;
  return MDB_CORRUPTED;
}

int snapshot_take_read(snapshot *s, page_map *m, const pages *p) {
  *s = (snapshot){ .map = m,
                   .last_page = p->last_page,
                   .free_table = p->free_table,
                   .main_table = p->main_table,
                   .transaction = p->transaction };
  s->limit = p->last_page < p->whole ? p->last_page + 1 : p->whole;
  return find_tables(s) ? 0 : MDB_CORRUPTED;
}

/* ------------------------------------------------------------------ scanning */

tree_cursor snapshot_cursor(snapshot *s, store_table table) {
  return (tree_cursor){ .s = s,
                        .table = &s->tables[table],
                        .total = state_sums(table) ? &s->state.sums[table] : NULL };
}

static int give(tree_cursor *c, sdx_bytes *k, sdx_bytes *v) {
  sdx_bytes value;
  const tree_step *at = &c->steps[c->depth - 1];
  const uint8_t *entry = node_at(at->page, at->index);
  const key_bytes key = key_of(entry);
  if (k != NULL) *k = (sdx_bytes){ (const char *)key.data, key.size };
  c->count++;
  const bool sums = c->counts && c->total != NULL;
  const int rc = v != NULL || sums ? value_of(c->s, entry, &value) : 0;
  if (rc != 0) return rc;
  if (sums) c->sum += row_sum(key.data, key.size, value.data, value.size);
  if (v != NULL) *v = value;
  return 0;
}

static int end_of(tree_cursor *c) {
  c->depth = 0;
  if (!c->counts || (c->count == c->table->entries && (c->total == NULL || c->sum == *c->total)))
    return MDB_NOTFOUND;
  c->s->damaged = c->table->root;
  return MDB_CORRUPTED;
}

typedef enum side { SIDE_FIRST, SIDE_LAST } side;

/* Goes down to a leaf: towards `key`, or (data NULL) along the children of one side. */
static bool go_down(tree_cursor *c, uint64_t number, key_bytes key, side along, bounds *b) {
  const unsigned depth = c->table->depth;
  while (c->depth < depth) {
    const bool leaf = c->depth + 1 == depth;
    const uint8_t *page = page_at(c->s, number, leaf);
    if (page == NULL) return false;
    tree_step *step = &c->steps[c->depth++];
    *step = (tree_step){ .page = page };
    if (leaf) break;
    if (key.data != NULL)
      step->index = search_branch(page, key);
    else if (along == SIDE_LAST)
      step->index = count_of(page) - 1;
    narrow(b, page, step->index);
    number = child_of(node_at(page, step->index));
  }
  return lies_between(b, c->steps[depth - 1].page);
}

/* The leaf before the one that the cursor stands in lies between its keys: were the key between the
 * two damaged, what is looked for could stand there. */
static bool sound_before(tree_cursor c) {
  bounds b = { 0 };
  do {
    if (--c.depth == 0) return true;
  } while (c.steps[c.depth - 1].index == 0);
  tree_step *step = &c.steps[c.depth - 1];
  step->index--;
  narrow(&b, step->page, step->index);
  return go_down(&c, child_of(node_at(step->page, step->index)), (key_bytes){ 0 }, SIDE_LAST, &b);
}

static int next_leaf(tree_cursor *c) {
  const key_bytes before =
      key_of(node_at(c->steps[c->depth - 1].page, c->steps[c->depth - 1].index));
  bounds b = { 0 };
  do {
    if (--c->depth == 0) return end_of(c);
  } while (c->steps[c->depth - 1].index + 1 == count_of(c->steps[c->depth - 1].page));
  tree_step *step = &c->steps[c->depth - 1];
  step->index++;
  narrow(&b, step->page, step->index);
  if (!go_down(c, child_of(node_at(step->page, step->index)), (key_bytes){ 0 }, SIDE_FIRST, &b) ||
      compare(before, key_of(node_at(c->steps[c->depth - 1].page, 0))) >= 0) {
    c->depth = 0;
    return MDB_CORRUPTED;
  }
  return 0;
}

int tree_cursor_seek(tree_cursor *c, const void *key, size_t key_size, sdx_bytes *k, sdx_bytes *v) {
  const key_bytes wanted = { key_size != 0 ? key : NULL, key_size };
  bounds b = { 0 };
  bool exact;
  c->depth = 0;
  c->count = c->sum = 0;
  c->counts = key_size == 0;
  if (c->table->root == PAGES_NONE) return end_of(c);
  if (!go_down(c, c->table->root, wanted, SIDE_FIRST, &b)) {
    c->depth = 0;
    return MDB_CORRUPTED;
  }
  tree_step *at = &c->steps[c->depth - 1];
  if (key_size != 0) at->index = search_leaf(at->page, wanted, &exact);
  if (key_size != 0 && at->index == 0 && !exact && !sound_before(*c)) {
    c->depth = 0;
    return MDB_CORRUPTED;
  }
  if (at->index < count_of(at->page)) return give(c, k, v);
  at->index--;
  const int rc = next_leaf(c);
  return rc != 0 ? rc : give(c, k, v);
}

int tree_cursor_next(tree_cursor *c, sdx_bytes *k, sdx_bytes *v) {
  if (c->depth == 0) return MDB_NOTFOUND;
  tree_step *at = &c->steps[c->depth - 1];
  if (at->index + 1 < count_of(at->page)) {
    at->index++;
    return give(c, k, v);
  }
  const int rc = next_leaf(c);
  return rc != 0 ? rc : give(c, k, v);
}

/* ------------------------------------------------------------------ looking up */

/* MDB_NOTFOUND where the key is in none of the leaves where it could stand. */
static int confirm_missing(snapshot *s, const pages_table *table, const void *key,
                           size_t key_size) {
  tree_cursor c = { .s = s, .table = table };
  sdx_bytes next;
  const int rc = tree_cursor_seek(&c, key, key_size, &next, NULL);
  return rc == 0 ? MDB_NOTFOUND : rc;
}

/* The page that is the leaf of a key; 0 where one above it is damaged. */
static uint64_t leaf_number(snapshot *s, const pages_table *table, key_bytes key, bounds *b) {
  uint64_t number = table->root;
  for (unsigned depth = table->depth; depth > 1; depth--) {
    const uint8_t *page = page_at(s, number, false);
    if (page == NULL) return 0;
    const unsigned child = search_branch(page, key);
    narrow(b, page, child);
    number = child_of(node_at(page, child));
  }
  return number;
}

/* The leaf of a key; NULL where a page is damaged. */
static const uint8_t *leaf_of(snapshot *s, const pages_table *table, key_bytes key, bounds *b) {
  const uint64_t number = leaf_number(s, table, key, b);
  return number != 0 ? page_at(s, number, true) : NULL;
}

int snapshot_get(snapshot *s, const pages_table *table, const void *key, size_t key_size,
                 sdx_bytes *value) {
  const key_bytes wanted = { key, key_size };
  bounds b = { 0 };
  bool exact;
  if (table->root == PAGES_NONE) return MDB_NOTFOUND;
  const uint8_t *leaf = leaf_of(s, table, wanted, &b);
  if (leaf == NULL) return MDB_CORRUPTED;
  const unsigned i = search_leaf(leaf, wanted, &exact);
  if (exact) return value_of(s, node_at(leaf, i), value);
  if (!lies_between(&b, leaf)) return MDB_CORRUPTED;
  return i > 0 && i < count_of(leaf) ? MDB_NOTFOUND : confirm_missing(s, table, key, key_size);
}

/* Reading one page takes a quarter of the time in which the kernel maps it with its neighbours. */
#define TOUCHES_MOST 4

/* A page, in the map or in `room`. */
static const uint8_t *page_apart(const snapshot *s, uint64_t number, uint8_t room[STORE_PAGE]) {
  page_map *m = s->map;
  atomic_uchar *touches = &m->touches[number / TOUCH_PAGES];
  const unsigned char before = atomic_load_explicit(touches, memory_order_relaxed);
  if (before < TOUCHES_MOST) {
    atomic_store_explicit(touches, (unsigned char)(before + 1), memory_order_relaxed);
    if (pread(m->fd, room, STORE_PAGE, (off_t)(number * STORE_PAGE)) == STORE_PAGE) return room;
  }
  return m->base + number * STORE_PAGE;
}

/* As page_at, of a leaf. */
static const uint8_t *leaf_apart(snapshot *s, uint64_t number, uint8_t room[STORE_PAGE]) {
  if (number < PAGES_FIRST || number >= s->limit) return NULL;
  const uint8_t *leaf = page_apart(s, number, room);
  if (is_checked(s->map, number)) return is_of_kind(leaf, true) ? leaf : NULL;
  if (!sound_page(s, leaf, number, true)) return NULL;
  set_checked(s->map, number);
  return leaf;
}

/* A block of the value on its pages, of which the first begins with a header. Of several, the others are soon
 * wanted, too: these are mapped. */
static int block_apart(snapshot *s, uint64_t page, uint64_t count, size_t at,
                       uint8_t room[STORE_PAGE], sdx_bytes *value) {
  const uint8_t *first = count == 1 ? page_apart(s, page, room) : s->map->base + page * STORE_PAGE;
  s->damaged = page;
  if (!sound_value(first, page, count)) return MDB_CORRUPTED;
  *value = (sdx_bytes){ (const char *)first + PAGES_HEADER + at, STORE_BLOCK_SIZE };
  return 0;
}

int snapshot_get_block(snapshot *s, const pages_table *table, const void *key, size_t key_size,
                       size_t at, uint8_t room[STORE_PAGE], sdx_bytes *value) {
  const key_bytes wanted = { key, key_size };
  bounds b = { 0 };
  bool exact = false;
  if (table->root != PAGES_NONE && s->map->touches != NULL && s->map->page_size == STORE_PAGE) {
    const uint64_t number = leaf_number(s, table, wanted, &b);
    const uint8_t *leaf = leaf_apart(s, number, room);
    const unsigned i = leaf != NULL ? search_leaf(leaf, wanted, &exact) : 0;
    const uint8_t *entry = exact ? node_at(leaf, i) : NULL;
    const size_t size = exact ? value_size(entry) : 0;
    if (exact && (get_16(entry + 4) & NODE_OVERFLOW) != 0 && at <= size &&
        size - at >= STORE_BLOCK_SIZE)
      return block_apart(s, get_64(entry + NODE_HEADER + get_16(entry + 6)), value_pages(s, size),
                         at, room, value);
  }
  const int rc = snapshot_get(s, table, key, key_size, value); /* and whatever is wrong */
  if (rc == 0) *value = snapshot_block_of(*value, at);
  return rc;
}

uint64_t snapshot_page_on_way(snapshot *s, const pages_table *table, const void *key,
                              size_t key_size, unsigned level) {
  const key_bytes wanted = { key, key_size };
  uint64_t number = table->root;
  if (number == PAGES_NONE) return 0;
  for (; level > 0; level--) {
    const uint8_t *page = page_at(s, number, false);
    if (page == NULL) return 0;
    number = child_of(node_at(page, search_branch(page, wanted)));
  }
  return number;
}

uint64_t snapshot_value_page(snapshot *s, const pages_table *table, const void *key,
                             size_t key_size, uint64_t *count) {
  const key_bytes wanted = { key, key_size };
  bounds b = { 0 };
  bool exact;
  if (table->root == PAGES_NONE) return 0;
  const uint8_t *leaf = leaf_of(s, table, wanted, &b);
  if (leaf == NULL) return 0;
  const unsigned i = search_leaf(leaf, wanted, &exact);
  if (!exact) return 0;
  const uint8_t *entry = node_at(leaf, i);
  if ((get_16(entry + 4) & NODE_OVERFLOW) == 0) return 0;
  *count = value_pages(s, value_size(entry));
  return get_64(entry + NODE_HEADER + get_16(entry + 6));
}

int snapshot_confirm_missing(snapshot *s, const pages_table *table, const void *key,
                             size_t key_size, bool (*sound)(void *, sdx_bytes, sdx_bytes),
                             void *context) {
  bounds b = { 0 };
  if (table->root == PAGES_NONE) return 0;
  if (s->map->reader != NULL) return ENOTSUP;
  const uint8_t *leaf = leaf_of(s, table, (key_bytes){ key, key_size }, &b);
  if (leaf == NULL) return MDB_CORRUPTED;
  const uint64_t number = get_64(leaf), bit = (uint64_t)1 << (number & 63);
  atomic_uint_fast64_t *word = &s->map->confirmed[number / 64];
  if ((atomic_load_explicit(word, memory_order_relaxed) & bit) != 0) return 0;
  for (unsigned i = 0; i < count_of(leaf); i++) {
    const uint8_t *entry = node_at(leaf, i);
    const key_bytes k = key_of(entry);
    sdx_bytes value;
    const int rc = value_of(s, entry, &value);
    if (rc != 0) return rc;
    s->damaged = number;
    if (!sound(context, (sdx_bytes){ (const char *)k.data, k.size }, value)) return MDB_CORRUPTED;
  }
  (void)atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
  return 0;
}

/* ------------------------------------------------------------------ before liblmdb walks */

pages snapshot_pages(const snapshot *s) {
  return (pages){ .fd = -1,
                  .map = s->map->base,
                  .page_size = s->map->page_size,
                  .whole = s->limit,
                  .last_page = s->last_page,
                  .transaction = s->transaction,
                  .free_table = s->free_table,
                  .main_table = s->main_table };
}

static int damaged(snapshot *s, uint64_t page) {
  s->damaged = page;
  return MDB_CORRUPTED;
}

int snapshot_check_main(snapshot *s) {
  const pages p = snapshot_pages(s);
  check c = { .p = &p };
  return check_table(&c, &s->main_table, true) ? 0 : damaged(s, c.place);
}

int snapshot_check_before(page_map *m, uint64_t transaction) {
  snapshot s = { 0 };
  bool stale;
  const int rc = snapshot_take(&s, m, transaction, &stale);
  if (rc != 0 || stale) return rc;
  return transaction <= 1 || s.state.transaction == transaction ? 0 : MDB_CORRUPTED;
}

int snapshot_check_rows(snapshot *s, store_table table) {
  tree_cursor c = snapshot_cursor(s, table);
  int rc = tree_cursor_seek(&c, NULL, 0, NULL, NULL);
  while (rc == 0) rc = tree_cursor_next(&c, NULL, NULL);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

/* More pages than the map has room for are nobody's: no memory is taken for them. */
static bool is_beyond_map(const snapshot *s) { return s->last_page >= s->map->capacity; }

int snapshot_check_base(snapshot *s) {
  page_map *m = s->map;
  const pages p = snapshot_pages(s);
  if (is_beyond_map(s)) return damaged(s, s->transaction & 1);
  free(m->taken);
  m->taken = calloc((size_t)(s->last_page / 64 + 1), sizeof *m->taken);
  if (m->taken == NULL) return ENOMEM;
  check tables = { .p = &p }, lists = { .p = &p, .values = true, .seen = (uint8_t *)m->taken };
  if (!check_table(&tables, &s->main_table, true)) return damaged(s, tables.place);
  if (!check_free(&lists)) return damaged(s, lists.place);
  const uint64_t all = tables.used + lists.used + lists.free + PAGES_FIRST;
  return all == s->last_page + 1 ? 0 : damaged(s, s->transaction & 1);
}

static bool is_free(const snapshot *s, uint64_t page) {
  const uint8_t *taken = (const uint8_t *)s->map->taken;
  return page > s->last_page || (taken[page / 8] >> (page & 7) & 1) != 0;
}

/* As leaf_of, and none of the pages may count as free: then liblmdb would write over it. */
int snapshot_check_path(snapshot *s, store_table which, const void *key, size_t key_size) {
  const pages_table *table = &s->tables[which];
  const key_bytes wanted = { key, key_size };
  bounds b = { 0 };
  bool exact;
  if (table->root == PAGES_NONE) return 0;
  if ((atomic_load(&s->map->complete) >> which & 1) != 0)
    return key == NULL ? 0 : snapshot_check_value(s, which, key, key_size);
  uint64_t number = table->root;
  const uint8_t *page = NULL;
  for (unsigned depth = table->depth; depth > 0; depth--) {
    page = page_at(s, number, depth == 1);
    if (page == NULL || is_free(s, number)) return damaged(s, number);
    if (depth == 1) break;
    const unsigned child = key != NULL ? search_branch(page, wanted) : count_of(page) - 1;
    narrow(&b, page, child);
    number = child_of(node_at(page, child));
  }
  if (page == NULL || !lies_between(&b, page)) return damaged(s, number);
  if (key == NULL) return 0;
  /* Another value in its place: then liblmdb frees the pages that the old one says it has. */
  sdx_bytes value;
  const unsigned i = search_leaf(page, wanted, &exact);
  if (exact) return value_of(s, node_at(page, i), &value);
  if (i > 0 && i < count_of(page)) return 0;
  const int rc = confirm_missing(s, table, key, key_size);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

int snapshot_check_value(snapshot *s, store_table which, const void *key, size_t key_size) {
  sdx_bytes value;
  const int rc = snapshot_get(s, &s->tables[which], key, key_size, &value);
  return rc == MDB_NOTFOUND ? 0 : rc;
}

int snapshot_check_all(snapshot *s) {
  const pages p = snapshot_pages(s);
  if (is_beyond_map(s)) return damaged(s, s->transaction & 1);
  check c = { .p = &p, .values = true, .seen = calloc(1, (size_t)(s->last_page / 8 + 1)) };
  if (c.seen == NULL) return ENOMEM;
  const bool fine = check_table(&c, &s->main_table, true) && check_free(&c);
  free(c.seen);
  return fine ? 0 : damaged(s, c.place);
}

int snapshot_check_table(snapshot *s, store_table which) {
  const unsigned bit = 1U << which;
  if ((atomic_load(&s->map->complete) & bit) != 0) return 0;
  const pages p = snapshot_pages(s);
  check c = { .p = &p };
  const size_t bytes = (size_t)(s->last_page / 64 + 1) * sizeof *s->map->taken;
  c.seen = malloc(bytes);
  if (c.seen == NULL) return ENOMEM;
  memcpy(c.seen, s->map->taken, bytes);
  const bool fine = check_table(&c, &s->tables[which], false);
  free(c.seen);
  if (!fine) return damaged(s, c.place);
  const int rc =
      which == STORE_BLOCKS || which == STORE_JOURNAL ? 0 : snapshot_check_rows(s, which);
  if (rc == 0) (void)atomic_fetch_or(&s->map->complete, bit);
  return rc;
}

sdx_status snapshot_error(const snapshot *s, int rc, const char *what, sdx_error *err) {
  if (rc != MDB_CORRUPTED) return lmdb_error(err, rc, what);
  return error_set(err, SDX_DAMAGED, "%s: page %llu of data.mdb is damaged", what,
                   (unsigned long long)s->damaged);
}
