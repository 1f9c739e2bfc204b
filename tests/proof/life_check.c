/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing an index with the model. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "life.h"

static model_query ask(life *l) {
  model_query q = { .folder = -1, .flag = -1 };
  const uint64_t r = life_mix(&l->random);
  q.all = 1u << (r % MODEL_WORDS);
  if ((r >> 8) % 3 == 0) q.all |= 1u << ((r >> 12) % MODEL_WORDS);
  if ((r >> 16) % 4 == 0) {
    q.any = 1u << ((r >> 20) % MODEL_WORDS) | 1u << ((r >> 24) % MODEL_WORDS);
    if ((r >> 28) % 2 == 0) q.all = 0;
  }
  if ((r >> 30) % 4 == 0) q.none = 1u << ((r >> 34) % MODEL_WORDS);
  if ((r >> 38) % 4 == 0) q.folder = (int)((r >> 42) % MODEL_FOLDERS);
  if ((r >> 44) % 4 == 0) q.flag = (int)((r >> 48) % MODEL_FLAGS);
  if ((r >> 52) % 5 == 0)
    q.after = (l->model.now - (int64_t)((r >> 54) % 300) * SDX_DAY) / SDX_DAY * SDX_DAY;
  if ((r >> 56) % 6 == 0)
    q.before = (l->model.now - (int64_t)((r >> 58) % 300) * SDX_DAY) / SDX_DAY * SDX_DAY;
  return q;
}

static int check_hits(life *l, const model_query *q, const sdx_results *results) {
  bool seen[MODEL_ITEMS] = { false };
  unsigned expected = 0;
  for (unsigned i = 0; i < MODEL_ITEMS; i++) expected += model_matches(&l->model, i, q);
  if (!sdx_results_complete(results)) return life_complain(l, "search: not complete", NULL);
  if (!sdx_results_exact(results) || sdx_results_total(results) != expected)
    return life_complain(l, "search: wrong total", NULL);
  if (sdx_results_count(results) != expected)
    return life_complain(l, "search: wrong number of hits", NULL);
  int64_t last = INT64_MAX;
  for (size_t i = 0; i < expected; i++) {
    const sdx_hit *hit = sdx_results_hit(results, i);
    unsigned number = MODEL_ITEMS;
    char id[24];
    for (unsigned k = 0; k < MODEL_ITEMS; k++) {
      const sdx_bytes want = life_id(k, id);
      if (want.size == hit->id.size && memcmp(want.data, hit->id.data, want.size) == 0) number = k;
    }
    if (number == MODEL_ITEMS || seen[number] || !model_matches(&l->model, number, q))
      return life_complain(l, "search: a hit that should not be", NULL);
    seen[number] = true;
    if (hit->date != l->model.items[number].date || hit->date > last)
      return life_complain(l, "search: wrong date or order", NULL);
    last = hit->date;
  }
  return 0;
}

static int search_and_check(life *l, sdx_index *index, const model_query *q) {
  char text[400];
  model_query_text(q, text, sizeof text);
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.limit = MODEL_ITEMS + 10;
  options.sort = SDX_NEWEST_FIRST;
  options.now = l->model.now;
  options.strict = true;
  sdx_results *results = NULL;
  sdx_error err = { 0 };
  if (sdx_search(index, (sdx_bytes){ text, strlen(text) }, &options, &results, &err) != SDX_OK)
    return life_complain(l, "search", &err);
  const int result = check_hits(l, q, results);
  if (result != 0) {
    const size_t at = strlen(l->why);
    snprintf(l->why + at, sizeof l->why - at, " [%s ] total %llu", text,
             (unsigned long long)sdx_results_total(results));
  }
  sdx_results_free(results);
  return result;
}

