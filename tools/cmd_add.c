/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adding.h"
#include "command.h"
#include "json.h"
#include "process.h"
#include "progress.h"
#include "session.h"

/* A run commits once, so that it is there whole or not at all; one as large as this commits on the
 * way, so that an interrupted run keeps what it has done. */
enum { COMMIT_ITEMS = 50000, COMMIT_BYTES = 256 * 1000 * 1000 };

typedef struct counts {
  uint64_t added, updated, unchanged;
} counts;

typedef struct adding {
  const options *o;
  sdx_index *index;     /* one of the two ... */
  sdx_deposit *deposit; /* ... which takes items one by one */
  sdx_source *source;
  sdx_batch *batch;
  sdx_batch_options batch_options;
  counts done;    /* committed */
  counts waiting; /* in the batch */
  uint64_t failed, skipped, partial;
  uint64_t seen, items_in_batch, bytes_at_commit;
  json j;
  progress progress;
} adding;

static void report(adding *a, const char *verb, sdx_bytes id, const char *reason) {
  progress_clear(&a->progress);
  if (strcmp(verb, "failed") == 0) {
    complain_item(id, reason);
    if (a->o->json) {
      json_object(&a->j, NULL);
      json_string(&a->j, "id", id);
      json_text(&a->j, "reason", reason);
      json_close(&a->j);
    }
  } else {
    note_item(verb, id, reason);
  }
}

static void count(counts *c, sdx_outcome outcome) {
  c->added += outcome == SDX_ADDED;
  c->updated += outcome == SDX_UPDATED;
  c->unchanged += outcome == SDX_UNCHANGED;
}

static sdx_status commit(adding *a, uint64_t bytes_done, sdx_error *err) {
  if (!a->batch) return SDX_OK;
  sdx_batch *batch = a->batch;
  a->batch = NULL;
  sdx_status status = sdx_batch_commit(batch, err);
  if (status != SDX_OK) return status;
  a->done.added += a->waiting.added;
  a->done.updated += a->waiting.updated;
  a->done.unchanged += a->waiting.unchanged;
  a->waiting = (counts){ 0 };
  a->items_in_batch = 0;
  a->bytes_at_commit = bytes_done;
  return SDX_OK;
}

static sdx_status put_item(adding *a, const sdx_item *item, sdx_outcome *outcome, sdx_error *err) {
  if (!a->deposit) return sdx_batch_add(a->batch, item, outcome, err);
  const sdx_write_options writing = { .version = 1,
                                      .now = a->batch_options.now,
                                      .undelete = a->batch_options.undelete };
  return sdx_deposit_add(a->deposit, item, &writing, outcome, err);
}

/* One item into the batch. Only an error that ends the run is returned. */
static sdx_status take_item(adding *a, const sdx_entry *entry, sdx_error *err) {
  if (!a->batch && !a->deposit) {
    sdx_status status = sdx_batch_begin(&a->batch, a->index, &a->batch_options, err);
    if (status != SDX_OK) return status;
  }
  sdx_outcome outcome = SDX_UNCHANGED;
  sdx_status status = put_item(a, entry->item, &outcome, err);
  if (status == SDX_INVALID) {
    a->failed++;
    report(a, "failed", entry->id, err->message);
    return SDX_OK;
  }
  if (status != SDX_OK) return status;
  count(a->deposit ? &a->done : &a->waiting, outcome);
  a->items_in_batch++;
  if (entry->state == SDX_ENTRY_PARTIAL) {
    a->partial++;
    report(a, "partial", entry->id, entry->reason);
  }
  if (a->items_in_batch < COMMIT_ITEMS && entry->bytes_done - a->bytes_at_commit < COMMIT_BYTES)
    return SDX_OK;
  return commit(a, entry->bytes_done, err);
}

static sdx_status take_entry(adding *a, const sdx_entry *entry, sdx_error *err) {
  a->seen++;
  switch (entry->state) {
  case SDX_ENTRY_ITEM:
  case SDX_ENTRY_PARTIAL:
    return take_item(a, entry, err);
  case SDX_ENTRY_FAILED:
    a->failed++;
    report(a, "failed", entry->id, entry->reason);
    return SDX_OK;
  case SDX_ENTRY_SKIPPED:
    a->skipped++;
    if (options_flag(a->o, "verbose")) report(a, "skipped", entry->id, entry->reason);
    return SDX_OK;
  }
  return SDX_OK;
}

static sdx_status walk(adding *a, sdx_error *err) {
  const sdx_entry *entry;
  sdx_status status;
  while ((status = sdx_source_next(a->source, &entry, err)) == SDX_OK) {
    status = take_entry(a, entry, err);
    if (status != SDX_OK) return status;
    progress_step(&a->progress, a->seen, entry->bytes_done, entry->bytes_total);
  }
  return status == SDX_NOT_FOUND ? commit(a, 0, err) : status;
}

