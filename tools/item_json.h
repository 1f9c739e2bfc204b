/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * item_json.h - an item as one line of JSON, in the form that `add --jsonl` reads (docs/cli.md).
 */
#ifndef SEALDEX_TOOLS_ITEM_JSON_H
#define SEALDEX_TOOLS_ITEM_JSON_H

#include "json.h"

void item_json(json *j, const sdx_item *item);

/* "message", "event", "contact", "document". */
const char *kind_name(sdx_kind kind);

#endif
