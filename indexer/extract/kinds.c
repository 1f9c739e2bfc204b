/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/kinds.h"

#include <glib.h>

#include "indexer/extract/calendar.h"
#include "indexer/extract/contact.h"
#include "indexer/extract/document.h"
#include "indexer/extract/libraries.h"
#include "indexer/extract/message.h"
#include "indexer/extract/ole.h"
#include "indexer/extract/package.h"
#include "indexer/extract/pdf.h"
#include "indexer/extract/rtf.h"
#include "indexer/extract/xml.h"

static bool xml_extract(const void *bytes, size_t size, draft *d) {
  static const char *const SKIP[] = { "binary", "script", "style", NULL };
  static const xml_rules ALL = { .skip = SKIP };
  xml_metadata(d, bytes, size);
  const char *lost = xml_text(&d->body, DRAFT_BODY_MAX, &ALL, bytes, size);
  if (lost != NULL) draft_set_partial(d, lost);
  return true;
}

static bool extract_one(file_type type, const void *bytes, size_t size, draft *d, unsigned depth) {
  switch (type) {
  case FILE_MESSAGE:
    return message_extract(bytes, size, d);
  case FILE_TEXT:
    return text_extract(bytes, size, d);
  case FILE_MARKDOWN:
    return markdown_extract(bytes, size, d);
  case FILE_HTML:
    return page_extract(bytes, size, d);
  case FILE_PDF:
    return pdf_extract(bytes, size, d);
  case FILE_PACKAGE:
    return package_extract(bytes, size, d, depth);
  case FILE_OLE:
    return ole_extract(bytes, size, d);
  case FILE_RTF:
    return rtf_extract(bytes, size, d);
  case FILE_XML:
    return xml_extract(bytes, size, d);
  default:
    return draft_refuse(d, "it is of no supported type");
  }
}

static GLogWriterOutput drop(GLogLevelFlags level, const GLogField *fields, gsize count,
                             gpointer data) {
  (void)level, (void)fields, (void)count, (void)data;
  return G_LOG_WRITER_HANDLED;
}

void kinds_start(void) {
  g_log_set_writer_func(drop, NULL, NULL);
  libraries_start();
}

bool kinds_extract(file_type type, const void *bytes, size_t size, draft *d, draft_sink *sink,
                   unsigned depth) {
  if (type == FILE_CALENDAR) return calendar_extract(bytes, size, d, sink);
  if (type == FILE_CONTACT) return contact_extract(bytes, size, d, sink);
  d->kind = SDX_DOCUMENT;
  d->size = size;
  d->date = d->fallback;
  if (size == 0) return draft_refuse(d, "it is empty");
  if (!extract_one(type, bytes, size, d, depth)) return false;
  sink->give(sink, d);
  return true;
}
