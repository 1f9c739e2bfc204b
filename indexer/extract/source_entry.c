/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a source gives: items, named within what they are in, and what could not be read, with its reason. */
#include "indexer/extract/source_state.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/error.h"
#include "indexer/extract/document.h"
#include "indexer/extract/message.h"
#include "indexer/extract/naming.h"

#define KEY_MAX 160 /* bytes of a key in an id; a digest stands for longer ones */

sdx_status source_give(sdx_source *s, sdx_entry_state state, sdx_bytes id, const char *reason) {
  uint64_t inside = 0;
  if (s->reading == READING_MBOX) inside = s->messages.offset;
  if (s->reading == READING_LINES) inside = s->lines.offset;
  s->entry = (sdx_entry){ .state = state,
                          .id = id,
                          .reason = reason,
                          .bytes_done = s->share.lanes > 0 ? s->taken : s->done + inside,
                          .bytes_total = s->total };
  return SDX_OK;
}

bool source_is_ours(const sdx_source *s, uint64_t hash) {
  return s->share.lanes < 2 || hash % s->share.lanes == s->share.lane;
}

sdx_status source_fail(sdx_source *s, sdx_bytes id, const char *reason) {
  return source_give(s, SDX_ENTRY_FAILED, id, reason);
}

/* What is wrong with a file that is divided, one of its readers says. */
sdx_status source_fail_file(sdx_source *s, sdx_bytes id, const char *reason) {
  return s->split && !source_is_ours(s, s->file_origin) ? SDX_NOT_FOUND : source_fail(s, id, reason);
}

sdx_status source_fail_with(sdx_source *s, sdx_bytes id, const char *what, int number) {
  g_snprintf(s->reason, sizeof s->reason, "%s: %s", what, g_strerror(number));
  return source_fail_file(s, id, s->reason);
}

/* The draft as an item under `id`, where no item before it had that id. */
sdx_status source_give_item(sdx_source *s, sdx_bytes id, sdx_error *err) {
  if (id.size > SDX_ID_MAX) return source_fail(s, id, "its id would be longer than 400 bytes");
  const uint64_t met = id_set_add(&s->ids, id.data, id.size);
  if (met == UINT64_MAX) return error_memory(err);
  if (met > 0) {
    (void)source_fail(s, id, "its id was met before in this run");
    s->entry.repeated = true;
    return SDX_OK;
  }
  draft_set_id(&s->draft, id.data, id.size);
  const sdx_item *item = draft_item(&s->draft);
  if (item == NULL) return error_memory(err);
  (void)source_give(s, s->draft.partial ? SDX_ENTRY_PARTIAL : SDX_ENTRY_ITEM, id, s->draft.reason);
  s->entry.item = item;
  return SDX_OK;
}

void source_begin_draft(sdx_source *s, sdx_kind kind, int64_t fallback) {
  draft_begin(&s->draft, kind, s->now);
  s->draft.fallback = fallback;
}

/* Sets s->id to the id of what the item is in, `#`, the item's key, and `~2` for its second use.
 * Without a key a digest of `bytes` stands for it. */
sdx_status source_name_within(sdx_source *s, const buffer *whole, sdx_bytes key, const void *bytes,
                              size_t size, sdx_error *err) {
  buffer_reset(&s->id);
  buffer_put(&s->id, whole->data, whole->size);
  buffer_put_u8(&s->id, '#');
  if (key.size > 0) {
    naming_put_escaped(&s->id, key.data, key.size);
  } else {
    char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
    buffer_put(&s->id, digest, 32);
    g_free(digest);
  }
  const uint64_t met = id_set_add(&s->keys, s->id.data, s->id.size);
  if (met == UINT64_MAX || s->id.failed) return error_memory(err);
  if (met > 0) {
    char repeat[24];
    const int length = g_snprintf(repeat, sizeof repeat, "~%llu", (unsigned long long)met + 1);
    buffer_put(&s->id, repeat, (size_t)length);
  }
  return s->id.failed ? error_memory(err) : SDX_OK;
}

