/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-crash: kill -9 at random moments of random lives. After each, the index opens, every step
 * that was acknowledged holds, and the step under way happened whole or not at all.
 *
 *   proof-crash [--kills N] [--seed N]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "life.h"

enum { STEPS = 400 };

/* What the victim tells, in memory that outlives it. */
typedef struct testimony {
  volatile size_t done; /* steps that were acknowledged */
  model model;          /* as it stands after them; written before `done` moves */
  model next;           /* after the step under way */
  char why[400];
} testimony;

static void live_until_killed(life *l, const step *steps, testimony *t) {
  if (life_open(l) != 0) goto failed;
  for (size_t i = t->done; i < STEPS; i++) {
    life ahead = *l;
    if (life_step(&ahead, &steps[i], true) != 0) goto failed;
    t->next = ahead.model;
    __sync_synchronize();
    if (life_step(l, &steps[i], false) != 0) goto failed;
    t->model = l->model;
    __sync_synchronize();
    t->done = i + 1;
  }
  _exit(0);
failed:
  memcpy(t->why, l->why, sizeof t->why);
  _exit(1);
}

static int same_lives(const model *a, const model *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

/* The model that the index agrees with: what was acknowledged, or that and the step under way. */
static int settle(life *l, const testimony *t) {
  l->model = t->model;
  if (life_reopen_account(l) != 0 || life_open(l) != 0) return -1;
  if (life_check_all(l) == 0) return 0;
  if (same_lives(&t->model, &t->next)) return -1;
  l->model = t->next;
  l->why[0] = '\0';
  return life_check_all(l);
}

int main(int argc, char **argv) {
  unsigned kills = 200;
  uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--kills") == 0) kills = (unsigned)strtoul(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--seed") == 0) seed = strtoull(argv[i + 1], NULL, 10);
  }
  char dir[200];
  snprintf(dir, sizeof dir, "%s/sealdex-crash-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  testimony *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  static step steps[STEPS];
  static life l;
  if (t == MAP_FAILED) return 6;
  unsigned done = 0, lives = 0;
  int result = 0;
  srand((unsigned)seed);
  while (done < kills && result == 0) {
    life_draw(steps, STEPS, seed + lives++);
    for (size_t i = 0; i < STEPS; i++) {
      steps[i].elsewhere = false;
      /* What the model cannot say beforehand, and what deep rekeying does to the deposit key. */
      if (steps[i].kind == STEP_SWEEP_KEYLESS) steps[i].kind = STEP_SWEEP;
      if (steps[i].kind == STEP_REKEY) steps[i].kind = STEP_MAINTAIN_ALL;
    }
    if (life_begin(&l, dir) != 0) result = 1;
    life_close(&l);
    *t = (testimony){ .done = 0, .model = l.model, .next = l.model };
    while (result == 0 && t->done < STEPS && done < kills) {
      const pid_t victim = fork();
      if (victim == 0) live_until_killed(&l, steps, t);
      const struct timespec wait = { 0, 1000 * (1000 + rand() % 60000) };
      nanosleep(&wait, NULL);
      kill(victim, SIGKILL);
      int status = 0;
      waitpid(victim, &status, 0);
      if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        memcpy(l.why, t->why, sizeof l.why);
        result = 1;
        break;
      }
      done++;
      if (settle(&l, t) != 0) result = 1;
      life_close(&l);
      if (!same_lives(&l.model, &t->model)) t->done = t->done + 1; /* the step under way happened */
      t->model = t->next = l.model;
    }
    if (result != 0)
      printf("life %llu, kill %u, step %zu: %s\n", (unsigned long long)(seed + lives - 1), done,
             t->done, l.why);
  }
  life_remove(dir);
  printf("%u kills in %u lives, %d failed\n", done, lives, result);
  return result;
}
