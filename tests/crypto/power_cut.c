/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power_cut.h"

#include <fcntl.h>

#define PAGE 4096
#define FILES 64
#define NAMES 2

static const char *const names[NAMES] = { "keyring", "keyring.new" };

/* A file of the directory's history, by its inode. */
typedef struct followed {
  ino_t inode;
  int fd; /* our own: the contents stay readable after unlinking */
  size_t durable_size;
  uint8_t *durable;
  bool *dirty; /* per page: written since the last sync */
  size_t pages;
} followed;

static struct {
  char dir[128];
  followed files[FILES];
  size_t count;
  ino_t durable_names[NAMES]; /* 0: absent */
  keyring_call last;
  ino_t last_inode;
  bool last_succeeds;
  bool any;
  unsigned number;
  unsigned seed;
} model;

int (*power_cut_before)(const keyring_call *call, unsigned number) = NULL;

static unsigned draw(void) {
  return model.seed = model.seed * 1103515245U + 12345U;
}
static bool lot(void) {
  return (draw() >> 16 & 1) != 0;
}

static ino_t inode_of(const char *name) {
  struct stat st;
  char path[256];
  path_in(path, sizeof path, model.dir, name);
  return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* Inode numbers are used again: the newest of a number is meant. */
static followed *find(ino_t inode) {
  for (size_t i = model.count; i > 0; i--)
    if (model.files[i - 1].inode == inode) return &model.files[i - 1];
  return NULL;
}

static void load_current(const followed *f, uint8_t **bytes, size_t *size) {
  struct stat st;
  assert_int_equal(fstat(f->fd, &st), 0);
  *size = (size_t)st.st_size;
  *bytes = malloc(*size + 1);
  assert_int_equal(pread(f->fd, *bytes, *size, 0), (ssize_t)*size);
}

static void need_pages(followed *f, size_t pages) {
  if (pages <= f->pages) return;
  f->dirty = realloc(f->dirty, pages * sizeof *f->dirty);
  for (size_t i = f->pages; i < pages; i++) f->dirty[i] = false;
  f->durable = realloc(f->durable, pages * PAGE);
  memset(f->durable + f->pages * PAGE, 0, (pages - f->pages) * PAGE);
  f->pages = pages;
}

/* For reading, whatever it was opened for. */
static int open_again(int fd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static followed *follow_file(int fd, ino_t inode) {
  assert_true(model.count < FILES);
  followed *f = &model.files[model.count++];
  *f = (followed){ .inode = inode, .fd = fd };
  return f;
}

static void make_durable(followed *f, size_t page, const uint8_t *now, size_t size) {
  const size_t at = page * PAGE;
  if (at >= size) return;
  memcpy(f->durable + at, now + at, size - at < PAGE ? size - at : PAGE);
}

/* A sync of the file: of those pages for which `each` says so. */
static void sync_file(followed *f, bool succeeds) {
  uint8_t *now;
  size_t size;
  load_current(f, &now, &size);
  need_pages(f, (size + PAGE - 1) / PAGE);
  for (size_t i = 0; i < f->pages; i++) {
    if (f->dirty[i] && (succeeds || lot())) make_durable(f, i, now, size);
    f->dirty[i] = false;
  }
  if (succeeds) f->durable_size = size;
  free(now);
}

/* What the call before this one did, now that it is over. */
static void settle_last(void) {
  if (!model.any) return;
  followed *f = find(model.last_inode);
  if (model.last.op == KEYRING_OP_WRITE && f != NULL) {
    const size_t size = model.last_succeeds ? model.last.size : model.last.size / 2;
    const size_t end = (size_t)model.last.at + size;
    need_pages(f, (end + PAGE - 1) / PAGE);
    for (size_t i = (size_t)model.last.at / PAGE; i * PAGE < end; i++) f->dirty[i] = true;
  }
  if (model.last.op == KEYRING_OP_SYNC && f != NULL) sync_file(f, model.last_succeeds);
  if (model.last.op == KEYRING_OP_SYNC_DIR && model.last_succeeds)
    for (size_t i = 0; i < NAMES; i++) model.durable_names[i] = inode_of(names[i]);
  model.any = false;
}

static int before(const keyring_call *call) {
  struct stat st;
  settle_last();
  model.last = *call;
  model.last_inode = fstat(call->fd, &st) == 0 ? st.st_ino : 0;
  const bool in_file = call->op == KEYRING_OP_WRITE || call->op == KEYRING_OP_SYNC;
  const followed *known = find(model.last_inode);
  struct stat ours;
  if (in_file && (known == NULL || (fstat(known->fd, &ours) == 0 && ours.st_nlink == 0)))
    follow_file(open_again(call->fd), model.last_inode);
  const int failed = power_cut_before != NULL ? power_cut_before(call, model.number) : 0;
  model.number++;
  model.last_succeeds = failed == 0;
  model.any = true;
  return failed;
}

void power_cut_follow(const char *dir, unsigned seed) {
  memset(&model, 0, sizeof model);
  model.seed = seed;
  snprintf(model.dir, sizeof model.dir, "%s", dir);
  for (size_t i = 0; i < NAMES; i++) {
    char path[256];
    path_in(path, sizeof path, dir, names[i]);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    model.durable_names[i] = inode_of(names[i]);
    if (fd < 0) continue;
    followed *f = follow_file(fd, model.durable_names[i]);
    uint8_t *now;
    load_current(f, &now, &f->durable_size);
    need_pages(f, (f->durable_size + PAGE - 1) / PAGE);
    memcpy(f->durable, now, f->durable_size);
    free(now);
  }
  keyring_fault = before;
}

void power_cut_end(void) {
  keyring_fault = NULL;
  power_cut_before = NULL;
  for (size_t i = 0; i < model.count; i++) {
    close(model.files[i].fd);
    free(model.files[i].durable);
    free(model.files[i].dirty);
  }
  model.count = 0;
}

/* A page may be on the disk in its new form whether or not it was synced. */
static void write_image(const char *to, const char *name, const followed *f,
                        power_cut_choice choice) {
  uint8_t *now;
  size_t size;
  load_current(f, &now, &size);
  const bool new_size = choice == CUT_NEWEST || (choice == CUT_RANDOM && lot());
  const size_t image_size = new_size ? size : f->durable_size;
  uint8_t *image = calloc(1, image_size + PAGE);
  for (size_t at = 0; at < image_size; at += PAGE) {
    const bool there = at / PAGE < f->pages;
    const bool dirty = there && f->dirty[at / PAGE];
    const bool newer = choice == CUT_NEWEST ? dirty : choice == CUT_RANDOM && dirty && lot();
    const size_t length = image_size - at < PAGE ? image_size - at : PAGE;
    if (newer)
      memcpy(image + at, now + at, length);
    else if (there)
      memcpy(image + at, f->durable + at, length);
  }
  file_store(to, name, image, image_size);
  free(image);
  free(now);
}

void power_cut_image(const char *to, power_cut_choice choice) {
  settle_last();
  const bool new_names = choice == CUT_NEWEST || (choice == CUT_RANDOM && lot());
  for (size_t i = 0; i < NAMES; i++) {
    const ino_t inode = new_names ? inode_of(names[i]) : model.durable_names[i];
    const followed *f = inode != 0 ? find(inode) : NULL;
    if (f != NULL)
      write_image(to, names[i], f, choice);
    else
      file_store(to, names[i], NULL, 0);
  }
}
