/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "json.h"
#include "keyfile.h"
#include "plain.h"
#include "process.h"
#include "progress.h"
#include "receipt_file.h"
#include "sweep_crew.h"

typedef struct sweeping {
  const options *o;
  sdx_sweep_options options;
  receipt_file *receipts; /* NULL: none asked for */
  unsigned jobs;
  int64_t wait_ms;
  sdx_sweep_report sum;
  uint64_t refused;
  exit_code worst; /* of one index alone */
  json j;
  progress progress;
} sweeping;

static void add_up(sdx_sweep_report *sum, const sdx_sweep_report *one) {
  sum->accounts_destroyed += one->accounts_destroyed;
  sum->items_purged += one->items_purged;
  sum->keys_destroyed += one->keys_destroyed;
  sum->items_missing += one->items_missing;
  sum->restorable_lost += one->restorable_lost;
}

static void report_failure(sweeping *s, const char *name, const char *reason) {
  s->sum.failed++;
  progress_clear(&s->progress);
  complain_item(bytes_of(name), reason);
  if (!s->o->json) return;
  json_object(&s->j, NULL);
  json_text(&s->j, "index", name);
  json_text(&s->j, "reason", reason);
  json_close(&s->j);
}

/* What came of one index; whatever that is, the next one follows. */
static void take_job(void *context, const sweep_job *job) {
  sweeping *s = context;
  sdx_error err = { 0 };
  if (job->no_index) return;
  s->sum.indexes++;
  add_up(&s->sum, &job->report);
  if (job->status != SDX_OK) {
    s->worst = outcome_of(job->status);
    report_failure(s, job->name, job->err.message);
    return;
  }
  if (job->report.clock_refused) {
    s->refused++;
    progress_clear(&s->progress);
    note_item("refused", bytes_of(job->name),
              "the clock is far past the last sweep and nothing was destroyed; sweep again a day "
              "later, or with --force");
  }
  if (s->receipts && job->report.accounts_destroyed > 0) /* its log went with it */
    for (size_t i = 0; i < job->taken_count; i++)
      receipt_file_take(s->receipts, job->name, &job->taken[i]);
  else if (s->receipts &&
      receipt_file_add(s->receipts, job->dir, job->name, &err) != SDX_OK) {
    s->worst = outcome_of(err.status);
    report_failure(s, job->name, err.message);
  }
  progress_step(&s->progress, s->sum.indexes, s->sum.indexes, 0);
}

static void sweep_one(sweeping *s, const char *dir) {
  sweep_job job = { .dir = dir, .name = dir };
  sweep_crew_do(&job, &s->options, s->receipts != NULL);
  take_job(s, &job);
  free(job.taken);
}

/* One name after another: a store may have any number of them. */
static exit_code sweep_names(sweeping *s, sweep_crew *crew, const char *store) {
  DIR *entries = opendir(store);
  const struct dirent *entry;
  if (!entries) return complain_system(errno, "reading the directory %s", store);
  while ((errno = 0, entry = readdir(entries))) {
    char *dir = NULL;
    if (entry->d_name[0] == '.' || entry->d_type == DT_REG) continue;
    if (asprintf(&dir, "%s/%s", store, entry->d_name) < 0) {
      report_failure(s, entry->d_name, "out of memory");
      continue;
    }
    if (!sweep_crew_give(crew, dir, entry->d_name))
      report_failure(s, entry->d_name, "out of memory");
    free(dir);
  }
  const int failed = errno;
  closedir(entries);
  return failed ? complain_system(failed, "reading the directory %s", store) : EXIT_DONE;
}

static exit_code sweep_store(sweeping *s, const char *store) {
  const sweep_crew_options crew_options = { .threads = s->jobs, .wait_ms = s->wait_ms, .sweep = &s->options,
                                            .receipts = s->receipts != NULL, .done = take_job, .context = s };
  sweep_crew *crew = sweep_crew_new(&crew_options);
  if (!crew) return complain_system(errno, "starting threads");
  const exit_code code = sweep_names(s, crew, store);
  sweep_crew_finish(crew);
  return code == EXIT_DONE && s->sum.failed > 0 ? EXIT_NOTHING : code;
}

static void print_json(sweeping *s) {
  json *j = &s->j;
  json_close(j);
  json_bool(j, "dry_run", s->options.dry_run);
  json_uint(j, "indexes", s->sum.indexes);
  json_uint(j, "failed", s->sum.failed);
  json_uint(j, "items_purged", s->sum.items_purged);
  json_uint(j, "keys_destroyed", s->sum.keys_destroyed);
  json_uint(j, "accounts_destroyed", s->sum.accounts_destroyed);
  json_uint(j, "items_missing", s->sum.items_missing);
  json_uint(j, "restorable_lost", s->sum.restorable_lost);
  json_uint(j, "clock_refused", s->refused);
  json_close(j);
}

