/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"

/* The length of the well-formed UTF-8 sequence at `p` (of at most `left` bytes), 0 where none is.
 */
static size_t sequence_at(const unsigned char *p, size_t left) {
  if (p[0] < 0x80) return 1;
  size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4 || n > left) return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
  bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
  bool beyond = p[0] == 0xf4 && p[1] >= 0x90;
  return overlong || surrogate || beyond ? 0 : n;
}

bool json_is_utf8(sdx_bytes bytes) {
  const unsigned char *p = (const unsigned char *)bytes.data;
  for (size_t i = 0; i < bytes.size;) {
    size_t n = sequence_at(p + i, bytes.size - i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

static void put_escaped(FILE *out, unsigned char c) {
  const char *shorts = "\"\"\\\\\bb\ff\nn\rr\tt";
  for (const char *s = shorts; *s; s += 2) {
    if ((unsigned char)*s == c) {
      fprintf(out, "\\%c", s[1]);
      return;
    }
  }
  fprintf(out, "\\u%04x", c);
}

static void put_string(FILE *out, sdx_bytes value) {
  const unsigned char *p = (const unsigned char *)value.data;
  fputc('"', out);
  for (size_t i = 0; i < value.size;) {
    size_t n = sequence_at(p + i, value.size - i);
    if (n == 0) {
      fputs("\xef\xbf\xbd", out);
      n = 1;
    } else if (n == 1 && (p[i] < 0x20 || p[i] == '"' || p[i] == '\\' || p[i] == 0x7f)) {
      put_escaped(out, p[i]);
    } else {
      fwrite(p + i, 1, n, out);
    }
    i += n;
  }
  fputc('"', out);
}

/* What stands before a value: a comma, and the key. */
static void lead(json *j, const sdx_bytes *key) {
  if (j->depth > 0) {
    if (j->filled[j->depth - 1]) fputc(',', j->out);
    j->filled[j->depth - 1] = true;
  }
  if (key) {
    put_string(j->out, *key);
    fputc(':', j->out);
  }
}

static void lead_text(json *j, const char *key) {
  sdx_bytes name = bytes_of(key ? key : "");
  lead(j, key ? &name : NULL);
}

/* What stands behind one: at the top, the end of the line. */
static void trail(json *j) {
  if (j->depth == 0) fputc('\n', j->out);
}

static void push(json *j, char opener, char closer) {
  assert(j->depth < JSON_DEPTH);
  fputc(opener, j->out);
  j->closers[j->depth] = closer;
  j->filled[j->depth] = false;
  j->depth++;
}

void json_object(json *j, const char *key) {
  lead_text(j, key);
  push(j, '{', '}');
}

void json_object_named(json *j, sdx_bytes key) {
  lead(j, &key);
  push(j, '{', '}');
}

void json_array(json *j, const char *key) {
  lead_text(j, key);
  push(j, '[', ']');
}

void json_close(json *j) {
  assert(j->depth > 0);
  j->depth--;
  fputc(j->closers[j->depth], j->out);
  trail(j);
}

void json_string(json *j, const char *key, sdx_bytes value) {
  lead_text(j, key);
  put_string(j->out, value);
  trail(j);
}

void json_text(json *j, const char *key, const char *value) {
  json_string(j, key, bytes_of(value));
}

void json_int(json *j, const char *key, int64_t value) {
  lead_text(j, key);
  fprintf(j->out, "%" PRId64, value);
  trail(j);
}

void json_uint(json *j, const char *key, uint64_t value) {
  lead_text(j, key);
  fprintf(j->out, "%" PRIu64, value);
  trail(j);
}

void json_uint_named(json *j, sdx_bytes key, uint64_t value) {
  lead(j, &key);
  fprintf(j->out, "%" PRIu64, value);
  trail(j);
}

void json_bool(json *j, const char *key, bool value) {
  lead_text(j, key);
  fputs(value ? "true" : "false", j->out);
  trail(j);
}

void json_double(json *j, const char *key, double value) {
  lead_text(j, key);
  if (isfinite(value)) {
    char digits[40];
    int precision = 15;
    do {
      snprintf(digits, sizeof digits, "%.*g", precision, value);
    } while (++precision <= 17 && strtod(digits, NULL) != value);
    fputs(digits, j->out);
  } else {
    fputs("null", j->out);
  }
  trail(j);
}

void json_base64(json *j, const char *key, sdx_bytes value) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *p = (const unsigned char *)value.data;
  lead_text(j, key);
  fputc('"', j->out);
  for (size_t i = 0; i < value.size; i += 3) {
    size_t n = value.size - i < 3 ? value.size - i : 3;
    unsigned bits = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                    (n > 2 ? (unsigned)p[i + 2] : 0);
    fputc(digits[bits >> 18], j->out);
    fputc(digits[bits >> 12 & 63], j->out);
    fputc(n > 1 ? digits[bits >> 6 & 63] : '=', j->out);
    fputc(n > 2 ? digits[bits & 63] : '=', j->out);
  }
  fputc('"', j->out);
  trail(j);
}
