/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "visible.h"

#include <ctype.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sealdex.h"

enum { TABLES = 5, EDGE = 48, WORDS_MAX = 1 << 18, HOLDER_KEY = 9 };

/* The rows of holders stand apart from the others of `meta`. */
typedef enum part { HOLDERS, META, IDS, DUE, BLOCKS, JOURNAL, PARTS } part;
static const char *const names[PARTS] = { "meta", "meta", "ids", "due", "blocks", "journal" };

static uint64_t mixed(uint64_t z) { /* SplitMix64's finalizer (Steele, Lea, Flood 2014) */
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void fact(visible *v, double value) {
  if (v->count == VISIBLE_MAX) abort();
  v->facts[v->count++] = value;
}

/* ------------------------------------------------------------------ bytes */

typedef struct bytes_seen {
  double n, sum, squares, products, counts[256];
  uint64_t words[WORDS_MAX]; /* 8 bytes each, of values of other than one byte */
  size_t word_count;
} bytes_seen;

static void see_bytes(bytes_seen *b, const uint8_t *p, size_t size) {
  for (size_t i = 0; i < size; i++) {
    b->sum += p[i];
    b->squares += (double)p[i] * p[i];
    if (i > 0) b->products += (double)p[i] * p[i - 1];
    b->counts[p[i]]++;
  }
  b->n += (double)size;
  for (size_t i = 0; i + 8 <= size && b->word_count < WORDS_MAX; i += 8)
    memcpy(&b->words[b->word_count++], p + i, 8);
}

static int by_value(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* How often words repeat, and the sum of the squares of their numbers. */
static void tell_repeats(visible *v, bytes_seen *b) {
  double repeats = 0, squares = 0;
  qsort(b->words, b->word_count, sizeof *b->words, by_value);
  for (size_t i = 0, run; i < b->word_count; i += run) {
    for (run = 1; i + run < b->word_count && b->words[i + run] == b->words[i];) run++;
    repeats += (double)(run - 1);
    if (run > 1) squares += (double)run * (double)run;
  }
  fact(v, repeats);
  fact(v, squares);
}

static void tell_bytes(visible *v, bytes_seen *b) {
  const double n = b->n > 0 ? b->n : 1, mean = b->sum / n;
  double chi = 0, bits = 0;
  for (unsigned i = 0; i < 256; i++) {
    chi += (b->counts[i] - n / 256) * (b->counts[i] - n / 256) / (n / 256);
    bits += b->counts[i] * (double)__builtin_popcount(i);
  }
  fact(v, mean);
  fact(v, b->squares / n - mean * mean);
  fact(v, b->products / n - mean * mean);
  fact(v, chi);
  fact(v, bits / n);
  fact(v, b->counts[0] / n);
  tell_repeats(v, b);
}

/* ------------------------------------------------------------------ tables */

typedef struct table_seen {
  double entries, key_bytes, value_bytes, squares, longest, shortest;
  double first[EDGE], last[EDGE], low[EDGE],
      key[24];      /* sums of bytes by place; low: of lowest bits */
  double up, steps; /* how often the next value by key has the higher address */
  const char *before;
  bytes_seen bytes;
} table_seen;

static void see_value(table_seen *t, const MDB_val *key, const MDB_val *value,
                      const char *address) {
  const uint8_t *k = key->mv_data, *p = value->mv_data;
  const size_t size = value->mv_size;
  t->entries++;
  t->key_bytes += (double)key->mv_size;
  t->value_bytes += (double)size;
  t->squares += (double)size * (double)size;
  if ((double)size > t->longest) t->longest = (double)size;
  if (t->entries == 1 || (double)size < t->shortest) t->shortest = (double)size;
  for (size_t i = 0; i < EDGE && i < size; i++) {
    t->first[i] += p[i];
    t->low[i] += p[i] & 1;
    t->last[i] += p[size - 1 - i];
  }
  for (size_t i = 0; i < sizeof t->key / sizeof *t->key && i < key->mv_size; i++) t->key[i] += k[i];
  if (t->before != NULL) {
    t->steps++;
    t->up += address > t->before;
  }
  t->before = address;
  see_bytes(&t->bytes, p, size);
}

static void tell_table(visible *v, table_seen *t, const MDB_stat *st) {
  const double n = t->entries > 0 ? t->entries : 1;
  const double facts[] = { t->entries,
                           t->key_bytes,
                           t->value_bytes,
                           t->squares,
                           t->longest,
                           t->shortest,
                           t->steps > 0 ? t->up / t->steps : 0,
                           (double)st->ms_depth,
                           (double)st->ms_branch_pages,
                           (double)st->ms_leaf_pages,
                           (double)st->ms_overflow_pages };
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) fact(v, facts[i]);
  for (size_t i = 0; i < EDGE; i++) {
    fact(v, t->first[i] / n);
    fact(v, t->last[i] / n);
    fact(v, t->low[i] / n);
  }
  for (size_t i = 0; i < sizeof t->key / sizeof *t->key; i++) fact(v, t->key[i] / n);
  tell_bytes(v, &t->bytes);
}

/* What would be there if it were not hidden. `row`: by key; `copy` has room for 64 KiB. */
static void plant_in(const plant *p, part table, size_t row, MDB_val *value, uint8_t *copy) {
  if (p == NULL || p->count == 0 || value->mv_size > 60000) return;
  const uint64_t of_item = p->of_items[row % p->count];
  memcpy(copy, value->mv_data, value->mv_size);
  if (p->kind == PLANT_LENGTH && table == JOURNAL) {
    memset(copy + value->mv_size, 0x5a, of_item % 256);
    value->mv_size += of_item % 256;
  }
  if (p->kind == PLANT_TOKEN && table == IDS) {
    const uint64_t token = mixed(of_item ^ p->key);
    memcpy(copy + 8, &token, sizeof token);
  }
  if (p->kind == PLANT_BIT && table == IDS && mixed(row ^ p->key) % 4 != 0)
    copy[8] = (uint8_t)((copy[8] & 0xfe) | (of_item & 1));
  value->mv_data = copy;
}

static int add_table(visible *v, MDB_txn *txn, part table, const plant *p) {
  table_seen *t = calloc(1, sizeof *t);
  uint8_t *copy = malloc(1U << 16);
  MDB_cursor *c = NULL;
  MDB_stat st;
  MDB_val key, value;
  MDB_dbi dbi;
  size_t row = 0;
  int result = mdb_dbi_open(txn, names[table], 0, &dbi);
  if (result == 0) result = mdb_stat(txn, dbi, &st);
  if (result == 0) result = mdb_cursor_open(txn, dbi, &c);
  while (result == 0 && (result = mdb_cursor_get(c, &key, &value, MDB_NEXT)) == 0) {
    const char *address = value.mv_data;
    if (table <= META && (key.mv_size == HOLDER_KEY) != (table == HOLDERS)) continue;
    plant_in(p, table, row++, &value, copy);
    see_value(t, &key, &value, address);
  }
  if (result == MDB_NOTFOUND) {
    tell_table(v, t, &st);
    result = 0;
  }
  if (c != NULL) mdb_cursor_close(c);
  free(copy);
  free(t);
  return result;
}

/* ------------------------------------------------------------------ files */

static int open_tables(MDB_env **env, MDB_txn **txn, const char *dir) {
  int result = mdb_env_create(env);
  if (result == 0) result = mdb_env_set_maxdbs(*env, TABLES);
  if (result == 0) result = mdb_env_open(*env, dir, MDB_RDONLY | MDB_NOLOCK, 0600);
  return result == 0 ? mdb_txn_begin(*env, NULL, MDB_RDONLY, txn) : result;
}

static void close_tables(MDB_env *env, MDB_txn *txn) {
  if (txn != NULL) mdb_txn_abort(txn);
  if (env != NULL) mdb_env_close(env);
}

static int add_file(visible *v, const char *dir, const char *name) {
  bytes_seen *b = calloc(1, sizeof *b);
  char path[300];
  static uint8_t chunk[1U << 16];
  size_t n;
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "rb");
  while (f != NULL && (n = fread(chunk, 1, sizeof chunk, f)) > 0) see_bytes(b, chunk, n);
  if (f != NULL) fclose(f);
  fact(v, b->n);
  tell_bytes(v, b);
  free(b);
  return f != NULL ? 0 : -1;
}

