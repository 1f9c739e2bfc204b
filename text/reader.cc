// SPDX-License-Identifier: GPL-2.0-or-later
#include "text/reader.h"

#include <unicode/unorm2.h>

#include <new>

namespace text {

static bool is_continuation(const char *at) {
  return (static_cast<unsigned char>(*at) & 0xc0) == 0x80;
}

size_t decode_utf8(const char *at, const char *end, uint32_t *ch) {
  const unsigned char *p = reinterpret_cast<const unsigned char *>(at);
  const size_t left = static_cast<size_t>(end - at);
  *ch = p[0];
  if (p[0] < 0xc2 || p[0] > 0xf4) return 1; // ASCII, a stray continuation, overlong, out of range
  if (p[0] < 0xe0) {
    if (left < 2 || !is_continuation(at + 1)) return 1;
    *ch = (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU);
    return 2;
  }
  if (p[0] < 0xf0) {
    if (left < 3 || !is_continuation(at + 1) || !is_continuation(at + 2)) return 1;
    if (p[0] == 0xe0 && p[1] < 0xa0) return 1; // overlong
    *ch = (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
    return 3;
  }
  if (left < 4 || !is_continuation(at + 1) || !is_continuation(at + 2) || !is_continuation(at + 3))
    return 1;
  if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) return 1; // overlong, too big
  *ch = (p[0] & 0x07U) << 18 | (p[1] & 0x3fU) << 12 | (p[2] & 0x3fU) << 6 | (p[3] & 0x3fU);
  return 4;
}

// Shown as nothing, or changing only how the character before looks. Zero-width spaces and joiners
// are not among them: Xapian has a rule of its own for those (see tokenizer.h).
static bool is_passed_over(uint32_t ch) {
  switch (ch) {
  case 0x00ad: // soft hyphen
  case 0x061c: // Arabic letter mark
  case 0x200e: // left-to-right mark
  case 0x200f: // right-to-left mark
    return true;
  default:
    return (ch >= 0x202a && ch <= 0x202e) || // embeddings and overrides
           (ch >= 0x2066 && ch <= 0x2069) || // isolates
           (ch >= 0xfe00 && ch <= 0xfe0f) || // variation selectors
           (ch >= 0xe0100 && ch <= 0xe01ef);
  }
}

static uint32_t usual_width(uint32_t ch) {
  static const char16_t katakana[] =
      u"。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソ"
      u"タチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"
      u"\u3099\u309a";
  if (ch >= 0xff01 && ch <= 0xff5e) return ch - 0xff01 + 0x21;
  if (ch >= 0xff61 && ch <= 0xff9f) return katakana[ch - 0xff61];
  return ch;
}

static bool begins_composition(uint32_t ch) {
  return (ch >= 0x1100 && ch <= 0x1112) || (ch >= 0x3046 && ch <= 0x30fd) ||
         (ch >= 0xac00 && ch <= 0xd7a3);
}

static bool ends_composition(uint32_t ch) {
  return (ch >= 0x1161 && ch <= 0x1175) || (ch >= 0x11a8 && ch <= 0x11c2) || ch == 0x3099 ||
         ch == 0x309a;
}

void reader::advance_beyond_ascii() {
  while (true) {
    next_ = at_ + decode_utf8(at_, end_, &ch_);
    if (!is_passed_over(ch_)) break;
    at_ = next_;
    if (at_ == end_) return;
  }
  if (ch_ < 0x1100) return;
  ch_ = usual_width(ch_);
  if (begins_composition(ch_)) compose();
}

void reader::compose() {
  for (const char *probe = next_; probe < end_;) {
    uint32_t mark;
    probe += decode_utf8(probe, end_, &mark);
    if (is_passed_over(mark)) continue;
    mark = usual_width(mark);
    if (!ends_composition(mark)) return;
    UErrorCode error = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&error);
    if (U_FAILURE(error)) throw std::bad_alloc();
    const UChar32 composite =
        unorm2_composePair(nfc, static_cast<UChar32>(ch_), static_cast<UChar32>(mark));
    if (composite < 0) return;
    ch_ = static_cast<uint32_t>(composite);
    next_ = probe;
  }
}

} // namespace text
