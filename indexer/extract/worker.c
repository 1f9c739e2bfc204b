/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/worker.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cursor.h"

#define PIPE_SIZE (1 << 20)
#define SEND_AT_ONCE 65536 /* bytes that are copied behind the head to save a call */

/* ---------------------------------------------------------------- starting */

/* The program beside the library that this code is part of. */
static bool find_program(char path[4096]) {
  const char *said = secure_getenv("SEALDEX_EXTRACT");
  Dl_info info;
  if (said != NULL && said[0] != '\0')
    return snprintf(path, 4096, "%s", said) < 4096 && access(path, X_OK) == 0;
  if (dladdr((const void *)(uintptr_t)&worker_begin, &info) == 0 || info.dli_fname == NULL)
    return false;
  const char *slash = strrchr(info.dli_fname, '/');
  if (slash == NULL) return false;
  return snprintf(path, 4096, "%.*s/sealdex/sealdex-extract", (int)(slash - info.dli_fname),
                  info.dli_fname) < 4096 &&
         access(path, X_OK) == 0;
}

static bool make_actions(posix_spawn_file_actions_t *actions, int in, int out) {
  return posix_spawn_file_actions_adddup2(actions, in, 0) == 0 &&
         posix_spawn_file_actions_adddup2(actions, out, 1) == 0 &&
         posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0) == 0;
}

/* Signals as every program expects them, whatever the host has blocked or ignores. */
static bool make_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, standard;
  sigemptyset(&none);
  sigemptyset(&standard);
  sigaddset(&standard, SIGPIPE);
  sigaddset(&standard, SIGPROF);
  return posix_spawnattr_setsigmask(attributes, &none) == 0 &&
         posix_spawnattr_setsigdefault(attributes, &standard) == 0 &&
         posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0;
}

static bool spawn(worker *w, const char *path, int in, int out) {
  static char *const ENVIRONMENT[] = { "LC_ALL=C.UTF-8", "LANG=C.UTF-8", NULL };
  char *arguments[] = { (char *)(uintptr_t) "sealdex-extract", NULL };
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  pid_t pid = 0;
  bool started = false;
  if (posix_spawn_file_actions_init(&actions) != 0) return false;
  if (posix_spawnattr_init(&attributes) != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return false;
  }
  if (make_actions(&actions, in, out) && make_attributes(&attributes))
    started = posix_spawn(&pid, path, &actions, &attributes, arguments, ENVIRONMENT) == 0;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  w->pid = started ? pid : 0;
  return started;
}

static void close_both(int ends[2]) {
  if (ends[0] >= 0) (void)close(ends[0]);
  if (ends[1] >= 0) (void)close(ends[1]);
}

static bool start(worker *w) {
  char path[4096];
  int in[2] = { -1, -1 };
  int out[2] = { -1, -1 };
  if (w->missing) return false;
  if (find_program(path) && pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
      spawn(w, path, in[0], out[1])) {
    (void)close(in[0]);
    (void)close(out[1]);
    w->to = in[1];
    w->from = out[0];
    (void)fcntl(w->to, F_SETPIPE_SZ, PIPE_SIZE);
    (void)fcntl(w->from, F_SETPIPE_SZ, PIPE_SIZE);
    (void)fcntl(w->to, F_SETFL, O_NONBLOCK);
    (void)fcntl(w->from, F_SETFL, O_NONBLOCK);
    return true;
  }
  close_both(in);
  close_both(out);
  w->missing = true;
  return false;
}

/* ---------------------------------------------------------------- ending */

static const char *why(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 3) return "its reader ran out of memory";
  if (!WIFSIGNALED(status)) return "its reader ended in the middle";
  switch (WTERMSIG(status)) {
  case SIGPROF:
  case SIGXCPU:
    return "reading it takes too long";
  case SIGSYS:
    return "its reader did what it may not do";
  case SIGABRT:
    return "its reader gave up, or ran out of memory";
  default:
    return "its reader crashed";
  }
}

/* Ends the worker; the reason is `said`, or where that is NULL what it died of. */
static void end(worker *w, const char *said) {
  int status = 0;
  if (w->to >= 0) (void)close(w->to);
  if (w->from >= 0) (void)close(w->from);
  w->to = w->from = -1;
  if (w->pid > 0) {
    if (said != NULL) (void)kill(w->pid, SIGKILL);
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) continue;
  }
  w->pid = 0;
  const char *reason = said != NULL ? said : why(status);
  (void)snprintf(w->reason, sizeof w->reason, "%s", reason);
}

void worker_close(worker *w) {
  end(w, "closed");
  buffer_free(&w->frame);
  buffer_free(&w->head);
  *w = (worker)WORKER_INIT;
}

/* ---------------------------------------------------------------- talking */

/* Waits until the descriptor is ready; false where it takes too long. */
static bool wait_for(int fd, short events) {
  struct pollfd p = { .fd = fd, .events = events };
  int ready;
  while ((ready = poll(&p, 1, WORKER_WAIT_SECONDS * 1000)) < 0 && errno == EINTR) continue;
  return ready > 0;
}

