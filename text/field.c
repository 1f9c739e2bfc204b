/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of fields. Prefixes follow Omega's conventions: S subject or title, A author, F file
 * name, K keywords; what Omega has no letter for begins with X. All are upper-case ASCII and words
 * never begin with an upper-case letter, so a prefix ends where the first other byte stands.
 *
 * Weights are wdf increments: a word in a subject or title counts like three in the body, one in
 * a sender's, contact's or file's name like two. Weight 0: words are not indexed, only the value.
 */
#include <string.h>

#include "text/text.h"

/* clang-format off */
static const text_field_rule rules[] = {
  /* name          prefix       weight bare   exact */
  { "body",        "",          1,     true,  false },
  { "subject",     "S",         3,     true,  false },
  { "title",       "S",         3,     true,  false },
  { "from",        "A",         2,     true,  true },
  { "author",      "A",         2,     true,  false },
  { "to",          "XTO",       1,     true,  true },
  { "cc",          "XCC",       1,     true,  true },
  { "bcc",         "XBCC",      1,     true,  true },
  { "attachment",  "XATT",      1,     true,  false },
  { "filename",    "F",         2,     true,  false },
  { "location",    "XLOC",      1,     true,  false },
  { "organizer",   "XORG",      1,     true,  true },
  { "attendee",    "XATTENDEE", 1,     true,  true },
  { "name",        "XNAME",     2,     true,  false },
  { "email",       "XEMAIL",    1,     true,  true },
  { "phone",       "XPHONE",    1,     true,  false },
  { "org",         "XCOMPANY",  1,     true,  false },
  { "address",     "XADDR",     1,     true,  false },
  { "note",        "XNOTE",     1,     true,  false },
  { "keywords",    "K",         1,     true,  false },
  { "url",         "XURL",      1,     true,  false },
  { "list",        "XLIST",     1,     false, true },
  { "message-id",  "XMID",      0,     false, true },
  { "occurs",      "XOCCURS",   0,     false, true },
};
/* clang-format on */

const text_field_rule *text_field_find(const char *name, size_t size) {
  for (size_t i = 0; size > 0 && i < sizeof rules / sizeof *rules; i++)
    if (rules[i].name[0] == name[0] && strlen(rules[i].name) == size &&
        memcmp(rules[i].name, name, size) == 0)
      return &rules[i];
  return NULL;
}

const text_field_rule *text_field_at(size_t i) {
  return i < sizeof rules / sizeof *rules ? &rules[i] : NULL;
}
