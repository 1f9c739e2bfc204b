/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * random_text.h - random text that is nasty to a splitter: characters of every plane and script,
 * weighted towards those with rules of their own, word and gap lengths of all kinds, bytes that are
 * not UTF-8. The same seed gives the same text.
 */
#ifndef SEALDEX_TESTS_TEXT_RANDOM_TEXT_H
#define SEALDEX_TESTS_TEXT_RANDOM_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct random_text {
  uint64_t state;
} random_text;

static inline uint32_t random_text_below(random_text *r, uint32_t n) {
  uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  return (uint32_t)((z >> 32) % n);
}

static inline uint32_t random_text_between(random_text *r, uint32_t from, uint32_t to) {
  return from + random_text_below(r, to - from + 1);
}

static inline uint32_t random_text_character(random_text *r) {
  static const uint32_t special[] = {
    '\'',   '&',    ',',    '.',    ';',    '+',    '#',    '_',    '-',    '@',    0xb7,
    0x5f4,  0x2027, 0x2019, 0x201b, 0x200b, 0x200c, 0x200d, 0x2060, 0xfeff, 0x37e,  0x589,
    0x60d,  0x7f8,  0x2044, 0xfe10, 0xfe13, 0xfe14, 0xad,   0x200e, 0x202b, 0xfe0f, 0xe0101,
    0x300,  0x301,  0x308,  0x327,  0x3099, 0x309a, 0x130,  0x131,  0xdf,   0x1e9e, 0x3c2,
    0x640,  0x64b,  0x5b0,  0xfb01, 0xfdfa, 0x37a,  0xbd,   0x2163, 0x3231, 0x2e80, 0x3000,
    0x3001, 0xff0e, 0xff10, 0xff21, 0xff76, 0xff9e, 0x1112, 0x1161, 0x11ab, 0xac00, 0x1f600,
  };
  static const uint32_t ranges[][2] = {
    { 0xa1, 0x17f },      { 0x180, 0x24f },     { 0x250, 0x36f },   { 0x370, 0x3ff },
    { 0x400, 0x52f },     { 0x530, 0x58f },     { 0x590, 0x5ff },   { 0x600, 0x6ff },
    { 0x700, 0x8ff },     { 0x900, 0x97f },     { 0xb80, 0xbff },   { 0xe00, 0xe7f },
    { 0x10a0, 0x13ff },   { 0x1100, 0x11ff },   { 0x1e00, 0x1fff }, { 0x2000, 0x2bff },
    { 0x2c00, 0x2fff },   { 0x3000, 0x30ff },   { 0x3100, 0x33ff }, { 0x4e00, 0x9fff },
    { 0xa640, 0xabff },   { 0xac00, 0xd7af },   { 0xd800, 0xdfff }, { 0xf900, 0xffff },
    { 0x10000, 0x1ffff }, { 0x20000, 0x2ffff }, { 0x0, 0x10ffff },
  };
  switch (random_text_below(r, 16)) {
  case 0:
  case 1:
  case 2:
  case 3:
    return random_text_between(r, 'a', 'z');
  case 4:
    return random_text_between(r, 'A', 'Z');
  case 5:
    return random_text_between(r, '0', '9');
  case 6:
  case 7:
  case 8:
    return special[random_text_below(r, sizeof special / sizeof *special)];
  case 9:
    return random_text_between(r, 1, 0x7f);
  default: {
    const uint32_t *range = ranges[random_text_below(r, sizeof ranges / sizeof *ranges)];
    return random_text_between(r, range[0], range[1]);
  }
  }
}

static inline size_t random_text_encode(uint32_t c, char *out) {
  if (c < 0x80) return out[0] = (char)c, 1;
  if (c < 0x800) return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3f)), 2;
  if (c < 0x10000)
    return out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 0x3f)),
           out[2] = (char)(0x80 | (c & 0x3f)), 3;
  return out[0] = (char)(0xf0 | c >> 18), out[1] = (char)(0x80 | (c >> 12 & 0x3f)),
         out[2] = (char)(0x80 | (c >> 6 & 0x3f)), out[3] = (char)(0x80 | (c & 0x3f)), 4;
}

/* Fills at most `capacity` bytes; returns how many, and adds the characters to *characters. */
static inline size_t random_text_fill(random_text *r, char *out, size_t capacity,
                                      size_t *characters) {
  const uint32_t gap_every = random_text_between(r, 1, 40);
  const uint32_t bad_every = random_text_below(r, 3) == 0 ? 30 : 1000;
  const uint32_t script = random_text_below(r, 3) == 0 ? random_text_character(r) & ~0x3fU : 0;
  size_t size = 0;
  while (size + 8 <= capacity) {
    uint32_t c = random_text_character(r);
    if (script != 0 && random_text_below(r, 4) != 0) c = script + random_text_below(r, 64);
    if (random_text_below(r, gap_every) == 0) c = random_text_below(r, 4) == 0 ? '\n' : ' ';
    if (random_text_below(r, bad_every) == 0)
      out[size++] = (char)random_text_between(r, 0x80, 0xff);
    else
      size += random_text_encode(c, out + size);
    ++*characters;
  }
  return size;
}

#endif
