/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/xml.h"

#include <libxml/parser.h>
#include <limits.h>
#include <string.h>

#include "indexer/extract/charset.h"
#include "indexer/extract/iso_date.h"
#include "indexer/extract/libraries.h"

#define DEPTH_MAX 256
#define VALUE_MAX 4096

typedef struct reading {
  xmlParserCtxtPtr parser;
  const xml_rules *rules;
  buffer *out;
  size_t stop_at;
  bool full;
  bool broken; /* not well-formed: the parser passed over something */
  unsigned depth;
  unsigned skipped; /* the depth at which skipping began, or 0 */
  unsigned within;
  bool keep[DEPTH_MAX + 1];
  bool shared;
  draft *d; /* of metadata */
  buffer value;
  bool modified;
} reading;

static bool is_one_of(const xmlChar *name, const char *const *list) {
  for (; list != NULL && *list != NULL; list++)
    if (strcmp((const char *)name, *list) == 0) return true;
  return false;
}

static void start_element(void *context, const xmlChar *name, const xmlChar *prefix,
                          const xmlChar *uri, int namespaces, const xmlChar **namespace_list,
                          int attributes, int defaulted, const xmlChar **list) {
  (void)prefix, (void)uri, (void)namespaces, (void)namespace_list, (void)defaulted;
  reading *r = context;
  const xml_rules *rules = r->rules;
  if (++r->depth > DEPTH_MAX) return;
  if (r->skipped == 0 && is_one_of(name, rules->skip)) r->skipped = r->depth;
  if (rules->within != NULL && r->within == 0 && strcmp((const char *)name, rules->within) == 0)
    r->within = r->depth;
  r->keep[r->depth] = rules->text == NULL || is_one_of(name, rules->text);
  if (!rules->cells) return;
  if (name[0] == 'c' && name[1] == '\0') {
    r->shared = false;
    for (int i = 0; i < attributes; i++)
      if (strcmp((const char *)list[5 * i], "t") == 0)
        r->shared = list[5 * i + 4] - list[5 * i + 3] == 1 && list[5 * i + 3][0] == 's';
  }
  if (name[0] == 'v' && name[1] == '\0' && r->shared) r->keep[r->depth] = false;
}

static void end_element(void *context, const xmlChar *name, const xmlChar *prefix,
                        const xmlChar *uri) {
  (void)prefix, (void)uri;
  reading *r = context;
  const bool hidden = r->skipped != 0 || (r->rules->within != NULL && r->within == 0);
  if (r->skipped == r->depth) r->skipped = 0;
  if (r->within == r->depth) r->within = 0;
  r->depth--;
  if (hidden || r->out->size == 0 || r->out->failed) return;
  const uint8_t last = r->out->data[r->out->size - 1];
  if (r->rules->lines == NULL || is_one_of(name, r->rules->lines)) {
    if (last != '\n') buffer_put_u8(r->out, '\n');
  } else if (is_one_of(name, r->rules->gaps) && last != ' ' && last != '\n') {
    buffer_put_u8(r->out, ' ');
  }
}

static void characters(void *context, const xmlChar *text, int size) {
  reading *r = context;
  if (size <= 0 || r->full || r->skipped != 0 || r->depth == 0 || r->depth > DEPTH_MAX) return;
  if ((r->rules->within != NULL && r->within == 0) || !r->keep[r->depth]) return;
  size_t length = (size_t)size;
  if (r->out->size + length > r->stop_at) {
    const size_t room = r->stop_at > r->out->size ? r->stop_at - r->out->size : 0;
    length = charset_whole(text, room);
    r->full = true;
    xmlStopParser(r->parser);
  }
  buffer_put(r->out, text, length);
}

static void quiet(void *context, const char *message, ...) {
  (void)context, (void)message;
}

