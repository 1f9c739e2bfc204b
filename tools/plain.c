/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plain.h"

#include <string.h>

sdx_bytes bytes_of(const char *text) {
  return (sdx_bytes){ .data = text, .size = strlen(text) };
}

/* The length of the control character at `p`: 1 for C0 and DEL, 2 for C1 in UTF-8, else 0. */
static size_t control_at(const char *p, const char *end) {
  unsigned char c = (unsigned char)*p;
  if (c < 0x20 || c == 0x7f) return 1;
  if (c == 0xc2 && end - p > 1 && ((unsigned char)p[1] & 0xe0) == 0x80) return 2;
  return 0;
}

static void print(FILE *out, sdx_bytes text, const char *kept) {
  if (text.size == 0) return;
  const char *end = text.data + text.size;
  for (const char *p = text.data; p < end;) {
    size_t control = control_at(p, end);
    if (control == 0 || (*p && strchr(kept, *p))) {
      fputc(*p++, out);
    } else {
      fputc(' ', out);
      p += control;
    }
  }
}

void plain_print(FILE *out, sdx_bytes text) {
  print(out, text, "");
}

void plain_print_lines(FILE *out, sdx_bytes text) {
  print(out, text, "\n\t");
}

void plain_print_snippet(FILE *out, sdx_bytes html, bool bold) {
  static const struct {
    const char *html, *text, *bold;
  } marks[] = {
    { "<b>", "", "\033[1m" }, { "</b>", "", "\033[0m" }, { "&lt;", "<", "<" },
    { "&gt;", ">", ">" },     { "&amp;", "&", "&" },     { "&quot;", "\"", "\"" },
    { "&#39;", "'", "'" },
  };
  size_t i = 0;
  while (i < html.size) {
    const char *p = html.data + i;
    size_t m = 0, count = sizeof marks / sizeof *marks;
    while (m < count && (strlen(marks[m].html) > html.size - i ||
                         memcmp(p, marks[m].html, strlen(marks[m].html)) != 0))
      m++;
    if (m < count) {
      fputs(bold ? marks[m].bold : marks[m].text, out);
      i += strlen(marks[m].html);
    } else {
      plain_print(out, (sdx_bytes){ .data = p, .size = 1 });
      i++;
    }
  }
}
