/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-damage: a small index with something of every kind in it, damaged in every way, one at a
 * time: bytes flipped, files cut short, blocks and rows swapped, pages and files put back as they
 * were earlier, files of another user. After each, in a process of its own: every answer is the
 * right one, or an error that says something, or says that it is partial and has no id that does
 * not belong there; verify finds whatever changed an answer; writing of every kind ends no process;
 * nothing hangs. Two things pass (docs/threat-model.md): rows taken out of "ids", which verify
 * alone finds, and a data.mdb from after the newest key was made.
 *
 *   proof-damage [--every N] [--values N] [--writes N] [--seed N] [--slice N] [--keep]
 *
 * --every N     flips each N-th byte of what is not a sealed value (1: all)
 * --values N    flips each N-th byte of values on pages of their own
 * --writes N    writes after each N-th flip, too
 * --slice N     of all kinds of damage each N-th
 * --keep        leaves the index of the first fault behind
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample.h"

enum { PAGE = 4096, STAGES = 5, KEY = 7, OTHER_KEY = 9 };

typedef struct image {
  uint8_t *bytes;
  size_t size;
} image;

/* Both files of an index. */
typedef struct copy {
  image data, keyring;
} copy;

typedef struct proof {
  char dir[256], work[256];
  copy now, other, stages[STAGES];
  answers right, after; /* as it stands, and after sample_write */
  sdx_status writes[SAMPLE_WRITES];
  unsigned tried, refused, partial, unseen, verified, faults;
  bool keep, forged;
  unsigned slice, drawn;
  const answers *older; /* what an older data.mdb answered in its time */
} proof;

static void die(const char *what) {
  perror(what);
  exit(6);
}

/* ------------------------------------------------------------------ files */

static image read_image(const char *dir, const char *name) {
  char path[300];
  struct stat st;
  image i = { 0 };
  snprintf(path, sizeof path, "%s/%s", dir, name);
  const int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &st) != 0) die(path);
  i.size = (size_t)st.st_size;
  i.bytes = malloc(i.size + 1);
  if (i.bytes == NULL || read(fd, i.bytes, i.size) != (ssize_t)i.size) die(path);
  close(fd);
  return i;
}

static copy read_copy(const char *dir) {
  return (copy){ read_image(dir, "data.mdb"), read_image(dir, "keyring") };
}

static void write_image(const char *dir, const char *name, const image *i) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, i->bytes, i->size) != (ssize_t)i->size || close(fd) != 0) die(path);
}

static void remove_index(const char *dir) {
  static const char *const names[] = { "data.mdb", "lock.mdb", "keyring" };
  char path[300];
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    (void)unlink(path);
  }
  (void)rmdir(dir);
}

static void put_index(const proof *p, const image *data, const image *keyring) {
  remove_index(p->work);
  if (mkdir(p->work, 0700) != 0) die(p->work);
  write_image(p->work, "data.mdb", data);
  write_image(p->work, "keyring", keyring);
}

static void keep_stage(void *context, int number) {
  proof *p = context;
  p->stages[number] = read_copy(p->dir);
}

/* ------------------------------------------------------------------ one try */

enum { RIGHT = 0, PARTIAL = 10, REFUSED = 11, UNSEEN = 12, VERIFIED = 13, FAULT = 14 };

/* In a process of its own. */
static int judge(proof *p, bool writes, bool forged, int report) {
  answers now;
  sample_ask(&now, p->work, KEY, SAMPLE_NOW);
  const char *fault = sample_compare(&p->right, &now);
  const bool differs = sample_differs(&p->right, &now);
  if (fault == NULL && differs && now.opened == SDX_OK && now.verified == SDX_OK)
    fault = "an answer changed, and verify finds nothing";
  if (fault == NULL && writes) {
    sdx_status statuses[SAMPLE_WRITES];
    answers after;
    bool all = !differs;
    sample_write(p->work, KEY, SAMPLE_NOW, statuses);
    for (size_t i = 0; i < SAMPLE_WRITES; i++) all = all && statuses[i] == p->writes[i];
    sample_ask(&after, p->work, KEY, SAMPLE_NOW + 10);
    if (all) fault = sample_compare(&p->after, &after);
    sample_free(&after);
  }
  /* A row that was taken out of "ids", or an older page of it, shows where the table is read as a
   * whole. */
  if (fault != NULL && p->older != NULL && !sample_differs(p->older, &now)) return VERIFIED;
  if (fault != NULL && forged && now.verified == SDX_DAMAGED) return VERIFIED;
  if (fault != NULL) {
    if (write(report, fault, strlen(fault)) < 0) return FAULT;
    return FAULT;
  }
  const int result = now.opened != SDX_OK     ? REFUSED
                     : differs                ? PARTIAL
                     : now.verified != SDX_OK ? RIGHT
                                              : UNSEEN;
  sample_free(&now);
  return result;
}

