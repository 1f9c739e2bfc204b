/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/message.h"

#include <string.h>
#include <strings.h>

#include "indexer/extract/charset.h"
#include "indexer/extract/flowed.h"
#include "indexer/extract/header.h"
#include "indexer/extract/html.h"
#include "indexer/extract/libraries.h"
#include "indexer/extract/message_mask.h"
#include "indexer/extract/part_limit.h"

#define THREAD_MAX 64
#define NESTED_MAX ((size_t)64 << 20)   /* bytes of an encoded message in a message */
#define WIDE_MAX ((size_t)64 << 20)     /* of a message in UTF-16 */
#define DOCUMENT_MAX ((size_t)64 << 20) /* bytes of an attached document */
#define WIDE_SAMPLE 8192
#define SAMPLE_FIELDS 20 /* are read to tell a message */

typedef struct reader {
  draft *d;
  GMimeParserOptions *options;
  unsigned parts;
  const uint8_t
      *bytes; /* what the parser has a view of: parts are told by where they stand in it */
  bool html;  /* text was taken from HTML since this was last cleared */
} reader;

/* A part without parts, as it stands in the message. */
typedef struct leaf {
  GMimeContentType *type;
  const char *disposition; /* "attachment", "inline" or NULL */
  const char *filename;
  GMimeContentEncoding encoding;
  const uint8_t *bytes;
  size_t size;
  bool embedded; /* shown within other parts: an image of an HTML page */
  bool message;  /* a message within the message */
} leaf;

static void read_message(reader *r, const void *bytes, size_t size, unsigned depth);
static void read_object(reader *r, GMimeObject *object, GMimeObject *parent, unsigned depth);
static bool read_structure_apart(reader *r, const char *type, const char *body, size_t size,
                                 unsigned depth);

/* ---------------------------------------------------------------- text of parts */

static bool is_encoded(GMimeContentEncoding encoding) {
  return encoding == GMIME_CONTENT_ENCODING_BASE64 ||
         encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
}

/* Some mailers announce base64 and send text: a tenth of it is then blanks and points. */
static bool is_false_base64(const leaf *part) {
  const size_t sample = part->size < 1024 ? part->size : 1024;
  size_t others = 0;
  if (part->encoding != GMIME_CONTENT_ENCODING_BASE64) return false;
  for (size_t i = 0; i < sample; i++) {
    const char c = (char)part->bytes[i];
    others += !g_ascii_isalnum(c) && c != '+' && c != '/' && c != '=' && c != '\r' && c != '\n';
  }
  return others * 10 > sample;
}

/* Undoes the transfer encoding, of which at least `limit` bytes of result are wanted. */
static void decode_transfer(buffer *out, const leaf *part, size_t limit) {
  GMimeEncoding decoder;
  g_mime_encoding_init_decode(&decoder, part->encoding);
  size_t at = 0;
  while (at < part->size && out->size < limit) {
    const size_t step = part->size - at < 65536 ? part->size - at : 65536;
    if (!buffer_reserve(out, g_mime_encoding_outlen(&decoder, step))) return;
    out->size += g_mime_encoding_step(&decoder, (const char *)part->bytes + at, step,
                                      (char *)out->data + out->size);
    at += step;
  }
  if (at < part->size) return;
  if (!buffer_reserve(out, g_mime_encoding_outlen(&decoder, 0) + 8)) return;
  out->size += g_mime_encoding_flush(&decoder, NULL, 0, (char *)out->data + out->size);
}

/* Takes the carriage returns of line ends out of out->data[start..]. */
static void drop_returns(buffer *out, size_t start) {
  if (out->failed || out->size == start ||
      memchr(out->data + start, '\r', out->size - start) == NULL)
    return;
  size_t to = start;
  for (size_t i = start; i < out->size; i++)
    if (out->data[i] != '\r' || i + 1 >= out->size || out->data[i + 1] != '\n')
      out->data[to++] = out->data[i];
  buffer_cut(out, to);
}

