/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/html.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "indexer/extract/charset.h"
#include "indexer/extract/libraries.h"

/* What the parser takes time in the square of: it compares each closing tag with the elements that
 * are open, and each attribute with those before it. */
#define DEPTH_MAX 2000
#define DEPTH_MIN 128
#define COMPARISONS_MAX ((size_t)50000000)
#define ATTRIBUTES_MAX 500
#define CHARSET_WITHIN 4096

enum element_role {
  ROLE_INLINE = 0,
  ROLE_BLOCK,  /* on lines of its own */
  ROLE_CELL,   /* apart from its neighbours */
  ROLE_PRE,    /* a block whose white space stands */
  ROLE_HIDDEN, /* no text for a person */
  ROLE_TITLE,
};

static const struct {
  const char *name;
  enum element_role role;
} ROLES[] = {
  { "address", ROLE_BLOCK },    { "article", ROLE_BLOCK }, { "aside", ROLE_BLOCK },
  { "blockquote", ROLE_BLOCK }, { "body", ROLE_BLOCK },    { "br", ROLE_BLOCK },
  { "center", ROLE_BLOCK },     { "dd", ROLE_BLOCK },      { "div", ROLE_BLOCK },
  { "dl", ROLE_BLOCK },         { "dt", ROLE_BLOCK },      { "fieldset", ROLE_BLOCK },
  { "figcaption", ROLE_BLOCK }, { "figure", ROLE_BLOCK },  { "footer", ROLE_BLOCK },
  { "form", ROLE_BLOCK },       { "h1", ROLE_BLOCK },      { "h2", ROLE_BLOCK },
  { "h3", ROLE_BLOCK },         { "h4", ROLE_BLOCK },      { "h5", ROLE_BLOCK },
  { "h6", ROLE_BLOCK },         { "header", ROLE_BLOCK },  { "hr", ROLE_BLOCK },
  { "iframe", ROLE_HIDDEN },    { "li", ROLE_BLOCK },      { "listing", ROLE_PRE },
  { "main", ROLE_BLOCK },       { "nav", ROLE_BLOCK },     { "noframes", ROLE_BLOCK },
  { "object", ROLE_BLOCK },     { "ol", ROLE_BLOCK },      { "option", ROLE_CELL },
  { "p", ROLE_BLOCK },          { "pre", ROLE_PRE },       { "script", ROLE_HIDDEN },
  { "section", ROLE_BLOCK },    { "style", ROLE_HIDDEN },  { "table", ROLE_BLOCK },
  { "td", ROLE_CELL },          { "textarea", ROLE_PRE },  { "th", ROLE_CELL },
  { "title", ROLE_TITLE },      { "tr", ROLE_BLOCK },      { "ul", ROLE_BLOCK },
  { "xmp", ROLE_PRE },
};

typedef struct page {
  buffer *out;
  buffer *title;
  size_t stop_at; /* out->size at which reading ends */
  size_t start;   /* out->size at the beginning */
  size_t depth;
  size_t depth_max;
  unsigned hidden;
  unsigned in_title;
  unsigned pre;
  bool gap;   /* white space was seen since the last word */
  bool lines; /* and it ends a line */
  bool title_gap;
  bool cut;
  htmlParserCtxtPtr parser;
} page;

static enum element_role role_of(const xmlChar *name) {
  size_t low = 0;
  size_t high = sizeof ROLES / sizeof ROLES[0];
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const int order = strcasecmp((const char *)name, ROLES[middle].name);
    if (order == 0) return ROLES[middle].role;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return ROLE_INLINE;
}

static void stop(page *p) {
  p->cut = true;
  xmlStopParser(p->parser);
}

/* Ends the line of the text so far, once. */
static void end_line(page *p) {
  p->gap = true;
  p->lines = true;
}

static void start_word(page *p) {
  if (p->gap && p->out->size > p->start) buffer_put_u8(p->out, p->lines ? '\n' : ' ');
  p->gap = p->lines = false;
}

/* The length of white space at `at` (as HTML has it, and no-break and soft-hyphen), or 0. A soft
 * hyphen is none, yet stands between the parts of one word: it sets *nothing. */
static size_t space_at(const xmlChar *at, const xmlChar *end, bool *nothing) {
  *nothing = false;
  if (*at == ' ' || (*at >= '\t' && *at <= '\r')) return 1;
  if (*at != 0xc2 || at + 1 >= end) return 0;
  if (at[1] == 0xa0) return 2;
  *nothing = at[1] == 0xad;
  return *nothing ? 2 : 0;
}

