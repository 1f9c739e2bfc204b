// SPDX-License-Identifier: GPL-2.0-or-later
#include "text/stem.h"

#include <algorithm>

#include "text/detect.h"

extern "C" {
#include "base/wipe.h"
#include "text/text.h"
}

namespace text {

// Xapian's names in full, with the ISO code that text_language_code gives. Names of a second
// algorithm for a language (porter, german2, ...) stay as they are: the code would not lead back.
// clang-format off
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
// clang-format on

static const char *const french[] = { "l", "d",  "j",     "m",      "t",      "s",      "n",
                                      "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", nullptr };
static const char *const italian[] = { "l",   "d",    "c",    "m",    "t",    "s",    "v",    "un",
                                       "all", "dall", "dell", "nell", "sull", "coll", "pell", "gl",
                                       "agl", "dagl", "degl", "negl", "sugl", nullptr };
static const char *const catalan[] = { "l", "d", "m", "n", "s", "t", nullptr };
static const char *const irish[] = { "d", "m", "b", nullptr };

static const char *const *elisions_of(std::string_view code) {
  if (code == "fr") return french;
  if (code == "it") return italian;
  if (code == "ca") return catalan;
  if (code == "ga") return irish;
  return nullptr;
}

static std::string code_of(std::string_view name) {
  for (const auto &n : names)
    if (name == n.name) return n.code;
  return std::string(name);
}

// Longer by far than any word and what a stemmer makes of it.
constexpr size_t BUFFER = 4 * TEXT_WORD_MAX;

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
      languages_.push_back({ code, Xapian::Stem(code), elisions_of(code), nullptr, nullptr });
    } catch (const Xapian::InvalidArgumentError &) {
      if (!is_detectable(code)) return false;
      languages_.push_back({ code, Xapian::Stem(), nullptr, nullptr, nullptr });
    }
  }
  for (language &l : languages_)
    if (!l.stemmer.is_none()) exchange_buffer(l);
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

// Xapian takes and gives strings of the common heap. The word goes in where it lies: a string of
// another allocator that has no state is laid out as any, and is only read. A stem of up to 15
// bytes comes back on the stack; a longer one is wiped when it was taken over.
void stemmers::run(const language &l) {
  static_assert(sizeof(secret_string) == sizeof(std::string), "an allocator without state");
  const std::string &word = reinterpret_cast<const std::string &>(word_);
  std::string stem = l.stemmer(word);
  stem_.assign(stem.data(), stem.size());
  wipe(stem.data(), stem.size());
  if (l.ours != nullptr) return;
  word_.assign(std::max(word_.size(), stem_.size()) + 8, '0'); // over what the stemmer has kept
  stem = l.stemmer(word);
}

// Snowball works in a buffer that libxapian takes from the common heap: `char *p` and then `int c,
// l, ...` behind what every StemImplementation has, and in front of *p its capacity and size. A
// long word makes it large enough for all to come, since it grows by moving. Where that is what is
// found then, a buffer of ours takes its place; else it stays, and run() overwrites it. So it does with a
// libxapian of another line of versions, of whose objects nothing is known.
static constexpr size_t AT_P = 16, AT_L = AT_P + sizeof(char *) + sizeof(int),
                        HEAD = 2 * sizeof(int);

void stemmers::exchange_buffer(language &l) {
  if constexpr (XAPIAN_MAJOR_VERSION != 1 || XAPIAN_MINOR_VERSION != 4) return;
  const std::string stem = l.stemmer(std::string(BUFFER, '0'));
  char *const object = reinterpret_cast<char *>(l.stemmer.internal.get());
  char *p;
  int size, head[2];
  memcpy(&p, object + AT_P, sizeof p);
  memcpy(&size, object + AT_L, sizeof size);
  if (p == nullptr || size <= 0 || static_cast<size_t>(size) != stem.size()) return;
  memcpy(head, p - HEAD, HEAD);
  if (head[1] != size || head[0] < size || head[0] > 1 << 20) return;
  if (memcmp(p, stem.data(), stem.size()) != 0) return;
  const size_t room = HEAD + static_cast<size_t>(head[0]) + 1;
  char *const ours = static_cast<char *>(plain_alloc(room));
  if (ours == nullptr) throw std::bad_alloc();
  memcpy(ours, p - HEAD, room);
  l.kept = p;
  l.ours = ours;
  p = ours + HEAD;
  memcpy(object + AT_P, &p, sizeof p);
}

stemmers::~stemmers() {
  for (language &l : languages_) {
    if (l.ours == nullptr) continue;
    memcpy(reinterpret_cast<char *>(l.stemmer.internal.get()) + AT_P, &l.kept, sizeof l.kept);
    plain_free(l.ours);
  }
}

std::string_view stemmers::stem(size_t number, std::string_view surface) {
  const Xapian::Stem &stemmer = languages_[number].stemmer;
  if (surface.empty() || stemmer.is_none() || !should_stem(surface)) return {};
  if (surface.size() > BUFFER / 2) return {}; // no word is as long
  word_.assign(surface);
  run(languages_[number]);
  return stem_;
}

std::string_view stemmers::core(size_t number, std::string_view surface) {
  const std::string &code = languages_[number].code;
  const char *const *elisions = languages_[number].elisions;
  const size_t mark = surface.find('\'');
  if (mark != std::string_view::npos && mark > 0 && mark + 1 < surface.size()) {
    if (code == "tr") return surface.substr(0, mark);
    for (; elisions != nullptr && *elisions != nullptr; elisions++)
      if (surface.substr(0, mark) == *elisions) {
        surface.remove_prefix(mark + 1);
        break;
      }
  }
  static const char dot[] = "\u00b7";
  if (code != "ca" || surface.find(dot) == std::string_view::npos) return surface;
  core_.assign(surface);
  for (size_t at; (at = core_.find(dot)) != std::string::npos;) core_.erase(at, 2);
  return core_;
}

} // namespace text
