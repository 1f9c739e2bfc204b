// SPDX-License-Identifier: GPL-2.0-or-later
#include "stems.h"

#include <xapian.h>

#include <cstring>
#include <string>

struct stems {
  Xapian::Stem english{ "en" };
};

stems *stems_new(void) {
  try {
    return new stems;
  } catch (...) {
    return nullptr;
  }
}

void stems_free(stems *s) {
  delete s;
}

void stems_of(const stems *s, const char word[16], char out[16]) {
  std::memset(out, 0, 16);
  try {
    const std::string stem = s->english(word);
    std::memcpy(out, stem.data(), stem.size() < 15 ? stem.size() : 15);
  } catch (...) {
    std::memcpy(out, word, 15);
  }
}
