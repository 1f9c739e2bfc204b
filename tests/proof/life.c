/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "life.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often each kind is drawn. */
static const unsigned weights[STEP_KINDS] = {
  [STEP_ADD] = 30,     [STEP_READD] = 4,        [STEP_BATCH] = 5, [STEP_ABORTED_BATCH] = 2,
  [STEP_DELETE] = 14,  [STEP_RESTORE] = 8,      [STEP_SET] = 12,  [STEP_TIME] = 8,
  [STEP_MAINTAIN] = 4, [STEP_MAINTAIN_ALL] = 3, [STEP_SWEEP] = 4, [STEP_REOPEN] = 3,
  [STEP_IDLE] = 1,
};

static const uint8_t life_key[SDX_KEY_SIZE] = "the key of a random life, 32 by";

static uint64_t mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static sdx_secret key_of_life(void) {
  return (sdx_secret){ .kind = SDX_SECRET_KEY, .bytes = life_key, .size = sizeof life_key };
}

static int complain(life *l, const char *what, const sdx_error *err) {
  snprintf(l->why, sizeof l->why, "%s%s%s", what, err != NULL ? ": " : "",
           err != NULL ? err->message : "");
  return -1;
}

static sdx_bytes id_of(unsigned item, char out[24]) {
  const int size = snprintf(out, 24, "item/%u", item);
  return (sdx_bytes){ out, (size_t)size };
}

/* ------------------------------------------------------------------ writing */

typedef struct item_text {
  char id[24], subject[32], body[200];
  sdx_field fields[2];
  sdx_bytes folder, flags[MODEL_FLAGS];
} item_text;

static sdx_item describe(unsigned number, const model_item *m, item_text *t) {
  sdx_item item = SDX_ITEM_INIT;
  item.id = id_of(number, t->id);
  item.date = m->date;
  item.expires = m->expires;
  t->body[0] = '\0';
  for (unsigned i = 0; i < MODEL_WORDS; i++) {
    if ((m->words >> i & 1) == 0) continue;
    strcat(t->body, model_words[i]);
    strcat(t->body, " ");
  }
  t->fields[0] = (sdx_field){ "body", { t->body, strlen(t->body) } };
  item.fields = t->fields;
  item.field_count = 1;
  t->folder = (sdx_bytes){ model_folders[m->folder], strlen(model_folders[m->folder]) };
  item.folders = &t->folder;
  item.folder_count = 1;
  for (unsigned i = 0; i < MODEL_FLAGS; i++)
    if ((m->flags >> i & 1) != 0)
      t->flags[item.flag_count++] = (sdx_bytes){ model_flags[i], strlen(model_flags[i]) };
  item.flags = t->flags;
  return item;
}

static model_item invent(life *l) {
  model_item m = { .life = MODEL_LIVE };
  m.words = (uint32_t)(mix(&l->random) & mix(&l->random)) & ((1u << MODEL_WORDS) - 1);
  if (m.words == 0) m.words = 1;
  m.date = l->model.now - (int64_t)(mix(&l->random) % (400 * SDX_DAY));
  m.folder = (unsigned)(mix(&l->random) % MODEL_FOLDERS);
  m.flags = (unsigned)(mix(&l->random) % (1u << MODEL_FLAGS));
  if (mix(&l->random) % 12 == 0)
    m.expires = l->model.now + 1 + (int64_t)(mix(&l->random) % (30 * SDX_DAY));
  return m;
}

static bool same_content(const model_item *a, const model_item *b) {
  return a->words == b->words && a->date == b->date && a->expires == b->expires &&
         a->folder == b->folder && a->flags == b->flags;
}

static sdx_outcome expected_outcome(const model_item *old) {
  return old->life == MODEL_ABSENT ? SDX_ADDED : old->life == MODEL_LIVE ? SDX_UPDATED : SDX_ADDED;
}

/* A deleted item that is added with other content lives again; whether that is called added or
 * updated is not the model's business. */
static bool outcome_fits(const model_item *old, sdx_outcome got) {
  if (old->life == MODEL_DELETED) return got == SDX_ADDED || got == SDX_UPDATED;
  return got == expected_outcome(old);
}

