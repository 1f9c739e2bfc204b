/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How large a segment of real mail is, stream by stream, how fast it is built, merged and read: over
 * the messages named on standard input. A program for measuring, not a test.
 *
 *   find $SEALDEX_CORPORA/20news -type f | segment_rate [LANGUAGES [PARTS]]
 *
 * PARTS (1): so many segments are built, and merged into one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "segment/builder.h"
#include "segment/memory.h"

#define FIELDS 4
static const char *const names[FIELDS] = { "body", "subject", "from", "message-id" };

typedef struct message {
  char *path, *fields[FIELDS];
  size_t sizes[FIELDS];
  int64_t date;
} message;

static double now(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(sdx_status status, const sdx_error *err) {
  if (status == SDX_OK) return;
  fprintf(stderr, "segment_rate: %s\n", err->message);
  exit(2);
}

static int64_t parse_date(const char *text) {
  static const char *const formats[] = { "%a, %d %b %Y %H:%M:%S", "%d %b %Y %H:%M:%S",
                                         "%a, %d %b %y %H:%M:%S", "%d %b %y %H:%M:%S",
                                         "%a, %d %b %Y %H:%M",    "%d %b %y %H:%M" };
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    struct tm tm = { 0 };
    while (*text == ' ') text++;
    if (strptime(text, formats[i], &tm) != NULL) return (int64_t)timegm(&tm);
  }
  return 735000000;
}

static void set(message *m, int field, const char *text, size_t size) {
  free(m->fields[field]);
  m->fields[field] = malloc(size + 1);
  memcpy(m->fields[field], text, size);
  m->fields[field][size] = 0;
  m->sizes[field] = size;
}

static bool load(message *m, char *path) {
  static char raw[8 << 20];
  FILE *file = fopen(path, "rb");
  if (file == NULL) return false;
  const size_t size = fread(raw, 1, sizeof raw - 1, file);
  (void)fclose(file);
  raw[size] = 0;
  memset(m, 0, sizeof *m);
  m->path = strdup(path);
  m->date = 735000000;
  char *line = raw;
  while (*line != 0 && *line != '\n' && *line != '\r') {
    char *end = strchr(line, '\n');
    if (end == NULL) break;
    size_t n = (size_t)(end - line);
    if (n > 0 && line[n - 1] == '\r') n--;
    if (strncasecmp(line, "Subject:", 8) == 0) set(m, 1, line + 8, n - 8);
    if (strncasecmp(line, "From:", 5) == 0) set(m, 2, line + 5, n - 5);
    if (strncasecmp(line, "Message-ID:", 11) == 0) set(m, 3, line + 11, n - 11);
    if (strncasecmp(line, "Date:", 5) == 0) m->date = parse_date(line + 5);
    line = end + 1;
  }
  set(m, 0, line, size - (size_t)(line - raw));
  return true;
}

static const char *const stream_names[STREAM_COUNT] = {
  "manifest", "items",    "item index",  "lengths",  "dates", "sizes",     "threads", "terms",
  "term index", "classes", "class index", "postings", "skips", "positions", "stored",  "attributes",
};

static double text_time, add_time, write_time;

static void build(memory_blocks *blocks, attributes **out, segment_info *info, text_analyser *a,
                  const message *m, size_t from, size_t count, size_t step, uint64_t id) {
  sdx_error err;
  inverter *v;
  must(inverter_new(&v, a, &err), &err);
  size_t postings_added = 0;
  double peak = 0;
  for (size_t i = from; i < count; i += step) {
    double t0 = now();
    text_terms terms;
    uint64_t bytes = 0;
    must(text_begin(a, &err), &err);
    if (text_language_count(a) > 1) must(text_detect(a, m[i].fields[0], m[i].sizes[0], &err), &err);
    for (int f = 0; f < FIELDS; f++) {
      if (m[i].fields[f] == NULL) continue;
      const text_field_rule *rule = text_field_find(names[f], strlen(names[f]));
      must(text_add_field(a, rule, m[i].fields[f], m[i].sizes[f], &err), &err);
      bytes += m[i].sizes[f];
    }
    must(text_finish(a, &terms, &err), &err);
    double t1 = now();
    const sdx_bytes attributes_of_item[] = { { "fInbox", 6 }, { "gseen", 5 } };
    const char *short_path = strlen(m[i].path) > 30 ? m[i].path + strlen(m[i].path) - 30 : m[i].path;
    builder_item item = { .id = { short_path, strlen(short_path) },
                          .kind = SDX_MESSAGE,
                          .date = m[i].date,
                          .sent = m[i].date,
                          .size = bytes + 500,
                          .thread = i * UINT64_C(0x9e3779b97f4a7c15),
                          .text_bytes = bytes,
                          .attributes = attributes_of_item,
                          .attribute_count = 2 };
    must(inverter_add(v, &item, &terms, &err), &err);
    add_time += now() - t1;
    text_time += t1 - t0;
    postings_added += terms.count;
  }
  peak = (double)inverter_bytes(v) * 1e-6;
  double t0 = now();
  block_sink sink = memory_blocks_sink(blocks);
  must(inverter_write(v, id, &sink, out, NULL, info, &err), &err);
  write_time += now() - t0;
  printf("segment %llu: %u items, %u terms, %zu postings, %u classes; inverter %.1f MB, vocabulary %.1f MB\n",
         (unsigned long long)id, info->items, info->terms, postings_added, info->classes, peak,
         (double)text_vocabulary_bytes(a) * 1e-6);
  inverter_free(v);
  text_vocabulary_reset(a);
}

