/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-seeds DIR: writes first inputs for the targets whose formats a fuzzer would not find by itself:
 * records and attribute objects. tests/fuzz/corpus holds what fuzzing made of them.
 */
#include <stdio.h>
#include <string.h>

#include "segment/attributes.h"
#include "segment/record.h"

static int save(const char *dir, const char *name, const buffer *b) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "wb");
  if (f == NULL || b->failed) return -1;
  const size_t written = fwrite(b->data, 1, b->size, f);
  return fclose(f) == 0 && written == b->size ? 0 : -1;
}

static void make_record(buffer *out, bool full) {
  buffer text = BUFFER_INIT;
  record_fields_put(&text, "subject", "a subject", 9);
  record_fields_put(&text, "body", "words and more words", 20);
  const sdx_bytes held[] = { { "fINBOX", 6 }, { "gseen", 5 } };
  const record_term terms[] = { { { "more", 4 }, 1, 0, 1 }, { { "words", 5 }, 2, 1, 2 } };
  const uint32_t positions[] = { 3, 1, 4 };
  record r = { .id = { "an-id", 5 }, .kind = SDX_MESSAGE, .date = 1700000000, .language = "en" };
  if (full) {
    r.attributes = held;
    r.attribute_count = 2;
    r.text = (sdx_bytes){ (const char *)text.data, text.size };
    r.payload = (sdx_bytes){ "payload", 7 };
    r.terms = terms;
    r.term_count = 2;
    r.positions = positions;
    r.position_count = 3;
    r.length = 6;
    r.body_end = 4;
    r.text_bytes = 29;
  }
  record_encode(out, &r);
  buffer_free(&text);
}

static int make_attributes(buffer *out) {
  attributes *a = NULL;
  if (attributes_new(&a, NULL) != SDX_OK) return -1;
  int result = 0;
  for (uint32_t i = 0; i < 300; i++) {
    const char *key = i % 3 == 0 ? "fINBOX" : i % 3 == 1 ? "gseen" : "k1";
    if (attributes_add(a, key, strlen(key), i * i, NULL) != SDX_OK) result = -1;
  }
  attributes_encode(out, a);
  attributes_free(a);
  return result;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  buffer b = BUFFER_INIT;
  make_record(&b, true);
  int result = save(argv[1], "record-full", &b);
  buffer_reset(&b);
  make_record(&b, false);
  result |= save(argv[1], "record-bare", &b);
  buffer_reset(&b);
  result |= make_attributes(&b);
  result |= save(argv[1], "attributes", &b);
  buffer_free(&b);
  return result == 0 ? 0 : 1;
}
