/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/rtf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "indexer/extract/charset.h"

#define FONTS_MAX 1024
#define VALUE_MAX 4096

/* Where the text of a group goes. */
typedef enum place {
  PLACE_BODY,
  PLACE_NOWHERE,
  PLACE_FONTS,
  PLACE_TITLE,
  PLACE_AUTHOR,
  PLACE_KEYWORDS
} place;

typedef struct group {
  place to;
  uint16_t font;
  uint8_t fallback; /* characters that stand behind each \u for readers that do not know it */
} group;

typedef struct rtf {
  draft *d;
  const char *start;
  const char *at;
  const char *end;
  group *groups; /* RTF_DEPTH_MAX + 1 */
  size_t depth;
  size_t too_deep; /* groups that were opened beyond it */
  uint16_t pages[FONTS_MAX];
  uint16_t page;
  unsigned skip; /* of the fallback of the last \u */
  unsigned high; /* a first half of a surrogate pair */
  bool star;     /* the last word was \*: an unknown destination may be left out */
  buffer run;    /* bytes in the character set of the font */
  buffer value;  /* of a field of the info group */
} rtf;

static group *top(rtf *r) {
  return &r->groups[r->depth];
}

static unsigned page_of(uint16_t charset) {
  static const struct {
    uint16_t charset, page;
  } PAGES[] = { { 0, 1252 },   { 77, 10000 }, { 128, 932 },  { 129, 949 },  { 130, 1361 },
                { 134, 936 },  { 136, 950 },  { 161, 1253 }, { 162, 1254 }, { 163, 1258 },
                { 177, 1255 }, { 178, 1256 }, { 186, 1257 }, { 204, 1251 }, { 222, 874 },
                { 238, 1250 }, { 254, 437 } };
  for (size_t i = 0; i < sizeof PAGES / sizeof PAGES[0]; i++)
    if (PAGES[i].charset == charset) return PAGES[i].page;
  return 0;
}

/* ---------------------------------------------------------------- output */

static void flush(rtf *r) {
  if (r->run.size == 0) return;
  char charset[16] = "macintosh";
  uint16_t page = r->pages[top(r)->font];
  if (page == 0) page = r->page;
  if (page != 10000)
    (void)snprintf(charset, sizeof charset, page >= 1250 && page <= 1258 ? "windows-%u" : "CP%u",
                   page);
  buffer *out = top(r)->to == PLACE_BODY ? &r->d->body : &r->value;
  const size_t limit = top(r)->to == PLACE_BODY ? DRAFT_BODY_MAX : VALUE_MAX;
  if (!charset_decode(out, limit > out->size ? limit - out->size : 0, charset, r->run.data,
                      r->run.size))
    draft_set_partial(r->d, "more text than is read of one item");
  buffer_reset(&r->run);
}

static bool is_text_place(place to) {
  return to != PLACE_NOWHERE && to != PLACE_FONTS;
}

static void put_byte(rtf *r, uint8_t byte) {
  if (r->skip > 0) {
    r->skip--;
    return;
  }
  if (!is_text_place(top(r)->to)) return;
  buffer_put_u8(&r->run, byte);
  if (r->run.size >= 4096 && byte < 0x80) flush(r);
}

static void put_character(rtf *r, uint32_t c) {
  if (!is_text_place(top(r)->to)) return;
  flush(r);
  if (c >= 0xd800 && c < 0xdc00) {
    r->high = c;
    return;
  }
  if (c >= 0xdc00 && c < 0xe000) {
    if (r->high == 0) return;
    c = 0x10000 + ((r->high - 0xd800) << 10) + (c - 0xdc00);
  }
  r->high = 0;
  if (c >= 0xf000 && c < 0xf100) c -= 0xf000; /* a symbol font's own place */
  if (c == 0 || c > 0x10ffff) return;
  char text[4];
  size_t size = 0;
  if (c < 0x80)
    text[size++] = (char)c;
  else if (c < 0x800)
    text[size++] = (char)(0xc0 | c >> 6);
  else if (c < 0x10000)
    text[size++] = (char)(0xe0 | c >> 12), text[size++] = (char)(0x80 | ((c >> 6) & 63));
  else
    text[size++] = (char)(0xf0 | c >> 18), text[size++] = (char)(0x80 | ((c >> 12) & 63)),
    text[size++] = (char)(0x80 | ((c >> 6) & 63));
  if (c >= 0x80) text[size++] = (char)(0x80 | (c & 63));
  buffer *out = top(r)->to == PLACE_BODY ? &r->d->body : &r->value;
  if (out->size + size <= (top(r)->to == PLACE_BODY ? DRAFT_BODY_MAX : VALUE_MAX))
    buffer_put(out, text, size);
}

