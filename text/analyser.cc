// SPDX-License-Identifier: GPL-2.0-or-later
// The C interface: items through splitter, lexicon and vocabulary into lists of terms.
#include <new>

#include "text/detect.h"
#include "text/vocabulary.h"

extern "C" {
#include "base/error.h"
#include "text/text.h"
}

namespace {

using namespace text;

// What the lexicon may hold when the vocabulary is empty; beyond that it starts anew.
constexpr size_t LEXICON_MAX = 4 << 20;
// Arrays of one item that are kept for the next, up to so many elements: a long one costs little
// beside its text.
constexpr size_t ITEM_KEEP = 1 << 14;

struct entry {
  uint32_t id, wdf;
  uint32_t count;   // of positions; in text_finish, where the next one goes
  uint32_t stemmed; // as in struct word
};
struct occurrence {
  uint32_t entry, position;
};

// Tokens on their way to their words. Each step is taken for all of them before the next, so that
// the cache misses of one overlap with those of the others.
struct batch {
  static constexpr uint32_t TOKENS = 48, BYTES = 4096;
  lexicon::probe probes[TOKENS];
  uint32_t words[TOKENS];
  bool positional[TOKENS];
  uint32_t count = 0;
  uint32_t used = 0;
  char bytes[BYTES];

  ~batch() { wipe(bytes, sizeof bytes); }
  bool full() const { return count == TOKENS || used > BYTES - TOKEN_MAX - 32; }
  void put(const lexicon &words_, const token &t) {
    char *to = bytes + used;
    memcpy(to, t.bytes, 16);
    if (t.size > 16) memcpy(to + 16, t.bytes + 16, t.size - 16);
    used += (t.size + 15) & ~15U;
    probes[count] = words_.prepare(to, t.size, t.ascii);
    positional[count++] = t.positional;
  }
};

template <class V> void make_room(V &v, size_t more) {
  if (v.capacity() - v.size() < more) v.reserve(v.capacity() * 2 + more);
}

template <class V> void forget(V &v) {
  if (v.capacity() > ITEM_KEEP) V().swap(v);
  v.clear();
}

} // namespace

struct text_analyser {
  stemmers languages;
  lexicon words{ languages };
  vocabulary terms;
  tokenizer splitter;

  // The item at hand.
  secret_vector<entry> entries;
  secret_vector<occurrence> occurrences;
  secret_vector<text_term> result;
  secret_vector<uint32_t> positions;
  uint32_t stamp = 0;
  uint32_t position = 0;
  uint32_t body_end = 0;
  bool any_field = false;
  uint8_t language = 0;

  batch pending;

  // text_tokens and text_fold.
  secret_vector<text_token> tokens;
  secret_vector<uint32_t> token_words;
  secret_vector<char> scratch;

  explicit text_analyser(stemmers &&chosen)
      : languages(std::move(chosen)), terms(words, languages.count()) {}

  void reset_item();
  void add_field(const text_field_rule &rule, std::string_view text);
  void add_exact(const text_field_rule &rule, std::string_view text);
  void add_filter(std::string_view term);
  void finish(text_terms *out);
  void split(std::string_view text);
  void bound_lexicon() {
    if (terms.count() == 0 && (words.closed() || words.bytes() > LEXICON_MAX)) words.reset();
  }
  void reset_vocabulary() {
    terms.reset();
    reset_item();
  }

private:
  uint32_t enter(uint32_t &seen, uint32_t &at, uint32_t id, uint32_t wdf, uint32_t stemmed) {
    if (seen == stamp) {
      entries[at].wdf += wdf;
      return at;
    }
    const uint32_t number = static_cast<uint32_t>(entries.size());
    entries.push_back({ id, wdf, 0, stemmed });
    seen = stamp;
    at = number;
    return number;
  }
  uint32_t enter_bare(uint32_t w, uint32_t wdf) {
    word *met = &words.at(w);
    if (met->stamp != stamp) {
      const uint32_t id = terms.bare(w);
      return enter(met->stamp, met->entry, id, wdf, met->stemmed);
    }
    entries[met->entry].wdf += wdf;
    return met->entry;
  }
  uint32_t enter_prefixed(uint32_t w, uint8_t prefix, uint32_t wdf) {
    const uint32_t id = terms.prefixed(w, prefix);
    term &met = terms.other(id);
    return enter(met.stamp, met.entry, id, wdf, words.at(w).stemmed);
  }
  void place(uint32_t number) {
    occurrences.push_back({ number, position }); // there is room: flush saw to it
    entries[number].count++;
  }
  void flush(uint8_t prefix, bool bare, uint32_t wdf);
};

// ---------------------------------------------------------------- an item

