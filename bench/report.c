/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include "plots.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 64 };

typedef struct names {
  const char *list[NAMES_MAX];
  size_t count;
} names;

static void names_add(names *n, const char *name) {
  for (size_t i = 0; i < n->count; i++)
    if (strcmp(n->list[i], name) == 0) return;
  if (n->count < NAMES_MAX) n->list[n->count++] = name;
}

/* Engines and subjects of a stage, in the order in which they were measured. */
static void gather(const figures *f, const char *stage, const char *measure, names *engines,
                   names *subjects) {
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    if (strcmp(r->stage, stage) != 0 || (measure != NULL && strcmp(r->measure, measure) != 0))
      continue;
    names_add(engines, r->engine);
    names_add(subjects, r->subject);
  }
}

/* Three significant digits, without an exponent. */
static void number(FILE *out, double v) {
  if (!isfinite(v))
    fprintf(out, "-");
  else if (v == floor(v) && fabs(v) < 1000)
    fprintf(out, "%.0f", v);
  else if (fabs(v) >= 100)
    fprintf(out, "%.0f", v);
  else if (fabs(v) >= 10)
    fprintf(out, "%.1f", v);
  else if (fabs(v) >= 1)
    fprintf(out, "%.2f", v);
  else
    fprintf(out, "%.3f", v);
}

static void head(FILE *out, const char *what, const names *columns) {
  fprintf(out, "\n| %s |", what);
  for (size_t k = 0; k < columns->count; k++) fprintf(out, " %s |", columns->list[k]);
  fprintf(out, "\n|---|");
  for (size_t k = 0; k < columns->count; k++) fprintf(out, "---:|");
  fprintf(out, "\n");
}

typedef struct table {
  const char *stage, *measure, *title;
  bool bounds; /* with the interval */
  bool mean;   /* a last row with the geometric mean of each column */
} table;

static double column_mean(const figures *f, const table *t, const char *engine,
                          const names *subjects) {
  double sum = 0;
  size_t n = 0;
  for (size_t i = 0; i < subjects->count; i++) {
    const double v = figures_value(f, t->stage, engine, subjects->list[i], t->measure);
    if (!(v > 0)) continue;
    sum += log(v);
    n++;
  }
  return n > 0 ? exp(sum / (double)n) : NAN;
}

/* One measure of one stage: a row per subject, a column per engine. */
static void write_table(FILE *out, const figures *f, const table *t) {
  names engines = { 0 }, subjects = { 0 };
  gather(f, t->stage, t->measure, &engines, &subjects);
  if (subjects.count == 0) return;
  head(out, t->title, &engines);
  for (size_t i = 0; i < subjects.count; i++) {
    const char *subject = subjects.list[i];
    fprintf(out, "| %s |", subject);
    for (size_t k = 0; k < engines.count; k++) {
      const figure *r = figures_find(f, t->stage, engines.list[k], subject, t->measure);
      fputc(' ', out);
      number(out, r != NULL ? r->value : NAN);
      if (t->bounds && r != NULL && isfinite(r->low)) {
        fprintf(out, " (");
        number(out, r->low);
        fprintf(out, " to ");
        number(out, r->high);
        fputc(')', out);
      }
      fprintf(out, " |");
    }
    fprintf(out, "\n");
  }
  if (!t->mean) return;
  fprintf(out, "| geometric mean |");
  for (size_t k = 0; k < engines.count; k++) {
    fputc(' ', out);
    number(out, column_mean(f, t, engines.list[k], &subjects));
    fprintf(out, " |");
  }
  fprintf(out, "\n");
}

