/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How good the ten, the hundred best are, by a test collection with judgments:
 *   DOCS     a line per document: id, title and text, tab-separated
 *   TOPICS   a line per topic: id and text, tab-separated
 *   QRELS    as of TREC: topic, 0, document, grade; 0 or less: not relevant
 * A topic is asked as all of its words joined by OR. nDCG@10 takes the grades as gains; MAP counts
 * what is among the 1,000 best; recall@100.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "place.h"
#include "stage.h"

typedef struct judgment {
  char document[64];
  int grade;
} judgment;

typedef struct topic {
  char id[32];
  char query[8000];
  judgment *judgments;
  size_t count;
} topic;

typedef struct topics {
  topic *list;
  size_t count;
} topics;

/* ---- files ---- */

static FILE *open_or_say(const char *path) {
  FILE *in = fopen(path, "r");
  if (in == NULL) perror(path);
  return in;
}

static int read_docs(corpus *c, const char *path) {
  char *line = NULL;
  size_t capacity = 0;
  FILE *in = open_or_say(path);
  if (in == NULL) return -1;
  for (ssize_t size; (size = getline(&line, &capacity, in)) > 0;) {
    corpus_item *it = corpus_next(c);
    char *title = memchr(line, '\t', (size_t)size);
    char *text = title != NULL ? strchr(title + 1, '\t') : NULL;
    if (it == NULL) abort();
    if (text == NULL) continue;
    line[size - 1] = '\0';
    *title++ = '\0';
    *text++ = '\0';
    *it = (corpus_item){ .date = 1000000000 + (int64_t)c->count,
                         .folder = "docs",
                         .from = { "", 0 } };
    it->id = corpus_string(c, line, strlen(line));
    it->subject = (sdx_bytes){ corpus_string(c, title, strlen(title)), strlen(title) };
    it->body = (sdx_bytes){ corpus_string(c, text, strlen(text)), strlen(text) };
    if (it->id == NULL || it->subject.data == NULL || it->body.data == NULL) abort();
    c->text_bytes += it->subject.size + it->body.size;
    c->count++;
  }
  free(line);
  fclose(in);
  return c->count > 0 ? 0 : -1;
}

/* The words of a topic, lower case, joined by OR; one that stood before is left out. */
static void make_query(const char *text, char *out, size_t size) {
  size_t at = 0;
  out[0] = '\0';
  while (*text != '\0') {
    char word[40], seen[48];
    size_t n = 0;
    while (*text != '\0' && strchr("\t\n ", *text) != NULL) text++;
    for (; *text != '\0' && strchr("\t\n ", *text) == NULL; text++) {
      const char c = (char)(*text >= 'A' && *text <= 'Z' ? *text | 0x20 : *text);
      const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      if (plain && n < sizeof word - 1) word[n++] = c;
      if (!plain && n > 0) break; /* a hyphen parts words for all engines alike */
    }
    if (*text != '\0' && strchr("\t\n ", *text) == NULL) text++;
    word[n] = '\0';
    snprintf(seen, sizeof seen, " %s ", word);
    if (n == 0 || at + n + 8 > size) continue;
    out[at] = ' ', out[at + 1] = '\0';
    if (strstr(out, seen) != NULL || strncmp(out, seen + 1, n + 1) == 0) {
      out[at] = '\0';
      continue;
    }
    at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? " OR " : "", word);
  }
}

static int read_topics(topics *t, const char *path) {
  char line[8192];
  FILE *in = open_or_say(path);
  if (in == NULL) return -1;
  while (fgets(line, sizeof line, in) != NULL) {
    char *text = strchr(line, '\t');
    if (text == NULL) continue;
    *text++ = '\0';
    t->list = realloc(t->list, (t->count + 1) * sizeof *t->list);
    if (t->list == NULL) abort();
    topic *it = &t->list[t->count++];
    *it = (topic){ 0 };
    snprintf(it->id, sizeof it->id, "%.31s", line);
    make_query(text, it->query, sizeof it->query);
  }
  fclose(in);
  return t->count > 0 ? 0 : -1;
}

static int read_judgments(topics *t, const char *path) {
  char line[256], id[32], document[64];
  int grade;
  FILE *in = open_or_say(path);
  if (in == NULL) return -1;
  while (fgets(line, sizeof line, in) != NULL) {
    if (sscanf(line, "%31s %*s %63s %d", id, document, &grade) != 3) continue;
    for (size_t i = 0; i < t->count; i++) {
      topic *it = &t->list[i];
      if (strcmp(it->id, id) != 0 || grade <= 0) continue;
      it->judgments = realloc(it->judgments, (it->count + 1) * sizeof *it->judgments);
      if (it->judgments == NULL) abort();
      memcpy(it->judgments[it->count].document, document, sizeof document);
      it->judgments[it->count++].grade = grade;
    }
  }
  fclose(in);
  return 0;
}

