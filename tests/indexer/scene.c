/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scene.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const sdx_secret scene_key = { SDX_SECRET_KEY, "a key of thirty-two bytes, no less.", 32 };

void scene_ok(sdx_status status, const sdx_error *err) {
  if (status != SDX_OK) fail_msg("status %d: %s", status, err->message);
}

static void open_index(scene *s) {
  sdx_error err = { 0 };
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  options.now = s->now;
  scene_ok(sdx_open(&s->index, s->path, &scene_key, &options, &err), &err);
}

int scene_begin(void **state) {
  scene *s = calloc(1, sizeof *s);
  sdx_error err = { 0 };
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  const char *base = getenv("TMPDIR");
  snprintf(s->dir, sizeof s->dir, "%s/sealdex-scene-XXXXXX", base != NULL ? base : "/tmp");
  if (mkdtemp(s->dir) == NULL) return -1;
  snprintf(s->path, sizeof s->path, "%s/index", s->dir);
  s->now = options.now = SCENE_START;
  scene_ok(sdx_init(s->path, &scene_key, &options, &err), &err);
  open_index(s);
  *state = s;
  return 0;
}

void scene_killed(scene *s, long microseconds, scene_act *act) {
  sdx_close(s->index);
  s->index = NULL;
  const pid_t child = fork();
  if (child == 0) {
    sdx_index *index = NULL;
    sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
    options.now = s->now;
    if (sdx_open(&index, s->path, &scene_key, &options, NULL) == SDX_OK) act(index, s->now);
    _exit(0);
  }
  const struct timespec pause = { .tv_nsec = microseconds * 1000 };
  nanosleep(&pause, NULL);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

int scene_end(void **state) {
  scene *s = *state;
  sdx_close(s->index);
  nftw(s->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  free(s);
  return 0;
}

void scene_reopen(scene *s) {
  sdx_close(s->index);
  s->index = NULL;
  open_index(s);
}

static sdx_bytes name_of(unsigned number, char out[24]) {
  return (sdx_bytes){ out, (size_t)snprintf(out, 24, "item/%u", number) };
}

sdx_outcome scene_add_full(scene *s, unsigned number, const char *text, const char *folder,
                           const char *flag, int64_t expires, bool undelete) {
  char id[24];
  const sdx_field fields[2] = { { "subject", { "about it", 8 } }, { "body", { text, strlen(text) } } };
  const sdx_bytes folders[1] = { { folder, strlen(folder) } }, flags[1] = { { flag, strlen(flag) } };
  sdx_item item = SDX_ITEM_INIT;
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  sdx_outcome outcome = 0;
  sdx_error err = { 0 };
  item.id = name_of(number, id);
  item.date = SCENE_START - (int64_t)number * 60;
  item.fields = fields;
  item.field_count = 2;
  item.folders = folders;
  item.folder_count = folder[0] != '\0';
  item.flags = flags;
  item.flag_count = flag[0] != '\0';
  item.expires = expires;
  options.now = s->now;
  options.undelete = undelete;
  scene_ok(sdx_add(s->index, &item, &options, &outcome, &err), &err);
  return outcome;
}

sdx_outcome scene_add(scene *s, unsigned number, const char *text) {
  return scene_add_full(s, number, text, "INBOX", "", 0, false);
}

sdx_status scene_delete(scene *s, unsigned number) {
  char id[24];
  sdx_error err = { 0 };
  const sdx_status status = sdx_delete(s->index, name_of(number, id), s->now, &err);
  if (status != SDX_NOT_FOUND) scene_ok(status, &err);
  return status;
}

sdx_status scene_restore(scene *s, unsigned number) {
  char id[24];
  sdx_error err = { 0 };
  const sdx_status status = sdx_restore(s->index, name_of(number, id), s->now, &err);
  if (status != SDX_NOT_FOUND) scene_ok(status, &err);
  return status;
}

void scene_maintain(scene *s, bool all) {
  sdx_error err = { 0 };
  scene_ok(sdx_maintain(s->index, all, s->now, &err), &err);
}

sdx_sweep_report scene_sweep(scene *s, bool keyed, bool force) {
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report report = { 0 };
  sdx_error err = { 0 };
  options.now = s->now;
  options.force = force;
  options.secret = keyed ? &scene_key : NULL;
  scene_ok(sdx_sweep(s->path, &options, &report, &err), &err);
  return report;
}

unsigned scene_count(scene *s, const char *word) {
  view_read r;
  sdx_error err = { 0 };
  unsigned count = 0;
  scene_ok(view_begin_at(&r, s->index, 0, s->now, &err), &err);
  for (size_t i = 0; i < r.view->segment_count; i++) {
    const view_segment *v = &r.view->segments[i];
    segment_term term;
    const sdx_status status = segment_find(v->seg, &r.session, word, strlen(word), &term);
    if (status == SDX_NOT_FOUND) continue;
    scene_ok(status, &err);
    postings p;
    postings_open(&p, v->seg, &r.session, &term);
    while (postings_next(&p))
      for (uint32_t k = 0; k < p.count; k++)
        count += v->dead == NULL || !roaring_bitmap_contains(v->dead, p.ordinals[k]);
    postings_close(&p);
  }
  assert_int_equal(r.session.status, SDX_OK);
  view_end(&r);
  return count;
}

bool scene_shows(scene *s, unsigned number, const char *text) {
  char id[24];
  sdx_found *found = NULL;
  sdx_error err = { 0 };
  const sdx_status status = sdx_show(s->index, name_of(number, id), 0, &found, &err);
  if (status == SDX_NOT_FOUND) return false;
  scene_ok(status, &err);
  const sdx_item *item = sdx_found_item(found);
  bool same = false;
  for (size_t i = 0; i < item->field_count; i++)
    same |= strcmp(item->fields[i].name, "body") == 0 && item->fields[i].text.size == strlen(text) &&
            memcmp(item->fields[i].text.data, text, strlen(text)) == 0;
  sdx_found_free(found);
  return same;
}

void scene_segments(scene *s, size_t *published, size_t *recent) {
  view_read r;
  sdx_error err = { 0 };
  *published = *recent = 0;
  scene_ok(view_begin(&r, s->index, 0, &err), &err);
  for (size_t i = 0; i < r.view->segment_count; i++)
    ++*(r.view->segments[i].holder != 0 ? published : recent);
  view_end(&r);
}