static int check_state(life *l, sdx_index *index) {
  sdx_state state;
  sdx_error err = { 0 };
  if (sdx_status_of(index, l->model.now, &state, &err) != SDX_OK)
    return life_complain(l, "status", &err);
  unsigned live = 0, deleted = 0, restorable = 0;
  for (unsigned i = 0; i < MODEL_ITEMS; i++) {
    live += l->model.items[i].life == MODEL_LIVE;
    deleted += l->model.items[i].life == MODEL_DELETED;
    restorable += model_restorable(&l->model, i);
  }
  /* What is due goes at a sweep at the latest; upkeep with the key may be earlier. */
  const bool good = state.live == live && state.deleted <= deleted && state.deleted >= restorable &&
                    state.superseded <= l->model.superseded && state.missing == 0 &&
                    state.closed_since == 0 && state.retention == MODEL_RETENTION &&
                    state.store_text && !state.reindex_due && strcmp(state.languages, "en") == 0;
  if (good) return 0;
  snprintf(l->why, sizeof l->why,
           "status: %llu live, not %u; %llu deleted, not %u to %u; %llu superseded, at most %u; "
           "%llu missing",
           (unsigned long long)state.live, live, (unsigned long long)state.deleted, restorable,
           deleted, (unsigned long long)state.superseded, l->model.superseded,
           (unsigned long long)state.missing);
  return -1;
}

/* True where the item is the model's: text, date, kind, folder and flags. */
static bool is_as_added(unsigned number, const model_item *m, const sdx_item *item) {
  life_text t;
  const sdx_item want = life_describe(number, m, &t);
  if (item->date != want.date || item->field_count != 1 || item->kind != want.kind ||
      item->fields[0].text.size != want.fields[0].text.size ||
      memcmp(item->fields[0].text.data, want.fields[0].text.data, want.fields[0].text.size) != 0 ||
      item->flag_count != want.flag_count || item->folder_count != 1 ||
      item->folders[0].size != want.folders[0].size ||
      memcmp(item->folders[0].data, want.folders[0].data, want.folders[0].size) != 0)
    return false;
  for (size_t i = 0; i < want.flag_count; i++) {
    bool found = false;
    for (size_t k = 0; k < item->flag_count; k++)
      found |= item->flags[k].size == want.flags[i].size &&
               memcmp(item->flags[k].data, want.flags[i].data, want.flags[i].size) == 0;
    if (!found) return false;
  }
  return true;
}

static int check_item(life *l, sdx_index *index, unsigned number) {
  const model_item *it = &l->model.items[number];
  char id[24];
  sdx_found *found = NULL;
  sdx_error err = { 0 };
  const sdx_status got = sdx_show(index, life_id(number, id), l->model.now, &found, &err);
  if (got != SDX_OK && got != SDX_NOT_FOUND) return life_complain(l, "show", &err);
  int result = 0;
  if ((got == SDX_OK) != (it->life == MODEL_LIVE))
    result = life_complain(l, "show: wrong status", NULL);
  if (result == 0 && got == SDX_OK && !is_as_added(number, it, sdx_found_item(found)))
    result = life_complain(l, "show: not as it was added", NULL);
  sdx_found_free(found);
  return result;
}

/* ------------------------------------------------------------------ everything */

typedef struct exporting {
  const life *l;
  bool seen[MODEL_ITEMS];
  bool wrong;
} exporting;

static sdx_status take_exported(void *context, const sdx_item *item) {
  exporting *e = context;
  unsigned number = MODEL_ITEMS;
  char id[24];
  for (unsigned k = 0; k < MODEL_ITEMS; k++) {
    const sdx_bytes want = life_id(k, id);
    if (want.size == item->id.size && memcmp(want.data, item->id.data, want.size) == 0) number = k;
  }
  if (number == MODEL_ITEMS || e->seen[number] || e->l->model.items[number].life != MODEL_LIVE ||
      !is_as_added(number, &e->l->model.items[number], item))
    e->wrong = true;
  else
    e->seen[number] = true;
  return SDX_OK;
}

static int check_export(life *l, sdx_index *index) {
  exporting e = { .l = l };
  sdx_error err = { 0 };
  if (sdx_export(index, l->model.now, take_exported, &e, &err) != SDX_OK)
    return life_complain(l, "export", &err);
  for (unsigned i = 0; i < MODEL_ITEMS; i++)
    if (e.seen[i] != (l->model.items[i].life == MODEL_LIVE)) e.wrong = true;
  return e.wrong ? life_complain(l, "export: not the living items", NULL) : 0;
}

static void take_problem(void *context, const char *line) {
  life *l = context;
  if (l->why[0] == '\0') snprintf(l->why, sizeof l->why, "verify: %s", line);
}

