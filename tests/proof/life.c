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

uint64_t life_mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

sdx_secret life_secret(void) {
  return (sdx_secret){ .kind = SDX_SECRET_KEY, .bytes = life_key, .size = sizeof life_key };
}

int life_complain(life *l, const char *what, const sdx_error *err) {
  l->refused = err != NULL;
  snprintf(l->why, sizeof l->why, "%s%s%s", what, err != NULL ? ": " : "",
           err != NULL ? err->message : "");
  return -1;
}

sdx_bytes life_id(unsigned item, char out[24]) {
  const int size = snprintf(out, 24, "item/%u", item);
  return (sdx_bytes){ out, (size_t)size };
}

/* ------------------------------------------------------------------ writing */

sdx_item life_describe(unsigned number, const model_item *m, life_text *t) {
  sdx_item item = SDX_ITEM_INIT;
  item.id = life_id(number, t->id);
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
  m.words = (uint32_t)(life_mix(&l->random) & life_mix(&l->random)) & ((1u << MODEL_WORDS) - 1);
  if (m.words == 0) m.words = 1;
  m.date = l->model.now - (int64_t)(life_mix(&l->random) % (400 * SDX_DAY));
  m.folder = (unsigned)(life_mix(&l->random) % MODEL_FOLDERS);
  m.flags = (unsigned)(life_mix(&l->random) % (1u << MODEL_FLAGS));
  if (life_mix(&l->random) % 12 == 0)
    m.expires = l->model.now + 1 + (int64_t)(life_mix(&l->random) % (30 * SDX_DAY));
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

/* A new item, or a new version of one, through either handle; through none it is only foretold. */
static int add_one(life *l, sdx_index *index, sdx_deposit *deposit, bool may_expire) {
  const unsigned number = (unsigned)(life_mix(&l->random) % MODEL_ITEMS);
  model_item m = invent(l);
  model_item *old = &l->model.items[number];
  if (!may_expire) m.expires = 0;
  if (old->life != MODEL_ABSENT && same_content(old, &m)) m.words ^= 1u << 5;
  life_text t;
  const sdx_item item = life_describe(number, &m, &t);
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  options.now = l->model.now;
  sdx_outcome outcome = expected_outcome(old);
  sdx_error err = { 0 };
  if (index != NULL && sdx_add(index, &item, &options, &outcome, &err) != SDX_OK)
    return life_complain(l, "add", &err);
  if (deposit != NULL && sdx_deposit_add(deposit, &item, &options, &outcome, &err) != SDX_OK)
    return life_complain(l, "deposit", &err);
  if (!outcome_fits(old, outcome)) return life_complain(l, "add: wrong outcome", NULL);
  l->model.superseded += old->life != MODEL_ABSENT;
  *old = m;
  return 0;
}

static int do_readd(life *l, sdx_index *index) {
  const unsigned number = (unsigned)(life_mix(&l->random) % MODEL_ITEMS);
  model_item *old = &l->model.items[number];
  if (index == NULL || old->life == MODEL_ABSENT) return 0;
  /* Due but not swept yet: whether that is hidden still or a new item is not laid down. */
  if (old->life == MODEL_DELETED && !model_restorable(&l->model, number)) return 0;
  life_text t;
  const sdx_item item = life_describe(number, old, &t);
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  options.now = l->model.now;
  sdx_outcome outcome;
  sdx_error err = { 0 };
  if (sdx_add(index, &item, &options, &outcome, &err) != SDX_OK)
    return life_complain(l, "re-add", &err);
  if (outcome != SDX_UNCHANGED) return life_complain(l, "re-add: not unchanged", NULL);
  return 0;
}

static int do_batch(life *l, sdx_index *index, bool abort_it) {
  sdx_batch *batch = NULL;
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  options.now = l->model.now;
  sdx_error err = { 0 };
  model after = l->model;
  if (index != NULL && sdx_batch_begin(&batch, index, &options, &err) != SDX_OK)
    return life_complain(l, "batch", &err);
  const unsigned n = 1 + (unsigned)(life_mix(&l->random) % 20);
  for (unsigned i = 0; i < n; i++) {
    const unsigned number = (unsigned)(life_mix(&l->random) % MODEL_ITEMS);
    model_item m = invent(l);
    model_item *old = &after.items[number];
    if (old->life != MODEL_ABSENT && same_content(old, &m)) m.words ^= 1u << 5;
    life_text t;
    const sdx_item item = life_describe(number, &m, &t);
    sdx_outcome outcome;
    if (batch != NULL && sdx_batch_add(batch, &item, &outcome, &err) != SDX_OK) {
      sdx_batch_abort(batch);
      return life_complain(l, "batch add", &err);
    }
    after.superseded += old->life != MODEL_ABSENT;
    *old = m;
  }
  if (abort_it) {
    sdx_batch_abort(batch);
    return 0;
  }
  if (batch != NULL && sdx_batch_commit(batch, &err) != SDX_OK)
    return life_complain(l, "batch commit", &err);
  l->model = after;
  return 0;
}

static int do_delete(life *l, sdx_index *index) {
  const unsigned number = (unsigned)(life_mix(&l->random) % MODEL_ITEMS);
  model_item *it = &l->model.items[number];
  char id[24];
  sdx_error err = { 0 };
  sdx_status got = it->life == MODEL_LIVE ? SDX_OK : SDX_NOT_FOUND;
  if (index != NULL) got = sdx_delete(index, life_id(number, id), l->model.now, &err);
  if (got != SDX_OK && got != SDX_NOT_FOUND) return life_complain(l, "delete", &err);
  if ((got == SDX_OK) != (it->life == MODEL_LIVE))
    return life_complain(l, "delete: wrong status", NULL);
  if (it->life != MODEL_LIVE) return 0;
  it->life = MODEL_DELETED;
  it->deleted_at = l->model.now;
  return 0;
}

static int do_restore(life *l, sdx_index *index) {
  unsigned number = (unsigned)(life_mix(&l->random) % MODEL_ITEMS);
  for (unsigned i = 0; i < MODEL_ITEMS && l->model.items[number].life != MODEL_DELETED; i++)
    number = (number + 1) % MODEL_ITEMS;
  model_item *it = &l->model.items[number];
  char id[24];
  sdx_error err = { 0 };
  sdx_status got = model_restorable(&l->model, number) ? SDX_OK : SDX_NOT_FOUND;
  if (index != NULL) got = sdx_restore(index, life_id(number, id), l->model.now, &err);
  if (got != SDX_OK && got != SDX_NOT_FOUND) return life_complain(l, "restore", &err);
  if ((got == SDX_OK) != model_restorable(&l->model, number))
    return life_complain(l, "restore: wrong status", NULL);
  if (got != SDX_OK || l->flaw == FLAW_RESTORE) return 0;
  it->life = MODEL_LIVE;
  /* One that expired and is wanted back stays: its expiry has been carried out. */
  if (it->expires != 0 && it->expires <= l->model.now) it->expires = 0;
  return 0;
}

/* `set` and `set_deposited` differ in their handle alone. */
typedef struct writer {
  sdx_index *index;
  sdx_deposit *deposit;
} writer;

static int set_attributes(life *l, const writer *w) {
  const unsigned number = (unsigned)(life_mix(&l->random) % MODEL_ITEMS);
  model_item *it = &l->model.items[number];
  const unsigned folder = (unsigned)(life_mix(&l->random) % MODEL_FOLDERS);
  const unsigned flag = (unsigned)(life_mix(&l->random) % MODEL_FLAGS);
  const bool on = life_mix(&l->random) % 2 == 0;
  const sdx_change changes[2] = {
    { SDX_SET_FOLDER, { model_folders[folder], strlen(model_folders[folder]) } },
    { on ? SDX_ADD_FLAG : SDX_REMOVE_FLAG, { model_flags[flag], strlen(model_flags[flag]) } },
  };
  char id[24];
  sdx_error err = { 0 };
  sdx_status got = it->life == MODEL_LIVE ? SDX_OK : SDX_NOT_FOUND;
  if (w->index != NULL)
    got = sdx_set(w->index, life_id(number, id), changes, 2, l->model.now, &err);
  if (w->deposit != NULL)
    got = sdx_deposit_set(w->deposit, life_id(number, id), changes, 2, l->model.now, &err);
  if (got != SDX_OK && got != SDX_NOT_FOUND) return life_complain(l, "set", &err);
  if ((got == SDX_OK) != (it->life == MODEL_LIVE))
    return life_complain(l, "set: wrong status", NULL);
  if (got != SDX_OK) return 0;
  it->folder = folder;
  it->flags = on && l->flaw != FLAW_FLAG ? it->flags | 1u << flag : it->flags & ~(1u << flag);
  return 0;
}

static int do_set(life *l, sdx_index *index) {
  const writer w = { index, NULL };
  return set_attributes(l, &w);
}

static int do_deposit(life *l, bool predict) {
  const sdx_secret secret = { SDX_SECRET_DEPOSIT, l->deposit_key, sizeof l->deposit_key };
  writer w = { NULL, NULL };
  sdx_error err = { 0 };
  if (!predict && sdx_deposit_open(&w.deposit, l->dir, &secret, NULL, &err) != SDX_OK)
    return life_complain(l, "deposit handle", &err);
  /* When what expires by a depositor's word falls due depends on when it was seen: none does. */
  int result = add_one(l, NULL, w.deposit, false);
  if (result == 0) result = set_attributes(l, &w);
  sdx_deposit_close(w.deposit);
  return result;
}

static int do_time(life *l) {
  static const int64_t jumps[] = { 1,           60,          3600,         SDX_DAY,
                                   3 * SDX_DAY, 6 * SDX_DAY, 20 * SDX_DAY, 46 * SDX_DAY };
  const int64_t jump = jumps[life_mix(&l->random) % (sizeof jumps / sizeof *jumps)];
  model_advance(&l->model, l->model.now + jump + (int64_t)(life_mix(&l->random) % 3));
  return 0;
}

static int do_maintain(life *l, sdx_index *index, bool all) {
  sdx_error err = { 0 };
  if (index == NULL) return 0;
  if (sdx_maintain(index, all, l->model.now, &err) != SDX_OK)
    return life_complain(l, "maintain", &err);
  return 0;
}

static int do_sweep(life *l, const sdx_index *index) {
  const sdx_secret secret = life_secret();
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  options.now = l->model.now;
  options.force = true;
  options.secret = &secret;
  sdx_sweep_report report = { 0 };
  sdx_error err = { 0 };
  if (index != NULL && sdx_sweep(l->dir, &options, &report, &err) != SDX_OK)
    return life_complain(l, "sweep", &err);
  if (l->flaw != FLAW_SWEEP)
    model_sweep(&l->model);
  else
    l->model.items[life_mix(&l->random) % MODEL_ITEMS].life = MODEL_ABSENT;
  if (report.items_missing != 0 || report.restorable_lost != 0)
    return life_complain(l, "sweep: with the key, yet something living was lost", NULL);
  return 0;
}

static int open_handle(life *l, unsigned i) {
  const sdx_secret secret = life_secret();
  sdx_error err = { 0 };
  sdx_close(l->handles[i]);
  l->handles[i] = NULL;
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  options.now = l->model.now; /* its clock stands until a call is told a later time */
  if (sdx_open(&l->handles[i], l->dir, &secret, &options, &err) != SDX_OK)
    return life_complain(l, "open", &err);
  return 0;
}

/* A sweep without the key destroys what is due with all that stands beside it: it is let go only
 * where its dry run says that nothing is lost, and then it must do as that said. */
static int do_keyless_sweep(life *l) {
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report told = { 0 }, done = { 0 };
  sdx_error err = { 0 };
  options.now = l->model.now;
  options.force = true;
  options.dry_run = true;
  if (sdx_sweep(l->dir, &options, &told, &err) != SDX_OK) return life_complain(l, "dry run", &err);
  if (told.items_missing != 0 || told.restorable_lost != 0) return 0;
  options.dry_run = false;
  if (sdx_sweep(l->dir, &options, &done, &err) != SDX_OK)
    return life_complain(l, "keyless sweep", &err);
  if (done.items_missing != 0 || done.restorable_lost != 0 ||
      done.items_purged != told.items_purged || done.keys_destroyed < told.keys_destroyed)
    return life_complain(l, "keyless sweep: not as its dry run said", NULL);
  model_sweep(&l->model);
  return 0;
}

int life_reopen_account(life *l) {
  sdx_error err = { 0 };
  if (sdx_reopen_account(l->dir, NULL, l->model.now, &err) == SDX_OK) return 0;
  return life_complain(l, "reopen account", &err);
}

static int do_close_account(life *l, sdx_index *index) {
  sdx_error err = { 0 };
  sdx_results *results = NULL;
  char id[24];
  if (sdx_close_account(l->dir, NULL, l->model.now, &err) != SDX_OK)
    return life_complain(l, "close account", &err);
  if (sdx_search(index, (sdx_bytes){ "zebra", 5 }, NULL, &results, &err) != SDX_CLOSED ||
      sdx_delete(index, life_id(1, id), l->model.now, &err) != SDX_CLOSED)
    return life_complain(l, "a closed account does not refuse", &err);
  return life_reopen_account(l);
}

static int do_rekey(life *l, sdx_index *index) {
  const bool deep = life_mix(&l->random) % 3 == 0;
  sdx_error err = { 0 };
  if (sdx_rekey(index, NULL, NULL, deep, l->model.now, &err) != SDX_OK)
    return life_complain(l, "rekey", &err);
  if (deep && sdx_deposit_key(index, l->deposit_key, &err) != SDX_OK)
    return life_complain(l, "deposit key", &err);
  return 0;
}

static int do_back(life *l) {
  const int64_t to = l->model.now - 1 - (int64_t)(life_mix(&l->random) % (2 * SDX_DAY));
  if (model_can_go_back(&l->model, to)) l->model.now = to;
  return 0;
}

static int act(life *l, const step *s, sdx_index *index) {
  sdx_error err = { 0 };
  switch (s->kind) {
  case STEP_ADD:
    return add_one(l, index, NULL, true);
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
    return index == NULL || sdx_idle(index, &err) == SDX_OK ? 0 : life_complain(l, "idle", &err);
  case STEP_BACK:
    return do_back(l);
  case STEP_SWEEP_KEYLESS:
    return index == NULL ? 0 : do_keyless_sweep(l);
  case STEP_CLOSE:
    return index == NULL ? 0 : do_close_account(l, index);
  case STEP_COMPACT:
    if (index == NULL || sdx_compact(l->dir, &err) == SDX_OK) return 0;
    return life_complain(l, "compact", &err);
  case STEP_DEPOSIT:
    return do_deposit(l, index == NULL);
  case STEP_REKEY:
    return index == NULL ? 0 : do_rekey(l, index);
  case STEP_KINDS:
    break;
  }
  return life_complain(l, "no such step", NULL);
}

/* The child acts, and hands back the model, or why it failed. */
int life_elsewhere(life *l, int (*acting)(life *l, const void *context), const void *context) {
  int channel[2];
  if (pipe(channel) != 0) return life_complain(l, "pipe", NULL);
  const pid_t child = fork();
  if (child < 0) return life_complain(l, "fork", NULL);
  if (child == 0) {
    l->why[0] = '\0';
    (void)acting(l, context);
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
  if (have != sizeof back || status != 0) return life_complain(l, "the other process died", NULL);
  l->model = back.model;
  memcpy(l->deposit_key, back.deposit_key, sizeof l->deposit_key);
  if (back.why[0] == '\0') return 0;
  memcpy(l->why, back.why, sizeof l->why);
  return -1;
}

static int act_with_own_handle(life *l, const void *context) {
  const sdx_secret secret = life_secret();
  sdx_error err = { 0 };
  sdx_index *index = NULL;
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  options.now = l->model.now;
  if (sdx_open(&index, l->dir, &secret, &options, &err) != SDX_OK)
    life_complain(l, "open", &err);
  else
    (void)act(l, context, index);
  sdx_close(index);
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
  *l = (life){ .model.now = 1700000000, .flaw = l->flaw };
  snprintf(l->dir, sizeof l->dir, "%s", dir);
  life_remove(dir);
  const sdx_secret secret = life_secret();
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  options.now = l->model.now;
  sdx_error err = { 0 };
  if (sdx_init(dir, &secret, &options, &err) != SDX_OK) return life_complain(l, "init", &err);
  if (life_open(l) != 0) return -1;
  return sdx_deposit_key(l->handles[0], l->deposit_key, &err) == SDX_OK
             ? 0
             : life_complain(l, "deposit key", &err);
}

int life_step(life *l, const step *s, bool predict) {
  l->random = s->random;
  if (predict) return act(l, s, NULL);
  int result;
  if (s->elsewhere && s->kind != STEP_REOPEN)
    result = life_elsewhere(l, act_with_own_handle, s);
  else
    result = act(l, s, l->handles[s->second]);
  /* A new root: handles that were open have to open anew. */
  if (result == 0 && s->kind == STEP_REKEY) result = life_open(l);
  return result;
}

void life_draw(step *steps, size_t count, uint64_t seed) {
  unsigned sum = 0;
  for (unsigned k = 0; k < STEP_KINDS; k++) sum += weights[k];
  for (size_t i = 0; i < count; i++) {
    unsigned at = (unsigned)(life_mix(&seed) % sum), kind = 0;
    while (at >= weights[kind]) at -= weights[kind++];
    const uint64_t r = life_mix(&seed);
    steps[i] = (step){ .kind = (step_kind)kind,
                       .elsewhere = r % 9 == 0,
                       .second = (r >> 8) % 2 != 0,
                       .random = life_mix(&seed) };
  }
}

void life_tell(const step *steps, size_t count) {
  static const char *const names[STEP_KINDS] = {
    "add",      "re-add",       "batch",         "aborted batch",
    "delete",   "restore",      "set",           "time",
    "maintain", "maintain all", "sweep",         "reopen",
    "idle",     "clock back",   "keyless sweep", "close and reopen account",
    "compact",  "deposit",      "rekey"
  };
  for (size_t i = 0; i < count; i++)
    printf("  %zu: %s%s%s (%llx)\n", i, names[steps[i].kind],
           steps[i].elsewhere ? " elsewhere" : "", steps[i].second ? " by the second handle" : "",
           (unsigned long long)steps[i].random);
}
