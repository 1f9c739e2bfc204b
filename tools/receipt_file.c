/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "receipt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"

struct receipt_file {
  char *path;
  int fd;
  uint64_t *known; /* hashes of the lines that stand in the file: a table, 0 is empty */
  size_t count, room;
  const char *index;
  int failed; /* errno of the first failure */
};

/* FNV-1a; the end of the line is no part of it. */
static uint64_t hash_line(const char *line, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  while (size > 0 && line[size - 1] == '\n') size--;
  for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)line[i]) * 0x100000001b3u;
  return hash != 0 ? hash : 1;
}

static uint64_t *find(uint64_t *table, size_t room, uint64_t hash) {
  for (size_t i = hash & (room - 1);; i = (i + 1) & (room - 1))
    if (table[i] == 0 || table[i] == hash) return &table[i];
}

/* True where the line is new, and known from now on. */
static bool is_new(receipt_file *f, const char *line, size_t size) {
  if (f->count * 2 >= f->room) {
    const size_t room = f->room ? 2 * f->room : 1024;
    uint64_t *table = calloc(room, sizeof *table);
    if (!table) {
      f->failed = ENOMEM;
      return false;
    }
    for (size_t i = 0; i < f->room; i++)
      if (f->known[i]) *find(table, room, f->known[i]) = f->known[i];
    free(f->known);
    f->known = table;
    f->room = room;
  }
  const uint64_t hash = hash_line(line, size);
  uint64_t *at = find(f->known, f->room, hash);
  if (*at == hash) return false;
  *at = hash;
  f->count++;
  return true;
}

/* Learns what stands there; a last line without its end (a crash cut it) gets one. */
static int read_before(receipt_file *f) {
  char *line = NULL;
  size_t room = 0;
  ssize_t n = 0;
  bool open_end = false;
  const int copy = dup(f->fd);
  FILE *in = copy >= 0 ? fdopen(copy, "r") : NULL;
  if (!in) return errno;
  while ((n = getline(&line, &room, in)) > 0) {
    (void)is_new(f, line, (size_t)n);
    open_end = line[n - 1] != '\n';
  }
  int failed = ferror(in) ? EIO : f->failed;
  free(line);
  fclose(in);
  if (!failed && open_end && write(f->fd, "\n", 1) != 1) failed = errno;
  return failed;
}

exit_code receipt_file_open(receipt_file **out, const char *path) {
  receipt_file *f = calloc(1, sizeof *f);
  if (!f) return complain_system(ENOMEM, "opening the receipt file");
  f->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  f->path = strdup(path);
  int failed = f->fd < 0 ? errno : f->path ? read_before(f) : ENOMEM;
  if (failed == 0) {
    *out = f;
    return EXIT_DONE;
  }
  exit_code code = complain_system(failed, "opening the receipt file %s", path);
  f->failed = 0;
  receipt_file_close(f);
  return code;
}

#define RECEIPT_KINDS 20
#define RECEIPT_REASONS 5

static const char *kind_word(int kind) {
  static const char *const words[] = { [1] = "segment",    [2] = "epoch",     [3] = "deposit epoch",
                                       [4] = "trash",      [16] = "id",       [17] = "table",
                                       [18] = "intake",    [19] = "deposit" };
  return kind >= 0 && kind < RECEIPT_KINDS && words[kind] ? words[kind] : "other";
}

static const char *reason_word(int reason) {
  static const char *const words[] = { "", "purged", "merged", "unpublished", "account" };
  return reason >= 1 && reason < RECEIPT_REASONS ? words[reason] : "other";
}