static bool has_parameter(GMimeContentType *type, const char *name, const char *value) {
  const char *said = g_mime_content_type_get_parameter(type, name);
  return said != NULL && g_ascii_strcasecmp(said, value) == 0;
}

static bool is_html(const leaf *part) {
  return g_mime_content_type_is_type(part->type, "text", "html") ||
         g_mime_content_type_is_type(part->type, "text", "enriched") ||
         g_mime_content_type_is_type(part->type, "text", "richtext") ||
         g_mime_content_type_is_type(part->type, "application", "xhtml+xml");
}

static bool put_plain(buffer *out, size_t limit, const leaf *part, const void *bytes, size_t size) {
  const char *charset = g_mime_content_type_get_parameter(part->type, "charset");
  const size_t start = out->size;
  if (!has_parameter(part->type, "format", "flowed")) {
    const bool whole = charset_decode(out, limit, charset, bytes, size);
    drop_returns(out, start);
    return whole;
  }
  buffer text = BUFFER_INIT;
  const bool whole = charset_decode(&text, limit, charset, bytes, size);
  if (text.failed)
    out->failed = true;
  else
    flowed_join(out, (const char *)text.data, text.size, has_parameter(part->type, "delsp", "yes"));
  buffer_free(&text);
  return whole;
}

/* Appends a part's text to *out, at most `limit` bytes; false where some was left out. */
static bool put_text(reader *r, buffer *out, size_t limit, const leaf *part) {
  buffer decoded = BUFFER_INIT;
  const void *bytes = part->bytes;
  size_t size = part->size;
  bool whole = true;
  if (is_encoded(part->encoding) && !is_false_base64(part)) {
    decode_transfer(&decoded, part, limit > SIZE_MAX / 4 ? SIZE_MAX : limit * 4);
    if (decoded.failed) {
      out->failed = true;
      goto out;
    }
    bytes = decoded.data;
    size = decoded.size;
  }
  if (size == 0) goto out;
  if (is_html(part)) {
    const char *charset = g_mime_content_type_get_parameter(part->type, "charset");
    whole = html_decode(out, limit, NULL, charset, bytes, size);
    r->html = true;
  } else {
    whole = put_plain(out, limit, part, bytes, size);
  }
out:
  buffer_free(&decoded);
  return whole;
}

static void end_line(buffer *out) {
  if (out->size > 0 && !out->failed && out->data[out->size - 1] != '\n') buffer_put_u8(out, '\n');
}

static void put_body(reader *r, const leaf *part) {
  draft *d = r->d;
  end_line(&d->body);
  const size_t room = d->body.size < DRAFT_BODY_MAX ? DRAFT_BODY_MAX - d->body.size : 0;
  if (!put_text(r, &d->body, room, part))
    draft_set_partial(d, "more text than is read of one item");
}

static void put_attachment(reader *r, const leaf *part) {
  draft *d = r->d;
  const bool html = r->html;
  buffer text = BUFFER_INIT;
  const size_t room =
      d->attachment_size < DRAFT_ATTACHMENT_MAX ? DRAFT_ATTACHMENT_MAX - d->attachment_size : 0;
  if (!put_text(r, &text, room, part))
    draft_set_partial(d, "more text in attachments than is read of one item");
  if (text.failed) d->failed = true;
  d->attachment_size += text.size;
  draft_add_attachment(d, part->filename, text.data, text.failed ? 0 : text.size);
  buffer_free(&text);
  r->html = html;
}

/* ---------------------------------------------------------------- parts */

static bool ends_with(const char *name, const char *const *endings) {
  const size_t size = name != NULL ? strlen(name) : 0;
  for (; *endings != NULL; endings++) {
    const size_t length = strlen(*endings);
    if (size > length && strcasecmp(name + size - length, *endings) == 0) return true;
  }
  return false;
}

/* A part that is text whatever its type says, by its name. */
static bool is_text_by_name(const leaf *part) {
  static const char *const ENDINGS[] = { ".txt", ".text", ".md",    ".csv", ".log",
                                         ".asc", ".diff", ".patch", NULL };
  return g_mime_content_type_is_type(part->type, "application", "octet-stream") &&
         ends_with(part->filename, ENDINGS);
}

