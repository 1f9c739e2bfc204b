// SPDX-License-Identifier: GPL-2.0-or-later
#include "oracle.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>
#include <xapian.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

struct oracle {
  Xapian::TermGenerator generator, plain;
  Xapian::Stem stemmer;
  std::string language;
  oracle_counts counts = {};
};

namespace {

using icu::Normalizer2;
using icu::UnicodeString;

const Normalizer2 &form(const Normalizer2 *(*get)(UErrorCode &)) {
  UErrorCode error = U_ZERO_ERROR;
  return *get(error);
}
UnicodeString normal(const Normalizer2 &f, const UnicodeString &s) {
  UErrorCode error = U_ZERO_ERROR;
  return f.normalize(s, error);
}

// ICU turns lone surrogates into U+FFFD on the way to UTF-8; Xapian keeps them.
std::string utf8(const UnicodeString &s) {
  std::string out;
  for (int32_t i = 0; i < s.length(); i = s.moveIndex32(i, 1))
    Xapian::Unicode::append_utf8(out, static_cast<unsigned>(s.char32At(i)));
  return out;
}
UnicodeString utf16(const std::string &s) {
  UnicodeString out;
  for (Xapian::Utf8Iterator i(s); i != Xapian::Utf8Iterator(); ++i)
    out.append(static_cast<UChar32>(*i));
  return out;
}

std::string cut(std::string s) {
  if (s.size() > 64) {
    size_t n = 64;
    while ((s[n] & 0xc0) == 0x80) n--;
    s.resize(n);
  }
  return s;
}

// ---------------------------------------------------------------- docs/text.md, "Reading"

bool passed_over(UChar32 c) {
  return c == 0xad || c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || u_hasBinaryProperty(c, UCHAR_VARIATION_SELECTOR);
}
bool composes(UChar32 c) {
  return (c >= 0x1100 && c <= 0x1112) || (c >= 0x1161 && c <= 0x1175) ||
         (c >= 0x11a8 && c <= 0x11c2) || (c >= 0xac00 && c <= 0xd7a3) ||
         (c >= 0x3041 && c <= 0x30ff);
}

std::string read(const std::string &text) {
  bool plain = true;
  std::vector<UChar32> in;
  for (Xapian::Utf8Iterator i(text); i != Xapian::Utf8Iterator(); ++i) {
    UChar32 c = static_cast<UChar32>(*i);
    // Mongolian variation selectors are letters' marks to Xapian and stay.
    if (passed_over(c) && !(c >= 0x180b && c <= 0x180f)) {
      plain = false;
      continue;
    }
    if ((c >= 0xff01 && c <= 0xff5e) || (c >= 0xff61 && c <= 0xff9f)) {
      c = normal(form(Normalizer2::getNFKCInstance), UnicodeString(c)).char32At(0);
      plain = false;
    }
    plain = plain && !composes(c);
    in.push_back(c);
  }
  if (plain) return text;
  std::string out;
  for (size_t i = 0; i < in.size();) {
    if (!composes(in[i])) {
      Xapian::Unicode::append_utf8(out, static_cast<unsigned>(in[i++]));
      continue;
    }
    UnicodeString run;
    while (i < in.size() && composes(in[i])) run.append(in[i++]);
    out += utf8(normal(form(Normalizer2::getNFCInstance), run));
  }
  return out;
}

// ---------------------------------------------------------------- docs/text.md, "Words" and
// "Folding"

std::string surface_of(const std::string &word) {
  UnicodeString now = utf16(word);
  for (int i = 0; i < 8; i++) {
    const UnicodeString composed = normal(form(Normalizer2::getNFKCInstance), now);
    now = utf16(Xapian::Unicode::tolower(utf8(composed)));
    if (now == composed) break;
  }
  return cut(utf8(now));
}

std::string fold_of(const std::string &surface) {
  UnicodeString now = utf16(surface);
  for (int round = 0; round < 8; round++) {
    const UnicodeString before = now;
    const UnicodeString parts = normal(form(Normalizer2::getNFDInstance), now);
    UnicodeString kept;
    bool strip = false;
    for (int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
      const UChar32 c = parts.char32At(i);
      if (u_charType(c) != U_NON_SPACING_MARK) {
        UErrorCode error = U_ZERO_ERROR;
        const UScriptCode s = uscript_getScript(c, &error);
        strip = s == USCRIPT_LATIN || s == USCRIPT_GREEK || s == USCRIPT_CYRILLIC ||
                s == USCRIPT_ARABIC || s == USCRIPT_HEBREW;
      } else if (strip) {
        continue;
      }
      kept.append(c);
    }
    kept.foldCase();
    static const std::map<UChar32, const char *> plainly = {
      { 0xf8, "o" },  { 0x142, "l" }, { 0x111, "d" },  { 0xf0, "d" },
      { 0x127, "h" }, { 0x167, "t" }, { 0x131, "i" },  { 0x640, "" },
      { 0xb7, "" },   { 0xe6, "ae" }, { 0x153, "oe" }, { 0xfe, "th" },
    };
    UnicodeString spelt;
    for (int32_t i = 0; i < kept.length(); i = kept.moveIndex32(i, 1)) {
      const auto p = plainly.find(kept.char32At(i));
      if (p == plainly.end())
        spelt.append(kept.char32At(i));
      else
        spelt.append(UnicodeString(p->second));
    }
    now = normal(form(Normalizer2::getNFCInstance), spelt);
    if (now == before) break;
  }
  return cut(utf8(now));
}

std::string core(const std::string &language, std::string word) {
  static const std::map<std::string, std::string> elisions = {
    { "fr", " l d j m t s n c qu jusqu lorsqu puisqu quoiqu " },
    { "it", " l d c m t s v un all dall dell nell sull coll pell gl agl dagl degl negl sugl " },
    { "ca", " l d m n s t " },
    { "ga", " d m b " },
  };
  const size_t mark = word.find('\'');
  if (mark != 0 && mark != std::string::npos && mark + 1 != word.size()) {
    const auto e = elisions.find(language);
    if (language == "tr")
      word.resize(mark);
    else if (e != elisions.end() &&
             e->second.find(" " + word.substr(0, mark) + " ") != std::string::npos)
      word.erase(0, mark + 1);
  }
  if (language == "ca")
    for (size_t at; (at = word.find("\u00b7")) != std::string::npos;) word.erase(at, 2);
  return word;
}

bool should_stem(const std::string &word) {
  using namespace Xapian::Unicode;
  const category c = get_category(*Xapian::Utf8Iterator(word));
  return c == LOWERCASE_LETTER || c == TITLECASE_LETTER || c == MODIFIER_LETTER ||
         c == OTHER_LETTER;
}

bool cjk(const std::string &s) {
  const unsigned c = *Xapian::Utf8Iterator(s);
  return (c >= 0x2e80 && c <= 0x2eff) || (c >= 0x3000 && c <= 0x9fff) ||
         (c >= 0xa700 && c <= 0xa71f) || (c >= 0xac00 && c <= 0xd7af) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe4f) ||
         (c >= 0xff00 && c <= 0xffef) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2f800 && c <= 0x2fa1f);
}

