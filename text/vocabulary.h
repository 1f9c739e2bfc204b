/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vocabulary.h - the surface terms of one batch, and their classes.
 *
 * A word of the lexicon has at most one term for each prefix: the bare one by a number in the word,
 * the others on a short chain. Classes hang on the lexicon's keys in the same way. What is no
 * surface term (filter terms) is found by its bytes in a table of its own.
 */
#ifndef SEALDEX_TEXT_VOCABULARY_H
#define SEALDEX_TEXT_VOCABULARY_H

#include "text/lexicon.h"

namespace text {

/* A term that is not bare; of most terms, which are, their word says all. */
struct term {
  uint32_t word;  /* TEXT_NONE: a filter term */
  uint32_t bytes; /* in the vocabulary's arena */
  uint32_t next;  /* of the same word, with another prefix */
  uint32_t stamp; /* as in struct word */
  uint32_t entry;
  uint8_t size;
  uint8_t prefix; /* a prefix number */
};

constexpr uint8_t PREFIX_FILTER = UINT8_MAX;

/* The number of a prefix in the table of fields, PREFIX_FILTER where it has none. */
uint8_t prefix_number(std::string_view prefix);

class vocabulary {
public:
  vocabulary(lexicon &words, size_t languages);

  /* The term of a word; new where it is met for the first time. */
  uint32_t bare(uint32_t w) {
    const uint32_t id = words_.at(w).bare;
    return id != TEXT_NONE ? id : add_word(w, 0);
  }
  uint32_t prefixed(uint32_t w, uint8_t prefix) {
    for (uint32_t id = words_.at(w).chain; id != TEXT_NONE; id = other(id).next)
      if (other(id).prefix == prefix) return id;
    return add_word(w, prefix);
  }
  uint32_t filter(std::string_view bytes);
  /* Any term by its bytes: a surface term where they are one, else a filter term. */
  uint32_t intern(std::string_view bytes);

  bool is_bare(uint32_t id) const { return terms_[id] < OTHER; }
  uint32_t word_of(uint32_t id) const { return terms_[id]; } /* of a bare one */
  term &other(uint32_t id) { return others_[terms_[id] - OTHER]; }
  const term &other(uint32_t id) const { return others_[terms_[id] - OTHER]; }
  std::string_view bytes_of(uint32_t id) const;
  size_t count() const { return terms_.size(); }
  const uint32_t *class_of(uint32_t id) const { return &class_of_[id * (languages_ + 1)]; }
  size_t class_count() const { return classes_.size(); }
  std::string_view class_key(uint32_t c, text_class_kind *kind, uint8_t *language) const;

  void reset(); /* cannot fail */
  size_t bytes() const;

private:
  /* Numbers from here on are those of what is not bare. */
  static constexpr uint32_t OTHER = UINT32_C(1) << 31;
  struct prefixed_class {
    uint32_t key, bytes, next;
    uint8_t size, prefix;
  };
  const prefixed_class &other_class(uint32_t c) const {
    return other_classes_[classes_[c] - OTHER];
  }
  uint32_t add_word(uint32_t w, uint8_t prefix);
  uint32_t class_number(uint32_t k, uint8_t prefix);
  uint32_t put(uint8_t prefix, std::string_view word);
  void reserve_term();
  uint64_t hash(std::string_view bytes) const;

  lexicon &words_;
  size_t languages_;
  secret_pages<uint32_t> terms_; /* words, or OTHER and a number among the others */
  secret_pages<term> others_;
  secret_pages<uint32_t> class_of_; /* count() x (fold, stems ...): the layout of text_class */
  secret_pages<uint32_t> classes_;  /* keys, or OTHER and a number among the others */
  secret_pages<prefixed_class> other_classes_;
  secret_vector<uint32_t> filter_slots_;
  size_t filters_ = 0;
  arena bytes_;
};

} // namespace text

#endif
