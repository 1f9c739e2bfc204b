/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/order.h"

#include <endian.h>
#include <string.h>

/* Multikey quicksort over eight bytes at a time: comparing numbers, not strings, and looking at each
 * string's bytes once per eight. Behind a name's end stand zeros; a name that ends within its head
 * sorts before one that goes on with zeros, see `ended`. */
static uint64_t head_at(const order_key *k, size_t depth) {
  uint64_t head = 0;
  const size_t left = k->size > depth ? k->size - depth : 0;
  if (left >= 8) {
    memcpy(&head, k->data + depth, sizeof head);
    return be64toh(head);
  }
  for (size_t i = 0; i < 8; i++)
    head = head << 8 | (i < left ? (uint8_t)k->data[depth + i] : 0);
  return head;
}

static int compare_from(const order_key *a, const order_key *b, size_t depth) {
  if (a->head != b->head) return a->head < b->head ? -1 : 1;
  const size_t a_left = a->size > depth ? a->size - depth : 0;
  const size_t b_left = b->size > depth ? b->size - depth : 0;
  const size_t least = a_left < b_left ? a_left : b_left;
  const int c = least > 0 ? memcmp(a->data + depth, b->data + depth, least) : 0;
  return c != 0 ? c : (a_left > b_left) - (a_left < b_left);
}

static void insertion(order_key *keys, size_t count, size_t depth) {
  for (size_t i = 1; i < count; i++) {
    const order_key key = keys[i];
    size_t j = i;
    for (; j > 0 && compare_from(&keys[j - 1], &key, depth) > 0; j--) keys[j] = keys[j - 1];
    keys[j] = key;
  }
}

static uint64_t median(uint64_t a, uint64_t b, uint64_t c) {
  if (a < b) return b < c ? b : a < c ? c : a;
  return a < c ? a : b < c ? c : b;
}

/* Where the samples are taken depends on the address, so that no mail can be made to sort slowly. */
static uint64_t pivot_of(const order_key *keys, size_t count) {
  const uint64_t seed = ((uint64_t)(uintptr_t)keys ^ count) * UINT64_C(0x9e3779b97f4a7c15);
  return median(keys[(seed >> 48) % count].head, keys[(seed >> 32 & 0xffff) * 31 % count].head,
                keys[(seed >> 8) % count].head);
}

static void swap(order_key *a, order_key *b) {
  const order_key t = *a;
  *a = *b;
  *b = t;
}

/* Names whose heads are all the same: those that end within the head first, by length (they differ in
 * zeros at the end alone), then the rest, by what follows. Returns how many ended. */
static size_t ended_first(order_key *keys, size_t count, size_t depth) {
  size_t ended = 0;
  for (size_t i = 0; i < count; i++)
    if (keys[i].size < depth + 8) swap(&keys[i], &keys[ended++]);
  insertion(keys, ended, depth);
  return ended;
}

static void sort(order_key *keys, size_t count, size_t depth) {
  while (count > 12) {
    const uint64_t pivot = pivot_of(keys, count);
    size_t low = 0, at = 0, high = count;
    while (at < high) {
      if (keys[at].head < pivot)
        swap(&keys[low++], &keys[at++]);
      else if (keys[at].head > pivot)
        swap(&keys[at], &keys[--high]);
      else
        at++;
    }
    sort(keys, low, depth);
    const size_t ended = low + ended_first(keys + low, high - low, depth);
    for (size_t i = ended; i < high; i++) keys[i].head = head_at(&keys[i], depth + 8);
    sort(keys + ended, high - ended, depth + 8);
    keys += high; /* the greater in this frame */
    count -= high;
  }
  insertion(keys, count, depth);
}

void order_sort(order_key *keys, size_t count) {
  for (size_t i = 0; i < count; i++) keys[i].head = head_at(&keys[i], 0);
  sort(keys, count, 0);
}