// ---------------------------------------------------------------- documents

struct posting {
  uint64_t wdf = 0;
  std::vector<uint32_t> positions;
  bool operator==(const posting &o) const { return wdf == o.wdf && positions == o.positions; }
};
using document = std::map<std::string, posting>;

document terms_of(const Xapian::Document &doc) {
  document out;
  for (Xapian::TermIterator t = doc.termlist_begin(); t != doc.termlist_end(); ++t) {
    posting &p = out[*t];
    p.wdf = t.get_wdf();
    for (Xapian::PositionIterator i = t.positionlist_begin(); i != t.positionlist_end(); ++i)
      p.positions.push_back(*i);
  }
  return out;
}

size_t prefix_size(const std::string &term) {
  size_t n = 0;
  while (n < term.size() && term[n] >= 'A' && term[n] <= 'Z') n++;
  return n;
}

size_t compare(const char *what, const document &expected, const document &got, bool say) {
  size_t wrong = 0;
  for (const auto &e : expected) {
    const auto g = got.find(e.first);
    if (g != got.end() && g->second == e.second) continue;
    wrong++;
    if (say) printf("%s %s: %s\n", what, e.first.c_str(), g == got.end() ? "missing" : "differs");
  }
  for (const auto &g : got) {
    if (expected.count(g.first) != 0) continue;
    wrong++;
    if (say) printf("%s %s: not expected\n", what, g.first.c_str());
  }
  return wrong;
}