static void put_text(page *p, const xmlChar *at, size_t size) {
  const xmlChar *end = at + size;
  while (at < end) {
    const xmlChar *word = at;
    bool nothing = false;
    size_t space = 0;
    while (at < end && (space = space_at(at, end, &nothing)) == 0) at++;
    if (at > word) {
      start_word(p);
      buffer_put(p->out, word, (size_t)(at - word));
    }
    if (at < end && !nothing) {
      p->gap = true;
      if (p->pre > 0 && *at == '\n') p->lines = true;
    }
    at += space;
  }
}

static void put_title(page *p, const xmlChar *at, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const bool space = at[i] == ' ' || (at[i] >= '\t' && at[i] <= '\r');
    if (!space) {
      if (p->title_gap && p->title->size > 0) buffer_put_u8(p->title, ' ');
      buffer_put_u8(p->title, at[i]);
    }
    p->title_gap = space;
  }
}

static void on_text(void *context, const xmlChar *at, int size) {
  page *p = context;
  if (p->hidden > 0 || size <= 0) return;
  if (p->in_title > 0) {
    if (p->title != NULL) put_title(p, at, (size_t)size);
    return;
  }
  if (p->out->size + (size_t)size > p->stop_at) {
    const size_t room = p->out->size < p->stop_at ? p->stop_at - p->out->size : 0;
    put_text(p, at, charset_whole(at, room));
    stop(p);
    return;
  }
  put_text(p, at, (size_t)size);
}

static void put_alternative(page *p, const xmlChar **attributes) {
  for (; attributes != NULL && attributes[0] != NULL; attributes += 2) {
    if (attributes[1] == NULL || strcasecmp((const char *)attributes[0], "alt") != 0) continue;
    const size_t size = strlen((const char *)attributes[1]);
    p->gap = true;
    if (size <= INT_MAX) on_text(p, attributes[1], (int)size);
    p->gap = true;
  }
}

static void on_start(void *context, const xmlChar *name, const xmlChar **attributes) {
  page *p = context;
  if (++p->depth > p->depth_max) {
    stop(p);
    return;
  }
  switch (role_of(name)) {
  case ROLE_PRE:
    p->pre++;
    end_line(p);
    break;
  case ROLE_BLOCK:
    end_line(p);
    break;
  case ROLE_CELL:
    p->gap = true;
    break;
  case ROLE_HIDDEN:
    p->hidden++;
    break;
  case ROLE_TITLE:
    p->in_title++;
    break;
  case ROLE_INLINE:
    if (strcasecmp((const char *)name, "img") == 0) put_alternative(p, attributes);
    break;
  }
}

static void on_end(void *context, const xmlChar *name) {
  page *p = context;
  if (p->depth > 0) p->depth--;
  switch (role_of(name)) {
  case ROLE_PRE:
    if (p->pre > 0) p->pre--;
    end_line(p);
    break;
  case ROLE_BLOCK:
    end_line(p);
    break;
  case ROLE_CELL:
    p->gap = true;
    break;
  case ROLE_HIDDEN:
    if (p->hidden > 0) p->hidden--;
    break;
  case ROLE_TITLE:
    if (p->in_title > 0) p->in_title--;
    break;
  case ROLE_INLINE:
    break;
  }
}

static void on_cdata(void *context, const xmlChar *at, int size) {
  on_text(context, at, size);
}

/* How deep elements may nest, the less the more closing tags there are. */
static size_t depth_max(const char *html, size_t size) {
  const char *end = html + size;
  size_t closing = 1;
  for (const char *at = html; (at = memmem(at, (size_t)(end - at), "</", 2)) != NULL; at += 2)
    closing++;
  const size_t depth = COMPARISONS_MAX / closing;
  return depth < DEPTH_MIN ? DEPTH_MIN : depth > DEPTH_MAX ? DEPTH_MAX : depth;
}

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The end of the tag that begins at `at`; NULL where it has too many attributes. */
static const char *tag_end(const char *at, const char *end) {
  size_t attributes = 0;
  for (at++; at < end && *at != '>'; at++) {
    if (is_space(at[-1]) && !is_space(*at) && ++attributes > ATTRIBUTES_MAX) return NULL;
    if (at[-1] != '=' || (*at != '"' && *at != '\'')) continue;
    const char *quote = memchr(at + 1, *at, (size_t)(end - at - 1));
    at = quote != NULL ? quote : end - 1;
  }
  return at;
}

