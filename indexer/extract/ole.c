/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/ole.h"

#include <gsf/gsf-infile-msole.h>
#include <gsf/gsf-input-memory.h>
#include <gsf/gsf-meta-names.h>
#include <gsf/gsf-msole-utils.h>
#include <gsf/gsf.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "indexer/extract/charset.h"
#include "indexer/extract/html.h"
#include "indexer/extract/iso_date.h"
#include "indexer/extract/libraries.h"
#include "indexer/extract/rtf.h"
#include "indexer/extract/rtf_packed.h"
#include "indexer/extract/spreadsheet.h"
#include "indexer/extract/word.h"

#define CHILDREN_MAX 5000
#define STREAM_MAX ((size_t)128 << 20)
#define VALUE_MAX ((size_t)1 << 20)

static const char CUT[] = "more text than is read of one item";

/* The bytes of a stream in *out; false where there is none. */
static bool read_input(buffer *out, GsfInput *input, size_t limit) {
  buffer_reset(out);
  if (input == NULL) return false;
  const gsf_off_t said = gsf_input_size(input);
  const size_t size = said > 0 ? (size_t)said < limit ? (size_t)said : limit : 0;
  if (size == 0 || !buffer_reserve(out, size)) return false;
  if (gsf_input_read(input, size, out->data) == NULL) {
    /* its end may be missing: what there is of it, in steps */
    gsf_input_seek(input, 0, G_SEEK_SET);
    while (out->size + 512 <= size && gsf_input_read(input, 512, out->data + out->size) != NULL)
      out->size += 512;
    return out->size > 0;
  }
  out->size = size;
  return true;
}

/* The format tells names apart without regard to case, and some writers use capitals alone. */
static GsfInput *find_stream(GsfInfile *file, const char *name) {
  GsfInput *input = gsf_infile_child_by_name(file, name);
  const int count = input == NULL ? gsf_infile_num_children(file) : 0;
  for (int i = 0; i < count && i < CHILDREN_MAX; i++) {
    const char *other = gsf_infile_name_by_index(file, i);
    if (other != NULL && g_ascii_strcasecmp(other, name) == 0)
      return gsf_infile_child_by_index(file, i);
  }
  return input;
}

static bool read_stream(buffer *out, GsfInfile *file, const char *name, size_t limit) {
  GsfInput *input = find_stream(file, name);
  const bool read = read_input(out, input, limit);
  if (input != NULL) g_object_unref(input);
  return read;
}

static bool has_stream(GsfInfile *file, const char *name) {
  GsfInput *input = find_stream(file, name);
  if (input != NULL) g_object_unref(input);
  return input != NULL;
}

/* ---------------------------------------------------------------- the summary */

static void add_property(draft *d, GsfDocMetaData *meta, const char *name, const char *field) {
  GsfDocProp *property = gsf_doc_meta_data_lookup(meta, name);
  GValue const *value = property != NULL ? gsf_doc_prop_get_val(property) : NULL;
  if (value == NULL) return;
  if (field == NULL && VAL_IS_GSF_TIMESTAMP(value)) {
    GsfTimestamp const *at = g_value_get_boxed(value);
    if (at != NULL && at->timet > 0) d->date = at->timet;
    return;
  }
  if (field == NULL || !G_VALUE_HOLDS_STRING(value)) return;
  const char *text = g_value_get_string(value);
  buffer decoded = BUFFER_INIT;
  if (text != NULL && text[0] != '\0')
    (void)charset_decode(&decoded, VALUE_MAX, "utf-8", text, strlen(text));
  if (decoded.failed) d->failed = true;
  draft_add_field(d, field, decoded.data, decoded.failed ? 0 : decoded.size);
  buffer_free(&decoded);
}

static void add_summary(draft *d, GsfInfile *file) {
  GsfInput *input = gsf_infile_child_by_name(file, "\005SummaryInformation");
  if (input == NULL) return;
  GsfDocMetaData *meta = gsf_doc_meta_data_new();
  GError *error = gsf_doc_meta_data_read_from_msole(meta, input);
  g_clear_error(&error);
  add_property(d, meta, GSF_META_NAME_TITLE, "title");
  add_property(d, meta, GSF_META_NAME_INITIAL_CREATOR, "author");
  add_property(d, meta, GSF_META_NAME_CREATOR, "author");
  add_property(d, meta, GSF_META_NAME_KEYWORDS, "keywords");
  add_property(d, meta, GSF_META_NAME_SUBJECT, "keywords");
  add_property(d, meta, GSF_META_NAME_DESCRIPTION, "note");
  add_property(d, meta, GSF_META_NAME_DATE_CREATED, NULL);
  add_property(d, meta, GSF_META_NAME_DATE_MODIFIED, NULL);
  g_object_unref(meta);
  g_object_unref(input);
}

/* ---------------------------------------------------------------- Office */

