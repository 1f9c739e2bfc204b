// SPDX-License-Identifier: GPL-2.0-or-later
// Xapian glass as notmuch and Dovecot's flatcurve run it: TermGenerator with an English stemmer
// (STEM_SOME), subject and from behind prefixes and bare, date in a value slot, id as document data;
// QueryParser with AND by default; newest first by the value.
#include <xapian.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

extern "C" {
#include "engine.h"
}

struct engine {
  std::string dir;
  std::unique_ptr<Xapian::WritableDatabase> writable;
  std::unique_ptr<Xapian::Database> readable;
  Xapian::TermGenerator generator;
  Xapian::QueryParser parser;
};

namespace {

constexpr Xapian::valueno date_slot = 0;

int fail(const Xapian::Error &error) {
  std::fprintf(stderr, "xapian: %s\n", error.get_description().c_str());
  return -1;
}

void prepare(engine &e) {
  e.generator.set_stemmer(Xapian::Stem("en"));
  e.generator.set_stemming_strategy(Xapian::TermGenerator::STEM_SOME);
  e.parser.set_stemmer(Xapian::Stem("en"));
  e.parser.set_stemming_strategy(Xapian::QueryParser::STEM_SOME);
  e.parser.set_default_op(Xapian::Query::OP_AND);
  e.parser.add_prefix("subject", "S");
  e.parser.add_prefix("from", "A");
  e.parser.add_boolean_prefix("in", "XFOLDER");
}

Xapian::Document make_document(engine &e, const corpus_item &item) {
  Xapian::Document doc;
  e.generator.set_document(doc);
  const std::string body(item.body.data, item.body.size);
  const std::string subject(item.subject.data, item.subject.size);
  const std::string from(item.from.data, item.from.size);
  e.generator.set_termpos(0);
  e.generator.index_text(body);
  e.generator.increase_termpos();
  e.generator.index_text(subject, 1, "S");
  e.generator.index_text(subject);
  e.generator.increase_termpos();
  e.generator.index_text(from, 1, "A");
  e.generator.index_text(from);
  doc.add_value(date_slot, Xapian::sortable_serialise(static_cast<double>(item.date)));
  doc.add_boolean_term(std::string("XFOLDER") + item.folder);
  doc.add_boolean_term(std::string("Q") + item.id);
  doc.set_data(item.id);
  return doc;
}

int xapian_create(engine **out, const char *dir) {
  try {
    auto e = std::make_unique<engine>();
    e->dir = dir;
    e->writable = std::make_unique<Xapian::WritableDatabase>(dir, Xapian::DB_CREATE_OR_OVERWRITE);
    prepare(*e);
    *out = e.release();
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

int xapian_open(engine **out, const char *dir) {
  try {
    auto e = std::make_unique<engine>();
    e->dir = dir;
    e->readable = std::make_unique<Xapian::Database>(dir);
    prepare(*e);
    e->parser.set_database(*e->readable);
    *out = e.release();
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

int xapian_build(engine *e, const corpus *c) {
  try {
    for (size_t i = 0; i < c->count; i++) e->writable->add_document(make_document(*e, c->items[i]));
    e->writable->commit();
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

int xapian_add(engine *e, const corpus_item *item) {
  try {
    e->writable->add_document(make_document(*e, *item));
    e->writable->commit();
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

int xapian_delete(engine *e, const corpus_item *item) {
  try {
    e->writable->delete_document(std::string("Q") + item->id);
    e->writable->commit();
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

int xapian_search(engine *e, const workload_query *q, const char *text, bool exact_total, answer *a) {
  try {
    const unsigned flags = Xapian::QueryParser::FLAG_BOOLEAN | Xapian::QueryParser::FLAG_PHRASE |
                           Xapian::QueryParser::FLAG_LOVEHATE | Xapian::QueryParser::FLAG_WILDCARD;
    Xapian::Enquire enquire(*e->readable);
    enquire.set_query(e->parser.parse_query(text, flags));
    if (q->kind == QUERY_NEWEST || q->kind == QUERY_FILTER) {
      enquire.set_weighting_scheme(Xapian::BoolWeight());
      enquire.set_sort_by_value(date_slot, true);
    }
    const Xapian::MSet hits =
        enquire.get_mset(0, ANSWER_HITS, exact_total ? e->readable->get_doccount() : 0);
    a->count = 0;
    for (Xapian::MSetIterator it = hits.begin(); it != hits.end(); ++it) {
      const Xapian::Document doc = it.get_document();
      std::snprintf(a->ids[a->count], ANSWER_ID, "%s", doc.get_data().c_str());
      a->dates[a->count++] =
          static_cast<int64_t>(Xapian::sortable_unserialise(doc.get_value(date_slot)));
    }
    a->total = exact_total ? hits.get_matches_estimated() : 0;
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

void xapian_close(engine *e) { delete e; }

} // namespace

extern "C" const engine_class engine_xapian = {
  "Xapian", "Xapian glass " XAPIAN_VERSION ", default settings, TermGenerator STEM_SOME (en)",
  xapian_create, xapian_build, xapian_add, xapian_delete, xapian_open, workload_query_text, xapian_search,
  xapian_close,
};
