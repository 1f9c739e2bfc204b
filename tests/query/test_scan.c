/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random queries of all forms against a naive scan, through the whole index: for each item the query is
 * decided by looking at all of its terms, and scores are worked out from counts taken by looking at all
 * items. Invented items in two languages with words with marks, and where SEALDEX_CORPORA is set real
 * mail; several segments, updated and deleted items in them, and a live journal.
 *
 * SEALDEX_QUERIES: how many (script/check-queries runs a million); SEALDEX_SEED: which.
 */
#include "host.h"

#include <math.h>
#include <strings.h>

#include "indexer/item.h"

#define BATCHES 5
#define BATCH 64
#define INVENTED 40 /* of each batch, where there is real mail; else all */
#define UPDATES 25
#define DEATHS 30
#define ADDED 20
#define ITEMS (BATCHES * BATCH + UPDATES + ADDED) /* versions */
#define QUERIES 2500
#define LANGUAGES 2
#define TEXT_MAX 6000 /* bytes of a body */

static uint64_t seed = 99;

static uint32_t below(uint32_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)((seed >> 11) % n);
}

/* ---------------------------------------------------------------- names as numbers */

/* Every name once; its number is its place, 0 is none. */
static struct {
  char **names;
  uint32_t *slots;
  uint32_t count, room;
} names;

static uint32_t hash_of(const char *name, size_t size) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)name[i]) * 16777619u;
  return h ^ h >> 15;
}

static uint32_t *slot_of(const char *name, size_t size) {
  uint32_t i = hash_of(name, size) & (names.room - 1);
  while (names.slots[i] != 0 && (strlen(names.names[names.slots[i]]) != size ||
                                 memcmp(names.names[names.slots[i]], name, size) != 0))
    i = (i + 1) & (names.room - 1);
  return &names.slots[i];
}

/* 0 where no item has the name. */
static uint32_t number_of(const char *name) { return *slot_of(name, strlen(name)); }

static uint32_t enter(sdx_bytes name) {
  if (names.room == 0) {
    names.room = 1 << 20;
    names.slots = calloc(names.room, sizeof(*names.slots));
    names.names = calloc(names.room / 2, sizeof(*names.names));
    assert_non_null(names.slots);
    assert_non_null(names.names);
  }
  uint32_t *slot = slot_of(name.data, name.size);
  if (*slot != 0) return *slot;
  assert_true(++names.count < names.room / 2);
  names.names[names.count] = strndup(name.data, name.size);
  return *slot = names.count;
}

/* ---------------------------------------------------------------- items */

typedef struct scan_term {
  uint32_t name, fold;        /* prefix and surface word; its fold */
  uint32_t stems[LANGUAGES];  /* 0: not stemmed */
  uint32_t wdf, count;
  uint32_t *positions;
} scan_term;

typedef struct scan_item {
  char id[128];
  int64_t date;
  uint64_t size;
  const char *folder;
  bool seen, dead;
  uint32_t language, length, body_end;
  scan_term *terms;
  size_t count;
} scan_item;

static scan_item items[ITEMS];
static size_t item_count, base_count;
static uint64_t total_length;
static host *box;
static text_analyser *analyser; /* of items */
static text_analyser *queries;

static uint32_t class_number(uint32_t cls) {
  text_class_kind kind;
  uint8_t language;
  return cls != TEXT_NONE ? enter(text_class_key(analyser, cls, &kind, &language)) : 0;
}

static void keep_terms(scan_item *s, const text_terms *terms) {
  s->language = terms->language;
  s->length = terms->length;
  s->body_end = terms->body_end;
  total_length += terms->length;
  s->terms = calloc(terms->count + 1, sizeof(*s->terms));
  for (size_t i = 0; i < terms->count; i++) {
    const text_term *t = &terms->terms[i];
    if (t->count == 0) continue; /* a filter term */
    scan_term *out = &s->terms[s->count++];
    const text_class *cls = text_vocabulary_class(analyser, t->id);
    out->name = enter(text_vocabulary_term(analyser, t->id));
    out->fold = cls->fold != TEXT_NONE ? class_number(cls->fold) : out->name;
    for (size_t l = 0; l < LANGUAGES; l++) out->stems[l] = class_number(cls->stems[l]);
    out->wdf = t->wdf;
    out->count = t->count;
    out->positions = calloc(t->count + 1, sizeof(uint32_t));
    memcpy(out->positions, terms->positions + t->first, t->count * sizeof(uint32_t));
  }
}