static void try_it(proof *p, const image *data, const image *keyring, bool writes,
                   const char *what) {
  int status = 0, report[2];
  char text[500] = "";
  if (p->drawn++ % p->slice != 0) return;
  put_index(p, data, keyring);
  if (pipe(report) != 0) die("pipe");
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_WRONLY);
    if (null >= 0) (void)dup2(null, 2);
    (void)alarm(60);
    _exit(judge(p, writes, p->forged, report[1]));
  }
  close(report[1]);
  if (read(report[0], text, sizeof text - 1) < 0) text[0] = '\0';
  close(report[0]);
  waitpid(child, &status, 0);
  p->tried++;
  if (WIFEXITED(status) && WEXITSTATUS(status) == RIGHT) return;
  if (WIFEXITED(status) && WEXITSTATUS(status) == PARTIAL)
    p->partial++;
  else if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED)
    p->refused++;
  else if (WIFEXITED(status) && WEXITSTATUS(status) == UNSEEN)
    p->unseen++;
  else if (WIFEXITED(status) && WEXITSTATUS(status) == VERIFIED)
    p->verified++;
  else {
    p->faults++;
    printf("%s: %s", what, text);
    if (WIFSIGNALED(status)) printf("ended by signal %d", WTERMSIG(status));
    printf("\n");
    fflush(stdout);
    if (p->keep) exit(1);
  }
}

/* ------------------------------------------------------------------ what pages are */

typedef enum page_kind { PAGE_META, PAGE_TREE, PAGE_VALUE } page_kind;

static page_kind kind_of(const image *data, size_t page) {
  const uint8_t *at = data->bytes + page * PAGE;
  uint64_t number;
  memcpy(&number, at, sizeof number);
  if (page < 2) return PAGE_META;
  return number == page && (at[10] == 1 || at[10] == 2) && at[11] == 0 ? PAGE_TREE : PAGE_VALUE;
}

/* Between the offsets and the nodes nothing stands. */
static bool in_use(const image *data, size_t page, size_t at) {
  const uint8_t *p = data->bytes + page * PAGE;
  if (kind_of(data, page) == PAGE_META) return at < 160;
  if (kind_of(data, page) == PAGE_VALUE) return true;
  const size_t lower = (size_t)(p[12] | p[13] << 8), upper = (size_t)(p[14] | p[15] << 8);
  return at < lower || at >= upper;
}

static image clone(const image *i) {
  image c = { malloc(i->size), i->size };
  if (c.bytes == NULL) die("memory");
  memcpy(c.bytes, i->bytes, i->size);
  return c;
}

/* ------------------------------------------------------------------ kinds of damage */

static void flip_bytes(proof *p, size_t every, size_t values, unsigned writes, unsigned seed) {
  image data = clone(&p->now.data), keyring = clone(&p->now.keyring);
  char what[80];
  unsigned count = 0;
  for (size_t at = seed % every; at < data.size; at++) {
    const size_t page = at / PAGE;
    const size_t step =
        kind_of(&p->now.data, page) == PAGE_VALUE && at % PAGE >= 16 ? values : every;
    if (at % step != seed % step || !in_use(&p->now.data, page, at % PAGE)) continue;
    const uint8_t was = data.bytes[at];
    data.bytes[at] ^= (uint8_t)(1u << (rand() % 8));
    snprintf(what, sizeof what, "data.mdb, page %zu, byte %zu, 0x%02x to 0x%02x", page, at % PAGE,
             was, data.bytes[at]);
    try_it(p, &data, &keyring, count++ % writes == 0, what);
    data.bytes[at] = was;
  }
  for (size_t at = seed % every; at < keyring.size; at += every) {
    const uint8_t was = keyring.bytes[at];
    keyring.bytes[at] ^= (uint8_t)(1u << (rand() % 8));
    snprintf(what, sizeof what, "keyring, byte %zu", at);
    try_it(p, &data, &keyring, count++ % writes == 0, what);
    keyring.bytes[at] = was;
  }
  free(data.bytes);
  free(keyring.bytes);
}

