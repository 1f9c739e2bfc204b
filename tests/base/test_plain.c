/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The heap of plaintext and the stack aside: what they give, that it is wiped, and that no dump
 * holds it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/plain.h"
#include "base/sanitized.h"
#include "base/stack.h"

/* Whether the kernel would leave the page out of a dump. */
static bool is_out_of_dumps(const void *p) {
  char line[512];
  unsigned long from = 0, to = 0;
  bool out = false;
  FILE *maps = fopen("/proc/self/smaps", "r");
  assert_non_null(maps);
  while (fgets(line, sizeof line, maps) != NULL) {
    if (strchr(line, '-') != NULL && sscanf(line, "%lx-%lx ", &from, &to) == 2) continue;
    if (strncmp(line, "VmFlags:", 8) == 0 && (uintptr_t)p >= from && (uintptr_t)p < to)
      out = strstr(line, " dd") != NULL;
  }
  fclose(maps);
  return out;
}

static bool is_zero(const uint8_t *p, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (p[i] != 0) return false;
  return true;
}

/* ---------------------------------------------------------------- the heap */

enum { PIECES = 400 };

/* Sizes around every boundary of a class, up to large ones. */
static size_t size_of(unsigned i) {
  static const size_t bounds[] = { 1, 16, 128, 160, 256, 1024, 4096, 32768, 200000, 400000 };
  return bounds[i % 10] + i / 10 % 3 - (i % 10 > 0);
}

static void pieces_are_zero_and_apart(void **state) {
  static uint8_t *pieces[PIECES];
  (void)state;
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned i = 0; i < PIECES; i++) {
      pieces[i] = plain_alloc(size_of(i));
      assert_non_null(pieces[i]);
      assert_int_equal((uintptr_t)pieces[i] % 16, 0);
      assert_true(is_zero(pieces[i], size_of(i)));
      memset(pieces[i], (int)(i % 251 + 1), size_of(i));
    }
    if (!SANITIZED)
      for (unsigned i = 0; i < 10; i++) assert_true(is_out_of_dumps(pieces[i]));
    for (unsigned i = 0; i < PIECES; i++) {
      for (size_t k = 0; k < size_of(i); k++) assert_int_equal(pieces[i][k], i % 251 + 1);
      if (i % 2 == 0)
        plain_free(pieces[i]);
      else
        plain_free_written(pieces[i], size_of(i));
    }
  }
  plain_free(NULL);
  assert_null(plain_alloc(SIZE_MAX / 2));
  assert_null(plain_array(SIZE_MAX / 8, 16));
}

static void resizing_keeps_what_was_there(void **state) {
  (void)state;
  uint8_t *p = NULL;
  for (size_t size = 1; size < 2000000; size = size * 3 + 1) {
    p = plain_resize(p, size);
    assert_non_null(p);
    for (size_t k = 0; k < size / 3; k++) assert_int_equal(p[k], k % 251 + 1);
    for (size_t k = 0; k < size; k++) p[k] = (uint8_t)(k % 251 + 1);
  }
  p = plain_resize(p, 5);
  for (size_t k = 0; k < 5; k++) assert_int_equal(p[k], k + 1);
  plain_free(p);
  char *copy = plain_string("words");
  assert_string_equal(copy, "words");
  plain_free(copy);
}

static void *take_and_give(void *context) {
  uint8_t *held[16] = { NULL };
  unsigned seed = *(const unsigned *)context;
  for (unsigned i = 0; i < 20000; i++) {
    seed = seed * 1103515245u + 12345u;
    uint8_t **one = &held[seed >> 8 & 15];
    const size_t size = (seed >> 12) % 5000 + 1;
    plain_free(*one);
    *one = plain_alloc(size);
    if (*one == NULL || !is_zero(*one, size)) return (void *)1;
    memset(*one, 0xee, size);
  }
  for (unsigned i = 0; i < 16; i++) plain_free(held[i]);
  return NULL;
}

static void threads_and_children_share_it(void **state) {
  pthread_t threads[3];
  unsigned seeds[3] = { 1, 2, 3 };
  (void)state;
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &seeds[i]), 0);
  int how = 0;
  for (unsigned i = 0; i < 10 && !SANITIZED;
       i++) { /* while threads are in it; none watches a child */
    const pid_t child = fork();
    if (child == 0) _exit(take_and_give(&seeds[0]) == NULL ? 0 : 1);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
  }
  for (unsigned i = 0; i < 3; i++) {
    void *failed = NULL;
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
}

/* ---------------------------------------------------------------- the stack aside */

#define SECRET 0x5e

typedef struct depth {
  unsigned left;
  uint8_t *at;
  const uint8_t *host;
  bool fine;
} depth;

static void write_deep(void *context) {
  depth *d = context;
  volatile uint8_t room[3000];
  for (size_t i = 0; i < sizeof room; i++) room[i] = SECRET;
  d->at = (uint8_t *)(uintptr_t)room;
  if (d->left-- > 0) write_deep(d);
  d->fine = room[0] == SECRET && room[sizeof room - 1] == SECRET;
}

/* Nobody may touch these bytes in the meantime but who wiped them: the thread is not on that stack.
 */
static void what_stood_there_is_wiped(void **state) {
  depth d = { .left = 20 };
  (void)state;
  assert_true(stack_aside(write_deep, &d));
  assert_true(d.fine);
  if (SANITIZED) return;
  assert_true(is_out_of_dumps(d.at));
  assert_true(is_zero(d.at, 3000));
}

static void stand_here(void *context) {
  depth *d = context;
  uint8_t here = SECRET;
  d->host = (const uint8_t *)(uintptr_t)&here;
  d->fine = d->left == 0 || stack_aside(write_deep, d); /* a host that searches in a callback */
}

static void go_back(void *context) {
  depth *d = context;
  volatile uint8_t mine[200];
  for (size_t i = 0; i < sizeof mine; i++) mine[i] = SECRET;
  stack_back(stand_here, d);
  for (size_t i = 0; i < sizeof mine; i++) d->fine = d->fine && mine[i] == SECRET;
  depth nested = { .left = 3 };
  d->fine = d->fine && stack_aside(write_deep, &nested) && nested.fine;
}

static void the_host_is_called_on_its_own(void **state) {
  uint8_t here = 0;
  (void)state;
  for (unsigned left = 0; left < 9; left += 4) {
    depth d = { .left = left };
    assert_true(stack_aside(go_back, &d));
    assert_true(d.fine);
    const uintptr_t away = (uintptr_t)&here > (uintptr_t)d.host
                               ? (uintptr_t)&here - (uintptr_t)d.host
                               : (uintptr_t)d.host - (uintptr_t)&here;
    if (!SANITIZED) assert_true(away < 100000);
  }
}

static void *in_a_thread(void *context) {
  depth *d = context;
  d->fine = stack_aside(write_deep, d) && d->fine;
  return NULL;
}

static void each_thread_has_its_own(void **state) {
  (void)state;
  for (unsigned i = 0; i < 50; i++) {
    pthread_t thread;
    depth d = { .left = 5 };
    assert_int_equal(pthread_create(&thread, NULL, in_a_thread, &d), 0);
    pthread_join(thread, NULL);
    assert_true(d.fine);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(pieces_are_zero_and_apart),
    cmocka_unit_test(resizing_keeps_what_was_there),
    cmocka_unit_test(threads_and_children_share_it),
    cmocka_unit_test(what_stood_there_is_wiped),
    cmocka_unit_test(the_host_is_called_on_its_own),
    cmocka_unit_test(each_thread_has_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
