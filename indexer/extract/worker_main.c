/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker_main.c - the program sealdex-extract: reads requests from its input, writes items to its
 * output (wire.h), from within a sandbox. It is started by the library, and of no use by itself.
 */
#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <unistd.h>

#include "indexer/extract/attachment.h"
#include "indexer/extract/kinds.h"
#include "indexer/extract/occurrence.h"
#include "indexer/extract/sandbox.h"
#include "indexer/extract/wire.h"
#include "indexer/extract/worker.h"

#define INPUT_KEEP ((size_t)4 << 20)

enum { EXIT_MEMORY = 3, EXIT_WIRE = 4, EXIT_SANDBOX = 5 };

/* Reads `size` bytes; false at the end of the input. */
static bool read_all(void *bytes, size_t size) {
  uint8_t *at = bytes;
  while (size > 0) {
    const ssize_t n = read(0, at, size);
    if (n == 0) return false;
    if (n < 0 && errno != EINTR) _exit(EXIT_WIRE);
    if (n > 0) at += n, size -= (size_t)n;
  }
  return true;
}

static int output = -1; /* what was the standard output, which libraries print to */

static void write_all(const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  while (size > 0) {
    const ssize_t n = write(output, at, size);
    if (n < 0 && errno != EINTR) _exit(EXIT_WIRE);
    if (n > 0) at += n, size -= (size_t)n;
  }
}

typedef struct writer {
  draft_sink sink;
  buffer out; /* frames that wait to be written */
} writer;

#define FRAMES_KEEP ((size_t)64 << 10)

static void write_out(writer *w) {
  if (w->out.failed) _exit(EXIT_MEMORY);
  write_all(w->out.data, w->out.size);
  if (w->out.capacity > INPUT_KEEP)
    buffer_free(&w->out);
  else
    buffer_reset(&w->out);
}

/* Puts the size in front of the frame that begins at `start`. */
static void end_frame(writer *w, size_t start) {
  if (w->out.failed) _exit(EXIT_MEMORY);
  const uint32_t size = (uint32_t)(w->out.size - start - 4);
  for (size_t i = 0; i < 4; i++) w->out.data[start + i] = (uint8_t)(size >> (8 * i));
}

static void give(draft_sink *sink, draft *d) {
  writer *w = (writer *)sink;
  if (d->failed) _exit(EXIT_MEMORY);
  const size_t start = w->out.size;
  buffer_put_u32(&w->out, 0);
  buffer_put_u8(&w->out, WIRE_ITEM);
  wire_put_item(&w->out, d);
  end_frame(w, start);
  if (w->out.size > FRAMES_KEEP) write_out(w);
}

static void end_reply(writer *w, bool found, const draft *d) {
  const size_t start = w->out.size;
  buffer_put_u32(&w->out, 0);
  buffer_put_u8(&w->out, found ? WIRE_END : WIRE_REFUSED);
  if (!found && d->reason != NULL) buffer_put(&w->out, d->reason, strlen(d->reason));
  end_frame(w, start);
}

/* Serves the request that comes next in the input. */
static void serve(writer *w, cursor *c, draft *d) {
  wire_request request;
  const uint8_t *bytes;
  if (!wire_get_request(&request, &bytes, c)) _exit(EXIT_WIRE);
  draft_begin(d, SDX_DOCUMENT, request.now);
  d->fallback = request.fallback;
  d->stamp = request.stamp;
  d->read_attachment = request.bare ? NULL : attachment_add;
  buffer invitations = BUFFER_INIT;
  d->invitations = request.invitations && request.type == FILE_MESSAGE ? &invitations : NULL;
  const bool found = kinds_extract(request.type, bytes, (size_t)request.size, d, &w->sink, 0);
  if (found && d->invitations != NULL) attachment_give_invitations(d, &w->sink);
  buffer_free(&invitations);
  end_reply(w, found, d);
}

/* Serves one batch, which is all read before anything is said: so neither side ever waits for the other
 * to read. False where there is none any more. */
static bool serve_batch(writer *w, buffer *input, draft *d) {
  uint8_t head[WIRE_BATCH_HEAD];
  uint32_t count;
  uint64_t size;
  if (!read_all(head, sizeof head)) return false;
  if (!wire_get_batch(&count, &size, head)) _exit(EXIT_WIRE);
  buffer_reset(input);
  if (!buffer_reserve(input, (size_t)size)) _exit(EXIT_MEMORY);
  if (!read_all(input->data, (size_t)size)) return false;
  input->size = (size_t)size;
  sandbox_allow_seconds(WORKER_CPU_SECONDS);
  cursor c = cursor_over(input->data, input->size);
  while (count-- > 0) serve(w, &c, d);
  write_out(w);
  sandbox_allow_seconds(0);
  if (input->capacity > INPUT_KEEP) buffer_free(input);
  return true;
}

/* The libraries read these from files, which the sandbox has none of on an old kernel. */
static void load_charsets(void) {
  static const char *const NAMES[] = { "CP1252",    "CP1251", "CP1250",   "CP1253",   "CP1254",
                                       "ISO8859-2", "KOI8-R", "SJIS",     "EUC-JP",   "ISO-2022-JP",
                                       "GB18030",   "BIG5",   "EUC-KR",   "UTF-16LE", "ISO8859-15",
                                       "CP932",     "CP949",  "MACINTOSH" };
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
    /* Kept open, so that its module stays loaded. */
    const iconv_t converter = iconv_open("UTF-8", NAMES[i]);
    (void)converter;
  }
}

/* What the host says first: the zones that the calendars to come name (zones.h). */
static void load_zones(void) {
  zones z;
  if (!read_all(&z, sizeof z)) _exit(0);
  if (z.count > ZONES_MAX) _exit(EXIT_WIRE);
  occurrence_load_zones(&z);
}

int main(void) {
  writer w = { .sink = { .give = give } };
  buffer input = BUFFER_INIT;
  draft d = DRAFT_INIT;
  output = dup(1);
  if (output < 0 || dup2(2, 1) < 0 || chdir("/") != 0) return EXIT_SANDBOX;
  kinds_start();
  load_charsets();
  load_zones();
  if (!sandbox_enter()) return EXIT_SANDBOX;
  while (serve_batch(&w, &input, &d)) continue;
  buffer_free(&input);
  buffer_free(&w.out);
  draft_free(&d);
  return 0;
}