static void put_mark(rtf *r, char mark) {
  r->skip = 0;
  put_byte(r, (uint8_t)mark);
}

/* ---------------------------------------------------------------- control words */

static const char *const HIDDEN[] = {
  "colortbl",
  "stylesheet",
  "pict",
  "object",
  "objdata",
  "themedata",
  "datastore",
  "listtable",
  "listoverridetable",
  "rsidtbl",
  "generator",
  "filetbl",
  "revtbl",
  "xmlnstbl",
  "latentstyles",
  "colorschememapping",
  "fldinst",
  "pgdsctbl",
  "info",
  "operator",
  "doccomm",
  "private",
  "xe",
  "tc",
  "bkmkstart",
  "bkmkend",
  "panose",
  "falt",
  "nonshppict",
  "mmathPr",
  "wgrffmtfilter",
  "listtext_",
  "template",
  "blipuid",
  "picprop",
  "ftnsep",
  "aftnsep",
};

static const struct {
  const char *word;
  char mark;
} MARKS[] = { { "par", '\n' },  { "line", '\n' },    { "row", '\n' },
              { "sect", '\n' }, { "page", '\n' },    { "tab", ' ' },
              { "cell", ' ' },  { "nestcell", ' ' }, { "nestrow", '\n' } };

static const struct {
  const char *word;
  uint16_t character;
} SIGNS[] = { { "emdash", 0x2014 },    { "endash", 0x2013 }, { "bullet", 0x2022 },
              { "lquote", 0x2018 },    { "rquote", 0x2019 }, { "ldblquote", 0x201c },
              { "rdblquote", 0x201d }, { "emspace", ' ' },   { "enspace", ' ' } };

static bool is_known_destination(const char *word) {
  static const char *const KNOWN[] = { "shptxt",     "shpinst", "shppict_",  "footnote",
                                       "annotation", "atnid",   "atnauthor", "fldrslt",
                                       "listtext",   "pntext",  "htmltag_",  "shprslt_",
                                       "ud",         "upr_" };
  for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
    if (strcmp(word, KNOWN[i]) == 0) return true;
  return false;
}

static bool set_destination(rtf *r, const char *word) {
  group *g = top(r);
  if (strcmp(word, "fonttbl") == 0)
    g->to = PLACE_FONTS;
  else if (strcmp(word, "title") == 0)
    g->to = PLACE_TITLE;
  else if (strcmp(word, "author") == 0)
    g->to = PLACE_AUTHOR;
  else if (strcmp(word, "keywords") == 0)
    g->to = PLACE_KEYWORDS;
  else {
    for (size_t i = 0; i < sizeof HIDDEN / sizeof HIDDEN[0]; i++)
      if (strcmp(word, HIDDEN[i]) == 0) {
        g->to = PLACE_NOWHERE;
        return true;
      }
    return false;
  }
  buffer_reset(&r->value);
  return true;
}