static int do_add(life *l, sdx_index *index) {
  const unsigned number = (unsigned)(mix(&l->random) % MODEL_ITEMS);
  model_item m = invent(l);
  model_item *old = &l->model.items[number];
  if (old->life != MODEL_ABSENT && same_content(old, &m)) m.words ^= 1u << 5;
  item_text t;
  const sdx_item item = describe(number, &m, &t);
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  options.now = l->model.now;
  sdx_outcome outcome;
  sdx_error err = { 0 };
  if (index != NULL) {
    if (sdx_add(index, &item, &options, &outcome, &err) != SDX_OK) return complain(l, "add", &err);
    if (!outcome_fits(old, outcome)) return complain(l, "add: wrong outcome", NULL);
  }
  *old = m;
  return 0;
}

static int do_readd(life *l, sdx_index *index) {
  const unsigned number = (unsigned)(mix(&l->random) % MODEL_ITEMS);
  model_item *old = &l->model.items[number];
  if (index == NULL || old->life == MODEL_ABSENT) return 0;
  /* Due but not swept yet: whether that is hidden still or a new item is not laid down. */
  if (old->life == MODEL_DELETED && !model_restorable(&l->model, number)) return 0;
  item_text t;
  const sdx_item item = describe(number, old, &t);
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  options.now = l->model.now;
  sdx_outcome outcome;
  sdx_error err = { 0 };
  if (sdx_add(index, &item, &options, &outcome, &err) != SDX_OK) return complain(l, "re-add", &err);
  if (outcome != SDX_UNCHANGED) return complain(l, "re-add: not unchanged", NULL);
  return 0;
}

static int do_batch(life *l, sdx_index *index, bool abort_it) {
  sdx_batch *batch = NULL;
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  options.now = l->model.now;
  sdx_error err = { 0 };
  model after = l->model;
  if (index != NULL && sdx_batch_begin(&batch, index, &options, &err) != SDX_OK)
    return complain(l, "batch", &err);
  const unsigned n = 1 + (unsigned)(mix(&l->random) % 20);
  for (unsigned i = 0; i < n; i++) {
    const unsigned number = (unsigned)(mix(&l->random) % MODEL_ITEMS);
    model_item m = invent(l);
    model_item *old = &after.items[number];
    if (old->life != MODEL_ABSENT && same_content(old, &m)) m.words ^= 1u << 5;
    item_text t;
    const sdx_item item = describe(number, &m, &t);
    sdx_outcome outcome;
    if (batch != NULL && sdx_batch_add(batch, &item, &outcome, &err) != SDX_OK) {
      sdx_batch_abort(batch);
      return complain(l, "batch add", &err);
    }
    *old = m;
  }
  if (abort_it) {
    sdx_batch_abort(batch);
    return 0;
  }
  if (batch != NULL && sdx_batch_commit(batch, &err) != SDX_OK)
    return complain(l, "batch commit", &err);
  l->model = after;
  return 0;
}

static int do_delete(life *l, sdx_index *index) {
  const unsigned number = (unsigned)(mix(&l->random) % MODEL_ITEMS);
  model_item *it = &l->model.items[number];
  char id[24];
  sdx_error err = { 0 };
  sdx_status got = it->life == MODEL_LIVE ? SDX_OK : SDX_NOT_FOUND;
  if (index != NULL) got = sdx_delete(index, id_of(number, id), l->model.now, &err);
  if (got != SDX_OK && got != SDX_NOT_FOUND) return complain(l, "delete", &err);
  if ((got == SDX_OK) != (it->life == MODEL_LIVE)) return complain(l, "delete: wrong status", NULL);
  if (it->life != MODEL_LIVE) return 0;
  it->life = MODEL_DELETED;
  it->deleted_at = l->model.now;
  return 0;
}

