/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealdex-reindex - an index and its sources: what differs, what is missing. docs/cli.md has what
 * it prints.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fleet.h"
#include "json.h"
#include "plain.h"
#include "process.h"
#include "progress.h"
#include "session.h"

static const char help_text[] =
    "usage: sealdex-reindex DIR --key FILE --from PATH... | --jsonl FILE  [options]\n"
    "\n"
    "Makes an index anew from what it was made from (a Maildir, an mbox, .eml, .ics or .vcf "
    "files,\n"
    "documents, directories of them, or JSON Lines), beside the live one, and puts it in its "
    "place\n"
    "while others read and write. Stopped or killed, it goes on where it was when it is called "
    "again.\n"
    "\n"
    "  --missing           add what the index lacks, after a purge or damage; nothing else "
    "changes\n"
    "  --verify            compare index and sources; nothing changes\n"
    "  --salvage           take what can still be read out of damaged segments; needs no source\n"
    "  --from PATH...      what to read; ids are as `sealdex add PATH...` gives them\n"
    "  --jsonl FILE        one JSON item per line instead; - reads standard input\n"
    "  --dry-run           say what would be done\n"
    "  --anew              do not go on with what an interrupted run has done\n"
    "  --jobs N            threads (default: one for each processor)\n"
    "  --memory SIZE       memory to build with, as 128M or 1G (default: 384M)\n"
    "  --verbose           name what is skipped, too\n"
    "  --key FILE          32 raw bytes or 64 hex digits (or SEALDEX_KEY_FILE names it)\n"
    "  --passphrase-file FILE  a passphrase instead\n"
    "  --now TIME          the time to act at\n"
    "  --json              one JSON object per line\n"
    "  --accept-restored   open a store that is older than its keyring\n"
    "\n"
    "Many users, each in a process of its own:\n"
    "  --store STORE       a directory with an index directory per user\n"
    "  --users FILE        a line per user: the name, and behind tabs its paths (else those of "
    "--from,\n"
    "                      with %u for the name)\n"
    "  --keys DIR          key files by the users' names; or\n"
    "  --key-command CMD   run by sh with the name as $1, writes the key\n"
    "  --init              make indexes that are not there\n"
    "  --done FILE         names that came through, added as they do, and passed over\n"
    "  --jobs N            users at once; --memory is for all of them\n"
    "\n"
    "A line `missing ID: reason` for each difference (missing, stale, extra, duplicate, hidden), "
    "and a\n"
    "last one with the sums. Exit codes are those of sealdex: 0 where nothing differs or all was "
    "done,\n"
    "1 where something does or failed.\n";

enum { ARGUMENTS_MAX = 4096 };

/* Set by SIGINT and SIGTERM: the run ends between two items, with what it has done kept. */
static volatile sig_atomic_t stopped;

static void stop(int number) {
  (void)number;
  stopped = 1;
}

typedef struct reindex {
  const options *o;
  json j;
  progress progress;
  bool verbose;
  time_t told; /* of progress, where there is no terminal */
} reindex;

/* ------------------------------------------------------------------ news */

static const char *name_of(sdx_finding what) {
  switch (what) {
  case SDX_FINDING_MISSING:
    return "missing";
  case SDX_FINDING_STALE:
    return "stale";
  case SDX_FINDING_EXTRA:
    return "extra";
  case SDX_FINDING_DUPLICATE:
    return "duplicate";
  case SDX_FINDING_HIDDEN:
    return "hidden";
  case SDX_FINDING_FAILED:
    return "failed";
  case SDX_FINDING_PARTIAL:
    return "partial";
  case SDX_FINDING_SKIPPED:
    return "skipped";
  }
  return "failed";
}

static bool is_trouble(sdx_finding what) {
  return what == SDX_FINDING_FAILED || what == SDX_FINDING_PARTIAL || what == SDX_FINDING_SKIPPED;
}