/* The keyring's two regions, both: the other cannot help. */
static void flip_both_regions(proof *p, size_t every, unsigned seed) {
  image keyring = clone(&p->now.keyring);
  const size_t half = keyring.size / 2;
  char what[80];
  for (size_t at = seed % every; at < half; at += every) {
    keyring.bytes[at] ^= 1;
    keyring.bytes[at + half] ^= 1;
    snprintf(what, sizeof what, "keyring, byte %zu of both regions", at);
    try_it(p, &p->now.data, &keyring, false, what);
    keyring.bytes[at] ^= 1;
    keyring.bytes[at + half] ^= 1;
  }
  free(keyring.bytes);
}

static void cut_short(proof *p) {
  char what[80];
  for (size_t size = 0; size < p->now.data.size; size += size < 3 * PAGE ? 509 : PAGE / 2) {
    const image data = { p->now.data.bytes, size };
    snprintf(what, sizeof what, "data.mdb cut to %zu", size);
    try_it(p, &data, &p->now.keyring, true, what);
  }
  for (size_t size = 0; size < p->now.keyring.size; size += 509) {
    const image keyring = { p->now.keyring.bytes, size };
    snprintf(what, sizeof what, "keyring cut to %zu", size);
    try_it(p, &p->now.data, &keyring, true, what);
  }
}

static void swap(uint8_t *a, uint8_t *b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const uint8_t byte = a[i];
    a[i] = b[i];
    b[i] = byte;
  }
}

/* Values that stand on pages of their own. */
static void swap_blocks(proof *p) {
  image data = clone(&p->now.data);
  char what[80];
  size_t before = 0;
  for (size_t page = 2; page < data.size / PAGE; page++) {
    if (kind_of(&p->now.data, page) != PAGE_VALUE) continue;
    if (before != 0) {
      uint8_t *a = data.bytes + before * PAGE + 16, *b = data.bytes + page * PAGE + 16;
      swap(a, b, PAGE - 16);
      snprintf(what, sizeof what, "blocks of pages %zu and %zu swapped", before, page);
      try_it(p, &data, &p->now.keyring, page % 4 == 0, what);
      swap(a, b, PAGE - 16);
    }
    before = page;
    if (page < p->other.data.size / PAGE && kind_of(&p->other.data, page) == PAGE_VALUE) {
      uint8_t *a = data.bytes + page * PAGE + 16;
      memcpy(a, p->other.data.bytes + page * PAGE + 16, PAGE - 16);
      snprintf(what, sizeof what, "block of page %zu from another user", page);
      try_it(p, &data, &p->now.keyring, false, what);
      memcpy(a, p->now.data.bytes + page * PAGE + 16, PAGE - 16);
    }
  }
  free(data.bytes);
}

typedef struct row {
  uint8_t *key, *value;
  size_t key_size, value_size;
  unsigned flags;
} row;

static row row_at(uint8_t *page, unsigned i) {
  uint8_t *n = page + (page[16 + 2 * i] | page[17 + 2 * i] << 8);
  row r = { .key = n + 8, .flags = (unsigned)n[4] };
  r.key_size = (size_t)(n[6] | n[7] << 8);
  r.value = r.key + r.key_size;
  r.value_size = (size_t)(n[0] | n[1] << 8 | n[2] << 16);
  return r;
}

static unsigned rows_of(const uint8_t *page) {
  return (unsigned)((page[12] | page[13] << 8) - 16) / 2;
}