static const char TOO_LONG[] = "reading it takes too long";

/* Writes all; false, and the worker ended, where it does not take it. */
static bool send_bytes(worker *w, const void *bytes, size_t size) {
  const char *at = bytes;
  while (size > 0) {
    const ssize_t n = write(w->to, at, size);
    if (n > 0) {
      at += n;
      size -= (size_t)n;
    } else if (n < 0 && errno == EAGAIN) {
      if (!wait_for(w->to, POLLOUT)) {
        end(w, TOO_LONG);
        return false;
      }
    } else if (errno != EINTR) {
      end(w, NULL);
      return false;
    }
  }
  return true;
}

/* Writing to a worker that died raises SIGPIPE, which is none of the host's business. */
static bool send_quietly(worker *w, const wire_request *request, const void *bytes) {
  sigset_t pipes, before, pending;
  sigemptyset(&pipes);
  sigaddset(&pipes, SIGPIPE);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  if (pthread_sigmask(SIG_BLOCK, &pipes, &before) != 0) return false;
  const bool small = request->size <= SEND_AT_ONCE;
  if (small) buffer_put(&w->head, bytes, (size_t)request->size);
  const bool sent = !w->head.failed && send_bytes(w, w->head.data, w->head.size) &&
                    (small || send_bytes(w, bytes, (size_t)request->size));
  if (!sent && !was_pending) {
    const struct timespec none = { 0 };
    while (sigtimedwait(&pipes, NULL, &none) < 0 && errno == EINTR) continue;
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return sent;
}

void worker_begin(worker *w, const wire_request *request, const void *bytes) {
  /* Zones are loaded at the start alone. */
  const bool anew =
      request->type == FILE_CALENDAR && zones_add(&w->zones, bytes, (size_t)request->size);
  if (anew || !w->answered) end(w, "closed");
  w->answered = false;
  w->taken = 0;
  w->now = request->now;
  w->fallback = request->fallback;
  w->reason[0] = '\0';
  buffer_reset(&w->frame);
  buffer_reset(&w->head);
  if (w->pid == 0) buffer_put(&w->head, &w->zones, sizeof w->zones);
  wire_put_request(&w->head, request);
  if (w->head.failed) {
    end(w, "there is not enough memory to read it");
    return;
  }
  if (w->pid == 0 && !start(w)) return;
  (void)send_quietly(w, request, bytes);
}

/* Reads `size` more bytes of the frame. */
static bool receive(worker *w, size_t size) {
  if (!buffer_reserve(&w->frame, size)) {
    end(w, "there is not enough memory to read it");
    return false;
  }
  while (size > 0) {
    const ssize_t n = read(w->from, w->frame.data + w->frame.size, size);
    if (n > 0) {
      w->frame.size += (size_t)n;
      size -= (size_t)n;
    } else if (n < 0 && errno == EAGAIN) {
      if (!wait_for(w->from, POLLIN)) {
        end(w, TOO_LONG);
        return false;
      }
    } else if (n == 0 || errno != EINTR) {
      end(w, NULL);
      return false;
    }
  }
  return true;
}

static bool receive_frame(worker *w) {
  buffer_reset(&w->frame);
  if (w->pid == 0 || !receive(w, 4)) return false;
  cursor c = cursor_over(w->frame.data, 4);
  const uint32_t size = cursor_get_u32(&c);
  w->taken += size;
  if (size == 0 || size > WIRE_FRAME_MAX || w->taken > WORKER_REPLY_MAX) {
    end(w, "it gives more than is taken of one file");
    return false;
  }
  buffer_reset(&w->frame);
  return receive(w, size);
}

static worker_answer take(worker *w, draft *d) {
  const uint8_t *at = w->frame.data;
  switch (at[0]) {
  case WIRE_ITEM:
    draft_begin(d, SDX_DOCUMENT, w->now);
    d->fallback = w->fallback;
    if (wire_get_item(d, w->reason, at + 1, w->frame.size - 1)) return WORKER_ITEM;
    break;
  case WIRE_REFUSED:
    w->answered = true;
    wire_get_reason(w->reason, at + 1, w->frame.size - 1);
    return WORKER_REFUSED;
  case WIRE_END:
    w->answered = true;
    return WORKER_END;
  default:
    break;
  }
  end(w, "its reader gave what is no item");
  w->answered = true;
  return WORKER_LOST;
}

worker_answer worker_next(worker *w, draft *d) {
  if (w->answered) return WORKER_END;
  if (w->pid != 0 && receive_frame(w)) return take(w, d);
  w->answered = true;
  return w->missing ? WORKER_MISSING : WORKER_LOST;
}

void worker_end_reply(worker *w) {
  if (w->answered) return;
  if (w->pid != 0 && receive_frame(w) && w->frame.data[0] != WIRE_END)
    end(w, "its reader gave what is no item");
  w->answered = true;
}