static void found(void *context, sdx_finding what, sdx_bytes id, const char *reason) {
  reindex *r = context;
  if (what == SDX_FINDING_SKIPPED && !r->verbose) return;
  progress_clear(&r->progress);
  if (r->o->json) {
    json_object(&r->j, NULL);
    json_text(&r->j, "finding", name_of(what));
    json_string(&r->j, "id", id);
    json_text(&r->j, "reason", reason);
    json_close(&r->j);
  } else if (is_trouble(what)) {
    note_item(name_of(what), id, reason);
  } else {
    printf("%s ", name_of(what));
    plain_print(stdout, id);
    printf(": %s\n", reason);
  }
}

enum { TELL_SECONDS = 5 };

/* Where there is no terminal: a line now and then. */
static void tell_progress(reindex *r, const sdx_reindex_report *so_far, uint64_t total) {
  const time_t now = time(NULL);
  if (r->told == 0) r->told = now;
  if (now - r->told < TELL_SECONDS) return;
  r->told = now;
  if (r->o->json) {
    json_object(&r->j, NULL);
    json_object(&r->j, "progress");
    json_uint(&r->j, "items", so_far->items);
    json_uint(&r->j, "bytes", so_far->bytes);
    json_uint(&r->j, "bytes_total", total);
    json_uint(&r->j, "failed", so_far->failed);
    json_close(&r->j);
    json_close(&r->j);
    fflush(stdout);
  } else if (!r->progress.shown) {
    fprintf(stderr, "%s: %" PRIu64 " items, %" PRIu64 " of %" PRIu64 " MB, %" PRIu64 " failed\n",
            r->progress.what, so_far->items, so_far->bytes / 1000000, total / 1000000,
            so_far->failed);
  }
}

static bool step(void *context, const sdx_reindex_report *so_far, uint64_t total) {
  reindex *r = context;
  r->progress.failed = so_far->failed;
  tell_progress(r, so_far, total);
  progress_step(&r->progress, so_far->items, so_far->bytes, total);
  return stopped == 0;
}

/* ------------------------------------------------------------------ the end */

typedef struct sum {
  const char *name;
  uint64_t value;
} sum;

static void print_sums(reindex *r, const sdx_reindex_report *report, bool complete) {
  const sum sums[] = { { "synced", report->synced },         { "missing", report->missing },
                       { "stale", report->stale },           { "extra", report->extra },
                       { "duplicate", report->duplicate },   { "hidden", report->hidden },
                       { "added", report->added },           { "salvaged", report->salvaged },
                       { "unreadable", report->unreadable }, { "failed", report->failed },
                       { "partial", report->partial },       { "skipped", report->skipped } };
  progress_clear(&r->progress);
  fflush(stderr);
  if (r->o->json) {
    json_object(&r->j, NULL);
    json_bool(&r->j, "done", complete);
    json_bool(&r->j, "resumed", report->resumed);
    json_bool(&r->j, "swapped", report->swapped);
    json_uint(&r->j, "items", report->items);
    json_uint(&r->j, "bytes", report->bytes);
  }
  for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
    if (r->o->json)
      json_uint(&r->j, sums[i].name, sums[i].value);
    else
      printf("%s%s %" PRIu64, i > 0 ? ", " : "", sums[i].name, sums[i].value);
  }
  if (r->o->json)
    json_close(&r->j);
  else
    printf("\n");
}

/* What is not as it should be when the run is over. */
static bool is_well(const sdx_reindex_report *r, sdx_reindex_mode mode) {
  if (r->failed + r->duplicate > 0) return false;
  if (mode == SDX_REINDEX_SALVAGE) return r->unreadable == 0;
  if (mode == SDX_REINDEX_ALL) return true;
  if (mode == SDX_REINDEX_MISSING) return r->added == r->missing;
  return r->missing + r->stale + r->extra + r->hidden == 0;
}

/* ------------------------------------------------------------------ the run */

static exit_code open_source(const options *o, sdx_source **out, int *fd) {
  sdx_source_options opening = SDX_SOURCE_OPTIONS_INIT;
  sdx_error err = { 0 };
  const char *lines = options_text(o, "jsonl");
  opening.now = o->now;
  if (lines != NULL && o->word_count > 0)
    return complain_usage("give --from PATH... or --jsonl FILE, not both");
  if (lines == NULL && o->word_count == 0)
    return complain_usage("--from PATH... or --jsonl FILE says what to read");
  if (lines != NULL) {
    opening.lines_on_stdin = true;
    if (strcmp(lines, "-") != 0) opening.lines_fd = *fd = open(lines, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 && strcmp(lines, "-") != 0) return complain_system(errno, "opening %s", lines);
  }
  for (size_t i = 0; i < o->word_count; i++)
    if (access(o->words[i], F_OK) != 0) return complain_system(errno, "opening %s", o->words[i]);
  if (sdx_source_open(out, o->words, o->word_count, &opening, &err) != SDX_OK)
    return complain(&err);
  return EXIT_DONE;
}