static void hex(const uint8_t *bytes, size_t size, char *out) {
  for (size_t i = 0; i < size; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void put(FILE *out, const char *index, const sdx_receipt *r) {
  json j = { .out = out };
  char key_id[17], chain[65];
  snprintf(key_id, sizeof key_id, "%016" PRIx64, r->key_id);
  hex(r->chain, sizeof r->chain, chain);
  json_object(&j, NULL);
  json_text(&j, "index", index);
  json_text(&j, "key", kind_word(r->kind));
  json_text(&j, "key_id", key_id);
  json_int(&j, "time", r->time);
  json_uint(&j, "items", r->items);
  json_text(&j, "reason", reason_word(r->reason));
  json_uint(&j, "generation", r->generation);
  json_text(&j, "chain", chain);
  json_close(&j);
}

static void append(void *context, const sdx_receipt *r) {
  receipt_file *f = context;
  char *line = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&line, &size);
  if (f->failed) return;
  if (!out) {
    f->failed = errno;
    return;
  }
  put(out, f->index, r);
  if (fclose(out) != 0)
    f->failed = errno;
  else if (is_new(f, line, size) && write(f->fd, line, size) != (ssize_t)size)
    f->failed = errno ? errno : ENOSPC;
  free(line);
}

void receipt_file_take(receipt_file *f, const char *name, const sdx_receipt *r) {
  f->index = name;
  errno = 0;
  append(f, r);
}

sdx_status receipt_file_add(receipt_file *f, const char *dir, const char *name, sdx_error *err) {
  f->index = name;
  errno = 0;
  return sdx_receipts(dir, NULL, append, f, err);
}

/* ------------------------------------------------------------------ reading */

static int number_of(const char *word, const char *(*name)(int), int count) {
  for (int i = 1; i < count; i++)
    if (strcmp(word, name(i)) == 0) return i;
  return 0;
}

static bool parse_chain(const char *text, uint8_t out[32]) {
  for (size_t i = 0; i < 32; i++) {
    unsigned byte;
    if (sscanf(text + 2 * i, "%2x", &byte) != 1) return false;
    out[i] = (uint8_t)byte;
  }
  return true;
}

/* The part behind the index's name holds nothing but our own words. */
static bool parse_tail(const char *tail, sdx_receipt *out) {
  char kind[16], reason[16], chain[65];
  if (sscanf(tail,
             "\"key\": \"%15[a-z ]\", \"key_id\": \"%16" SCNx64 "\", \"time\": %" SCNd64
             ", \"items\": %" SCNu64 ", \"reason\": \"%15[a-z]\", \"generation\": %" SCNu64
             ", \"chain\": \"%64[0-9a-f]\"",
             kind, &out->key_id, &out->time, &out->items, reason, &out->generation, chain) != 7)
    return false;
  out->kind = number_of(kind, kind_word, RECEIPT_KINDS);
  out->reason = number_of(reason, reason_word, RECEIPT_REASONS);
  return out->kind != 0 && out->reason != 0 && strlen(chain) == 64 &&
         parse_chain(chain, out->chain);
}

/* What a line begins with where it is about `name`. The caller frees it. */
static char *head_of(const char *name) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  json j = { .out = out };
  json_object(&j, NULL);
  json_text(&j, "index", name);
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

static const char *tail_of(const char *line) {
  static const char mark[] = "\"key\":";
  const char *found = NULL;
  for (const char *p = strstr(line, mark); p; p = strstr(p + 1, mark)) found = p;
  return found;
}

static bool is_about(const char *line, const char *name) {
  char *head = head_of(name);
  const bool yes = head && strncmp(line, head, strlen(head)) == 0 && line[strlen(head)] == ',';
  free(head);
  return yes;
}

static exit_code take_line(const char *line, sdx_receipt **out, size_t *count) {
  const char *tail = tail_of(line);
  sdx_receipt *grown = realloc(*out, (*count + 1) * sizeof *grown);
  if (!grown) return complain_system(ENOMEM, "reading the receipts");
  *out = grown;
  grown[*count] = (sdx_receipt){ 0 };
  if (!tail || !parse_tail(tail, &grown[*count])) {
    fprintf(stderr, "sealdex: the receipt file has a line that is no receipt\n");
    return EXIT_DAMAGED;
  }
  ++*count;
  return EXIT_DONE;
}

exit_code receipt_file_read(const char *path, const char *name, sdx_receipt **out, size_t *count) {
  const char *slash = strrchr(name, '/');
  char *line = NULL;
  size_t size = 0;
  exit_code code = EXIT_DONE;
  *out = NULL;
  *count = 0;
  FILE *in = fopen(path, "re");
  if (!in) return complain_system(errno, "opening the receipt file %s", path);
  while (code == EXIT_DONE && getline(&line, &size, in) > 0)
    if (is_about(line, name) || (slash && is_about(line, slash + 1)))
      code = take_line(line, out, count);
  if (code == EXIT_DONE && ferror(in)) code = complain_system(errno, "reading %s", path);
  free(line);
  fclose(in);
  return code;
}

exit_code receipt_file_close(receipt_file *f) {
  if (!f) return EXIT_DONE;
  exit_code code = EXIT_DONE;
  if (f->fd >= 0) {
    if (!f->failed && fsync(f->fd) != 0 && errno != EINVAL) f->failed = errno;
    close(f->fd);
  }
  if (f->failed) code = complain_system(f->failed, "writing the receipt file %s", f->path);
  free(f->path);
  free(f->known);
  free(f);
  return code;
}
