/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fold.h - normalising and folding words, by ICU. Throws std::bad_alloc and nothing else.
 *
 * normalise: NFKC and lower case (Xapian's, character by character), until nothing changes more;
 * cut at TEXT_WORD_MAX bytes on a character. The result is a *surface word*, and normalises to
 * itself.
 *
 * fold: marks stripped from Latin, Greek, Cyrillic, Arabic and Hebrew letters, then Unicode's full
 * case folding (ß to ss), then letters that Unicode does not decompose but people type plainly:
 * ø o, ł l, đ ð d, ħ h, ŧ t, ı i, æ ae, œ oe, þ th; the Arabic tatweel and the Catalan middle dot
 * go. Also cut, and a fixed point of itself.
 */
#ifndef SEALDEX_TEXT_FOLD_H
#define SEALDEX_TEXT_FOLD_H

#include <unicode/unorm2.h>

#include <string_view>

#include "text/arena.h"

namespace text {

class folder {
public:
  /* Both return a view of bytes that the folder holds until its next call. */
  std::string_view normalise(std::string_view lower);
  std::string_view fold(std::string_view surface);
  /* The same over text of any length, uncut. */
  std::string_view normalise_all(std::string_view text);
  std::string_view fold_all(std::string_view text);

private:
  using utf16 = secret_vector<char16_t>;
  void find_forms();
  void decode(std::string_view in);
  std::string_view encode();
  void apply(const UNormalizer2 *form);
  bool lower();
  void strip_marks();
  void fold_case();
  void spell_plainly();

  const UNormalizer2 *nfkc_ = nullptr, *nfd_ = nullptr, *nfc_ = nullptr; /* of the tables */
  utf16 now_, other_;
  secret_vector<char> bytes_;
};

inline bool is_ascii(std::string_view s) {
  for (const char c : s)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

} // namespace text

#endif
