/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SQLite FTS5 as mail clients run it: porter over unicode61, contentless, one column per field; a
 * table beside it maps rows to ids, dates and folders. WAL with synchronous=FULL, so that a commit
 * is durable. Rows arrive in the order of dates, so that newest first is rowid order.
 *
 * Compiled a second time against SQLCipher (ENGINE_SQLCIPHER), as a module of its own since both
 * define the same symbols.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#ifdef ENGINE_SQLCIPHER
#define ENGINE_SYMBOL engine_sqlcipher
#define ENGINE_NAME "SQLCipher"
#define ENGINE_TEXT                                                                                \
  "SQLCipher 4 (SQLite " SQLITE_VERSION                                                            \
  ") with FTS5: default page cipher and cache, raw key, else as FTS5"
#define ENGINE_KEY                                                                                 \
  "PRAGMA key = \"x'2DD29CA851E7B56E4697B0E1F08507293D761A05CE4D1B628663F411A8086D99'\";"
#else
#define ENGINE_SYMBOL engine_fts5
#define ENGINE_NAME "FTS5"
#define ENGINE_TEXT                                                                                \
  "SQLite FTS5 " SQLITE_VERSION                                                                    \
  ": porter unicode61, contentless, a table of ids, dates and folders beside it, WAL, "            \
  "synchronous FULL, default page cache, a connection per thread without mutexes"
#define ENGINE_KEY ""
#endif

enum { BY_RANK, BY_ROWID, BY_FOLDER, COUNT, COUNT_FOLDER, STATEMENTS };

struct engine {
  sqlite3 *db;
  sqlite3_stmt *insert_text, *insert_row, *delete_text, *find_row, *delete_row;
  sqlite3_stmt *statements[STATEMENTS];
};

static const char *const texts[STATEMENTS] = {
  [BY_RANK] = "SELECT i.id, i.date FROM (SELECT rowid AS r FROM mail WHERE mail MATCH ?1 "
              "ORDER BY rank LIMIT ?2) JOIN item i ON i.rowid = r",
  [BY_ROWID] = "SELECT i.id, i.date FROM (SELECT rowid AS r FROM mail WHERE mail MATCH ?1 "
               "ORDER BY rowid DESC LIMIT ?2) JOIN item i ON i.rowid = r",
  [BY_FOLDER] = "SELECT id, date FROM item WHERE folder = ?1 AND date >= ?3 AND date < ?4 "
                "ORDER BY date DESC LIMIT ?2",
  [COUNT] = "SELECT count(*) FROM mail WHERE mail MATCH ?1",
  [COUNT_FOLDER] = "SELECT count(*) FROM item WHERE folder = ?1 AND date >= ?3 AND date < ?4",
};

static int fail(engine *e) {
  fprintf(stderr, ENGINE_NAME ": %s\n", e->db != NULL ? sqlite3_errmsg(e->db) : "no memory");
  return -1;
}

