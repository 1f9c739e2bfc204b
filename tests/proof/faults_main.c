/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-faults: one fault at each place of a run of adds, deletes, restores, changes, folds,
 * merges, maintenance, sweeps, deposits, rekeying, compaction and closing.
 *
 * The run goes over an index that has lived already. Before each of its steps, the step is tried in
 * copies of the index, in processes of their own: once for each write and sync that fails, once for
 * each at which the process is killed, once for each call of LMDB and each allocation that fails.
 * After each, the same handle goes on, and the index opens anew; the step happened whole or not at
 * all, whole where it was acknowledged; nothing that was purged comes back; and after the next
 * write no key and no note of what was to be destroyed is left. No snapshot of the store outlives a
 * call, whatever came of it.
 *
 *   proof-faults [--kind write|kill|lmdb|malloc] [--every N] [--seed N] [--step N]
 *                [--call N]
 *
 * Default: all kinds, every call. --every N tries each N-th call; --step and --call one alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "index/write.h"
#include "life.h"

/* Between them the clock moves by 46 days, once by 20. */
static const step_kind run[] = {
  STEP_ADD,    STEP_DELETE,  STEP_SET,          STEP_BATCH,   STEP_MAINTAIN,      STEP_DEPOSIT,
  STEP_ADD,    STEP_DELETE,  STEP_READD,        STEP_RESTORE, STEP_DELETE,        STEP_MAINTAIN_ALL,
  STEP_IDLE,   STEP_RESTORE, STEP_COMPACT,      STEP_ADD,     STEP_DELETE,        STEP_BATCH,
  STEP_TIME,   STEP_SWEEP,   STEP_CLOSE,        STEP_REKEY,   STEP_ABORTED_BATCH, STEP_DELETE,
  STEP_DELETE, STEP_DEPOSIT, STEP_MAINTAIN_ALL, STEP_TIME,    STEP_SWEEP_KEYLESS, STEP_DELETE,
  STEP_TIME,   STEP_SWEEP,   STEP_ADD,
};
enum { RUN = sizeof run / sizeof *run, BEFORE = 60, DAYS = 46 };

/* What a trial tells; in memory that is shared. */
typedef struct verdict {
  bool good;
  long calls;
  char why[400];
} verdict;

typedef struct trial {
  life l; /* on the copy */
  model before, after;
  const step *step;
  fault_kind kind;
  long n;
  verdict *told;
} trial;

static void say(trial *t, const char *when) {
  t->told->good = false;
  snprintf(t->told->why, sizeof t->told->why, "%s: %.300s", when, t->l.why);
}

/* ------------------------------------------------------------------ afterwards */

/* The index agrees with one of the two: what was before the step, or after. */
static int agrees(trial *t, bool done) {
  t->l.model = t->after;
  if (life_check_one(&t->l, t->l.handles[0]) == 0) return 0;
  if (done) return -1;
  char why[sizeof t->l.why];
  memcpy(why, t->l.why, sizeof why);
  t->l.model = t->before;
  if (life_check_one(&t->l, t->l.handles[0]) == 0) return 0;
  snprintf(t->l.why, sizeof t->l.why, "neither done (%.180s) nor not done (%.180s)", why, why);
  return -1;
}

/* Keys and publications are the same set, and nothing waits to be retired or collected. */
static int check_keys(life *l) {
  sdx_index *index = l->handles[0];
  store_txn *txn = NULL;
  sdx_error err = { 0 };
  bool retired = true, builds = true, strays = false;
  sdx_status status = keyring_refresh(index->keyring, &err);
  if (status == SDX_OK) status = store_read_begin(index->store, &txn, &err);
  if (status != SDX_OK) return life_complain(l, "looking at keys", &err);
  const bool seen = fault_snapshots() == 1; /* that they are counted at all */
  status = holder_any(txn, HOLDER_RETIRED, &retired, &err);
  if (status == SDX_OK) status = holder_any(txn, HOLDER_BUILD, &builds, &err);
  for (size_t i = 0; i < keyring_count(index->keyring); i++) {
    const keyring_entry e = keyring_at(index->keyring, i);
    if (keyring_in_set(e.kind) ? e.id != index->key_set
                               : holder_published(txn, e.id, NULL, NULL) != SDX_OK)
      strays = true;
  }
  store_read_end(txn);
  if (status != SDX_OK) return life_complain(l, "looking at keys", &err);
  if (!seen) return life_complain(l, "this snapshot was not counted", NULL);
  if (retired) return life_complain(l, "a note of what is to be retired is left", NULL);
  if (builds) return life_complain(l, "an unpublished segment is left", NULL);
  if (strays) return life_complain(l, "a key is left that nothing publishes", NULL);
  return 0;
}

