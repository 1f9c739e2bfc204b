/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sweep: what is due is destroyed, with a read key if one is at hand and without if not. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/plain.h"
#include "indexer/deposited.h"
#include "indexer/maintain.h"
#include "indexer/purge.h"
#include "indexer/receipt.h"

#define CLOCK_TRUST (7 * (int64_t)SDX_DAY)  /* a clock further on than this waits ... */
#define CLOCK_CONFIRM ((int64_t)SDX_DAY)    /* ... for a sweep so much later */
#define SAVE_TRIES 16 /* to save what lives beside what is due, while others write */
#define NOTE_EVERY (2 * (int64_t)SDX_DAY)   /* sweeps without work are noted so often, not each */

typedef struct sweeping {
  sdx_index *index;
  int64_t now;
  bool keyed, dry_run, force;
  sdx_sweep_report *report;
  const sdx_sweep_options *options;
  uint64_t removals_before; /* generation of the keyring when the sweep began */
  meta_sweep row;
  int64_t closed;
  bool due;      /* something is */
  bool leftover; /* a predecessor left steps undone */
  bool unseen;   /* depositors left rows that no sweep has seen */
} sweeping;

/* ------------------------------------------------------------------ looking */

static sdx_status look_in(sweeping *s, store_txn *t, meta_head *head, sdx_error *err) {
  bool retired = false, builds = false;
  sdx_status status = meta_head_get(t, head, err);
  if (status == SDX_OK) status = meta_sweep_get(t, &s->row, err);
  if (status == SDX_OK) status = meta_closed_get(t, &s->closed, err);
  if (status == SDX_OK) status = purge_is_due(t, s->now, &s->due, err);
  if (status == SDX_OK) status = deposited_unseen(t, &s->unseen, err);
  if (status == SDX_OK) status = holder_any(t, HOLDER_RETIRED, &retired, err);
  if (status == SDX_OK) status = holder_any(t, HOLDER_BUILD, &builds, err);
  s->leftover = retired || builds;
  return status;
}

static sdx_status look(sweeping *s, sdx_error *err) {
  store_txn *t = NULL;
  meta_head head;
  sdx_status status = store_read_begin(s->index->store, &t, err);
  if (status != SDX_OK) return status;
  status = look_in(s, t, &head, err);
  store_read_end(t);
  return status;
}