/* Notes the version of an item that is about to be added. */
static void note(const sdx_item *item) {
  static item_work work;
  sdx_error err;
  assert_true(item_count < ITEMS);
  scan_item *s = &items[item_count++];
  assert_true(item->id.size < sizeof(s->id));
  memcpy(s->id, item->id.data, item->id.size);
  s->date = item->date;
  s->size = item->size;
  s->folder = item->folders[0].data;
  s->seen = item->flag_count > 0;
  buffer_reset(&work.text);
  for (size_t i = 0; i < item->field_count; i++)
    record_fields_put(&work.text, item->fields[i].name, item->fields[i].text.data,
                      item->fields[i].text.size);
  host_ok(item_analyse(analyser, item_fields(&work), &work.terms, &err), &err);
  keep_terms(s, &work.terms);
}

static const char *const vocabulary[] = {
  "report",  "reports",  "reported", "meeting", "meetings", "café",   "cafe",  "cafés",
  "résumé",  "resume",   "resumes",  "Haus",    "Häuser",   "häuser", "hause", "und",
  "the",     "schlüssel", "schluessel", "running", "run",   "runs",   "laufen", "läuft",
  "x11r5",   "3.14",     "scsi",     "nasa",    "gov",      "violin", "violine", "budget",
};
#define VOCABULARY (sizeof(vocabulary) / sizeof(*vocabulary))

static const char *random_word(void) {
  const uint32_t i = below(VOCABULARY);
  return vocabulary[below(2) == 0 ? below(i + 1) : i];
}

static void random_text(char *out, size_t size, uint32_t words) {
  static const char *const gaps[] = { " ", " ", " ", ", ", "-", ".", "\n", "@" };
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < words && used + 40 < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%s", random_word(), gaps[below(8)]);
}

static const char *const folders[] = { "Inbox", "Archive", "Sent" };

/* Where versions go: a batch, or the journal. */
static void give(const sdx_item *item, sdx_batch *batch) {
  sdx_error err;
  sdx_write_options writing = SDX_WRITE_OPTIONS_INIT;
  writing.now = HOST_NOW;
  note(item);
  if (batch != NULL) host_ok(sdx_batch_add(batch, item, NULL, &err), &err);
  else host_ok(sdx_add(box->index, item, &writing, NULL, &err), &err);
}

/* What real items lack, or all alike have. */
static void dress(sdx_item *item, sdx_bytes folder[1], sdx_bytes flag[1]) {
  folder[0] = host_bytes(folders[below(3)]);
  flag[0] = host_bytes("seen");
  item->folders = folder;
  item->folder_count = 1;
  item->flags = flag;
  item->flag_count = below(3) > 0;
  item->size = below(5000);
  item->date = 1700000000 + (int64_t)below(40) * 86400;
  item->labels = NULL;
  item->label_count = 0;
}

static void invent(const char *id, sdx_batch *batch) {
  char body[1024], subject[128], from[64], to[64];
  sdx_bytes folder[1], flag[1];
  sdx_item item = SDX_ITEM_INIT;
  random_text(body, sizeof(body), below(40));
  random_text(subject, sizeof(subject), below(5));
  random_text(from, sizeof(from), 1 + below(2));
  random_text(to, sizeof(to), below(3));
  const sdx_field fields[] = { { "body", host_bytes(body) },
                               { "subject", host_bytes(subject) },
                               { "from", host_bytes(from) },
                               { "to", host_bytes(to) } };
  item.id = host_bytes(id);
  item.fields = fields;
  item.field_count = 4;
  dress(&item, folder, flag);
  give(&item, batch);
}

/* The next real message that is not too long; false where there is none. */
static bool give_real(sdx_source *source, sdx_batch *batch) {
  const sdx_entry *entry;
  sdx_error err;
  for (unsigned skip = 1 + below(40);;) {
    if (source == NULL || sdx_source_next(source, &entry, &err) != SDX_OK) return false;
    if (entry->item == NULL || entry->item->id.size > 100) continue;
    size_t size = 0;
    for (size_t i = 0; i < entry->item->field_count; i++) size += entry->item->fields[i].text.size;
    if (size > TEXT_MAX || --skip > 0) continue;
    sdx_bytes folder[1], flag[1];
    sdx_item item = *entry->item;
    dress(&item, folder, flag);
    give(&item, batch);
    return true;
  }
}

