/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A closed standard descriptor would be given to the next file opened: the index itself. */
static void occupy_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      (void)!open("/dev/null", fd ? O_WRONLY : O_RDONLY);
}

/* A limit on file sizes is an error to report, like a full disk, and no reason to be killed. */
static void ignore_size_signal(void) {
  signal(SIGXFSZ, SIG_IGN);
}

/* Keys and opened text never reach a core file. (LeakSanitizer traces its own process, which needs
 * a dumpable one.) */
static void forbid_core_dumps(void) {
  const struct rlimit none = { 0, 0 };
  setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

void process_prepare(void) {
  occupy_standard_descriptors();
  forbid_core_dumps();
  ignore_size_signal();
}

unsigned process_processors(void) {
  cpu_set_t set;
  const long n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                             : sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (unsigned)n : 1;
}
