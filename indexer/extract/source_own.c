/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host's own store as a source: originals that its calls give, one by one, to any number of readers. */
#include "indexer/extract/source_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* What the original says of itself, copied: the call's memory is good until another reader's call. */
static sdx_status copy_original(sdx_source *s, const sdx_original *o, sdx_error *err) {
  const sdx_item about = { .id = o->id, .folders = o->folders, .folder_count = o->folder_count,
                           .flags = o->flags, .flag_count = o->flag_count, .labels = o->labels,
                           .label_count = o->label_count, .date = o->date };
  const sdx_bytes id = o->item != NULL ? o->item->id : o->id;
  s->origin = share_hash(0, id.data, id.size);
  s->origin = o->stamp != 0 ? share_hash(s->origin, &o->stamp, sizeof o->stamp)
                            : share_hash(s->origin, o->bytes.data, o->bytes.size);
  source_recycle_bytes(s);
  buffer_reset(&s->stem);
  buffer_put(&s->bytes, o->bytes.data, o->bytes.size);
  buffer_put(&s->stem, o->name, o->name != NULL ? strlen(o->name) + 1 : 0);
  if (o->name == NULL) buffer_put_u8(&s->stem, 0);
  if (s->bytes.failed || s->stem.failed || !item_copy_set(&s->copy, o->item != NULL ? o->item : &about))
    return error_memory(err);
  if (o->item != NULL && o->stamp == 0) /* its content says whether it is another */
    s->origin = share_hash(s->origin, s->copy.bytes.data, s->copy.bytes.size);
  return SDX_OK;
}

static sdx_status call_own(sdx_source *s, bool *ready, sdx_error *err) {
  own_calls *own = s->own;
  sdx_original o = { .id = { NULL, 0 } };
  pthread_mutex_lock(&own->lock);
  sdx_status status = own->ended ? SDX_NOT_FOUND : SDX_OK;
  if (status == SDX_OK && !own->begun && own->calls.begin != NULL)
    status = own->calls.begin(own->calls.context, err);
  own->begun = true;
  if (status == SDX_OK) status = own->calls.next(own->calls.context, &o, err);
  if (status == SDX_NOT_FOUND) own->ended = true;
  if (status == SDX_OK) status = copy_original(s, &o, err);
  pthread_mutex_unlock(&own->lock);
  *ready = o.item != NULL;
  return status;
}

/* As give_item, of an item that is ready. */
static sdx_status give_ready(sdx_source *s, sdx_error *err) {
  const sdx_bytes id = s->copy.item.id;
  const uint64_t met = id_set_add(&s->ids, id.data, id.size);
  if (met == UINT64_MAX) return error_memory(err);
  (void)source_give(s, met > 0 ? SDX_ENTRY_FAILED : SDX_ENTRY_ITEM, id,
             met > 0 ? "its id was met before in this run" : NULL);
  s->entry.repeated = met > 0;
  s->entry.item = met > 0 ? NULL : &s->copy.item;
  return SDX_OK;
}

static void add_attributes(sdx_source *s) {
  const sdx_item *about = &s->copy.item;
  for (size_t i = 0; i < about->folder_count; i++)
    draft_add_folder(&s->draft, about->folders[i].data, about->folders[i].size);
  for (size_t i = 0; i < about->flag_count; i++)
    draft_add_flag(&s->draft, about->flags[i].data, about->flags[i].size);
  for (size_t i = 0; i < about->label_count; i++)
    draft_add_label(&s->draft, about->labels[i].data, about->labels[i].size);
}

/* The original as if it were a file of its name in the folder that it is in. */
static sdx_status give_original(sdx_source *s, sdx_error *err) {
  const sdx_item *about = &s->copy.item;
  const char *name = (const char *)s->stem.data;
  const bool in_folder = about->folder_count > 0;
  walk_entry file = { .state = WALK_FILE, .name = name, .id = about->id, .named = true,
                      .folder = in_folder ? about->folders[0] : (sdx_bytes){ NULL, 0 },
                      .size = s->bytes.size, .modified = about->date };
  const file_type type = file_type_of(name, s->bytes.data, s->bytes.size);
  if (s->bytes.size >= SOURCE_FILE_MAX) return source_fail(s, about->id, "it is larger than is read");
  if (type == FILE_UNKNOWN) return source_give_unknown(s, &file, s->bytes.size == 0);
  if (type == FILE_MBOX || type == FILE_LINES)
    return source_fail(s, about->id, "it holds several originals: give each by itself");
  const sdx_status status =
      source_give_file(s, &file, type == FILE_MAYBE_MBOX ? FILE_MESSAGE : type, false, err);
  if (status != SDX_OK || s->entry.item == NULL) return status;
  add_attributes(s);
  if (type == FILE_MESSAGE && about->date != 0) s->draft.date = about->date;
  s->entry.item = draft_item(&s->draft);
  return s->entry.item != NULL ? SDX_OK : error_memory(err);
}

sdx_status source_next_own(sdx_source *s, bool *ended, sdx_error *err) {
  bool ready = false;
  sdx_status status = call_own(s, &ready, err);
  *ended = status != SDX_OK;
  if (status != SDX_OK) return status;
  s->taken += s->bytes.size + (ready ? s->copy.bytes.size : 0);
  s->done = s->taken;
  if (s->share.done != NULL && s->share.done(s->share.context, s->origin)) {
    const sdx_bytes id = s->copy.item.id;
    return id_set_add(&s->ids, id.data, id.size) == UINT64_MAX ? error_memory(err) : SDX_NOT_FOUND;
  }
  status = ready ? give_ready(s, err) : give_original(s, err);
  return status;
}

sdx_status sdx_source_own(sdx_source **out, const sdx_source_calls *calls, sdx_error *err) {
  if (out == NULL) return error_no_place(err);
  *out = NULL;
  if (calls == NULL || calls->version != 1 || calls->next == NULL)
    return error_set(err, SDX_INVALID, "a source of one's own needs calls of version 1");
  sdx_status status = sdx_source_open(out, NULL, 0, NULL, err);
  if (status != SDX_OK) return status;
  own_calls *own = calloc(1, sizeof *own);
  if (own == NULL) {
    sdx_source_close(*out);
    *out = NULL;
    return error_memory(err);
  }
  own->calls = *calls;
  pthread_mutex_init(&own->lock, NULL);
  (*out)->own = own;
  (*out)->reading = READING_OWN;
  (*out)->total = calls->bytes_total;
  return SDX_OK;
}
