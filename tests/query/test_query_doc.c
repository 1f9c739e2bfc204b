/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs every example of docs/query.md: the mailbox in it, and tables whose header row says what their
 * rows are. */
#include "host.h"

enum { CELLS = 3, CELL = 512 };

typedef struct row {
  char cell[CELLS][CELL];
  size_t count;
} row;

static host *shown;
static unsigned rows, failures;

/* ---------------------------------------------------------------- the page */

static void read_cell(const char *from, size_t size, char *out) {
  while (size > 0 && *from == ' ') from++, size--;
  while (size > 0 && from[size - 1] == ' ') size--;
  if (size >= 2 && *from == '`' && from[size - 1] == '`') from++, size -= 2;
  assert_true(size < CELL);
  memcpy(out, from, size);
  out[size] = '\0';
}

static bool read_row(const char *line, row *out) {
  memset(out, 0, sizeof *out);
  if (*line != '|') return false;
  for (const char *at = line + 1; out->count < CELLS;) {
    const char *end = strchr(at, '|');
    if (end == NULL) break;
    read_cell(at, (size_t)(end - at), out->cell[out->count++]);
    at = end + 1;
  }
  return out->count > 0;
}

/* ---------------------------------------------------------------- kinds of example */

static sdx_results *search(const char *query, const char *zone, bool strict, sdx_error *err) {
  sdx_results *results = NULL;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.sort = SDX_NEWEST_FIRST;
  options.limit = 100;
  options.now = HOST_NOW;
  options.strict = strict;
  int hours = 0;
  if (zone[0] != '\0') assert_int_equal(sscanf(zone, "%d:00", &hours), 1);
  options.utc_offset = hours * 3600;
  const sdx_status status = sdx_search(shown->index, host_bytes(query), &options, &results, err);
  if (!strict) host_ok(status, err);
  return results;
}

static void differ(const row *r, const char *got, const char *wanted) {
  fprintf(stderr, "%s: `%s`, not `%s`\n", r->cell[0], got, wanted);
  failures++;
}

static void check_finds(const row *r, bool zoned) {
  char got[CELL] = "";
  sdx_error err;
  sdx_results *results = search(r->cell[0], zoned ? r->cell[1] : "", false, &err);
  const char *wanted = r->cell[zoned ? 2 : 1];
  for (size_t i = 0; i < sdx_results_count(results); i++) {
    const sdx_bytes id = sdx_results_hit(results, i)->id;
    if (i > 0) strcat(got, " ");
    strncat(got, id.data, id.size);
  }
  if (sdx_results_total(results) != sdx_results_count(results)) differ(r, "another total", "that");
  if (sdx_results_fell_back(results)) differ(r, "fell back", "read");
  if (strcmp(got, wanted) != 0) differ(r, got, wanted);
  sdx_results_free(results);
}

static void check_parsed(const row *r, bool fell_back) {
  char got[CELL] = "";
  sdx_error err;
  sdx_results *results = search(r->cell[0], "", false, &err);
  const sdx_bytes parsed = sdx_results_parsed(results);
  memcpy(got, parsed.data, parsed.size);
  if (sdx_results_fell_back(results) != fell_back) differ(r, "other way", fell_back ? "fell back" : "read");
  if (strcmp(got, r->cell[1]) != 0) differ(r, got, r->cell[1]);
  sdx_results_free(results);
}

static void check_fault(const row *r) {
  char wanted[CELL + 32];
  sdx_error err = { 0 };
  sdx_results *results = search(r->cell[0], "", true, &err);
  snprintf(wanted, sizeof wanted, "fault at byte %s:", r->cell[1]);
  if (results != NULL || err.status != SDX_INVALID || strstr(err.message, wanted) == NULL)
    differ(r, err.message, wanted);
  sdx_results_free(results);
}

static void check_row(const row *header, const row *r) {
  if (strcmp(header->cell[0], "query") != 0) return;
  rows++;
  if (strcmp(header->cell[1], "finds") == 0) check_finds(r, false);
  else if (strcmp(header->cell[1], "offset") == 0) check_finds(r, true);
  else if (strcmp(header->cell[1], "read as") == 0) check_parsed(r, false);
  else if (strcmp(header->cell[1], "falls back to") == 0) check_parsed(r, true);
  else if (strcmp(header->cell[1], "fault at") == 0) check_fault(r);
  else fail_msg("a table of %s", header->cell[1]);
}

/* ---------------------------------------------------------------- all of it */

static char *read_page(void) {
  FILE *f = fopen(QUERY_DOC, "r");
  char *page = calloc(1, 1 << 18);
  assert_non_null(f);
  assert_non_null(page);
  assert_true(fread(page, 1, (1 << 18) - 1, f) > 0);
  fclose(f);
  return page;
}

static void run_page(char *page) {
  row header = { .count = 0 }, r;
  failures = rows = 0;
  for (char *line = page, *next; line != NULL && *line != '\0'; line = next) {
    next = strchr(line, '\n');
    if (next != NULL) *next++ = '\0';
    if (!read_row(line, &r)) header.count = 0;
    else if (header.count == 0) header = r;
    else if (strncmp(line, "|---", 4) != 0) check_row(&header, &r);
  }
  assert_true(rows > 150);
  if (failures > 0) fail_msg("%u of %u examples", failures, rows);
}

static void every_example_holds(void **state) {
  shown = *state;
  char *page = read_page();
  char *lines = strstr(page, "```jsonl\n"), *stop = lines != NULL ? strstr(lines + 9, "```") : NULL;
  assert_non_null(stop);
  host_add(shown, lines + 9, (size_t)(stop - lines - 9));
  run_page(stop);
  free(page);
}

/* The same once the journal is a segment. */
static void every_example_holds_of_a_segment(void **state) {
  shown = *state;
  host_fold(shown);
  char *page = read_page();
  char *stop = strstr(strstr(page, "```jsonl\n") + 9, "```");
  run_page(stop);
  free(page);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_example_holds),
    cmocka_unit_test(every_example_holds_of_a_segment),
  };
  return cmocka_run_group_tests(tests, host_begin, host_end);
}