/* All measures of one subject: a row per measure with its unit, a column per engine. */
static void write_measures(FILE *out, const figures *f, const char *stage, const char *subject,
                           const char *title) {
  names engines = { 0 }, measures = { 0 };
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    if (strcmp(r->stage, stage) != 0 || strcmp(r->subject, subject) != 0) continue;
    names_add(&engines, r->engine);
    names_add(&measures, r->measure);
  }
  if (measures.count == 0) return;
  head(out, title, &engines);
  for (size_t i = 0; i < measures.count; i++) {
    const char *unit = "";
    for (size_t k = 0; k < engines.count; k++) {
      const figure *r = figures_find(f, stage, engines.list[k], subject, measures.list[i]);
      if (r != NULL) unit = r->unit;
    }
    fprintf(out, "| %s%s%s |", measures.list[i], strcmp(unit, "1") == 0 ? "" : ", ",
            strcmp(unit, "1") == 0 ? "" : unit);
    for (size_t k = 0; k < engines.count; k++) {
      fputc(' ', out);
      number(out, figures_value(f, stage, engines.list[k], subject, measures.list[i]));
      fprintf(out, " |");
    }
    fprintf(out, "\n");
  }
}

static void write_corpus(FILE *out, const figures *f) {
  fprintf(out, "%.0f items, %.1f MB of decoded text",
          figures_value(f, "corpus", "-", "mail", "items"),
          figures_value(f, "corpus", "-", "mail", "text") / 1e6);
  const double raw = figures_value(f, "corpus", "-", "mail", "raw");
  if (raw > 0)
    fprintf(out, " out of %.1f MB of files; decoding took %.1f s and is charged to no engine",
            raw / 1e6, figures_value(f, "corpus", "-", "mail", "decoding"));
  fprintf(out,
          ". %.0f queries in all, at most %.0f per class, none twice within a pass; at least %.0f "
          "measured "
          "passes.\n\n",
          figures_value(f, "corpus", "-", "queries", "all"),
          figures_value(f, "corpus", "-", "queries", "per class"),
          figures_value(f, "corpus", "-", "queries", "passes"));
  for (size_t i = 0; i < f->count; i++)
    if (strcmp(f->rows[i].stage, "machine") == 0)
      fprintf(out, "- %s: %s\n", f->rows[i].engine, f->rows[i].subject);
}

typedef struct section {
  const char *heading, *text; /* text: what a reader has to know; NULL: nothing */
  table tables[14];
} section;