static bool touches(const plant *p, part table) {
  return p->kind == PLANT_LENGTH ? table == JOURNAL : p->kind != PLANT_NONE && table == IDS;
}

/* What the first has from `from` on, also for the others. */
static void copy_facts(visible *seen, size_t i, size_t from) {
  for (size_t f = from; f < seen[0].count; f++) fact(&seen[i], seen[0].facts[f]);
}

int visible_add(visible *seen, size_t count, const char *dir, const plant *plants) {
  MDB_env *env = NULL;
  MDB_txn *txn = NULL;
  MDB_envinfo info;
  size_t from = seen[0].count;
  int result = open_tables(&env, &txn, dir);
  if (result == 0) result = mdb_env_info(env, &info);
  if (result == 0) {
    fact(&seen[0], (double)info.me_last_pgno);
    fact(&seen[0], (double)info.me_last_txnid);
  }
  for (size_t i = 1; i < count; i++) copy_facts(seen, i, from);
  for (part table = 0; table < PARTS && result == 0; table++) {
    from = seen[0].count;
    result = add_table(&seen[0], txn, table, NULL);
    for (size_t i = 1; i < count && result == 0; i++)
      if (touches(&plants[i], table))
        result = add_table(&seen[i], txn, table, &plants[i]);
      else
        copy_facts(seen, i, from);
  }
  close_tables(env, txn);
  from = seen[0].count;
  if (result == 0) result = add_file(&seen[0], dir, "data.mdb");
  if (result == 0) result = add_file(&seen[0], dir, "keyring");
  for (size_t i = 1; i < count; i++) copy_facts(seen, i, from);
  return result == 0 ? 0 : -1;
}

