/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader.h - text as the tokenizer reads it: one character after another, repaired.
 *
 * Bytes that are not UTF-8 are read as Latin-1, exactly as Xapian::Utf8Iterator does. On top of
 * that, what looks like one character to a person is read as one, so that splitting sees the same
 * word whatever program wrote it:
 *   - soft hyphens, directional marks and variation selectors are passed over;
 *   - full-width ASCII and half-width katakana are read in their usual width;
 *   - conjoining Hangul jamo, and kana with a combining voiced mark, are read composed (file names
 *     from a Macintosh come decomposed, and n-grams of halves of characters would find nothing).
 */
#ifndef SEALDEX_TEXT_READER_H
#define SEALDEX_TEXT_READER_H

#include <cstddef>
#include <cstdint>

namespace text {

class reader {
public:
  /* A reader standing on the first character at or behind `at`. */
  reader(const char *at, const char *end) : next_(at), end_(end) { advance(); }

  bool done() const { return at_ == end_; }
  uint32_t ch() const { return ch_; }        /* the character; meaningless when done */
  const char *at() const { return at_; }     /* its first byte */
  const char *next() const { return next_; } /* behind its last byte */

  void advance() {
    at_ = next_;
    if (at_ == end_) return;
    const unsigned char byte = static_cast<unsigned char>(*at_);
    if (byte < 0x80) {
      ch_ = byte;
      next_ = at_ + 1;
      return;
    }
    /* Two bytes, U+00C0 to U+05FF, where nothing is passed over: most of Latin, Greek, Cyrillic. */
    if (byte >= 0xc3 && byte < 0xd8 && end_ - at_ > 1 &&
        (static_cast<unsigned char>(at_[1]) & 0xc0) == 0x80) {
      ch_ = (byte & 0x1fU) << 6 | (static_cast<unsigned char>(at_[1]) & 0x3fU);
      next_ = at_ + 2;
      return;
    }
    advance_beyond_ascii();
  }

private:
  void advance_beyond_ascii();
  void compose();

  const char *at_ = nullptr;
  const char *next_;
  const char *end_;
  uint32_t ch_ = 0;
};

/* Decodes one character as Xapian::Utf8Iterator does; `at` < `end`. Returns its size in bytes. */
size_t decode_utf8(const char *at, const char *end, uint32_t *ch);

/* Encodes `ch` (below 0x200000) into at most 4 bytes; returns how many. */
inline size_t encode_utf8(uint32_t ch, char *out) {
  if (ch < 0x80) {
    out[0] = static_cast<char>(ch);
    return 1;
  }
  if (ch < 0x800) {
    out[0] = static_cast<char>(0xc0 | (ch >> 6));
    out[1] = static_cast<char>(0x80 | (ch & 0x3f));
    return 2;
  }
  if (ch < 0x10000) {
    out[0] = static_cast<char>(0xe0 | (ch >> 12));
    out[1] = static_cast<char>(0x80 | ((ch >> 6) & 0x3f));
    out[2] = static_cast<char>(0x80 | (ch & 0x3f));
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | (ch >> 18));
  out[1] = static_cast<char>(0x80 | ((ch >> 12) & 0x3f));
  out[2] = static_cast<char>(0x80 | ((ch >> 6) & 0x3f));
  out[3] = static_cast<char>(0x80 | (ch & 0x3f));
  return 4;
}

/* The longest prefix of at most `limit` bytes that ends on a character of valid UTF-8. */
inline size_t cut_utf8(const char *bytes, size_t size, size_t limit) {
  if (size <= limit) return size;
  while (limit > 0 && (static_cast<unsigned char>(bytes[limit]) & 0xc0) == 0x80) limit--;
  return limit;
}

} // namespace text

#endif