/* What the tables say, in the order of the questions. */
static const section sections[] = {
  { "How fast is search?",
    "From the query's text to ten ids and dates, every cache warm. Engines take turns in blocks of "
    "20 queries, the same for each, in an order drawn anew; all take part in all passes. Medians "
    "and percentiles are of all samples; ratios are of medians over queries, each of which counts "
    "with the lower quartile of its passes.",
    { { "search", "p50", "median us (least to greatest median of a pass)", true, true },
      { "ratio", "ratio", "Sealdex / other, of medians (95% interval)", true, false },
      { "search", "p99", "99th percentile us", false, true },
      { "tails", "p999", "999th of 1,000, us", false, false },
      { "tails", "max", "slowest, us", false, false },
      { "total", "p50", "ten best and the exact total, median us", false, true },
      { "ratio total", "ratio", "Sealdex / other, with exact totals (95% interval)", true, false },
      { "total", "p99", "ten best and the exact total, 99th percentile us", false, true },
      { "search", "cpu", "CPU time of a search, mean us", false, true } } },
  { "How fast is it when nothing is in memory?",
    "A fresh process opens the index and asks a first query of medium frequency; then first "
    "searches of each "
    "class, the index's files dropped from the page cache before, when the disk was idle. All of "
    "it ten times; ratios take each query's lower quartile.",
    { { "open", "p50", "open and first query, median us", false, false },
      { "ratio open", "ratio", "Sealdex / other, open and first query (95% interval)", true,
        false },
      { "open", "p90", "open and first query, 90th percentile us", false, false },
      { "cold", "p50", "first search, evicted, index open, median us", false, true },
      { "ratio cold", "ratio", "Sealdex / other, evicted (95% interval)", true, false } } },
  { "How does it grow?",
    "Made-up mailboxes (docs/bench/mailbox.md).",
    { { "growth", "rare", "terms in 2 to 10 items, median us", false, false },
      { "growth", "AND of df 1,000 and 4,000",
        "two terms, one in about 1,000 items, the other in at most 4,000, median us", false, false },
      { "growth", "AND of df 1,000",
        "two terms, one in about 1,000 items, the other in up to 40%, median us", false, false },
      { "growth", "common", "terms in 5% to 40% of the items, median us", false, false },
      { "growth", "newest 10", "newest ten with a term, median us", false, false },
      { "growth", "build rate", "bulk build, MB of text per second", false, false },
      { "growth", "build, peak memory", "bulk build, peak MiB", false, false },
      { "growth", "size", "bytes on disk / bytes of text", false, false },
      { "growth", "files, seconds", "raw files into an empty index on all cores, s", false, false },
      { "growth", "files, items", "the same, items per second", false, false },
      { "growth", "files, peak memory", "the same, peak MiB beside the readers of messages", false, false },
      { "growth", "files, queries with hits", "queries of that index with hits, %", false, false } } },
  { "How big?",
    "With positions; no engine keeps the text. \"Pages in use\" is without the free pages that a "
    "merge left in the "
    "file, which later writes fill; `sealdex compact` gives them back.",
    { { "size", "size", "bytes on disk / bytes of text", false, false } } },
  { "How fast is it built, and written to?",
    "Rates count from decoded text until all of it is durable and found; \"and upkeep\" goes on until "
    "segments are joined (Sealdex) or the log is in the database (FTS5, SQLCipher), as before all searches here. "
    "\"From raw files\" adds the decoding that is the same for all. "
    "Single writes "
    "and batches are durable when they return, on a copy of the built index. Ratios of single ones are of "
    "medians; of batches they are of means, since one in a few also merges what came before. \"written\" "
    "counts bytes sent to the disk.",
    { { "build", "rate", "bulk build, MB of text per second (spread)", true, false },
      { "build", "from raw files", "bulk build, MB of raw files per second", false, false },
      { "write", "p50", "writes, median us per call", false, false },
      { "ratio write", "ratio", "Sealdex / other, writes (95% interval)", true, false },
      { "write", "p99", "writes, 99th percentile us per call", false, false },
      { "write", "items", "writes, items per second", false, false },
      { "write", "cpu", "writes, CPU us per item (purge: s)", false, false },
      { "write", "amplification", "bytes written / bytes of text", false, false },
      { "reindex", "rate",
        "a new index from raw files, swapped in: MB of raw files per second (Sealdex: all fields "
        "and "
        "attachments, beside searches; others: decoding and building)",
        false, false } } },
  { "Many readers, many users",
    "Readers ask the queries of all classes beside a writer that is to make 50 durable adds per "
    "second; "
    "more threads than the machine has cores share them. Then small indexes of 20 to 400 items: "
    "open, one search, close, in Zipfian order.",
    { { "readers", "searches", "searches per second, all readers together (spread over rounds)",
        true, false },
      { "ratio readers", "ratio", "time per search, Sealdex / other (95% interval)", true, false },
      { "readers", "cpu", "CPU us per search", false, false },
      { "readers", "p99", "search, 99th percentile us", false, false },
      { "readers", "adds", "adds per second that the writer got done", false, false },
      { "users", "p50", "visits of small indexes, median us", false, false },
      { "ratio users", "ratio", "Sealdex / other, visits (95% interval)", true, false },
      { "users", "p99", "visits, 99th percentile us", false, false },
      { "users", "cpu", "visits, CPU us", false, false },
      { "syscalls", "calls", "system calls per operation", false, false },
      { "syscalls", "faults", "page faults per operation", false, false } } },
  { "Are the answers the same, and are they good?",
    "Hits are summed over the queries of a class; the same hits are counted item by item, over "
    "50 queries of each class that find fewer than 1,000. The ten best differ where ranking does: "
    "Sealdex weighs the subject higher, Xapian and "
    "FTS5 weigh all "
    "fields alike, and prefix queries are sorted by date here. \"Newest 10\" and \"filter only\" "
    "have one right "
    "answer. Relevance: the Cranfield collection, topics as all of their words joined by OR.",
    { { "answers", "hits", "hits of all queries together", false, false },
      { "answers", "equal totals", "share of queries whose total is Sealdex's", false, false },
      { "answers", "same hits", "items that both find / items that either finds", false, false },
      { "answers", "overlap", "share of the ten best that are Sealdex's", false, false },
      { "relevance", "quality", "judged answers", false, false } } },
  { "What do stolen files give away?",
    "An attacker has all files at several times, and a part of the mail in clear, and guesses "
    "words by counts and "
    "co-occurrences (Islam et al. 2012, Cash et al. 2015); the same against a table of "
    "deterministic term tokens "
    "shows that the attack works.",
    { { "attack", "recovered", "share of words recovered", true, false } } },
  { "Are the peers run well?",
    "The same peers driven by their own command line tools on the same mail: scriptindex and "
    "xapian-compact, and the "
    "sqlite3 and sqlcipher shells (the latter is SQLite's, compiled against SQLCipher); notmuch "
    "and mu as whole programs on raw files (their own decoding included).",
    { { "check", "rate", "build, MB of text per CPU second", false, false },
      { "check", "size", "bytes on disk / bytes of text", false, false },
      { "check", "hits", "hits of the same queries", false, false },
      { "programs", "rate", "whole programs, MB of raw mail per second", false, false },
      { "programs", "size", "whole programs, bytes on disk / bytes of raw mail", false, false },
      { "programs", "items", "whole programs, messages indexed", false, false } } },
  { "Do two runs agree?",
    "The whole run twice on this machine: Sealdex against every other engine, ratio by ratio. "
    "These "
    "figures are the first run's.",
    { { "agree", "agreement", "ratios", false, false } } },
  { "How long did it take, and how quiet was the machine?",
    "Ratios hold on a machine that does nothing else; what other programs took beside each stage "
    "is counted here.",
    { { "run", "seconds", "stages of the run, seconds", false, false },
      { "run", "cpu", "stages of the run, CPU seconds", false, false },
      { "run", "others", "CPU seconds that other programs took meanwhile", false, false } } },
};