static int do_restore(life *l, sdx_index *index) {
  unsigned number = (unsigned)(mix(&l->random) % MODEL_ITEMS);
  for (unsigned i = 0; i < MODEL_ITEMS && l->model.items[number].life != MODEL_DELETED; i++)
    number = (number + 1) % MODEL_ITEMS;
  model_item *it = &l->model.items[number];
  char id[24];
  sdx_error err = { 0 };
  sdx_status got = model_restorable(&l->model, number) ? SDX_OK : SDX_NOT_FOUND;
  if (index != NULL) got = sdx_restore(index, id_of(number, id), l->model.now, &err);
  if (got != SDX_OK && got != SDX_NOT_FOUND) return complain(l, "restore", &err);
  if ((got == SDX_OK) != model_restorable(&l->model, number))
    return complain(l, "restore: wrong status", NULL);
  if (got != SDX_OK) return 0;
  it->life = MODEL_LIVE;
  /* One that expired and is wanted back stays: its expiry has been carried out. */
  if (it->expires != 0 && it->expires <= l->model.now) it->expires = 0;
  return 0;
}

static int do_set(life *l, sdx_index *index) {
  const unsigned number = (unsigned)(mix(&l->random) % MODEL_ITEMS);
  model_item *it = &l->model.items[number];
  const unsigned folder = (unsigned)(mix(&l->random) % MODEL_FOLDERS);
  const unsigned flag = (unsigned)(mix(&l->random) % MODEL_FLAGS);
  const bool on = mix(&l->random) % 2 == 0;
  const sdx_change changes[2] = {
    { SDX_SET_FOLDER, { model_folders[folder], strlen(model_folders[folder]) } },
    { on ? SDX_ADD_FLAG : SDX_REMOVE_FLAG, { model_flags[flag], strlen(model_flags[flag]) } },
  };
  char id[24];
  sdx_error err = { 0 };
  sdx_status got = it->life == MODEL_LIVE ? SDX_OK : SDX_NOT_FOUND;
  if (index != NULL) got = sdx_set(index, id_of(number, id), changes, 2, l->model.now, &err);
  if (got != SDX_OK && got != SDX_NOT_FOUND) return complain(l, "set", &err);
  if ((got == SDX_OK) != (it->life == MODEL_LIVE)) return complain(l, "set: wrong status", NULL);
  if (got != SDX_OK) return 0;
  it->folder = folder;
  it->flags = on ? it->flags | 1u << flag : it->flags & ~(1u << flag);
  return 0;
}

static int do_time(life *l) {
  static const int64_t jumps[] = { 1, 60, 3600, SDX_DAY, 3 * SDX_DAY, 6 * SDX_DAY };
  const int64_t jump = jumps[mix(&l->random) % (sizeof jumps / sizeof *jumps)];
  model_advance(&l->model, l->model.now + jump + (int64_t)(mix(&l->random) % 3));
  return 0;
}

static int do_maintain(life *l, sdx_index *index, bool all) {
  sdx_error err = { 0 };
  if (index == NULL) return 0;
  if (sdx_maintain(index, all, l->model.now, &err) != SDX_OK) return complain(l, "maintain", &err);
  return 0;
}

static int do_sweep(life *l, const sdx_index *index) {
  const sdx_secret secret = key_of_life();
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  options.now = l->model.now;
  options.force = true;
  options.secret = &secret;
  sdx_sweep_report report = { 0 };
  sdx_error err = { 0 };
  if (index != NULL && sdx_sweep(l->dir, &options, &report, &err) != SDX_OK)
    return complain(l, "sweep", &err);
  model_sweep(&l->model);
  if (report.items_missing != 0 || report.restorable_lost != 0)
    return complain(l, "sweep: with the key, yet something living was lost", NULL);
  return 0;
}

static int open_handle(life *l, unsigned i) {
  const sdx_secret secret = key_of_life();
  sdx_error err = { 0 };
  sdx_close(l->handles[i]);
  l->handles[i] = NULL;
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  options.now = l->model.now; /* its clock stands until a call is told a later time */
  if (sdx_open(&l->handles[i], l->dir, &secret, &options, &err) != SDX_OK)
    return complain(l, "open", &err);
  return 0;
}