static bool is_text(const leaf *part) {
  static const char *const SUBTYPES[] = { "delivery-status", "disposition-notification",
                                          "feedback-report", "tracking-status", NULL };
  if (g_mime_content_type_is_type(part->type, "text", "*") ||
      g_mime_content_type_is_type(part->type, "application", "xhtml+xml"))
    return true;
  for (const char *const *s = SUBTYPES; *s != NULL; s++)
    if (g_mime_content_type_is_type(part->type, "message", *s)) return true;
  return false;
}

static bool is_seal(const leaf *part) {
  return g_mime_content_type_is_type(part->type, "application", "pgp-signature") ||
         g_mime_content_type_is_type(part->type, "application", "pgp-encrypted") ||
         g_mime_content_type_is_type(part->type, "application", "pkcs7-signature") ||
         g_mime_content_type_is_type(part->type, "application", "x-pkcs7-signature");
}

static void read_nested(reader *r, const leaf *part, unsigned depth) {
  buffer decoded = BUFFER_INIT;
  const void *bytes = part->bytes;
  size_t size = part->size;
  if (is_encoded(part->encoding)) {
    decode_transfer(&decoded, part, NESTED_MAX);
    if (decoded.failed) r->d->failed = true;
    bytes = decoded.data;
    size = decoded.failed ? 0 : decoded.size;
  }
  read_message(r, bytes, size, depth + 1);
  buffer_free(&decoded);
}

/* A file that is no text by its type: whoever reads documents sees what is in it. */
static void put_document(reader *r, const leaf *part) {
  draft *d = r->d;
  buffer decoded = BUFFER_INIT;
  const void *bytes = part->bytes;
  size_t size = part->size;
  if (is_encoded(part->encoding)) {
    decode_transfer(&decoded, part, DOCUMENT_MAX);
    if (decoded.failed) d->failed = true;
    bytes = decoded.data;
    size = decoded.failed ? 0 : decoded.size;
  }
  if (size > 0) d->read_attachment(d, part->filename != NULL ? part->filename : "", bytes, size);
  buffer_free(&decoded);
}

/* Types that hold text which only their own reader finds. */
static bool is_document(const leaf *part) {
  return !g_mime_content_type_is_type(part->type, "image", "*") &&
         !g_mime_content_type_is_type(part->type, "audio", "*") &&
         !g_mime_content_type_is_type(part->type, "video", "*") && !is_seal(part);
}

static bool is_card_or_calendar(const leaf *part) {
  return g_mime_content_type_is_type(part->type, "text", "calendar") ||
         g_mime_content_type_is_type(part->type, "text", "vcard") ||
         g_mime_content_type_is_type(part->type, "text", "x-vcard") ||
         g_mime_content_type_is_type(part->type, "text", "directory") ||
         g_mime_content_type_is_type(part->type, "text", "rtf");
}

static void read_leaf(reader *r, const leaf *part, unsigned depth) {
  draft *d = r->d;
  const bool attached =
      part->disposition != NULL && g_ascii_strcasecmp(part->disposition, "attachment") == 0;
  const bool named = part->filename != NULL && part->filename[0] != '\0';
  if (named) {
    buffer name = BUFFER_INIT;
    (void)charset_decode(&name, DRAFT_NAME_MAX, NULL, part->filename, strlen(part->filename));
    if (name.failed) d->failed = true;
    draft_add_field(d, "filename", name.data, name.size);
    buffer_free(&name);
  }
  if (part->message) {
    d->has_attachment = true;
    read_nested(r, part, depth);
    return;
  }
  const bool text = is_text(part);
  if (!is_seal(part) && (attached || (named && !part->embedded) || (!text && !part->embedded)))
    d->has_attachment = true;
  if (d->read_attachment != NULL && is_card_or_calendar(part))
    put_document(r, part);
  else if (text && !attached && (!named || d->body.size == 0) &&
           !g_mime_content_type_is_type(part->type, "text", "calendar"))
    put_body(r, part);
  else if (text || is_text_by_name(part))
    put_attachment(r, part);
  else if (d->read_attachment != NULL && is_document(part))
    put_document(r, part);
}

