/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealdex as a webmail backend runs it. Compiled a second time against a library whose blocks are
 * only copied, not sealed (ENGINE_NULL), as a module of its own, to show what sealing costs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

#ifdef ENGINE_NULL
#define ENGINE_SYMBOL engine_null
#define ENGINE_NAME "Sealdex unsealed"
#define ENGINE_TEXT                                                                                \
  "the same with a null cipher, as a build for this bench alone: what sealing costs"
#define ENGINE_CIPHER ((sdx_cipher)255)
#else
#define ENGINE_SYMBOL engine_sealdex
#define ENGINE_NAME "Sealdex"
#define ENGINE_TEXT "Sealdex " SDX_VERSION ": XChaCha20-Poly1305, 16 MB for blocks and searches, stored text off"
#define ENGINE_CIPHER SDX_XCHACHA20_POLY1305
#endif

struct engine {
  sdx_index *index;
};

static const uint8_t bench_key[SDX_KEY_SIZE] = "a key for benches, not for mail";

static sdx_secret secret_of_bench(void) {
  return (sdx_secret){ .kind = SDX_SECRET_KEY, .bytes = bench_key, .size = sizeof bench_key };
}

static int fail(const sdx_error *err) {
  fprintf(stderr, "sealdex: %s\n", err->message);
  return -1;
}

static int sealdex_open(engine **out, const char *dir, engine_access access) {
  (void)access; /* a handle writes nothing until its first write */
  sdx_error err = { 0 };
  engine *e = calloc(1, sizeof *e);
  if (e == NULL) return -1;
  const sdx_secret secret = secret_of_bench();
  if (sdx_open(&e->index, dir, &secret, NULL, &err) != SDX_OK) {
    free(e);
    return fail(&err);
  }
  *out = e;
  return 0;
}

static int sealdex_create(engine **out, const char *dir) {
  sdx_error err = { 0 };
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  options.no_store_text = true;
  options.cipher = ENGINE_CIPHER;
  const sdx_secret secret = secret_of_bench();
  if (sdx_init(dir, &secret, &options, &err) != SDX_OK) return fail(&err);
  return sealdex_open(out, dir, ENGINE_WRITE);
}

typedef struct item_parts {
  sdx_field fields[3];
  sdx_bytes folder;
} item_parts;

static sdx_item make_item(const corpus_item *c, item_parts *parts) {
  *parts = (item_parts){
    .fields = { { "subject", c->subject }, { "from", c->from }, { "body", c->body } },
    .folder = { c->folder, strlen(c->folder) },
  };
  sdx_item item = SDX_ITEM_INIT;
  item.id = (sdx_bytes){ c->id, strlen(c->id) };
  item.date = c->date;
  item.fields = parts->fields;
  item.field_count = 3;
  item.folders = &parts->folder;
  item.folder_count = parts->folder.size > 0;
  item.size = c->body.size;
  return item;
}

static int sealdex_add_on(engine *e, const corpus_item *items, size_t count, unsigned threads) {
  sdx_error err = { 0 };
  sdx_batch *batch = NULL;
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  options.threads = threads;
  if (sdx_batch_begin(&batch, e->index, &options, &err) != SDX_OK) return fail(&err);
  for (size_t i = 0; i < count; i++) {
    item_parts parts;
    const sdx_item item = make_item(&items[i], &parts);
    sdx_outcome outcome;
    if (sdx_batch_add(batch, &item, &outcome, &err) != SDX_OK) {
      sdx_batch_abort(batch);
      return fail(&err);
    }
  }
  return sdx_batch_commit(batch, &err) == SDX_OK ? 0 : fail(&err);
}

static int sealdex_add(engine *e, const corpus_item *items, size_t count) {
  sdx_error err = { 0 };
  item_parts parts;
  if (count != 1) return sealdex_add_on(e, items, count, 1);
  const sdx_item item = make_item(items, &parts);
  sdx_outcome outcome;
  return sdx_add(e->index, &item, NULL, &outcome, &err) == SDX_OK ? 0 : fail(&err);
}

/* The upkeep that a backend runs when a session ends: folds what is still in the journal, and joins segments. */
static int sealdex_finish(engine *e) {
  sdx_error err = { 0 };
  return sdx_maintain(e->index, false, 0, &err) == SDX_OK ? 0 : fail(&err);
}