/* Behind the comment or the raw text (of a script or style) that begins at `at`, else `at`. */
static const char *skip_raw(const char *at, const char *end) {
  static const struct {
    const char *open;
    const char *close;
  } RAW[] = { { "<!--", "-->" }, { "<script", "</script" }, { "<style", "</style" } };
  for (size_t i = 0; i < sizeof RAW / sizeof RAW[0]; i++) {
    const size_t size = strlen(RAW[i].open);
    const size_t close_size = strlen(RAW[i].close);
    if ((size_t)(end - at) < size || strncasecmp(at, RAW[i].open, size) != 0) continue;
    for (at += size; (size_t)(end - at) >= close_size; at++)
      if (*at == *RAW[i].close && strncasecmp(at, RAW[i].close, close_size) == 0) return at;
    return end;
  }
  return at;
}

/* How many of the bytes come before a tag with more attributes than any page has. */
static size_t readable(const char *html, size_t size) {
  const char *end = html + size;
  for (const char *at = html; (at = memchr(at, '<', (size_t)(end - at))) != NULL;) {
    const char *raw = skip_raw(at, end);
    if (raw != at) {
      at = raw;
      continue;
    }
    const bool tag = end - at > 1 && ((at[1] | 0x20) >= 'a' && (at[1] | 0x20) <= 'z');
    const char *next = tag ? tag_end(at, end) : at + 1;
    if (next == NULL) return (size_t)(at - html);
    at = next;
  }
  return size;
}

bool html_text(buffer *out, size_t limit, buffer *title, const char *html, size_t size) {
  if (size == 0 || size > INT_MAX) return size == 0;
  libraries_start();
  const size_t kept = readable(html, size);
  if (kept == 0) return false;
  htmlParserCtxtPtr parser = htmlCreateMemoryParserCtxt(html, (int)kept);
  if (parser == NULL) {
    out->failed = true;
    return false;
  }
  page p = { .out = out,
             .title = title,
             .stop_at = limit > SIZE_MAX - out->size ? SIZE_MAX : out->size + limit,
             .start = out->size,
             .depth_max = depth_max(html, kept),
             .cut = kept < size,
             .parser = parser };
  htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                 HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
  *parser->sax = (xmlSAXHandler){ .startElement = on_start,
                                  .endElement = on_end,
                                  .characters = on_text,
                                  .ignorableWhitespace = on_text,
                                  .cdataBlock = on_cdata };
  parser->userData = &p;
  (void)xmlSwitchEncoding(parser, XML_CHAR_ENCODING_UTF8);
  (void)htmlParseDocument(parser);
  if (parser->myDoc != NULL) xmlFreeDoc(parser->myDoc);
  htmlFreeParserCtxt(parser);
  if (out->size > p.start) buffer_put_u8(out, '\n');
  return !p.cut;
}

bool html_charset(char name[48], const void *bytes, size_t size) {
  const char *at = bytes;
  const char *end = at + (size < CHARSET_WITHIN ? size : CHARSET_WITHIN);
  const bool xml = size > 5 && memcmp(at, "<?xml", 5) == 0;
  for (; end - at > 9; at++) {
    size_t skip = 0;
    if (strncasecmp(at, "charset", 7) == 0)
      skip = 7;
    else if (xml && strncasecmp(at, "encoding", 8) == 0)
      skip = 8;
    else
      continue;
    const char *from = at + skip;
    while (from < end && (*from == ' ' || *from == '=' || *from == '"' || *from == '\'')) from++;
    size_t length = 0;
    while (from + length < end && length < 47 && strchr(" \t\r\n\"';/>", from[length]) == NULL)
      length++;
    if (from == at + skip || length == 0) continue;
    memcpy(name, from, length);
    name[length] = '\0';
    /* A page that can be read as bytes for so long is not in one of these, whatever it says. */
    return strncasecmp(name, "utf-16", 6) != 0 && strncasecmp(name, "utf-32", 6) != 0;
  }
  return false;
}

bool html_decode(buffer *out, size_t limit, buffer *title, const char *charset, const void *bytes,
                 size_t size) {
  char own[48];
  if ((charset == NULL || charset[0] == '\0') && html_charset(own, bytes, size)) charset = own;
  buffer page_text = BUFFER_INIT;
  /* Markup is many times its text, so the page may be as many times longer than what is kept. */
  bool whole =
      charset_decode(&page_text, limit > SIZE_MAX / 4 ? SIZE_MAX : limit * 4, charset, bytes, size);
  if (page_text.failed)
    out->failed = true;
  else if (!html_text(out, limit, title, (const char *)page_text.data, page_text.size))
    whole = false;
  buffer_free(&page_text);
  return whole;
}