/* ---- measures ---- */

static int grade_of(const topic *t, const char *document) {
  for (size_t i = 0; i < t->count; i++)
    if (strcmp(t->judgments[i].document, document) == 0) return t->judgments[i].grade;
  return 0;
}

static int descending(const void *a, const void *b) {
  const int x = ((const judgment *)a)->grade, y = ((const judgment *)b)->grade;
  return (x < y) - (x > y);
}

typedef struct quality {
  double ndcg10, map, recall100;
} quality;

static quality judge(topic *t, const answer *a) {
  double gain = 0, ideal = 0, precisions = 0, found = 0, found100 = 0;
  qsort(t->judgments, t->count, sizeof *t->judgments, descending);
  for (size_t i = 0; i < t->count && i < 10; i++)
    ideal += t->judgments[i].grade / log2((double)i + 2);
  for (size_t i = 0; i < a->count; i++) {
    const int grade = grade_of(t, a->ids[i]);
    if (grade <= 0) continue;
    if (i < 10) gain += grade / log2((double)i + 2);
    if (i < 100) found100++;
    precisions += ++found / (double)(i + 1);
  }
  return (quality){ gain / ideal, precisions / (double)t->count, found100 / (double)t->count };
}

static int measure(const engine_class *class, const char *work_dir, const corpus *c, topics *t,
                   figures *f) {
  static answer a;
  char dir[400];
  engine *e = NULL;
  quality sum = { 0 };
  size_t judged = 0;
  snprintf(dir, sizeof dir, "%s/relevance", work_dir);
  place_clear(dir);
  if (strncmp(class->name, "Sealdex", 7) != 0) mkdir(dir, 0700);
  if (class->create(&e, dir) != 0) return -1;
  int result = class->add(e, c->items, c->count);
  class->close(e);
  e = NULL;
  if (result == 0) result = class->open(&e, dir, ENGINE_READ);
  for (size_t i = 0; i < t->count && result == 0; i++) {
    const workload_query q = { .kind = QUERY_OR2 };
    if (t->list[i].count == 0) continue;
    result = class->search(e, &q, t->list[i].query, ANSWER_MOST, false, &a);
    const quality one = judge(&t->list[i], &a);
    sum.ndcg10 += one.ndcg10;
    sum.map += one.map;
    sum.recall100 += one.recall100;
    judged++;
  }
  if (e != NULL) class->close(e);
  place_clear(dir);
  if (result != 0 || judged == 0) return -1;
  figures_put(f, "relevance", class->name, "nDCG@10", "quality", "1", sum.ndcg10 / (double)judged);
  figures_put(f, "relevance", class->name, "MAP", "quality", "1", sum.map / (double)judged);
  figures_put(f, "relevance", class->name, "recall@100", "quality", "1",
              sum.recall100 / (double)judged);
  return 0;
}

static int run(char **paths, const char *work_dir, const char *out) {
  const engine_class *all[] = { &engine_sealdex, &engine_xapian, &engine_fts5,
                                engine_sqlcipher_load() };
  corpus c = { 0 };
  topics t = { 0 };
  figures f = { 0 };
  int result = read_docs(&c, paths[0]);
  if (result == 0) result = read_topics(&t, paths[1]);
  if (result == 0) result = read_judgments(&t, paths[2]);
  for (size_t k = 0; k < sizeof all / sizeof all[0] && result == 0; k++)
    if (all[k] != NULL) result = measure(all[k], work_dir, &c, &t, &f);
  if (result == 0) result = figures_write(&f, out);
  for (size_t i = 0; i < t.count; i++) free(t.list[i].judgments);
  free(t.list);
  figures_free(&f);
  corpus_free(&c);
  return result;
}

int command_relevance(int argc, char **argv) {
  static const struct option options[] = { { "work", 1, NULL, 'w' },
                                           { "out", 1, NULL, 'o' },
                                           { NULL, 0, NULL, 0 } };
  const char *work_dir = "/var/tmp", *out = "relevance.tsv";
  bool known = true;
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (c == 'w')
      work_dir = optarg;
    else if (c == 'o')
      out = optarg;
    else
      known = false;
  }
  if (!known || argc - optind != 3) {
    fprintf(stderr, "usage: sealdex-bench relevance [--work DIR] [--out FILE] DOCS TOPICS QRELS\n");
    return 2;
  }
  mkdir(work_dir, 0700);
  return run(argv + optind, work_dir, out) == 0 ? 0 : 6;
}