static bool is_of(GMimeObject *object, const char *type, const char *subtype) {
  return object != NULL &&
         g_mime_content_type_is_type(g_mime_object_get_content_type(object), type, subtype);
}

/* The type of a part that is a message, which the parser was not shown; NULL for all others. */
static GMimeContentType *message_type(reader *r, GMimeObject *part, GMimeObject *parent) {
  const char *masked = g_mime_object_get_header(part, MESSAGE_MASK_TYPE);
  if (masked == NULL) {
    const bool typed = g_mime_object_get_header(part, "Content-Type") != NULL;
    return typed || !is_of(parent, "multipart", "xigest")
               ? NULL
               : g_mime_content_type_new("message", "rfc822");
  }
  GMimeContentType *type = g_mime_content_type_parse(r->options, masked);
  if (type != NULL && message_mask_is_message(type)) return type;
  if (type != NULL) g_object_unref(type);
  return NULL;
}

static void read_part(reader *r, GMimePart *part, GMimeObject *parent, unsigned depth) {
  GMimeDataWrapper *content = g_mime_part_get_content(part);
  GMimeStream *stream = content != NULL ? g_mime_data_wrapper_get_stream(content) : NULL;
  if (stream == NULL || !GMIME_IS_STREAM_MEM(stream)) return;
  const gint64 size = GMIME_STREAM_MEM(stream)->buffer->len;
  const gint64 start = stream->bound_start;
  const gint64 end = stream->bound_end < 0 || stream->bound_end > size ? size : stream->bound_end;
  GMimeObject *object = GMIME_OBJECT(part);
  GMimeContentType *message = message_type(r, object, parent);
  leaf l = { .type = message != NULL ? message : g_mime_object_get_content_type(object),
             .disposition = g_mime_object_get_disposition(object),
             .filename = g_mime_part_get_filename(part),
             .encoding = g_mime_part_get_content_encoding(part),
             .bytes = r->bytes + start,
             .size = end > start ? (size_t)(end - start) : 0,
             .embedded = is_of(object, "image", "*") && (is_of(parent, "multipart", "related") ||
                                                         g_mime_part_get_content_id(part) != NULL),
             .message = message != NULL };
  if (l.filename == NULL && message != NULL)
    l.filename = g_mime_content_type_get_parameter(message, "name");
  read_leaf(r, &l, depth);
  if (message != NULL) g_object_unref(message);
}

/* What a message within a message shows above its text. */
static void put_nested_header(reader *r, const header_field *field) {
  static const char *const PEOPLE[] = { "From", "To", "Cc", NULL };
  buffer *body = &r->d->body;
  if (body->size >= DRAFT_BODY_MAX) return;
  end_line(body);
  if (header_is(field, "Subject")) header_put_text(body, r->options, field->value);
  for (const char *const *name = PEOPLE; *name != NULL; name++)
    if (header_is(field, *name)) header_put_addresses(body, r->options, field->value);
  end_line(body);
}

/* ---------------------------------------------------------------- multiparts */

static size_t letters(const buffer *text, size_t from, size_t to) {
  size_t count = 0;
  for (size_t i = from; i < to; i++)
    count += text->data[i] >= 0x80 || g_ascii_isalnum(text->data[i]);
  return count;
}

/* Of the texts of alternatives, each appended to the body, leaves the one that says it best. */
static void read_alternative(reader *r, GMimeMultipart *multipart, unsigned depth) {
  buffer *body = &r->d->body;
  const bool html_before = r->html;
  const size_t start = body->size;
  struct {
    size_t from, to, letters;
    bool html;
  } plain = { 0 }, html = { 0 };
  const int count = g_mime_multipart_get_count(multipart);
  for (int i = 0; i < count; i++) {
    const size_t from = body->size;
    r->html = false;
    read_object(r, g_mime_multipart_get_part(multipart, i), GMIME_OBJECT(multipart), depth + 1);
    if (body->failed) return;
    const size_t said = letters(body, from, body->size);
    if (said == 0) continue;
    if (r->html)
      html.from = from, html.to = body->size, html.letters = said;
    else if (plain.letters == 0)
      plain.from = from, plain.to = body->size, plain.letters = said;
  }
  const bool take_html = html.letters > plain.letters * 2;
  const size_t from = take_html ? html.from : plain.from;
  const size_t size = take_html ? html.to - html.from : plain.to - plain.from;
  if (size > 0) memmove(body->data + start, body->data + from, size);
  buffer_cut(body, start + size);
  r->html = html_before || take_html;
}

