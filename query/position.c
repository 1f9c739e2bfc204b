/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/position.h"

#include <string.h>

/* The first index >= from whose position is >= target. Gallops: targets ascend by small steps. */
static uint32_t find(const position_list *l, uint32_t from, uint32_t target) {
  uint32_t step = 1, low = from;
  while (low + step <= l->count && l->at[low + step - 1] < target) {
    low += step;
    step *= 2;
  }
  uint32_t high = low + step - 1 < l->count ? low + step - 1 : l->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (l->at[middle] < target) low = middle + 1;
    else high = middle;
  }
  return low;
}

#define SHORT_LIST 24 /* positions that are all looked at: no branch that depends on them */

static uint32_t keep_of_few(uint32_t *starts, uint32_t count, const position_list *word, uint32_t offset) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t start = starts[i], target = start + offset;
    uint32_t found = 0;
    for (uint32_t k = 0; k < word->count; k++) found |= word->at[k] == target;
    starts[kept] = start;
    kept += found;
  }
  return kept;
}

uint32_t positions_keep(uint32_t *starts, uint32_t count, const position_list *word,
                        uint32_t offset) {
  uint32_t kept = 0;
  if (word->count <= SHORT_LIST && count <= 4) return keep_of_few(starts, count, word, offset);
  for (uint32_t i = 0, at = 0; i < count; i++) {
    at = find(word, at, starts[i] + offset);
    if (at == word->count) break;
    if (word->at[at] == starts[i] + offset) starts[kept++] = starts[i];
  }
  return kept;
}

void positions_merge(uint32_t *list, uint32_t count, const position_list *more) {
  uint32_t left = more->count, to = count + left;
  while (left > 0) { /* from the end, in place */
    if (count > 0 && list[count - 1] > more->at[left - 1]) list[--to] = list[--count];
    else list[--to] = more->at[--left];
  }
}

bool positions_ordered(const position_list *lists, size_t n, uint32_t window) {
  if (n == 0) return false;
  for (uint32_t start = 0; start < lists[0].count; start++) {
    const uint32_t first = lists[0].at[start];
    uint32_t at = first;
    size_t k = 1;
    for (; k < n; k++) { /* the earliest place of each word behind the one before it */
      const uint32_t i = find(&lists[k], 0, at + 1);
      if (i == lists[k].count) return false; /* nor for any later start */
      at = lists[k].at[i];
      if (at - first >= window) break;
    }
    if (k == n) return true;
  }
  return false;
}

/* ---------------------------------------------------------------- near */

/* Kuhn's matching of words to positions in [from, from + window): word i may take any position of
 * its list there that no other word has, or whose word finds another. */
typedef struct matching {
  const position_list *lists;
  size_t n;
  uint32_t from, window;
  uint32_t taken[POSITION_WORDS_MAX];  /* the position of each word that has one ... */
  bool placed[POSITION_WORDS_MAX];
  bool asked[POSITION_WORDS_MAX];      /* ... and whom we asked to move */
} matching;

static bool place_word(matching *m, size_t word) {
  const position_list *l = &m->lists[word];
  for (uint32_t i = find(l, 0, m->from); i < l->count && l->at[i] - m->from < m->window; i++) {
    size_t owner = 0;
    while (owner < m->n && !(m->placed[owner] && m->taken[owner] == l->at[i])) owner++;
    if (owner < m->n) {
      if (owner == word || m->asked[owner]) continue;
      m->asked[owner] = true;
      if (!place_word(m, owner)) continue;
    }
    m->taken[word] = l->at[i];
    m->placed[word] = true;
    return true;
  }
  return false;
}

static bool place_all(const position_list *lists, size_t n, uint32_t from, uint32_t window) {
  matching m = { .lists = lists, .n = n, .from = from, .window = window };
  for (size_t i = 0; i < n; i++) {
    memset(m.asked, 0, sizeof(m.asked));
    m.asked[i] = true;
    if (!place_word(&m, i)) return false;
  }
  return true;
}

bool positions_near(const position_list *lists, size_t n, uint32_t window) {
  if (n == 0 || n > POSITION_WORDS_MAX) return false;
  uint32_t next[POSITION_WORDS_MAX] = { 0 };
  for (;;) {
    uint32_t low = UINT32_MAX, high = 0;
    size_t first = 0;
    bool shared = false;
    for (size_t i = 0; i < n; i++) {
      if (next[i] == lists[i].count) return false;
      const uint32_t at = lists[i].at[next[i]];
      if (at < low) low = at, first = i;
      if (at > high) high = at;
    }
    if (high - low < window) {
      for (size_t i = 0; i < n && !shared; i++)
        for (size_t k = i + 1; k < n && !shared; k++)
          shared = lists[i].at[next[i]] == lists[k].at[next[k]];
      if (!shared || place_all(lists, n, low, window)) return true;
      next[first]++;
    } else { /* no window that ends here begins before high - window + 1 */
      next[first] = find(&lists[first], next[first], high - window + 1);
    }
  }
}
