// SPDX-License-Identifier: GPL-2.0-or-later
#include "oracle.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <xapian.h>

struct oracle {
  Xapian::WritableDatabase db;
  Xapian::Document document;
  Xapian::TermGenerator generator;
  Xapian::termpos position = 0;
  std::vector<Xapian::Query> stack;
};

oracle *oracle_new(const char *dir) {
  auto *o = new oracle;
  o->db = dir == nullptr
              ? Xapian::WritableDatabase("", Xapian::DB_BACKEND_INMEMORY)
              : Xapian::WritableDatabase(dir, Xapian::DB_CREATE_OR_OVERWRITE | Xapian::DB_NO_SYNC);
  o->generator.set_stemmer(Xapian::Stem("en"));
  o->generator.set_stemming_strategy(Xapian::TermGenerator::STEM_SOME);
  o->generator.set_flags(Xapian::TermGenerator::FLAG_CJK_NGRAM);
  return o;
}
void oracle_free(oracle *o) {
  delete o;
}

void oracle_begin(oracle *o) {
  o->document = Xapian::Document();
  o->generator.set_document(o->document);
  o->position = 0;
}

void oracle_field(oracle *o, const char *prefix, uint32_t weight, bool bare, const char *text,
                  size_t size) {
  const std::string t(text, size);
  const Xapian::termpos from = o->position;
  for (int again = 0; again < 2; again++) {
    if (again == 0 ? prefix[0] == '\0' : !bare) continue;
    o->generator.set_termpos(from);
    o->generator.index_text(t, weight, again == 0 ? prefix : "");
  }
  o->position = o->generator.get_termpos() + 100;
}

void oracle_posting(oracle *o, const char *term, size_t size, uint32_t position) {
  o->document.add_posting(std::string(term, size), position, 0);
}

void oracle_wdf(oracle *o, const char *term, size_t size, uint32_t wdf) {
  o->document.add_term(std::string(term, size), wdf);
}

uint32_t oracle_end(oracle *o, uint32_t length) {
  const Xapian::docid id = o->db.add_document(o->document);
  if (o->db.get_doclength(id) != length) {
    std::fprintf(stderr, "length of document %u: %u, not %u\n", id, length,
                 o->db.get_doclength(id));
    std::abort();
  }
  return id;
}

uint32_t oracle_end_anyhow(oracle *o) {
  return o->db.add_document(o->document);
}
void oracle_delete(oracle *o, uint32_t document) {
  o->db.delete_document(document);
}
void oracle_settle(oracle *o) {
  o->db.commit();
}

void oracle_stem(const char *word, char *out, size_t room) {
  static const Xapian::Stem stem("en");
  std::snprintf(out, room, "%s", stem(word).c_str());
}

void oracle_term(oracle *o, const char *term) {
  o->stack.emplace_back(std::string(term));
}
void oracle_all(oracle *o) {
  o->stack.push_back(Xapian::Query::MatchAll);
}

void oracle_prefix(oracle *o, const char *pattern) {
  const Xapian::Query q(Xapian::Query::OP_WILDCARD, pattern, 0, Xapian::Query::WILDCARD_LIMIT_ERROR,
                        Xapian::Query::OP_OR);
  o->stack.emplace_back(Xapian::Query::OP_SCALE_WEIGHT, q, 0.0);
}

void oracle_apply(oracle *o, oracle_op op, size_t operands, uint32_t window) {
  static const Xapian::Query::op ops[] = { Xapian::Query::OP_AND,     Xapian::Query::OP_OR,
                                           Xapian::Query::OP_AND_NOT, Xapian::Query::OP_PHRASE,
                                           Xapian::Query::OP_NEAR,    Xapian::Query::OP_FILTER };
  const auto first = o->stack.end() - static_cast<std::ptrdiff_t>(operands);
  const Xapian::Query q = op == ORACLE_PHRASE || op == ORACLE_NEAR
                              ? Xapian::Query(ops[op], first, o->stack.end(), window)
                              : Xapian::Query(ops[op], first, o->stack.end());
  o->stack.erase(first, o->stack.end());
  o->stack.push_back(q);
}

size_t oracle_run(oracle *o, oracle_hit *hits, size_t room) {
  Xapian::Enquire enquire(o->db);
  enquire.set_weighting_scheme(Xapian::BM25Weight(1, 0, 1, 0.5, 0.5));
  enquire.set_query(o->stack.back());
  o->stack.clear();
  const Xapian::MSet found = enquire.get_mset(0, static_cast<Xapian::doccount>(room));
  size_t n = 0;
  for (auto i = found.begin(); i != found.end(); ++i) hits[n++] = { *i, i.get_weight() };
  return n;
}