/* The boundary that a multipart uses, whatever it announced: the first line of two dashes that has
 * a field of a part below it. */
static bool find_boundary(buffer *type, const char *text, size_t size) {
  const char *end = text + size;
  for (const char *line = text; line < end; line = header_line_next(line, end)) {
    const char *next = header_line_next(line, end);
    if (end - line < 4 || line[0] != '-' || line[1] != '-') continue;
    if (end - next < 9 || strncasecmp(next, "Content-", 8) != 0) continue;
    size_t length = (size_t)(next - line) - 2;
    while (length > 0 && strchr("\r\n \t", line[1 + length]) != NULL) length--;
    if (length == 0 || length > 200 || memchr(line + 2, '"', length) != NULL) continue;
    static const char BEFORE[] = "multipart/mixed; boundary=\"";
    buffer_put(type, BEFORE, sizeof BEFORE - 1);
    buffer_put(type, line + 2, length);
    buffer_put(type, "\"", 2);
    return !type->failed;
  }
  return false;
}

/* A multipart whose boundary never comes has all of its text before the first part. */
static void read_prologue(reader *r, GMimeMultipart *multipart, unsigned depth) {
  const char *text = g_mime_multipart_get_prologue(multipart);
  if (text == NULL || text[0] == '\0') return;
  buffer found = BUFFER_INIT;
  const bool read =
      find_boundary(&found, text, strlen(text)) &&
      read_structure_apart(r, (const char *)found.data, text, strlen(text), depth + 1);
  buffer_free(&found);
  if (read) return;
  draft_set_partial(r->d, "a multipart without parts was read as plain text");
  GMimeContentType *type = g_mime_content_type_new("text", "plain");
  const leaf l = { .type = type, .bytes = (const uint8_t *)text, .size = strlen(text) };
  read_leaf(r, &l, 0);
  g_object_unref(type);
}

static void read_multipart(reader *r, GMimeMultipart *multipart, unsigned depth) {
  const int count = g_mime_multipart_get_count(multipart);
  if (count == 0) {
    read_prologue(r, multipart, depth);
    return;
  }
  GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(multipart));
  if (count > 1 && g_mime_content_type_is_type(type, "multipart", "alternative")) {
    read_alternative(r, multipart, depth);
    return;
  }
  for (int i = 0; i < count; i++)
    read_object(r, g_mime_multipart_get_part(multipart, i), GMIME_OBJECT(multipart), depth + 1);
}

static void read_object(reader *r, GMimeObject *object, GMimeObject *parent, unsigned depth) {
  if (object == NULL) return;
  if (depth > MESSAGE_DEPTH_MAX) {
    draft_set_partial(r->d, "parts nested deeper than is read");
    return;
  }
  if (++r->parts > MESSAGE_PARTS_MAX) {
    draft_set_partial(r->d, "more parts than are read");
    return;
  }
  if (GMIME_IS_MULTIPART(object))
    read_multipart(r, GMIME_MULTIPART(object), depth);
  else if (GMIME_IS_PART(object))
    read_part(r, GMIME_PART(object), parent, depth);
}

/* ---------------------------------------------------------------- messages */

/* The fields of a header that say how the body is to be read. */
typedef struct mime_fields {
  sdx_bytes type;
  sdx_bytes disposition;
  sdx_bytes encoding;
} mime_fields;

