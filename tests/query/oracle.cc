// SPDX-License-Identifier: GPL-2.0-or-later
#include "oracle.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <xapian.h>

struct oracle {
  Xapian::WritableDatabase db{ "", Xapian::DB_BACKEND_INMEMORY };
  Xapian::Document document;
  std::vector<Xapian::Query> stack;
};

oracle *oracle_new(void) { return new oracle; }
void oracle_free(oracle *o) { delete o; }

void oracle_begin(oracle *o) { o->document = Xapian::Document(); }

void oracle_posting(oracle *o, const char *term, size_t size, uint32_t position) {
  o->document.add_posting(std::string(term, size), position, 0);
}

void oracle_wdf(oracle *o, const char *term, size_t size, uint32_t wdf) {
  o->document.add_term(std::string(term, size), wdf);
}

uint32_t oracle_end(oracle *o, uint32_t length) {
  const Xapian::docid id = o->db.add_document(o->document);
  if (o->db.get_doclength(id) != length) {
    std::fprintf(stderr, "length of document %u: %u, not %u\n", id, length, o->db.get_doclength(id));
    std::abort();
  }
  return id;
}

void oracle_term(oracle *o, const char *term) { o->stack.emplace_back(std::string(term)); }
void oracle_all(oracle *o) { o->stack.push_back(Xapian::Query::MatchAll); }

void oracle_prefix(oracle *o, const char *pattern) {
  const Xapian::Query q(Xapian::Query::OP_WILDCARD, pattern, 0, Xapian::Query::WILDCARD_LIMIT_ERROR,
                        Xapian::Query::OP_OR);
  o->stack.emplace_back(Xapian::Query::OP_SCALE_WEIGHT, q, 0.0);
}

void oracle_apply(oracle *o, oracle_op op, size_t operands, uint32_t window) {
  static const Xapian::Query::op ops[] = { Xapian::Query::OP_AND,    Xapian::Query::OP_OR,
                                           Xapian::Query::OP_AND_NOT, Xapian::Query::OP_PHRASE,
                                           Xapian::Query::OP_NEAR,   Xapian::Query::OP_FILTER };
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
