/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "item_json.h"
#include "plain.h"
#include "session.h"
#include "when.h"

static const char *const facet_names[] = { "kind", "folder", "from", "month" };
enum { FACETS = sizeof facet_names / sizeof *facet_names };

typedef struct asking {
  sdx_search_options options;
  bool no_hits; /* --limit 0: only the total is asked for */
  char *query;
} asking;

static exit_code read_numbers(asking *a, const options *o) {
  uint64_t limit, offset, milliseconds;
  exit_code code = options_number(o, "limit", 10, &limit);
  if (code == EXIT_DONE) code = options_number(o, "offset", 0, &offset);
  if (code == EXIT_DONE) code = options_number(o, "time-limit", 0, &milliseconds);
  if (code != EXIT_DONE) return code;
  a->no_hits = limit == 0;
  a->options.limit = limit ? (size_t)limit : 1;
  a->options.offset = (size_t)offset;
  a->options.time_limit_us = (int64_t)milliseconds * 1000;
  return EXIT_DONE;
}

static exit_code read_options(asking *a, const options *o) {
  static const sdx_sort sorts[] = { SDX_BY_RELEVANCE, SDX_NEWEST_FIRST, SDX_OLDEST_FIRST,
                                    SDX_BY_RECENCY };
  int sort, total;
  exit_code code = options_expect(o, 1, SIZE_MAX, "a query");
  if (code == EXIT_DONE) code = read_numbers(a, o);
  if (code == EXIT_DONE) code = options_choice(o, "sort", "relevance|newest|oldest|recency", &sort);
  if (code == EXIT_DONE) code = options_choice(o, "total", "exact|bound", &total);
  if (code != EXIT_DONE) return code;
  const char *zone = options_text(o, "utc-offset");
  if (zone && !when_parse_offset(zone, &a->options.utc_offset))
    return complain_usage("--utc-offset takes a form such as +02:00");
  a->options.sort = sorts[sort];
  a->options.bound_total = total == 1;
  a->options.want = a->no_hits ? 0 : SDX_WANT_ALL;
  if (options_flag(o, "snippets") && !a->no_hits) a->options.want |= SDX_WANT_EXCERPTS;
  a->options.facets = options_flag(o, "facets");
  a->options.collapse_threads = options_flag(o, "threads");
  a->options.strict = options_flag(o, "strict");
  a->options.now = o->now;
  const char *cursor = options_text(o, "cursor");
  a->options.pages = cursor != NULL && !a->no_hits;
  if (cursor && strcmp(cursor, "start") != 0) a->options.after = bytes_of(cursor);
  return EXIT_DONE;
}

static void json_excerpts(json *j, const sdx_hit *hit) {
  json_array(j, "snippets");
  for (size_t i = 0; i < hit->excerpt_count; i++) {
    json_object(j, NULL);
    json_string(j, "field", hit->excerpts[i].field);
    json_string(j, "snippet", hit->excerpts[i].html);
    json_close(j);
  }
  json_close(j);
}

static void json_hits(json *j, const sdx_results *results, size_t count, bool excerpts) {
  json_array(j, "hits");
  for (size_t i = 0; i < count; i++) {
    const sdx_hit *hit = sdx_results_hit(results, i);
    json_object(j, NULL);
    json_string(j, "id", hit->id);
    json_text(j, "kind", kind_name(hit->kind));
    json_int(j, "date", hit->date);
    json_double(j, "score", hit->score);
    json_string(j, "title", hit->title);
    json_string(j, "from", hit->from);
    json_string(j, "snippet", hit->snippet);
    if (excerpts) json_excerpts(j, hit);
    json_close(j);
  }
  json_close(j);
}

static void json_facets(json *j, const sdx_results *results) {
  json_object(j, "facets");
  for (size_t f = 0; f < FACETS; f++) {
    size_t count = 0;
    const sdx_facet_value *values = sdx_results_facet(results, facet_names[f], &count);
    json_object(j, facet_names[f]);
    for (size_t i = 0; i < count; i++) json_uint_named(j, values[i].value, values[i].count);
    json_close(j);
  }
  json_close(j);
}

static void print_json(const asking *a, const sdx_results *results, size_t count) {
  json j = { .out = stdout };
  sdx_bytes suggestion = sdx_results_suggestion(results);
  json_object(&j, NULL);
  json_text(&j, "query", a->query);
  json_string(&j, "parsed", sdx_results_parsed(results));
  if (sdx_results_fell_back(results)) json_bool(&j, "fell_back", true);
  json_uint(&j, "total", sdx_results_total(results));
  json_bool(&j, "exact", sdx_results_exact(results));
  json_bool(&j, "complete", sdx_results_complete(results));
  if (!sdx_results_complete(results)) {
    json_array(&j, "why");
    for (size_t i = 0; sdx_results_why(results, i); i++)
      json_text(&j, NULL, sdx_results_why(results, i));
    json_close(&j);
  }
  json_hits(&j, results, count, (a->options.want & SDX_WANT_EXCERPTS) != 0);
  if (sdx_results_next(results).size > 0) json_string(&j, "next", sdx_results_next(results));
  if (a->options.facets) json_facets(&j, results);
  if (suggestion.size > 0) json_string(&j, "suggestion", suggestion);
  json_close(&j);
}

