/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new index from the raw files in place of the live one. Sealdex does so beside searches and
 * writes (sdx_reindex); it reads and indexes whole messages here, every field and every attachment,
 * where the other stages have three fields. Of the peers' formats none can be made anew from what
 * is in it: their users decode and build beside, and swap, which is the sum of both. One core is one:
 * the processes that read mail share it with the thread that indexes.
 */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "stage.h"
#include "usage.h"

typedef struct rebuilding {
  const bench *b;
  unsigned cores;
  usage used;
  uint64_t bytes; /* of raw files */
} rebuilding;

/* This process, and those that it starts, stay where it runs now. */
static int stay_on_one(void) {
  cpu_set_t one;
  const int here = sched_getcpu();
  if (here < 0) return -1;
  CPU_ZERO(&one);
  CPU_SET((size_t)here, &one);
  return sched_setaffinity(0, sizeof one, &one);
}

static int rebuild_here(void *context) {
  rebuilding *r = context;
  const bench *b = r->b;
  if (r->cores == 1 && stay_on_one() != 0) return -1;
  usage_forget_peak();
  const usage before = usage_now();
  const int result =
      b->engines[0].class->rebuild(b->engines[0].dir, b->paths, b->path_count, r->cores, &r->bytes);
  r->used = usage_since(&before);
  return result;
}

static int rebuild(bench *b, unsigned cores, rebuilding *r) {
  char subject[48];
  *r = (rebuilding){ .b = b, .cores = cores };
  const char *name = b->engines[0].class->name;
  snprintf(subject, sizeof subject, "%u core%s", cores, cores == 1 ? "" : "s");
  fprintf(stderr, "reindexing, %s\n", subject);
  if (usage_in_child(rebuild_here, r) != 0) return -1;
  figures_put(&b->figures, "reindex", name, subject, "rate", "MB/s",
              (double)r->bytes / 1e6 / r->used.seconds);
  figures_put(&b->figures, "reindex", name, subject, "cpu", "s", r->used.cpu);
  figures_put(&b->figures, "reindex", name, subject, "peak", "MiB", r->used.peak_mib);
  return 0;
}

int stage_reindex(bench *b) {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (b->path_count == 0 || b->engines[0].class->rebuild == NULL) {
    fprintf(stderr, "skipped: reindexing (there are no raw files)\n");
    return 0;
  }
  rebuilding *r = usage_share(sizeof *r);
  int result = rebuild(b, 1, r);
  if (result == 0 && processors > 1) result = rebuild(b, (unsigned)processors, r);
  usage_unshare(r, sizeof *r);
  for (size_t k = 1; k < b->count && result == 0; k++) {
    const char *name = b->engines[k].class->name;
    const double rate = figures_value(&b->figures, "build", name, "bulk", "from raw files");
    if (stage_is_peer(&b->engines[k]) && rate > 0)
      figures_put(&b->figures, "reindex", name, "1 core", "rate", "MB/s", rate);
  }
  return result;
}
