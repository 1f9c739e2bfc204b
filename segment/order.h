/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * order.h - sorting the terms of a batch by their bytes.
 */
#ifndef SEALDEX_SEGMENT_ORDER_H
#define SEALDEX_SEGMENT_ORDER_H

#include "sealdex.h"

typedef struct order_key {
  uint64_t head; /* the 8 bytes at the present depth, as a number; the sort's own */
  const char *data;
  uint32_t id;
  uint16_t size;
  uint8_t tag; /* the owner's, as id */
} order_key;

static inline sdx_bytes order_name(const order_key *k) { return (sdx_bytes){ k->data, k->size }; }

/* By bytes, the shorter first; names that are the same stay in any order. */
void order_sort(order_key *keys, size_t count);

#endif