static int execute(engine *e, const char *sql) {
  return sqlite3_exec(e->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(e);
}

static int prepare(engine *e, const char *sql, sqlite3_stmt **out) {
  return sqlite3_prepare_v3(e->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK
             ? 0
             : fail(e);
}

static void fts_close(engine *e) {
  if (e == NULL) return;
  sqlite3_finalize(e->insert_text);
  sqlite3_finalize(e->insert_row);
  sqlite3_finalize(e->delete_text);
  sqlite3_finalize(e->find_row);
  sqlite3_finalize(e->delete_row);
  for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(e->statements[i]);
  sqlite3_close(e->db);
  free(e);
}

static int fts_open(engine **out, const char *dir, engine_access access) {
  (void)access; /* a reader in WAL mode also opens for writing */
  char path[512];
  snprintf(path, sizeof path, "%s/mail.db", dir);
  engine *e = calloc(1, sizeof *e);
  if (e == NULL) return -1;
  /* One thread has it, so no mutexes, as in SQLite's own shell. */
  if (sqlite3_open_v2(path, &e->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      NULL) != SQLITE_OK)
    goto failed;
  sqlite3_busy_timeout(e->db, 10000);
  if (execute(e, ENGINE_KEY "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;") != 0) goto out;
  if (execute(e,
              "CREATE VIRTUAL TABLE IF NOT EXISTS mail USING fts5(subject, sender, body, "
              "content='', tokenize='porter unicode61');"
              "CREATE TABLE IF NOT EXISTS item(rowid INTEGER PRIMARY KEY, id TEXT, date INTEGER, "
              "folder TEXT);"
              "CREATE INDEX IF NOT EXISTS item_id ON item(id);"
              "CREATE INDEX IF NOT EXISTS item_folder ON item(folder, date);") != 0)
    goto out;
  for (int i = 0; i < STATEMENTS; i++)
    if (prepare(e, texts[i], &e->statements[i]) != 0) goto out;
  if (prepare(e, "INSERT INTO mail(rowid, subject, sender, body) VALUES(?1, ?2, ?3, ?4)",
              &e->insert_text) != 0 ||
      prepare(e, "INSERT INTO item(id, date, folder) VALUES(?1, ?2, ?3)", &e->insert_row) != 0 ||
      prepare(
          e,
          "INSERT INTO mail(mail, rowid, subject, sender, body) VALUES('delete', ?1, ?2, ?3, ?4)",
          &e->delete_text) != 0 ||
      prepare(e, "SELECT rowid FROM item WHERE id = ?1", &e->find_row) != 0 ||
      prepare(e, "DELETE FROM item WHERE rowid = ?1", &e->delete_row) != 0)
    goto out;
  *out = e;
  return 0;
failed:
  fail(e);
out:
  fts_close(e);
  return -1;
}

static int step(engine *e, sqlite3_stmt *s) {
  const int result = sqlite3_step(s);
  sqlite3_reset(s);
  return result == SQLITE_DONE ? 0 : fail(e);
}

static void bind_text(sqlite3_stmt *s, int i, sdx_bytes text) {
  sqlite3_bind_text(s, i, text.data, (int)text.size, SQLITE_STATIC);
}

static void bind_texts(sqlite3_stmt *s, sqlite3_int64 rowid, const corpus_item *item) {
  sqlite3_bind_int64(s, 1, rowid);
  bind_text(s, 2, item->subject);
  bind_text(s, 3, item->from);
  bind_text(s, 4, item->body);
}

static int insert(engine *e, const corpus_item *item) {
  sqlite3_bind_text(e->insert_row, 1, item->id, -1, SQLITE_STATIC);
  sqlite3_bind_int64(e->insert_row, 2, item->date);
  sqlite3_bind_text(e->insert_row, 3, item->folder, -1, SQLITE_STATIC);
  if (step(e, e->insert_row) != 0) return -1;
  bind_texts(e->insert_text, sqlite3_last_insert_rowid(e->db), item);
  return step(e, e->insert_text);
}

static int fts_create(engine **out, const char *dir) {
  return fts_open(out, dir, ENGINE_WRITE);
}

static int fts_add(engine *e, const corpus_item *items, size_t count) {
  if (execute(e, "BEGIN IMMEDIATE") != 0) return -1;
  for (size_t i = 0; i < count; i++)
    if (insert(e, &items[i]) != 0) return -1;
  return execute(e, "COMMIT");
}

static int fts_finish(engine *e) {
  return execute(e, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static int remove_one(engine *e, const corpus_item *item) {
  sqlite3_bind_text(e->find_row, 1, item->id, -1, SQLITE_STATIC);
  if (sqlite3_step(e->find_row) != SQLITE_ROW) return fail(e);
  const sqlite3_int64 rowid = sqlite3_column_int64(e->find_row, 0);
  sqlite3_reset(e->find_row);
  bind_texts(e->delete_text, rowid, item);
  sqlite3_bind_int64(e->delete_row, 1, rowid);
  return step(e, e->delete_text) == 0 ? step(e, e->delete_row) : -1;
}

static int fts_remove(engine *e, const corpus_item *items, size_t count) {
  if (execute(e, "BEGIN IMMEDIATE") != 0) return -1;
  for (size_t i = 0; i < count; i++)
    if (remove_one(e, &items[i]) != 0) return -1;
  return execute(e, "COMMIT");
}

/* What SQLite's manual asks for before deleted text is out of its files. */
static int fts_purge(const char *dir) {
  engine *e = NULL;
  if (fts_open(&e, dir, ENGINE_WRITE) != 0) return -1;
  const int result = execute(e, "INSERT INTO mail(mail) VALUES('optimize'); VACUUM;"
                                "PRAGMA wal_checkpoint(TRUNCATE);");
  fts_close(e);
  return result;
}

static void fts_phrase(const workload_query *q, char *out, size_t size) {
  const char *const a = q->words[0], *const b = q->words[1], *const c = q->words[2],
                    *const d = q->words[3];
  switch (q->kind) {
  case QUERY_AND2:
    snprintf(out, size, "%s AND %s", a, b);
    return;
  case QUERY_AND3:
    snprintf(out, size, "%s AND %s AND %s", a, b, c);
    return;
  case QUERY_NEAR:
    snprintf(out, size, "NEAR(%s %s, 9)", a, b);
    return;
  case QUERY_FIELD:
    snprintf(out, size, "subject : %s", a);
    return;
  case QUERY_FILTER:
    snprintf(out, size, "%s", q->folder);
    return;
  case QUERY_OR4:
    snprintf(out, size, "%s OR %s OR %s OR %s", a, b, c, d);
    return;
  default:
    workload_query_text(q, out, size);
    return;
  }
}

static void bind_query(sqlite3_stmt *s, const workload_query *q, const char *text, size_t limit) {
  sqlite3_bind_text(s, 1, text, -1, SQLITE_STATIC);
  if (sqlite3_bind_parameter_count(s) >= 2) sqlite3_bind_int64(s, 2, (sqlite3_int64)limit);
  if (sqlite3_bind_parameter_count(s) < 4) return;
  sqlite3_bind_int64(s, 3, q->since != 0 ? q->since : INT64_MIN);
  sqlite3_bind_int64(s, 4, q->until != 0 ? q->until : INT64_MAX);
}

static int fts_search(engine *e, const workload_query *q, const char *text, size_t limit,
                      bool exact_total, answer *a) {
  const int which = q->kind == QUERY_FILTER   ? BY_FOLDER
                    : q->kind == QUERY_NEWEST ? BY_ROWID
                                              : BY_RANK;
  sqlite3_stmt *s = e->statements[which];
  bind_query(s, q, text, limit);
  a->count = 0;
  int result;
  while ((result = sqlite3_step(s)) == SQLITE_ROW && a->count < limit) {
    snprintf(a->ids[a->count], ANSWER_ID, "%s", (const char *)sqlite3_column_text(s, 0));
    a->dates[a->count++] = sqlite3_column_int64(s, 1);
  }
  sqlite3_reset(s);
  if (result != SQLITE_DONE && result != SQLITE_ROW) return fail(e);
  a->total = 0;
  if (!exact_total) return 0;
  s = e->statements[which == BY_FOLDER ? COUNT_FOLDER : COUNT];
  bind_query(s, q, text, limit);
  if (sqlite3_step(s) == SQLITE_ROW) a->total = (uint64_t)sqlite3_column_int64(s, 0);
  sqlite3_reset(s);
  return 0;
}

extern const engine_class ENGINE_SYMBOL;
__attribute__((visibility("default"))) const engine_class ENGINE_SYMBOL = {
  .name = ENGINE_NAME,
  .describe = ENGINE_TEXT,
  .create = fts_create,
  .add = fts_add,
  .finish = fts_finish,
  .remove = fts_remove,
  .purge = fts_purge,
  .open = fts_open,
  .phrase = fts_phrase,
  .search = fts_search,
  .close = fts_close,
};