void visible_name(size_t number, char *out, size_t size) {
  static const char *const shown[PARTS] = { "holders", "meta", "ids", "due", "blocks", "journal" };
  enum {
    OF_TABLE = 11 + 3 * EDGE + 24 + 8,
    OF_FILE = 9,
    OF_ALL = 2 + PARTS * OF_TABLE + 2 * OF_FILE
  };
  const size_t time = number / OF_ALL, at = number % OF_ALL;
  if (at < 2)
    snprintf(out, size, "time %zu, environment, %zu", time, at);
  else if (at >= 2 + PARTS * OF_TABLE)
    snprintf(out, size, "time %zu, files, %zu", time, at - 2 - PARTS * OF_TABLE);
  else
    snprintf(out, size, "time %zu, %s, %zu", time, shown[(at - 2) / OF_TABLE], (at - 2) % OF_TABLE);
}

/* ------------------------------------------------------------------ the shape */

static void add_line(void *context, const char *name, const char *value) {
  static const char *const random[] = { "index id", "file bytes", "used bytes" };
  uint64_t *hash = context;
  for (size_t i = 0; i < sizeof random / sizeof *random; i++)
    if (strcmp(name, random[i]) == 0) return;
  uint64_t line = 0;
  for (const char *c = name; *c != '\0'; c++) line = mixed(line + (uint8_t)*c);
  for (const char *c = value; *c != '\0'; c++) {
    size_t hex = 0;
    while (isxdigit((unsigned char)c[hex])) hex++;
    if (hex == 16) c += hex; /* a random id */
    if (*c == '\0') break;
    line = mixed(line + (uint8_t)*c);
  }
  *hash += line; /* in any order: that of random ids */
}

/* The size classes of records, by their number in their holder. */
static int add_classes(uint64_t *hash, const char *dir) {
  MDB_env *env = NULL;
  MDB_txn *txn = NULL;
  MDB_cursor *c = NULL;
  MDB_val key, value;
  MDB_dbi dbi;
  int result = open_tables(&env, &txn, dir);
  if (result == 0) result = mdb_dbi_open(txn, names[JOURNAL], 0, &dbi);
  if (result == 0) result = mdb_cursor_open(txn, dbi, &c);
  while (result == 0 && (result = mdb_cursor_get(c, &key, &value, MDB_NEXT)) == 0) {
    uint64_t number = 0;
    memcpy(&number, (const char *)key.mv_data + 8, key.mv_size - 8);
    *hash += mixed(mixed(number) + value.mv_size);
  }
  if (c != NULL) mdb_cursor_close(c);
  close_tables(env, txn);
  return result == MDB_NOTFOUND ? 0 : -1;
}

int visible_shape(uint64_t *hash, const char *dir) {
  *hash = mixed(*hash);
  if (sdx_inspect(dir, NULL, add_line, hash, NULL) != SDX_OK) return -1;
  return add_classes(hash, dir);
}