/* What of the header becomes the item. */
typedef struct envelope {
  int64_t received;
  int64_t sent;
  sdx_bytes id;
  sdx_bytes references;
  sdx_bytes in_reply_to;
} envelope;

static void put_mime(mime_fields *m, const header_field *field) {
  if (field->name.size < 12 || strncasecmp(field->name.data, "Content-", 8) != 0) return;
  if (header_is(field, "Content-Type") && m->type.size == 0) m->type = field->value;
  if (header_is(field, "Content-Disposition")) m->disposition = field->value;
  if (header_is(field, "Content-Transfer-Encoding")) m->encoding = field->value;
}

enum field_role { ROLE_TEXT, ROLE_PEOPLE, ROLE_OTHER };

static enum field_role role_of(const header_field *field, const char **name) {
  static const struct {
    const char *header;
    const char *field;
    enum field_role role;
  } ROLES[] = {
    { "Subject", "subject", ROLE_TEXT },  { "From", "from", ROLE_PEOPLE },
    { "To", "to", ROLE_PEOPLE },          { "Cc", "cc", ROLE_PEOPLE },
    { "Bcc", "bcc", ROLE_PEOPLE },        { "List-Id", "list", ROLE_TEXT },
    { "Newsgroups", "list", ROLE_TEXT },  { "Keywords", "keywords", ROLE_TEXT },
    { "Organization", "org", ROLE_TEXT },
  };
  for (size_t i = 0; i < G_N_ELEMENTS(ROLES); i++)
    if (header_is(field, ROLES[i].header)) {
      *name = ROLES[i].field;
      return ROLES[i].role;
    }
  return ROLE_OTHER;
}

static void put_field(reader *r, envelope *e, const header_field *field) {
  const char *name = NULL;
  const enum field_role role = role_of(field, &name);
  if (role != ROLE_OTHER) {
    buffer text = BUFFER_INIT;
    if (role == ROLE_TEXT)
      header_put_text(&text, r->options, field->value);
    else
      header_put_addresses(&text, r->options, field->value);
    if (text.failed) r->d->failed = true;
    draft_add_field(r->d, name, text.data, text.size);
    buffer_free(&text);
  } else if (header_is(field, "Date")) {
    if (e->sent == 0) e->sent = header_date(field->value);
  } else if (header_is(field, "Received")) {
    if (e->received == 0) e->received = header_received_date(field->value);
  } else if (header_is(field, "Message-ID")) {
    if (e->id.size == 0) e->id = field->value;
  } else if (header_is(field, "References")) {
    e->references = field->value;
  } else if (header_is(field, "In-Reply-To")) {
    e->in_reply_to = field->value;
  }
}

static void set_thread(draft *d, const buffer *id) {
  if (id->size <= THREAD_MAX) {
    draft_set_thread(d, id->data, id->size);
    return;
  }
  char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, id->data, id->size);
  draft_set_thread(d, digest, strlen(digest));
  g_free(digest);
}

/* The same file gives the same date whenever it is read, so a date that cannot be is held to the
 * file's own, not to the clock. */
static int64_t clamp(const draft *d, int64_t date) {
  if (d->now == 0 || date <= d->now + SDX_DAY) return date;
  return (d->stamp > 0 && d->stamp <= d->now ? d->stamp : d->now) + SDX_DAY;
}

static void put_envelope(draft *d, const envelope *e) {
  buffer id = BUFFER_INIT;
  if (header_put_id(&id, e->id)) draft_add_field(d, "message-id", id.data, id.size);
  buffer root = BUFFER_INIT;
  if (!header_put_id(&root, e->references) && !header_put_id(&root, e->in_reply_to))
    buffer_put(&root, id.data, id.size);
  if (id.failed || root.failed)
    d->failed = true;
  else if (root.size > 0)
    set_thread(d, &root);
  buffer_free(&id);
  buffer_free(&root);
  d->sent = clamp(d, e->sent);
  d->date = clamp(d, e->received != 0 ? e->received : e->sent != 0 ? e->sent : d->fallback);
}

