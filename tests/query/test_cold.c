/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Searches in an index whose pages are not in memory answer as those do that have all at hand: what
 * is read ahead changes no answer, whatever part of it is there. */
#include "host.h"

#include <fcntl.h>
#include <unistd.h>

#define SEGMENTS 5
#define ITEMS 120 /* of a segment */

static const uint8_t key_bytes[SDX_KEY_SIZE] = "a key of thirty-two bytes, as is";
static const sdx_secret key = { .kind = SDX_SECRET_KEY, .bytes = key_bytes, .size = SDX_KEY_SIZE };

static const char *const queries[] = {
  "lamp",
  "number7",
  "common",
  "running",
  "caf\xc3\xa9",
  "cafe",
  "lamp number14",
  "lamp OR house3",
  "\"the lamp\"",
  "lamp NEAR/5 knows",
  "subject:lamp",
  "numb*",
  "common NOT house1",
  "in:INBOX",
  "from:a@b.example house2",
  "absent",
  "lamp in:Old",
  "runs OR common OR house5",
  "house*",
};
#define QUERIES (sizeof queries / sizeof *queries)

static int begin(void **state) {
  char text[400], id[16], folder[8];
  host_begin(state);
  host *h = *state;
  for (unsigned s = 0; s < SEGMENTS; s++) {
    for (unsigned i = 0; i < ITEMS; i++) {
      const unsigned n = s * ITEMS + i;
      snprintf(id, sizeof id, "m%u", n);
      snprintf(text, sizeof text, "The lamp %u is %s, and number%u of house%u knows%s%s.", n,
               n % 3 == 0 ? "running" : "lit", n, n % 13, n % 2 == 0 ? " what is common" : "",
               n % 11 == 0 ? " in a caf\xc3\xa9" : "");
      for (unsigned w = 0; w < 12; w++) /* so that dictionaries have upper levels */
        snprintf(text + strlen(text), sizeof text - strlen(text), " w%ux%u", n, w * 7919 % 1000);
      snprintf(folder, sizeof folder, "%s", n % 2 == 0 ? "INBOX" : "Old");
      host_message(h, id, HOST_NOW - n, "a@b.example", n % 5 == 0 ? "Lamp" : "Light", text, folder);
    }
    host_fold(h);
  }
  return 0;
}

static void drop(const host *h) {
  static const char *const names[] = { "data.mdb", "keyring", "lock.mdb" };
  for (size_t i = 0; i < 3; i++) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", h->path, names[i]);
    const int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    (void)fsync(fd);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
}

static void reopen(host *h, bool evict) {
  sdx_error err = { 0 };
  sdx_close(h->index);
  h->index = NULL;
  if (evict) drop(h);
  host_ok(sdx_open(&h->index, h->path, &key, NULL, &err), &err);
}

static void options_for(size_t i, sdx_search_options *o) {
  *o = (sdx_search_options)SDX_SEARCH_OPTIONS_INIT;
  o->limit = 20;
  o->bound_total = i % 2 == 0;
}

static void test_same_answers(void **state) {
  host *h = *state;
  static char warm[QUERIES][2048];
  char cold[2048];
  sdx_search_options o;
  for (size_t i = 0; i < QUERIES; i++) {
    options_for(i, &o);
    host_search(h, queries[i], &o, warm[i]);
  }
  for (size_t i = 0; i < QUERIES; i++) { /* each as the first of all */
    reopen(h, true);
    options_for(i, &o);
    host_search(h, queries[i], &o, cold);
    assert_string_equal(cold, warm[i]);
    host_search(h, queries[(i + 5) % QUERIES], NULL, cold); /* partly there */
    host_search(h, queries[i], &o, cold);
    assert_string_equal(cold, warm[i]);
  }
  reopen(h, true); /* and all in one handle, beside writes that move the view on */
  for (size_t i = 0; i < QUERIES; i++) {
    options_for(i, &o);
    host_search(h, queries[i], &o, cold);
    assert_string_equal(cold, warm[i]);
    host_message(h, "other", HOST_NOW - 9000 - (int64_t)i, "x@y.example", "Else",
                 "nothing of these", "Else");
    if (i % 4 == 0) host_fold(h);
  }
}

/* The question whether all is in memory is asked anew after some hundred searches. */
static void test_asked_again(void **state) {
  host *h = *state;
  char first[2048], now[2048];
  reopen(h, false);
  host_search(h, "lamp house3", NULL, first);
  for (unsigned i = 0; i < 600; i++) {
    host_search(h, "lamp house3", NULL, now);
    assert_string_equal(now, first);
    if (i % 100 == 0) drop(h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_same_answers),
    cmocka_unit_test(test_asked_again),
  };
  return cmocka_run_group_tests(tests, begin, host_end);
}