static sdx_source *open_corpus(void) {
  const char *corpora = getenv("SEALDEX_CORPORA");
  char path[512];
  const char *paths[] = { path };
  sdx_source *source = NULL;
  sdx_error err;
  if (corpora == NULL) return NULL;
  snprintf(path, sizeof(path), "%s/20news", corpora);
  return sdx_source_open(&source, paths, 1, NULL, &err) == SDX_OK ? source : NULL;
}

static void add_batch(sdx_source *source, unsigned number) {
  sdx_error err;
  sdx_batch *batch;
  sdx_batch_options options = SDX_BATCH_OPTIONS_INIT;
  options.now = HOST_NOW;
  host_ok(sdx_batch_begin(&batch, box->index, &options, &err), &err);
  for (unsigned i = 0; i < BATCH; i++) {
    char id[32];
    snprintf(id, sizeof(id), "i%03u", below(1000) * 1000 + number * BATCH + i);
    if (i < INVENTED || !give_real(source, batch)) invent(id, batch);
  }
  host_ok(sdx_batch_commit(batch, &err), &err);
}

static void kill_some(void) {
  for (unsigned i = 0; i < DEATHS; i++) {
    scan_item *item = &items[below((uint32_t)base_count)];
    if (item->dead) continue;
    host_delete(box, item->id);
    item->dead = true;
  }
}

static void update_some(void) {
  for (unsigned i = 0; i < UPDATES; i++) {
    scan_item *item = &items[below((uint32_t)base_count)];
    if (item->dead) continue;
    char id[128];
    memcpy(id, item->id, sizeof(id));
    item->dead = true; /* this version */
    invent(id, NULL);
  }
}

static int open_box(void **state) {
  const char *given = getenv("SEALDEX_SEED");
  sdx_error err;
  sdx_state about;
  if (given != NULL) seed = strtoull(given, NULL, 10) * 2654435761u + 99;
  host_begin_in(state, "en,de");
  box = *state;
  host_ok(text_analyser_open(&analyser, "en,de", &err), &err);
  host_ok(text_analyser_open(&queries, "en,de", &err), &err);
  (void)enter(host_bytes("a"));
  sdx_source *source = open_corpus();
  for (unsigned i = 0; i < BATCHES; i++) add_batch(source, i);
  sdx_source_close(source);
  base_count = item_count;
  update_some();
  kill_some();
  for (unsigned i = 0; i < ADDED; i++) {
    char id[16];
    snprintf(id, sizeof(id), "n%03u", i);
    invent(id, NULL);
  }
  host_ok(sdx_status_of(box->index, HOST_NOW, &about, &err), &err);
  assert_true(about.segments >= 2);
  assert_true(about.journal_records >= ADDED);
  assert_true(about.deleted > 0 && about.superseded > 0);
  return 0;
}

static int close_box(void **state) {
  for (size_t i = 0; i < item_count; i++) {
    for (size_t k = 0; k < items[i].count; k++) free(items[i].terms[k].positions);
    free(items[i].terms);
  }
  for (uint32_t i = 1; i <= names.count; i++) free(names.names[i]);
  free(names.names);
  free(names.slots);
  text_analyser_close(analyser);
  text_analyser_close(queries);
  return host_end(state);
}

/* ---------------------------------------------------------------- expressions */

typedef enum expr_kind {
  EXPR_AND,
  EXPR_OR,
  EXPR_NOT,
  EXPR_WORD,
  EXPR_PHRASE,
  EXPR_NEAR,
  EXPR_ADJ,
  EXPR_PATTERN,
  EXPR_FUZZY,
  EXPR_FOLDER,
  EXPR_UNREAD,
  EXPR_LARGER,
  EXPR_DATE
} expr_kind;

/* A class of terms with its weight, as it is for the whole mailbox. */
typedef struct scan_leaf {
  uint32_t key;
  int language; /* -1: a fold, any item; else items of it, by its stem */
  double weight;
} scan_leaf;

#define LEAVES_MAX 16

typedef struct expr {
  expr_kind kind;
  struct expr *children[4];
  size_t count;
  const char *prefix; /* of the field */
  bool body;
  const char *word;   /* as it is typed: may stand for several tokens */
  scan_leaf leaves[4][LEAVES_MAX]; /* of each word */
  size_t leaf_count[4];
  size_t words;
  uint32_t number;
  char pattern[80];
  uint8_t *asked; /* of each name: 1 matches, 2 does not */
  int64_t low, high;
} expr;

static double model_weight(uint32_t df) {
  double w = ((double)item_count - df + 0.5) / (df + 0.5);
  if (w < 2) w = w * 0.5 + 1;
  return log(w) * 2;
}

