/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "plain.h"
#include "session.h"

static const char *kind_text(sdx_suggestion_kind kind) {
  switch (kind) {
  case SDX_SUGGEST_ADDRESS: return "address";
  case SDX_SUGGEST_VALUE: return "value";
  default: return "word";
  }
}

static void print_json(const char *typed, const sdx_suggestions *list) {
  json j = { .out = stdout };
  json_object(&j, NULL);
  json_text(&j, "typed", typed);
  json_bool(&j, "complete", sdx_suggestions_complete(list));
  json_array(&j, "suggestions");
  for (size_t i = 0; i < sdx_suggestions_count(list); i++) {
    const sdx_suggestion *s = sdx_suggestions_at(list, i);
    json_object(&j, NULL);
    json_string(&j, "text", s->text);
    json_string(&j, "word", s->word);
    json_text(&j, "kind", kind_text(s->kind));
    if (s->name.size > 0) json_string(&j, "name", s->name);
    if (s->count > 0) json_uint(&j, "count", s->count);
    if (s->date != 0) json_int(&j, "date", s->date);
    json_close(&j);
  }
  json_close(&j);
  json_close(&j);
}

static void print_text(const sdx_suggestions *list) {
  for (size_t i = 0; i < sdx_suggestions_count(list); i++) {
    const sdx_suggestion *s = sdx_suggestions_at(list, i);
    plain_print(stdout, s->text);
    if (s->name.size > 0) {
      printf("\t");
      plain_print(stdout, s->name);
    }
    printf("\n");
  }
  if (!sdx_suggestions_complete(list))
    fprintf(stderr, "sealdex: some of the index could not be read; sealdex verify says where\n");
}

static exit_code suggest(const char *typed, const sdx_suggest_options *how, const options *o,
                         sdx_index *index) {
  sdx_suggestions *list = NULL;
  sdx_error err = { 0 };
  if (sdx_suggest(index, bytes_of(typed), how, &list, &err) != SDX_OK) return complain(&err);
  if (o->json) print_json(typed, list);
  else print_text(list);
  const bool nothing = sdx_suggestions_count(list) == 0;
  sdx_suggestions_free(list);
  return nothing ? EXIT_NOTHING : EXIT_DONE;
}

static exit_code run(const options *o) {
  sdx_suggest_options how = SDX_SUGGEST_OPTIONS_INIT;
  uint64_t limit;
  sdx_index *index = NULL;
  exit_code code = options_expect(o, 1, SIZE_MAX, "what is being typed");
  if (code == EXIT_DONE) code = options_number(o, "limit", 10, &limit);
  if (code != EXIT_DONE) return code;
  how.limit = (size_t)limit;
  how.now = o->now;
  code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  char *typed = options_join(o, 0);
  code = typed ? suggest(typed, &how, o, index) : complain_system(ENOMEM, "reading the query");
  options_forget(typed);
  sdx_close(index);
  return code;
}

const command command_suggest = {
  .name = "suggest",
  .arguments = "DIR --key FILE PREFIX...",
  .summary = "complete the last word of a query",
  .details =
      "proj     words that begin so     from:jo  senders, by address or name     in:arch  folders\n"
      "\n"
      "Only what stands in items that are not deleted. One per line, best first; behind a tab the name\n"
      "that belongs to an address.\n"
      "\n"
      "  --limit N           at most so many (default: 10)\n",
  .takes = "limit=",
  .run = run,
};
