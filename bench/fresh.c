/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fresh.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "stopwatch.h"

extern char **environ;

struct fresh {
  int fd; /* of the memory, which the program inherits */
  char engine[32], dir[400];
  workload_query query;
  char folder[4096]; /* of the query */
  double open, search;
};

static fresh *map(int fd) {
  fresh *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return f == MAP_FAILED ? NULL : f;
}

fresh *fresh_new(void) {
  const int fd = memfd_create("sealdex-bench", 0);
  if (fd < 0 || ftruncate(fd, sizeof(fresh)) != 0) abort();
  fresh *f = map(fd);
  if (f == NULL) abort();
  f->fd = fd;
  return f;
}

void fresh_free(fresh *f) {
  close(f->fd);
  munmap(f, sizeof *f);
}

static int start(int fd) {
  char number[16], name[] = "sealdex-bench", command[] = "fresh";
  char *const argv[] = { name, command, number, NULL };
  pid_t child = 0;
  int status = -1;
  snprintf(number, sizeof number, "%d", fd);
  fflush(NULL);
  if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ) != 0) return -1;
  if (waitpid(child, &status, 0) != child) return -1;
  return status == 0 ? 0 : -1;
}

static int fail(const contender *c) {
  fprintf(stderr, "sealdex-bench: %s: no answer from a process of its own\n", c->class->name);
  return -1;
}

int fresh_ask(fresh *f, const contender *c, const workload_query *q, double *open, double *search) {
  const char *folder = q->folder != NULL ? q->folder : "";
  if (strlen(folder) >= sizeof f->folder) return fail(c);
  snprintf(f->engine, sizeof f->engine, "%s", c->class->name);
  snprintf(f->dir, sizeof f->dir, "%s", c->dir);
  snprintf(f->folder, sizeof f->folder, "%s", folder);
  f->query = *q;
  if (start(f->fd) != 0) return fail(c);
  *open = f->open;
  *search = f->search;
  return 0;
}

static int ask(fresh *f) {
  static answer a;
  const engine_class *class = engine_named(f->engine);
  workload_query q = f->query;
  char text[600];
  engine *e = NULL;
  if (class == NULL) return -1;
  if (q.folder != NULL) q.folder = f->folder;
  class->phrase(&q, text, sizeof text);
  const double start = stopwatch_now();
  if (class->open(&e, f->dir, ENGINE_READ) != 0) return -1;
  const double opened = stopwatch_now();
  const int result = class->search(e, &q, text, ANSWER_HITS, false, &a);
  f->search = stopwatch_now() - opened;
  f->open = opened - start;
  class->close(e);
  return result;
}

int command_fresh(int argc, char **argv) {
  fresh *f = argc == 2 ? map(atoi(argv[1])) : NULL;
  if (f == NULL) return 2;
  return ask(f) == 0 ? 0 : 6;
}