/* Why an engine may find other items in a class (NULL: in those that are not named before). */
static const struct {
  const char *engine, *subject, *why;
} reasons[] = {
  { "FTS5", "phrase 2", "a phrase matches stems, not the words as written" },
  { "FTS5", "phrase 3-4", "a phrase matches stems, not the words as written" },
  { "FTS5", "NEAR", "it matches stems, not the words as written, and within one field only" },
  { "FTS5", "prefix", "the prefix is stemmed, and looked up among stems" },
  { "FTS5", NULL,
    "stems are those of Porter's first rules, not Snowball's; words are split at apostrophes, full "
    "stops and underscores, where the others keep them whole" },
};
enum { REASONS = sizeof reasons / sizeof reasons[0] };

static size_t reason_of(const char *engine, const char *subject) {
  size_t i = 0;
  while (i < REASONS && (strcmp(reasons[i].engine, engine) != 0 ||
                         (reasons[i].subject != NULL && strcmp(reasons[i].subject, subject) != 0)))
    i++;
  return i;
}

/* The classes of one reason (REASONS: none is known) in which hits differ by half a per cent. */
static void write_reason(FILE *out, const figures *f, size_t reason) {
  size_t lines = 0;
  for (size_t i = 0; i < f->count; i++) {
    const figure *r = &f->rows[i];
    if (strcmp(r->stage, "answers") != 0 || strcmp(r->measure, "hits") != 0) continue;
    const double ours = figures_value(f, "answers", "Sealdex", r->subject, "hits");
    if (!(fabs(r->value - ours) > ours / 200) || reason_of(r->engine, r->subject) != reason ||
        strcmp(r->engine, "SQLCipher") == 0)
      continue;
    fprintf(out, "%s%s %s (%+.1f%%)", lines++ == 0 ? "\n- " : ", ", r->engine, r->subject,
            (r->value / ours - 1) * 100);
  }
  if (lines > 0)
    fprintf(out, ": %s.\n", reason < REASONS ? reasons[reason].why : "why is not known");
}

