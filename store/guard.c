/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/guard.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

/* Each guard has an open file description of its own: guards of one process exclude each other. */
sdx_status guard_take(int *guard, const environment *e, int operation, sdx_error *err) {
  const int fd = openat(e->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return error_system(err, errno, "opening the index directory");
  while (flock(fd, operation) != 0) {
    if (errno == EINTR) continue;
    const int reason = errno;
    (void)close(fd);
    return error_system(err, reason, "locking the index directory");
  }
  *guard = fd;
  return SDX_OK;
}

/* Unlocks before it closes: a child between fork and exec may hold the description open. */
void guard_release(int guard) {
  (void)flock(guard, LOCK_UN);
  (void)close(guard);
}
