/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stopwatch.h"

/* Texts live in chunks that are freed together. */
struct corpus_chunk {
  struct corpus_chunk *next;
  size_t used, size;
  char bytes[];
};

char *corpus_take(corpus *c, size_t size) {
  if (c->chunks == NULL || c->chunks->size - c->chunks->used < size) {
    const size_t want = size > (1u << 20) ? size : (1u << 20);
    struct corpus_chunk *chunk = malloc(sizeof *chunk + want);
    if (chunk == NULL) return NULL;
    *chunk = (struct corpus_chunk){ .next = c->chunks, .size = want };
    c->chunks = chunk;
  }
  char *p = c->chunks->bytes + c->chunks->used;
  c->chunks->used += size;
  return p;
}

const char *corpus_string(corpus *c, const char *data, size_t size) {
  char *p = corpus_take(c, size + 1);
  if (p == NULL) return NULL;
  if (size > 0) memcpy(p, data, size);
  p[size] = '\0';
  return p;
}

/* Joins all fields of one name with line ends between them. */
static int keep_field(corpus *c, const sdx_item *item, const char *name, sdx_bytes *out) {
  size_t size = 0;
  for (size_t i = 0; i < item->field_count; i++)
    if (strcmp(item->fields[i].name, name) == 0) size += item->fields[i].text.size + 1;
  char *p = corpus_take(c, size + 1);
  if (p == NULL) return -1;
  *out = (sdx_bytes){ .data = p, .size = size > 0 ? size - 1 : 0 };
  for (size_t i = 0; i < item->field_count; i++) {
    if (strcmp(item->fields[i].name, name) != 0) continue;
    if (item->fields[i].text.size > 0)
      memcpy(p, item->fields[i].text.data, item->fields[i].text.size);
    p += item->fields[i].text.size;
    *p++ = '\n';
  }
  *p = '\0';
  for (char *q = (char *)(uintptr_t)out->data; q < p; q++)
    if (*q == '\0') *q = ' '; /* SQLite would stop at a NUL */
  return 0;
}

corpus_item *corpus_next(corpus *c) {
  if ((c->count & (c->count - 1)) == 0) {
    corpus_item *more = realloc(c->items, (c->count == 0 ? 1 : c->count * 2) * sizeof *more);
    if (more == NULL) return NULL;
    c->items = more;
  }
  return &c->items[c->count];
}

static int keep_item(corpus *c, const sdx_item *item) {
  corpus_item *it = corpus_next(c);
  if (it == NULL) return -1;
  const sdx_bytes folder = item->folder_count > 0 ? item->folders[0] : (sdx_bytes){ "", 0 };
  it->id = corpus_string(c, item->id.data, item->id.size);
  it->folder = corpus_string(c, folder.data, folder.size);
  it->date = item->date;
  if (it->id == NULL || it->folder == NULL) return -1;
  if (keep_field(c, item, "subject", &it->subject) != 0) return -1;
  if (keep_field(c, item, "from", &it->from) != 0) return -1;
  if (keep_field(c, item, "body", &it->body) != 0) return -1;
  const size_t text = it->subject.size + it->from.size + it->body.size;
  if (text == 0) return 0;
  c->text_bytes += text;
  c->count++;
  return 0;
}

static int by_date(const void *a, const void *b) {
  const corpus_item *x = a, *y = b;
  if (x->date != y->date) return x->date < y->date ? -1 : 1;
  return strcmp(x->id, y->id);
}

int corpus_read(corpus *c, const char *const *paths, size_t path_count, size_t limit) {
  *c = (corpus){ 0 };
  sdx_error err = { 0 };
  sdx_source *source = NULL;
  const double start = stopwatch_now();
  if (sdx_source_open(&source, paths, path_count, NULL, &err) != SDX_OK) goto failed;
  for (;;) {
    const sdx_entry *entry = NULL;
    const sdx_status status = sdx_source_next(source, &entry, &err);
    if (status == SDX_NOT_FOUND) break;
    if (status != SDX_OK) goto failed;
    if (entry->bytes_done > c->raw_bytes) c->raw_bytes = entry->bytes_done;
    if (entry->item == NULL) continue;
    if (keep_item(c, entry->item) != 0) {
      snprintf(err.message, sizeof err.message, "out of memory");
      goto failed;
    }
    if (limit != 0 && c->count == limit) break;
  }
  c->decode_seconds = stopwatch_now() - start;
  sdx_source_close(source);
  if (c->count > 0) qsort(c->items, c->count, sizeof *c->items, by_date);
  return 0;
failed:
  fprintf(stderr, "sealdex-bench: reading the corpus: %s\n", err.message);
  sdx_source_close(source);
  corpus_free(c);
  return -1;
}

void corpus_free(corpus *c) {
  while (c->chunks != NULL) {
    struct corpus_chunk *next = c->chunks->next;
    free(c->chunks);
    c->chunks = next;
  }
  free(c->items);
  *c = (corpus){ 0 };
}