static bool has_class(const scan_leaf *l, const scan_term *t) {
  return l->key != 0 && (l->language < 0 ? t->fold : t->stems[l->language]) == l->key;
}

static void add_leaf(expr *e, size_t word, const char *prefix, const char *key, int language) {
  scan_leaf *l = &e->leaves[word][e->leaf_count[word]];
  char full[160];
  snprintf(full, sizeof(full), "%s%s", prefix, key);
  l->language = language;
  l->key = number_of(full);
  for (size_t i = 0; e->kind == EXPR_WORD && i < e->leaf_count[word]; i++)
    if (e->leaves[word][i].language == language && e->leaves[word][i].key == l->key) return;
  uint32_t df = 0;
  for (size_t i = 0; i < item_count; i++) {
    bool has = false;
    if (language >= 0 && (uint32_t)language != items[i].language) continue;
    for (size_t k = 0; k < items[i].count; k++) has |= has_class(l, &items[i].terms[k]);
    df += has;
  }
  l->weight = df != 0 ? model_weight(df) : 0;
  assert_true(++e->leaf_count[word] < LEAVES_MAX);
}

static void add_stems(expr *e, const char *prefix, const char *word, const char *folded) {
  char stem[LANGUAGES][TEXT_TERM_MAX + 1];
  size_t sizes[LANGUAGES], sum = 0;
  for (uint8_t l = 0; l < LANGUAGES; l++) {
    sizes[l] = text_stem(queries, l, word, strlen(word), stem[l]);
    stem[l][sizes[l]] = '\0';
    sum += sizes[l];
  }
  if (sum == 0) add_leaf(e, 0, prefix, folded, -1);
  for (uint8_t l = 0; sum != 0 && l < LANGUAGES; l++) add_leaf(e, 0, prefix, stem[l], l);
}

/* What the analyser makes of a word that is typed. */
typedef struct typed_token {
  char surface[80], folded[80];
} typed_token;

static void copy_bytes(char out[80], sdx_bytes b) {
  assert_true(b.size < 80);
  memcpy(out, b.data, b.size);
  out[b.size] = '\0';
}

static size_t tokens_of(const char *text, typed_token out[4]) {
  const text_token *tokens;
  size_t count;
  assert_int_equal(text_tokens(queries, text, strlen(text), &tokens, &count, NULL), SDX_OK);
  assert_true(count <= 4);
  for (size_t i = 0; i < count; i++) {
    copy_bytes(out[i].surface, tokens[i].surface);
    copy_bytes(out[i].folded, tokens[i].folded);
  }
  return count;
}

static void prepare_word(expr *e) {
  typed_token t[4];
  const size_t count = tokens_of(e->word, t);
  assert_int_equal(count, 1);
  e->words = 1;
  add_stems(e, e->prefix, t[0].surface, t[0].folded);
  if (strcmp(t[0].surface, t[0].folded) != 0) return;
  char full[160];
  snprintf(full, sizeof(full), "%s%s", e->prefix, t[0].folded);
  const uint32_t key = number_of(full);
  for (size_t i = 0; key != 0 && i < item_count; i++)
    for (size_t k = 0; k < items[i].count; k++)
      if (items[i].terms[k].fold == key && items[i].terms[k].name != key)
        add_stems(e, e->prefix, names.names[items[i].terms[k].name] + strlen(e->prefix), t[0].folded);
}

static void add_exact(expr *e, const char *word) {
  typed_token t[4];
  assert_int_equal(tokens_of(word, t), 1);
  add_leaf(e, e->words, e->prefix, t[0].folded, -1);
}

static void prepare_exact(expr *e, const char *word) {
  add_exact(e, word);
  e->words++;
}

/* ---------------------------------------------------------------- deciding */

typedef struct verdict {
  bool matches;
  double score;
} verdict;

static double leaf_score(const scan_leaf *l, const scan_item *item) {
  uint32_t wdf = 0;
  if (l->language >= 0 && (uint32_t)l->language != item->language) return 0;
  for (size_t k = 0; k < item->count; k++)
    if (has_class(l, &item->terms[k])) wdf += item->terms[k].wdf;
  if (wdf == 0) return 0;
  const double average = (double)total_length / (double)item_count;
  const double normlen = item->length / average > 0.5 ? item->length / average : 0.5;
  return l->weight * wdf / (0.5 * normlen + 0.5 + wdf);
}

