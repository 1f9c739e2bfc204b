/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The regression gate, in two halves. `gate-work` runs under callgrind: a small made-up mailbox is
 * built, searched by every class and written to, and callgrind dumps its count of instructions
 * behind each part; sizes go into a table. `gate` compares such a table with the committed one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "mailbox.h"
#include "place.h"
#include "stage.h"

#if __has_include(<valgrind/callgrind.h>)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <valgrind/callgrind.h>
#pragma GCC diagnostic pop
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

enum { ITEMS = 2000, QUERIES = 25, ADDS = 20 };

static void part_begins(void) {
  CALLGRIND_START_INSTRUMENTATION;
}

/* Ends a part: its instructions are dumped under this name. */
static void part_ends(const char *name) {
  CALLGRIND_STOP_INSTRUMENTATION;
  CALLGRIND_DUMP_STATS_AT(name);
}

static int search_class(engine *e, const workload *w, int class, bool totals) {
  static answer a;
  char text[600];
  for (size_t i = w->first[class]; i < w->first[class + 1]; i++) {
    engine_sealdex.phrase(&w->queries[i], text, sizeof text);
    if (engine_sealdex.search(e, &w->queries[i], text, ANSWER_HITS, totals, &a) != 0) return -1;
  }
  return 0;
}

static int search_all(engine *e, const workload *w) {
  char name[64];
  for (int class = 0; class < QUERY_CLASSES; class ++) {
    if (search_class(e, w, class, false) != 0) return -1; /* warms */
    part_begins();
    const int result = search_class(e, w, class, false);
    snprintf(name, sizeof name, "search: %s", query_class_name((query_class) class));
    part_ends(name);
    if (result != 0) return -1;
  }
  part_begins();
  int result = 0;
  for (int class = 0; class < QUERY_CLASSES && result == 0; class ++)
    result = search_class(e, w, class, true);
  part_ends("search: exact totals");
  return result;
}

static int add_and_remove(engine *e, const corpus *c) {
  char ids[ADDS][32];
  corpus_item items[ADDS];
  int result = 0;
  for (size_t i = 0; i < ADDS; i++) {
    items[i] = c->items[i * 31];
    snprintf(ids[i], sizeof ids[i], "gate/%zu", i);
    items[i].id = ids[i];
  }
  part_begins();
  for (size_t i = 0; i < ADDS && result == 0; i++) result = engine_sealdex.add(e, &items[i], 1);
  part_ends("single adds");
  part_begins();
  for (size_t i = 0; i < ADDS && result == 0; i++) result = engine_sealdex.remove(e, &items[i], 1);
  part_ends("single deletes");
  return result;
}

static int work(const char *dir, const char *out) {
  corpus c;
  workload w = { 0 };
  figures f = { 0 };
  engine *e = NULL;
  if (mailbox_make(&c, ITEMS, 1) != 0) return -1;
  int result = workload_draw(&w, &c, QUERIES, 1);
  place_clear(dir);
  if (result == 0) result = engine_sealdex.create(&e, dir);
  if (result != 0) goto out;
  part_begins();
  result = engine_sealdex.add(e, c.items, c.count);
  part_ends("bulk build");
  engine_sealdex.close(e);
  e = NULL;
  figures_put(&f, "gate", "Sealdex", "index of 2,000 items", "size", "bytes",
              (double)place_bytes(dir));
  part_begins();
  if (result == 0) result = engine_sealdex.open(&e, dir, ENGINE_WRITE);
  part_ends("open");
  if (result == 0) result = search_all(e, &w);
  if (result == 0) result = add_and_remove(e, &c);
  if (e != NULL) engine_sealdex.close(e);
  figures_put(&f, "gate", "Sealdex", "the same after writes", "size", "bytes",
              (double)place_bytes(dir));
  if (result == 0) result = figures_write(&f, out);
out:
  place_clear(dir);
  figures_free(&f);
  workload_free(&w);
  corpus_free(&c);
  return result;
}

int command_gate_work(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: sealdex-bench gate-work DIR SIZES.tsv\n");
    return 2;
  }
  return work(argv[1], argv[2]) == 0 ? 0 : 6;
}

/* How far a figure may move before somebody has to look: in `low` of the baseline's rows. */
static double band_of(const figure *r) {
  return isfinite(r->low) ? r->low : 0.05;
}

static int compare(const figures *baseline, const figures *now) {
  int bad = 0;
  printf("%-24s %14s %14s %9s %7s\n", "", "baseline", "now", "change", "band");
  for (size_t i = 0; i < baseline->count; i++) {
    const figure *b = &baseline->rows[i];
    const double value = figures_value(now, b->stage, b->engine, b->subject, b->measure);
    const double change = value / b->value - 1;
    const bool out = !(fabs(change) <= band_of(b));
    printf("%-24s %14.0f %14.0f %+8.2f%% %6.1f%% %s\n", b->subject, b->value, value, change * 100,
           band_of(b) * 100,
           !out         ? ""
           : change < 0 ? "BETTER"
                        : "WORSE");
    bad += out;
  }
  for (size_t i = 0; i < now->count; i++) {
    const figure *r = &now->rows[i];
    if (figures_find(baseline, r->stage, r->engine, r->subject, r->measure) != NULL) continue;
    printf("%-24s %14s %14.0f                   NEW\n", r->subject, "-", r->value);
    bad++;
  }
  if (bad > 0)
    printf("%d beyond their band. Where that is meant: script/bench --gate --accept, and commit "
           "bench/baseline.tsv with the change that moved them.\n",
           bad);
  return bad;
}

int command_gate(int argc, char **argv) {
  figures baseline = { 0 }, now = { 0 };
  if (argc != 3) {
    fprintf(stderr, "usage: sealdex-bench gate BASELINE.tsv NOW.tsv\n");
    return 2;
  }
  int result = figures_read(&baseline, argv[1]) == 0 && figures_read(&now, argv[2]) == 0 ? 0 : 6;
  if (result == 0) result = compare(&baseline, &now) == 0 ? 0 : 1;
  figures_free(&baseline);
  figures_free(&now);
  return result;
}