static int act(life *l, const step *s, sdx_index *index) {
  sdx_error err = { 0 };
  switch (s->kind) {
  case STEP_ADD:
    return do_add(l, index);
  case STEP_READD:
    return do_readd(l, index);
  case STEP_BATCH:
    return do_batch(l, index, false);
  case STEP_ABORTED_BATCH:
    return do_batch(l, index, true);
  case STEP_DELETE:
    return do_delete(l, index);
  case STEP_RESTORE:
    return do_restore(l, index);
  case STEP_SET:
    return do_set(l, index);
  case STEP_TIME:
    return do_time(l);
  case STEP_MAINTAIN:
    return do_maintain(l, index, false);
  case STEP_MAINTAIN_ALL:
    return do_maintain(l, index, true);
  case STEP_SWEEP:
    return do_sweep(l, index);
  case STEP_REOPEN:
    return index == NULL ? 0 : open_handle(l, (unsigned)(l->random % 2));
  case STEP_IDLE:
    return index == NULL || sdx_idle(index, &err) == SDX_OK ? 0 : complain(l, "idle", &err);
  case STEP_KINDS:
    break;
  }
  return complain(l, "no such step", NULL);
}

/* The child acts through a handle of its own and hands back the model, or why it failed. */
static int act_elsewhere(life *l, const step *s) {
  int channel[2];
  if (pipe(channel) != 0) return complain(l, "pipe", NULL);
  const pid_t child = fork();
  if (child < 0) return complain(l, "fork", NULL);
  if (child == 0) {
    const sdx_secret secret = key_of_life();
    sdx_error err = { 0 };
    sdx_index *index = NULL;
    l->why[0] = '\0';
    sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
    options.now = l->model.now;
    if (sdx_open(&index, l->dir, &secret, &options, &err) != SDX_OK)
      complain(l, "open", &err);
    else
      (void)act(l, s, index);
    sdx_close(index);
    l->handles[0] = l->handles[1] = NULL;
    const ssize_t sent = write(channel[1], l, sizeof *l);
    _exit(sent == (ssize_t)sizeof *l ? 0 : 1);
  }
  close(channel[1]);
  static life back; /* big; one thread */
  size_t have = 0;
  for (ssize_t n;
       have < sizeof back && (n = read(channel[0], (char *)&back + have, sizeof back - have)) > 0;)
    have += (size_t)n;
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (have != sizeof back || status != 0) return complain(l, "the other process died", NULL);
  l->model = back.model;
  if (back.why[0] == '\0') return 0;
  memcpy(l->why, back.why, sizeof l->why);
  return -1;
}

/* ------------------------------------------------------------------ checking */

static model_query ask(life *l) {
  model_query q = { .folder = -1, .flag = -1 };
  const uint64_t r = mix(&l->random);
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
  if (!sdx_results_complete(results)) return complain(l, "search: not complete", NULL);
  if (!sdx_results_exact(results) || sdx_results_total(results) != expected)
    return complain(l, "search: wrong total", NULL);
  if (sdx_results_count(results) != expected)
    return complain(l, "search: wrong number of hits", NULL);
  int64_t last = INT64_MAX;
  for (size_t i = 0; i < expected; i++) {
    const sdx_hit *hit = sdx_results_hit(results, i);
    unsigned number = MODEL_ITEMS;
    char id[24];
    for (unsigned k = 0; k < MODEL_ITEMS; k++) {
      const sdx_bytes want = id_of(k, id);
      if (want.size == hit->id.size && memcmp(want.data, hit->id.data, want.size) == 0) number = k;
    }
    if (number == MODEL_ITEMS || seen[number] || !model_matches(&l->model, number, q))
      return complain(l, "search: a hit that should not be", NULL);
    seen[number] = true;
    if (hit->date != l->model.items[number].date || hit->date > last)
      return complain(l, "search: wrong date or order", NULL);
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
    return complain(l, "search", &err);
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
    return complain(l, "status", &err);
  unsigned live = 0;
  for (unsigned i = 0; i < MODEL_ITEMS; i++) live += l->model.items[i].life == MODEL_LIVE;
  if (state.live == live) return 0;
  snprintf(l->why, sizeof l->why, "status: %llu live, not %u", (unsigned long long)state.live,
           live);
  return -1;
}

static int check_item(life *l, sdx_index *index, unsigned number) {
  const model_item *it = &l->model.items[number];
  char id[24];
  sdx_found *found = NULL;
  sdx_error err = { 0 };
  const sdx_status got = sdx_show(index, id_of(number, id), l->model.now, &found, &err);
  if (got != SDX_OK && got != SDX_NOT_FOUND) return complain(l, "show", &err);
  int result = 0;
  if ((got == SDX_OK) != (it->life == MODEL_LIVE)) result = complain(l, "show: wrong status", NULL);
  if (result == 0 && got == SDX_OK) {
    const sdx_item *item = sdx_found_item(found);
    item_text t;
    const sdx_item want = describe(number, it, &t);
    if (item->date != want.date || item->field_count != 1 ||
        item->fields[0].text.size != want.fields[0].text.size ||
        memcmp(item->fields[0].text.data, want.fields[0].text.data, want.fields[0].text.size) !=
            0 ||
        item->flag_count != want.flag_count || item->folder_count != 1)
      result = complain(l, "show: not as it was added", NULL);
  }
  sdx_found_free(found);
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
    if (check_item(l, l->handles[i], (unsigned)(mix(&l->random) % MODEL_ITEMS)) != 0) return -1;
  }
  return 0;
}