static size_t stream_blocks(memory_blocks *m, segment_stream stream) {
  const block_source s = memory_blocks_source(m);
  uint32_t n = 0;
  while (s.borrow(s.context, stream, n) != NULL) n++;
  return n;
}

static void sizes(memory_blocks *blocks, const attributes *a, double text) {
  double total = 0;
  for (int i = 0; i < STREAM_COUNT; i++) {
    const double bytes = (double)stream_blocks(blocks, (segment_stream)i) * BLOCK_PLAIN;
    if (bytes > 0) printf("  %-12s %8.3f MB  %6.4f of the text\n", stream_names[i], bytes * 1e-6, bytes / text);
    total += bytes;
  }
  buffer b = BUFFER_INIT;
  attributes_encode(&b, a);
  printf("  attributes   %8.3f MB\n", (double)b.size * 1e-6);
  buffer_free(&b);
  printf("  all          %8.3f MB  %6.4f of the text\n", total * 1e-6, total / text);
}

static void read_all(const segment *s) {
  segment_session session = { 0 };
  sdx_error err = { 0 };
  session.err = &err;
  segment_terms *walk;
  sdx_bytes name;
  segment_term term;
  double t0, walked = 1e18;
  uint64_t terms = 0, sum = 0;
  for (int round = 0; round < 5; round++) {
    terms = sum = 0;
    t0 = now();
    must(segment_terms_open(&walk, s, &session, "", 0), &err);
    while (segment_terms_next(walk, &name, &term)) terms++, sum += term.df;
    segment_terms_close(walk);
    if (now() - t0 < walked) walked = now() - t0;
  }
  printf("walk of the dictionary: %.1f ns a term (%llu postings)\n", walked * 1e9 / (double)terms,
         (unsigned long long)sum);

  segment_term *lists = calloc((size_t)terms + 1, sizeof *lists);
  for (int pass = 0; pass < 2; pass++) { /* scans of long lists, then of short ones */
    uint64_t postings_read = 0, positions_read = 0;
    size_t count = 0;
    must(segment_terms_open(&walk, s, &session, "", 0), &err);
    while (segment_terms_next(walk, &name, &term))
      if ((term.df > POSTINGS_BLOCK) == (pass == 0) && term.df > 6) lists[count++] = term;
    segment_terms_close(walk);
    for (int with = 0; with < 2; with++) {
      double best = 1e18; /* of some rounds: the machine has other work */
      for (int round = 0; round < 7; round++) {
        postings_read = positions_read = 0;
        t0 = now();
        for (size_t i = 0; i < count; i++) {
          postings p;
          postings_open(&p, s, &session, &lists[i]);
          while (postings_next(&p)) {
            sum += p.ordinals[p.count - 1];
            postings_read += p.count;
            for (uint32_t k2 = 0; with == 1 && k2 < p.count; k2++) {
              uint32_t places;
              const uint32_t *at = postings_positions(&p, k2, &places);
              positions_read += places;
              if (places > 0) sum += at[0];
            }
          }
          postings_close(&p);
        }
        const double spent = (now() - t0) * 1e9;
        if (spent < best) best = spent;
      }
      printf("%zu %s lists%s: %.3f ns a posting (%llu)", count, pass == 0 ? "long" : "short",
             with == 0 ? "" : " with positions", best / (double)postings_read,
             (unsigned long long)postings_read);
      if (with == 1) printf(", %.2f ns a position", best / (double)positions_read);
      printf("\n");
    }
  }
  free(lists);

  /* Lookups of every 97th term, in a scattered order. */
  char(*some)[100] = calloc((size_t)terms / 97 + 2, sizeof *some);
  size_t *lengths = calloc((size_t)terms / 97 + 2, sizeof *lengths), n = 0, k = 0;
  must(segment_terms_open(&walk, s, &session, "", 0), &err);
  while (segment_terms_next(walk, &name, NULL))
    if (k++ % 97 == 0 && name.size <= 100) {
      memcpy(some[n], name.data, name.size);
      lengths[n++] = name.size;
    }
  segment_terms_close(walk);
  double best = 1e18;
  for (int round = 0; round < 20; round++) {
    t0 = now();
    for (size_t i = 0; i < n; i++) {
      const size_t at = i * 7919 % n;
      must(segment_find(s, &session, some[at], lengths[at], &term), &err);
    }
    if (now() - t0 < best) best = now() - t0;
  }
  printf("lookup: %.0f ns\n", best * 1e9 / (double)n);

  /* Seeks at random in the longest list. */
  segment_term longest = { 0 };
  must(segment_terms_open(&walk, s, &session, "", 0), &err);
  while (segment_terms_next(walk, &name, &term))
    if (term.df > longest.df) longest = term;
  segment_terms_close(walk);
  uint64_t seeks = 0;
  t0 = now();
  for (int round = 0; round < 200; round++) {
    postings p;
    postings_open(&p, s, &session, &longest);
    for (uint32_t target = (uint32_t)round; postings_seek(&p, target) != SEGMENT_END; target += 400 + (uint32_t)round)
      seeks++;
    postings_close(&p);
  }
  printf("seek in a list of %u: %.0f ns\n", longest.df, (now() - t0) * 1e9 / (double)seeks);
  block_ref ref = BLOCK_REF_INIT;
  t0 = now();
  for (uint32_t i = 0; i < 10000000; i++) sum += segment_length_at(s, &session, i % segment_about(s)->items, &ref);
  printf("length of an item: %.2f ns   (%llx)\n", (now() - t0) * 1e2, (unsigned long long)sum & 15);
  block_release(&ref);
  free(some);
  free(lengths);
}

