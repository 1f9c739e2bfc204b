/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queries made by calls: bytes are a program of calls. Whatever they are given, the query is made
 * or refused, its tree is printed, and what is printed can be read.
 *
 *   program = { u8 call  arguments }        texts: u8 size and the bytes; nodes: u8, counted back
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "query/built.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const fields[] = { NULL,         "subject", "body",   "with",
                                      "message-id", "list",    "banana", "" };
static const char *const filters[] = { "in",     "is",         "kind",       "date",
                                       "larger", "newer_than", "thread_all", "no" };

static sdx_bytes take_text(cursor *c) {
  size_t size = cursor_get_u8(c);
  if (size > cursor_left(c)) size = cursor_left(c);
  const uint8_t *p = cursor_get(c, size);
  return (sdx_bytes){ .data = p != NULL ? (const char *)p : "", .size = p != NULL ? size : 0 };
}

static sdx_node branch(sdx_query *q, cursor *c, unsigned call, sdx_node last) {
  sdx_node nodes[8];
  const size_t count = cursor_get_u8(c) % 8;
  for (size_t i = 0; i < count; i++) nodes[i] = last - cursor_get_u8(c);
  switch (call % 4) {
  case 0:
    return sdx_query_and(q, nodes, count);
  case 1:
    return sdx_query_or(q, nodes, count);
  case 2:
    return sdx_query_not(q, count > 0 ? nodes[0] : last);
  default:
    return sdx_query_near(q, nodes, count, cursor_get_u8(c), (call & 4) != 0);
  }
}

static sdx_node call_once(sdx_query *q, cursor *c, sdx_node last) {
  const unsigned call = cursor_get_u8(c);
  const char *field = fields[call >> 5];
  switch (call & 15) {
  case 0:
    return sdx_query_text(q, take_text(c));
  case 1:
    return sdx_query_words(q, field, take_text(c));
  case 2:
    return sdx_query_phrase(q, field, take_text(c));
  case 3:
    return sdx_query_prefix(q, field, take_text(c));
  case 4:
    return sdx_query_pattern(q, field, take_text(c));
  case 5:
    return sdx_query_fuzzy(q, field, take_text(c), call >> 4 & 3);
  case 6:
    return sdx_query_filter(q, filters[call >> 5], take_text(c));
  case 7:
    return sdx_query_dates(q, cursor_get_zigzag(c), cursor_get_zigzag(c));
  case 8:
    return sdx_query_sizes(q, cursor_get_zigzag(c), cursor_get_zigzag(c));
  case 9:
    return sdx_query_everything(q);
  default:
    return branch(q, c, call, last);
  }
}

static void look_at(const sdx_query *q, text_analyser *analyser, bool strict) {
  scratch s = SCRATCH_INIT;
  query made;
  buffer printed = BUFFER_INIT;
  const query_context context = { .dates = { .now = 1700000000 }, .strict = strict };
  const sdx_status status = built_tree(&made, &s, analyser, q, &context, NULL);
  if (status == SDX_OK) {
    tree_print(made.root, &printed);
    const sdx_bytes text = { printed.size != 0 ? (const char *)printed.data : "", printed.size };
    if (query_parse(&made, &s, analyser, text, &(query_context){ .dates = context.dates }, NULL) !=
        SDX_OK)
      abort();
  } else if (status != SDX_INVALID) {
    abort();
  }
  buffer_free(&printed);
  scratch_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static text_analyser *analyser;
  if (analyser == NULL && text_analyser_open(&analyser, "en,de", NULL) != SDX_OK) abort();
  sdx_query *q;
  sdx_error err;
  sdx_node last = 0, made;
  cursor c = cursor_over(data, size);
  if (sdx_query_new(&q, NULL) != SDX_OK) abort();
  while (cursor_left(&c) > 0 && !c.failed && (made = call_once(q, &c, last)) != 0) last = made;
  const sdx_status status = sdx_query_set(q, last, &err);
  if (status == SDX_OK)
    for (int strict = 0; strict < 2; strict++) look_at(q, analyser, strict != 0);
  else if (status != SDX_INVALID || err.status != status)
    abort();
  sdx_query_free(q);
  return 0;
}
