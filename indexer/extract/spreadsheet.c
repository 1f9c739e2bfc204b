/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/spreadsheet.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "indexer/extract/charset.h"

static size_t room(const draft *d) {
  return d->body.size < DRAFT_BODY_MAX ? DRAFT_BODY_MAX - d->body.size : 0;
}

static void put_text(draft *d, const char *charset, const void *bytes, size_t size, char after) {
  if (size == 0 || bytes == NULL) return;
  if (!charset_decode(&d->body, room(d), charset, bytes, size))
    draft_set_partial(d, "more text than is read of one item");
  buffer_put_u8(&d->body, (uint8_t)after);
}

static void put_number(draft *d, double value) {
  char text[32];
  if (value != value || value > 1e15 || value < -1e15 || room(d) < sizeof text) return;
  buffer_put(&d->body, text, (size_t)snprintf(text, sizeof text, "%.10g ", value));
}

static double as_double(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* A number in 30 bits: an integer, or the upper bits of a double; perhaps hundredfold. */
static double as_rk(uint32_t bits) {
  const double value =
      bits & 2 ? (double)((int32_t)bits >> 2) : as_double((uint64_t)(bits & 0xfffffffcu) << 32);
  return bits & 1 ? value / 100 : value;
}

/* ---------------------------------------------------------------- .xlsb */

static void put_wide(draft *d, cursor *c) {
  const uint32_t count = cursor_get_u32(c);
  const uint8_t *text = count <= cursor_left(c) / 2 ? cursor_get(c, (size_t)count * 2) : NULL;
  put_text(d, "UTF-16LE", text, (size_t)count * 2, '\n');
}

/* Record types and sizes are seven bits a byte, of two and four bytes at most. */
static uint32_t get_packed(cursor *c, unsigned bytes) {
  uint32_t value = 0;
  for (unsigned i = 0; i < bytes; i++) {
    const uint8_t byte = cursor_get_u8(c);
    value |= (uint32_t)(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) break;
  }
  return value;
}

void binary_sheet_text(draft *d, const void *bytes, size_t size) {
  cursor c = cursor_over(bytes, size);
  while (cursor_left(&c) > 0 && !c.failed && room(d) > 0) {
    const uint32_t type = get_packed(&c, 2);
    const uint32_t length = get_packed(&c, 4);
    const uint8_t *at = cursor_get(&c, length);
    if (at == NULL) return;
    cursor r = cursor_over(at, length);
    if (type == 19) { /* a shared string */
      (void)cursor_get_u8(&r);
      put_wide(d, &r);
    } else if (type == 2 || type == 5 || type == 6 || type == 8 || type == 9) { /* cells */
      (void)cursor_get(&r, 8);
      if (r.failed) continue;
      if (type == 2) put_number(d, as_rk(cursor_get_u32(&r)));
      if (type == 5 || type == 9) put_number(d, as_double(cursor_get_u64(&r)));
      if (type == 6 || type == 8) put_wide(d, &r);
    }
  }
}

/* ---------------------------------------------------------------- .xls */

enum {
  RECORD_FILEPASS = 0x2f,
  RECORD_CODEPAGE = 0x42,
  RECORD_CONTINUE = 0x3c,
  RECORD_BOF = 0x809,
  RECORD_BOUNDSHEET = 0x85,
  RECORD_SST = 0xfc,
  RECORD_LABEL = 0x204,
  RECORD_RSTRING = 0xd6,
  RECORD_STRING = 0x207,
  RECORD_NUMBER = 0x203,
  RECORD_RK = 0x27e,
  RECORD_MULRK = 0xbd,
  RECORD_FORMULA = 0x06,
  RECORD_FORMULA4 = 0x406,
  RECORD_TXO = 0x1b6,
  RECORD_NOTE = 0x1c,
  RECORD_LABEL2 = 0x04,
  RECORD_NUMBER2 = 0x03,
  RECORD_HEADER = 0x14,
  RECORD_FOOTER = 0x15
};

typedef struct workbook {
  draft *d;
  cursor c;  /* behind the current record */
  bool wide; /* BIFF8: strings say whether they are of two bytes */
  bool old;  /* BIFF2: other cells */
  char charset[16];
} workbook;

/* A record that goes on in CONTINUE records. */
typedef struct chain {
  workbook *w;
  cursor r;
} chain;

/* Moves on to the next CONTINUE where the current part is used up. */
static bool chain_more(chain *k) {
  while (cursor_left(&k->r) == 0) {
    cursor next = k->w->c;
    const uint16_t type = cursor_get_u16(&next);
    const uint16_t size = cursor_get_u16(&next);
    const uint8_t *at = cursor_get(&next, size);
    if (at == NULL || type != RECORD_CONTINUE) return false;
    k->w->c = next;
    k->r = cursor_over(at, size);
  }
  return true;
}

static void chain_skip(chain *k, size_t size) {
  while (size > 0 && chain_more(k)) {
    const size_t step = size < cursor_left(&k->r) ? size : cursor_left(&k->r);
    (void)cursor_get(&k->r, step);
    size -= step;
  }
}

static uint8_t chain_u8(chain *k) {
  return chain_more(k) ? cursor_get_u8(&k->r) : 0;
}
static uint16_t chain_u16(chain *k) {
  const unsigned low = chain_u8(k);
  return (uint16_t)(low | (unsigned)chain_u8(k) << 8);
}
static uint32_t chain_u32(chain *k) {
  const uint32_t low = chain_u16(k);
  return low | (uint32_t)chain_u16(k) << 16;
}

/* `count` characters; where they go on in another part, that begins with flags of its own. */
static void chain_characters(chain *k, size_t count, bool two) {
  draft *d = k->w->d;
  while (count > 0) {
    const bool crossed = cursor_left(&k->r) == 0;
    if (!chain_more(k)) return;
    if (crossed) two = cursor_get_u8(&k->r) & 1;
    const size_t width = two ? 2 : 1;
    size_t step = cursor_left(&k->r) / width;
    if (step == 0) {
      (void)cursor_get(&k->r, cursor_left(&k->r));
      continue;
    }
    if (step > count) step = count;
    const uint8_t *at = cursor_get(&k->r, step * width);
    if (at != NULL &&
        !charset_decode(&d->body, room(d), two ? "UTF-16LE" : "iso-8859-1", at, step * width))
      draft_set_partial(d, "more text than is read of one item");
    count -= step;
  }
}

static void chain_string(chain *k, size_t count) {
  const uint8_t flags = chain_u8(k);
  const uint16_t runs = flags & 8 ? chain_u16(k) : 0;
  const uint32_t extra = flags & 4 ? chain_u32(k) : 0;
  chain_characters(k, count, flags & 1);
  buffer_put_u8(&k->w->d->body, '\n');
  chain_skip(k, (size_t)runs * 4);
  chain_skip(k, extra);
}

static void read_strings(chain *k) {
  (void)chain_u32(k);
  const uint32_t count = chain_u32(k);
  for (uint32_t i = 0; i < count && chain_more(k) && room(k->w->d) > 0; i++)
    chain_string(k, chain_u16(k));
}

/* A string behind a length of two bytes, in whichever way the file has them. */
static void read_string(chain *k) {
  const uint16_t count = chain_u16(k);
  if (count == 0) return;
  if (k->w->wide) {
    chain_string(k, count);
    return;
  }
  const size_t size = count < cursor_left(&k->r) ? count : cursor_left(&k->r);
  put_text(k->w->d, k->w->charset, cursor_get(&k->r, size), size, '\n');
}

static void read_short_string(chain *k) {
  const uint8_t count = chain_u8(k);
  if (k->w->wide) {
    chain_string(k, count);
    return;
  }
  const size_t size = count < cursor_left(&k->r) ? count : cursor_left(&k->r);
  put_text(k->w->d, k->w->charset, cursor_get(&k->r, size), size, '\n');
}

static void read_formula(chain *k) {
  chain_skip(k, 6);
  if (cursor_left(&k->r) < 8) return;
  const uint64_t bits = cursor_get_u64(&k->r);
  if (bits >> 48 != 0xffff) put_number(k->w->d, as_double(bits));
}

static void read_row(chain *k) {
  chain_skip(k, 4);
  while (cursor_left(&k->r) >= 8) {
    (void)cursor_get_u16(&k->r);
    put_number(k->w->d, as_rk(cursor_get_u32(&k->r)));
  }
}

/* The text of a box stands in the next CONTINUE, behind its flags. */
static void read_box(chain *k) {
  chain_skip(k, 10);
  const uint16_t count = chain_u16(k);
  chain_skip(k, cursor_left(&k->r));
  if (count == 0 || !k->w->wide || !chain_more(k)) return;
  const uint8_t flags = chain_u8(k);
  chain_characters(k, count, flags & 1);
  buffer_put_u8(&k->w->d->body, '\n');
}

static void read_page(chain *k) {
  (void)snprintf(k->w->charset, sizeof k->w->charset, "windows-%u", cursor_get_u16(&k->r));
  if (strcmp(k->w->charset, "windows-1200") == 0 || strcmp(k->w->charset, "windows-32769") == 0)
    (void)snprintf(k->w->charset, sizeof k->w->charset, "windows-1252");
}

/* False where the rest cannot be read. */
static bool read_record(workbook *w, uint16_t type, const uint8_t *at, size_t size) {
  chain k = { .w = w, .r = cursor_over(at, size) };
  switch (type) {
  case RECORD_FILEPASS:
    draft_set_partial(w->d, "it is encrypted");
    return false;
  case RECORD_BOF:
    w->wide = cursor_get_u16(&k.r) == 0x600;
    break;
  case RECORD_CODEPAGE:
    read_page(&k);
    break;
  case RECORD_SST:
    read_strings(&k);
    break;
  case RECORD_BOUNDSHEET:
    chain_skip(&k, 6);
    read_short_string(&k);
    break;
  case RECORD_LABEL:
  case RECORD_RSTRING:
    chain_skip(&k, 6);
    read_string(&k);
    break;
  case RECORD_STRING:
    read_string(&k);
    break;
  case RECORD_LABEL2:
    chain_skip(&k, 7);
    if (w->old) read_short_string(&k);
    break;
  case RECORD_NUMBER2:
    chain_skip(&k, 7);
    if (w->old && cursor_left(&k.r) >= 8) put_number(w->d, as_double(cursor_get_u64(&k.r)));
    break;
  case RECORD_NUMBER:
    chain_skip(&k, 6);
    if (cursor_left(&k.r) >= 8) put_number(w->d, as_double(cursor_get_u64(&k.r)));
    break;
  case RECORD_RK:
    chain_skip(&k, 6);
    if (cursor_left(&k.r) >= 4) put_number(w->d, as_rk(cursor_get_u32(&k.r)));
    break;
  case RECORD_MULRK:
    read_row(&k);
    break;
  case RECORD_FORMULA:
  case RECORD_FORMULA4:
    read_formula(&k);
    break;
  case RECORD_TXO:
    read_box(&k);
    break;
  case RECORD_HEADER:
  case RECORD_FOOTER:
    if (size > 0 && w->wide) read_string(&k);
    break;
  default:
    break;
  }
  return true;
}

void sheet_text(draft *d, const void *bytes, size_t size) {
  workbook w = { .d = d, .c = cursor_over(bytes, size), .charset = "windows-1252" };
  const uint8_t *first = bytes;
  w.old = size > 2 && first[0] == 9 && first[1] == 0;
  while (cursor_left(&w.c) >= 4 && room(d) > 0 && !d->body.failed) {
    const uint16_t type = cursor_get_u16(&w.c);
    const uint16_t length = cursor_get_u16(&w.c);
    const uint8_t *at = cursor_get(&w.c, length);
    if (at == NULL || !read_record(&w, type, at, length)) return;
  }
}
