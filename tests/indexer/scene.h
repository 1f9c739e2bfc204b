/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scene.h - an index in a directory of its own, and short ways to act on it and to look at it.
 */
#ifndef SEALDEX_TESTS_INDEXER_SCENE_H
#define SEALDEX_TESTS_INDEXER_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "index/view.h"

#define SCENE_START INT64_C(1700000000)

typedef struct scene {
  char dir[200], path[216];
  sdx_index *index;
  int64_t now;
} scene;

extern const sdx_secret scene_key;

/* cmocka setup and teardown; *state is the scene. */
int scene_begin(void **state);
int scene_end(void **state);

/* Opens the handle anew. */
void scene_reopen(scene *s);
/* In a process of its own: opens the index and acts on it, until it is killed `microseconds` later. The scene's
 * own handle is closed, if it was open. */
typedef void scene_act(sdx_index *index, int64_t now);
void scene_killed(scene *s, long microseconds, scene_act *act);
/* Fails the test with the error's message where the status is not SDX_OK. */
void scene_ok(sdx_status status, const sdx_error *err);

/* Adds item "item/N" whose body is `text`, flagged "seen" where `seen`. */
sdx_outcome scene_add(scene *s, unsigned number, const char *text);
sdx_outcome scene_add_full(scene *s, unsigned number, const char *text, const char *folder,
                           const char *flag, int64_t expires, bool undelete);
sdx_status scene_delete(scene *s, unsigned number);
sdx_status scene_restore(scene *s, unsigned number);
void scene_maintain(scene *s, bool all);
sdx_sweep_report scene_sweep(scene *s, bool keyed, bool force);

/* How many live items the body's word is in, by all segments of the view. */
unsigned scene_count(scene *s, const char *word);
/* True where show finds the item and its body is `text`. */
bool scene_shows(scene *s, unsigned number, const char *text);
/* The view's segments: published, and in memory. */
void scene_segments(scene *s, size_t *published, size_t *recent);

#endif
