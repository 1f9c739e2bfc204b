/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls and page faults of an open, a warm search and a single durable add, counted by
 * stopping a child at every call (ptrace). The child says with a call of its own where a phase
 * begins.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"
#include "usage.h"

enum {
  PHASE_OTHER,
  PHASE_OPEN,
  PHASE_SEARCH,
  PHASE_ADD,
  PHASES,
  MARK = 0x5ea1de,
  SEARCHES = 100,
  ADDS = 20
};

static const char *const subjects[PHASES] = { "", "open", "warm search", "single add" };
static const double calls_of[PHASES] = { 1, 1, SEARCHES, ADDS };

typedef struct traced {
  const bench *b;
  const contender *c;
  uint64_t faults[PHASES]; /* page faults; shared with the child */
} traced;

static uint64_t faults_now(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (uint64_t)(r.ru_minflt + r.ru_majflt);
}

static void enter(int phase) {
  syscall(SYS_getpriority, MARK, phase);
}

static int search_once(const traced *t, engine *e, size_t i) {
  static answer a;
  char text[600];
  const workload_query *q = &t->b->work->queries[i * 37 % t->b->work->count];
  t->c->class->phrase(q, text, sizeof text);
  return t->c->class->search(e, q, text, ANSWER_HITS, false, &a);
}

/* What is counted. The search phase is entered anew for each search, so that nothing else is in it.
 */
static int work(traced *t) {
  engine *e = NULL;
  char id[32];
  int result = 0;
  uint64_t before = faults_now();
  enter(PHASE_OPEN);
  result = t->c->class->open(&e, t->c->dir, ENGINE_WRITE);
  enter(PHASE_OTHER);
  t->faults[PHASE_OPEN] = faults_now() - before;
  for (size_t pass = 0; pass < 2 && result == 0; pass++) { /* the first one warms */
    before = faults_now();
    for (size_t i = 0; i < SEARCHES && result == 0; i++) {
      if (pass > 0) enter(PHASE_SEARCH);
      result = search_once(t, e, i);
      enter(PHASE_OTHER);
    }
    t->faults[PHASE_SEARCH] = faults_now() - before;
  }
  before = faults_now();
  for (size_t i = 0; i < ADDS && result == 0; i++) {
    corpus_item item = t->b->mail->items[i * 13 % t->b->mail->count];
    snprintf(id, sizeof id, "traced/%zu", i);
    item.id = id;
    enter(PHASE_ADD);
    result = t->c->class->add(e, &item, 1);
    enter(PHASE_OTHER);
  }
  t->faults[PHASE_ADD] = faults_now() - before;
  if (e != NULL) t->c->class->close(e);
  return result;
}

/* Follows the child to its end, counting calls per phase. Returns its exit code, or -1. */
static int follow(pid_t child, uint64_t counts[PHASES]) {
  int phase = PHASE_OTHER, status = 0, result = -1;
  const long options =
      PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
  if (ptrace(PTRACE_SETOPTIONS, child, 0, options) != 0) return -1;
  ptrace(PTRACE_SYSCALL, child, 0, 0);
  for (pid_t who; (who = waitpid(-1, &status, __WALL)) > 0;) {
    int deliver = 0;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (who == child) result = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      if (who == child) break;
      continue;
    }
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      struct __ptrace_syscall_info info;
      const long size = ptrace(PTRACE_GET_SYSCALL_INFO, who, sizeof info, &info);
      if (size > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        if (info.entry.nr == SYS_getpriority && info.entry.args[0] == MARK)
          phase = info.entry.args[1] < PHASES ? (int)info.entry.args[1] : PHASE_OTHER;
        else
          counts[phase]++;
      }
    } else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP) {
      deliver = WSTOPSIG(status);
    }
    ptrace(PTRACE_SYSCALL, who, 0, deliver);
  }
  return result;
}

int stage_syscalls(bench *b) {
  fprintf(stderr, "counting system calls\n");
  traced *t = usage_share(sizeof *t);
  int result = 0;
  for (size_t k = 0; k < b->count && result == 0; k++) {
    uint64_t counts[PHASES] = { 0 };
    *t = (traced){ .b = b, .c = &b->engines[k] };
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
      if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(99);
      raise(SIGSTOP);
      _exit(work(t) == 0 ? 0 : 1);
    }
    result = follow(child, counts);
    if (result == -1 || result == 99) {
      fprintf(stderr, "absent: counts of system calls (this machine allows no tracing)\n");
      result = 0;
      break;
    }
    for (int phase = 1; phase < PHASES; phase++) {
      figures_put(&b->figures, "syscalls", t->c->class->name, subjects[phase], "calls", "1/op",
                  (double)counts[phase] / calls_of[phase]);
      figures_put(&b->figures, "syscalls", t->c->class->name, subjects[phase], "faults", "1/op",
                  (double)t->faults[phase] / calls_of[phase]);
    }
  }
  usage_unshare(t, sizeof *t);
  return result;
}