static void parse(reading *r, xmlSAXHandler *handler, const void *bytes, size_t size) {
  libraries_start();
  handler->initialized = XML_SAX2_MAGIC;
  handler->error = handler->warning = quiet;
  r->broken = size > INT_MAX / 2;
  if (r->broken) return;
  r->parser = xmlCreatePushParserCtxt(handler, r, NULL, 0, NULL);
  if (r->parser == NULL) {
    r->out->failed = true;
    return;
  }
  xmlCtxtUseOptions(r->parser, XML_PARSE_NONET | XML_PARSE_RECOVER | XML_PARSE_NOERROR |
                                   XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
  const size_t step = 65536;
  for (size_t at = 0; at < size && !r->full; at += step)
    if (xmlParseChunk(r->parser, (const char *)bytes + at,
                      (int)(size - at < step ? size - at : step), 0) == XML_ERR_NO_MEMORY)
      break;
  (void)xmlParseChunk(r->parser, "", 0, 1);
  r->broken = r->parser->wellFormed == 0;
  if (r->parser->myDoc != NULL) xmlFreeDoc(r->parser->myDoc);
  xmlFreeParserCtxt(r->parser);
}

const char *xml_text(buffer *out, size_t limit, const xml_rules *rules, const void *bytes,
                     size_t size) {
  reading r = { .rules = rules, .out = out };
  xmlSAXHandler handler = { .startElementNs = start_element,
                            .endElementNs = end_element,
                            .characters = characters,
                            .cdataBlock = characters };
  r.stop_at = limit > SIZE_MAX - out->size ? SIZE_MAX : out->size + limit;
  parse(&r, &handler, bytes, size);
  if (r.full) return "more text than is read of one item";
  return r.broken ? "its XML is broken in places" : NULL;
}

/* ---------------------------------------------------------------- metadata */

static const struct {
  const char *element;
  const char *field;
} SAID[] = {
  { "title", "title" },           { "book-title", "title" },
  { "creator", "author" },        { "initial-creator", "author" },
  { "lastModifiedBy", "author" }, { "author", "author" },
  { "subject", "keywords" },      { "keywords", "keywords" },
  { "keyword", "keywords" },      { "description", "note" },
};

static void start_value(void *context, const xmlChar *name, const xmlChar *prefix,
                        const xmlChar *uri, int namespaces, const xmlChar **namespace_list,
                        int attributes, int defaulted, const xmlChar **list) {
  (void)prefix, (void)uri, (void)namespaces, (void)namespace_list, (void)defaulted;
  (void)attributes, (void)list;
  reading *r = context;
  r->depth++;
  if (strcmp((const char *)name, "body") == 0)
    r->full = true; /* of FictionBook: text from here on */
  if (!is_one_of(name, (const char *const[]){ "first-name", "middle-name", "last-name", NULL }))
    buffer_reset(&r->value);
  else if (r->value.size > 0)
    buffer_put_u8(&r->value, ' ');
}

static void value_characters(void *context, const xmlChar *text, int size) {
  reading *r = context;
  if (size > 0 && r->value.size + (size_t)size <= VALUE_MAX)
    buffer_put(&r->value, text, (size_t)size);
}

static void trim(buffer *b) {
  while (b->size > 0 && strchr(" \t\r\n", (char)b->data[b->size - 1]) != NULL) b->size--;
}

static void end_value(void *context, const xmlChar *name, const xmlChar *prefix,
                      const xmlChar *uri) {
  (void)prefix, (void)uri;
  reading *r = context;
  r->depth--;
  trim(&r->value);
  if (r->full || r->value.failed || r->value.size == 0) return;
  const char *text = (const char *)r->value.data;
  for (size_t i = 0; i < sizeof SAID / sizeof SAID[0]; i++)
    if (strcmp((const char *)name, SAID[i].element) == 0)
      draft_add_field(r->d, SAID[i].field, text, r->value.size);
  const bool modified = is_one_of(name, (const char *const[]){ "modified", "date", NULL });
  if (modified || (!r->modified &&
                   is_one_of(name, (const char *const[]){ "created", "creation-date", NULL }))) {
    const int64_t at = iso_date_parse(text, r->value.size);
    if (at > 0) r->d->date = at;
    r->modified |= modified && at > 0;
  }
  if (!is_one_of(name, (const char *const[]){ "first-name", "middle-name", "last-name", NULL }))
    buffer_reset(&r->value);
}

void xml_metadata(draft *d, const void *bytes, size_t size) {
  static const xml_rules NONE = { 0 };
  buffer unused = BUFFER_INIT;
  reading r = { .rules = &NONE, .out = &unused, .d = d };
  xmlSAXHandler handler = { .startElementNs = start_value,
                            .endElementNs = end_value,
                            .characters = value_characters,
                            .cdataBlock = value_characters };
  parse(&r, &handler, bytes, size);
  if (r.value.failed) d->failed = true;
  buffer_free(&r.value);
  buffer_free(&unused);
}
