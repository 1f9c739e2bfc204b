// SPDX-License-Identifier: GPL-2.0-or-later
#include "text/vocabulary.h"

namespace text {

constexpr size_t FILTER_SLOTS_MIN = 64;

static std::string_view prefix_bytes(uint8_t number) {
  return text_field_at(number)->prefix;
}

uint8_t prefix_number(std::string_view prefix) {
  for (uint8_t i = 0; text_field_at(i) != nullptr; i++)
    if (prefix_bytes(i) == prefix) return i;
  return PREFIX_FILTER;
}

vocabulary::vocabulary(lexicon &words, size_t languages) : words_(words), languages_(languages) {
  filter_slots_.assign(FILTER_SLOTS_MIN, TEXT_NONE);
}

void vocabulary::reset() {
  filter_slots_.assign(FILTER_SLOTS_MIN, TEXT_NONE); // fits: nothing here can fail
  filters_ = 0;
  terms_.reset();
  others_.reset();
  class_of_.reset();
  classes_.reset();
  other_classes_.reset();
  bytes_.reset();
  words_.detach();
}

size_t vocabulary::bytes() const {
  return terms_.bytes() + others_.bytes() + class_of_.bytes() + classes_.bytes() +
         other_classes_.bytes() + filter_slots_.capacity() * sizeof(uint32_t) + bytes_.bytes();
}

std::string_view vocabulary::bytes_of(uint32_t id) const {
  if (is_bare(id)) return words_.surface(word_of(id));
  const term &t = other(id);
  return { bytes_.at(t.bytes), t.size };
}

uint32_t vocabulary::put(uint8_t prefix, std::string_view word) {
  char joined[TEXT_TERM_MAX];
  const std::string_view p = prefix_bytes(prefix);
  memcpy(joined, p.data(), p.size());
  memcpy(joined + p.size(), word.data(), word.size());
  const uint32_t at = bytes_.put({ joined, p.size() + word.size() });
  wipe(joined, sizeof joined);
  return at;
}

// Makes room for one more term, so that adding it cannot fail half way.
void vocabulary::reserve_term() {
  const size_t classes = languages_ + 1;
  if (terms_.size() >= OTHER || words_.count() > OTHER) throw std::bad_alloc();
  terms_.reserve_more(1);
  others_.reserve_more(1);
  class_of_.reserve_more(classes);
}

uint32_t vocabulary::add_word(uint32_t w, uint8_t prefix) {
  reserve_term();
  uint32_t classes[1 + TEXT_LANGUAGES_MAX];
  for (size_t i = 0; i <= languages_; i++) {
    const uint32_t k = words_.keys_of(w)[i];
    classes[i] = k != TEXT_NONE ? class_number(k, prefix) : TEXT_NONE;
  }
  const uint32_t id = static_cast<uint32_t>(terms_.size());
  uint32_t number = w;
  if (prefix != 0) {
    term t = { w, TEXT_NONE, TEXT_NONE, 0, 0, 0, prefix };
    const std::string_view surface = words_.surface(w);
    t.bytes = put(prefix, surface);
    t.size = static_cast<uint8_t>(prefix_bytes(prefix).size() + surface.size());
    t.next = words_.at(w).chain;
    words_.at(w).chain = id;
    number = OTHER + static_cast<uint32_t>(others_.size());
    others_.push_back(t);
  } else {
    words_.at(w).bare = id;
  }
  terms_.push_back(number);
  class_of_.append(classes, languages_ + 1);
  return id;
}

// ---------------------------------------------------------------- classes

uint32_t vocabulary::class_number(uint32_t k, uint8_t prefix) {
  if (prefix == 0 && words_.key_at(k).bare != TEXT_NONE) return words_.key_at(k).bare;
  if (prefix != 0)
    for (uint32_t c = words_.key_at(k).chain; c != TEXT_NONE; c = other_class(c).next)
      if (other_class(c).prefix == prefix) return c;
  if (classes_.size() >= OTHER || k >= OTHER) throw std::bad_alloc();
  classes_.reserve_more(1);
  const uint32_t number = static_cast<uint32_t>(classes_.size());
  if (prefix != 0) {
    other_classes_.reserve_more(1);
    prefixed_class c = { k, TEXT_NONE, TEXT_NONE, 0, prefix };
    const std::string_view bytes = words_.key_bytes(k);
    c.bytes = put(prefix, bytes);
    c.size = static_cast<uint8_t>(prefix_bytes(prefix).size() + bytes.size());
    c.next = words_.key_at(k).chain;
    words_.key_at(k).chain = number;
    classes_.push_back(OTHER + static_cast<uint32_t>(other_classes_.size()));
    other_classes_.push_back(c);
  } else {
    words_.key_at(k).bare = number;
    classes_.push_back(k);
  }
  return number;
}

std::string_view vocabulary::class_key(uint32_t c, text_class_kind *kind, uint8_t *language) const {
  const bool bare = classes_[c] < OTHER;
  const uint32_t number = bare ? classes_[c] : other_class(c).key;
  const key &k = words_.key_at(number);
  *kind = static_cast<text_class_kind>(k.kind);
  *language = k.language;
  if (bare) return words_.key_bytes(number);
  return { bytes_.at(other_class(c).bytes), other_class(c).size };
}

// ---------------------------------------------------------------- filter terms, and any by bytes

uint64_t vocabulary::hash(std::string_view bytes) const {
  uint64_t h = words_.seed() ^ bytes.size();
  for (const char c : bytes)
    h = mix(h ^ static_cast<unsigned char>(c), UINT64_C(0x9fb21c651e98df25));
  return h;
}

uint32_t vocabulary::filter(std::string_view bytes) {
  const uint64_t h = hash(bytes);
  size_t mask = filter_slots_.size() - 1;
  for (size_t i = h & mask; filter_slots_[i] != TEXT_NONE; i = (i + 1) & mask)
    if (bytes_of(filter_slots_[i]) == bytes) return filter_slots_[i];
  reserve_term();
  if ((filters_ + 1) * 2 > filter_slots_.size()) {
    secret_vector<uint32_t> grown(filter_slots_.size() * 2, TEXT_NONE);
    mask = grown.size() - 1;
    for (const uint32_t id : filter_slots_) {
      if (id == TEXT_NONE) continue;
      size_t i = hash(bytes_of(id)) & mask;
      while (grown[i] != TEXT_NONE) i = (i + 1) & mask;
      grown[i] = id;
    }
    filter_slots_.swap(grown);
  }
  const uint32_t id = static_cast<uint32_t>(terms_.size());
  const uint32_t at = bytes_.put(bytes);
  terms_.push_back(OTHER + static_cast<uint32_t>(others_.size()));
  others_.push_back(
      { TEXT_NONE, at, TEXT_NONE, 0, 0, static_cast<uint8_t>(bytes.size()), PREFIX_FILTER });
  for (size_t l = 0; l <= languages_; l++) class_of_.push_back(TEXT_NONE);
  size_t i = h & mask;
  while (filter_slots_[i] != TEXT_NONE) i = (i + 1) & mask;
  filter_slots_[i] = id;
  filters_++;
  return id;
}

uint32_t vocabulary::intern(std::string_view bytes) {
  size_t n = 0;
  while (n < bytes.size() && bytes[n] >= 'A' && bytes[n] <= 'Z') n++;
  const uint8_t prefix = prefix_number(bytes.substr(0, n));
  const std::string_view word = bytes.substr(n);
  if (prefix == PREFIX_FILTER || word.empty() || word[0] == ':') return filter(bytes);
  const uint32_t w = words_.find_surface(word);
  if (w == TEXT_NONE) return filter(bytes);
  return prefix == 0 ? bare(w) : prefixed(w, prefix);
}

} // namespace text
