/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real calendars, cards and documents, where SEALDEX_CORPORA says that they are: every file is an
 * item, or named with a reason. Prints a table by type: items with text, items by their name only,
 * files that were refused or passed over. The reader is the worker, in its sandbox.
 */
#include "extracting.h"

#include <stdlib.h>
#include <sys/stat.h>

#define TYPES_MAX 64

typedef struct row {
  char type[16];
  size_t items;
  size_t partial; /* with text, but not all of it */
  size_t by_name; /* without text, and why is said */
  size_t failed;
  size_t skipped;
  size_t text;
} row;

typedef struct table {
  row rows[TYPES_MAX];
  size_t count;
} table;

static bool corpus(char path[4096], const char *name) {
  struct stat st;
  const char *root = getenv("SEALDEX_CORPORA");
  if (root == NULL || snprintf(path, 4096, "%s/%s", root, name) >= 4096 || stat(path, &st) != 0) {
    print_message("skipped: %s is not here\n", name);
    return false;
  }
  return true;
}

static row *row_of(table *t, sdx_bytes id) {
  char type[16] = "";
  size_t end = id.size;
  for (size_t i = 0; i < id.size; i++)
    if (id.data[i] == '#') end = i;
  size_t dot = end;
  while (dot > 0 && id.data[dot - 1] != '.' && id.data[dot - 1] != '/') dot--;
  if (dot > 0 && id.data[dot - 1] == '.' && end - dot < sizeof type)
    memcpy(type, id.data + dot, end - dot);
  for (size_t i = 0; i < t->count; i++)
    if (strcmp(t->rows[i].type, type) == 0) return &t->rows[i];
  assert_true(t->count < TYPES_MAX);
  memcpy(t->rows[t->count].type, type, sizeof type);
  return &t->rows[t->count++];
}

static void count(row *r, const sdx_entry *entry) {
  size_t text = 0;
  if (entry->item == NULL) {
    assert_non_null(entry->reason);
    assert_true(entry->reason[0] != '\0');
    if (entry->state == SDX_ENTRY_FAILED)
      r->failed++;
    else
      r->skipped++;
    return;
  }
  assert_true(entry->item->id.size >= 1 && entry->item->id.size <= SDX_ID_MAX);
  for (size_t i = 0; i < entry->item->field_count; i++) {
    const sdx_field *f = &entry->item->fields[i];
    assert_true(f->text.size > 0);
    assert_null(memchr(f->text.data, '\0', f->text.size));
    if (strcmp(f->name, "filename") != 0) text += f->text.size;
  }
  r->text += text;
  if (entry->state == SDX_ENTRY_ITEM)
    r->items++;
  else if (text > 0)
    r->partial++;
  else
    r->by_name++;
}

static row walk_corpus(const char *name, row *each, const char *wanted) {
  char path[4096];
  row sum = { .type = "all" };
  if (!corpus(path, name)) return sum;
  static table t;
  memset(&t, 0, sizeof t);
  sdx_source *source = NULL;
  const sdx_entry *entry = NULL;
  const char *paths[] = { path };
  sdx_status status;
  const char *told = getenv("SEALDEX_TELL");
  assert_int_equal(sdx_source_open(&source, paths, 1, NULL, NULL), SDX_OK);
  while ((status = sdx_source_next(source, &entry, NULL)) == SDX_OK) {
    count(row_of(&t, entry->id), entry);
    if (told != NULL && entry->state != SDX_ENTRY_ITEM)
      print_message("%.*s: %s\n", (int)entry->id.size, entry->id.data, entry->reason);
  }
  assert_int_equal(status, SDX_NOT_FOUND);
  sdx_source_close(source);
  print_message("%-10s %8s %8s %8s %8s %8s %10s\n", name, "items", "partial", "by name", "failed",
                "skipped", "text");
  for (size_t i = 0; i < t.count; i++) {
    const row *r = &t.rows[i];
    print_message("%-10s %8zu %8zu %8zu %8zu %8zu %10zu\n", r->type, r->items, r->partial,
                  r->by_name, r->failed, r->skipped, r->text);
    sum.items += r->items, sum.partial += r->partial, sum.by_name += r->by_name;
    sum.failed += r->failed, sum.skipped += r->skipped, sum.text += r->text;
    if (wanted != NULL && strcmp(r->type, wanted) == 0) *each = *r;
  }
  return sum;
}

static void calendars(void **state) {
  (void)state;
  const row sum = walk_corpus("ics", NULL, NULL);
  if (sum.items > 0) assert_true(sum.items + sum.partial > 1000);
}

static void cards(void **state) {
  (void)state;
  const row sum = walk_corpus("vcf", NULL, NULL);
  if (sum.items == 0) return;
  assert_true(sum.items + sum.partial > 100);
  assert_true(sum.failed + sum.skipped <= 3);
}

/* No type may lose what ANCHORS found to be possible. */
static void documents(void **state) {
  (void)state;
  row pdf = { 0 };
  const row sum = walk_corpus("docs", &pdf, "pdf");
  if (sum.items == 0) return;
  assert_true(pdf.items + pdf.partial >= 40);
  assert_true(sum.items > 600);
}

static void languages(void **state) {
  (void)state;
  const row sum = walk_corpus("multilang", NULL, NULL);
  if (sum.items > 0) assert_int_equal(sum.failed + sum.skipped, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(calendars),
    cmocka_unit_test(cards),
    cmocka_unit_test(documents),
    cmocka_unit_test(languages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
