/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/package.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <strings.h>

#include "indexer/extract/attachment.h"
#include "indexer/extract/charset.h"
#include "indexer/extract/html.h"
#include "indexer/extract/libraries.h"
#include "indexer/extract/spreadsheet.h"
#include "indexer/extract/xml.h"

static const char CUT[] = "more text than is read of one item";

typedef enum package_kind {
  PACKAGE_ARCHIVE,
  PACKAGE_OFFICE,
  PACKAGE_ODF,
  PACKAGE_EPUB,
  PACKAGE_IWORK
} package_kind;

typedef struct package {
  draft *d;
  package_kind kind;
  unsigned depth;
  unsigned members;
  size_t unpacked;
  bool encrypted;
} package;

/* ---------------------------------------------------------------- rules */

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static bool starts(const char *name, const char *start) {
  return strncmp(name, start, strlen(start)) == 0;
}

static bool ends(const char *name, const char *end) {
  const size_t size = strlen(name);
  const size_t length = strlen(end);
  return size >= length && strcasecmp(name + size - length, end) == 0;
}

static size_t room(const draft *d) {
  return d->body.size < DRAFT_BODY_MAX ? DRAFT_BODY_MAX - d->body.size : 0;
}

static void put_xml(draft *d, const xml_rules *rules, const buffer *b) {
  const char *lost = xml_text(&d->body, room(d), rules, b->data, b->size);
  if (lost != NULL) draft_set_partial(d, lost);
}

static void read_office(draft *d, const char *name, const buffer *b) {
  const xml_rules word = { .text = NAMES("t", "instrText"),
                           .lines = NAMES("p", "tr", "br"),
                           .gaps = NAMES("tab", "tc", "cr"),
                           .skip = NAMES("instrText", "delText", "Fallback") };
  const xml_rules slide = { .text = NAMES("t", "text", "v"),
                            .lines = NAMES("p", "text", "pt"),
                            .gaps = NAMES("tc", "br", "v") };
  const xml_rules sheet = { .text = NAMES("t", "v"),
                            .lines = NAMES("si", "row", "is", "comment"),
                            .gaps = NAMES("c"),
                            .skip = NAMES("rPh", "f"),
                            .cells = true };
  const xml_rules drawing = { .text = NAMES("t"), .lines = NAMES("p"), .gaps = NAMES("r") };
  const xml_rules page = { .text = NAMES("Text"), .lines = NAMES("Text", "Shape") };
  if (ends(name, ".bin") && starts(name, "xl/")) {
    if (starts(name, "xl/sharedStrings") || starts(name, "xl/worksheets/"))
      binary_sheet_text(d, b->data, b->size);
    return;
  }
  if (!ends(name, ".xml")) return;
  if (starts(name, "docProps/core"))
    xml_metadata(d, b->data, b->size);
  else if (starts(name, "word/document") || starts(name, "word/header") ||
           starts(name, "word/footer") || starts(name, "word/footnotes") ||
           starts(name, "word/endnotes") || starts(name, "word/comments") ||
           starts(name, "word/glossary/document"))
    put_xml(d, &word, b);
  else if (starts(name, "ppt/slides/") || starts(name, "ppt/notesSlides/") ||
           starts(name, "ppt/comments/"))
    put_xml(d, &slide, b);
  else if (starts(name, "xl/sharedStrings") || starts(name, "xl/worksheets/") ||
           starts(name, "xl/comments"))
    put_xml(d, &sheet, b);
  else if (strstr(name, "/drawings/") != NULL || strstr(name, "/diagrams/data") != NULL)
    put_xml(d, &drawing, b);
  else if (strstr(name, "/charts/chart") != NULL)
    put_xml(d, &slide, b);
  else if (starts(name, "visio/pages/page"))
    put_xml(d, &page, b);
}

static void read_open_document(package *p, const char *name, const buffer *b) {
  const xml_rules content = { .lines = NAMES("p", "h", "table-row", "line-break"),
                              .gaps = NAMES("tab", "s", "table-cell"),
                              .skip = NAMES("tracked-changes", "binary-data", "forms"),
                              .within = "body" };
  if (strcmp(name, "content.xml") == 0 && !p->encrypted) put_xml(p->d, &content, b);
  if (strcmp(name, "meta.xml") == 0 && !p->encrypted) xml_metadata(p->d, b->data, b->size);
}

