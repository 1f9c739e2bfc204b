/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/address.h"

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_of_word(char c) {
  return is_letter(c) || c == '-' || c == '_' || c == '+' || c == '&';
}

static bool is_quotable(char c) {
  return is_of_word(c) || c == ',' || c == '.' || c == '\'' || c == '/';
}

static const char *skip_blanks(const char *at) {
  while (*at == ' ' || *at == '\t') at++;
  return at;
}

/* Behind a.b@c.d, or NULL. Names in punycode, which have two dashes, are left to whoever decodes
 * them. */
static const char *skip_address(const char *at) {
  for (;; at++) {
    const char *word = at;
    while (is_of_word(*at)) at++;
    if (at == word) return NULL;
    if (*at == '@') break;
    if (*at != '.') return NULL;
  }
  for (at++;; at++) {
    const char *label = at;
    while (is_letter(*at) || (*at == '-' && at[1] != '-')) at++;
    if (at == label) return NULL;
    if (*at != '.') return at;
  }
}

/* Behind words with a blank between each two; `at` where there are none. */
static const char *skip_words(const char *at, bool (*is_part)(char)) {
  const char *end = at;
  for (;; at++) {
    const char *word = at;
    while (is_part(*at)) at++;
    if (at == word) return end;
    end = at;
    if (*at != ' ') return end;
  }
}

/* Appends the address at `at`, with its name if it has one; returns what is behind it, or NULL. */
static const char *put_one(buffer *out, const char *at) {
  const char *end = skip_address(at);
  if (end != NULL && end[0] == ' ' && end[1] == '(') {
    const char *said_end = skip_words(end + 2, is_of_word);
    if (said_end == end + 2 || *said_end != ')') return NULL;
    buffer_put(out, end + 2, (size_t)(said_end - end - 2));
    buffer_put(out, " <", 2);
    buffer_put(out, at, (size_t)(end - at));
    buffer_put(out, ">", 1);
    return said_end + 1;
  }
  if (end != NULL) {
    buffer_put(out, at, (size_t)(end - at));
    return end;
  }
  const bool quoted = *at == '"';
  const char *name = quoted ? at + 1 : at;
  const char *name_end = skip_words(name, quoted ? is_quotable : is_of_word);
  if (name_end == name || (quoted && *name_end != '"')) return NULL;
  const char *open = quoted ? name_end + 1 : name_end;
  if (open[0] != ' ' || open[1] != '<') return NULL;
  end = skip_address(open + 2);
  if (end == NULL || *end != '>') return NULL;
  buffer_put(out, name, (size_t)(name_end - name));
  buffer_put(out, open, (size_t)(end + 1 - open));
  return end + 1;
}

bool address_put_plain(buffer *out, const char *line) {
  const size_t start = out->size;
  for (const char *at = line;; at++) {
    at = put_one(out, skip_blanks(at));
    if (at != NULL) at = skip_blanks(at);
    if (at != NULL && *at == '\0') return true;
    if (at == NULL || *at != ',') break;
    buffer_put(out, ", ", 2);
  }
  buffer_cut(out, start);
  return false;
}
