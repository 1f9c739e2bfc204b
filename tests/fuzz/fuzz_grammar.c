/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person types: any bytes are a query, strict or not. */
#include <stdlib.h>

#include "query/grammar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static text_analyser *analyser;
  if (analyser == NULL && text_analyser_open(&analyser, "en,de", NULL) != SDX_OK) abort();
  for (int strict = 0; strict < 2; strict++) {
    scratch s = SCRATCH_INIT;
    query q;
    const query_context context = { .dates = { .now = 1700000000 }, .strict = strict != 0 };
    const sdx_bytes text = { (const char *)data, size };
    const sdx_status status = query_parse(&q, &s, analyser, text, &context, NULL);
    if (status != SDX_OK && !(strict != 0 && status == SDX_INVALID)) abort();
    scratch_free(&s);
  }
  return 0;
}
