// SPDX-License-Identifier: GPL-2.0-or-later
#include "text/fold.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include <xapian.h>

#include "text/reader.h"

extern "C" {
#include "text/text.h"
}

namespace text {

static void check(UErrorCode error) {
  if (U_FAILURE(error)) throw std::bad_alloc();
}

// ICU's tables are read when they are needed: a search for plain words does without.
void folder::find_forms() {
  UErrorCode error = U_ZERO_ERROR;
  nfkc_ = unorm2_getNFKCInstance(&error);
  nfd_ = unorm2_getNFDInstance(&error);
  nfc_ = unorm2_getNFCInstance(&error);
  check(error);
}

// ---------------------------------------------------------------- between UTF-8 and UTF-16

void folder::decode(std::string_view in) {
  if (nfc_ == nullptr) find_forms();
  now_.clear();
  now_.reserve(in.size() + 1);
  for (const char *at = in.data(), *end = at + in.size(); at < end;) {
    uint32_t ch;
    at += decode_utf8(at, end, &ch);
    if (ch < 0x10000) {
      now_.push_back(static_cast<char16_t>(ch));
    } else {
      now_.push_back(U16_LEAD(ch));
      now_.push_back(U16_TRAIL(ch));
    }
  }
}

std::string_view folder::encode() {
  bytes_.clear();
  bytes_.reserve(now_.size() * 3 + 8);
  const int32_t size = static_cast<int32_t>(now_.size());
  for (int32_t i = 0; i < size;) {
    UChar32 ch;
    U16_NEXT(now_.data(), i, size, ch);
    char utf8[4];
    const size_t n = encode_utf8(static_cast<uint32_t>(ch), utf8);
    bytes_.insert(bytes_.end(), utf8, utf8 + n);
  }
  return { bytes_.data(), bytes_.size() };
}

// ---------------------------------------------------------------- steps

void folder::apply(const UNormalizer2 *form) {
  const int32_t size = static_cast<int32_t>(now_.size());
  UErrorCode error = U_ZERO_ERROR;
  if (unorm2_quickCheck(form, now_.data(), size, &error) == UNORM_YES) return;
  check(error);
  other_.resize(now_.size() * 4 + 32);
  int32_t needed = unorm2_normalize(form, now_.data(), size, other_.data(),
                                    static_cast<int32_t>(other_.size()), &error);
  if (error == U_BUFFER_OVERFLOW_ERROR) {
    error = U_ZERO_ERROR;
    other_.resize(static_cast<size_t>(needed));
    needed = unorm2_normalize(form, now_.data(), size, other_.data(), needed, &error);
  }
  check(error);
  other_.resize(static_cast<size_t>(needed));
  now_.swap(other_);
}

// Rebuilds now_, each character mapped to what `map` appends to other_.
template <class Map>
static void rebuild(secret_vector<char16_t> &now, secret_vector<char16_t> &other, Map map) {
  other.clear();
  const int32_t size = static_cast<int32_t>(now.size());
  for (int32_t i = 0; i < size;) {
    UChar32 ch;
    U16_NEXT(now.data(), i, size, ch);
    map(ch);
  }
  now.swap(other);
}

static void append(secret_vector<char16_t> &to, UChar32 ch) {
  if (ch < 0x10000) {
    to.push_back(static_cast<char16_t>(ch));
  } else {
    to.push_back(U16_LEAD(ch));
    to.push_back(U16_TRAIL(ch));
  }
}

bool folder::lower() {
  bool changed = false;
  rebuild(now_, other_, [&](UChar32 ch) {
    const UChar32 small = static_cast<UChar32>(Xapian::Unicode::tolower(static_cast<unsigned>(ch)));
    changed |= small != ch;
    append(other_, small);
  });
  return changed;
}

static bool loses_marks(UScriptCode script) {
  return script == USCRIPT_LATIN || script == USCRIPT_GREEK || script == USCRIPT_CYRILLIC ||
         script == USCRIPT_ARABIC || script == USCRIPT_HEBREW;
}

void folder::strip_marks() {
  bool stripping = false;
  rebuild(now_, other_, [&](UChar32 ch) {
    if (u_charType(ch) == U_NON_SPACING_MARK) {
      if (stripping) return;
    } else {
      UErrorCode error = U_ZERO_ERROR;
      stripping = loses_marks(uscript_getScript(ch, &error));
      check(error);
    }
    append(other_, ch);
  });
}

void folder::fold_case() {
  UErrorCode error = U_ZERO_ERROR;
  other_.resize(now_.size() * 3 + 8);
  const int32_t size =
      u_strFoldCase(other_.data(), static_cast<int32_t>(other_.size()), now_.data(),
                    static_cast<int32_t>(now_.size()), U_FOLD_CASE_DEFAULT, &error);
  check(error);
  other_.resize(static_cast<size_t>(size));
  now_.swap(other_);
}

void folder::spell_plainly() {
  rebuild(now_, other_, [&](UChar32 ch) {
    switch (ch) {
    case 0x00f8:
      return append(other_, 'o'); // ø
    case 0x0142:
      return append(other_, 'l'); // ł
    case 0x0111:                  // đ
    case 0x00f0:
      return append(other_, 'd'); // ð
    case 0x0127:
      return append(other_, 'h'); // ħ
    case 0x0167:
      return append(other_, 't'); // ŧ
    case 0x0131:
      return append(other_, 'i'); // ı
    case 0x0640:
      return; // tatweel
    case 0x00b7:
      return; // Catalan l·l
    case 0x00e6:
      append(other_, 'a');
      return append(other_, 'e'); // æ
    case 0x0153:
      append(other_, 'o');
      return append(other_, 'e'); // œ
    case 0x00fe:
      append(other_, 't');
      return append(other_, 'h'); // þ
    default:
      return append(other_, ch);
    }
  });
}

// ---------------------------------------------------------------- the two foldings

// Each round is a few table lookups, and two are nearly always enough; four bound it.
constexpr int ROUNDS = 4;

std::string_view folder::normalise_all(std::string_view text) {
  decode(text);
  for (int i = 0; i < ROUNDS; i++) {
    apply(nfkc_);
    if (!lower()) break;
  }
  return encode();
}

std::string_view folder::fold_all(std::string_view text) {
  decode(text);
  for (int i = 0; i < ROUNDS; i++) {
    const utf16 before(now_);
    apply(nfd_);
    strip_marks();
    fold_case();
    spell_plainly();
    apply(nfc_);
    if (now_ == before) break;
  }
  return encode();
}

std::string_view folder::normalise(std::string_view lower_word) {
  if (is_ascii(lower_word))
    return lower_word.substr(0, cut_utf8(lower_word.data(), lower_word.size(), TEXT_WORD_MAX));
  const std::string_view all = normalise_all(lower_word);
  return all.substr(0, cut_utf8(all.data(), all.size(), TEXT_WORD_MAX));
}

std::string_view folder::fold(std::string_view surface) {
  if (is_ascii(surface)) return surface.substr(0, TEXT_WORD_MAX);
  const std::string_view all = fold_all(surface);
  return all.substr(0, cut_utf8(all.data(), all.size(), TEXT_WORD_MAX));
}

} // namespace text