static size_t positions_of(const expr *e, size_t word, const scan_item *item, uint32_t out[4096]) {
  size_t n = 0;
  for (size_t k = 0; k < item->count; k++)
    for (size_t l = 0; l < e->leaf_count[word]; l++)
      if ((e->leaves[word][l].language < 0 ||
           (uint32_t)e->leaves[word][l].language == item->language) &&
          has_class(&e->leaves[word][l], &item->terms[k]))
        for (uint32_t p = 0; p < item->terms[k].count; p++)
          if (!e->body || item->terms[k].positions[p] <= item->body_end)
            out[n++] = item->terms[k].positions[p];
  return n;
}

/* Tries every choice of one position per word. */
static bool choose(const expr *e, const scan_item *item, size_t word, uint32_t *chosen) {
  static uint32_t at[4][4096];
  if (word == e->words) {
    uint32_t low = UINT32_MAX, high = 0;
    for (size_t i = 0; i < e->words; i++) {
      if (e->kind != EXPR_NEAR && i > 0 && chosen[i] <= chosen[i - 1]) return false;
      for (size_t k = 0; k < i; k++)
        if (chosen[k] == chosen[i]) return false;
      if (chosen[i] < low) low = chosen[i];
      if (chosen[i] > high) high = chosen[i];
    }
    const uint32_t window = (uint32_t)e->words + (e->kind == EXPR_PHRASE ? 0 : e->number - 1);
    return high - low < window;
  }
  const size_t n = positions_of(e, word, item, at[word]);
  for (size_t i = 0; i < n; i++) {
    chosen[word] = at[word][i];
    if (choose(e, item, word + 1, chosen)) return true;
  }
  return false;
}

static uint32_t naive_distance(const char *a, const char *b) {
  static uint32_t d[128][128];
  const size_t n = strlen(a), m = strlen(b);
  for (size_t i = 0; i <= n; i++)
    for (size_t k = 0; k <= m; k++) {
      if (i == 0 || k == 0) {
        d[i][k] = (uint32_t)(i + k);
        continue;
      }
      uint32_t best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
      if (d[i - 1][k] + 1 < best) best = d[i - 1][k] + 1;
      if (d[i][k - 1] + 1 < best) best = d[i][k - 1] + 1;
      d[i][k] = best;
    }
  return d[n][m];
}

static bool naive_glob(const char *p, const char *w) {
  if (*p == '\0') return *w == '\0';
  if (*p == '*') return naive_glob(p + 1, w) || (*w != '\0' && naive_glob(p, w + 1));
  return *p == *w && naive_glob(p + 1, w + 1);
}

static bool any_term(const expr *e, const scan_item *item) {
  for (size_t k = 0; k < item->count; k++) {
    const scan_term *t = &item->terms[k];
    const size_t prefix = strlen(e->prefix);
    const char *full = names.names[t->name];
    if (strncmp(full, e->prefix, prefix) != 0 || (full[prefix] >= 'A' && full[prefix] <= 'Z'))
      continue;
    if (e->asked[t->name] == 0) {
      const char *name = full + prefix, *fold = names.names[t->fold] + prefix;
      const bool near = e->kind == EXPR_FUZZY
                            ? naive_distance(e->pattern, fold) <= e->number
                            : naive_glob(e->pattern, name) || naive_glob(e->pattern, fold);
      e->asked[t->name] = near ? 1 : 2;
    }
    const bool is = e->asked[t->name] == 1;
    if (is && (!e->body || t->positions[0] <= item->body_end)) return true;
  }
  return false;
}

static verdict decide(const expr *e, const scan_item *item) {
  verdict v = { .matches = e->kind == EXPR_AND, .score = 0 };
  uint32_t chosen[4];
  switch (e->kind) {
  case EXPR_AND:
  case EXPR_OR:
    for (size_t i = 0; i < e->count; i++) {
      const verdict child = decide(e->children[i], item);
      if (e->kind == EXPR_AND) v.matches &= child.matches;
      else v.matches |= child.matches;
      if (child.matches) v.score += child.score;
    }
    break;
  case EXPR_NOT: v.matches = !decide(e->children[0], item).matches; break;
  case EXPR_WORD:
    for (size_t l = 0; l < e->leaf_count[0]; l++) {
      uint32_t at[4096];
      expr one = { .kind = EXPR_WORD, .body = e->body, .leaf_count = { 1 } };
      one.leaves[0][0] = e->leaves[0][l];
      if (e->body && positions_of(&one, 0, item, at) == 0) continue;
      const double score = leaf_score(&e->leaves[0][l], item);
      v.matches |= score > 0;
      v.score += score;
    }
    break;
  case EXPR_PHRASE:
  case EXPR_NEAR:
  case EXPR_ADJ:
    v.matches = choose(e, item, 0, chosen);
    for (size_t i = 0; i < e->words; i++)
      for (size_t l = 0; l < e->leaf_count[i]; l++) v.score += leaf_score(&e->leaves[i][l], item);
    break;
  case EXPR_PATTERN:
  case EXPR_FUZZY: v.matches = any_term(e, item); break;
  case EXPR_FOLDER: v.matches = strcasecmp(item->folder, e->word) == 0; break;
  case EXPR_UNREAD: v.matches = !item->seen; break;
  case EXPR_LARGER: v.matches = item->size > e->number; break;
  case EXPR_DATE: v.matches = item->date >= e->low && item->date < e->high; break;
  }
  if (!v.matches) v.score = 0;
  return v;
}