/* Neighbouring rows of a leaf: their values, and their keys. */
static void swap_rows(proof *p) {
  image data = clone(&p->now.data);
  char what[80];
  for (size_t page = 2; page < data.size / PAGE; page++) {
    uint8_t *at = data.bytes + page * PAGE;
    if (kind_of(&p->now.data, page) != PAGE_TREE || at[10] != 2) continue;
    for (unsigned i = 1; i < rows_of(at); i++) {
      const row a = row_at(at, i - 1), b = row_at(at, i);
      const size_t size = a.flags == 1 ? 8 : a.value_size;
      if (a.flags == b.flags && a.value_size == b.value_size &&
          memcmp(a.value, b.value, size) != 0) {
        swap(a.value, b.value, size);
        snprintf(what, sizeof what, "page %zu: values of rows %u and %u swapped", page, i - 1, i);
        try_it(p, &data, &p->now.keyring, i % 4 == 0, what);
        swap(a.value, b.value, size);
      }
      if (a.key_size != b.key_size) continue;
      swap(a.key, b.key, a.key_size);
      snprintf(what, sizeof what, "page %zu: keys of rows %u and %u swapped", page, i - 1, i);
      try_it(p, &data, &p->now.keyring, i % 4 == 0, what);
      swap(a.key, b.key, a.key_size);
    }
  }
  free(data.bytes);
}

/* A row taken out, as if it had never been: the page stays sound. */
static void remove_rows(proof *p) {
  char what[80];
  for (size_t page = 2; page < p->now.data.size / PAGE; page++) {
    if (kind_of(&p->now.data, page) != PAGE_TREE || p->now.data.bytes[page * PAGE + 10] != 2)
      continue;
    for (unsigned i = 0; i < rows_of(p->now.data.bytes + page * PAGE); i++) {
      image data = clone(&p->now.data);
      uint8_t *at = data.bytes + page * PAGE;
      const unsigned rows = rows_of(at);
      const size_t offset = (size_t)(at[16 + 2 * i] | at[17 + 2 * i] << 8);
      const row r = row_at(at, i);
      const size_t taken = (8 + r.key_size + (r.flags == 1 ? 8 : r.value_size) + 1) & ~(size_t)1;
      const size_t upper = (size_t)(at[14] | at[15] << 8);
      memmove(at + upper + taken, at + upper, offset - upper);
      memmove(at + 16 + 2 * i, at + 18 + 2 * i, 2 * (rows - i - 1));
      for (unsigned k = 0; k < rows - 1; k++) {
        uint8_t *o = at + 16 + 2 * k;
        const size_t was = (size_t)(o[0] | o[1] << 8), is = was < offset ? was + taken : was;
        o[0] = (uint8_t)is;
        o[1] = (uint8_t)(is >> 8);
      }
      const size_t lower = 16 + 2 * (size_t)(rows - 1), up = upper + taken;
      at[12] = (uint8_t)lower;
      at[13] = (uint8_t)(lower >> 8);
      at[14] = (uint8_t)up;
      at[15] = (uint8_t)(up >> 8);
      snprintf(what, sizeof what, "page %zu: row %u of %u removed", page, i, rows);
      if (rows > 1) try_it(p, &data, &p->now.keyring, i % 4 == 0, what);
      free(data.bytes);
    }
  }
}

/* Pages of trees as they were earlier under the same number. */
static void older_pages(proof *p) {
  char what[80];
  for (int s = 0; s < STAGES - 1; s++) {
    const image *old = &p->stages[s].data;
    for (size_t page = 0; page < old->size / PAGE && page < p->now.data.size / PAGE; page++) {
      if (memcmp(old->bytes + page * PAGE, p->now.data.bytes + page * PAGE, PAGE) == 0) continue;
      image data = clone(&p->now.data);
      memcpy(data.bytes + page * PAGE, old->bytes + page * PAGE, PAGE);
      snprintf(what, sizeof what, "page %zu as it was in stage %d", page, s);
      try_it(p, &data, &p->now.keyring, page % 4 == 0, what);
      free(data.bytes);
    }
  }
}