// Cannot fail.
void text_analyser::reset_item() {
  forget(entries);
  forget(occurrences);
  forget(result);
  forget(positions);
  if (++stamp == 0) { // after 2^32 items: every mark could be taken for a new one
    for (uint32_t w = 0; w < words.count(); w++) words.at(w).stamp = 0;
    for (uint32_t id = 0; id < terms.count(); id++)
      if (!terms.is_bare(id)) terms.other(id).stamp = 0;
    stamp = 1;
  }
  position = body_end = 0;
  any_field = false;
  language = 0;
}

void text_analyser::add_field(const text_field_rule &rule, std::string_view text) {
  if (any_field) position += TEXT_FIELD_GAP;
  any_field = true;
  const uint8_t prefix = prefix_number(rule.prefix);
  if (rule.weight == 0) return;
  const uint32_t before = position;
  pending.count = pending.used = 0; // what a failure may have left
  splitter.run(text.data(), text.size(), [&](const token &t) {
    pending.put(words, t);
    if (pending.full()) flush(prefix, rule.bare, rule.weight);
  });
  flush(prefix, rule.bare, rule.weight);
  if (prefix == 0 && position != before) body_end = position;
}

void text_analyser::flush(uint8_t prefix, bool bare, uint32_t wdf) {
  batch &b = pending;
  make_room(occurrences, 2 * batch::TOKENS);
  make_room(entries, 2 * batch::TOKENS);
  for (uint32_t i = 0; i < b.count; i++) b.words[i] = words.guess(b.probes[i]);
  for (uint32_t i = 0; i < b.count; i++) {
    const uint32_t w = words.find(b.probes[i], b.words[i]);
    const bool positional = b.positional[i];
    position += positional;
    if (prefix != 0) {
      const uint32_t number = enter_prefixed(w, prefix, wdf);
      if (positional) place(number);
    }
    if (prefix == 0 || bare) {
      const uint32_t number = enter_bare(w, wdf);
      if (positional) place(number);
    }
  }
  b.count = b.used = 0;
}

void text_analyser::add_filter(std::string_view bytes) {
  const uint32_t id = terms.intern(bytes);
  if (terms.is_bare(id)) {
    enter_bare(terms.word_of(id), 0);
    return;
  }
  term &met = terms.other(id);
  enter(met.stamp, met.entry, id, 0, met.word != TEXT_NONE ? words.at(met.word).stemmed : 0);
}

void text_analyser::finish(text_terms *out) {
  result.resize(entries.size());
  positions.resize(occurrences.size());
  uint32_t first = 0, length = 0;
  for (size_t i = 0; i < entries.size(); i++) {
    entry &e = entries[i];
    result[i] = { e.id, e.wdf, first, e.count };
    first += e.count;
    e.count = result[i].first;
    length += (e.stemmed >> language & 1) != 0 ? 2 * e.wdf : e.wdf;
  }
  for (const occurrence &o : occurrences) positions[entries[o.entry].count++] = o.position;
  *out = { result.data(), result.size(), positions.data(), length, body_end, language };
}

// ---------------------------------------------------------------- whole values

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool ends_address(char c) {
  return is_space(c) || strchr("<>()[],;:\"", c) != nullptr;
}

// A value without the white space and quotation marks around it; of `Some name <id>`, the id.
static std::string_view bare_value(std::string_view s) {
  const size_t from = s.rfind('<');
  if (from != std::string_view::npos) {
    const size_t to = s.find('>', from);
    if (to != std::string_view::npos && to > from + 1) s = s.substr(from + 1, to - from - 1);
  }
  const auto around = [](char c) {
    return is_space(c) || c == '"' || c == '\'' || c == '<' || c == '>';
  };
  while (!s.empty() && around(s.front())) s.remove_prefix(1);
  while (!s.empty() && around(s.back())) s.remove_suffix(1);
  return s;
}

void text_analyser::add_exact(const text_field_rule &rule, std::string_view text) {
  char term[TEXT_TERM_MAX];
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && !ends_address(text[end])) end++;
    const std::string_view piece = text.substr(at, end - at);
    if (piece.find('@') != std::string_view::npos) {
      const size_t size = text_exact(this, &rule, piece.data(), piece.size(), term);
      if (size != 0) add_filter({ term, size });
      any = true;
    }
    at = end + 1;
  }
  if (any) return;
  const size_t size = text_exact(this, &rule, text.data(), text.size(), term);
  if (size != 0) add_filter({ term, size });
}

// ---------------------------------------------------------------- words of a query or snippet

static bool joins(std::string_view gap) {
  for (const char *at = gap.data(), *end = at + gap.size(); at < end;) {
    uint32_t ch;
    at += decode_utf8(at, end, &ch);
    if (ch != 0x2019 &&
        (ch >= 0x80 || ch == 0 || strchr(".-/:\\@'+=?&%#~", static_cast<int>(ch)) == nullptr))
      return false;
  }
  return true;
}

