/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tokenizer.h - splitting text into words exactly as Xapian 1.4's TermGenerator does (with
 * FLAG_CJK_NGRAM), at many times its speed.
 *
 * The rules are Xapian's, written anew: words are runs of word characters by Unicode category; one
 * infix character (' & and the like, between digits , . ; and the like) joins two runs; up to three
 * + or # may end a word (C++); initials with stops (U.N.) are one word; runs of Chinese, Japanese
 * and Korean give single characters and overlapping pairs.
 *
 * A word whose bytes, and those around it that decide where it ends, are all ASCII takes a path of
 * its own, sixteen bytes at a time. As soon as another byte comes into play the word is begun again
 * on the exact path, which follows TermGenerator step by step, oddities included: an infix before
 * a CJK character leaves the word open behind the CJK run, and initials are not looked for there.
 */
#ifndef SEALDEX_TEXT_TOKENIZER_H
#define SEALDEX_TEXT_TOKENIZER_H

#include <xapian.h>

#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "text/reader.h"

extern "C" {
#include "base/wipe.h"
}

namespace text {

/* One word, in lower case. Good until the sink returns. */
struct token {
  const char *bytes; /* at least 32 behind them can be read */
  uint32_t size;     /* at most TOKEN_MAX: what is longer is kept to its first TOKEN_MAX bytes */
  bool ascii;
  bool positional;         /* false for pairs of CJK characters */
  bool ngram;              /* CJK: a character or a pair */
  const char *start, *end; /* where it stands in the text */
};

/* Room enough that 64 bytes are left after any normalisation of what is cut here. */
constexpr uint32_t TOKEN_MAX = 240;

inline bool is_cjk(uint32_t ch) {
  if (ch < 0x2e80) return false;
  return ch <= 0x2eff || (ch >= 0x3000 && ch <= 0x9fff) || (ch >= 0xa700 && ch <= 0xa71f) ||
         (ch >= 0xac00 && ch <= 0xd7af) || (ch >= 0xf900 && ch <= 0xfaff) ||
         (ch >= 0xfe30 && ch <= 0xfe4f) || (ch >= 0xff00 && ch <= 0xffef) ||
         (ch >= 0x20000 && ch <= 0x2a6df) || (ch >= 0x2f800 && ch <= 0x2fa1f);
}

/* What an ASCII byte means to the splitter. */
enum ascii_class : uint8_t { OTHER, WORD, DIGIT, UPPER, INFIX, INFIX_DIGIT, SUFFIX, BEYOND };

struct ascii_table {
  uint8_t of[256];
  constexpr ascii_table() : of() {
    for (int c = 0; c < 256; c++) {
      uint8_t k = OTHER;
      if (c >= 0x80)
        k = BEYOND;
      else if (c >= '0' && c <= '9')
        k = DIGIT;
      else if (c >= 'A' && c <= 'Z')
        k = UPPER;
      else if ((c >= 'a' && c <= 'z') || c == '_')
        k = WORD;
      else if (c == '\'' || c == '&')
        k = INFIX;
      else if (c == ',' || c == '.' || c == ';')
        k = INFIX_DIGIT;
      else if (c == '+' || c == '#')
        k = SUFFIX;
      of[c] = k;
    }
  }
};
inline constexpr ascii_table ASCII;

class tokenizer {
public:
  ~tokenizer() { wipe(word_, sizeof word_); }

  /* Calls sink(const token &) for each word of the text. */
  template <class Sink> void run(const char *bytes, size_t size, Sink &&sink) {
    end_ = bytes + size;
    const char *at = bytes;
    while (true) {
      uint8_t k = OTHER;
      while (at < end_ && !begins(k = class_of(at))) at++;
      if (at == end_) return;
      const char *behind = k == BEYOND ? nullptr : ascii_word(at, k, sink);
      at = behind != nullptr ? behind : exact(at, sink);
    }
  }

private:
  static constexpr uint32_t IGNORED = UINT32_MAX;

  static uint8_t class_of(const char *at) { return ASCII.of[static_cast<unsigned char>(*at)]; }
  static bool is_word(uint8_t k) { return k == WORD || k == DIGIT || k == UPPER; }
  static bool begins(uint8_t k) { return is_word(k) || k == BEYOND; }

  static uint32_t lower_wordchar(uint32_t ch) {
    return Xapian::Unicode::is_wordchar(ch) ? Xapian::Unicode::tolower(ch) : 0;
  }
  static bool is_digit(uint32_t ch) {
    return Xapian::Unicode::get_category(ch) == Xapian::Unicode::DECIMAL_DIGIT_NUMBER;
  }
  static bool is_upper(uint32_t ch) { return ch >= 'A' && ch <= 'Z'; }

  /* Zero-width characters that join the words on both sides and leave no trace. */
  static bool is_ignored(uint32_t ch) {
    return (ch >= 0x200b && ch <= 0x200d) || ch == 0x2060 || ch == 0xfeff;
  }
  static uint32_t infix(uint32_t ch) {
    if (ch == '\'' || ch == '&' || ch == 0xb7 || ch == 0x5f4 || ch == 0x2027) return ch;
    if (ch == 0x2019 || ch == 0x201b) return '\''; /* typographic apostrophes */
    return is_ignored(ch) ? IGNORED : 0;
  }
  static uint32_t infix_digit(uint32_t ch) {
    switch (ch) {
    case ',':
    case '.':
    case ';':
    case 0x37e:
    case 0x589:
    case 0x60d:
    case 0x7f8:
    case 0x2044:
    case 0xfe10:
    case 0xfe13:
    case 0xfe14:
      return ch;
    default:
      return is_ignored(ch) ? IGNORED : 0;
    }
  }

  /* ------------------------------------------------------------ the word being put together */

  void clear() {
    size_ = 0;
    ascii_ = true;
    full_ = false;
  }
  void put(uint32_t ch) {
    if (full_ || size_ > TOKEN_MAX - 4) {
      full_ = true; /* for good: nothing shorter may slip in behind a cut */
      return;
    }
    if (ch >= 0x80) ascii_ = false;
    size_ += static_cast<uint32_t>(encode_utf8(ch, word_ + size_));
  }
  template <class Sink>
  void emit(Sink &sink, const char *start, const char *end, bool positional, bool ngram) {
    sink(token{ word_, size_, ascii_, positional, ngram, start, end });
  }

  /* Copies the ASCII word characters at `at` in lower case behind word_[size_]; returns their end.
   */
  const char *copy_run(const char *at) {
#ifdef __SSE2__
    while (end_ - at >= 16 && size_ <= TOKEN_MAX - 16) {
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i *>(at));
      const __m128i bit = _mm_set1_epi8(0x20);
      const __m128i small = _mm_or_si128(v, bit);
      const __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(small, _mm_set1_epi8('a' - 1)),
                                           _mm_cmplt_epi8(small, _mm_set1_epi8('z' + 1)));
      const __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8('0' - 1)),
                                          _mm_cmplt_epi8(v, _mm_set1_epi8('9' + 1)));
      const __m128i word =
          _mm_or_si128(_mm_or_si128(letter, digit), _mm_cmpeq_epi8(v, _mm_set1_epi8('_')));
      _mm_storeu_si128(reinterpret_cast<__m128i *>(word_ + size_),
                       _mm_or_si128(v, _mm_and_si128(letter, bit)));
      const unsigned rest = ~static_cast<unsigned>(_mm_movemask_epi8(word)) & 0xffffU;
      if (rest != 0) {
        const uint32_t n = static_cast<uint32_t>(__builtin_ctz(rest));
        size_ += n;
        return at + n;
      }
      size_ += 16;
      at += 16;
    }
