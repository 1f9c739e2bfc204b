/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lexicon.h - every word met, with all that is a function of the word: surface, fold and stems.
 *
 * The cache that makes analysis fast: a token of the splitter leads to its word by one lookup in an
 * open-addressing table whose slots hold the first eight bytes, so that most words are compared
 * without a further access. It outlives the vocabulary's resets, and is bounded by its owner.
 *
 * The hash is seeded at random for each lexicon: mail is written by strangers.
 */
#ifndef SEALDEX_TEXT_LEXICON_H
#define SEALDEX_TEXT_LEXICON_H

#include <cstdint>
#include <cstring>
#include <string_view>

#include "text/arena.h"
#include "text/fold.h"
#include "text/stem.h"
#include "text/tokenizer.h"

extern "C" {
#include "text/text.h"
}

namespace text {

/* A surface word. The last four belong to the vocabulary and the item at hand. */
struct word {
  uint32_t surface; /* in the lexicon's arena */
  uint8_t size;
  bool ngram;       /* begins with a CJK character */
  uint16_t stemmed; /* bit l: Xapian would store a stem in language l */
  uint32_t fold;    /* a key, TEXT_NONE where the fold is the surface */
  uint32_t bare;    /* its term without a prefix, or TEXT_NONE */
  uint32_t chain;   /* the first of its terms with a prefix, or TEXT_NONE */
  uint32_t stamp;   /* the item in which the bare term was last met ... */
  uint32_t entry;   /* ... and its entry there */
};

/* A folded word, or a folded stem in a language. `bare` and `chain` as above, of classes. */
struct key {
  uint32_t bytes; /* in the lexicon's arena */
  uint32_t hash;
  uint32_t bare;
  uint32_t chain;
  uint8_t size;
  uint8_t kind;
  uint8_t language;
};

__extension__ typedef unsigned __int128 product;
inline uint64_t mix(uint64_t a, uint64_t b) {
  const product p = static_cast<product>(a) * b;
  return static_cast<uint64_t>(p) ^ static_cast<uint64_t>(p >> 64);
}
inline uint64_t load8(const char *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

class lexicon {
public:
  explicit lexicon(stemmers &languages);

  /* Finding a token's word is mostly waiting for memory. So it has two steps, and a caller with many
   * tokens takes the first for all of them, then the second. */
  struct probe {
    uint64_t head, hash;
    const char *bytes; /* at least 8 can be read, and all of the token */
    uint32_t size;
    bool ascii;
  };
  probe prepare(const char *bytes, uint32_t token_size, bool ascii) const {
    const uint32_t size = ascii && token_size > TEXT_WORD_MAX ? TEXT_WORD_MAX : token_size;
    const uint64_t head = head_of(bytes, size), h = hash(bytes, size, head);
    __builtin_prefetch(&slots_[h & mask_]);
    return { head, h, bytes, size, ascii };
  }
  uint32_t find(const probe &p) {
    const uint32_t tag = tag_of(p.hash, p.size);
    for (size_t i = p.hash & mask_;; i = (i + 1) & mask_) {
      const slot &s = slots_[i];
      if (s.word == TEXT_NONE) return add_token(p);
      if (s.head != p.head || (s.tag & ~ALIAS) != tag) continue;
      if (p.size <= 8 && (s.tag & ALIAS) == 0) return s.word;
      if (matches(s, p.bytes, p.size)) return target(s);
    }
  }
  uint32_t find(const token &t) { return find(prepare(t.bytes, t.size, t.ascii)); }
  void prefetch(uint32_t w) const { __builtin_prefetch(&words_[w], 1); }
  /* The word whose surface is `surface`, TEXT_NONE where that is no surface word at all. */
  uint32_t find_surface(std::string_view surface);

  /* The key of a surface word's stem class: its stem, folded. Empty where it has none; *stored says
   * whether Xapian would store a stem, which it does for CJK too, where it is of no use. */
  std::string_view stem_key(size_t language, std::string_view surface, bool *stored);

  word &at(uint32_t w) { return words_[w]; }
  key &key_at(uint32_t k) { return keys_[k]; }
  /* The key of a word's stem in a language, TEXT_NONE where it has none that makes a class. */
  uint32_t stem_of(uint32_t w, size_t language) const {
    return stems_[w * languages_.count() + language];
  }
  size_t count() const { return words_.size(); }
  std::string_view surface(uint32_t w) const {
    return { bytes_.at(words_[w].surface), words_[w].size };
  }
  std::string_view key_bytes(uint32_t k) const { return { bytes_.at(keys_[k].bytes), keys_[k].size }; }
  folder &folding() { return folder_; }
  uint64_t seed() const { return seed_; }

  /* Forgets the terms and classes of all words and keys; keeps the words. */
  void detach();
  /* Forgets everything, and wipes it. */
  void reset();
  size_t bytes() const;

private:
  /* A token's way to its word. Where surface and token differ, an alias stands between. */
  struct slot {
    uint64_t head;
    uint32_t word; /* or alias; TEXT_NONE: empty */
    uint32_t tag;  /* size, ALIAS, and bits of the hash */
  };
  struct alias {
    uint32_t bytes, word;
  };
  static constexpr uint32_t ALIAS = 0x100;

  /* The first eight bytes, zeros behind the end. */
  static uint64_t head_of(const char *bytes, uint32_t size) {
    const uint64_t v = load8(bytes);
    return size >= 8 ? v : v & ((UINT64_C(1) << (8 * size)) - 1);
  }
  uint64_t hash(const char *bytes, uint32_t size, uint64_t head) const {
    uint64_t h = mix(head ^ seed_, size ^ UINT64_C(0x9e3779b97f4a7c15));
    if (size > 8) {
      uint32_t i = 8;
      for (; i + 8 < size; i += 8) h = mix(load8(bytes + i) ^ h, UINT64_C(0xa0761d6478bd642f));
      h = mix(load8(bytes + size - 8) ^ h, seed_ | 1);
    }
    return h;
  }
  static uint32_t tag_of(uint64_t h, uint32_t size) {
    return (static_cast<uint32_t>(h >> 32) & ~UINT32_C(0x1ff)) | size;
  }
  bool matches(const slot &s, const char *bytes, uint32_t size) const {
    const uint32_t at = (s.tag & ALIAS) != 0 ? aliases_[s.word].bytes : words_[s.word].surface;
    return memcmp(bytes_.at(at), bytes, size) == 0;
  }
  uint32_t target(const slot &s) const {
    return (s.tag & ALIAS) != 0 ? aliases_[s.word].word : s.word;
  }

  uint32_t add_token(const probe &p);
  uint32_t look_up(std::string_view raw) const; /* TEXT_NONE: not there */
  uint32_t add_surface(std::string_view surface);
  uint32_t add_key(text_class_kind kind, uint8_t language, std::string_view bytes);
  void insert(std::string_view raw, uint32_t number, bool is_alias);
  void grow_slots();

  stemmers &languages_;
  folder folder_;
  uint64_t seed_;
  size_t mask_ = 0, used_ = 0;
  secret_vector<slot> slots_;
  secret_vector<word> words_;
  secret_vector<uint32_t> stems_; /* count() x languages */
  secret_vector<alias> aliases_;
  secret_vector<key> keys_;
  secret_vector<uint32_t> key_slots_;
  arena bytes_;
};

} // namespace text

#endif
