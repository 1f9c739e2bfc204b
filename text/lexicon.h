/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lexicon.h - every word met, with all that is a function of the word: surface, fold and stems.
 *
 * The cache that makes analysis fast: a token of the splitter leads to its word by one lookup in an
 * open-addressing table, and the word holds its own first eight bytes, so that most are compared
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

/* A surface word; half a cache line. The last four belong to the vocabulary and the item at hand.
 */
struct word {
  uint64_t head;    /* its first eight bytes */
  uint32_t surface; /* in the lexicon's arena */
  uint8_t size;
  bool ngram;       /* begins with a CJK character */
  uint16_t stemmed; /* bit l: Xapian would store a stem in language l */
  uint32_t bare;    /* its term without a prefix, or TEXT_NONE */
  uint32_t chain;   /* the first of its terms with a prefix, or TEXT_NONE */
  uint32_t stamp;   /* the item in which the bare term was last met ... */
  uint32_t entry;   /* ... and its entry there */
};
static_assert(sizeof(word) == 32);

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

  /* Finding a token's word is mostly waiting for memory. So it has three steps, and a caller with
   * many tokens takes each for all of them before the next: prepare (which fetches the slot), guess
   * (which fetches the word), find. */
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
  /* Most likely the word of a probe; TEXT_NONE where it is new, or hard to tell. */
  uint32_t guess(const probe &p) const {
    const uint32_t tag = tag_of(p.hash, p.size);
    for (size_t i = p.hash & mask_; slots_[i].number != TEXT_NONE; i = (i + 1) & mask_)
      if (slots_[i].tag == tag) {
        __builtin_prefetch(&words_[slots_[i].number], 1);
        return slots_[i].number;
      }
    return TEXT_NONE;
  }
  uint32_t find(const probe &p, uint32_t guessed) {
    return guessed != TEXT_NONE && is(guessed, p) ? guessed : find(p);
  }
  uint32_t find(const probe &p) {
    const uint32_t number = look_up(p);
    return number != TEXT_NONE ? number : add_token(p);
  }
  uint32_t find(const token &t) { return find(prepare(t.bytes, t.size, t.ascii)); }
  /* The word whose surface is `surface`, TEXT_NONE where that is no surface word at all. */
  uint32_t find_surface(std::string_view surface);

  /* The key of a surface word's stem class: its stem, folded. Empty where it has none; *stored says
   * whether Xapian would store a stem, which it does for CJK too, where it is of no use. */
  std::string_view stem_key(size_t language, std::string_view surface, bool *stored);

  word &at(uint32_t w) { return words_[w]; }
  key &key_at(uint32_t k) { return keys_[k]; }
  /* The keys of a word's fold (TEXT_NONE where that is the surface) and of its stem in each
   * language (TEXT_NONE where it has none that makes a class). */
  const uint32_t *keys_of(uint32_t w) const { return &keys_of_[w * (languages_.count() + 1)]; }
  size_t count() const { return words_.size(); }
  std::string_view surface(uint32_t w) const {
    return { bytes_.at(words_[w].surface), words_[w].size };
  }
  std::string_view key_bytes(uint32_t k) const {
    return { bytes_.at(keys_[k].bytes), keys_[k].size };
  }
  folder &folding() { return folder_; }
  uint64_t seed() const { return seed_; }

  /* Forgets the terms and classes of all words and keys; keeps the words. */
  void detach();
  /* Forgets how words are found, until everything is forgotten. Cannot fail. */
  void close();
  bool closed() const { return slots_.empty(); }
  /* Forgets everything, and wipes it. */
  void reset();
  size_t bytes() const;

private:
  /* A token's way to its word. Where surface and token differ, an alias stands between. Slots are
   * small, and the comparison is left to the word, so that the table stays in the cache. */
  struct slot {
    uint32_t number; /* of a word or alias; TEXT_NONE: empty */
    uint32_t tag;    /* size, ALIAS, and bits of the hash */
  };
  struct alias {
    uint32_t bytes, word;
    uint8_t size;
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
  bool is(uint32_t w, const probe &p) const {
    const word &known = words_[w];
    return known.head == p.head && known.size == p.size &&
           (p.size <= 8 || memcmp(bytes_.at(known.surface) + 8, p.bytes + 8, p.size - 8) == 0);
  }
  bool is_alias(const alias &known, const probe &p) const {
    return known.size == p.size && memcmp(bytes_.at(known.bytes), p.bytes, p.size) == 0;
  }

  uint32_t add_token(const probe &p);
  uint32_t look_up(const probe &p) const; /* TEXT_NONE: not there */
  uint32_t add_surface(std::string_view surface);
  uint32_t add_key(text_class_kind kind, uint8_t language, std::string_view bytes);
  void insert(uint64_t h, uint32_t number, uint32_t tag);
  uint64_t hash_of(const slot &s) const;
  void grow_slots();

  stemmers &languages_;
  folder folder_;
  uint64_t seed_;
  size_t mask_ = 0, used_ = 0;
  secret_vector<slot> slots_;
  secret_pages<word> words_;
  secret_pages<uint32_t> keys_of_; /* of each word: fold, stems */
  secret_pages<alias> aliases_;
  secret_pages<key> keys_;
  secret_vector<uint32_t> key_slots_;
  arena bytes_;
};

} // namespace text

#endif