static sdx_status note(sweeping *s, sdx_error *err) {
  write_txn w;
  if (s->dry_run) return SDX_OK;
  sdx_status status = write_begin(&w, s->index, s->now, true, err);
  if (status != SDX_OK) return status;
  w.visible = false;
  status = meta_sweep_put(w.store, &s->row, err);
  if (status == SDX_OK) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

/* A clock that is far past the last sweep may be wrong: it is believed a day later, or by force. */
static bool believes_clock(sweeping *s) {
  if (s->keyed || s->force || s->now - s->row.last <= CLOCK_TRUST) return true;
  if (s->row.jumped != 0 && s->now >= s->row.jumped && s->now - s->row.jumped >= CLOCK_CONFIRM)
    return true;
  if (s->row.jumped == 0 || s->now < s->row.jumped) s->row.jumped = s->now;
  return false;
}

/* ------------------------------------------------------------------ purging */

static void add_up(sdx_sweep_report *report, const purge_tally *t) {
  report->items_purged += t->purged;
  report->keys_destroyed += t->keys;
  report->items_missing += t->missing;
  report->restorable_lost += t->lost;
}

/* With the key: segments and epochs are rewritten without what is due, buckets emptied of what is
 * not. */
static sdx_status save_the_living(sweeping *s, sdx_error *err) {
  maintain_tally tally = { 0 };
  write_txn w;
  uint64_t moved;
  sdx_status status = maintain_run(s->index, false, s->now, &tally, err);
  s->report->items_purged += tally.purged;
  s->report->keys_destroyed += tally.keys;
  if (status == SDX_OK) status = write_begin(&w, s->index, s->now, true, err);
  if (status != SDX_OK) return status;
  status = purge_rescue(&w, &moved, err);
  if (status == SDX_OK && moved > 0) return write_commit(&w, err);
  write_abort(&w);
  return status;
}

/* What others' writes move that a purge may take along: rows of `due`, and epochs of the journal. */
typedef struct written {
  uint64_t due_generation, epochs_ever;
} written;

static written written_of(const meta_head *head) {
  return (written){ head->due_generation, head->epochs_ever };
}

static sdx_status look_written(sweeping *s, written *out, sdx_error *err) {
  store_txn *t = NULL;
  meta_head head = { 0 };
  sdx_status status = store_read_begin(s->index->store, &t, err);
  if (status != SDX_OK) return status;
  status = meta_head_get(t, &head, err);
  *out = written_of(&head);
  store_read_end(t);
  return status;
}

/* `again`: with the key something living would go, since somebody wrote after the living were saved: what is
 * due already, or changes of attributes. `saved`: as it was before that. */
static sdx_status destroy_due(sweeping *s, written saved, bool *again, sdx_error *err) {
  purge_tally tally = { 0 };
  write_txn w;
  sdx_status status = write_begin(&w, s->index, s->now, true, err);
  if (status != SDX_OK) return status;
  const written since = written_of(&w.head);
  const bool changed = since.due_generation != saved.due_generation || since.epochs_ever != saved.epochs_ever;
  status = purge_due(&w, &tally, err);
  *again = *again && status == SDX_OK && changed && tally.missing + tally.lost > 0;
  if (*again) {
    write_abort(&w);
    return SDX_OK;
  }
  if (status == SDX_OK) status = meta_sweep_put(w.store, &s->row, err);
  if (status == SDX_OK && !s->dry_run)
    status = write_commit(&w, err);
  else
    write_abort(&w);
  if (status == SDX_OK && !s->dry_run) status = write_settle(s->index, s->now, err);
  if (status == SDX_OK) add_up(s->report, &tally);
  return status;
}

static sdx_status save_and_destroy(sweeping *s, sdx_error *err) {
  const bool saves = s->keyed && !s->dry_run;
  sdx_status status = SDX_OK;
  bool again = true;
  for (int i = 1; again && status == SDX_OK; i++) {
    written before = { 0 };
    again = saves && i < SAVE_TRIES;
    status = look_written(s, &before, err);
    if (status == SDX_OK && saves) status = save_the_living(s, err);
    if (status == SDX_DAMAGED)
      status = SDX_OK; /* what cannot be saved is no reason to keep the rest */
    if (status == SDX_OK) status = destroy_due(s, before, &again, err);
  }
  return status;
}

static sdx_status purge(sweeping *s, sdx_error *err) {
  sdx_status status = index_maintenance_begin(s->index, true, err);
  if (status != SDX_OK) return status;
  if (!s->dry_run) status = write_settle(s->index, s->now, err);
  if (status == SDX_DAMAGED) status = SDX_OK;
  if (status == SDX_OK) status = save_and_destroy(s, err);
  index_maintenance_end(s->index);
  if (s->dry_run && s->keyed) { /* a sweep with the key loses nothing */
    s->report->items_missing = 0;
    s->report->restorable_lost = 0;
  }
  return status;
}

/* ------------------------------------------------------------------ closed accounts */

/* Every key has its removal recorded, so that there are receipts: then the keyring goes, log and all. */
static sdx_status remove_all_keys(sweeping *s, sdx_error *err) {
  write_txn w;
  sdx_status status = write_begin(&w, s->index, s->now, true, err);
  if (status != SDX_OK) return status;
  keyring *k = s->index->keyring;
  pthread_mutex_lock(&s->index->keyring_lock);
  const size_t count = keyring_count(k);
  keyring_entry *entries = plain_array(count + 1, sizeof *entries);
  if (entries == NULL) status = error_memory(err);
  for (size_t i = 0; i < count && status == SDX_OK; i++) entries[i] = keyring_at(k, i);
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    status = keyring_stage_remove(k, entries[i].kind, entries[i].id, KEYRING_ACCOUNT, s->now, 0, err);
  if (status == SDX_OK) status = keyring_commit(k, w.base, err);
  else keyring_rollback(k);
  pthread_mutex_unlock(&s->index->keyring_lock);
  write_abort(&w);
  plain_free(entries);
  if (status == SDX_OK) s->report->keys_destroyed += count;
  return status;
}

static void give_receipts(const sweeping *s) {
  const keyring *k = s->index->keyring;
  if (s->options->receipt == NULL || s->dry_run) return;
  for (size_t i = 0; i < keyring_removals(k); i++) {
    const sdx_receipt receipt = receipt_of(k, i);
    if (receipt.generation > s->removals_before)
      s->options->receipt(s->options->receipt_context, &receipt);
  }
}

/* The keyring first: from then on nothing opens, whatever becomes of the files. */
static sdx_status destroy_account(sweeping *s, const char *dir, sdx_error *err) {
  static const char *const names[] = { "data.mdb", "lock.mdb" };
  sdx_status status = index_maintenance_begin(s->index, true, err);
  if (status != SDX_OK) return status;
  status = remove_all_keys(s, err);
  if (status == SDX_OK) give_receipts(s);
  if (status == SDX_OK) status = keyring_destroy_in(dir, s->index->storage, err);
  for (size_t i = 0; i < 2 && status == SDX_OK; i++)
    if (unlinkat(s->index->dir_fd, names[i], 0) != 0 && errno != ENOENT)
      status = error_system(err, errno, "cannot remove the files of a closed account");
  index_maintenance_end(s->index);
  if (status != SDX_OK) return status;
  (void)rmdir(dir); /* where nothing else stands in it */
  s->report->accounts_destroyed++;
  return SDX_OK;
}

/* ------------------------------------------------------------------ nothing to do */

static bool is_closed_for_good(const sweeping *s) {
  return s->closed != 0 && s->now - s->closed >= SDX_CLOSED_KEEP + SDX_CLOSED_GRACE;
}

static bool tells(const sweeping *s) {
  return !s->row.ever || s->row.jumped != 0 || s->now - s->row.last >= NOTE_EVERY ||
         s->now < s->row.last;
}

/* In most indexes, on most nights, nothing is due: that shows in a few reads, where opening the
 * index takes longer than all of the rest. Whatever is not just as it should be is left to whoever
 * opens it. */
static bool nothing_to_do(sweeping *s, int dir) {
  keyring_outline keys;
  store_txn *t = NULL;
  meta_head head = { 0 };
  if (keyring_glance(&keys, dir, s->options->keyring, NULL) != SDX_OK) return false;
  sdx_status status = store_glance_begin(&t, dir, NULL);
  if (status != SDX_OK) return false;
  status = look_in(s, t, &head, NULL);
  if (!store_glance_end(t) || status != SDX_OK) return false;
  const bool belong = memcmp(head.index_id, keys.index_id, sizeof keys.index_id) == 0 &&
                      head.generation >= keys.store_generation &&
                      head.keyring_generation <= keys.generation;
  return belong && !s->due && !s->unseen && !s->leftover && !is_closed_for_good(s) &&
         believes_clock(s) && !tells(s);
}

static bool is_idle(sweeping *s, const char *dir) {
  const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  s->now = s->options->now != 0 ? s->options->now : (int64_t)time(NULL);
  const bool idle = nothing_to_do(s, fd);
  close(fd);
  return idle;
}

/* ------------------------------------------------------------------ the call */

static sdx_status sweep(sweeping *s, const char *dir, sdx_error *err) {
  sdx_status status = look(s, err);
  if (status != SDX_OK) return status;
  if (!believes_clock(s)) {
    s->report->clock_refused = true;
    return note(s, err);
  }
  const bool tell = tells(s);
  s->row = (meta_sweep){ .last = s->now, .ever = true };
  if (is_closed_for_good(s)) {
    if (!s->dry_run) return destroy_account(s, dir, err);
    s->report->accounts_destroyed++;
    return SDX_OK;
  }
  /* A key at hand is for upkeep too: what was deleted moves to the trash before it is due, so that a
   * later sweep without the key finds it apart from what lives. */
  if (s->unseen && !s->dry_run) status = deposited_mark(s->index, s->now, err);
  if (status != SDX_OK) return status;
  if (s->due || (s->keyed && !s->dry_run)) return purge(s, err);
  if (s->leftover && !s->dry_run) status = write_settle(s->index, s->now, err);
  return status == SDX_OK && tell ? note(s, err) : status;
}

sdx_status sdx_sweep(const char *dir, const sdx_sweep_options *options, sdx_sweep_report *report,
                     sdx_error *err) {
  const sdx_sweep_options defaults = SDX_SWEEP_OPTIONS_INIT;
  const sdx_sweep_options *o = options != NULL ? options : &defaults;
  sdx_sweep_report unread;
  sweeping s = { .keyed = o->secret != NULL, .dry_run = o->dry_run, .force = o->force,
                 .report = report != NULL ? report : &unread, .options = o };
  *s.report = (sdx_sweep_report){ .indexes = 1 };
  if (dir == NULL || o->version != 1)
    return error_set(err, SDX_INVALID, "sweep: a directory and options of version 1 are needed");
  if (!s.keyed && is_idle(&s, dir)) return SDX_OK;
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  opening.keyring = o->keyring;
  sdx_status status = SDX_CLOSED;
  if (s.keyed) status = sdx_open(&s.index, dir, o->secret, &opening, err);
  if (status == SDX_CLOSED) { /* a closed account is swept without its key */
    s.keyed = false;
    status = index_open_locked(&s.index, dir, o->keyring, err);
  }
  if (status == SDX_OK) {
    s.now = index_now(s.index, o->now);
    s.removals_before = keyring_generation(s.index->keyring);
    status = sweep(&s, dir, err);
    if (s.report->accounts_destroyed == 0) give_receipts(&s);
  }
  if (status != SDX_OK) s.report->failed = 1;
  sdx_close(s.index);
  return status;
}