static void read_book(package *p, const char *name, const buffer *b) {
  if (p->encrypted) return;
  if (ends(name, ".opf")) xml_metadata(p->d, b->data, b->size);
  if (ends(name, ".xhtml") || ends(name, ".html") || ends(name, ".htm")) {
    if (b->size > 0 && !html_decode(&p->d->body, room(p->d), NULL, NULL, b->data, b->size))
      draft_set_partial(p->d, CUT);
    buffer_put_u8(&p->d->body, '\n');
  }
}

/* A document within an office document, which shows it as a part of itself: chunks in another
 * format (altChunk) and embedded files. */
static bool is_within(const char *name) {
  static const char *const ENDINGS[] = { ".htm", ".html", ".xhtml", ".mht",  ".rtf",
                                         ".txt", ".docx", ".xlsx",  ".pptx", ".doc",
                                         ".xls", ".ppt",  ".pdf" };
  const bool chunk = starts(name, "word/") && strchr(name + 5, '/') == NULL;
  if (!chunk && strstr(name, "/embeddings/") == NULL) return false;
  for (size_t i = 0; i < sizeof ENDINGS / sizeof ENDINGS[0]; i++)
    if (ends(name, ENDINGS[i])) return true;
  return false;
}

/* The members of a package that are worth unpacking. */
static bool is_wanted(const package *p, const char *name) {
  switch (p->kind) {
  case PACKAGE_ARCHIVE:
    return p->depth < PACKAGE_DEPTH_MAX;
  case PACKAGE_OFFICE:
    return ends(name, ".xml") || (starts(name, "xl/") && ends(name, ".bin")) ||
           (p->depth < PACKAGE_DEPTH_MAX && is_within(name));
  case PACKAGE_ODF:
    return strcmp(name, "content.xml") == 0 || strcmp(name, "meta.xml") == 0;
  case PACKAGE_EPUB:
    return ends(name, ".opf") || ends(name, "html") || ends(name, ".htm");
  case PACKAGE_IWORK:
    break;
  }
  return false;
}

static void read_member(package *p, const char *name, const buffer *b) {
  switch (p->kind) {
  case PACKAGE_ARCHIVE:
    attachment_put_body(p->d, name, b->data, b->size, p->depth + 1);
    break;
  case PACKAGE_OFFICE:
    if (is_within(name))
      attachment_put_body(p->d, name, b->data, b->size, p->depth + 1);
    else
      read_office(p->d, name, b);
    break;
  case PACKAGE_ODF:
    read_open_document(p, name, b);
    break;
  case PACKAGE_EPUB:
    read_book(p, name, b);
    break;
  case PACKAGE_IWORK:
    break;
  }
}

/* ---------------------------------------------------------------- unpacking */

static struct archive *open_archive(const void *bytes, size_t size) {
  struct archive *a = archive_read_new();
  if (a == NULL) return NULL;
  archive_read_support_format_zip(a);
  archive_read_support_format_tar(a);
  archive_read_support_format_gnutar(a);
  archive_read_support_format_7zip(a);
  archive_read_support_format_cpio(a);
  archive_read_support_format_raw(a);
  archive_read_support_filter_gzip(a);
  archive_read_support_filter_bzip2(a);
  archive_read_support_filter_xz(a);
  archive_read_support_filter_zstd(a);
  if (archive_read_open_memory(a, bytes, size) == ARCHIVE_OK) return a;
  archive_read_free(a);
  return NULL;
}

static const char *name_of(struct archive_entry *entry) {
  const char *name = archive_entry_pathname(entry);
  return name != NULL ? name : "";
}

/* The next member, also where something about it is odd; false at the end, or where the rest cannot
 * be read (*damaged). */
static bool next_member(struct archive *a, struct archive_entry **entry, bool *damaged) {
  const int read = archive_read_next_header(a, entry);
  if (read == ARCHIVE_OK || read == ARCHIVE_WARN) return true;
  if (read != ARCHIVE_EOF) *damaged = true;
  return false;
}

