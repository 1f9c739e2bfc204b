/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * extracting.h - bytes through a reader of documents, for the reading's sake.
 */
#ifndef SEALDEX_TESTS_FUZZ_EXTRACTING_H
#define SEALDEX_TESTS_FUZZ_EXTRACTING_H

#include "indexer/extract/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void give_item(draft_sink *sink, draft *d) {
  (void)sink;
  (void)draft_item(d);
}

static inline void extract_document(file_type type, const uint8_t *data, size_t size) {
  static draft d;
  static bool started;
  draft_sink sink = { .give = give_item };
  if (!started) kinds_start();
  started = true;
  draft_begin(&d, SDX_DOCUMENT, 1700000000);
  (void)kinds_extract(type, data, size, &d, &sink, 0);
}

#endif