// Stems in our own document: wdf of the members of each class, by key.
document stems_of(text_analyser *a, const text_terms &terms) {
  document out;
  for (size_t i = 0; i < terms.count; i++) {
    const text_class *c = text_vocabulary_class(a, terms.terms[i].id);
    if (c->stems[0] == TEXT_NONE || terms.terms[i].wdf == 0) continue;
    text_class_kind kind;
    uint8_t language;
    const sdx_bytes key = text_class_key(a, c->stems[0], &kind, &language);
    if (kind != TEXT_STEM || language != 0) out["a stem of the wrong kind"].wdf++;
    out[std::string(key.data, key.size)].wdf += terms.terms[i].wdf;
  }
  return out;
}

void index_fields(Xapian::TermGenerator &g, const oracle_field *fields, size_t count) {
  g.set_document(Xapian::Document());
  g.set_termpos(0);
  for (size_t i = 0; i < count; i++) {
    const text_field_rule *rule = text_field_find(fields[i].name, strlen(fields[i].name));
    const std::string text = read(std::string(fields[i].text, fields[i].size));
    if (i > 0) g.increase_termpos(TEXT_FIELD_GAP);
    if (rule->weight == 0) continue;
    const Xapian::termpos from = g.get_termpos();
    g.index_text(text, rule->weight, rule->prefix);
    if (rule->bare && *rule->prefix != '\0') {
      g.set_termpos(from);
      g.index_text(text, rule->weight);
    }
  }
}

} // namespace

