/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stem.h - the languages of one user and their Snowball stemmers, through Xapian::Stem.
 *
 * A language is any that Xapian::Stem names ("en" or "english"), or any other that CLD2 can detect
 * ("pl"), which then has no stems: Polish mail is not to be stemmed as English.
 *
 * Xapian keeps l'école and İstanbul'da as one word each, and Snowball leaves the article or the
 * case ending on them. So that école and istanbul find them, what is stemmed for a stem class is
 * the word without what French, Italian, Catalan and Irish elide in front, without what Turkish
 * appends behind an apostrophe, and without the Catalan middle dot.
 */
#ifndef SEALDEX_TEXT_STEM_H
#define SEALDEX_TEXT_STEM_H

#include <xapian.h>

#include <string>
#include <string_view>
#include <vector>

#include "text/arena.h"

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
  /* The part of a surface word that its stem class is the stem of; mostly all of it. Good until the
   * next call. */
  std::string_view core(size_t number, std::string_view surface);

private:
  struct language {
    std::string code;
    Xapian::Stem stemmer;
    const char *const *elisions; /* ends with NULL; NULL: none */
    char *kept = nullptr;        /* the stemmer's buffer, which ours stands in for ... */
    char *ours = nullptr;        /* ... behind its head; NULL: its buffer was not found */
  };
  void run(const language &l);
  void exchange_buffer(language &l);

  std::vector<language> languages_;
  secret_string word_, stem_, core_;
};

} // namespace text

#endif
