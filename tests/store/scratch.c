/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/environment.h"

void scratch_directory(scratch *x) {
  const char *where = getenv("TMPDIR");
  if (where == NULL || where[0] == '\0') where = "/tmp";
  (void)snprintf(x->dir, sizeof x->dir, "%s/sealdex-store-XXXXXX", where);
  assert_non_null(mkdtemp(x->dir));
}

void scratch_without_disk(void) {
  if (access("/dev/shm", W_OK) == 0) (void)setenv("TMPDIR", "/dev/shm", 1);
}

void scratch_create(scratch *x, size_t map_size) {
  scratch_directory(x);
  if (map_size == 0)
    assert_ok(store_create(x->dir, NULL));
  else
    assert_ok(environment_create(x->dir, map_size, NULL));
}

const char *scratch_path(const scratch *x, const char *file) {
  static char path[512];
  (void)snprintf(path, sizeof path, "%s/%s", x->dir, file);
  return path;
}

static size_t visit(const scratch *x, bool remove_them) {
  DIR *dir = opendir(x->dir);
  assert_non_null(dir);
  size_t count = 0;
  for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
    if (entry->d_name[0] == '.') continue;
    count++;
    if (remove_them) (void)unlink(scratch_path(x, entry->d_name));
  }
  (void)closedir(dir);
  return count;
}

size_t scratch_files(const scratch *x) {
  return visit(x, false);
}

void scratch_remove(scratch *x) {
  (void)visit(x, true);
  (void)rmdir(x->dir);
}

store *must_open(const scratch *x) {
  store *s = NULL;
  sdx_error err = { 0 };
  if (store_open(&s, x->dir, &err) < 0) fail_msg("%s", err.message);
  return s;
}

store_txn *must_read(store *s) {
  store_txn *t = NULL;
  assert_ok(store_read_begin(s, &t, NULL));
  return t;
}

store_txn *must_write(store *s) {
  store_txn *t = NULL;
  assert_ok(store_write_begin(s, &t, NULL));
  return t;
}

void must_commit(store_txn *t) {
  assert_ok(store_commit(t, NULL));
}

void must_put(store_txn *t, store_table table, const char *key, const char *value) {
  assert_ok(store_put(t, table, key, strlen(key), value, strlen(value), NULL));
}

void must_have(store_txn *t, store_table table, const char *key, const char *value) {
  sdx_bytes got = { 0 };
  const sdx_status status = store_get(t, table, key, strlen(key), &got, NULL);
  if (value == NULL) {
    assert_int_equal(status, SDX_NOT_FOUND);
    return;
  }
  assert_int_equal(status, SDX_OK);
  assert_int_equal(got.size, strlen(value));
  assert_memory_equal(got.data, value, got.size);
}

void put_one(store *s, const char *key, const char *value) {
  store_txn *t = must_write(s);
  must_put(t, STORE_META, key, value);
  must_commit(t);
}

void have_one(store *s, const char *key, const char *value) {
  store_txn *t = must_read(s);
  must_have(t, STORE_META, key, value);
  store_read_end(t);
}

int spawn(int (*child)(void *), void *argument) {
  const int pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    /* A failed assertion must end the child, not go on with the parent's next test. */
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
    _exit(child(argument));
  }
  return pid;
}

int reap(int pid) {
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
