/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node.h - what a matcher is made of: a plan in one segment, node by node. For match.c (windows and scores),
 * node.c (how nodes are made) and together.c (words that must stand together) alone.
 */
#ifndef SEALDEX_QUERY_NODE_H
#define SEALDEX_QUERY_NODE_H

#include "query/bitmap.h"
#include "query/match.h"

typedef enum node_kind {
  NODE_NOTHING,
  NODE_ALL,
  NODE_AND,
  NODE_OR,
  NODE_NOT,
  NODE_LEAF,
  NODE_TOGETHER, /* an AND of words that must stand together */
  NODE_SET,      /* items that an expansion found, as bits of the whole segment */
  NODE_BITMAPS,  /* union of attribute bitmaps */
  NODE_RANGE,    /* ordinals [low, high) */
  NODE_SIZE      /* bytes of the original in [low, high) */
} node_kind;

typedef struct node {
  node_kind kind;
  bool weighted, body, ordered, lazy, absent;
  bool inner;               /* stands together with others, and is looked at with them alone */
  uint32_t count;
  struct node **children;   /* as the query has them: scores are always added in this order */
  struct node **order;      /* as they are evaluated */
  uint64_t items;           /* about how many match: the order of evaluation */
  double bound;             /* of the window under evaluation: where it is promising */
  double spread[WINDOW_WORDS]; /* 64 items at a time; -INFINITY: none of them matches */
  uint64_t bits[WINDOW_WORDS];
  leaf terms;               /* NODE_LEAF */
  leaf spots;               /* a leaf's positions are read apart from its postings */
  bool has_spots;
  double weight, top;       /* top: no item scores more */
  uint32_t *wdf;            /* [WINDOW]; NULL where scores are not wanted */
  bitmap_window limit;      /* only these items */
  bool limited;
  uint32_t window;          /* NODE_TOGETHER */
  bool plain;               /* such a node: a phrase of nothing but words, anywhere in an item */
  uint32_t place;           /* of a word in such a node */
  uint32_t found;           /* wdf of the item that lead.c looks at */
  uint32_t stood;           /* the window whose items were held to it already; SEGMENT_END: none */
  position_list *lists;
  uint32_t *starts;         /* where a phrase may begin, of one item */
  uint32_t starts_room;
  const plan_members *members;
  const uint64_t *set;      /* NODE_SET */
  bitmap_window *bitmaps;   /* NODE_BITMAPS */
  int64_t low, high;
} node;

struct matcher {
  scratch *s;
  view_read *read;
  const segment *seg;
  segment_session *session;
  size_t number;
  uint32_t items;
  const rank_model *model;
  match_options options;
  node *root;
  uint32_t coarse;           /* windows for which bounds of the whole segment will do */
  bitmap_window dead;
  bool has_dead;
  node **lazy;               /* nodes that match_verify asks */
  uint32_t lazy_count, lazy_room;
  node **leaves;             /* all that must be closed */
  uint32_t leaf_count, leaf_room;
  block_ref lengths, sizes, item;
};

/* The node of a plan, in the scratch; NULL where memory ran out. `spine`: nothing but ANDs stand above it. */
node *node_build(matcher *m, const plan *p, bool spine);

/* Whether the words of the node, which the item has, stand there as they must. Ordinals ascend. */
bool together_stands(matcher *m, node *n, uint32_t ordinal);
/* Takes out of the node's bits, the window's at `base`, where they do not. */
void together_keep(matcher *m, node *n, uint32_t base);

#endif