static void write_differences(FILE *out, const figures *f) {
  fprintf(out, "\nWhere hits differ from Sealdex's by more than half a per cent (SQLCipher's are "
               "FTS5's):\n");
  for (size_t i = 0; i <= REASONS; i++) write_reason(out, f, i);
}

static void write_sealing(FILE *out, const figures *f) {
  sealing_cost costs[SEALING_COSTS];
  plots_sealing(f, costs);
  if (!isfinite(costs[0].percent) && !isfinite(costs[5].percent)) return;
  fprintf(out, "\n## What does sealing cost?\n\nThe same library built with a cipher that only "
               "copies, as a module "
               "of the bench alone: no installed library can make or open such an index. Same run, "
               "same queries.\n\n"
               "| | sealed, against unsealed |\n|---|---:|\n");
  for (size_t i = 0; i < SEALING_COSTS; i++)
    if (isfinite(costs[i].percent))
      fprintf(out, "| %s | %+.1f%% |\n", costs[i].what, costs[i].percent);
}

static void write_section(FILE *out, const figures *f, const section *s) {
  bool any = false;
  for (size_t i = 0; i < sizeof s->tables / sizeof s->tables[0]; i++)
    for (size_t k = 0; k < f->count && s->tables[i].stage != NULL && !any; k++)
      any = strcmp(f->rows[k].stage, s->tables[i].stage) == 0 &&
            strcmp(f->rows[k].measure, s->tables[i].measure) == 0;
  if (!any) return;
  fprintf(out, "\n## %s\n\n%s\n", s->heading, s->text);
  for (size_t i = 0; i < sizeof s->tables / sizeof s->tables[0]; i++)
    if (s->tables[i].stage != NULL) write_table(out, f, &s->tables[i]);
}

static double growth_of(const figures *f, const char *measure, const char *first, const char *last) {
  return figures_value(f, "growth", "Sealdex", last, measure) /
         figures_value(f, "growth", "Sealdex", first, measure);
}

/* "a third of", in figures: how many times as fast or slow a ratio is. */
static void times(FILE *out, double ours_by_theirs) {
  if (!isfinite(ours_by_theirs))
    fprintf(out, "not measured");
  else if (ours_by_theirs <= 1)
    fprintf(out, "%.1f times as fast as", 1 / ours_by_theirs);
  else
    fprintf(out, "%.1f times as slow as", ours_by_theirs);
}