/* ------------------------------------------------------------------ lives */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

void life_remove(const char *dir) {
  nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int life_open(life *l) {
  return open_handle(l, 0) == 0 && open_handle(l, 1) == 0 ? 0 : -1;
}

void life_close(life *l) {
  sdx_close(l->handles[0]);
  sdx_close(l->handles[1]);
  l->handles[0] = l->handles[1] = NULL;
}

int life_begin(life *l, const char *dir) {
  *l = (life){ .model.now = 1700000000 };
  snprintf(l->dir, sizeof l->dir, "%s", dir);
  life_remove(dir);
  const sdx_secret secret = key_of_life();
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  options.now = l->model.now;
  sdx_error err = { 0 };
  if (sdx_init(dir, &secret, &options, &err) != SDX_OK) return complain(l, "init", &err);
  return life_open(l);
}

int life_step(life *l, const step *s, bool predict) {
  l->random = s->random;
  if (predict) return act(l, s, NULL);
  if (s->elsewhere && s->kind != STEP_REOPEN) return act_elsewhere(l, s);
  return act(l, s, l->handles[s->second]);
}

int life_check_all(life *l) {
  for (unsigned i = 0; i < MODEL_WORDS; i++) {
    const model_query q = { .all = 1u << i, .folder = -1, .flag = -1 };
    if (search_and_check(l, l->handles[0], &q) != 0) return -1;
  }
  for (unsigned i = 0; i < MODEL_ITEMS; i++)
    if (check_item(l, l->handles[0], i) != 0) return -1;
  return check_state(l, l->handles[0]);
}

void life_draw(step *steps, size_t count, uint64_t seed) {
  unsigned sum = 0;
  for (unsigned k = 0; k < STEP_KINDS; k++) sum += weights[k];
  for (size_t i = 0; i < count; i++) {
    unsigned at = (unsigned)(mix(&seed) % sum), kind = 0;
    while (at >= weights[kind]) at -= weights[kind++];
    const uint64_t r = mix(&seed);
    steps[i] = (step){ .kind = (step_kind)kind,
                       .elsewhere = r % 9 == 0,
                       .second = (r >> 8) % 2 != 0,
                       .random = mix(&seed) };
  }
}

void life_tell(const step *steps, size_t count) {
  static const char *const names[STEP_KINDS] = {
    "add",  "re-add",   "batch",        "aborted batch", "delete", "restore", "set",
    "time", "maintain", "maintain all", "sweep",         "reopen", "idle"
  };
  for (size_t i = 0; i < count; i++)
    printf("  %zu: %s%s%s (%llx)\n", i, names[steps[i].kind],
           steps[i].elsewhere ? " elsewhere" : "", steps[i].second ? " by the second handle" : "",
           (unsigned long long)steps[i].random);
}
