/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stem.h - the languages of one user and their Snowball stemmers, through Xapian::Stem.
 *
 * A language is any that Xapian::Stem names ("en" or "english"), or any other that CLD2 can detect
 * ("pl"), which then has no stems: Polish mail is not to be stemmed as English.
 *
 * Xapian keeps l'école as one word, and Snowball leaves the article on it. So that école finds it,
 * the article or pronoun that French, Italian, Catalan and Irish elide goes when the stem is folded.
 */
#ifndef SEALDEX_TEXT_STEM_H
#define SEALDEX_TEXT_STEM_H

#include <xapian.h>

#include <string>
#include <string_view>
#include <vector>

namespace text {

class stemmers {
public:
  stemmers() = default;
  stemmers(stemmers &&) = default;
  ~stemmers();
  /* False where `list` names no language, one unknown, or too many. */
  bool open(std::string_view list);
  size_t count() const { return languages_.size(); }
  const char *code(size_t i) const { return languages_[i].code.c_str(); }
  /* The stem as Xapian stores it behind Z; empty where it stores none. Good until the next call. */
  std::string_view stem(size_t number, std::string_view surface);
  /* What is left of a stem without an elided article in front. */
  std::string_view without_elision(size_t number, std::string_view stem) const;

private:
  struct language {
    std::string code;
    Xapian::Stem stemmer;
    const char *const *elisions; /* ends with NULL; NULL: none */
  };
  std::vector<language> languages_;
  std::string word_, stem_;
};

} // namespace text

#endif
