/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* Sanitizers map terabytes and look into /proc: such a build tests the readers, not the cage. */
#if defined(__SANITIZE_ADDRESS__)
#define CAGED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAGED 0
#else
#define CAGED 1
#endif
#else
#define CAGED 1
#endif

/* ---------------------------------------------------------------- limits */

static bool limit(int resource, rlim_t value) {
  const struct rlimit r = { .rlim_cur = value, .rlim_max = value };
  return setrlimit((__rlimit_resource_t)resource, &r) == 0;
}

static bool set_limits(void) {
  return limit(RLIMIT_AS, SANDBOX_MEMORY) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_CORE, 0) &&
         limit(RLIMIT_NOFILE, 32) && limit(RLIMIT_MEMLOCK, 0);
}

void sandbox_allow_seconds(unsigned seconds) {
  const struct itimerval t = { .it_value = { .tv_sec = (time_t)seconds } };
  (void)setitimer(ITIMER_PROF, &t, NULL);
}

/* ---------------------------------------------------------------- files, by Landlock */

static const char *const READABLE[] = { "/usr/share/zoneinfo",
                                        "/usr/share/poppler",
                                        "/usr/lib/x86_64-linux-gnu/gconv",
                                        "/usr/lib/aarch64-linux-gnu/gconv",
                                        "/usr/lib64/gconv",
                                        "/usr/lib/gconv" };

static void allow_reading(int rules, const char *path) {
  struct landlock_path_beneath_attr beneath = {
    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    .parent_fd = open(path, O_PATH | O_CLOEXEC),
  };
  if (beneath.parent_fd < 0) return;
  (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
  (void)close(beneath.parent_fd);
}

/* True where from now on no file can be reached but those beneath READABLE. */
static bool close_files(void) {
  const long version =
      syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  struct landlock_ruleset_attr attributes = { .handled_access_fs = (1ULL << 13) - 1 };
  if (version >= 2) attributes.handled_access_fs |= 1ULL << 13; /* refer */
  if (version >= 3) attributes.handled_access_fs |= 1ULL << 14; /* truncate */
  if (version >= 5) attributes.handled_access_fs |= 1ULL << 15; /* device ioctl */
  const int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes,
                                 sizeof attributes.handled_access_fs, 0);
  if (rules < 0) return false;
  for (size_t i = 0; i < sizeof READABLE / sizeof READABLE[0]; i++)
    allow_reading(rules, READABLE[i]);
  const bool closed = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  (void)close(rules);
  return closed;
}

/* ---------------------------------------------------------------- system calls, by seccomp */

static const int ALLOWED[] = {
  SCMP_SYS(read),
  SCMP_SYS(write),
  SCMP_SYS(readv),
  SCMP_SYS(writev),
  SCMP_SYS(pread64),
  SCMP_SYS(lseek),
  SCMP_SYS(close),
  SCMP_SYS(fstat),
  SCMP_SYS(newfstatat),
  SCMP_SYS(mmap),
  SCMP_SYS(mprotect),
  SCMP_SYS(munmap),
  SCMP_SYS(mremap),
  SCMP_SYS(madvise),
  SCMP_SYS(brk),
  SCMP_SYS(rt_sigaction),
  SCMP_SYS(rt_sigprocmask),
  SCMP_SYS(rt_sigreturn),
  SCMP_SYS(futex),
  SCMP_SYS(clock_gettime),
  SCMP_SYS(gettimeofday),
  SCMP_SYS(time),
  SCMP_SYS(getrandom),
  SCMP_SYS(getpid),
  SCMP_SYS(gettid),
  SCMP_SYS(getrusage),
  SCMP_SYS(setitimer),
  SCMP_SYS(exit),
  SCMP_SYS(exit_group),
  SCMP_SYS(sched_yield),
  SCMP_SYS(sched_getaffinity),
  SCMP_SYS(poll),
  SCMP_SYS(getdents64),
  SCMP_SYS(restart_syscall),
  SCMP_SYS(sysinfo),
  SCMP_SYS(uname),
  SCMP_SYS(fadvise64),
  SCMP_SYS(tgkill),
  SCMP_SYS(sigaltstack),
  SCMP_SYS(getuid),
  SCMP_SYS(geteuid),
  SCMP_SYS(getgid),
  SCMP_SYS(getegid),
  SCMP_SYS(clock_nanosleep),
};

/* Libraries ask for these, and go on without. */
static const struct {
  int call;
  int answer;
} DENIED[] = {
  { SCMP_SYS(open), ENOENT },      { SCMP_SYS(stat), ENOENT },
  { SCMP_SYS(lstat), ENOENT },     { SCMP_SYS(access), ENOENT },
  { SCMP_SYS(faccessat), ENOENT }, { SCMP_SYS(faccessat2), ENOENT },
  { SCMP_SYS(readlink), ENOENT },  { SCMP_SYS(readlinkat), ENOENT },
  { SCMP_SYS(statx), ENOENT },     { SCMP_SYS(statfs), ENOENT },
  { SCMP_SYS(getcwd), ENOENT },    { SCMP_SYS(mkdir), EPERM },
  { SCMP_SYS(unlink), EPERM },     { SCMP_SYS(socket), EPERM },
  { SCMP_SYS(connect), EPERM },    { SCMP_SYS(clone), EPERM },
  { SCMP_SYS(clone3), ENOSYS },    { SCMP_SYS(fork), EPERM },
  { SCMP_SYS(vfork), EPERM },      { SCMP_SYS(execve), EPERM },
  { SCMP_SYS(prctl), EPERM },      { SCMP_SYS(ioctl), ENOTTY },
  { SCMP_SYS(fcntl), EPERM },      { SCMP_SYS(memfd_create), EPERM },
  { SCMP_SYS(prlimit64), EPERM },  { SCMP_SYS(eventfd2), EPERM },
  { SCMP_SYS(pipe2), EPERM },      { SCMP_SYS(rseq), ENOSYS },
  { SCMP_SYS(umask), EPERM },      { SCMP_SYS(getpeername), ENOTSOCK },
};

/* Opening to read is for Landlock to judge where it is there; to write is for nobody. */
static int add_open(scmp_filter_ctx filter, bool files_closed) {
  if (!files_closed) return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOENT), SCMP_SYS(openat), 0);
  const uint64_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0)) ||
         seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, O_WRONLY, O_WRONLY)) ||
         seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 1,
                          SCMP_A2(SCMP_CMP_MASKED_EQ, O_RDWR, O_RDWR));
}

static bool close_calls(bool files_closed) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (filter == NULL) return false;
  int bad = 0;
  for (size_t i = 0; i < sizeof ALLOWED / sizeof ALLOWED[0]; i++)
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, ALLOWED[i], 0);
  for (size_t i = 0; i < sizeof DENIED / sizeof DENIED[0]; i++)
    bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)DENIED[i].answer), DENIED[i].call, 0);
  bad |= add_open(filter, files_closed);
  bad |= seccomp_load(filter);
  seccomp_release(filter);
  return bad == 0;
}

bool sandbox_enter(void) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (!CAGED) return true;
  if (!set_limits()) return false;
  return close_calls(close_files());
}
