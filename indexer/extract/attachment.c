/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/attachment.h"

#include <string.h>

#include "base/cursor.h"
#include "indexer/extract/calendar.h"
#include "indexer/extract/charset.h"
#include "indexer/extract/kinds.h"
#include "indexer/extract/package.h"

#define INVITATIONS_MAX ((size_t)4 << 20) /* bytes of calendars in one message */

typedef struct gathering {
  draft_sink sink;
  buffer *out;
  size_t stop_at;
  bool cut;
  draft *whole; /* learns what of it could not be read */
} gathering;

static void put(gathering *g, const void *text, size_t size) {
  const size_t left = g->stop_at > g->out->size ? g->stop_at - g->out->size : 0;
  if (size > left) {
    g->cut = true;
    size = charset_whole(text, left);
  }
  if (size == 0) return;
  buffer_put(g->out, text, size);
  buffer_put_u8(g->out, '\n');
}

static void gather(draft_sink *sink, draft *d) {
  gathering *g = (gathering *)sink;
  const sdx_item *item = draft_item(d);
  if (item == NULL) {
    g->out->failed = true;
    return;
  }
  for (size_t i = 0; i < item->field_count; i++)
    if (strcmp(item->fields[i].name, "body") != 0)
      put(g, item->fields[i].text.data, item->fields[i].text.size);
  put(g, d->body.data, d->body.size);
  if (d->partial) draft_set_partial(g->whole, "a part of an attachment or member is not read");
}

/* Appends the text of the file to *out, at most `limit` bytes; false where some was left out. */
static bool put_text(buffer *out, size_t limit, draft *d, const char *name, const void *bytes,
                     size_t size, unsigned depth) {
  const file_type type =
      depth <= PACKAGE_DEPTH_MAX ? file_type_of(name, bytes, size) : FILE_UNKNOWN;
  if (type == FILE_UNKNOWN || type == FILE_LINES || size == 0) return true;
  gathering g = { .sink = { .give = gather }, .out = out, .whole = d };
  g.stop_at = out->size + limit;
  draft inner = DRAFT_INIT;
  draft_begin(&inner, SDX_DOCUMENT, d->now);
  (void)kinds_extract(type == FILE_MBOX || type == FILE_MAYBE_MBOX ? FILE_MESSAGE : type, bytes,
                      size, &inner, &g.sink, depth);
  draft_free(&inner);
  return !g.cut;
}

/* Invitations are attached twice as often as not, as an alternative and as a file: once is enough.
 */
static bool is_kept(const buffer *kept, const void *bytes, size_t size) {
  if (kept->size == 0) return false;
  cursor c = cursor_over(kept->data, kept->size);
  while (cursor_left(&c) > 0) {
    const size_t other = cursor_get_u32(&c);
    const uint8_t *at = cursor_get(&c, other);
    if (at != NULL && other == size && memcmp(at, bytes, size) == 0) return true;
  }
  return false;
}

static void keep_invitation(draft *d, const char *name, const void *bytes, size_t size) {
  buffer *kept = d->invitations;
  if (kept == NULL || size > INVITATIONS_MAX || kept->size > INVITATIONS_MAX) return;
  if (file_type_of(name, bytes, size) != FILE_CALENDAR || is_kept(kept, bytes, size)) return;
  buffer_put_u32(kept, (uint32_t)size);
  buffer_put(kept, bytes, size);
}

void attachment_add(draft *d, const char *name, const void *bytes, size_t size) {
  buffer text = BUFFER_INIT;
  keep_invitation(d, name, bytes, size);
  const size_t room =
      d->attachment_size < DRAFT_ATTACHMENT_MAX ? DRAFT_ATTACHMENT_MAX - d->attachment_size : 0;
  if (!put_text(&text, room, d, name, bytes, size, 1))
    draft_set_partial(d, "more text in attachments than is read of one item");
  if (text.failed) d->failed = true;
  d->attachment_size += text.size;
  draft_add_attachment(d, name, text.data, text.failed ? 0 : text.size);
  buffer_free(&text);
}

void attachment_put_body(draft *d, const char *name, const void *bytes, size_t size,
                         unsigned depth) {
  const size_t room = d->body.size < DRAFT_BODY_MAX ? DRAFT_BODY_MAX - d->body.size : 0;
  if (!put_text(&d->body, room, d, name, bytes, size, depth))
    draft_set_partial(d, "more text than is read of one item");
}

void attachment_give_invitations(draft *d, draft_sink *sink) {
  const buffer *kept = d->invitations;
  if (kept->failed || kept->size == 0) return;
  cursor c = cursor_over(kept->data, kept->size);
  draft event = DRAFT_INIT;
  event.always_id = true;
  while (cursor_left(&c) > 0) {
    const size_t size = cursor_get_u32(&c);
    const uint8_t *bytes = cursor_get(&c, size);
    if (bytes == NULL) break;
    draft_begin(&event, SDX_EVENT, d->now);
    event.fallback = d->date;
    (void)calendar_extract(bytes, size, &event, sink); /* its text is in the message in any case */
  }
  draft_free(&event);
}