static void print_end(adding *a) {
  progress_clear(&a->progress);
  fflush(stderr);
  if (a->o->json) {
    json_close(&a->j);
    json_uint(&a->j, "added", a->done.added);
    json_uint(&a->j, "updated", a->done.updated);
    json_uint(&a->j, "unchanged", a->done.unchanged);
    json_uint(&a->j, "failed", a->failed);
    json_uint(&a->j, "skipped", a->skipped);
    json_uint(&a->j, "partial", a->partial);
    json_close(&a->j);
    return;
  }
  printf("added %" PRIu64 ", updated %" PRIu64 ", unchanged %" PRIu64 ", failed %" PRIu64,
         a->done.added, a->done.updated, a->done.unchanged, a->failed);
  if (a->skipped > 0) printf(", skipped %" PRIu64, a->skipped);
  printf("\n");
}

/* One path that is not there is a failed item among others; where none is there, nothing can be
 * done. */
static exit_code check_paths(const options *o) {
  for (size_t i = 0; i < o->word_count; i++)
    if (access(o->words[i], F_OK) == 0) return EXIT_DONE;
  return complain_system(errno, "opening %s", o->words[0]);
}

static exit_code open_lines(const char *path, sdx_source_options *source, int *fd) {
  struct stat st;
  source->lines_on_stdin = true;
  if (strcmp(path, "-") == 0) return EXIT_DONE;
  source->lines_fd = *fd = open(path, O_RDONLY | O_CLOEXEC);
  if (*fd >= 0 && fstat(*fd, &st) == 0 && S_ISDIR(st.st_mode))
    return complain_system(EISDIR, "opening %s", path);
  return *fd < 0 ? complain_system(errno, "opening %s", path) : EXIT_DONE;
}

/* Opens the sources: paths, or JSON Lines from a file or standard input. */
static exit_code open_source(adding *a, int *fd) {
  sdx_source_options source = SDX_SOURCE_OPTIONS_INIT;
  sdx_error err = { 0 };
  const char *lines = options_text(a->o, "jsonl");
  source.invitations = options_flag(a->o, "invitations");
  source.now = a->o->now;
  if (lines && a->o->word_count > 0)
    return complain_usage("%s takes paths or --jsonl, not both", a->o->command);
  if (!lines && a->o->word_count == 0)
    return complain_usage("%s needs paths, or --jsonl FILE (- for standard input)", a->o->command);
  exit_code code = lines ? open_lines(lines, &source, fd) : check_paths(a->o);
  if (code != EXIT_DONE) return code;
  if (sdx_source_open(&a->source, a->o->words, a->o->word_count, &source, &err) != SDX_OK)
    return complain(&err);
  return EXIT_DONE;
}

exit_code adding_run(const options *o, sdx_deposit *deposit) {
  adding a = {
    .o = o, .deposit = deposit, .j = { .out = stdout }, .batch_options = SDX_BATCH_OPTIONS_INIT
  };
  sdx_error err = { 0 };
  int fd = -1;
  uint64_t memory, jobs;
  exit_code code = options_number(o, "memory", 0, &memory);
  if (code == EXIT_DONE) code = options_number(o, "jobs", process_processors(), &jobs);
  if (code == EXIT_DONE) code = open_source(&a, &fd);
  if (code == EXIT_DONE && !deposit) code = session_open(&a.index, o);
  if (code != EXIT_DONE) goto out;

  a.batch_options.now = o->now;
  a.batch_options.undelete = options_flag(o, "undelete");
  a.batch_options.memory = (size_t)memory << 20;
  a.batch_options.threads = jobs < UINT32_MAX ? (unsigned)jobs : 0;
  a.progress = progress_begin("adding");
  if (o->json) {
    json_object(&a.j, NULL);
    json_array(&a.j, "failures");
  }
  sdx_status status = walk(&a, &err);
  print_end(&a);
  if (status != SDX_OK)
    code = complain(&err);
  else if (a.failed > 0)
    code = EXIT_NOTHING;

out:
  if (a.batch) sdx_batch_abort(a.batch);
  if (a.source) sdx_source_close(a.source);
  sdx_close(a.index);
  if (fd >= 0) close(fd);
  return code;
}

static exit_code run(const options *o) {
  return adding_run(o, NULL);
}

const command command_add = {
  .name = "add",
  .arguments = "DIR --key FILE PATH... | --jsonl FILE",
  .summary = "add or replace items from files, directories, or JSON Lines",
  .details =
      "PATH is a Maildir, an mbox, an .eml, .ics or .vcf file, a document, or a directory of "
      "them.\n"
      "An item's id is its path relative to PATH. One line per item that fails; the last line is\n"
      "the sum: added N, updated N, unchanged N, failed N[, skipped N].\n"
      "\n"
      "  --jsonl FILE        one JSON item per line instead of paths; - reads standard input\n"
      "  --undelete          add anew what is unchanged but deleted\n"
      "  --invitations       each event of a calendar attached to a message also as an item of "
      "its\n"
      "                      own, with the message's id, #, and the event's UID as its id\n"
      "  --memory MIB        memory to build with, of all threads together (default: 32,\n"
      "                      of several 26 and 2 for each)\n"
      "  --jobs N            threads that analyse and build (default: one for each processor)\n"
      "  --verbose           name the files that are skipped, too\n",
  .takes = "jsonl= undelete invitations memory= jobs= verbose",
  .run = run,
};