/* Hands the bytes to the worker; where it is missing, what is read in this process. */
static bool extract_here(sdx_source *s, file_type type, const void *bytes, size_t size) {
  switch (type) {
  case FILE_TEXT:
    return text_extract(bytes, size, &s->draft);
  case FILE_MARKDOWN:
    return markdown_extract(bytes, size, &s->draft);
  case FILE_HTML:
    return page_extract(bytes, size, &s->draft);
  case FILE_MESSAGE:
    if (!message_extract(bytes, size, &s->draft)) return false;
    if (s->draft.has_attachment)
      draft_set_partial(&s->draft, "attachments by name only: sealdex-extract is not installed");
    return true;
  default:
    return draft_refuse(&s->draft, "sealdex-extract, which reads it, is not installed");
  }
}

wire_request source_request(const sdx_source *s, file_type type, int64_t fallback, int64_t stamp,
                            size_t size) {
  return (wire_request){ .type = type,
                         .now = s->now,
                         .fallback = fallback,
                         .stamp = stamp,
                         .size = size,
                         .invitations = s->invitations };
}

worker_answer source_answer(sdx_source *s, file_type type, const void *bytes, size_t size) {
  worker_answer answer = worker_next(&s->worker, &s->draft);
  if (answer == WORKER_LOST && type == FILE_MESSAGE) { /* what it died of may be attached */
    wire_request request = source_request(s, type, s->draft.fallback, s->draft.stamp, size);
    request.bare = true;
    worker_begin(&s->worker, &request, bytes);
    answer = worker_next(&s->worker, &s->draft);
    if (answer == WORKER_ITEM)
      draft_set_partial(&s->draft, "attachments by name only: one could not be read");
  }
  if (answer == WORKER_MISSING)
    return extract_here(s, type, bytes, size) ? WORKER_ITEM : WORKER_REFUSED;
  if (answer != WORKER_ITEM) s->draft.reason = s->worker.reason;
  return answer;
}

worker_answer source_ask(sdx_source *s, file_type type, const void *bytes, size_t size) {
  const wire_request request = source_request(s, type, s->draft.fallback, s->draft.stamp, size);
  worker_begin(&s->worker, &request, bytes);
  return source_answer(s, type, bytes, size);
}

/* The key of the item in s->draft, one of several, where it has one that is not too long. */
sdx_status source_name_of_reply(sdx_source *s, const buffer *whole, sdx_error *err) {
  if (s->draft.failed || s->draft.text.failed) return error_memory(err);
  buffer key = BUFFER_INIT;
  const void *bytes = s->draft.text.data;
  size_t size = s->draft.text.size;
  if (s->draft.id.size > 0 && s->draft.id.size <= KEY_MAX) {
    buffer_put(&key, s->draft.text.data + s->draft.id.at, s->draft.id.size);
  } else if (s->draft.id.size > KEY_MAX) {
    bytes = s->draft.text.data + s->draft.id.at;
    size = s->draft.id.size;
  }
  const sdx_status status = source_name_within(s, whole, source_bytes_of(&key), bytes, size, err);
  buffer_free(&key);
  return status;
}

/* The message in s->draft; its invitations, if they are wanted, are in the same reply. */
sdx_status source_give_message(sdx_source *s, sdx_bytes id, const buffer *folder, sdx_error *err) {
  s->inviting = s->invitations && !s->worker.answered;
  if (s->inviting) {
    buffer_reset(&s->owner);
    buffer_put(&s->owner, id.data, id.size);
    if (folder != &s->folder) {
      buffer_reset(&s->folder);
      buffer_put(&s->folder, folder->data, folder->size);
    }
    if (s->owner.failed || s->folder.failed) return error_memory(err);
  } else {
    worker_end_reply(&s->worker);
  }
  return source_give_item(s, id, err);
}

/* SDX_NOT_FOUND where the message has no more. What cannot be read is no item: the message has it.
 */
sdx_status source_next_invitation(sdx_source *s, sdx_error *err) {
  if (worker_next(&s->worker, &s->draft) != WORKER_ITEM) {
    s->inviting = false;
    if (s->reading != READING_MBOX) id_set_clear(&s->keys);
    return SDX_NOT_FOUND;
  }
  draft_add_folder(&s->draft, s->folder.data, s->folder.size);
  const sdx_status status = source_name_of_reply(s, &s->owner, err);
  return status == SDX_OK ? source_give_item(s, source_bytes_of(&s->id), err) : status;
}