static int sealdex_remove(engine *e, const corpus_item *items, size_t count) {
  sdx_error err = { 0 };
  for (size_t i = 0; i < count; i++) {
    const sdx_bytes id = { items[i].id, strlen(items[i].id) };
    if (sdx_delete(e->index, id, 0, &err) != SDX_OK) return fail(&err);
  }
  return 0;
}

/* The keyed upkeep that moves deleted items to the trash, then the keyless sweep on the day they
 * fall due, which destroys the trash keys. */
static int sealdex_purge(const char *dir) {
  sdx_error err = { 0 };
  engine *e = NULL;
  if (sealdex_open(&e, dir, ENGINE_WRITE) != 0) return -1;
  const sdx_status status = sdx_maintain(e->index, true, 0, &err);
  sdx_close(e->index);
  free(e);
  if (status != SDX_OK) return fail(&err);
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  options.now = time(NULL) + SDX_RETENTION_DEFAULT + SDX_DAY;
  options.force = true; /* the clock jumps here */
  sdx_sweep_report report;
  return sdx_sweep(dir, &options, &report, &err) == SDX_OK ? 0 : fail(&err);
}

static int sealdex_search(engine *e, const workload_query *q, const char *text, size_t limit,
                          bool exact_total, answer *a) {
  sdx_error err = { 0 };
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.limit = limit;
  options.bound_total = !exact_total;
  if (q->kind == QUERY_NEWEST || q->kind == QUERY_FILTER) options.sort = SDX_NEWEST_FIRST;
  sdx_results *results = NULL;
  const sdx_bytes query = { text, strlen(text) };
  if (sdx_search(e->index, query, &options, &results, &err) != SDX_OK) return fail(&err);
  a->count = sdx_results_count(results);
  for (size_t i = 0; i < a->count; i++) {
    const sdx_hit *hit = sdx_results_hit(results, i);
    const size_t size = hit->id.size < ANSWER_ID ? hit->id.size : ANSWER_ID - 1;
    memcpy(a->ids[i], hit->id.data, size);
    a->ids[i][size] = '\0';
    a->dates[i] = hit->date;
  }
  a->total = exact_total ? sdx_results_total(results) : 0;
  sdx_results_free(results);
  return 0;
}

static int sealdex_rebuild(const char *dir, const char *const *paths, size_t count, unsigned jobs,
                           uint64_t *bytes) {
  sdx_error err = { 0 };
  engine *e = NULL;
  sdx_source *source = NULL;
  if (sealdex_open(&e, dir, ENGINE_WRITE) != 0) return -1;
  sdx_reindex_options options = SDX_REINDEX_OPTIONS_INIT;
  options.mode = SDX_REINDEX_ALL;
  options.jobs = jobs;
  options.anew = true;
  sdx_reindex_report report = { 0 };
  sdx_status status = sdx_source_open(&source, paths, count, NULL, &err);
  if (status == SDX_OK) status = sdx_reindex(e->index, source, &options, &report, &err);
  sdx_source_close(source);
  sdx_close(e->index);
  free(e);
  if (status != SDX_OK) return fail(&err);
  *bytes = report.bytes;
  if (!report.swapped) fprintf(stderr, "sealdex: the new index was not put in place\n");
  return report.swapped ? 0 : -1;
}

static void sealdex_close(engine *e) {
  if (e == NULL) return;
  sdx_close(e->index);
  free(e);
}

static uint64_t sealdex_used(const char *dir) {
  sdx_state state = { 0 };
  engine *e = NULL;
  if (sealdex_open(&e, dir, ENGINE_READ) != 0) return 0;
  if (sdx_status_of(e->index, 0, &state, NULL) != SDX_OK) state = (sdx_state){ 0 };
  sealdex_close(e);
  return state.used_bytes + state.keyring_bytes;
}

extern const engine_class ENGINE_SYMBOL;
__attribute__((visibility("default"))) const engine_class ENGINE_SYMBOL = {
  .name = ENGINE_NAME,
  .describe = ENGINE_TEXT,
  .threads = true,
  .create = sealdex_create,
  .add = sealdex_add,
  .add_on = sealdex_add_on,
  .finish = sealdex_finish,
  .remove = sealdex_remove,
  .purge = sealdex_purge,
  .rebuild = sealdex_rebuild,
  .open = sealdex_open,
  .phrase = workload_query_text,
  .search = sealdex_search,
  .close = sealdex_close,
  .used = sealdex_used,
};