/* Parses `view`, a copy of `bytes` or they themselves; false where GMime finds no multipart. */
static bool read_parsed(reader *r, const void *view, const void *bytes, guint size,
                        unsigned depth) {
  GByteArray array = { .data = (guint8 *)(uintptr_t)view, .len = size };
  GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(&array);
  g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
  GMimeParser *parser = g_mime_parser_new_with_stream(stream);
  GMimeObject *object = g_mime_parser_construct_part(parser, r->options);
  const bool found = object != NULL && GMIME_IS_MULTIPART(object);
  const uint8_t *outer = r->bytes;
  r->bytes = bytes;
  if (found) read_object(r, object, NULL, depth);
  r->bytes = outer;
  if (object != NULL) g_object_unref(object);
  g_object_unref(parser);
  g_object_unref(stream);
  return found;
}

/* Reads the parts of `bytes`, which begin with the header that says multipart. */
static bool read_structure(reader *r, const void *bytes, size_t size, unsigned depth) {
  const size_t kept = part_limit(bytes, size, MESSAGE_PARTS_MAX);
  if (kept < size) draft_set_partial(r->d, "more parts than are read");
  if (kept > UINT32_MAX) return false;
  buffer masked = BUFFER_INIT;
  message_mask(&masked, r->options, bytes, kept);
  if (masked.failed) r->d->failed = true;
  const void *view = masked.size > 0 ? masked.data : bytes;
  const bool found = !masked.failed && read_parsed(r, view, bytes, (guint)kept, depth);
  buffer_free(&masked);
  return found;
}

/* The same behind a header of one field, for messages whose own header would confuse the parser. */
static bool read_structure_apart(reader *r, const char *type, const char *body, size_t size,
                                 unsigned depth) {
  buffer copy = BUFFER_INIT;
  buffer_put(&copy, "Content-Type: ", 14);
  buffer_put(&copy, type, strlen(type));
  buffer_put(&copy, "\n\n", 2);
  buffer_put(&copy, body, size);
  const bool found = !copy.failed && read_structure(r, copy.data, copy.size, depth);
  if (copy.failed) r->d->failed = true;
  buffer_free(&copy);
  return found;
}

static char *value_text(sdx_bytes value) {
  buffer text = BUFFER_INIT;
  for (size_t i = 0; i < value.size; i++)
    if (value.data[i] != '\r' && value.data[i] != '\n')
      buffer_put_u8(&text, value.data[i] == '\0' ? ' ' : (uint8_t)value.data[i]);
  buffer_put_u8(&text, 0);
  char *copy = g_strdup(text.failed ? "" : (const char *)text.data);
  buffer_free(&text);
  return g_strstrip(copy);
}

/* A type that says nothing of use: what comes is most likely plain text. */
static bool is_untyped(const char *said, GMimeContentType *type) {
  return strchr(said, '/') == NULL || g_mime_content_type_get_media_subtype(type) == NULL;
}

static void read_body(reader *r, const header_reader *header, const mime_fields *mime,
                      unsigned depth) {
  char *said = value_text(mime->type);
  char *disposition_said = value_text(mime->disposition);
  char *encoding_said = value_text(mime->encoding);
  GMimeContentType *type = said[0] != '\0' ? g_mime_content_type_parse(r->options, said) : NULL;
  GMimeContentDisposition *disposition =
      disposition_said[0] != '\0' ? g_mime_content_disposition_parse(r->options, disposition_said)
                                  : NULL;
  if (type == NULL || is_untyped(said, type)) {
    if (type != NULL) g_object_unref(type);
    type = g_mime_content_type_new("text", "plain");
  }
  const size_t size = (size_t)(header->end - header->at);
  leaf l = { .type = type,
             .encoding = g_mime_content_encoding_from_string(encoding_said),
             .bytes = (const uint8_t *)header->at,
             .size = size };
  l.message = message_mask_is_message(type);
  if (g_mime_content_type_is_type(type, "multipart", "*")) {
    const bool regular = !header->irregular && !header->cut;
    if (regular && read_structure(r, header->start, (size_t)(header->end - header->start), depth))
      goto out;
    if (read_structure_apart(r, said, header->at, size, depth)) goto out;
    g_object_unref(type);
    l.type = type = g_mime_content_type_new("text", "plain");
  }
  if (disposition != NULL) {
    l.disposition = g_mime_content_disposition_get_disposition(disposition);
    l.filename = g_mime_content_disposition_get_parameter(disposition, "filename");
  }
  if (l.filename == NULL) l.filename = g_mime_content_type_get_parameter(type, "name");
  read_leaf(r, &l, depth);
out:
  if (disposition != NULL) g_object_unref(disposition);
  g_object_unref(type);
  g_free(said);
  g_free(disposition_said);
  g_free(encoding_said);
}

