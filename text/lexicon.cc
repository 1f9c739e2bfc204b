// SPDX-License-Identifier: GPL-2.0-or-later
#include "text/lexicon.h"

#include <unistd.h>

namespace text {

constexpr size_t SLOTS_MIN = 1 << 10;

// Copies a string to where eight bytes past its end can be read.
struct padded {
  char bytes[TOKEN_MAX + 16];
  explicit padded(std::string_view s) {
    memcpy(bytes, s.data(), s.size());
    memset(bytes + s.size(), 0, 8);
  }
  ~padded() { wipe(bytes, sizeof bytes); }
};

lexicon::lexicon(stemmers &languages) : languages_(languages) {
  if (getentropy(&seed_, sizeof seed_) != 0) seed_ = reinterpret_cast<uintptr_t>(this);
  reset();
}

void lexicon::reset() {
  secret_vector<slot> slots(SLOTS_MIN, slot{ TEXT_NONE, 0 });
  secret_vector<uint32_t> key_slots(SLOTS_MIN, TEXT_NONE);
  slots_.swap(slots); // from here on nothing can fail
  key_slots_.swap(key_slots);
  mask_ = SLOTS_MIN - 1;
  used_ = 0;
  words_.reset();
  keys_of_.reset();
  aliases_.reset();
  keys_.reset();
  bytes_.reset();
}

void lexicon::close() {
  secret_vector<slot>().swap(slots_);
  secret_vector<uint32_t>().swap(key_slots_);
}

void lexicon::detach() {
  for (word &w : words_) {
    w.bare = w.chain = TEXT_NONE;
    w.stamp = 0;
  }
  for (key &k : keys_) k.bare = k.chain = TEXT_NONE;
}

size_t lexicon::bytes() const {
  return slots_.capacity() * sizeof(slot) + words_.bytes() + keys_of_.bytes() + aliases_.bytes() +
         keys_.bytes() + key_slots_.capacity() * sizeof(uint32_t) + bytes_.bytes();
}

// ---------------------------------------------------------------- words

uint32_t lexicon::look_up(const probe &p) const {
  const uint32_t tag = tag_of(p.hash, p.size);
  for (size_t i = p.hash & mask_; slots_[i].number != TEXT_NONE; i = (i + 1) & mask_) {
    const slot &s = slots_[i];
    if (s.tag == tag && is(s.number, p)) return s.number;
    if (s.tag == (tag | ALIAS) && is_alias(aliases_[s.number], p)) return aliases_[s.number].word;
  }
  return TEXT_NONE;
}

uint64_t lexicon::hash_of(const slot &s) const {
  const bool aliased = (s.tag & ALIAS) != 0;
  const char *bytes = bytes_.at(aliased ? aliases_[s.number].bytes : words_[s.number].surface);
  const uint32_t size = s.tag & 0xff;
  return hash(bytes, size, head_of(bytes, size));
}

// Makes room for one more before anything is changed, so that a failure leaves no half word.
void lexicon::grow_slots() {
  if ((used_ + 1) * 4 <= slots_.size() * 3) return;
  secret_vector<slot> grown(slots_.size() * 2, slot{ TEXT_NONE, 0 });
  const size_t mask = grown.size() - 1;
  for (const slot &s : slots_) {
    if (s.number == TEXT_NONE) continue;
    size_t i = hash_of(s) & mask;
    while (grown[i].number != TEXT_NONE) i = (i + 1) & mask;
    grown[i] = s;
  }
  slots_.swap(grown);
  mask_ = mask;
}

void lexicon::insert(uint64_t h, uint32_t number, uint32_t tag) {
  size_t i = h & mask_;
  while (slots_[i].number != TEXT_NONE) i = (i + 1) & mask_;
  slots_[i] = { number, tag };
  used_++;
}

static bool begins_with_cjk(std::string_view s) {
  uint32_t first;
  decode_utf8(s.data(), s.data() + s.size(), &first);
  return is_cjk(first);
}

std::string_view lexicon::stem_key(size_t language, std::string_view surface, bool *stored) {
  std::string_view stem = languages_.stem(language, surface);
  *stored = !stem.empty();
  if (stem.empty() || begins_with_cjk(surface)) return {};
  const std::string_view core = languages_.core(language, surface);
  if (core.size() != surface.size()) stem = languages_.stem(language, core);
  return folder_.fold(stem);
}

uint32_t lexicon::add_surface(std::string_view surface) {
  const size_t languages = languages_.count();
  const uint32_t number = static_cast<uint32_t>(words_.size());
  if (number >= TEXT_NONE - 1) throw std::bad_alloc();
  words_.reserve_more(1);
  keys_of_.reserve_more(1 + languages);
  grow_slots();
  word w = {};
  w.surface = bytes_.put(surface);
  w.size = static_cast<uint8_t>(surface.size());
  w.bare = w.chain = TEXT_NONE;
  const std::string_view here(bytes_.at(w.surface), w.size);
  w.head = head_of(here.data(), w.size);
  w.ngram = begins_with_cjk(here);
  uint32_t keys[1 + TEXT_LANGUAGES_MAX] = { TEXT_NONE };
  if (!is_ascii(here)) {
    const std::string_view folded = folder_.fold(here);
    if (folded != here && !folded.empty()) keys[0] = add_key(TEXT_FOLD, 0, folded);
  }
  for (size_t l = 0; l < languages; l++) {
    bool stored;
    const std::string_view stem = stem_key(l, here, &stored);
    keys[1 + l] = stem.empty() ? TEXT_NONE : add_key(TEXT_STEM, static_cast<uint8_t>(l), stem);
    w.stemmed = static_cast<uint16_t>(w.stemmed | static_cast<unsigned>(stored) << l);
  }
  const uint64_t h = hash(here.data(), w.size, w.head);
  insert(h, number, tag_of(h, w.size));
  words_.push_back(w);
  keys_of_.append(keys, 1 + languages);
  return number;
}

uint32_t lexicon::add_token(const probe &p) {
  const std::string_view raw(p.bytes, p.size);
  if (p.ascii) return add_surface(raw);
  const padded surface(folder_.normalise(raw));
  const std::string_view normal(surface.bytes);
  if (normal == raw) return add_surface(raw);
  uint32_t w = look_up(prepare(surface.bytes, static_cast<uint32_t>(normal.size()), false));
  if (w == TEXT_NONE) w = add_surface(normal);
  aliases_.reserve_more(1);
  grow_slots();
  const uint32_t bytes = bytes_.put(raw);
  insert(p.hash, static_cast<uint32_t>(aliases_.size()), tag_of(p.hash, p.size) | ALIAS);
  aliases_.push_back({ bytes, w, static_cast<uint8_t>(p.size) });
  return w;
}

uint32_t lexicon::find_surface(std::string_view surface) {
  if (surface.empty() || surface.size() > TEXT_WORD_MAX ||
      memchr(surface.data(), 0, surface.size()))
    return TEXT_NONE;
  const padded p(surface);
  const uint32_t w = look_up(prepare(p.bytes, static_cast<uint32_t>(surface.size()), false));
  if (w != TEXT_NONE) return this->surface(w) == surface ? w : TEXT_NONE;
  return folder_.normalise(surface) == surface ? add_surface(surface) : TEXT_NONE;
}

// ---------------------------------------------------------------- keys

uint32_t lexicon::add_key(text_class_kind kind, uint8_t language, std::string_view bytes) {
  const padded p(bytes);
  const uint32_t size = static_cast<uint32_t>(bytes.size());
  const uint32_t h = static_cast<uint32_t>(
      mix(hash(p.bytes, size, head_of(p.bytes, size)), seed_ + language * 2U + kind + 2U));
  size_t mask = key_slots_.size() - 1;
  for (size_t i = h & mask; key_slots_[i] != TEXT_NONE; i = (i + 1) & mask) {
    const key &k = keys_[key_slots_[i]];
    if (k.hash == h && k.size == size && k.kind == kind && k.language == language &&
        memcmp(bytes_.at(k.bytes), p.bytes, size) == 0)
      return key_slots_[i];
  }
  keys_.reserve_more(1);
  if ((keys_.size() + 1) * 4 > key_slots_.size() * 3) {
    secret_vector<uint32_t> grown(key_slots_.size() * 2, TEXT_NONE);
    mask = grown.size() - 1;
    for (uint32_t k = 0; k < keys_.size(); k++) {
      size_t i = keys_[k].hash & mask;
      while (grown[i] != TEXT_NONE) i = (i + 1) & mask;
      grown[i] = k;
    }
    key_slots_.swap(grown);
  }
  const uint32_t number = static_cast<uint32_t>(keys_.size());
  const uint32_t at = bytes_.put({ p.bytes, size });
  keys_.push_back({ at, h, TEXT_NONE, TEXT_NONE, static_cast<uint8_t>(size),
                    static_cast<uint8_t>(kind), language });
  size_t i = h & mask;
  while (key_slots_[i] != TEXT_NONE) i = (i + 1) & mask;
  key_slots_[i] = number;
  return number;
}

} // namespace text
