/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A query in the language that Sealdex and most peers share; for the modules, too, which draw none. */
#include <stdio.h>
#include <time.h>

#include "workload.h"

static void filter_text(const workload_query *q, char *out, size_t size) {
  char first[16], last[16];
  const time_t since = (time_t)q->since, until = (time_t)q->until - 1;
  struct tm day;
  strftime(first, sizeof first, "%Y-%m-%d", gmtime_r(&since, &day));
  strftime(last, sizeof last, "%Y-%m-%d", gmtime_r(&until, &day));
  if (q->since == 0)
    snprintf(out, size, "in:\"%s\"", q->folder);
  else
    snprintf(out, size, "in:\"%s\" date:%s..%s", q->folder, first, last);
}

void workload_query_text(const workload_query *q, char *out, size_t size) {
  const char *const a = q->words[0], *const b = q->words[1], *const c = q->words[2],
                    *const d = q->words[3];
  switch (q->kind) {
  case QUERY_AND2:
    snprintf(out, size, "%s %s", a, b);
    return;
  case QUERY_AND3:
    snprintf(out, size, "%s %s %s", a, b, c);
    return;
  case QUERY_OR2:
    snprintf(out, size, "%s OR %s", a, b);
    return;
  case QUERY_OR4:
    snprintf(out, size, "%s OR %s OR %s OR %s", a, b, c, d);
    return;
  case QUERY_PHRASE2:
    snprintf(out, size, "\"%s %s\"", a, b);
    return;
  case QUERY_PHRASE34:
    snprintf(out, size, "\"%s %s %s%s%s\"", a, b, c, q->word_count > 3 ? " " : "", d);
    return;
  case QUERY_NEAR:
    snprintf(out, size, "%s NEAR/10 %s", a, b);
    return;
  case QUERY_PREFIX:
    snprintf(out, size, "%s*", a);
    return;
  case QUERY_FIELD:
    snprintf(out, size, "subject:%s", a);
    return;
  case QUERY_AND_NOT:
    snprintf(out, size, "%s NOT %s", a, b);
    return;
  case QUERY_FILTER:
    filter_text(q, out, size);
    return;
  default:
    snprintf(out, size, "%s", a);
    return;
  }
}