static void print_problem(void *context, const char *line) {
  (void)context;
  printf("  problem: %s\n", line);
}

int main(int argc, char **argv) {
  const char *languages = argc > 1 ? argv[1] : "en";
  const size_t parts = argc > 2 ? (size_t)atoi(argv[2]) : 1;
  static message m[200000];
  char path[4096];
  size_t count = 0;
  double text = 0;
  while (count < sizeof m / sizeof *m && fgets(path, sizeof path, stdin) != NULL) {
    path[strcspn(path, "\n")] = 0;
    if (!load(&m[count], path)) continue;
    for (int f = 0; f < FIELDS; f++) text += (double)m[count].sizes[f];
    count++;
  }
  if (count == 0) return 1;
  printf("%zu messages, %.1f MB of text\n", count, text * 1e-6);
  sdx_error err = { 0 };
  text_analyser *a;
  must(text_analyser_open(&a, languages, &err), &err);
  memory_blocks *blocks[64];
  attributes *attrs[64];
  segment_info info[64];
  merge_input inputs[64];
  segment_session session = { .err = &err };
  for (size_t i = 0; i < parts && i < 63; i++) {
    must(memory_blocks_new(&blocks[i], NULL, &err), &err);
    build(blocks[i], &attrs[i], &info[i], a, m, i, count, parts, i + 1);
    const block_source source = memory_blocks_source(blocks[i]);
    segment *s;
    must(segment_open(&s, i + 1, (uint32_t)i, &source, NULL, &session, &err), &err);
    inputs[i] = (merge_input){ .seg = s, .session = &session, .attributes = attrs[i] };
  }
  printf("text %.2f s, add %.2f s, write %.2f s: %.1f MB/s in all, %.1f without text\n", text_time, add_time,
         write_time, text * 1e-6 / (text_time + add_time + write_time), text * 1e-6 / (add_time + write_time));
  const segment *last = inputs[0].seg;
  size_t at = 0;
  if (parts > 1) {
    must(memory_blocks_new(&blocks[parts], NULL, &err), &err);
    const block_sink sink = memory_blocks_sink(blocks[parts]);
    const double t0 = now();
    must(segment_merge(inputs, parts, 99, &sink, &attrs[parts], &info[parts], NULL, NULL, &err), &err);
    printf("merge %.2f s: %.1f MB/s of text\n", now() - t0, text * 1e-6 / (now() - t0));
    const block_source source = memory_blocks_source(blocks[parts]);
    segment *s;
    must(segment_open(&s, 99, 99, &source, NULL, &session, &err), &err);
    last = s;
    at = parts;
  }
  sizes(blocks[at], attrs[at], text);
  read_all(last);
  uint64_t problems;
  const double t0 = now();
  must(segment_check(last, &session, print_problem, NULL, &problems, &err), &err);
  printf("check %.2f s: %llu problems\n", now() - t0, (unsigned long long)problems);
  return problems != 0;
}