/* What an archive is, by the names of its members. */
static package_kind look(package *p, const void *bytes, size_t size) {
  struct archive *a = open_archive(bytes, size);
  struct archive_entry *entry = NULL;
  package_kind kind = PACKAGE_ARCHIVE;
  if (a == NULL) return kind;
  bool damaged = false;
  for (unsigned i = 0; i < PACKAGE_MEMBERS_MAX && next_member(a, &entry, &damaged); i++) {
    const char *name = name_of(entry);
    if (starts(name, "word/document") || starts(name, "xl/workbook") ||
        starts(name, "ppt/presentation") || starts(name, "visio/document"))
      kind = PACKAGE_OFFICE;
    else if (kind == PACKAGE_ARCHIVE && strcmp(name, "META-INF/container.xml") == 0)
      kind = PACKAGE_EPUB;
    else if (kind == PACKAGE_ARCHIVE && strcmp(name, "content.xml") == 0)
      kind = PACKAGE_ODF;
    else if (kind == PACKAGE_ARCHIVE && ends(name, ".iwa"))
      kind = PACKAGE_IWORK;
    char text[65536];
    const bool manifest = strcmp(name, "META-INF/manifest.xml") == 0;
    const bool encryption = strcmp(name, "META-INF/encryption.xml") == 0;
    if (!manifest && !encryption) continue;
    const la_ssize_t n = archive_read_data(a, text, sizeof text);
    if (n <= 0) continue;
    if (manifest && memmem(text, (size_t)n, "encryption-data", 15) != NULL) p->encrypted = true;
    if (encryption && memmem(text, (size_t)n, "html", 4) != NULL) p->encrypted = true;
  }
  archive_read_free(a);
  return kind;
}

/* Unpacks a member into *out; false where it was cut off or is damaged. */
static bool unpack(package *p, struct archive *a, buffer *out) {
  buffer_reset(out);
  while (out->size < PACKAGE_MEMBER_MAX && p->unpacked < PACKAGE_UNPACKED_MAX) {
    if (!buffer_reserve(out, 65536)) return false;
    const la_ssize_t n = archive_read_data(a, out->data + out->size, 65536);
    if (n == 0) return true;
    if (n < 0) {
      draft_set_partial(p->d, "a part of it is damaged, or packed in a way that is not read");
      return false;
    }
    out->size += (size_t)n;
    p->unpacked += (size_t)n;
  }
  draft_set_partial(p->d, "more is packed in it than is read");
  return false;
}

static void add_name(package *p, const char *name) {
  buffer text = BUFFER_INIT;
  (void)charset_decode(&text, 4096, NULL, name, strlen(name));
  if (text.failed) p->d->failed = true;
  if (room(p->d) > text.size) {
    buffer_put(&p->d->body, text.data, text.size);
    buffer_put_u8(&p->d->body, '\n');
  }
  buffer_free(&text);
}

/* False where reading has to end. */
static bool read_entry(package *p, struct archive *a, struct archive_entry *entry, buffer *b) {
  const char *name = name_of(entry);
  const bool is_file =
      archive_entry_filetype(entry) == AE_IFREG || archive_format(a) == ARCHIVE_FORMAT_RAW;
  if (++p->members > PACKAGE_MEMBERS_MAX) {
    draft_set_partial(p->d, "more members than are read of one archive");
    return false;
  }
  if (p->kind == PACKAGE_ARCHIVE && archive_format(a) != ARCHIVE_FORMAT_RAW && is_file)
    add_name(p, name);
  if (archive_entry_is_encrypted(entry)) {
    p->encrypted = true;
    return true;
  }
  if (!is_file || !is_wanted(p, name)) return true;
  (void)unpack(p, a, b); /* what there is of it is read */
  if (b->failed) return false;
  if (b->size > 0) read_member(p, archive_format(a) == ARCHIVE_FORMAT_RAW ? "" : name, b);
  return p->unpacked < PACKAGE_UNPACKED_MAX && !p->d->body.failed;
}

bool package_extract(const void *bytes, size_t size, draft *d, unsigned depth) {
  libraries_start();
  package p = { .d = d, .depth = depth };
  buffer b = BUFFER_INIT;
  struct archive_entry *entry = NULL;
  p.kind = look(&p, bytes, size);
  struct archive *a = open_archive(bytes, size);
  bool damaged = a == NULL;
  if (a != NULL)
    while (next_member(a, &entry, &damaged))
      if (!read_entry(&p, a, entry, &b)) break;
  if (damaged)
    draft_set_partial(d,
                      p.members == 0 ? "it is no archive that can be read" : "its rest is damaged");
  if (p.encrypted) draft_set_partial(d, "it is encrypted");
  if (p.kind == PACKAGE_IWORK) draft_set_partial(d, "no text is read of its type");
  if (b.failed) d->failed = true;
  buffer_free(&b);
  if (a != NULL) archive_read_free(a);
  return true;
}
