// SPDX-License-Identifier: GPL-2.0-or-later
#include "text/detect.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>
#pragma GCC diagnostic pop

#include <cstring>

#include "text/arena.h"
#include "text/reader.h"

namespace text {

constexpr size_t SAMPLE = 1024;
// Most texts say what they are in two pieces of it, and CLD2 takes as long as what it reads.
constexpr size_t PIECE = 128;
constexpr int SURE = 90; // percent

bool is_detectable(const std::string &code) {
  if (code.size() < 2 || code.size() > 3) return false;
  for (const char c : code)
    if (c < 'a' || c > 'z') return false;
  return CLD2::GetLanguageFromName(code.c_str()) != CLD2::UNKNOWN_LANGUAGE;
}

// Codes that stand for the same language here.
static std::string_view plain_code(std::string_view code) {
  if (code == "nb" || code == "nn") return "no";
  if (code == "iw") return "he";
  if (code == "porter" || code == "lovins" || code == "earlyenglish") return "en";
  if (code == "german2") return "de";
  if (code == "kraaij_pohlmann") return "nl";
  return code.substr(0, code.find('-')); // zh-Hant
}

struct answer {
  uint8_t language = 0;
  bool sure = false; // nearly all of it is in that language, and CLD2 relies on that
};

static answer ask(const stemmers &languages, const char *sample, size_t size) {
  CLD2::CLDHints hints = { nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE };
  CLD2::Language found[3];
  int percent[3], text_bytes, valid;
  double score[3];
  bool reliable;
  CLD2::ExtDetectLanguageSummaryCheckUTF8(sample, static_cast<int>(size), true, &hints, 0, found,
                                          percent, score, nullptr, &text_bytes, &reliable, &valid);
  answer best;
  int most = 0;
  for (int i = 0; i < 3; i++) {
    const std::string_view code = plain_code(CLD2::LanguageCode(found[i]));
    for (size_t l = 0; l < languages.count(); l++)
      if (percent[i] > most && code == plain_code(languages.code(l))) {
        best.language = static_cast<uint8_t>(l);
        best.sure = i == 0 && reliable && percent[i] >= SURE;
        most = percent[i];
      }
  }
  return best;
}

// Two pieces of a sample: its beginning, which may be a greeting or a quotation, and its middle.
static size_t take_pieces(const char *sample, size_t size, char *out) {
  const size_t first = cut_utf8(sample, size, PIECE);
  size_t middle = size / 2;
  while ((static_cast<unsigned char>(sample[middle]) & 0xc0) == 0x80) middle++;
  const size_t second = cut_utf8(sample + middle, size - middle, PIECE);
  memcpy(out, sample, first);
  out[first] = ' ';
  memcpy(out + first + 1, sample + middle, second);
  return first + 1 + second;
}

uint8_t detect(const stemmers &languages, std::string_view text) {
  if (languages.count() < 2 || text.empty()) return 0;
  // CLD2 gives up on bytes that are not UTF-8, so they are repaired as the tokenizer reads them.
  char sample[SAMPLE + 1], pieces[2 * PIECE + 1];
  size_t size = 0;
  for (reader it(text.data(), text.data() + text.size()); !it.done() && size + 4 <= SAMPLE;
       it.advance())
    size += encode_utf8(it.ch() >= 0xd800 && it.ch() < 0xe000 ? ' ' : it.ch(), sample + size);
  sample[size] = 0;
  answer found;
  if (size > 3 * PIECE) {
    const size_t taken = take_pieces(sample, size, pieces);
    found = ask(languages, pieces, taken);
    wipe(pieces, taken);
  }
  if (!found.sure) found = ask(languages, sample, size);
  wipe(sample, size);
  return found.language;
}

} // namespace text