static void print_hit(const sdx_hit *hit, size_t number) {
  char when[WHEN_SIZE];
  printf("\n%zu. ", number);
  plain_print(stdout, hit->title.size ? hit->title : bytes_of("(no title)"));
  printf("\n   %s, %s", kind_name(hit->kind), when_format(hit->date, when));
  if (hit->from.size) {
    printf(", from ");
    plain_print(stdout, hit->from);
  }
  printf("\n   id ");
  plain_print(stdout, hit->id);
  printf("\n");
  if (hit->snippet.size) {
    printf("   ");
    plain_print_snippet(stdout, hit->snippet, isatty(1) != 0);
    printf("\n");
  }
}

static void print_facets(const sdx_results *results) {
  enum { SHOWN = 8 };
  for (size_t f = 0; f < FACETS; f++) {
    size_t count = 0;
    const sdx_facet_value *values = sdx_results_facet(results, facet_names[f], &count);
    if (count == 0) continue;
    printf("\n%s:", facet_names[f]);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
      printf("%s ", i ? "," : "");
      plain_print(stdout, values[i].value);
      printf(" %" PRIu64, values[i].count);
    }
    if (count > SHOWN) printf(", and %zu more", count - SHOWN);
    printf("\n");
  }
}

static void print_text(const asking *a, const sdx_results *results, size_t count) {
  uint64_t total = sdx_results_total(results);
  if (sdx_results_fell_back(results))
    printf("the query could not be read as written; its words were searched instead\n");
  printf("%s%" PRIu64 " found", sdx_results_exact(results) ? "" : "at least ", total);
  if (count > 0 && count < total)
    printf(", showing %zu to %zu", a->options.offset + 1, a->options.offset + count);
  printf("\n");
  if (!sdx_results_complete(results)) {
    printf("this answer is partial:");
    for (size_t i = 0; sdx_results_why(results, i); i++)
      printf("%s %s", i ? "," : "", sdx_results_why(results, i));
    printf("\n");
  }
  sdx_bytes suggestion = sdx_results_suggestion(results);
  if (suggestion.size > 0) {
    printf("did you mean: ");
    plain_print(stdout, suggestion);
    printf("\n");
  }
  for (size_t i = 0; i < count; i++)
    print_hit(sdx_results_hit(results, i), a->options.offset + i + 1);
  if (a->options.facets) print_facets(results);
  if (sdx_results_next(results).size > 0) {
    printf("\nnext page: --cursor ");
    plain_print(stdout, sdx_results_next(results));
    printf("\n");
  }
}

static exit_code search(asking *a, const options *o, sdx_index *index) {
  sdx_results *results = NULL;
  sdx_error err = { 0 };
  if (sdx_search(index, bytes_of(a->query), &a->options, &results, &err) != SDX_OK)
    return complain(&err);
  size_t count = a->no_hits ? 0 : sdx_results_count(results);
  if (o->json)
    print_json(a, results, count);
  else
    print_text(a, results, count);
  bool nothing = count == 0 && sdx_results_total(results) == 0 && sdx_results_complete(results);
  sdx_results_free(results);
  return nothing ? EXIT_NOTHING : EXIT_DONE;
}

static exit_code run(const options *o) {
  asking a = { .options = SDX_SEARCH_OPTIONS_INIT };
  sdx_index *index = NULL;
  exit_code code = read_options(&a, o);
  if (code != EXIT_DONE) return code;
  code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  a.query = options_join(o, 0);
  code = a.query ? search(&a, o, index) : complain_system(ENOMEM, "reading the query");
  options_forget(a.query);
  sdx_close(index);
  return code;
}

const command command_search = {
  .name = "search",
  .arguments = "DIR --key FILE QUERY...",
  .summary = "find items",
  .details =
      "words \"a phrase\" one NEAR/5 two  subject:x from:x to:x  AND OR NOT -x ( )  proj*\n"
      "before:2024-06-01 after:2024 in:FOLDER is:unread has:attachment, and more: docs/query.md\n"
      "\n"
      "  --limit N           hits to show (default: 10)\n"
      "  --offset N          hits to pass over first\n"
      "  --cursor start|NEXT a page that stays in place while items arrive and vanish: `start`, then what\n"
      "                      the page before gave as the next\n"
      "  --sort ORDER        relevance (default), newest, oldest, recency\n"
      "  --total exact|bound an exact total (default), or a lower bound, which is faster\n"
      "  --snippets          with --json: a snippet of each field that matches\n"
      "  --facets            count the hits by kind, folder, sender and month\n"
      "  --threads           one hit per thread\n"
      "  --strict            a query that cannot be read is an error\n"
      "  --time-limit MS     answer with what was found by then\n"
      "  --utc-offset +02:00 the time zone of dates in the query\n",
  .takes = "limit= offset= cursor= sort= total= snippets facets threads strict time-limit= utc-offset=",
  .run = run,
};