static void obey(rtf *r, const char *word, bool has_number, long number) {
  const bool star = r->star;
  r->star = false;
  for (size_t i = 0; i < sizeof MARKS / sizeof MARKS[0]; i++)
    if (strcmp(word, MARKS[i].word) == 0) {
      put_mark(r, MARKS[i].mark);
      return;
    }
  for (size_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++)
    if (strcmp(word, SIGNS[i].word) == 0) {
      put_character(r, SIGNS[i].character);
      return;
    }
  if (strcmp(word, "u") == 0 && has_number) {
    put_character(r, (uint32_t)(number < 0 ? number + 65536 : number));
    r->skip = top(r)->fallback;
  } else if (strcmp(word, "uc") == 0) {
    top(r)->fallback = (uint8_t)(number >= 0 && number < 16 ? number : 1);
  } else if (strcmp(word, "f") == 0 && number >= 0 && number < FONTS_MAX) {
    flush(r);
    top(r)->font = (uint16_t)number;
  } else if (strcmp(word, "fcharset") == 0 && top(r)->to == PLACE_FONTS) {
    r->pages[top(r)->font] = (uint16_t)page_of((uint16_t)number);
  } else if (strcmp(word, "cpg") == 0 && top(r)->to == PLACE_FONTS && number > 0 &&
             number < 65536) {
    r->pages[top(r)->font] = (uint16_t)number;
  } else if (strcmp(word, "ansicpg") == 0 && number > 0 && number < 65536) {
    r->page = (uint16_t)number;
  } else if (strcmp(word, "mac") == 0) {
    r->page = 10000;
  } else if (strcmp(word, "plain") == 0) {
    flush(r);
    top(r)->font = 0;
  } else if (strcmp(word, "bin") == 0 && number > 0) {
    r->at += number < r->end - r->at ? number : r->end - r->at;
  } else if (!set_destination(r, word) && star && !is_known_destination(word)) {
    top(r)->to = PLACE_NOWHERE;
  }
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_symbol(rtf *r) {
  const char c = *r->at++;
  if (c == '\'') {
    if (r->end - r->at < 2 || hex(r->at[0]) < 0 || hex(r->at[1]) < 0) return;
    put_byte(r, (uint8_t)(hex(r->at[0]) << 4 | hex(r->at[1])));
    r->at += 2;
  } else if (c == '*') { /* elsewhere than at the head of a group it means nothing */
    r->star = r->at - r->start >= 3 && r->at[-3] == '{';
  } else if (c == '~') {
    put_byte(r, ' ');
  } else if (c == '_') {
    put_byte(r, '-');
  } else if (c == '\n' || c == '\r') {
    put_mark(r, '\n');
  } else if (c == '\\' || c == '{' || c == '}') {
    put_byte(r, (uint8_t)c);
  }
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind a backslash. */
static void read_control(rtf *r) {
  char word[33];
  size_t size = 0;
  if (r->at >= r->end) return;
  if (!is_letter(*r->at)) {
    read_symbol(r);
    return;
  }
  for (; r->at < r->end && is_letter(*r->at); r->at++)
    if (size < sizeof word - 1) word[size++] = *r->at;
  word[size] = '\0';
  bool negative = false;
  bool has_number = false;
  long number = 0;
  if (r->at < r->end && *r->at == '-') negative = true, r->at++;
  for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
    if (number < 100000000) number = number * 10 + (*r->at - '0');
    has_number = true;
  }
  if (r->at < r->end && *r->at == ' ') r->at++;
  obey(r, word, has_number, negative ? -number : number);
}

/* ---------------------------------------------------------------- groups */

static void open_group(rtf *r) {
  flush(r);
  r->star = false;
  r->skip = 0;
  if (r->depth == RTF_DEPTH_MAX) {
    r->too_deep++;
    draft_set_partial(r->d, "groups nested deeper than is read");
    return;
  }
  r->depth++;
  r->groups[r->depth] = r->groups[r->depth - 1];
}

static void close_group(rtf *r) {
  flush(r);
  r->skip = 0;
  if (r->too_deep > 0) {
    r->too_deep--;
    return;
  }
  if (r->depth == 0) return;
  const place to = top(r)->to;
  const char *field = to == PLACE_TITLE      ? "title"
                      : to == PLACE_AUTHOR   ? "author"
                      : to == PLACE_KEYWORDS ? "keywords"
                                             : NULL;
  r->depth--;
  if (field == NULL || top(r)->to == to) return;
  if (r->value.failed) r->d->failed = true;
  draft_add_field(r->d, field, r->value.data, r->value.failed ? 0 : r->value.size);
  buffer_reset(&r->value);
}

bool rtf_extract(const void *bytes, size_t size, draft *d) {
  rtf *r = calloc(1, sizeof *r);
  if (r == NULL) {
    d->failed = true;
    return true;
  }
  *r = (rtf){ .d = d, .start = bytes, .at = bytes, .end = (const char *)bytes + size, .page = 1252 };
  r->groups = calloc(RTF_DEPTH_MAX + 1, sizeof *r->groups);
  if (r->groups == NULL) {
    d->failed = true;
    goto out;
  }
  r->groups[0].fallback = 1;
  while (r->at < r->end && d->body.size < DRAFT_BODY_MAX && !d->body.failed) {
    const char c = *r->at++;
    if (c == '{')
      open_group(r);
    else if (c == '}')
      close_group(r);
    else if (c == '\\')
      read_control(r);
    else if (c != '\r' && c != '\n' && c != '\0')
      put_byte(r, (uint8_t)c);
  }
  flush(r);
  if (d->body.size >= DRAFT_BODY_MAX) draft_set_partial(d, "more text than is read of one item");
  if (r->run.failed) d->failed = true;
out:
  buffer_free(&r->run);
  buffer_free(&r->value);
  free(r->groups);
  free(r);
  return true;
}