/* ---------------------------------------------------------------- writing queries */

static char text[2048];

static void put(const char *s) { strncat(text, s, sizeof(text) - strlen(text) - 1); }

/* Lower-case ASCII letters alone: one word as it is. */
static bool is_plain(const char *word) {
  const size_t size = strspn(word, "abcdefghijklmnopqrstuvwxyz");
  return size > 1 && size < 40 && word[size] == '\0';
}

/* A word of the vocabulary, or one of a term of some item. */
static const char *any_word(void) {
  for (int i = 0; i < 4 && below(2) == 0; i++) {
    const scan_item *item = &items[below((uint32_t)item_count)];
    if (item->count == 0) continue;
    const char *name = names.names[item->terms[below((uint32_t)item->count)].name];
    if (is_plain(name)) return name;
  }
  return random_word();
}

static expr *new_expr(expr_kind kind) {
  expr *e = calloc(1, sizeof(*e));
  assert_non_null(e);
  e->kind = kind;
  e->prefix = "";
  return e;
}

static void free_expr(expr *e) {
  for (size_t i = 0; i < e->count; i++) free_expr(e->children[i]);
  free(e->asked);
  free(e);
}

static void put_field(expr *e) {
  switch (below(8)) {
  case 0: put("subject:"); e->prefix = "S"; break;
  case 1: put("from:"); e->prefix = "A"; break;
  case 2: put("body:"); e->body = true; break;
  default: break;
  }
}

/* Words that stand one after another in some item: a phrase that is found. 0 where there are none. */
static uint32_t any_phrase(expr *e, uint32_t words) {
  const scan_item *item = &items[below((uint32_t)item_count)];
  if (item->count == 0 || e->prefix[0] != '\0') return 0;
  const scan_term *first = &item->terms[below((uint32_t)item->count)];
  if (first->count == 0) return 0;
  const uint32_t at = first->positions[below(first->count)];
  const char *found[4] = { NULL };
  for (size_t k = 0; k < item->count; k++)
    for (uint32_t p = 0; p < item->terms[k].count; p++) {
      const uint32_t behind = item->terms[k].positions[p] - at;
      const char *name = names.names[item->terms[k].name];
      if (behind < words && is_plain(name)) found[behind] = name;
    }
  for (uint32_t i = 0; i < words; i++)
    if (found[i] == NULL) return 0;
  for (uint32_t i = 0; i < words; i++) {
    put(found[i]);
    if (i + 1 < words) put(" ");
    prepare_exact(e, found[i]);
  }
  return words;
}

static expr *write_words(void) {
  const uint32_t form = below(4);
  expr *e = new_expr(form < 2 ? EXPR_PHRASE : form == 2 ? EXPR_NEAR : EXPR_ADJ);
  const uint32_t words = 2 + below(2);
  char op[16];
  e->number = 1 + below(4);
  snprintf(op, sizeof(op), " %s/%u ", form == 2 ? "NEAR" : "ADJ", e->number);
  if (e->kind == EXPR_PHRASE) {
    put_field(e);
    put("\"");
  }
  const uint32_t start = e->kind == EXPR_PHRASE && below(2) == 0 ? any_phrase(e, words) : 0;
  for (uint32_t i = start; i < words; i++) {
    const bool group = e->kind != EXPR_PHRASE && below(4) == 0;
    char word[80];
    snprintf(word, sizeof(word), "%s", any_word());
    if (group) {
      const char *other = any_word();
      put("(");
      put(other);
      put(" OR ");
      add_exact(e, other);
    }
    put(word);
    if (group) put(")");
    if (i + 1 < words) put(e->kind == EXPR_PHRASE ? " " : op);
    prepare_exact(e, word);
  }
  if (e->kind == EXPR_PHRASE) put("\"");
  return e;
}