/* The page that is read in a minute: a chart per question, each with a sentence. */
static void write_opening(FILE *out, const figures *f) {
  static const char *const peers[] = { "Xapian compacted", "FTS5", "SQLCipher" };
  const double best = figures_value(f, "ratio", "best peer", "geometric mean", "ratio");
  fprintf(out, "![Median latencies by class and engine](search.svg)\n\n");
  if (isfinite(best)) {
    fprintf(
        out,
        "**How fast is search?** Over all classes (geometric mean of medians) Sealdex, sealed, is");
    for (size_t k = 0; k < sizeof peers / sizeof peers[0]; k++) {
      const double r = figures_value(f, "ratio", peers[k], "geometric mean", "ratio");
      if (!isfinite(r)) continue;
      fprintf(out, "%s ", k > 0 ? "," : "");
      times(out, r);
      fprintf(out, " %s", peers[k]);
    }
    fprintf(out, ", and ");
    times(out, best);
    fprintf(out, " the best of them in each class.\n\n");
  }
  fprintf(out, "![What sealing adds, in per cent](sealing.svg)\n\n");
  const double warm = figures_value(f, "ratio", "Sealdex unsealed", "geometric mean", "ratio");
  if (isfinite(warm))
    fprintf(out,
            "**What does sealing cost?** %+.1f%% on warm searches, against the same library with a "
            "null "
            "cipher.\n\n",
            (warm - 1) * 100);
  names engines = { 0 }, sizes = { 0 };
  gather(f, "growth", "rare", &engines, &sizes);
  if (sizes.count > 1) {
    const char *first = sizes.list[0], *last = sizes.list[sizes.count - 1];
    fprintf(out,
            "![Latency by size of mailbox](growth.svg)\n\n**How does it grow?** From %s to %s "
            "items a rare term "
            "takes %.1f times, an AND of terms in 1,000 and at most 4,000 items %.1f times, an AND of "
            "one in 1,000 items and one in any share of all up to 40%% %.1f times as long.\n\n",
            first, last, growth_of(f, "rare", first, last),
            growth_of(f, "AND of df 1,000 and 4,000", first, last),
            growth_of(f, "AND of df 1,000", first, last));
    const double first_index = figures_value(f, "growth", "Sealdex", last, "files, seconds");
    if (isfinite(first_index))
      fprintf(out,
              "![Time and memory of a first index](files.svg)\n\n**How long does a first index take?** "
              "%s items as raw files take %.0f seconds on all cores, in %.0f MiB.\n\n",
              last, first_index,
              figures_value(f, "growth", "Sealdex", last, "files, peak memory"));
  }
  fprintf(out,
          "![Bytes on disk by engine](size.svg)\n\n**How big?** %.2f bytes per byte of text, "
          "positions included; its file, with the free pages that merges left, %.2f.\n\n",
          figures_value(f, "size", "Sealdex", "pages in use", "size"),
          figures_value(f, "size", "Sealdex", "bulk", "size"));
  fprintf(out,
          "![Build rate by engine](build.svg)\n\n**How fast is it built?** %.1f MB of text, %.0f "
          "items per second "
          "on one core, in %.0f MiB.\n\n",
          figures_value(f, "build", "Sealdex", "bulk", "rate"),
          figures_value(f, "build", "Sealdex", "bulk", "items"),
          figures_value(f, "build", "Sealdex", "bulk", "peak"));
  fprintf(out, "![Latency of the slowest searches](tails.svg)\n\n");
  if (isfinite(figures_value(f, "readers", "Sealdex", "1 thread", "searches")))
    fprintf(out, "![Searches per second by readers](readers.svg)\n\n");
}

static void write_in_full(FILE *out, const figures *f) {
  write_measures(out, f, "build", "bulk", "bulk build, in full");
  write_measures(out, f, "build", "bulk, 2 threads", "bulk build on two threads, in full");
  write_measures(out, f, "build", "bulk and upkeep", "bulk build and upkeep, in full");
  write_measures(out, f, "write", "purge", "purge of what was deleted, in full");
  write_measures(out, f, "memory", "searching",
                 "a process that searches (a quarter of all queries)");
}

static int markdown(const figures *f, const char *dir) {
  char path[512];
  snprintf(path, sizeof path, "%s/report.md", dir);
  FILE *out = fopen(path, "w");
  if (out == NULL) {
    perror(path);
    return -1;
  }
  fprintf(out, "# Bench report\n\n<!-- claims -->\n<!-- /claims -->\n\n");
  write_opening(out, f);
  fprintf(out, "## What was measured\n\n");
  write_corpus(out, f);
  for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
    write_section(out, f, &sections[i]);
    if (i == 1) write_sealing(out, f);
    if (strcmp(sections[i].tables[0].stage, "answers") == 0) write_differences(out, f);
    if (strcmp(sections[i].tables[0].stage, "build") == 0) write_in_full(out, f);
  }
  if (fclose(out) == 0) return 0;
  perror(path);
  return -1;
}

int report_write(const figures *f, const char *dir) {
  char path[512];
  if (markdown(f, dir) != 0 || plots_write(f, dir) != 0) return -1;
  snprintf(path, sizeof path, "%s/report.json", dir);
  FILE *out = fopen(path, "w");
  if (out == NULL) {
    perror(path);
    return -1;
  }
  figures_json(f, out);
  if (fclose(out) == 0) return 0;
  perror(path);
  return -1;
}
