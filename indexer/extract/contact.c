/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/contact.h"

#include <string.h>
#include <strings.h>

#include "indexer/extract/charset.h"
#include "indexer/extract/content_line.h"
#include "indexer/extract/iso_date.h"

typedef struct card {
  draft *d;
  buffer text; /* what is being put together */
  buffer initials;
  unsigned fields;
  bool open;     /* between BEGIN and END */
  bool any;      /* a line of it was read */
  bool agent;    /* the last line was AGENT, which a card may follow (2.1) */
  unsigned deep; /* cards in the card */
} card;

/* ---------------------------------------------------------------- telephone numbers */

#define PHONE_DIGITS_MAX 20
#define PHONE_END_MIN 4

/* The number of digits of the country code that an international number begins with (E.164). */
static size_t country_size(const char *digits) {
  static const char TWO[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 "
                            "56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ";
  if (digits[0] == '1' || digits[0] == '7') return 1;
  for (const char *code = TWO; *code != '\0'; code += 3)
    if (strncmp(code, digits, 2) == 0) return 2;
  return 3;
}

static void put_word(buffer *out, const char *before, const char *word, size_t size) {
  if (size == 0) return;
  if (out->size > 0) buffer_put_u8(out, ' ');
  buffer_put(out, before, strlen(before));
  buffer_put(out, word, size);
}

/* The groups of digits with blanks between, from the digit behind the country code on, for which 0 stands. */
static void put_groups(buffer *out, const char *at, const char *end, size_t skip) {
  const char *const lead = skip > 0 ? "0" : "";
  bool started = false;
  bool gap = false;
  for (; at < end; at++) {
    if (end - at >= 3 && memcmp(at, "(0)", 3) == 0) at += 2;
    if (*at < '0' || *at > '9') {
      gap = started;
      continue;
    }
    if (skip > 0) {
      skip--;
      continue;
    }
    if (!started)
      put_word(out, lead, at, 1);
    else
      put_word(out, "", at, gap);
    if (started && !gap) buffer_put_u8(out, (uint8_t)*at);
    started = true;
    gap = false;
  }
}

void phone_put_spellings(buffer *out, const char *text, size_t size) {
  char digits[PHONE_DIGITS_MAX + 1];
  size_t count = 0;
  const char *end = text + size;
  const char *at = text;
  while (at < end && strchr(" \t(", *at) != NULL && *at != '\0') at++;
  const bool plus = at < end && *at == '+';
  for (const char *c = at; c < end; c++) {
    if (end - c >= 3 && memcmp(c, "(0)", 3) == 0 && plus) { /* dialled only inside the country */
      c += 2;
      continue;
    }
    if ((*c | 0x20) == 'x' || *c == ';' || (*c | 0x20) == 'e') break; /* an extension */
    if (*c < '0' || *c > '9') continue;
    if (count == PHONE_DIGITS_MAX) return;
    digits[count++] = *c;
  }
  digits[count] = '\0';
  if (count < PHONE_END_MIN) return;
  put_word(out, "", digits, count);
  size_t from = 0; /* where the national number begins */
  if (plus || strncmp(digits, "00", 2) == 0) {
    const size_t zeros = plus ? 0 : 2;
    if (count - zeros < 5) return;
    from = zeros + country_size(digits + zeros);
    put_word(out, "00", digits + zeros, count - zeros);
    put_word(out, "", digits + zeros, zeros > 0 ? count - zeros : 0);
    put_word(out, "0", digits + from, count - from);
    put_groups(out, at, end, from);
  } else {
    from = digits[0] == '0' ? 1 : 0;
    if (memchr(at, '.', (size_t)(end - at)) != NULL) put_groups(out, at, end, 0); /* 555.12 is one word */
  }
  for (size_t i = from; i + PHONE_END_MIN <= count; i++)
    if (i > 0) put_word(out, "", digits + i, count - i);
}

/* ---------------------------------------------------------------- fields */

static void add(card *c, const char *name, const buffer *text) {
  if (text->failed) c->d->failed = true;
  if (text->failed || text->size == 0) return;
  if (++c->fields > CONTACT_FIELDS_MAX) {
    draft_set_partial(c->d, "more lines than are read of one card");
    return;
  }
  draft_add_field(c->d, name, text->data, text->size);
}

/* All parts of a value, cut at `separators`, one behind the other. */
static void add_parts(card *c, const char *name, const content_line *line, char separator) {
  sdx_bytes rest = { .data = (const char *)line->value.data, .size = line->value.size };
  buffer_reset(&c->text);
  if (rest.size == 0) return;
  for (;;) {
    const size_t before = c->text.size;
    if (!content_part(&c->text, &rest, separator)) break;
    if (rest.data != NULL && c->text.size > before) {
      buffer_put(&c->text, separator == '\0' ? "" : ", ", separator == '\0' ? 0 : 2);
    }
  }
  while (c->text.size > 0 && strchr(", ", (char)c->text.data[c->text.size - 1]) != NULL)
    c->text.size--;
  add(c, name, &c->text);
}

/* The first character of each of the words in out->data[from..], in upper case as it stands. */
static void put_initials(card *c, const char *at, size_t size) {
  bool word = false;
  for (size_t i = 0; i < size; i++) {
    const uint8_t byte = (uint8_t)at[i];
    const bool letter = byte >= 0x80 || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
    if (letter && !word) {
      size_t length = 1;
      while (byte >= 0x80 && i + length < size && ((uint8_t)at[i + length] & 0xc0) == 0x80)
        length++;
      buffer_put(&c->initials, at + i, length);
    }
    if (byte < 0x80 || letter) word = letter;
  }
}

/* N is family; given; additional; prefixes; suffixes: said in the order 3 1 2 0 4. */
static void add_name(card *c, const content_line *line) {
  static const unsigned SAID[] = { 3, 1, 2, 0, 4 };
  buffer parts[5] = { BUFFER_INIT, BUFFER_INIT, BUFFER_INIT, BUFFER_INIT, BUFFER_INIT };
  sdx_bytes rest = { .data = (const char *)line->value.data, .size = line->value.size };
  for (size_t i = 0; i < 5 && content_part(&parts[i], &rest, ';'); i++)
    for (size_t k = 0; k < parts[i].size; k++)
      if (parts[i].data[k] == ',') parts[i].data[k] = ' ';
  buffer_reset(&c->text);
  for (size_t i = 0; i < 5; i++) {
    const buffer *part = &parts[SAID[i]];
    if (part->size == 0) continue;
    put_word(&c->text, "", (const char *)part->data, part->size);
    if (SAID[i] <= 2 && c->initials.size < 32)
      put_initials(c, (const char *)part->data, part->size);
  }
  for (size_t i = 0; i < 5; i++) {
    if (parts[i].failed) c->d->failed = true;
    buffer_free(&parts[i]);
  }
  add(c, "name", &c->text);
}

static void add_phone(card *c, const content_line *line) {
  const char *at = (const char *)line->value.data;
  size_t size = line->value.size;
  if (size == 0) return;
  if (size > 4 && strncasecmp(at, "tel:", 4) == 0) at += 4, size -= 4;
  if (size > 256) size = charset_whole(at, 256);
  buffer_reset(&c->text);
  buffer_put(&c->text, at, size);
  phone_put_spellings(&c->text, at, size);
  add(c, "phone", &c->text);
}

static void add_address_or_uri(card *c, const char *name, const content_line *line) {
  const char *at = (const char *)line->value.data;
  if (line->value.size > 5 && strncasecmp(at, "data:", 5) == 0) return;
  add_parts(c, name, line, '\0');
}

/* 19800517 and 1980-05-17 are the same day, found as 1980-05-17. */
static void add_day(card *c, const content_line *line) {
  char day[16];
  if (line->value.size > 0 && iso_date_day(day, (const char *)line->value.data, line->value.size)) {
    buffer_reset(&c->text);
    buffer_put(&c->text, day, strlen(day));
    add(c, "note", &c->text);
  } else {
    add_parts(c, "note", line, '\0');
  }
}

static const struct {
  const char *property;
  const char *field;
  char separator;
} PLAIN[] = {
  { "FN", "name", '\0' },
  { "NICKNAME", "name", ',' },
  { "SORT-STRING", "name", '\0' },
  { "X-PHONETIC-FIRST-NAME", "name", '\0' },
  { "X-PHONETIC-LAST-NAME", "name", '\0' },
  { "X-MAIDENNAME", "name", '\0' },
  { "SOUND", "name", ';' }, /* where it is text: the reading of a Japanese name */
  { "EMAIL", "email", '\0' },
  { "ORG", "org", ';' },
  { "TITLE", "org", '\0' },
  { "ROLE", "org", '\0' },
  { "X-DEPARTMENT", "org", '\0' },
  { "ADR", "address", ';' },
  { "LABEL", "address", '\0' },
  { "NOTE", "note", '\0' },
  { "CATEGORIES", "keywords", ',' },
  { "X-EVOLUTION-FILE-AS", "name", '\0' },
  { "X-SPOUSE", "note", '\0' },
  { "X-EVOLUTION-SPOUSE", "note", '\0' },
  { "X-ASSISTANT", "note", '\0' },
  { "X-EVOLUTION-ASSISTANT", "note", '\0' },
  { "X-MANAGER", "note", '\0' },
  { "X-EVOLUTION-MANAGER", "note", '\0' },
};

static const char *const URIS[] = { "URL",     "IMPP",      "X-SOCIALPROFILE", "X-JABBER",
                                    "X-SKYPE", "X-AIM",     "X-ICQ",           "X-MSN",
                                    "X-YAHOO", "X-TWITTER", "X-GADUGADU" };

static void read_line(card *c, const content_line *line) {
  if (line->encoded) return;
  if (line->cut) draft_set_partial(c->d, "a line longer than is read");
  c->any = true;
  for (size_t i = 0; i < sizeof PLAIN / sizeof PLAIN[0]; i++)
    if (content_is(line, PLAIN[i].property)) {
      if (line->value.size < 5 || strncasecmp((const char *)line->value.data, "data:", 5) != 0)
        add_parts(c, PLAIN[i].field, line, PLAIN[i].separator);
      return;
    }
  for (size_t i = 0; i < sizeof URIS / sizeof URIS[0]; i++)
    if (content_is(line, URIS[i])) {
      add_address_or_uri(c, "url", line);
      return;
    }
  if (content_is(line, "N")) {
    add_name(c, line);
  } else if (content_is(line, "TEL")) {
    add_phone(c, line);
  } else if (content_is(line, "BDAY") || content_is(line, "ANNIVERSARY") ||
             content_is(line, "X-ANNIVERSARY") || content_is(line, "X-EVOLUTION-ANNIVERSARY")) {
    add_day(c, line);
  } else if (content_is(line, "RELATED")) {
    add_address_or_uri(c, "note", line);
  } else if (content_is(line, "REV")) {
    const int64_t at =
        line->value.size > 0 ? iso_date_parse((const char *)line->value.data, line->value.size) : 0;
    if (at > 0) c->d->date = at;
  } else if (content_is(line, "UID") && c->d->id.size == 0 && line->value.size > 0) {
    draft_set_id(c->d, line->value.data, line->value.size);
  }
}

/* ---------------------------------------------------------------- cards */

/* How many cards there are, as far as it matters: none, one, or several. */
static unsigned count_cards(const char *at, size_t size) {
  static const char BEGIN[] = "begin:vcard";
  const size_t length = sizeof BEGIN - 1;
  unsigned count = 0;
  for (const char *end = at + size; (size_t)(end - at) >= length && count < 2; at++)
    if ((*at | 0x20) == 'b' && strncasecmp(at, BEGIN, length) == 0) count++;
  return count;
}

static void begin_card(card *c, int64_t now, int64_t fallback, size_t size) {
  draft_begin(c->d, SDX_CONTACT, now);
  c->d->fallback = c->d->date = fallback;
  c->d->size = size;
  c->fields = 0;
  c->open = true;
  c->any = c->agent = false;
  c->deep = 0;
  buffer_reset(&c->initials);
}

static void end_card(card *c, const char *start, const char *end, bool alone, draft_sink *sink) {
  c->open = false;
  if (c->initials.size > 1 && draft_field(c->d, "name").size > 0) add(c, "name", &c->initials);
  if (alone) c->d->id = (draft_span){ 0 };
  if (!alone && c->d->id.size == 0) draft_set_digest_id(c->d);
  c->d->size = (uint64_t)(end - start);
  sink->give(sink, c->d);
}

static bool value_is(const content_line *line, const char *word) {
  size_t size = line->value.size;
  const char *at = (const char *)line->value.data;
  while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t')) size--;
  return size == strlen(word) && strncasecmp(at, word, size) == 0;
}

static bool read_cards(draft *d, const void *bytes, size_t size, draft_sink *sink) {
  const int64_t now = d->now;
  const int64_t fallback = d->fallback;
  const bool alone = count_cards(bytes, size) < 2;
  card c = { .d = d };
  content_reader reader;
  content_line line = CONTENT_LINE_INIT;
  bool found = false;
  content_open(&reader, bytes, size);
  const char *start = reader.at;
  const char *line_start = start;
  for (; content_next(&reader, &line); line_start = reader.at) {
    if (content_is(&line, "BEGIN") && value_is(&line, "VCARD")) {
      if (c.deep > 0 || c.agent) {
        c.deep++;
        c.agent = false;
        continue;
      }
      if (c.open && c.any) { /* the end of the card before is missing */
        end_card(&c, start, line_start, alone, sink);
        found = true;
      }
      start = line_start;
      begin_card(&c, now, fallback, size);
    } else if (!c.open) {
      continue;
    } else if (content_is(&line, "END") && value_is(&line, "VCARD")) {
      if (c.deep > 0 && c.deep--) continue;
      end_card(&c, start, reader.at, alone, sink);
      found = true;
    } else if (c.deep == 0) {
      c.agent = content_is(&line, "AGENT") && line.value.size == 0;
      read_line(&c, &line);
    }
  }
  if (c.open && c.any) { /* its end is missing: what is there is read */
    draft_set_partial(d, "it ends in the middle");
    end_card(&c, start, reader.at, alone, sink);
    found = true;
  }
  if (line.value.failed) d->failed = true;
  content_close(&reader);
  content_line_free(&line);
  buffer_free(&c.text);
  buffer_free(&c.initials);
  return found;
}

bool contact_extract(const void *bytes, size_t size, draft *d, draft_sink *sink) {
  d->kind = SDX_CONTACT;
  if (size == 0) return draft_refuse(d, "it is empty");
  buffer narrow = BUFFER_INIT;
  const char *wide = charset_wide(bytes, size);
  if (wide != NULL) {
    (void)charset_decode(&narrow, SIZE_MAX / 2, wide, bytes, size);
    if (narrow.failed) d->failed = true;
    bytes = narrow.data;
    size = narrow.failed ? 0 : narrow.size;
  } else if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
    bytes = (const char *)bytes + 3;
    size -= 3;
  }
  const bool found = size > 0 && read_cards(d, bytes, size, sink);
  buffer_free(&narrow);
  return found || draft_refuse(d, "it holds no card");
}