static void watch_signals(void) {
  const struct sigaction action = { .sa_handler = stop,
                                    .sa_flags = SA_RESTART | (int)SA_RESETHAND };
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

static exit_code run(const options *o) {
  reindex r = { .o = o, .j = { .out = stdout }, .verbose = options_flag(o, "verbose") };
  sdx_reindex_options asked = SDX_REINDEX_OPTIONS_INIT;
  sdx_reindex_report report = { 0 };
  sdx_error err = { 0 };
  sdx_index *index = NULL;
  sdx_source *source = NULL;
  int fd = -1;
  const bool missing = options_flag(o, "missing"), verify = options_flag(o, "verify"),
             salvage = options_flag(o, "salvage");
  uint64_t jobs;
  if (missing + verify + salvage > 1)
    return complain_usage("give one of --missing, --verify and --salvage");
  exit_code code = options_size(o, "memory", 0, &asked.memory);
  if (code == EXIT_DONE) code = options_number(o, "jobs", 0, &jobs);
  if (code == EXIT_DONE && !salvage) code = open_source(o, &source, &fd);
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code == EXIT_DONE) {
    asked.mode = missing   ? SDX_REINDEX_MISSING
                 : verify  ? SDX_REINDEX_COMPARE
                 : salvage ? SDX_REINDEX_SALVAGE
                           : SDX_REINDEX_ALL;
    asked.jobs = jobs < UINT32_MAX ? (unsigned)jobs : 0;
    asked.anew = options_flag(o, "anew");
    asked.now = o->now;
    asked.dry_run = options_flag(o, "dry-run");
    asked.context = &r;
    asked.found = found;
    asked.progress = step;
    watch_signals();
    r.progress = progress_begin(missing   ? "mending"
                                : verify  ? "comparing"
                                : salvage ? "salvaging"
                                          : "rebuilding");
    const sdx_status status = sdx_reindex(index, source, &asked, &report, &err);
    print_sums(&r, &report, status == SDX_OK);
    if (status != SDX_OK)
      code = complain(&err);
    else if (!is_well(&report, asked.mode))
      code = EXIT_NOTHING;
  }
  sdx_close(index);
  sdx_source_close(source);
  if (fd >= 0) close(fd);
  return code;
}

static bool asks_for(int argc, char **argv, const char *what) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], what) == 0) return true;
  return false;
}

int main(int argc, char **argv) {
  options o;
  process_prepare();
  if (asks_for(argc, argv, "--version")) {
    printf("sealdex-reindex %s\n", sdx_version());
    return EXIT_DONE;
  }
  if (asks_for(argc, argv, "--help")) {
    fputs(help_text, stdout);
    return EXIT_DONE;
  }
  /* A fleet's store stands where one user's directory would. */
  char *words[ARGUMENTS_MAX + 1];
  const bool fleet = asks_for(argc, argv, "--store") && argc <= ARGUMENTS_MAX;
  words[0] = argv[0];
  for (int i = 1; i < argc && fleet; i++) words[i] = argv[i];
  if (fleet) words[0] = (char *)(uintptr_t) "the store";
  exit_code code = options_parse(
      &o, "sealdex-reindex",
      "missing verify salvage from jsonl= dry-run anew jobs= memory= verbose" FLEET_TAKES,
      fleet ? argc : argc - 1, fleet ? words : argv + 1);
  if (code == EXIT_DONE && options_text(&o, "store") != NULL) {
    watch_signals();
    code = fleet_run(&o, run, &stopped);
  } else if (code == EXIT_DONE) {
    code = run(&o);
  }
  options_free(&o);
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout))
    code = complain_system(errno ? errno : EIO, "writing the output");
  return (int)code;
}