static int check_snapshots(life *l) {
  if (fault_snapshots() == 0) return 0;
  snprintf(l->why, sizeof l->why, "%ld snapshots outlive the call", fault_snapshots());
  return -1;
}

static void look(trial *t, bool opened, bool done) {
  const step add = { .kind = STEP_ADD, .random = 4711 };
  if (t->step->kind == STEP_CLOSE && life_reopen_account(&t->l) != 0) {
    say(t, "reopening the account");
    return;
  }
  if (check_snapshots(&t->l) != 0) {
    say(t, "after the step");
    return;
  }
  if (opened && (agrees(t, done) != 0 || check_snapshots(&t->l) != 0)) {
    say(t, "through the same handle");
    return;
  }
  life_close(&t->l);
  t->l.why[0] = '\0';
  if (life_reopen_account(&t->l) != 0 || life_open(&t->l) != 0 || agrees(t, done) != 0) {
    say(t, "opened anew");
    return;
  }
  /* The next writer finishes what is unfinished. */
  if (life_step(&t->l, &add, false) != 0 || check_keys(&t->l) != 0 || life_check_all(&t->l) != 0 ||
      check_snapshots(&t->l) != 0) {
    say(t, "after the next write");
    return;
  }
  t->told->good = true;
}

/* ------------------------------------------------------------------ one trial */

static int open_one(life *l) {
  const sdx_secret own = life_secret();
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  sdx_error err = { 0 };
  options.now = l->model.now;
  if (sdx_open(&l->handles[0], l->dir, &own, &options, &err) == SDX_OK) return 0;
  return life_complain(l, "open", &err);
}

/* The step, with a fault on the way. Returns 0 where it was acknowledged. */
static int act(trial *t, bool *opened) {
  fault_arm(t->kind, t->n);
  int result = open_one(&t->l);
  *opened = result == 0;
  if (result == 0) result = life_step(&t->l, t->step, false);
  t->told->calls = fault_disarm();
  return result;
}

static void try_error(trial *t) {
  bool opened;
  const int result = act(t, &opened);
  if (result != 0 && !t->l.refused) {
    say(t, "the step");
    return;
  }
  if (result != 0 && t->told->calls <= t->n) {
    say(t, "the step failed without a fault");
    return;
  }
  if (result == 0) t->after = t->l.model;
  /* A handle whose rekeying failed may have to be opened anew, as others have to. */
  look(t, opened && (result == 0 || t->step->kind != STEP_REKEY), result == 0);
}

static void try_kill(trial *t) {
  const pid_t victim = fork();
  if (victim == 0) {
    bool opened;
    (void)act(t, &opened);
    _exit(0);
  }
  int status = 0;
  waitpid(victim, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) t->told->calls = t->n + 1;
  look(t, false, false);
}

static bool copy_index(const char *from, const char *to) {
  char command[700];
  life_remove(to);
  /* data.mdb has holes. */
  snprintf(command, sizeof command,
           "mkdir '%s' && cp --sparse=always '%s/data.mdb' '%s/keyring' '%s'", to, from, from, to);
  return system(command) == 0;
}