static void read_message(reader *r, const void *bytes, size_t size, unsigned depth) {
  if (depth > MESSAGE_DEPTH_MAX) {
    draft_set_partial(r->d, "parts nested deeper than is read");
    return;
  }
  header_reader header;
  header_field field;
  envelope e = { 0 };
  mime_fields mime = { 0 };
  header_open(&header, bytes, size);
  while (header_next(&header, &field)) {
    put_mime(&mime, &field);
    if (depth == 0)
      put_field(r, &e, &field);
    else
      put_nested_header(r, &field);
  }
  if (header.cut) draft_set_partial(r->d, "the header is longer than is read");
  if (depth == 0) put_envelope(r->d, &e);
  read_body(r, &header, &mime, depth);
}

bool message_extract(const void *bytes, size_t size, draft *d) {
  libraries_start();
  d->kind = SDX_MESSAGE;
  d->size = size;
  if (size == 0) return draft_refuse(d, "it is empty");
  buffer narrow = BUFFER_INIT;
  const char *wide = charset_wide(bytes, size);
  if (wide != NULL) {
    if (!charset_decode(&narrow, WIDE_MAX, wide, bytes, size))
      draft_set_partial(d, "only its beginning was read, since it is in UTF-16");
    if (narrow.failed) d->failed = true;
    bytes = narrow.data;
    size = narrow.failed ? 0 : narrow.size;
  }
  reader r = { .d = d, .options = header_options() };
  if (size > 0) read_message(&r, bytes, size, 0);
  g_mime_parser_options_free(r.options);
  buffer_free(&narrow);
  return true;
}

void message_put_addresses(buffer *out, const void *value, size_t size, bool parsed) {
  libraries_start();
  GMimeParserOptions *options = header_options();
  (parsed ? header_put_addresses_parsed
          : header_put_addresses)(out, options, (sdx_bytes){ .data = value, .size = size });
  g_mime_parser_options_free(options);
}

/* ---------------------------------------------------------------- telling messages */

static bool is_known(const header_field *field) {
  static const char *const NAMES[] = {
    "From",         "To",         "Cc",           "Bcc",          "Subject",  "Date", "Received",
    "Return-Path",  "Message-ID", "MIME-Version", "Sender",       "Reply-To", "Path", "Newsgroups",
    "Delivered-To", "References", "In-Reply-To",  "Content-Type", "Xref",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++)
    if (header_is(field, NAMES[i])) return true;
  return false;
}

bool message_begins(const void *bytes, size_t size, bool strict) {
  const char *wide = charset_wide(bytes, size);
  if (wide != NULL) {
    buffer narrow = BUFFER_INIT;
    (void)charset_decode(&narrow, WIDE_SAMPLE, wide, bytes, size);
    const bool begins = !narrow.failed && narrow.size > 0 &&
                        charset_wide(narrow.data, narrow.size) == NULL &&
                        message_begins(narrow.data, narrow.size, strict);
    buffer_free(&narrow);
    return begins;
  }
  header_reader header;
  header_field field;
  header_open(&header, bytes, size);
  unsigned fields = 0;
  unsigned known = 0;
  while (fields < SAMPLE_FIELDS && header_next(&header, &field)) {
    fields++;
    known += is_known(&field);
  }
  if (fields == 0 || !charset_is_text(bytes, (size_t)(header.at - (const char *)bytes)))
    return false;
  return !strict || known >= 2;
}