static int check_verify(life *l, sdx_index *index) {
  uint64_t problems = 0;
  sdx_error err = { 0 };
  l->why[0] = '\0';
  const sdx_status status = sdx_verify(index, take_problem, l, &problems, &err);
  if (status == SDX_OK && problems == 0) return 0;
  return l->why[0] != '\0' ? -1 : life_complain(l, "verify", &err);
}

/* Every item that is not there is asked back: the deleted ones come, exactly, until they are due.
 */
static int restore_everything(life *l, sdx_index *index) {
  for (unsigned i = 0; i < MODEL_ITEMS; i++) {
    model_item *it = &l->model.items[i];
    char id[24];
    sdx_error err = { 0 };
    const sdx_status want = model_restorable(&l->model, i) ? SDX_OK : SDX_NOT_FOUND;
    const sdx_status got = sdx_restore(index, life_id(i, id), l->model.now, &err);
    if (got != SDX_OK && got != SDX_NOT_FOUND) return life_complain(l, "restore in a copy", &err);
    if (got != want)
      return life_complain(l,
                           want == SDX_OK ? "restore in a copy: it does not come back"
                                          : "restore in a copy: it comes back",
                           NULL);
    if (want != SDX_OK) continue;
    it->life = MODEL_LIVE;
    if (it->expires != 0 && it->expires <= l->model.now) it->expires = 0;
  }
  for (unsigned i = 0; i < MODEL_ITEMS; i++)
    if (check_item(l, index, i) != 0) return -1;
  return check_export(l, index);
}

static bool copy_file(const char *from, const char *to, const char *name) {
  char path[300], buffer[65536];
  snprintf(path, sizeof path, "%s/%s", from, name);
  FILE *in = fopen(path, "rb");
  snprintf(path, sizeof path, "%s/%s", to, name);
  FILE *out = in != NULL ? fopen(path, "wb") : NULL;
  bool good = out != NULL;
  for (size_t n; good && (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
    good = fwrite(buffer, 1, n, out) == n;
  if (in != NULL) fclose(in);
  if (out != NULL && fclose(out) != 0) good = false;
  return good;
}

/* In a process of its own: nobody else's files and locks are touched. */
static int try_restores(life *l, const void *context) {
  const sdx_secret secret = life_secret();
  char copy[280];
  sdx_error err = { 0 };
  sdx_index *index = NULL;
  const model before = l->model;
  (void)context;
  snprintf(copy, sizeof copy, "%s-copy", l->dir);
  life_remove(copy);
  if (mkdir(copy, 0700) != 0 || !copy_file(l->dir, copy, "data.mdb") ||
      !copy_file(l->dir, copy, "keyring"))
    return life_complain(l, "copy", NULL);
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  options.now = l->model.now;
  int result = sdx_open(&index, copy, &secret, &options, &err) == SDX_OK
                   ? restore_everything(l, index)
                   : life_complain(l, "open a copy", &err);
  sdx_close(index);
  life_remove(copy);
  l->model = before;
  return result;
}

int life_check(life *l, uint64_t random) {
  l->random = random ^ 0x5ea1;
  for (unsigned i = 0; i < 2; i++) {
    for (unsigned k = 0; k < 2; k++) {
      const model_query q = ask(l);
      if (search_and_check(l, l->handles[i], &q) != 0) return -1;
    }
    if (check_state(l, l->handles[i]) != 0) return -1;
    if (check_item(l, l->handles[i], (unsigned)(life_mix(&l->random) % MODEL_ITEMS)) != 0)
      return -1;
  }
  return 0;
}

int life_check_one(life *l, sdx_index *index) {
  for (unsigned i = 0; i < MODEL_WORDS; i++) {
    const model_query q = { .all = 1u << i, .folder = -1, .flag = -1 };
    if (search_and_check(l, index, &q) != 0) return -1;
  }
  for (unsigned i = 0; i < MODEL_ITEMS; i++)
    if (check_item(l, index, i) != 0) return -1;
  return check_state(l, index);
}

int life_check_all(life *l) {
  if (life_check_one(l, l->handles[0]) != 0 || check_export(l, l->handles[0]) != 0) return -1;
  if (check_verify(l, l->handles[0]) != 0) return -1;
  return life_elsewhere(l, try_restores, NULL);
}