void text_analyser::split(std::string_view text) {
  bound_lexicon();
  forget(tokens);
  forget(token_words);
  uint32_t at = 0;
  const char *last = nullptr;
  splitter.run(text.data(), text.size(), [&](const token &t) {
    const uint32_t w = words.find(t);
    text_token out = {};
    out.start = static_cast<uint32_t>(t.start - text.data());
    out.end = static_cast<uint32_t>(t.end - text.data());
    out.positional = t.positional;
    out.ngram = t.ngram;
    if (t.positional) {
      out.joined = last != nullptr && t.start >= last &&
                   joins({ last, static_cast<size_t>(t.start - last) });
      at++;
      last = t.end;
    } else {
      out.joined = true; // its first character begins where the token before it does
    }
    out.position = at - 1;
    token_words.push_back(w);
    tokens.push_back(out);
  });
  // Only now, since the lexicon may have grown meanwhile.
  for (size_t i = 0; i < tokens.size(); i++) {
    const uint32_t w = token_words[i];
    const std::string_view surface = words.surface(w);
    const uint32_t k = words.keys_of(w)[0];
    const std::string_view folded = k != TEXT_NONE ? words.key_bytes(k) : surface;
    tokens[i].surface = { surface.data(), surface.size() };
    tokens[i].folded = { folded.data(), folded.size() };
  }
}

// ---------------------------------------------------------------- the C interface

namespace {

// Runs `body` so that no exception leaves it. Xapian::Error is no std::exception.
template <class Body> sdx_status guarded(sdx_error *err, Body body) {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return error_memory(err);
  } catch (const Xapian::Error &) {
    return error_set(err, SDX_SYSTEM, "text analysis failed inside libxapian");
  } catch (const std::exception &) {
    return error_set(err, SDX_NO_MEMORY, "text analysis failed: a size limit was passed");
  } catch (...) {
    return error_set(err, SDX_SYSTEM, "text analysis failed");
  }
}

template <class Body> size_t guarded_size(Body body) {
  try {
    return body();
  } catch (...) {
    return 0;
  }
}

bool too_long(size_t size) {
  return size >= UINT32_MAX / 2;
}

sdx_status refuse_long(sdx_error *err) {
  return error_set(err, SDX_INVALID, "a text of 2 GiB or more cannot be analysed");
}

} // namespace

