/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "command.h"
#include "export.h"
#include "mailbox.h"
#include "place.h"
#include "stage.h"
#include "stopwatch.h"
#include "usage.h"

typedef struct settings {
  size_t limit, queries, generate;
  uint64_t seed;
  const char *out, *only, *stages, *export;
  bool growth;
} settings;

static const char usage_text[] =
    "usage: sealdex-bench run [options] [PATH...]\n"
    "  --generate N    made-up messages instead of the mail in PATH\n"
    "  --limit N       read at most N items            --seed N     of the workload (1)\n"
    "  --queries N     per class (200)                 --passes N   measured passes (3)\n"
    "  --rounds N      builds of the quick engines (3) --adds N     single durable adds (100)\n"
    "  --users N       small indexes (1000)            --seconds N  of each run of readers (1)\n"
    "  --work DIR      where the indexes lie           --out FILE   the table of figures\n"
    "  --cold N        first searches per class (25)   --only A,B   engines, by name\n"
    "  --turns N       rounds of readers (3)           --repeats N  of the writes (6)\n"
    "  --stages A,B    build,cold,search,answers,memory,write,readers,syscalls,users,reindex "
    "(all)\n"
    "  --growth        instead of the stages: terms in a fixed number of items\n"
    "  --samples FILE  every single measurement too, tab-separated\n"
    "  --export DIR    also writes mail and queries for the peers' own tools\n"
    "  --reuse FILE    engines of that table whose indexes stand are not built again\n";

/* True where a comma-separated list is absent or has the name. */
static bool listed(const char *list, const char *name) {
  const size_t size = strlen(name);
  if (list == NULL) return true;
  for (const char *at = list; *at != '\0'; at += strcspn(at, ",") + (at[strcspn(at, ",")] != '\0'))
    if (strcspn(at, ",") == size && strncasecmp(at, name, size) == 0) return true;
  return false;
}

static void gather(bench *b, const settings *s) {
  const engine_class *all[ENGINES_MAX] = {
    &engine_sealdex, &engine_xapian,          &engine_xapian_compact,
    &engine_fts5,    engine_sqlcipher_load(), engine_null_load(),
  };
  static const char *const names[ENGINES_MAX] = { "Sealdex", "Xapian",    "Xapian compacted",
                                                  "FTS5",    "SQLCipher", "Sealdex unsealed" };
  for (size_t k = 0; k < ENGINES_MAX; k++) {
    if (!listed(s->only, names[k])) continue;
    if (all[k] == NULL) {
      fprintf(stderr, "absent: %s\n", names[k]);
      figures_put(&b->figures, "machine", names[k], "absent from this run", "settings", "1", 0);
      continue;
    }
    contender *c = &b->engines[b->count++];
    c->class = all[k];
    snprintf(c->dir, sizeof c->dir, "%s/%s", b->work_dir, names[k]);
    for (char *p = c->dir + strlen(b->work_dir); *p != '\0'; p++)
      if (*p == ' ') *p = '-';
    if (!s->growth)
      figures_put(&b->figures, "machine", names[k], c->class->describe, "settings", "1", 0);
  }
}

/* What the figures were measured on. */
static void put_machine(bench *b) {
  struct utsname u;
  char text[160] = "", line[256];
  if (uname(&u) == 0) {
    snprintf(text, sizeof text, "%.12s %.40s", u.sysname, u.release);
    figures_put(&b->figures, "machine", "kernel", text, "settings", "1", 0);
  }
  FILE *in = fopen("/proc/cpuinfo", "r");
  size_t cores = 0;
  text[0] = '\0';
  while (in != NULL && fgets(line, sizeof line, in) != NULL) {
    if (strncmp(line, "model name", 10) != 0) continue;
    line[strcspn(line, "\n")] = '\0';
    snprintf(text, sizeof text, "%zu x %.40s", ++cores, strchr(line, ':') + 2);
  }
  if (in != NULL) fclose(in);
  if (cores > 0) figures_put(&b->figures, "machine", "processor", text, "settings", "1", 0);
}

static void put_corpus(bench *b, const settings *s) {
  figures *f = &b->figures;
  figures_put(f, "corpus", "-", "mail", "items", "items", (double)b->mail->count);
  figures_put(f, "corpus", "-", "mail", "text", "bytes", (double)b->mail->text_bytes);
  figures_put(f, "corpus", "-", "mail", "raw", "bytes", (double)b->mail->raw_bytes);
  figures_put(f, "corpus", "-", "mail", "decoding", "s", b->mail->decode_seconds);
  figures_put(f, "corpus", "-", "queries", "all", "queries", (double)b->work->count);
  figures_put(f, "corpus", "-", "queries", "per class", "queries", (double)s->queries);
  figures_put(f, "corpus", "-", "queries", "passes", "passes", (double)b->passes);
  figures_put(f, "corpus", "-", "queries", "seed", "1", (double)s->seed);
}

static int measure(bench *b, const settings *s) {
  static const struct {
    const char *name;
    int (*run)(bench *b);
  } stages[] = {
    { "build", stage_build },     { "cold", stage_cold },         { "search", stage_search },
    { "answers", stage_answers }, { "memory", stage_memory },     { "write", stage_write },
    { "readers", stage_readers }, { "syscalls", stage_syscalls }, { "users", stage_users },
    { "reindex", stage_reindex },
  };
  for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
    if (!listed(s->stages, stages[i].name)) continue;
    const double start = stopwatch_now(), cpu = usage_family_cpu(), machine = usage_machine_cpu();
    if (stages[i].run(b) != 0) return -1;
    const double took = stopwatch_now() - start, cpu_took = usage_family_cpu() - cpu;
    figures_put(&b->figures, "run", "-", stages[i].name, "seconds", "s", took);
    figures_put(&b->figures, "run", "-", stages[i].name, "cpu", "s", cpu_took);
    const double others = fmax(0, usage_machine_cpu() - machine - cpu_took);
    figures_put(&b->figures, "run", "-", stages[i].name, "others", "s", others);
    fprintf(stderr, "%s: %.0f s, %.0f s of CPU; others took %.0f s of CPU meanwhile\n",
            stages[i].name, took, cpu_took, others);
    if (figures_write(&b->figures, s->out) != 0) return -1;
  }
  return 0;
}