static void read_word(draft *d, GsfInfile *file) {
  buffer document = BUFFER_INIT;
  buffer table = BUFFER_INIT;
  if (read_stream(&document, file, "WordDocument", STREAM_MAX)) {
    const int which = word_table(document.data, document.size);
    if (which == -1) {
      draft_set_partial(d, "it is encrypted");
    } else {
      if (which >= 0) (void)read_stream(&table, file, which == 1 ? "1Table" : "0Table", STREAM_MAX);
      word_text(d, document.data, document.size, table.data, table.size);
    }
  } else {
    draft_set_partial(d, "it is damaged");
  }
  if (document.failed || table.failed) d->failed = true;
  buffer_free(&document);
  buffer_free(&table);
}

static void read_with(draft *d, GsfInfile *file, const char *name,
                      void (*read)(draft *, const void *, size_t)) {
  buffer stream = BUFFER_INIT;
  if (read_stream(&stream, file, name, STREAM_MAX))
    read(d, stream.data, stream.size);
  else
    draft_set_partial(d, "it is damaged");
  if (stream.failed) d->failed = true;
  buffer_free(&stream);
}

/* ---------------------------------------------------------------- .msg */

/* The value of a text property, decoded; false where there is none. */
static bool read_property(buffer *out, GsfInfile *file, unsigned property) {
  char name[32];
  buffer raw = BUFFER_INIT;
  (void)snprintf(name, sizeof name, "__substg1.0_%04X001F", property);
  const bool wide = read_stream(&raw, file, name, DRAFT_BODY_MAX * 2);
  (void)snprintf(name, sizeof name, "__substg1.0_%04X001E", property);
  const bool read = wide || read_stream(&raw, file, name, DRAFT_BODY_MAX * 2);
  buffer_reset(out);
  if (raw.failed) out->failed = true;
  if (read && raw.size > 0)
    (void)charset_decode(out, DRAFT_BODY_MAX, wide ? "UTF-16LE" : NULL, raw.data, raw.size);
  buffer_free(&raw);
  while (out->size > 0 && out->data[out->size - 1] == '\0') out->size--;
  return read && out->size > 0;
}

static void add_value(draft *d, GsfInfile *file, unsigned property, const char *field) {
  buffer text = BUFFER_INIT;
  if (read_property(&text, file, property)) draft_add_field(d, field, text.data, text.size);
  if (text.failed) d->failed = true;
  buffer_free(&text);
}

/* "Name <address>" from two properties, the second of two kinds. */
static void add_person(draft *d, GsfInfile *file, const char *field, unsigned name,
                       unsigned address, unsigned other) {
  buffer text = BUFFER_INIT;
  buffer mail = BUFFER_INIT;
  (void)read_property(&text, file, name);
  if ((read_property(&mail, file, address) || read_property(&mail, file, other)) &&
      memchr(mail.data, '@', mail.size) != NULL) {
    if (text.size > 0) buffer_put_u8(&text, ' ');
    buffer_put_u8(&text, '<');
    buffer_put(&text, mail.data, mail.size);
    buffer_put_u8(&text, '>');
  }
  if (text.failed || mail.failed) d->failed = true;
  draft_add_field(d, field, text.data, text.failed ? 0 : text.size);
  buffer_free(&text);
  buffer_free(&mail);
}

static int64_t from_filetime(uint64_t ticks) {
  const uint64_t seconds = ticks / 10000000;
  return seconds > 11644473600u ? (int64_t)(seconds - 11644473600u) : 0;
}

/* The properties of fixed size; `header` is how long what stands before them is. */
static uint64_t fixed_property(GsfInfile *file, uint32_t tag, size_t header) {
  buffer raw = BUFFER_INIT;
  uint64_t found = 0;
  if (read_stream(&raw, file, "__properties_version1.0", VALUE_MAX) && raw.size > header) {
    cursor c = cursor_over(raw.data + header, raw.size - header);
    while (cursor_left(&c) >= 16 && found == 0) {
      const uint32_t said = cursor_get_u32(&c);
      (void)cursor_get_u32(&c);
      const uint64_t value = cursor_get_u64(&c);
      if (said == tag) found = value;
    }
  }
  buffer_free(&raw);
  return found;
}

static void add_text(draft *d, GsfInfile *file) {
  buffer raw = BUFFER_INIT;
  if (read_property(&raw, file, 0x1000)) {
    buffer_put(&d->body, raw.data, raw.size);
  } else if (read_stream(&raw, file, "__substg1.0_10130102", DRAFT_BODY_MAX * 4)) {
    if (!html_decode(&d->body, DRAFT_BODY_MAX, NULL, NULL, raw.data, raw.size))
      draft_set_partial(d, CUT);
  } else if (read_property(&raw, file, 0x1013)) {
    if (!html_decode(&d->body, DRAFT_BODY_MAX, NULL, "utf-8", raw.data, raw.size))
      draft_set_partial(d, CUT);
  } else if (read_stream(&raw, file, "__substg1.0_10090102", DRAFT_BODY_MAX * 4)) {
    buffer rtf = BUFFER_INIT;
    if (rtf_unpack(&rtf, raw.data, raw.size))
      (void)rtf_extract(rtf.data, rtf.size, d);
    else
      draft_set_partial(d, "its text is damaged");
    if (rtf.failed) d->failed = true;
    buffer_free(&rtf);
  }
  if (raw.failed) d->failed = true;
  buffer_free(&raw);
}

