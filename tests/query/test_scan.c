/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random queries of all forms against a naive scan, through the whole index: for each item the query is
 * decided by looking at all of its terms, and scores are worked out from counts taken by looking at all
 * items. The items are those of scan_world.h: several segments, updated and deleted items, a live journal.
 *
 * SEALDEX_QUERIES: how many (script/check-queries runs a million); SEALDEX_SEED: which.
 */
#include "scan_world.h"

#include <math.h>

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
  double w = ((double)scan.item_count - df + 0.5) / (df + 0.5);
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
  l->key = scan_number(full);
  for (size_t i = 0; e->kind == EXPR_WORD && i < e->leaf_count[word]; i++)
    if (e->leaves[word][i].language == language && e->leaves[word][i].key == l->key) return;
  uint32_t df = 0;
  for (size_t i = 0; i < scan.item_count; i++) {
    bool has = false;
    if (language >= 0 && (uint32_t)language != scan.items[i].language) continue;
    for (size_t k = 0; k < scan.items[i].count; k++) has |= has_class(l, &scan.items[i].terms[k]);
    df += has;
  }
  l->weight = df != 0 ? model_weight(df) : 0;
  assert_true(++e->leaf_count[word] < LEAVES_MAX);
}

static void add_stems(expr *e, const char *prefix, const char *word, const char *folded) {
  char stem[LANGUAGES][TEXT_TERM_MAX + 1];
  size_t sizes[LANGUAGES], sum = 0;
  for (uint8_t l = 0; l < LANGUAGES; l++) {
    sizes[l] = text_stem(scan.queries, l, word, strlen(word), stem[l]);
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
  assert_int_equal(text_tokens(scan.queries, text, strlen(text), &tokens, &count, NULL), SDX_OK);
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
  const uint32_t key = scan_number(full);
  for (size_t i = 0; key != 0 && i < scan.item_count; i++)
    for (size_t k = 0; k < scan.items[i].count; k++)
      if (scan.items[i].terms[k].fold == key && scan.items[i].terms[k].name != key)
        add_stems(e, e->prefix, scan.names[scan.items[i].terms[k].name] + strlen(e->prefix), t[0].folded);
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
  const double average = (double)scan.total_length / (double)scan.item_count;
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
    const char *full = scan.names[t->name];
    if (strncmp(full, e->prefix, prefix) != 0 || (full[prefix] >= 'A' && full[prefix] <= 'Z'))
      continue;
    if (e->asked[t->name] == 0) {
      const char *name = full + prefix, *fold = scan.names[t->fold] + prefix;
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
  for (int i = 0; i < 4 && scan_below(2) == 0; i++) {
    const scan_item *item = &scan.items[scan_below((uint32_t)scan.item_count)];
    if (item->count == 0) continue;
    const char *name = scan.names[item->terms[scan_below((uint32_t)item->count)].name];
    if (is_plain(name)) return name;
  }
  return scan_word();
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
  switch (scan_below(8)) {
  case 0: put("subject:"); e->prefix = "S"; break;
  case 1: put("from:"); e->prefix = "A"; break;
  case 2: put("body:"); e->body = true; break;
  default: break;
  }
}

/* Words that stand one after another in some item: a phrase that is found. 0 where there are none. */
static uint32_t any_phrase(expr *e, uint32_t words) {
  const scan_item *item = &scan.items[scan_below((uint32_t)scan.item_count)];
  if (item->count == 0 || e->prefix[0] != '\0') return 0;
  const scan_term *first = &item->terms[scan_below((uint32_t)item->count)];
  if (first->count == 0) return 0;
  const uint32_t at = first->positions[scan_below(first->count)];
  const char *found[4] = { NULL };
  for (size_t k = 0; k < item->count; k++)
    for (uint32_t p = 0; p < item->terms[k].count; p++) {
      const uint32_t behind = item->terms[k].positions[p] - at;
      const char *name = scan.names[item->terms[k].name];
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
  const uint32_t form = scan_below(4);
  expr *e = new_expr(form < 2 ? EXPR_PHRASE : form == 2 ? EXPR_NEAR : EXPR_ADJ);
  const uint32_t words = 2 + scan_below(2);
  char op[16];
  e->number = 1 + scan_below(4);
  snprintf(op, sizeof(op), " %s/%u ", form == 2 ? "NEAR" : "ADJ", e->number);
  if (e->kind == EXPR_PHRASE) {
    put_field(e);
    put("\"");
  }
  const uint32_t start = e->kind == EXPR_PHRASE && scan_below(2) == 0 ? any_phrase(e, words) : 0;
  for (uint32_t i = start; i < words; i++) {
    const bool group = e->kind != EXPR_PHRASE && scan_below(4) == 0;
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
  e->asked = calloc(scan.name_count + 1, 1);
  assert_non_null(e->asked);
  return e;
}

static expr *write_pattern(void) {
  static const char *const patterns[] = { "re*", "*s", "*e*", "caf*", "häus*", "r*s", "x*5", "cafe*" };
  expr *e = new_expansion(EXPR_PATTERN);
  put_field(e);
  const char *word = any_word();
  const int size = (int)strlen(word);
  switch (size > 4 && is_plain(word) ? scan_below(4) : 4) {
  case 0: snprintf(e->pattern, sizeof(e->pattern), "%.*s*", 2 + (int)scan_below(3), word); break;
  case 1: snprintf(e->pattern, sizeof(e->pattern), "*%s", word + scan_below((uint32_t)size - 2)); break;
  case 2: snprintf(e->pattern, sizeof(e->pattern), "*%.*s*", size - 2, word + 1); break;
  case 3: snprintf(e->pattern, sizeof(e->pattern), "%.2s*%s", word, word + size - 2); break;
  default: snprintf(e->pattern, sizeof(e->pattern), "%s", patterns[scan_below(8)]); break;
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
  snprintf(e->pattern, sizeof(e->pattern), "%s", plain ? word : words[scan_below(7)]);
  if (plain) e->pattern[scan_below((uint32_t)strlen(word))] = (char)('a' + scan_below(26));
  e->number = 1 + scan_below(2);
  put(e->pattern);
  put(e->number == 1 ? "~1" : "~2");
  return e;
}

static expr *write_filter(void) {
  static const char *const asked[] = { "Inbox", "archive", "Sent", "Nowhere" };
  expr *e = new_expr((expr_kind)(EXPR_FOLDER + scan_below(4)));
  char number[64];
  switch (e->kind) {
  case EXPR_FOLDER:
    e->word = asked[scan_below(4)];
    put("in:");
    put(e->word);
    break;
  case EXPR_UNREAD: put("is:unread"); break;
  case EXPR_LARGER:
    e->number = scan_below(5000);
    snprintf(number, sizeof(number), "larger:%u", e->number);
    put(number);
    break;
  default:
    e->low = 1700000000 + (int64_t)scan_below(40) * 86400;
    e->high = e->low + (int64_t)scan_below(10) * 86400 + 1;
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
  const uint32_t form = scan_below(depth > 0 ? 16 : 10);
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
    const uint32_t n = 2 + scan_below(3);
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
  for (size_t i = 0; i < scan.item_count; i++) {
    if (scan.items[i].dead) continue;
    const verdict v = decide(e, &scan.items[i]);
    if (v.matches) wanted[count++] = (expected){ &scan.items[i], v.score };
  }
  sorting = sort;
  qsort(wanted, count, sizeof(*wanted), compare);
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  options.sort = sort;
  options.limit = best;
  options.bound_total = bound;
  options.now = HOST_NOW;
  host_ok(sdx_search(scan.box->index, host_bytes(text), &options, &got, &err), &err);
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
    switch (scan_below(4)) {
    case 0: expect(e, SDX_BY_RELEVANCE, ITEMS, false); break;
    case 1: expect(e, SDX_BY_RELEVANCE, 1 + scan_below(12), scan_below(4) != 0); break;
    case 2: expect(e, SDX_NEWEST_FIRST, 1 + scan_below(12), scan_below(2) == 0); break;
    default: expect(e, SDX_OLDEST_FIRST, 1 + scan_below(12), scan_below(2) == 0); break;
    }
    free_expr(e);
    if (many != NULL && (i + 1) % 100000 == 0) fprintf(stderr, "%d queries\n", i + 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_queries) };
  return cmocka_run_group_tests(tests, scan_begin, scan_end);
}