static void other_files(proof *p) {
  char what[80];
  try_it(p, &p->other.data, &p->now.keyring, true, "another user's data.mdb");
  try_it(p, &p->now.data, &p->other.keyring, true, "another user's keyring");
  try_it(p, &p->other.data, &p->other.keyring, true, "another user's files");
  for (int s = 0; s < STAGES - 1; s++) {
    answers older;
    put_index(p, &p->stages[s].data, &p->stages[s].keyring);
    sample_ask(&older, p->work, KEY, SAMPLE_NOW);
    /* The keyring tells the time of the newest key: of what came under it, nothing does. */
    p->older = s == STAGES - 2 ? &older : NULL;
    snprintf(what, sizeof what, "data.mdb of stage %d", s);
    try_it(p, &p->stages[s].data, &p->now.keyring, true, what);
    p->older = NULL;
    sample_free(&older);
    snprintf(what, sizeof what, "keyring of stage %d", s);
    try_it(p, &p->now.data, &p->stages[s].keyring, true, what);
  }
}

/* ------------------------------------------------------------------ */

static void prepare(proof *p, const char *base) {
  char other[256];
  snprintf(p->dir, sizeof p->dir, "%s/sealdex-damage-%d", base, (int)getpid());
  snprintf(p->work, sizeof p->work, "%s/sealdex-damaged-%d", base, (int)getpid());
  snprintf(other, sizeof other, "%s/sealdex-damage-other-%d", base, (int)getpid());
  if (sample_make(p->dir, KEY, keep_stage, p) != 0 ||
      sample_make(other, OTHER_KEY, NULL, NULL) != 0)
    exit(1);
  p->now = read_copy(p->dir);
  p->other = read_copy(other);
  remove_index(other);
  put_index(p, &p->now.data, &p->now.keyring);
  sample_ask(&p->right, p->work, KEY, SAMPLE_NOW);
  if (p->right.opened != SDX_OK || p->right.verified != SDX_OK) {
    printf("the undamaged index: %s, %llu problems\n", p->right.message,
           (unsigned long long)p->right.problems);
    exit(1);
  }
  sample_write(p->work, KEY, SAMPLE_NOW, p->writes);
  sample_ask(&p->after, p->work, KEY, SAMPLE_NOW + 10);
  for (size_t i = 0; i < SAMPLE_WRITES; i++)
    if (p->writes[i] != SDX_OK)
      printf("write %zu on the undamaged index: %d\n", i, (int)p->writes[i]);
}

int main(int argc, char **argv) {
  static proof p;
  size_t every = 1, values = 61;
  unsigned writes = 1, seed = 1;
  for (int i = 1; i < argc; i++) {
    const unsigned n = i + 1 < argc ? (unsigned)strtoul(argv[i + 1], NULL, 10) : 0;
    if (strcmp(argv[i], "--keep") == 0)
      p.keep = true;
    else if (n == 0)
      return 2;
    else if (strcmp(argv[i], "--every") == 0)
      every = n, i++;
    else if (strcmp(argv[i], "--values") == 0)
      values = n, i++;
    else if (strcmp(argv[i], "--writes") == 0)
      writes = n, i++;
    else if (strcmp(argv[i], "--seed") == 0)
      seed = n, i++;
    else if (strcmp(argv[i], "--slice") == 0)
      p.slice = n, i++;
    else
      return 2;
  }
  const char *base = getenv("TMPDIR") != NULL        ? getenv("TMPDIR")
                     : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                                                     : "/tmp";
  srand(seed);
  if (p.slice == 0) p.slice = 1;
  prepare(&p, base);
  printf("data.mdb %zu bytes, keyring %zu, %zu questions\n", p.now.data.size, p.now.keyring.size,
         p.right.count);
  other_files(&p);
  cut_short(&p);
  swap_blocks(&p);
  swap_rows(&p);
  p.forged = true;
  remove_rows(&p);
  older_pages(&p);
  p.forged = false;
  flip_both_regions(&p, every * 8, seed);
  flip_bytes(&p, every, values, writes, seed);
  remove_index(p.dir);
  if (!p.keep || p.faults == 0) remove_index(p.work);
  printf("%u tried: %u refused, %u partial, %u that changed nothing, %u that verify alone finds or "
         "that pass, %u faults\n",
         p.tried, p.refused, p.partial, p.unseen, p.verified, p.faults);
  return p.faults == 0 ? 0 : 1;
}