/* Tries one fault; returns false where it was wrong. *calls: how many there were. */
static bool attempt(const life *l, const step *s, fault_kind kind, long n, verdict *told) {
  *told = (verdict){ .good = false, .calls = 0, .why = "the process died" };
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    static trial t;
    t = (trial){ .l = *l, .step = s, .kind = kind, .n = n, .told = told };
    t.l.handles[0] = t.l.handles[1] = NULL;
    t.l.why[0] = '\0';
    snprintf(t.l.dir, sizeof t.l.dir, "%.200s-trial", l->dir);
    if (!copy_index(l->dir, t.l.dir)) _exit(1);
    life ahead = t.l;
    (void)life_step(&ahead, s, true);
    if (s->kind == STEP_SWEEP_KEYLESS) model_sweep(&ahead.model);
    t.before = t.l.model;
    t.after = ahead.model;
    if (kind == FAULT_KILL)
      try_kill(&t);
    else
      try_error(&t);
    life_close(&t.l);
    life_remove(t.l.dir);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0 && told->good) told->good = false;
  if (WIFSIGNALED(status)) snprintf(told->why, sizeof told->why, "signal %d", WTERMSIG(status));
  return told->good;
}

/* ------------------------------------------------------------------ the run */

typedef struct sum {
  unsigned long tries[FAULT_KINDS], failed;
} sum;

static void try_step(const life *l, const step *s, size_t number, fault_kind kind, long every,
                     long only, sum *all, verdict *told) {
  for (long n = only >= 0 ? only : (long)(number % (size_t)every);; n += every) {
    const bool good = attempt(l, s, kind, n, told);
    all->tries[kind]++;
    if (!good) {
      all->failed++;
      printf("FAILED: step %zu, %s %ld: %s\n", number, fault_names[kind], n, told->why);
      life_tell(s, 1);
    }
    if (told->calls <= n || all->failed >= 20 || only >= 0) break;
  }
}

int main(int argc, char **argv) {
  long every = 1;
  uint64_t seed = 5;
  int only = -1, step_only = -1;
  long call_only = -1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--every") == 0) every = strtol(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--step") == 0) step_only = (int)strtol(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--call") == 0) call_only = strtol(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--seed") == 0) seed = strtoull(argv[i + 1], NULL, 10);
    for (int k = 0; k < FAULT_KINDS; k++)
      if (strcmp(argv[i], "--kind") == 0 && strcmp(argv[i + 1], fault_names[k]) == 0) only = k;
  }
  char dir[200];
  snprintf(dir, sizeof dir, "%s/sealdex-faults-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  verdict *told =
      mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  static life l;
  static step steps[BEFORE], s;
  static sum all;
  if (told == MAP_FAILED || every < 1) return 6;
  int result = life_begin(&l, dir);
  life_draw(steps, BEFORE, seed);
  for (size_t i = 0; i < BEFORE && result == 0; i++) {
    result = life_step(&l, &steps[i], false);
    if (result == 0) result = life_check(&l, steps[i].random);
    if (result == 0) result = check_snapshots(&l);
  }
  for (size_t i = 0; i < RUN && result == 0 && all.failed < 20; i++) {
    life_draw(&s, 1, seed * 1000 + i);
    s.kind = run[i];
    s.elsewhere = s.second = false;
    for (int k = 0; k < FAULT_KINDS && s.kind != STEP_TIME; k++)
      if ((only < 0 || only == k) && (step_only < 0 || step_only == (int)i))
        try_step(&l, &s, i, (fault_kind)k, every, call_only, &all, told);
    if (s.kind == STEP_TIME)
      model_advance(&l.model, l.model.now + (DAYS - (i == 18 ? 26 : 0)) * (int64_t)SDX_DAY);
    else
      result = life_step(&l, &s, false);
  }
  if (result != 0) printf("FAILED: without a fault: %s\n", l.why);
  life_close(&l);
  life_remove(dir);
  for (int k = 0; k < FAULT_KINDS; k++) printf("%s: %lu tries; ", fault_names[k], all.tries[k]);
  printf("%lu failed\n", all.failed);
  return result == 0 && all.failed == 0 ? 0 : 1;
}
