/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-keyless: what sweeps without the key cost the living, where the user was there in time.
 *
 * A mailbox of which one item in fifty is deleted over ten days; the user comes back once after some days, or is
 * there every day until some day, and never after; sweeps without the key follow until everything
 * is purged. Told of each: how many of the survivors were lost, and the bytes that upkeep wrote for
 * each purged item.
 *
 *   - Whenever the user was there within 30 days after the deletions, at most one in a hundred survivors
 * is lost. (Of fewer deletions than one in a hundred this is promised where the key comes 25 days after
 * them or later; what it costs before is told.)
 *
 *   proof-keyless [--items N]
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "invented.h"
#include "sealdex.h"

#define START INT64_C(1700006400)

enum { DELETING_DAYS = 10 };

/* `daily`: there every day until `day` days after the last deletion; else on that day alone. */
typedef struct scenario {
  bool daily;
  unsigned day;
  unsigned share; /* one item in so many is deleted */
  bool promised;
} scenario;

static const scenario scenarios[] = { { false, 0, 50, true },   { false, 1, 50, true },
                                      { false, 3, 50, true },   { false, 15, 50, true },
                                      { false, 30, 50, true },  { true, 0, 50, true },
                                      { true, 1, 50, true },    { true, 10, 50, true },
                                      { true, 20, 50, true },   { true, 30, 50, true },
                                      { false, 1, 150, false }, { false, 25, 150, true } };

static const uint8_t own_key[SDX_KEY_SIZE] = "the key of one who goes away....";
static const sdx_secret own_secret = { SDX_SECRET_KEY, own_key, sizeof own_key };

typedef struct stage {
  char base[160], whole[200], dir[200];
  sdx_batch *batch;
  unsigned added, items;
  uint64_t written, survivors;
} stage;

static void must(sdx_status status, const sdx_error *err, const char *what) {
  if (status == SDX_OK) return;
  fprintf(stderr, "%s: status %d: %s\n", what, (int)status, err->message);
  exit(1);
}

static sdx_index *open_at(const char *dir, int64_t now) {
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  options.now = now;
  must(sdx_open(&index, dir, &own_secret, &options, &err), &err, "open");
  return index;
}

static void add(void *context, const sdx_item *given) {
  stage *s = context;
  sdx_item item = *given;
  sdx_error err = { 0 };
  char id[24];
  item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "mail/%u", s->added++) };
  must(sdx_batch_add(s->batch, &item, NULL, &err), &err, "add");
}

static void make_mailbox(stage *s) {
  sdx_init_options init = SDX_INIT_OPTIONS_INIT;
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  sdx_error err = { 0 };
  init.now = options.now = START;
  must(sdx_init(s->whole, &own_secret, &init, &err), &err, "init");
  sdx_index *index = open_at(s->whole, START);
  must(sdx_batch_begin(&s->batch, index, &options, &err), &err, "batch");
  invented_mailbox(1, s->items, add, s);
  must(sdx_batch_commit(s->batch, &err), &err, "commit");
  must(sdx_maintain(index, true, START, &err), &err, "upkeep");
  sdx_close(index);
}

/* A day on which the user is there: deletes the day's share, and upkeep runs. */
static void come(stage *s, unsigned day, unsigned share, bool deletes, int64_t now) {
  sdx_index *index = open_at(s->dir, now);
  sdx_error err = { 0 };
  sdx_counters before, after;
  char id[24];
  for (unsigned i = day; deletes && i * share < s->items; i += DELETING_DAYS) {
    const sdx_bytes name = { id, (size_t)snprintf(id, sizeof id, "mail/%u", i * share) };
    must(sdx_delete(index, name, now, &err), &err, "delete");
  }
  sdx_counters_of(index, &before);
  must(sdx_maintain(index, false, now, &err), &err, "upkeep");
  sdx_counters_of(index, &after);
  s->written += after.bytes_written - before.bytes_written;
  sdx_close(index);
}

static sdx_sweep_report sweep(stage *s, int64_t now) {
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report report = { 0 };
  sdx_error err = { 0 };
  options.now = now;
  must(sdx_sweep(s->dir, &options, &report, &err), &err, "sweep");
  return report;
}

static int play(stage *s, const scenario *c) {
  char command[700];
  uint64_t missing = 0, lost = 0;
  snprintf(command, sizeof command, "rm -rf '%s' && cp -r --sparse=always '%s' '%s'", s->dir,
           s->whole, s->dir);
  if (system(command) != 0) return -1;
  s->written = 0;
  const unsigned last = DELETING_DAYS - 1, seen = last + c->day;
  for (unsigned day = 0; day < last + 50; day++) {
    const int64_t now = START + day * SDX_DAY;
    if (day <= last || (c->daily ? day <= seen : day == seen))
      come(s, day, c->share, day <= last, now + 3600);
    const sdx_sweep_report r = sweep(s, now + SDX_DAY);
    missing += r.items_missing;
    lost += r.restorable_lost;
  }
  const uint64_t deleted = (s->items + c->share - 1) / c->share, survivors = s->items - deleted;
  printf("%s %2u days after the last deletion%s: %llu of %llu survivors lost (%.2f %%), %llu "
         "younger deleted; "
         "%llu KiB written for each of %llu purged\n",
         c->daily ? "there daily until" : "came back once,  ", c->day,
         c->promised ? "" : " (nothing promised)", (unsigned long long)missing,
         (unsigned long long)survivors, 100.0 * (double)missing / (double)survivors,
         (unsigned long long)lost, (unsigned long long)(s->written / deleted / 1024),
         (unsigned long long)deleted);
  fflush(stdout);
  return c->promised && missing * 100 > survivors ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

int main(int argc, char **argv) {
  static stage s = { .items = 2500 };
  int result = 0;
  if (argc == 3 && strcmp(argv[1], "--items") == 0) s.items = (unsigned)strtoul(argv[2], NULL, 10);
  snprintf(s.base, sizeof s.base, "%s/sealdex-keyless-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  snprintf(s.whole, sizeof s.whole, "%s/whole", s.base);
  snprintf(s.dir, sizeof s.dir, "%s/index", s.base);
  mkdir(s.base, 0700);
  make_mailbox(&s);
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
    if (play(&s, &scenarios[i]) != 0) result = 1;
  if (result != 0)
    printf("FAILED: more than one in a hundred was lost where that is promised not to be\n");
  nftw(s.base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return result;
}
