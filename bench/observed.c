/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "observed.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define STRINGS (PAGE / 8)
#define MOST 64 /* more pages at once are a fold: they are counted, their strings not looked at */

typedef struct file {
  uint8_t *now, *before;
  size_t size, size_before, room;
} file;

/* Bytes that anybody may read in `inspect`. */
typedef struct told {
  uint64_t journal, used;
} told;

static void take_line(void *context, const char *name, const char *value) {
  told *t = context;
  if (strcmp(name, "journal bytes") == 0) t->journal = strtoull(value, NULL, 10);
  if (strcmp(name, "used bytes") == 0) t->used = strtoull(value, NULL, 10);
}

static int read_again(file *f, const char *path) {
  struct stat st;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) return -1;
  const size_t size = (size_t)st.st_size / PAGE * PAGE;
  if (size > f->room) {
    f->room = size * 2;
    f->now = realloc(f->now, f->room);
    f->before = realloc(f->before, f->room);
    if (f->now == NULL || f->before == NULL) abort();
  }
  uint8_t *swap = f->before;
  f->before = f->now;
  f->size_before = f->size;
  f->now = swap;
  f->size = size;
  const ssize_t n = pread(fd, f->now, size, 0);
  close(fd);
  return n == (ssize_t)size ? 0 : -1;
}

static bool differs(const file *f, size_t page) {
  const size_t at = page * PAGE;
  return at + PAGE > f->size_before || memcmp(f->now + at, f->before + at, PAGE) != 0;
}

static uint32_t changed_pages(const file *f) {
  uint32_t n = 0;
  for (size_t i = 0; i < f->size / PAGE; i++) n += differs(f, i);
  return n;
}

static int by_value(const void *x, const void *y) {
  const observed_string *a = x, *b = y;
  if (a->value != b->value) return a->value < b->value ? -1 : 1;
  return a->mail < b->mail ? -1 : a->mail > b->mail;
}

static void add_string(observed *o, uint64_t value, uint32_t mail) {
  if (o->count == o->room) {
    o->room = o->room * 2 + 65536;
    o->strings = realloc(o->strings, o->room * sizeof *o->strings);
    if (o->strings == NULL) abort();
  }
  o->strings[o->count++] = (observed_string){ value, mail };
}

static void take_strings(observed *o, const file *f, uint32_t mail) {
  for (size_t i = 0; i < f->size / PAGE; i++) {
    if (!differs(f, i)) continue;
    for (size_t k = 0; k < STRINGS; k++) {
      uint64_t v, was = 0;
      memcpy(&v, f->now + i * PAGE + k * 8, 8);
      if (i * PAGE < f->size_before) memcpy(&was, f->before + i * PAGE + k * 8, 8);
      if (v == was || v >> 32 == 0 || (uint32_t)v == 0) continue; /* as before; numbers, zeros */
      if ((v * 0x9e3779b97f4a7c15u) >> 62 == 0) add_string(o, v, mail);
    }
  }
}

static int add_mail(sdx_index *index, const corpus_item *mail, sdx_error *err) {
  const sdx_field fields[] = { { "subject", mail->subject },
                               { "from", mail->from },
                               { "body", mail->body } };
  sdx_item item = SDX_ITEM_INIT;
  item.id = (sdx_bytes){ mail->id, strlen(mail->id) };
  item.date = mail->date;
  item.fields = fields;
  item.field_count = 3;
  return sdx_add(index, &item, NULL, NULL, err) == SDX_OK ? 0 : -1;
}

static sdx_status look(observed *o, const char *dir, file *data, file *keyring, told *last,
                       uint32_t mail, sdx_error *err) {
  char path[300];
  told now = { 0 };
  const sdx_status status = sdx_inspect(dir, NULL, take_line, &now, err);
  if (status != SDX_OK) return status;
  snprintf(path, sizeof path, "%s/data.mdb", dir);
  if (read_again(data, path) != 0) return SDX_SYSTEM;
  snprintf(path, sizeof path, "%s/keyring", dir);
  if (read_again(keyring, path) != 0) return SDX_SYSTEM;
  uint32_t *f = o->features[mail];
  f[OBSERVED_JOURNAL] = now.journal > last->journal ? (uint32_t)(now.journal - last->journal) : 0;
  f[OBSERVED_USED] = now.used > last->used ? (uint32_t)((now.used - last->used) / PAGE) : 0;
  f[OBSERVED_PAGES] = changed_pages(data);
  f[OBSERVED_KEYRING] = changed_pages(keyring);
  o->looked_at += f[OBSERVED_PAGES] + f[OBSERVED_KEYRING];
  if (f[OBSERVED_PAGES] <= MOST) take_strings(o, data, mail);
  take_strings(o, keyring, mail);
  *last = now;
  return SDX_OK;
}

int observe(observed *o, const corpus *mail, const char *dir) {
  char path[280];
  uint8_t key[SDX_KEY_SIZE];
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  file data = { 0 }, keyring = { 0 };
  told last = { 0 };
  *o = (observed){ .features = calloc(mail->count + 1, sizeof *o->features) };
  snprintf(path, sizeof path, "%s/index", dir);
  sdx_status status = o->features == NULL ? SDX_NO_MEMORY : sdx_key_generate(key, &err);
  const sdx_secret secret = { SDX_SECRET_KEY, key, sizeof key };
  if (status == SDX_OK) status = sdx_init(path, &secret, NULL, &err);
  if (status == SDX_OK) status = sdx_open(&index, path, &secret, NULL, &err);
  for (uint32_t i = 0; i < mail->count && status == SDX_OK; i++)
    if (add_mail(index, &mail->items[i], &err) == 0) /* else a repeated id */
      status = look(o, path, &data, &keyring, &last, i, &err);
  sdx_close(index);
  if (status != SDX_OK) fprintf(stderr, "sealdex-bench: %s\n", err.message);
  if (o->count > 1) qsort(o->strings, o->count, sizeof *o->strings, by_value);
  free(data.now), free(data.before);
  free(keyring.now), free(keyring.before);
  return status == SDX_OK ? 0 : -1;
}

void observed_free(observed *o) {
  free(o->features);
  free(o->strings);
}