static void print_count(const char *lead, uint64_t count, const char *one, const char *many) {
  printf("%s%" PRIu64 " %s", lead, count, count == 1 ? one : many);
}

static void print_text(const sweeping *s) {
  const sdx_sweep_report *r = &s->sum;
  print_count(s->options.dry_run ? "would sweep " : "swept ", r->indexes, "index", "indexes");
  print_count(": ", r->items_purged, "item purged", "items purged");
  print_count(", ", r->keys_destroyed, "key destroyed", "keys destroyed");
  if (r->accounts_destroyed)
    print_count(", ", r->accounts_destroyed, "account destroyed", "accounts destroyed");
  if (r->items_missing)
    print_count(", ", r->items_missing, "living item lost with them (add it again)",
                "living items lost with them (add them again)");
  if (r->restorable_lost)
    print_count(", ", r->restorable_lost, "younger deleted item lost with them",
                "younger deleted items lost with them");
  if (s->refused) printf(", %" PRIu64 " refused for the clock", s->refused);
  if (r->failed) printf(", %" PRIu64 " failed", r->failed);
  printf("\n");
}

static exit_code sweep(sweeping *s) {
  const options *o = s->o;
  exit_code code = EXIT_DONE;
  struct stat st;
  if (stat(o->dir, &st) != 0) return complain_system(errno, "opening %s", o->dir);
  if (!S_ISDIR(st.st_mode)) return complain_system(ENOTDIR, "opening %s", o->dir);
  s->progress = progress_begin("sweeping");
  if (o->json) {
    json_object(&s->j, NULL);
    json_array(&s->j, "failures");
  }
  if (sweep_crew_is_index(o->dir)) {
    sweep_one(s, o->dir);
    code = s->worst;
  } else {
    code = sweep_store(s, o->dir);
  }
  progress_clear(&s->progress);
  if (o->json)
    print_json(s);
  else
    print_text(s);
  return code == EXIT_DONE && s->refused > 0 ? EXIT_NOTHING : code;
}

#define JOBS_MAX 64

static exit_code read_jobs(sweeping *s) {
  const uint64_t processors = process_processors();
  uint64_t jobs = 0, seconds = 0;
  exit_code code = options_number(s->o, "jobs", processors < JOBS_MAX ? processors : JOBS_MAX, &jobs);
  if (code == EXIT_DONE) code = options_number(s->o, "wait", 30, &seconds);
  if (code == EXIT_DONE && (jobs == 0 || jobs > JOBS_MAX)) code = complain_usage("--jobs is 1 to 64");
  if (code == EXIT_DONE && seconds > 86400) code = complain_usage("--wait is at most 86400 seconds");
  s->jobs = (unsigned)jobs;
  s->wait_ms = (int64_t)seconds * 1000;
  return code;
}

static exit_code run(const options *o) {
  sweeping s = { .o = o, .options = SDX_SWEEP_OPTIONS_INIT, .j = { .out = stdout } };
  keyfile key = { 0 };
  const char *path = options_text(o, "receipt");
  exit_code code = options_expect(o, 0, 0, "");
  s.options.now = o->now;
  s.options.dry_run = options_flag(o, "dry-run");
  s.options.force = options_flag(o, "force");
  if (code == EXIT_DONE) code = read_jobs(&s);
  if (code == EXIT_DONE && keyfile_given(o)) {
    code = keyfile_read(&key, o);
    s.options.secret = &key.secret;
  }
  if (code == EXIT_DONE && path && !s.options.dry_run) code = receipt_file_open(&s.receipts, path);
  if (code == EXIT_DONE) code = sweep(&s);
  exit_code closed = receipt_file_close(s.receipts);
  keyfile_wipe(&key);
  return closed == EXIT_DONE ? code : closed;
}

const command command_sweep = {
  .name = "sweep",
  .arguments = "DIR|STORE",
  .summary = "purge what is due, in one index or in each index of a store; needs no key",
  .details = "  --key FILE          a read key at hand keeps what lives beside what is due\n"
             "                      (SEALDEX_KEY_FILE alone is not used: a store has many users)\n"
             "  --dry-run           count what is due and destroy nothing\n"
             "  --force             believe a clock that is far past the last sweep\n"
             "  --receipt FILE      append a line of JSON per destroyed key\n"
             "  --jobs N            of a store: so many indexes at once (default: one per processor)\n"
             "  --wait SECONDS      of a store: an index that is not done by then counts as locked (30)\n",
  .takes = "dry-run force receipt= jobs= wait=",
  .run = run,
};
