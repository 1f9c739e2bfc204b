/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast decoded text becomes a durable sealed index, and with how much memory: over the messages
 * of the given paths, held decoded in memory. A program for measuring, not a test.
 *
 *   build_rate [-r ROUNDS] [-t THREADS] [-m MIB] [-l LANGUAGES] [-s] PATH...
 *
 * -s keeps the text. Each round is a process of its own, so that its peak of memory is its own:
 * what the process held before it began is printed apart. The index goes below /var/tmp and is
 * removed.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sealdex.h"

#define FIELDS_MAX 12

typedef struct mail {
  char *id;
  int64_t date;
  sdx_field fields[FIELDS_MAX];
  size_t field_count;
} mail;

typedef struct settings {
  unsigned rounds, threads;
  size_t memory;
  const char *languages;
  bool store_text;
} settings;

static const uint8_t key[SDX_KEY_SIZE] = "a key for rates, not for mail...";
static char place[] = "/var/tmp/build-rate.XXXXXX";

static double now(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(sdx_status status, const sdx_error *err) {
  if (status == SDX_OK) return;
  fprintf(stderr, "build_rate: %s\n", err->message);
  exit(2);
}

static char *copy(const char *data, size_t size) {
  char *out = malloc(size + 1);
  if (out == NULL) exit(2);
  if (size > 0) memcpy(out, data, size);
  out[size] = 0;
  return out;
}

static size_t read_mail(const char *const *paths, size_t count, mail **out, double *text) {
  sdx_source *source;
  sdx_error err = { 0 };
  size_t n = 0;
  must(sdx_source_open(&source, paths, count, NULL, &err), &err);
  for (;;) {
    const sdx_entry *e;
    const sdx_status status = sdx_source_next(source, &e, &err);
    if (status == SDX_NOT_FOUND) break;
    must(status, &err);
    if (e->item == NULL) continue;
    if ((n & (n - 1)) == 0) *out = realloc(*out, (n == 0 ? 1 : 2 * n) * sizeof **out);
    if (*out == NULL) exit(2);
    mail *m = &(*out)[n++];
    *m = (mail){ .id = copy(e->item->id.data, e->item->id.size), .date = e->item->date };
    for (size_t i = 0; i < e->item->field_count && m->field_count < FIELDS_MAX; i++) {
      const sdx_field *f = &e->item->fields[i];
      m->fields[m->field_count++] =
          (sdx_field){ copy(f->name, strlen(f->name)),
                       { copy(f->text.data, f->text.size), f->text.size } };
      *text += (double)f->text.size;
    }
  }
  sdx_source_close(source);
  return n;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static double resident(void) {
  struct rusage use;
  (void)getrusage(RUSAGE_SELF, &use);
  return (double)use.ru_maxrss / 1024;
}

static void build(const settings *s, const mail *m, size_t count, double text) {
  char dir[64];
  sdx_error err = { 0 };
  sdx_index *index;
  sdx_batch *batch;
  sdx_state state;
  const sdx_secret secret = { .kind = SDX_SECRET_KEY, .bytes = key, .size = sizeof key };
  sdx_init_options init = SDX_INIT_OPTIONS_INIT;
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  init.languages = s->languages;
  init.no_store_text = !s->store_text;
  options.memory = s->memory;
  options.threads = s->threads;
  (void)snprintf(dir, sizeof dir, "%s/index", place);
  (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  must(sdx_init(dir, &secret, &init, &err), &err);
  must(sdx_open(&index, dir, &secret, NULL, &err), &err);
  const double before = resident(), start = now(CLOCK_MONOTONIC),
               cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  must(sdx_batch_begin(&batch, index, &options, &err), &err);
  for (size_t i = 0; i < count; i++) {
    sdx_item item = SDX_ITEM_INIT;
    sdx_outcome outcome;
    item.id = (sdx_bytes){ m[i].id, strlen(m[i].id) };
    item.date = m[i].date;
    item.fields = m[i].fields;
    item.field_count = m[i].field_count;
    must(sdx_batch_add(batch, &item, &outcome, &err), &err);
  }
  const double added = now(CLOCK_MONOTONIC);
  must(sdx_batch_commit(batch, &err), &err);
  const double end = now(CLOCK_MONOTONIC);
  const double spent = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  const double peak = resident();
  must(sdx_status_of(index, 0, &state, &err), &err);
  printf("%.2f s (adding %.2f, commit %.2f), %.1f MB/s; CPU %.2f s, %.1f MB/s; peak %.1f MiB, %.1f "
         "before; "
         "%llu segments, %.1f MB\n",
         end - start, added - start, end - added, text * 1e-6 / (end - start), spent,
         text * 1e-6 / spent, peak, before, (unsigned long long)state.segments,
         (double)state.used_bytes * 1e-6);
  sdx_close(index);
}

int main(int argc, char **argv) {
  settings s = { .rounds = 3, .languages = "en" };
  mail *m = NULL;
  double text = 0;
  for (int c; (c = getopt(argc, argv, "r:t:m:l:s")) != -1;) {
    if (c == 'r')
      s.rounds = (unsigned)atoi(optarg);
    else if (c == 't')
      s.threads = (unsigned)atoi(optarg);
    else if (c == 'm')
      s.memory = (size_t)atoi(optarg) << 20;
    else if (c == 'l')
      s.languages = optarg;
    else if (c == 's')
      s.store_text = true;
    else
      return 2;
  }
  const size_t count =
      read_mail((const char *const *)argv + optind, (size_t)(argc - optind), &m, &text);
  printf("%zu items, %.1f MB of text\n", count, text * 1e-6);
  (void)fflush(stdout);
  if (count == 0 || mkdtemp(place) == NULL) return 2;
  int failed = 0;
  for (unsigned i = 0; i < s.rounds; i++) {
    const pid_t child = fork();
    int status = 1;
    if (child == 0) {
      build(&s, m, count, text);
      exit(0);
    }
    (void)waitpid(child, &status, 0);
    failed |= status;
  }
  (void)nftw(place, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return failed != 0;
}