static int run(bench *b, const settings *s, const char *const *paths, size_t path_count) {
  corpus mail;
  workload work = { 0 };
  int result = -1;
  fprintf(stderr, "reading mail\n");
  if (s->generate > 0 ? mailbox_make(&mail, s->generate, s->seed) != 0
                      : corpus_read(&mail, paths, path_count, s->limit) != 0)
    return -1;
  if (s->growth ? workload_draw_growth(&work, &mail, s->queries, s->seed) != 0
                : workload_draw(&work, &mail, s->queries, s->seed) != 0)
    goto out;
  if (s->export != NULL && export_write(&mail, &work, s->export) != 0) goto out;
  b->mail = &mail;
  b->work = &work;
  b->random = b->seed = s->seed;
  b->paths = paths;
  b->path_count = s->generate > 0 ? 0 : path_count;
  if (!s->growth) put_machine(b);
  if (!s->growth) put_corpus(b, s);
  gather(b, s);
  result = s->growth ? stage_growth(b) : measure(b, s);
  if (result == 0 && s->growth && s->generate > 0) result = stage_files(b);
  if (result == 0) result = figures_write(&b->figures, s->out);
out:
  stage_close_all(b);
  if (b->samples != NULL && fclose(b->samples) != 0) result = -1;
  figures_free(&b->figures);
  figures_free(&b->earlier);
  workload_free(&work);
  corpus_free(&mail);
  return result;
}

/* Reads the options. 0; 2 for a wrong one, of which the caller says how they are; 6 for a file that cannot be
 * opened. */
static int parse(settings *s, bench *b, int argc, char **argv) {
  static const struct option options[] = {
    { "limit", 1, NULL, 'l' },  { "queries", 1, NULL, 'q' }, { "passes", 1, NULL, 'p' },
    { "adds", 1, NULL, 'a' },   { "seed", 1, NULL, 's' },    { "work", 1, NULL, 'w' },
    { "only", 1, NULL, 'o' },   { "out", 1, NULL, 'f' },     { "generate", 1, NULL, 'g' },
    { "rounds", 1, NULL, 'r' }, { "users", 1, NULL, 'u' },   { "seconds", 1, NULL, 't' },
    { "stages", 1, NULL, 'S' }, { "growth", 0, NULL, 'G' },  { "export", 1, NULL, 'E' },
    { "reuse", 1, NULL, 'R' },  { "cold", 1, NULL, 'c' },    { "samples", 1, NULL, 'm' },
    { "turns", 1, NULL, 'T' },  { "repeats", 1, NULL, 'P' }, { NULL, 0, NULL, 0 },
  };
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (c) {
    case 'l': s->limit = strtoul(optarg, NULL, 10); break;
    case 'q': s->queries = strtoul(optarg, NULL, 10); break;
    case 's': s->seed = strtoul(optarg, NULL, 10); break;
    case 'g': s->generate = strtoul(optarg, NULL, 10); break;
    case 'o': s->only = optarg; break;
    case 'f': s->out = optarg; break;
    case 'E': s->export = optarg; break;
    case 'S': s->stages = optarg; break;
    case 'G': s->growth = true; break;
    case 'p': b->passes = strtoul(optarg, NULL, 10); break;
    case 'a': b->adds = strtoul(optarg, NULL, 10); break;
    case 'r': b->rounds = strtoul(optarg, NULL, 10); break;
    case 'u': b->users = strtoul(optarg, NULL, 10); break;
    case 'T': b->turns = strtoul(optarg, NULL, 10); break;
    case 'P': b->repeats = strtoul(optarg, NULL, 10); break;
    case 'c': b->cold = strtoul(optarg, NULL, 10); break;
    case 't': b->seconds = strtod(optarg, NULL); break;
    case 'w': b->work_dir = optarg; break;
    case 'R':
      if (figures_read(&b->earlier, optarg) != 0) return 6;
      break;
    case 'm':
      b->samples = fopen(optarg, "w");
      if (b->samples != NULL) break;
      perror(optarg);
      return 6;
    default: return 2;
    }
  }
  const bool mail = optind < argc || s->generate > 0;
  return mail && b->passes > 0 && b->rounds > 0 && b->repeats > 0 && s->queries > 0 ? 0 : 2;
}

int command_run(int argc, char **argv) {
  settings s = { .queries = 200, .seed = 1, .out = "figures.tsv" };
  static bench b = { .passes = 3,
                     .rounds = 3,
                     .adds = 100,
                     .repeats = 6,
                     .users = 1000,
                     .cold = 25,
                     .turns = 3,
                     .seconds = 1,
                     .work_dir = "/var/tmp/sealdex-bench" };
  const int wrong = parse(&s, &b, argc, argv);
  if (wrong == 2) fputs(usage_text, stderr);
  if (wrong != 0) return wrong;
  mkdir(b.work_dir, 0700);
  return run(&b, &s, (const char *const *)argv + optind, (size_t)(argc - optind)) == 0 ? 0 : 6;
}
