/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * draft_sink.h - where an extractor gives its items, when one file holds several.
 *
 *   bool NAME_extract(const void *bytes, size_t size, draft *d, draft_sink *sink);
 *
 * fills `d` and gives it, over and over; d->id is then what tells the item from the others of its
 * file, and empty where the file holds but one. False, with d->reason, where it gave none.
 */
#ifndef SEALDEX_EXTRACT_DRAFT_SINK_H
#define SEALDEX_EXTRACT_DRAFT_SINK_H

#include "indexer/extract/draft.h"

typedef struct draft_sink {
  void (*give)(struct draft_sink *sink, draft *d);
} draft_sink;

#endif
