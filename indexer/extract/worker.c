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
#define REPLY_STEP ((size_t)64 << 10)
#define REPLIES_KEEP ((size_t)4 << 20)

static const char NO_MEMORY[] = "there is not enough memory to read it";

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
  w->batch.asked = 0;
  w->at = 0;
  buffer_reset(&w->replies);
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
  buffer_free(&w->replies);
  buffer_free(&w->head);
  buffer_free(&w->batch.bytes);
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

/* Sends the head and what comes behind it. Writing to a worker that died raises SIGPIPE, which is none of
 * the host's business. */
static void send_quietly(worker *w, const void *bytes, size_t size) {
  sigset_t pipes, before, pending;
  sigemptyset(&pipes);
  sigaddset(&pipes, SIGPIPE);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  if (pthread_sigmask(SIG_BLOCK, &pipes, &before) != 0) {
    end(w, "its reader cannot be asked");
    return;
  }
  const bool sent = send_bytes(w, w->head.data, w->head.size) && send_bytes(w, bytes, size);
  if (!sent && !was_pending) {
    const struct timespec none = { 0 };
    while (sigtimedwait(&pipes, NULL, &none) < 0 && errno == EINTR) continue;
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Begins the head with what a worker that is to be started is told first. */
static void begin_head(worker *w) {
  if (!w->answered || w->zones_lack) end(w, "closed");
  w->zones_lack = false;
  if (w->at == w->replies.size) {
    buffer_reset(&w->replies);
    w->at = 0;
    if (w->replies.capacity > REPLIES_KEEP) buffer_free(&w->replies);
  }
  buffer_reset(&w->head);
  if (w->pid == 0) buffer_put(&w->head, &w->zones, sizeof w->zones);
}

static void begin_reply(worker *w, const wire_request *request, bool of_batch) {
  w->answered = false;
  w->of_batch = of_batch;
  w->taken = w->frames = 0;
  w->now = request->now;
  w->fallback = request->fallback;
  w->reason[0] = '\0';
}

/* Asks what the head begins and the bytes go on with. */
static void ask(worker *w, const void *bytes, size_t size) {
  if (w->head.failed)
    end(w, NO_MEMORY);
  else if (w->pid != 0 || start(w))
    send_quietly(w, bytes, size);
}

/* Zones are loaded when a worker is started, and at no other time. */
static void take_zones(worker *w, const zones *with) {
  w->zones = *with;
  w->zones_lack = w->pid != 0;
}

void worker_begin(worker *w, const wire_request *request, const void *bytes) {
  const bool small = request->size <= SEND_AT_ONCE;
  zones with = w->zones;
  if (request->type == FILE_CALENDAR && zones_add(&with, bytes, (size_t)request->size))
    take_zones(w, &with);
  if (w->batch.asked > 0) end(w, "closed"); /* its replies to others would come first */
  begin_head(w);
  begin_reply(w, request, false);
  wire_put_batch(&w->head, 1, WIRE_REQUEST_HEAD + request->size);
  wire_put_request(&w->head, request);
  if (small) buffer_put(&w->head, bytes, (size_t)request->size);
  ask(w, bytes, small ? 0 : (size_t)request->size);
}

/* ---------------------------------------------------------------- many at once */

static void begin_batch(worker *w) {
  worker_batch *b = &w->batch;
  if (b->asked > 0) end(w, "closed");
  buffer_reset(&b->bytes);
  b->count = b->turn = 0;
  b->one_by_one = false;
}

bool worker_put(worker *w, const wire_request *request, const void *bytes) {
  worker_batch *b = &w->batch;
  zones with = w->zones;
  if (b->turn > 0) begin_batch(w);
  if (b->count == WORKER_BATCH_COUNT ||
      b->bytes.size + WIRE_REQUEST_HEAD + request->size > WORKER_BATCH_BYTES)
    return false;
  if (request->type == FILE_CALENDAR && zones_add(&with, bytes, (size_t)request->size)) {
    const bool kept = memcmp(with.names, w->zones.names, w->zones.count * sizeof *with.names) == 0;
    if (b->count > 0 && !kept) return false; /* those before it may need them */
    take_zones(w, &with);
  }
  if (!buffer_reserve(&b->bytes, WIRE_REQUEST_HEAD + (size_t)request->size)) {
    b->bytes.failed = false; /* what was put stands */
    return false;
  }
  wire_put_request(&b->bytes, request);
  buffer_put(&b->bytes, bytes, (size_t)request->size);
  b->from[++b->count] = b->bytes.size;
  return true;
}

/* The request whose turn it is. */
static wire_request request_of_turn(const worker *w, const uint8_t **bytes) {
  const size_t *from = &w->batch.from[w->batch.turn - 1];
  cursor c = cursor_over(w->batch.bytes.data + from[0], from[1] - from[0]);
  wire_request request;
  (void)wire_get_request(&request, bytes, &c); /* it was put here by worker_put */
  return request;
}

/* Asks for the one whose turn it is, and those behind it. */
static void ask_batch(worker *w) {
  worker_batch *b = &w->batch;
  const uint8_t *bytes;
  const wire_request request = request_of_turn(w, &bytes);
  const size_t *from = &b->from[b->turn - 1];
  const unsigned count = b->one_by_one ? 1 : b->count - b->turn + 1;
  begin_head(w);
  begin_reply(w, &request, true);
  wire_put_batch(&w->head, count, from[count] - from[0]);
  ask(w, b->bytes.data + from[0], from[count] - from[0]);
  b->asked = w->pid != 0 ? count : 0;
}

void worker_turn(worker *w) {
  worker_batch *b = &w->batch;
  if (!w->answered) end(w, "closed");
  w->answered = true;
  b->turn++;
  if (b->asked > 0) {
    const uint8_t *bytes;
    const wire_request request = request_of_turn(w, &bytes);
    begin_reply(w, &request, true);
  } else {
    ask_batch(w);
  }
}

sdx_bytes worker_bytes(const worker *w) {
  const uint8_t *bytes;
  const wire_request request = request_of_turn(w, &bytes);
  return (sdx_bytes){ .data = (const char *)bytes, .size = (size_t)request.size };
}

/* ---------------------------------------------------------------- replies */

/* Makes room for so many bytes behind `at`; what was taken is wiped. */
static bool make_room(worker *w, size_t size) {
  const size_t left = w->replies.size - w->at;
  if (left >= size) return true;
  if (left > 0 && w->at > 0) memmove(w->replies.data, w->replies.data + w->at, left);
  buffer_cut(&w->replies, left);
  w->at = 0;
  return buffer_reserve(&w->replies, size - left < REPLY_STEP ? REPLY_STEP : size - left);
}

/* Reads until so many bytes stand behind `at`, and what else is there. */
static bool receive(worker *w, size_t size) {
  if (!make_room(w, size)) {
    end(w, NO_MEMORY);
    return false;
  }
  while (w->replies.size - w->at < size) {
    if (!wait_for(w->from, POLLIN)) {
      end(w, TOO_LONG);
      return false;
    }
    const size_t room = w->replies.capacity - w->replies.size;
    const ssize_t n = read(w->from, w->replies.data + w->replies.size, room);
    if (n > 0) {
      w->replies.size += (size_t)n;
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
      end(w, NULL);
      return false;
    }
  }
  return true;
}

/* Takes the next frame of the reply. */
static bool receive_frame(worker *w) {
  if (w->pid == 0 || !receive(w, 4)) return false;
  cursor c = cursor_over(w->replies.data + w->at, 4);
  const uint32_t size = cursor_get_u32(&c);
  w->taken += size;
  if (size == 0 || size > WIRE_FRAME_MAX || w->taken > WORKER_REPLY_MAX) {
    end(w, "it gives more than is taken of one file");
    return false;
  }
  if (!receive(w, 4 + (size_t)size)) return false;
  w->frame = (sdx_bytes){ .data = (const char *)w->replies.data + w->at + 4, .size = size };
  w->at += 4 + (size_t)size;
  w->frames++;
  return true;
}

/* Asks anew for the one whose turn it is, by itself, and passes over what of its reply was taken. */
static bool ask_alone(worker *w) {
  const uint64_t frames = w->frames;
  w->batch.one_by_one = true;
  ask_batch(w);
  while (w->frames < frames)
    if (!receive_frame(w)) return false;
  return true;
}

/* The next frame, also where the worker was lost among several requests: it may have died of another. */
static bool next_frame(worker *w) {
  const bool among = w->of_batch && w->batch.asked > 1;
  return receive_frame(w) || (among && ask_alone(w) && receive_frame(w));
}

static void end_reply(worker *w) {
  w->answered = true;
  if (w->of_batch && w->batch.asked > 0) w->batch.asked--;
}

static worker_answer take(worker *w, draft *d) {
  const char *at = w->frame.data;
  switch ((uint8_t)at[0]) {
  case WIRE_ITEM:
    draft_begin(d, SDX_DOCUMENT, w->now);
    d->fallback = w->fallback;
    if (wire_get_item(d, w->reason, at + 1, w->frame.size - 1)) return WORKER_ITEM;
    break;
  case WIRE_REFUSED:
    end_reply(w);
    wire_get_reason(w->reason, at + 1, w->frame.size - 1);
    return WORKER_REFUSED;
  case WIRE_END:
    end_reply(w);
    return WORKER_END;
  default:
    break;
  }
  end(w, "its reader gave what is no item");
  end_reply(w);
  return WORKER_LOST;
}

worker_answer worker_next(worker *w, draft *d) {
  if (w->answered) return WORKER_END;
  if (next_frame(w)) return take(w, d);
  end_reply(w);
  return w->missing ? WORKER_MISSING : WORKER_LOST;
}

void worker_end_reply(worker *w) {
  if (w->answered) return;
  if (receive_frame(w) && w->frame.data[0] != WIRE_END)
    end(w, "its reader gave what is no item");
  end_reply(w);
}
