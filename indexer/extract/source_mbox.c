/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of an mbox: small ones are met ahead of their turn, so that the worker is asked about many at
 * once. One that is not small is the last one ahead; its bytes stay where they are in the mbox until its turn
 * comes.
 */
#include "indexer/extract/source_state.h"

#include "base/error.h"

void source_begin_mbox(sdx_source *s, int fd) {
  s->reading = READING_MBOX;
  s->fd = fd;
  s->fd_borrowed = false;
  s->first = true;
  s->messages.count = s->messages.next = 0;
  s->messages.offset = 0;
  s->messages.status = SDX_OK;
  mbox_open(&s->mbox, fd, s->file_size);
}

/* True where the message is this reader's; its origin is set. */
static bool is_ours(sdx_source *s, const mbox_message *m, bool alone) {
  if (s->share.lanes == 0) return true;
  if (s->split) {
    const sdx_bytes key = share_message_id(m->bytes, m->size);
    const uint64_t hash = key.size > 0 ? share_hash(0, key.data, key.size) : share_hash(0, m->bytes, m->size);
    if (!source_is_ours(s, alone ? s->file_origin : hash)) return false;
  }
  s->origin = share_hash(s->file_origin, &s->mbox.offset, sizeof s->mbox.offset);
  s->origin = share_hash(s->origin, m->bytes, m->size);
  return true;
}

/* Takes the message up; true where others may be met before its turn. */
static bool take_up(sdx_source *s, const mbox_message *m, bool alone) {
  message_ahead *a = &s->messages.messages[s->messages.count++];
  *a = (message_ahead){ .message = *m,
                        .alone = alone,
                        .origin = s->origin,
                        .offset = s->mbox.offset,
                        .done = s->share.done != NULL && s->share.done(s->share.context, s->origin) };
  if (a->done || s->worker.missing || m->size > SOURCE_SMALL) return false;
  const int64_t fallback = m->date != 0 ? m->date : s->fallback;
  const wire_request request = source_request(s, FILE_MESSAGE, fallback, s->stamp, m->size);
  a->asked = worker_put(&s->worker, &request, m->bytes);
  return a->asked;
}

/* Meets what comes next in the mbox. */
static void look_ahead(sdx_source *s) {
  mbox_ahead *ahead = &s->messages;
  bool more = true;
  ahead->count = ahead->next = 0;
  while (more && ahead->count < WORKER_BATCH_COUNT) {
    mbox_message m;
    ahead->status = mbox_next(&s->mbox, &m, &ahead->err);
    if (ahead->status != SDX_OK) return;
    const bool alone = s->first && s->maybe_mbox && mbox_at_end(&s->mbox);
    s->first = false;
    if (is_ours(s, &m, alone)) more = take_up(s, &m, alone);
  }
}

/* The end of the mbox, or what is wrong with it, behind the last message. */
static sdx_status end_mbox(sdx_source *s, sdx_error *err) {
  const sdx_status status = s->messages.status;
  if (status != SDX_NOT_FOUND) return source_leave_file(s, status, &s->messages.err, err);
  const bool empty = s->first;
  source_end_file(s);
  if (empty) return source_fail_file(s, source_bytes_of(&s->file_id), "it holds no message");
  return SDX_NOT_FOUND;
}

/* Sets s->id to the message's: by its key, or where it has none by its bytes. */
static sdx_status name_message(sdx_source *s, sdx_bytes key, sdx_bytes bytes, sdx_error *err) {
  return source_name_within(s, &s->file_id, key, bytes.data, bytes.size, err);
}

static sdx_status pass_done(sdx_source *s, const message_ahead *a, sdx_bytes bytes, sdx_error *err) {
  const sdx_bytes key = share_message_id(bytes.data, bytes.size);
  const sdx_status status = a->alone ? SDX_OK : name_message(s, key, bytes, err);
  const buffer *id = a->alone ? &s->file_id : &s->id;
  if (status != SDX_OK) return status;
  return id_set_add(&s->ids, id->data, id->size) == UINT64_MAX ? error_memory(err) : SDX_NOT_FOUND;
}

/* The message whose turn it is. */
static sdx_status give_ahead(sdx_source *s, sdx_error *err) {
  const message_ahead *a = &s->messages.messages[s->messages.next++];
  const mbox_message *m = &a->message;
  if (a->asked) worker_turn(&s->worker);
  const sdx_bytes bytes = a->asked ? worker_bytes(&s->worker) : (sdx_bytes){ .data = m->bytes, .size = m->size };
  s->origin = a->origin;
  s->messages.offset = a->offset;
  if (s->share.lanes > 0) s->taken += bytes.size;
  if (a->done) return pass_done(s, a, bytes, err);
  source_begin_draft(s, SDX_MESSAGE, m->date != 0 ? m->date : s->fallback);
  s->draft.stamp = s->stamp;
  const worker_answer answer = a->asked ? source_answer(s, FILE_MESSAGE, bytes.data, bytes.size)
                                        : source_ask(s, FILE_MESSAGE, bytes.data, bytes.size);
  if (answer != WORKER_ITEM) return source_fail(s, source_bytes_of(&s->file_id), s->draft.reason);
  if (m->too_long) draft_set_partial(&s->draft, "only the beginning of it is in memory at once");
  mbox_add_flags(&s->draft, bytes.data, bytes.size);
  const buffer *folder = a->alone ? &s->folder : &s->stem;
  draft_add_folder(&s->draft, folder->data, folder->size);
  if (a->alone) return source_give_message(s, source_bytes_of(&s->file_id), folder, err);
  const sdx_status status = name_message(s, draft_field(&s->draft, "message-id"), bytes, err);
  return status == SDX_OK ? source_give_message(s, source_bytes_of(&s->id), folder, err) : status;
}

sdx_status source_next_in_mbox(sdx_source *s, sdx_error *err) {
  if (s->messages.next == s->messages.count && s->messages.status == SDX_OK) look_ahead(s);
  return s->messages.next < s->messages.count ? give_ahead(s, err) : end_mbox(s, err);
}