#endif
    for (; at < end_ && is_word(class_of(at)); at++)
      if (size_ < TOKEN_MAX)
        word_[size_++] = static_cast<char>(class_of(at) == UPPER ? *at | 0x20 : *at);
      else
        full_ = true;
    return at;
  }
  void put_ascii(char c) {
    if (!full_ && size_ < TOKEN_MAX)
      word_[size_++] = c;
    else
      full_ = true;
  }

  /* ------------------------------------------------------------ the fast path */

  /* The word at `at`, an ASCII word character of class `k`. Returns where to go on, or NULL, with
   * nothing given to the sink, where a byte beyond ASCII has a say. */
  template <class Sink> const char *ascii_word(const char *at, uint8_t k, Sink &sink) {
    const char *p = at;
    clear();
    if (k == UPPER && end_ - at > 2 && at[1] == '.' && class_of(at + 2) >= UPPER) {
      const char *last;
      do {
        put_ascii(static_cast<char>(*p | 0x20));
        last = ++p;
      } while (p != end_ && *p == '.' && ++p != end_ && class_of(p) == UPPER);
      if (p != end_ && class_of(p) == BEYOND) return nullptr;
      if (size_ > 1 && (p == end_ || !is_word(class_of(p)))) {
        emit(sink, at, last, true, false);
        return p;
      }
      clear();
      p = at;
    }
    while (true) {
      p = copy_run(p);
      if (p == end_) break;
      k = class_of(p);
      if (k == OTHER) break;
      if (k == BEYOND) return nullptr;
      if (p + 1 == end_) break;
      const uint8_t follower = class_of(p + 1);
      if (follower == BEYOND) return nullptr;
      if (!is_word(follower)) break;
      const bool digits = follower == DIGIT && class_of(p - 1) == DIGIT;
      if (k != (digits ? INFIX_DIGIT : INFIX)) break;
      put_ascii(*p++);
    }
    const char *stop = p;
    if (p != end_ && k == SUFFIX) {
      const uint32_t size = size_;
      bool kept = true;
      while (p != end_ && class_of(p) == SUFFIX) {
        if (p - stop == 3) {
          kept = false;
          break;
        }
        put_ascii(*p++);
      }
      if (p != end_ && class_of(p) == BEYOND) return nullptr;
      if (p != end_ && is_word(class_of(p))) kept = false; /* fish+chips */
      if (!kept)
        size_ = size;
      else
        stop = p;
    }
    emit(sink, at, stop, true, false);
    return p;
  }

  /* ------------------------------------------------------------ the exact path */

  /* Initials joined by stops at `it`: true, with `it` behind them and the word put together. */
  bool initials(reader &it, const char *&stop) {
    reader p = it;
    uint32_t count = 0;
    do {
      put(p.ch() | 0x20);
      count++;
      stop = p.next();
      p.advance();
    } while (!p.done() && p.ch() == '.' && (p.advance(), !p.done()) && is_upper(p.ch()));
    if (count > 1 && (p.done() || !Xapian::Unicode::is_wordchar(p.ch()))) {
      it = p;
      return true;
    }
    clear();
    return false;
  }

  /* Gives out the characters and pairs of the CJK run at `it`, and moves behind it. The word that
   * stands in word_ is kept. */
  template <class Sink> void cjk_run(reader &it, Sink &sink) {
    char kept[TOKEN_MAX + 24];
    const uint32_t kept_size = size_;
    const bool kept_ascii = ascii_, kept_full = full_;
    memcpy(kept, word_, kept_size);
    uint32_t before = 0;
    const char *before_start = nullptr;
    while (!it.done() && is_cjk(it.ch()) && Xapian::Unicode::is_wordchar(it.ch())) {
      if (before != 0) {
        clear();
        put(before);
        put(it.ch());
        emit(sink, before_start, it.next(), false, true);
      }
      before = it.ch();
      before_start = it.at();
      clear();
      put(before);
      emit(sink, before_start, it.next(), true, true);
      it.advance();
    }
    memcpy(word_, kept, kept_size);
    size_ = kept_size;
    ascii_ = kept_ascii;
    full_ = kept_full;
  }

  /* One step of TermGenerator from `at`: passes over one character that is no word's, or gives out
   * a word and whatever CJK comes before it. Returns where to go on. */
  template <class Sink> const char *exact(const char *at, Sink &sink) {
    reader it(at, end_);
    if (it.done()) return end_;
    uint32_t ch = lower_wordchar(it.ch());
    if (ch == 0) return it.next();
    clear();
    const char *start = it.at(), *stop = nullptr;
    if (is_upper(it.ch()) && initials(it, stop)) {
      emit(sink, start, stop, true, false);
      return it.done() ? end_ : it.at();
    }
    while (true) {
      if (is_cjk(it.ch()) && Xapian::Unicode::is_wordchar(it.ch())) {
        cjk_run(it, sink);
        while (!it.done() && (ch = lower_wordchar(it.ch())) == 0) it.advance();
        if (it.done()) return end_; /* and a word left open is lost, as in TermGenerator */
        if (size_ == 0) start = it.at();
        continue;
      }
      uint32_t last;
      do {
        put(ch);
        last = ch;
        stop = it.next();
        it.advance();
        if (it.done() || is_cjk(it.ch())) goto complete;
        ch = lower_wordchar(it.ch());
      } while (ch != 0);
      reader next = it;
      next.advance();
      if (next.done()) break;
      const uint32_t follower = lower_wordchar(next.ch());
      if (follower == 0) break;
      const uint32_t joint =
          is_digit(last) && is_digit(next.ch()) ? infix_digit(it.ch()) : infix(it.ch());
      if (joint == 0) break;
      if (joint != IGNORED) put(joint);
      ch = follower;
      it = next;
    }
    {
      const uint32_t size = size_;
      const bool ascii = ascii_, full = full_;
      const char *suffix_end = stop;
      bool kept = true;
      for (int count = 0; !it.done() && (it.ch() == '+' || it.ch() == '#'); it.advance()) {
        if (++count > 3) {
          kept = false;
          break;
        }
        put(it.ch());
        suffix_end = it.next();
      }
      if (!it.done() && Xapian::Unicode::is_wordchar(it.ch())) kept = false;
      if (!kept) {
        size_ = size;
        ascii_ = ascii;
        full_ = full;
      } else {
        stop = suffix_end;
      }
    }
  complete:
    emit(sink, start, stop, true, false);
    return it.done() ? end_ : it.at();
  }

  char word_[TOKEN_MAX + 64] = {};
  uint32_t size_ = 0;
  bool ascii_ = true;
  bool full_ = false;
  const char *end_ = nullptr;
};

} // namespace text

#endif
