/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

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

static int sealdex_open(engine **out, const char *dir) {
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
  const sdx_secret secret = secret_of_bench();
  if (sdx_init(dir, &secret, &options, &err) != SDX_OK) return fail(&err);
  return sealdex_open(out, dir);
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

static int sealdex_build(engine *e, const corpus *c) {
  sdx_error err = { 0 };
  sdx_batch *batch = NULL;
  if (sdx_batch_begin(&batch, e->index, NULL, &err) != SDX_OK) return fail(&err);
  for (size_t i = 0; i < c->count; i++) {
    item_parts parts;
    const sdx_item item = make_item(&c->items[i], &parts);
    sdx_outcome outcome;
    if (sdx_batch_add(batch, &item, &outcome, &err) != SDX_OK) {
      sdx_batch_abort(batch);
      return fail(&err);
    }
  }
  return sdx_batch_commit(batch, &err) == SDX_OK ? 0 : fail(&err);
}

static int sealdex_add(engine *e, const corpus_item *c) {
  sdx_error err = { 0 };
  item_parts parts;
  const sdx_item item = make_item(c, &parts);
  sdx_outcome outcome;
  return sdx_add(e->index, &item, NULL, &outcome, &err) == SDX_OK ? 0 : fail(&err);
}

static int sealdex_delete(engine *e, const corpus_item *c) {
  sdx_error err = { 0 };
  return sdx_delete(e->index, (sdx_bytes){ c->id, strlen(c->id) }, 0, &err) == SDX_OK ? 0 : fail(&err);
}

static int sealdex_search(engine *e, const workload_query *q, const char *text, bool exact_total,
                          answer *a) {
  sdx_error err = { 0 };
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.limit = ANSWER_HITS;
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

static void sealdex_close(engine *e) {
  if (e == NULL) return;
  sdx_close(e->index);
  free(e);
}

const engine_class engine_sealdex = {
  .name = "Sealdex",
  .describe = "Sealdex " SDX_VERSION ", XChaCha20-Poly1305, 16 MiB cache, stored text off",
  .create = sealdex_create,
  .build = sealdex_build,
  .add = sealdex_add,
  .delete_item = sealdex_delete,
  .open = sealdex_open,
  .phrase = workload_query_text,
  .search = sealdex_search,
  .close = sealdex_close,
};