static expr *new_expansion(expr_kind kind) {
  expr *e = new_expr(kind);
  e->asked = calloc(names.count + 1, 1);
  assert_non_null(e->asked);
  return e;
}

static expr *write_pattern(void) {
  static const char *const patterns[] = { "re*", "*s", "*e*", "caf*", "häus*", "r*s", "x*5", "cafe*" };
  expr *e = new_expansion(EXPR_PATTERN);
  put_field(e);
  const char *word = any_word();
  const int size = (int)strlen(word);
  switch (size > 4 && is_plain(word) ? below(4) : 4) {
  case 0: snprintf(e->pattern, sizeof(e->pattern), "%.*s*", 2 + (int)below(3), word); break;
  case 1: snprintf(e->pattern, sizeof(e->pattern), "*%s", word + below((uint32_t)size - 2)); break;
  case 2: snprintf(e->pattern, sizeof(e->pattern), "*%.*s*", size - 2, word + 1); break;
  case 3: snprintf(e->pattern, sizeof(e->pattern), "%.2s*%s", word, word + size - 2); break;
  default: snprintf(e->pattern, sizeof(e->pattern), "%s", patterns[below(8)]); break;
  }
  put(e->pattern);
  return e;
}

static expr *write_fuzzy(void) {
  static const char *const words[] = { "reprt", "budgt", "violn", "cafe", "runz", "hauser", "metings" };
  expr *e = new_expansion(EXPR_FUZZY);
  put_field(e);
  const char *word = any_word();
  const bool plain = is_plain(word) && strlen(word) > 3;
  snprintf(e->pattern, sizeof(e->pattern), "%s", plain ? word : words[below(7)]);
  if (plain) e->pattern[below((uint32_t)strlen(word))] = (char)('a' + below(26));
  e->number = 1 + below(2);
  put(e->pattern);
  put(e->number == 1 ? "~1" : "~2");
  return e;
}

static expr *write_filter(void) {
  static const char *const asked[] = { "Inbox", "archive", "Sent", "Nowhere" };
  expr *e = new_expr((expr_kind)(EXPR_FOLDER + below(4)));
  char number[64];
  switch (e->kind) {
  case EXPR_FOLDER:
    e->word = asked[below(4)];
    put("in:");
    put(e->word);
    break;
  case EXPR_UNREAD: put("is:unread"); break;
  case EXPR_LARGER:
    e->number = below(5000);
    snprintf(number, sizeof(number), "larger:%u", e->number);
    put(number);
    break;
  default:
    e->low = 1700000000 + (int64_t)below(40) * 86400;
    e->high = e->low + (int64_t)below(10) * 86400 + 1;
    snprintf(number, sizeof(number), "date:@%lld..@%lld", (long long)e->low, (long long)e->high - 1);
    put(number);
    break;
  }
  return e;
}

static expr *write_word(void) {
  expr *e = new_expr(EXPR_WORD);
  put_field(e);
  e->word = any_word();
  put(e->word);
  prepare_word(e);
  return e;
}

static expr *write_expr(int depth) {
  const uint32_t form = below(depth > 0 ? 16 : 10);
  expr *e;
  switch (form) {
  case 0:
  case 1: return write_words();
  case 2: return write_pattern();
  case 3: return write_fuzzy();
  case 4: return write_filter();
  case 10:
    e = new_expr(EXPR_NOT);
    put("NOT (");
    e->children[e->count++] = write_expr(depth - 1);
    put(")");
    return e;
  case 11:
  case 12:
  case 13:
  case 14:
  case 15: {
    e = new_expr(form < 14 ? EXPR_AND : EXPR_OR);
    const uint32_t n = 2 + below(3);
    put("(");
    for (uint32_t i = 0; i < n; i++) {
      e->children[e->count++] = write_expr(depth - 1);
      if (i + 1 < n) put(e->kind == EXPR_AND ? " AND " : " OR ");
    }
    put(")");
    return e;
  }
  default: return write_word();
  }
}

/* ---------------------------------------------------------------- comparing */

typedef struct expected {
  const scan_item *item;
  double score;
} expected;

static sdx_sort sorting;

