// SPDX-License-Identifier: GPL-2.0-or-later
// Xapian glass as notmuch and Dovecot's flatcurve run it: TermGenerator with an English stemmer
// (STEM_SOME), subject and from behind prefixes and bare, date in a value slot, id as document
// data; QueryParser with AND by default; newest first by the value. A second engine is the same
// database after xapian-compact.
#include <xapian.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

extern "C" {
#include "engine.h"
}

struct engine {
  std::string dir;
  bool follows = false;
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
  e.parser.add_rangeprocessor((new Xapian::NumberRangeProcessor(date_slot, "date:"))->release());
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
  // As QueryParser makes a filter's term: a colon where the value begins with a capital.
  const bool capital = item.folder[0] >= 'A' && item.folder[0] <= 'Z';
  doc.add_boolean_term(std::string("XFOLDER") + (capital ? ":" : "") + item.folder);
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

int xapian_open(engine **out, const char *dir, engine_access access) {
  try {
    auto e = std::make_unique<engine>();
    e->dir = dir;
    e->follows = access == ENGINE_FOLLOW;
    if (access == ENGINE_WRITE)
      e->writable = std::make_unique<Xapian::WritableDatabase>(dir, Xapian::DB_OPEN);
    e->readable = std::make_unique<Xapian::Database>(dir);
    prepare(*e);
    e->parser.set_database(*e->readable);
    *out = e.release();
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

int xapian_add(engine *e, const corpus_item *items, size_t count) {
  try {
    for (size_t i = 0; i < count; i++) e->writable->add_document(make_document(*e, items[i]));
    e->writable->commit();
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

int xapian_remove(engine *e, const corpus_item *items, size_t count) {
  try {
    for (size_t i = 0; i < count; i++) e->writable->delete_document(std::string("Q") + items[i].id);
    e->writable->commit();
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

int xapian_compact(const char *from, const char *dir) {
  try {
    Xapian::Database(from).compact(dir);
    return 0;
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

// Free blocks keep what was deleted; a compacted copy does not have them.
int xapian_purge(const char *dir) {
  const std::string fresh = std::string(dir) + ".compact";
  if (xapian_compact(dir, fresh.c_str()) != 0) return -1;
  std::error_code error;
  std::filesystem::remove_all(dir, error);
  std::filesystem::rename(fresh, dir, error);
  return error ? -1 : 0;
}

void xapian_phrase(const workload_query *q, char *out, size_t size) {
  if (q->kind != QUERY_FILTER || q->since == 0) {
    workload_query_text(q, out, size);
    return;
  }
  std::snprintf(out, size, "in:\"%s\" date:%lld..%lld", q->folder, static_cast<long long>(q->since),
                static_cast<long long>(q->until - 1));
}

int xapian_search(engine *e, const workload_query *q, const char *text, size_t limit,
                  bool exact_total, answer *a) {
  try {
    const unsigned flags = Xapian::QueryParser::FLAG_BOOLEAN | Xapian::QueryParser::FLAG_PHRASE |
                           Xapian::QueryParser::FLAG_LOVEHATE | Xapian::QueryParser::FLAG_WILDCARD;
    if (e->follows) e->readable->reopen();
    Xapian::Enquire enquire(*e->readable);
    enquire.set_query(e->parser.parse_query(text, flags));
    if (q->kind == QUERY_NEWEST || q->kind == QUERY_FILTER) {
      enquire.set_weighting_scheme(Xapian::BoolWeight());
      enquire.set_sort_by_value(date_slot, true);
    }
    const Xapian::MSet hits = enquire.get_mset(0, static_cast<Xapian::doccount>(limit),
                                               exact_total ? e->readable->get_doccount() : 0);
    a->count = 0;
    for (Xapian::MSetIterator it = hits.begin(); it != hits.end(); ++it) {
      const Xapian::Document doc = it.get_document();
      std::snprintf(a->ids[a->count], ANSWER_ID, "%s", doc.get_data().c_str());
      a->dates[a->count++] =
          static_cast<int64_t>(Xapian::sortable_unserialise(doc.get_value(date_slot)));
    }
    a->total = exact_total ? hits.get_matches_estimated() : 0;
    return 0;
  } catch (const Xapian::DatabaseModifiedError &) { // a writer moved on twice: as its manual says
    e->readable->reopen();
    return xapian_search(e, q, text, limit, exact_total, a);
  } catch (const Xapian::Error &error) {
    return fail(error);
  }
}

void xapian_close(engine *e) {
  delete e;
}

} // namespace

extern "C" const engine_class engine_xapian = {
  "Xapian",
  "Xapian glass " XAPIAN_VERSION
  ": default settings, TermGenerator STEM_SOME (en), dates in a value slot, ids as document data",
  nullptr,
  false,
  xapian_create,
  xapian_add,
  nullptr,
  nullptr,
  nullptr,
  xapian_remove,
  xapian_purge,
  nullptr,
  xapian_open,
  xapian_phrase,
  xapian_search,
  xapian_close,
  nullptr,
};

extern "C" const engine_class engine_xapian_compact = {
  "Xapian compacted",
  "Xapian glass " XAPIAN_VERSION
  ", the same database after compaction (as `notmuch compact` leaves it)",
  "Xapian",
  false,
  xapian_create,
  xapian_add,
  nullptr,
  nullptr,
  xapian_compact,
  xapian_remove,
  xapian_purge,
  nullptr,
  xapian_open,
  xapian_phrase,
  xapian_search,
  xapian_close,
  nullptr,
};
