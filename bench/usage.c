/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stopwatch.h"

/* The number behind `name` in a file of /proc; 0 where there is none. */
static uint64_t proc_number(const char *path, const char *name) {
  char text[4096];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = '\0';
  const char *at = strstr(text, name);
  return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static double seconds_of(struct timeval t) {
  return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

double usage_family_cpu(void) {
  struct rusage own, children;
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return seconds_of(own.ru_utime) + seconds_of(own.ru_stime) + seconds_of(children.ru_utime) +
         seconds_of(children.ru_stime);
}

double usage_machine_cpu(void) {
  /* user, nice, system, idle, iowait, irq, softirq, steal: in ticks */
  uint64_t t[8] = { 0 };
  FILE *in = fopen("/proc/stat", "r");
  if (in == NULL) return 0;
  const int n = fscanf(in,
                       "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                       " %" SCNu64 " %" SCNu64,
                       &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]);
  fclose(in);
  if (n != 8) return 0;
  return (double)(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) / (double)sysconf(_SC_CLK_TCK);
}

uint64_t usage_written(void) {
  return proc_number("/proc/self/io", "\nwrite_bytes: ");
}

double usage_private_mib(void) {
  return (double)proc_number("/proc/self/status", "RssAnon:") / 1024;
}

usage usage_now(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (usage){
    .seconds = stopwatch_now(),
    .cpu = stopwatch_cpu(),
    .peak_mib = (double)proc_number("/proc/self/status", "VmRSS:") / 1024,
    .minor = (uint64_t)r.ru_minflt,
    .major = (uint64_t)r.ru_majflt,
    .written = usage_written(),
  };
}

usage usage_since(const usage *before) {
  usage u = usage_now();
  u.seconds -= before->seconds;
  u.cpu -= before->cpu;
  u.peak_mib = (double)proc_number("/proc/self/status", "VmHWM:") / 1024 - before->peak_mib;
  u.minor -= before->minor;
  u.major -= before->major;
  u.written -= before->written;
  return u;
}

void usage_forget_peak(void) {
  malloc_trim(0); /* what others freed would be taken for nothing */
  const int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, "5", 1) != 1) perror("clear_refs");
  close(fd);
}

void *usage_share(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  return memory;
}

void usage_unshare(void *memory, size_t size) {
  munmap(memory, size);
}

int usage_in_child(int (*work)(void *context), void *context) {
  fflush(NULL);
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) _exit(work(context) == 0 ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : -1;
}