static int compare(const void *a, const void *b) {
  const expected *x = a, *y = b;
  if (sorting == SDX_BY_RELEVANCE && fabs(x->score - y->score) > 1e-9)
    return x->score > y->score ? -1 : 1;
  if (x->item->date != y->item->date)
    return (x->item->date > y->item->date) == (sorting != SDX_OLDEST_FIRST) ? -1 : 1;
  return strcmp(x->item->id, y->item->id);
}

static void check_total(const sdx_results *got, size_t count, bool bound) {
  const uint64_t total = sdx_results_total(got);
  const bool exact = sdx_results_exact(got);
  if (bound ? total > count || (exact && total != count) : total != count || !exact)
    fail_msg("%s: a total of %llu, not %zu", text, (unsigned long long)total, count);
}

static bool is_item(const sdx_hit *hit, const scan_item *item) {
  return hit->id.size == strlen(item->id) && memcmp(hit->id.data, item->id, hit->id.size) == 0;
}

/* Scores that are equal but for rounding may stand in either order; those that are equal to the last bit
 * stand newest first, then by id. */
static bool are_even(const sdx_results *got, size_t i, const expected *wanted, size_t count) {
  const sdx_hit *hit = sdx_results_hit(got, i), *before = i > 0 ? sdx_results_hit(got, i - 1) : NULL;
  size_t k = 0;
  while (k < count && !is_item(hit, wanted[k].item)) k++;
  if (sorting != SDX_BY_RELEVANCE || k == count || fabs(wanted[k].score - wanted[i].score) > 1e-9)
    return false;
  if (before == NULL || before->score > hit->score) return true;
  if (before->score < hit->score || before->date < hit->date) return false;
  return before->date > hit->date ||
         strncmp(before->id.data, hit->id.data,
                 before->id.size < hit->id.size ? before->id.size : hit->id.size) <= 0;
}

static void expect(const expr *e, sdx_sort sort, size_t best, bool bound) {
  static expected wanted[ITEMS];
  size_t count = 0;
  sdx_error err;
  sdx_results *got;
  for (size_t i = 0; i < item_count; i++) {
    if (items[i].dead) continue;
    const verdict v = decide(e, &items[i]);
    if (v.matches) wanted[count++] = (expected){ &items[i], v.score };
  }
  sorting = sort;
  qsort(wanted, count, sizeof(*wanted), compare);
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.sort = sort;
  options.limit = best;
  options.bound_total = bound;
  options.now = HOST_NOW;
  host_ok(sdx_search(box->index, host_bytes(text), &options, &got, &err), &err);
  if (sdx_results_fell_back(got) || !sdx_results_complete(got)) fail_msg("%s: fell back", text);
  const size_t shown = count < best ? count : best;
  if (sdx_results_count(got) != shown)
    fail_msg("%s: %zu hits, not %zu", text, sdx_results_count(got), shown);
  check_total(got, count, bound);
  for (size_t i = 0; i < shown; i++) {
    const sdx_hit *hit = sdx_results_hit(got, i);
    if (sort == SDX_BY_RELEVANCE && fabs(hit->score - wanted[i].score) > 1e-9)
      fail_msg("%s: hit %zu scores %.12f, not %.12f", text, i, hit->score, wanted[i].score);
    if (!is_item(hit, wanted[i].item) && !are_even(got, i, wanted, count))
      fail_msg("%s: hit %zu is %.*s, not %s", text, i, (int)hit->id.size, hit->id.data,
               wanted[i].item->id);
  }
  sdx_results_free(got);
}

/* All hits by score; or the best by score, the newest or the oldest, with exact totals or bounds. */
static void test_random_queries(void **state) {
  (void)state;
  const char *many = getenv("SEALDEX_QUERIES");
  const int count = many != NULL ? atoi(many) : QUERIES;
  for (int i = 0; i < count; i++) {
    text[0] = '\0';
    expr *e = write_expr(3);
    switch (below(4)) {
    case 0: expect(e, SDX_BY_RELEVANCE, ITEMS, false); break;
    case 1: expect(e, SDX_BY_RELEVANCE, 1 + below(12), below(4) != 0); break;
    case 2: expect(e, SDX_NEWEST_FIRST, 1 + below(12), below(2) == 0); break;
    default: expect(e, SDX_OLDEST_FIRST, 1 + below(12), below(2) == 0); break;
    }
    free_expr(e);
    if (many != NULL && (i + 1) % 100000 == 0) fprintf(stderr, "%d queries\n", i + 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_queries) };
  return cmocka_run_group_tests(tests, open_box, close_box);
}