extern "C" {

sdx_status text_analyser_open(text_analyser **out, const char *languages, sdx_error *err) {
  *out = nullptr;
  return guarded(err, [&] {
    stemmers chosen;
    if (!chosen.open(languages != nullptr ? languages : ""))
      return error_set(err, SDX_INVALID,
                       "unknown language, or more than %d: give codes such as en,de",
                       TEXT_LANGUAGES_MAX);
    static_assert(alignof(text_analyser) <= 16, "as plain_alloc aligns");
    void *room = plain_alloc(sizeof(text_analyser));
    if (room == nullptr) throw std::bad_alloc();
    try {
      *out = new (room) text_analyser(std::move(chosen));
    } catch (...) {
      plain_free(room);
      throw;
    }
    return SDX_OK;
  });
}

void text_analyser_close(text_analyser *a) {
  if (a == nullptr) return;
  a->~text_analyser();
  plain_free(a);
}

size_t text_language_count(const text_analyser *a) {
  return a->languages.count();
}

const char *text_language_code(const text_analyser *a, size_t i) {
  return i < a->languages.count() ? a->languages.code(i) : nullptr;
}

sdx_status text_begin(text_analyser *a, sdx_error *err) {
  return guarded(err, [&] {
    a->bound_lexicon();
    a->reset_item();
    return SDX_OK;
  });
}

sdx_status text_detect(text_analyser *a, const char *text, size_t size, sdx_error *err) {
  return guarded(err, [&] {
    a->language = detect(a->languages, { text, size });
    return SDX_OK;
  });
}

sdx_status text_add_field(text_analyser *a, const text_field_rule *rule, const char *text,
                          size_t size, sdx_error *err) {
  if (too_long(size)) return refuse_long(err);
  if (prefix_number(rule->prefix) == PREFIX_FILTER)
    return error_set(err, SDX_INVALID, "a field's prefix is not in the table of fields");
  return guarded(err, [&] {
    a->add_field(*rule, { text, size });
    if (rule->exact) a->add_exact(*rule, { text, size });
    return SDX_OK;
  });
}

sdx_status text_add_filter(text_analyser *a, const char *term, size_t size, sdx_error *err) {
  if (size == 0 || size > TEXT_TERM_MAX)
    return error_set(err, SDX_INVALID, "a filter term has 1 to %d bytes", TEXT_TERM_MAX);
  return guarded(err, [&] {
    a->add_filter({ term, size });
    return SDX_OK;
  });
}

sdx_status text_finish(text_analyser *a, text_terms *out, sdx_error *err) {
  return guarded(err, [&] {
    a->finish(out);
    return SDX_OK;
  });
}

size_t text_vocabulary_count(const text_analyser *a) {
  return a->terms.count();
}

size_t text_vocabulary_bytes(const text_analyser *a) {
  return a->terms.bytes() + a->words.bytes();
}

sdx_bytes text_vocabulary_term(const text_analyser *a, uint32_t id) {
  const std::string_view bytes = a->terms.bytes_of(id);
  return { bytes.data(), bytes.size() };
}

sdx_status text_vocabulary_intern(text_analyser *a, const char *term, size_t size, uint32_t *id,
                                  sdx_error *err) {
  if (size == 0 || size > TEXT_TERM_MAX)
    return error_set(err, SDX_INVALID, "a term has 1 to %d bytes", TEXT_TERM_MAX);
  return guarded(err, [&] {
    a->bound_lexicon();
    *id = a->terms.intern({ term, size });
    return SDX_OK;
  });
}

const text_class *text_vocabulary_class(const text_analyser *a, uint32_t id) {
  static_assert(sizeof(text_class) == (1 + TEXT_LANGUAGES_MAX) * sizeof(uint32_t));
  return reinterpret_cast<const text_class *>(a->terms.class_of(id));
}

size_t text_class_count(const text_analyser *a) {
  return a->terms.class_count();
}

sdx_bytes text_class_key(const text_analyser *a, uint32_t c, text_class_kind *kind,
                         uint8_t *language) {
  const std::string_view key = a->terms.class_key(c, kind, language);
  return { key.data(), key.size() };
}

void text_vocabulary_close(text_analyser *a) {
  if (a->words.bytes() > LEXICON_MAX) a->words.close();
}

void text_vocabulary_reset(text_analyser *a) {
  a->reset_vocabulary();
}

sdx_status text_tokens(text_analyser *a, const char *text, size_t size, const text_token **out,
                       size_t *count, sdx_error *err) {
  if (too_long(size)) return refuse_long(err);
  return guarded(err, [&] {
    a->split({ text, size });
    *out = a->tokens.data();
    *count = a->tokens.size();
    return SDX_OK;
  });
}

size_t text_fold(text_analyser *a, const char *text, size_t size, char *out, size_t capacity) {
  return guarded_size([&] {
    a->scratch.clear();
    for (reader it(text, text + size); !it.done(); it.advance()) {
      const uint32_t ch = it.ch();
      if ((ch >= 0x200b && ch <= 0x200d) || ch == 0x2060 || ch == 0xfeff) continue;
      char utf8[4];
      const size_t n = encode_utf8(Xapian::Unicode::tolower(ch), utf8);
      a->scratch.insert(a->scratch.end(), utf8, utf8 + n);
    }
    std::string_view folded(a->scratch.data(), a->scratch.size());
    if (!is_ascii(folded)) {
      const std::string_view normal = a->words.folding().normalise_all(folded);
      a->scratch.assign(normal.begin(), normal.end());
      folded = a->words.folding().fold_all({ a->scratch.data(), a->scratch.size() });
    }
    const size_t kept = cut_utf8(folded.data(), folded.size(), capacity);
    if (kept != 0) memcpy(out, folded.data(), kept);
    return kept;
  });
}

size_t text_stem(text_analyser *a, uint8_t language, const char *surface, size_t size,
                 char out[TEXT_TERM_MAX]) {
  return guarded_size([&]() -> size_t {
    if (size == 0 || language >= a->languages.count()) return 0;
    bool stored;
    const std::string_view key = a->words.stem_key(language, { surface, size }, &stored);
    if (!key.empty()) memcpy(out, key.data(), key.size());
    return key.size();
  });
}

size_t text_exact(text_analyser *a, const text_field_rule *rule, const char *value, size_t size,
                  char out[TEXT_TERM_MAX]) {
  return guarded_size([&]() -> size_t {
    const std::string_view bare = bare_value({ value, size });
    if (bare.empty()) return 0;
    const size_t prefix = strlen(rule->prefix);
    memcpy(out, rule->prefix, prefix);
    out[prefix] = ':';
    const size_t folded =
        text_fold(a, bare.data(), bare.size(), out + prefix + 1, TEXT_TERM_MAX - prefix - 1);
    return folded != 0 ? prefix + 1 + folded : 0;
  });
}

} // extern "C"
