// SPDX-License-Identifier: GPL-2.0-or-later
#include "text/stem.h"

#include <algorithm>

#include "text/detect.h"

extern "C" {
#include "text/text.h"
}

namespace text {

// Xapian's names in full, with the ISO code that text_language_code gives. Names of a second
// algorithm for a language (porter, german2, ...) stay as they are: the code would not lead back.
static const struct {
  const char *name, *code;
} names[] = {
  { "arabic", "ar" },     { "armenian", "hy" },   { "basque", "eu" },    { "catalan", "ca" },
  { "danish", "da" },     { "dutch", "nl" },      { "english", "en" },   { "finnish", "fi" },
  { "french", "fr" },     { "german", "de" },     { "hungarian", "hu" }, { "indonesian", "id" },
  { "irish", "ga" },      { "italian", "it" },    { "lithuanian", "lt" }, { "nepali", "ne" },
  { "norwegian", "no" },  { "nb", "no" },         { "nn", "no" },        { "portuguese", "pt" },
  { "romanian", "ro" },   { "russian", "ru" },    { "spanish", "es" },   { "swedish", "sv" },
  { "tamil", "ta" },      { "turkish", "tr" },
};

static std::string code_of(std::string_view name) {
  for (const auto &n : names)
    if (name == n.name) return n.code;
  return std::string(name);
}

bool stemmers::open(std::string_view list) {
  if (list.empty()) list = "en";
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view name = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const std::string code = code_of(name);
    bool known = false;
    for (const language &l : languages_) known |= l.code == code;
    if (known) continue;
    if (languages_.size() == TEXT_LANGUAGES_MAX || name.empty()) return false;
    try {
      languages_.push_back({ code, Xapian::Stem(code) });
    } catch (const Xapian::InvalidArgumentError &) {
      if (!is_detectable(code)) return false;
      languages_.push_back({ code, Xapian::Stem() });
    }
  }
  return !languages_.empty();
}

static bool should_stem(std::string_view surface) {
  const Xapian::Utf8Iterator first(surface.data(), surface.size());
  switch (Xapian::Unicode::get_category(*first)) {
  case Xapian::Unicode::LOWERCASE_LETTER:
  case Xapian::Unicode::TITLECASE_LETTER:
  case Xapian::Unicode::MODIFIER_LETTER:
  case Xapian::Unicode::OTHER_LETTER:
    return true;
  default:
    return false;
  }
}

std::string_view stemmers::stem(size_t number, std::string_view surface) {
  const Xapian::Stem &stemmer = languages_[number].stemmer;
  if (surface.empty() || stemmer.is_none() || !should_stem(surface)) return {};
  word_.assign(surface);
  stem_ = stemmer(word_);
  return stem_;
}

} // namespace text
