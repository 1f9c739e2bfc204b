/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A data.mdb of any bytes: what stands between damaged pages and liblmdb, which trusts its own, and
 * the walks that readers take. The input is the file; its first bytes are made to look like a
 * store's.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool sound(void *context, sdx_bytes k, sdx_bytes v) {
  (void)context;
  return k.size > 0 && (v.size == 0 || v.data[0] != 1);
}

static void walk(snapshot *s) {
  for (int i = 0; i < STORE_TABLES; i++) {
    tree_cursor c = snapshot_cursor(s, (store_table)i);
    sdx_bytes k, v, found;
    unsigned rows = 0;
    int rc = tree_cursor_seek(&c, NULL, 0, &k, &v);
    for (; rc == 0 && rows < 1000; rows++) {
      if (v.size > 0 && v.data[v.size - 1] == v.data[0]) found = v;
      if (snapshot_get(s, &s->tables[i], k.data, k.size, &found) == 0 && found.data != v.data)
        abort();
      rc = tree_cursor_next(&c, &k, &v);
    }
    (void)tree_cursor_seek(&c, "key", 3, &k, &v);
    (void)snapshot_confirm_missing(s, &s->tables[i], "key", 3, sound, NULL);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static int fd = -1;
  if (fd < 0) fd = memfd_create("pages", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, 0) != 0 || ftruncate(fd, (off_t)size) != 0) abort();
  if (size < 8192 || pwrite(fd, data, size, 0) != (ssize_t)size) return 0;
  page_map m = { 0 };
  if (page_map_open(&m, fd, (size / 4096 + 1) * 4096, 4096, NULL) != SDX_OK) abort();
  for (uint64_t number = 0; number < 2; number++) {
    uint64_t transaction;
    bool stale;
    snapshot s = { 0 };
    memcpy(&transaction, data + number * 4096 + PAGES_HEADER + 128, sizeof transaction);
    if ((transaction & 1) != number || snapshot_take(&s, &m, transaction, &stale) != 0 || stale)
      continue;
    walk(&s);
    if (snapshot_check_base(&s) == 0)
      for (int i = 0; i < STORE_TABLES; i++) {
        (void)snapshot_check_path(&s, (store_table)i, "key", 3);
        (void)snapshot_check_path(&s, (store_table)i, NULL, 0);
        (void)snapshot_check_table(&s, (store_table)i);
      }
    (void)snapshot_check_all(&s);
  }
  page_map_close(&m);
  return 0;
}