static void add_attached(draft *d, GsfInfile *attached) {
  buffer name = BUFFER_INIT;
  buffer bytes = BUFFER_INIT;
  d->has_attachment = true;
  if (!read_property(&name, attached, 0x3707)) (void)read_property(&name, attached, 0x3704);
  draft_add_field(d, "filename", name.data, name.failed ? 0 : name.size);
  buffer_put_u8(&name, 0);
  if (d->read_attachment != NULL && !name.failed &&
      read_stream(&bytes, attached, "__substg1.0_37010102", STREAM_MAX))
    d->read_attachment(d, (const char *)name.data, bytes.data, bytes.size);
  if (name.failed || bytes.failed) d->failed = true;
  buffer_free(&name);
  buffer_free(&bytes);
}

static void add_children(draft *d, GsfInfile *file) {
  static const char *const FIELDS[] = { "to", "to", "cc", "bcc" };
  const int count = gsf_infile_num_children(file);
  for (int i = 0; i < count && i < CHILDREN_MAX; i++) {
    const char *name = gsf_infile_name_by_index(file, i);
    if (name == NULL || strncmp(name, "__", 2) != 0) continue;
    const bool person = strncmp(name, "__recip_", 8) == 0;
    if (!person && strncmp(name, "__attach_", 9) != 0) continue;
    GsfInput *child = gsf_infile_child_by_index(file, i);
    if (child == NULL) continue;
    if (GSF_IS_INFILE(child) && person) {
      const uint64_t type = fixed_property(GSF_INFILE(child), 0x0c150003, 8) & 0xffffffff;
      add_person(d, GSF_INFILE(child), FIELDS[type < 4 ? type : 1], 0x3001, 0x39fe, 0x3003);
    } else if (GSF_IS_INFILE(child)) {
      add_attached(d, GSF_INFILE(child));
    }
    g_object_unref(child);
  }
}

static void read_message(draft *d, GsfInfile *file) {
  d->kind = SDX_MESSAGE;
  add_value(d, file, 0x0037, "subject");
  add_person(d, file, "from", 0x0c1a, 0x5d01, 0x0c1f);
  add_children(d, file);
  if (draft_field(d, "to").size == 0) add_value(d, file, 0x0e04, "to");
  add_value(d, file, 0x1035, "message-id");
  add_value(d, file, 0x8203, "note");
  d->sent = from_filetime(fixed_property(file, 0x00390040, 32));
  const int64_t received = from_filetime(fixed_property(file, 0x0e060040, 32));
  if (received > 0 || d->sent > 0) d->date = received > 0 ? received : d->sent;
  add_text(d, file);
}

/* ---------------------------------------------------------------- telling them apart */

static void read_file(draft *d, GsfInfile *file) {
  if (has_stream(file, "EncryptedPackage")) {
    draft_set_partial(d, "it is encrypted");
    return;
  }
  if (has_stream(file, "__properties_version1.0")) {
    read_message(d, file);
    return;
  }
  add_summary(d, file);
  if (has_stream(file, "WordDocument"))
    read_word(d, file);
  else if (has_stream(file, "Workbook"))
    read_with(d, file, "Workbook", sheet_text);
  else if (has_stream(file, "Book"))
    read_with(d, file, "Book", sheet_text);
  else if (has_stream(file, "PowerPoint Document"))
    read_with(d, file, "PowerPoint Document", slides_text);
  else
    draft_set_partial(d, "no text is read of its type");
}

/* Sheets of before compound files begin with the record that begins a sheet. */
static bool is_bare_sheet(const uint8_t *bytes, size_t size) {
  return size > 8 && bytes[0] == 9 &&
         (bytes[1] == 0 || bytes[1] == 2 || bytes[1] == 4 || bytes[1] == 8);
}

bool ole_extract(const void *bytes, size_t size, draft *d) {
  libraries_start();
  if (is_bare_sheet(bytes, size)) {
    sheet_text(d, bytes, size);
    return true;
  }
  if (size > 2 && memcmp(bytes, "\xdb\xa5", 2) == 0) {
    word_text(d, bytes, size, NULL, 0);
    return true;
  }
  GError *error = NULL;
  GsfInput *input = gsf_input_memory_new(bytes, (gsf_off_t)size, FALSE);
  GsfInfile *file = gsf_infile_msole_new(input, &error);
  if (file != NULL)
    read_file(d, file);
  else
    draft_set_partial(d, "it is damaged");
  g_clear_error(&error);
  if (file != NULL) g_object_unref(file);
  g_object_unref(input);
  return true;
}