extern "C" {

oracle *oracle_open(const char *language) {
  oracle *o = new oracle;
  o->stemmer = Xapian::Stem(language);
  o->language = language;
  for (Xapian::TermGenerator *g : { &o->generator, &o->plain }) {
    g->set_flags(Xapian::TermGenerator::FLAG_CJK_NGRAM);
    g->set_max_word_length(UINT32_MAX);
  }
  o->generator.set_stemmer(o->stemmer);
  return o;
}

void oracle_close(oracle *o) {
  delete o;
}

oracle_counts oracle_counted(const oracle *o) {
  return o->counts;
}

size_t oracle_differences(oracle *o, text_analyser *a, const oracle_field *fields, size_t count,
                          bool say) {
  // Ours.
  sdx_error err;
  text_terms terms;
  if (text_begin(a, &err) != SDX_OK) return 1;
  for (size_t i = 0; i < count; i++) {
    const text_field_rule *rule = text_field_find(fields[i].name, strlen(fields[i].name));
    if (text_add_field(a, rule, fields[i].text, fields[i].size, &err) != SDX_OK) return 1;
  }
  if (text_finish(a, &terms, &err) != SDX_OK) return 1;
  document got;
  uint64_t length = 0;
  for (size_t i = 0; i < terms.count; i++) {
    const text_term &t = terms.terms[i];
    if (t.wdf == 0) continue; // a filter term
    const sdx_bytes bytes = text_vocabulary_term(a, t.id);
    posting &p = got[std::string(bytes.data, bytes.size)];
    if (p.wdf != 0) return 1; // each id once
    p.wdf = t.wdf;
    p.positions.assign(terms.positions + t.first, terms.positions + t.first + t.count);
  }

  // TermGenerator's, and what we say that we make of it.
  index_fields(o->plain, fields, count);
  const document raw = terms_of(o->plain.get_document());
  document expected, stems, plain_stems;
  bool changed = false;
  for (const auto &r : raw) {
    const size_t n = prefix_size(r.first);
    const std::string word = r.first.substr(n), surface = surface_of(word);
    if (surface != word) {
      changed = true;
      o->counts.changed++;
    }
    posting &p = expected[r.first.substr(0, n) + surface];
    p.wdf += r.second.wdf;
    p.positions.insert(p.positions.end(), r.second.positions.begin(), r.second.positions.end());
  }
  for (auto &e : expected) {
    std::sort(e.second.positions.begin(), e.second.positions.end());
    const size_t n = prefix_size(e.first);
    const std::string surface = e.first.substr(n);
    length += e.second.wdf;
    if (!should_stem(surface)) continue;
    const std::string stem = o->stemmer(surface);
    if (stem.empty() || o->stemmer.is_none()) continue;
    length += e.second.wdf;
    plain_stems["Z" + e.first.substr(0, n) + stem].wdf += e.second.wdf;
    const std::string inner = core(o->language, surface);
    const std::string folded = should_stem(inner) ? fold_of(o->stemmer(inner)) : "";
    if (!cjk(surface) && !folded.empty()) stems[e.first.substr(0, n) + folded].wdf += e.second.wdf;
  }
  o->counts.items++;
  o->counts.terms += raw.size();

  size_t wrong = compare("term", expected, got, say);
  wrong += compare("stem", stems, stems_of(a, terms), say);
  if (length != terms.length) {
    wrong++;
    if (say)
      printf("length %u, expected %llu\n", terms.length, static_cast<unsigned long long>(length));
  }

  // Where no word was changed, the expected stems must be TermGenerator's own.
  if (!changed) {
    index_fields(o->generator, fields, count);
    document own = terms_of(o->generator.get_document());
    uint64_t own_length = 0;
    for (auto it = own.begin(); it != own.end();) {
      own_length += it->second.wdf;
      it = it->first[0] == 'Z' ? std::next(it) : own.erase(it);
    }
    wrong += compare("TermGenerator's stem", own, plain_stems, say);
    wrong += own_length != terms.length;
    o->counts.stems += own.size();
  }

  // Folds.
  for (size_t i = 0; i < terms.count; i++) {
    const sdx_bytes bytes = text_vocabulary_term(a, terms.terms[i].id);
    const std::string term(bytes.data, bytes.size);
    if (terms.terms[i].wdf == 0) continue;
    const size_t n = prefix_size(term);
    const std::string fold = term.substr(0, n) + fold_of(term.substr(n));
    const uint32_t c = text_vocabulary_class(a, terms.terms[i].id)->fold;
    std::string got_fold = term;
    if (c != TEXT_NONE) {
      text_class_kind kind;
      uint8_t language;
      const sdx_bytes key = text_class_key(a, c, &kind, &language);
      got_fold.assign(key.data, key.size);
      if (kind != TEXT_FOLD || got_fold == term) wrong++;
    }
    if (got_fold == fold || fold.size() == n) continue;
    wrong++;
    if (say) printf("fold of %s: %s, expected %s\n", term.c_str(), got_fold.c_str(), fold.c_str());
  }
  return wrong;
}

size_t oracle_index(oracle *o, const char *text, size_t size) {
  o->generator.set_document(Xapian::Document());
  o->generator.set_termpos(0);
  o->generator.index_text(Xapian::Utf8Iterator(text, size));
  return o->generator.get_document().termlist_count();
}

const char *oracle_stemmer(size_t i) {
  static const char *const names[] = {
    "ar",
    "hy",
    "eu",
    "ca",
    "da",
    "nl",
    "en",
    "fi",
    "fr",
    "de",
    "hu",
    "id",
    "ga",
    "it",
    "lt",
    "ne",
    "no",
    "pt",
    "ro",
    "ru",
    "es",
    "sv",
    "ta",
    "tr",
    "porter",
    "lovins",
    "earlyenglish",
    "german2",
    "kraaij_pohlmann",
  };
  return i < sizeof names / sizeof *names ? names[i] : nullptr;
}

} // extern "C"
