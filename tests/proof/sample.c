/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ items */

static const char *const words[] = { "harvest", "lantern", "meadow",  "orchard", "pebble",
                                     "quarry",  "ribbon",  "saddle",  "thimble", "umbrella",
                                     "velvet",  "walnut",  "compass", "ladder",  "copper" };
enum { WORDS = sizeof words / sizeof *words };
static const char *const folders[] = { "INBOX", "Archive", "Travel" };
static const char *const people[] = { "Ada Lund <ada@orchard.example>",
                                      "Ben Oak <ben@quarry.example>",
                                      "Cleo Reed <cleo@meadow.example>" };

typedef struct made {
  char id[24], subject[80], body[6000];
  sdx_field fields[4];
  sdx_bytes folder, flag, label;
} made;

static sdx_bytes text_of(const char *s) {
  return (sdx_bytes){ s, strlen(s) };
}

static sdx_bytes id_of(unsigned n, char out[24]) {
  const int size = snprintf(out, 24, "item/%u", n);
  return (sdx_bytes){ out, (size_t)size };
}

static sdx_item make(unsigned n, unsigned version, made *m) {
  sdx_item item = SDX_ITEM_INIT;
  item.id = id_of(n, m->id);
  item.kind = (sdx_kind)(1 + n % 4);
  item.date = SAMPLE_START - (int64_t)(n * n % 97) * SDX_DAY + n;
  snprintf(m->subject, sizeof m->subject, "%s of the %s, part %u", words[n % WORDS],
           words[(n / 2 + 3) % WORDS], version);
  char *at = m->body;
  const unsigned length = n % 11 == 5 ? 500 : 6 + n % 9;
  for (unsigned i = 0; i < length; i++)
    at += snprintf(at, 12, "%s ", words[(n * 7 + i * (i + n % 3) + version) % WORDS]);
  m->fields[0] = (sdx_field){ "subject", text_of(m->subject) };
  m->fields[1] = (sdx_field){ "body", text_of(m->body) };
  m->fields[2] = (sdx_field){ "from", text_of(people[n % 3]) };
  m->fields[3] = (sdx_field){ "to", text_of(people[(n + 1) % 3]) };
  item.fields = m->fields;
  item.field_count = 4;
  m->folder = text_of(folders[n % 3]);
  m->flag = text_of("seen");
  m->label = text_of("blue");
  item.folders = &m->folder;
  item.folder_count = 1;
  item.flags = &m->flag;
  item.flag_count = n % 2;
  item.labels = &m->label;
  item.label_count = n % 5 == 0;
  if (n % 4 == 0) item.payload = text_of("{\"uid\": 7}");
  return item;
}

static sdx_secret secret_of(uint8_t key_byte, uint8_t key[SDX_KEY_SIZE]) {
  memset(key, key_byte, SDX_KEY_SIZE);
  return (sdx_secret){ .kind = SDX_SECRET_KEY, .bytes = key, .size = SDX_KEY_SIZE };
}

static sdx_status open_at(sdx_index **out, const char *dir, uint8_t key_byte, int64_t now,
                          sdx_error *err) {
  uint8_t key[SDX_KEY_SIZE];
  const sdx_secret s = secret_of(key_byte, key);
  sdx_open_options o = SDX_OPEN_OPTIONS_INIT;
  o.now = now;
  return sdx_open(out, dir, &s, &o, err);
}

/* ------------------------------------------------------------------ a life */

static sdx_status add_batch(sdx_index *index, unsigned first, unsigned behind, int64_t now,
                            sdx_error *err) {
  sdx_batch_options o = SDX_BATCH_OPTIONS_INIT;
  sdx_batch *batch = NULL;
  sdx_outcome outcome;
  made m;
  o.now = now;
  sdx_status status = sdx_batch_begin(&batch, index, &o, err);
  for (unsigned n = first; status == SDX_OK && n < behind; n++) {
    const sdx_item item = make(n, 1, &m);
    status = sdx_batch_add(batch, &item, &outcome, err);
  }
  if (status == SDX_OK) return sdx_batch_commit(batch, err);
  sdx_batch_abort(batch);
  return status;
}

static sdx_status add_one(sdx_index *index, unsigned n, unsigned version, int64_t expires,
                          int64_t now, sdx_error *err) {
  sdx_write_options o = SDX_WRITE_OPTIONS_INIT;
  sdx_outcome outcome;
  made m;
  sdx_item item = make(n, version, &m);
  item.expires = expires;
  o.now = now;
  return sdx_add(index, &item, &o, &outcome, err);
}

static sdx_status deposit(const char *dir, sdx_index *index, int64_t now, sdx_error *err) {
  char contents[SDX_DEPOSIT_FILE_SIZE];
  sdx_write_options o = SDX_WRITE_OPTIONS_INIT;
  sdx_deposit *d = NULL;
  sdx_outcome outcome;
  char id[24];
  made m;
  o.now = now;
  sdx_status status = sdx_deposit_key(index, contents, err);
  const sdx_secret s = { .kind = SDX_SECRET_DEPOSIT, .bytes = contents, .size = sizeof contents };
  if (status == SDX_OK) status = sdx_deposit_open(&d, dir, &s, NULL, err);
  for (unsigned n = 52; status == SDX_OK && n < 55; n++) {
    const sdx_item item = make(n, 1, &m);
    status = sdx_deposit_add(d, &item, &o, &outcome, err);
  }
  if (status == SDX_OK) status = sdx_deposit_delete(d, id_of(11, id), now, err);
  sdx_deposit_close(d);
  return status;
}

static sdx_status change(sdx_index *index, unsigned n, int64_t now, sdx_error *err) {
  const sdx_change changes[] = { { SDX_SET_FOLDER, text_of("Travel") },
                                 { SDX_ADD_FLAG, text_of("flagged") },
                                 { SDX_ADD_LABEL, text_of("green") } };
  char id[24];
  return sdx_set(index, id_of(n, id), changes, 3, now, err);
}

static sdx_status delete_all(sdx_index *index, const unsigned *ids, size_t count, int64_t now,
                             sdx_error *err) {
  sdx_status status = SDX_OK;
  char id[24];
  for (size_t i = 0; i < count && status == SDX_OK; i++)
    status = sdx_delete(index, id_of(ids[i], id), now, err);
  return status;
}

typedef struct staging {
  void (*stage)(void *context, int number);
  void *context;
  int number;
} staging;

static void passed(staging *s) {
  if (s->stage != NULL) s->stage(s->context, s->number);
  s->number++;
}

static sdx_status live(sdx_index *index, const char *dir, staging *stages, sdx_error *err) {
  static const unsigned early[] = { 2, 9, 17 }, late[] = { 4, 21, 33 };
  const int64_t t = SAMPLE_START;
  sdx_status status = add_batch(index, 0, 30, t, err);
  passed(stages);
  if (status == SDX_OK) status = delete_all(index, early, 3, t + 1, err);
  if (status == SDX_OK) status = sdx_maintain(index, true, t + 31 * SDX_DAY, err);
  passed(stages);
  const int64_t u = t + 39 * SDX_DAY;
  if (status == SDX_OK) status = add_batch(index, 30, 48, u, err);
  if (status == SDX_OK) status = delete_all(index, late, 3, u + 1, err);
  passed(stages);
  for (unsigned n = 48; n < 52 && status == SDX_OK; n++)
    status = add_one(index, n, 1, 0, u + 2, err);
  if (status == SDX_OK) status = add_one(index, 5, 2, 0, u + 3, err);
  if (status == SDX_OK) status = change(index, 6, u + 4, err);
  if (status == SDX_OK) status = change(index, 49, u + 4, err);
  if (status == SDX_OK) status = deposit(dir, index, u + 5, err);
  passed(stages);
  if (status == SDX_OK)
    status = add_one(index, 55, 1, u + 60, u + 6, err); /* expired by SAMPLE_NOW */
  if (status == SDX_OK) status = add_one(index, 56, 1, u + 90 * SDX_DAY, u + 6, err);
  if (status == SDX_OK) status = add_one(index, 57, 1, 0, u + 7, err);
  if (status == SDX_OK) status = delete_all(index, (const unsigned[]){ 50 }, 1, u + 8, err);
  passed(stages);
  return status;
}

int sample_make(const char *dir, uint8_t key_byte, void (*stage)(void *, int), void *context) {
  uint8_t key[SDX_KEY_SIZE];
  const sdx_secret s = secret_of(key_byte, key);
  sdx_init_options o = SDX_INIT_OPTIONS_INIT;
  sdx_error err = { 0 };
  sdx_index *index = NULL;
  staging stages = { stage, context, 0 };
  o.now = SAMPLE_START;
  sdx_status status = sdx_init(dir, &s, &o, &err);
  if (status == SDX_OK) status = open_at(&index, dir, key_byte, SAMPLE_START, &err);
  if (status == SDX_OK) status = live(index, dir, &stages, &err);
  sdx_close(index);
  if (status != SDX_OK) fprintf(stderr, "making the sample: %s\n", err.message);
  return status == SDX_OK ? 0 : -1;
}

/* ------------------------------------------------------------------ questions */

static const char *const queries[] = {
  "harvest",
  "copper",
  "umbrella",
  "walnut",
  "lantern meadow",
  "\"harvest lantern\"",
  "ribbon OR saddle",
  "quarry -pebble",
  "pebble NEAR/4 thimble",
  "comp*",
  "subject:ladder",
  "from:ada",
  "to:quarry",
  "velvet in:Travel",
  "is:unread",
  "is:flagged",
  "label:blue",
  "label:green",
  "kind:contact",
  "has:attachment",
  "harvest after:2023-10",
  "NOT harvest",
  "part",
};
enum { QUERIES = sizeof queries / sizeof *queries, SHOWN = SAMPLE_ITEMS + 2 };
enum { QUESTIONS = 2 * QUERIES + SHOWN + 3 };

const char *sample_question(size_t i) {
  static char text[64];
  if (i < 2 * QUERIES) {
    snprintf(text, sizeof text, "search%s %s", i < QUERIES ? "" : " newest", queries[i % QUERIES]);
    return text;
  }
  i -= 2 * QUERIES;
  if (i < SHOWN) {
    snprintf(text, sizeof text, "show item/%zu", i);
    return text;
  }
  return i == SHOWN ? "export" : i == SHOWN + 1 ? "status" : "snippet";
}

static void say(answer *a, const char *format, ...) SDX_PRINTF(2, 3);
static void say(answer *a, const char *format, ...) {
  const size_t had = a->text != NULL ? strlen(a->text) : 0;
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  const int size = vsnprintf(NULL, 0, format, args);
  a->text = realloc(a->text, had + (size_t)size + 1);
  if (a->text == NULL) abort();
  (void)vsnprintf(a->text + had, (size_t)size + 1, format, again);
  va_end(args);
  va_end(again);
}

static void say_bytes(answer *a, const char *name, sdx_bytes b) {
  say(a, "%s=%.*s ", name, (int)b.size, b.data != NULL ? b.data : "");
}

static int by_bytes(const void *a, const void *b) {
  const sdx_bytes *x = a, *y = b;
  const size_t n = x->size < y->size ? x->size : y->size;
  const int order = n > 0 ? memcmp(x->data, y->data, n) : 0;
  return order != 0 ? order : x->size < y->size ? -1 : x->size > y->size;
}

static void say_set(answer *a, const char *name, const sdx_bytes *values, size_t count) {
  sdx_bytes sorted[32];
  if (count > 32) abort();
  if (count > 0) memcpy(sorted, values, count * sizeof *values);
  qsort(sorted, count, sizeof *sorted, by_bytes);
  for (size_t i = 0; i < count; i++) say_bytes(a, name, sorted[i]);
}

static void say_item(answer *a, const sdx_item *item) {
  say_bytes(a, "id", item->id);
  say(a, "kind=%d date=%lld expires=%lld ", (int)item->kind, (long long)item->date,
      (long long)item->expires);
  for (size_t i = 0; i < item->field_count; i++)
    say_bytes(a, item->fields[i].name, item->fields[i].text);
  say_set(a, "folder", item->folders, item->folder_count);
  say_set(a, "flag", item->flags, item->flag_count);
  say_set(a, "label", item->labels, item->label_count);
  say_bytes(a, "payload", item->payload);
  say(a, "\n");
}

static void take_error(answer *a, sdx_status status, const sdx_error *err) {
  a->status = status;
  if (status != SDX_OK) memcpy(a->message, err->message, sizeof a->message);
  if (a->text == NULL) say(a, "%s", "");
}

static void search(answer *a, sdx_index *index, const char *query, sdx_sort sort) {
  sdx_search_options o = SDX_SEARCH_OPTIONS_INIT;
  sdx_results *r = NULL;
  sdx_error err = { 0 };
  o.limit = 1000;
  o.sort = sort;
  o.want = SDX_WANT_ALL;
  o.facets = true;
  const sdx_status status = sdx_search(index, text_of(query), &o, &r, &err);
  if (status == SDX_OK) {
    a->partial = !sdx_results_complete(r);
    for (size_t i = 0; i < sdx_results_count(r); i++)
      say(a, "%.*s\n", (int)sdx_results_hit(r, i)->id.size, sdx_results_hit(r, i)->id.data);
    a->ids = a->text != NULL ? strlen(a->text) : 0;
    say(a, "total=%llu exact=%d\n", (unsigned long long)sdx_results_total(r), sdx_results_exact(r));
    for (size_t i = 0; i < sdx_results_count(r); i++) {
      const sdx_hit *h = sdx_results_hit(r, i);
      say(a, "%d %lld %.9f ", (int)h->kind, (long long)h->date, h->score);
      say_bytes(a, "title", h->title);
      say_bytes(a, "from", h->from);
      say_bytes(a, "snippet", h->snippet);
      say(a, "\n");
    }
    size_t count = 0;
    const sdx_facet_value *f = sdx_results_facet(r, "folder", &count);
    for (size_t i = 0; i < count; i++) {
      say_bytes(a, "folder", f[i].value);
      say(a, "%llu ", (unsigned long long)f[i].count);
    }
  }
  sdx_results_free(r);
  take_error(a, status, &err);
}

static void show(answer *a, sdx_index *index, unsigned n, int64_t now) {
  sdx_found *found = NULL;
  sdx_error err = { 0 };
  char id[24];
  const sdx_status status = sdx_show(index, id_of(n, id), now, &found, &err);
  if (status == SDX_OK) {
    say_item(a, sdx_found_item(found));
    a->partial = !sdx_found_complete(found);
  }
  sdx_found_free(found);
  take_error(a, status, &err);
}

typedef struct exported {
  char *lines[SAMPLE_ITEMS + 40];
  size_t count;
} exported;

static sdx_status take_exported(void *context, const sdx_item *item) {
  exported *e = context;
  answer one = { 0 };
  say_item(&one, item);
  if (e->count == SAMPLE_ITEMS + 40) abort();
  e->lines[e->count++] = one.text;
  return SDX_OK;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void export_all(answer *a, sdx_index *index, int64_t now) {
  exported e = { 0 };
  sdx_error err = { 0 };
  const sdx_status status = sdx_export(index, now, take_exported, &e, &err);
  qsort(e.lines, e.count, sizeof *e.lines, by_text);
  for (size_t i = 0; i < e.count; i++) {
    if (status == SDX_OK) say(a, "%s", e.lines[i]);
    free(e.lines[i]);
  }
  take_error(a, status, &err);
}

static void say_status(answer *a, sdx_index *index, int64_t now) {
  sdx_state s = { 0 };
  sdx_error err = { 0 };
  const sdx_status status = sdx_status_of(index, now, &s, &err);
  if (status == SDX_OK) {
    a->partial = !s.complete;
    say(a,
        "live %llu deleted %llu superseded %llu missing %llu segments %llu languages %s retention "
        "%lld",
        (unsigned long long)s.live, (unsigned long long)s.deleted, (unsigned long long)s.superseded,
        (unsigned long long)s.missing, (unsigned long long)s.segments, s.languages,
        (long long)s.retention);
  }
  take_error(a, status, &err);
}

static void say_snippet(answer *a, sdx_index *index) {
  sdx_error err = { 0 };
  char *text = NULL;
  const sdx_status status =
      sdx_snippet(index, text_of("item/16"), text_of("harvest"), (sdx_bytes){ 0 }, &text, &err);
  if (status == SDX_OK) say(a, "%s", text);
  sdx_text_free(text);
  take_error(a, status, &err);
}

void sample_ask(answers *out, const char *dir, uint8_t key_byte, int64_t now) {
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  *out = (answers){ .count = QUESTIONS };
  out->opened = open_at(&index, dir, key_byte, now, &err);
  memcpy(out->message, err.message, sizeof out->message);
  if (out->opened != SDX_OK) return;
  out->list = calloc(QUESTIONS, sizeof *out->list);
  if (out->list == NULL) abort();
  answer *a = out->list;
  for (size_t i = 0; i < 2 * QUERIES; i++)
    search(a++, index, queries[i % QUERIES], i < QUERIES ? SDX_BY_RELEVANCE : SDX_NEWEST_FIRST);
  for (unsigned n = 0; n < SHOWN; n++) show(a++, index, n, now);
  export_all(a++, index, now);
  say_status(a++, index, now);
  say_snippet(a, index);
  out->verified = sdx_verify(index, NULL, NULL, &out->problems, &err);
  sdx_close(index);
}

void sample_free(answers *a) {
  for (size_t i = 0; a->list != NULL && i < a->count; i++) free(a->list[i].text);
  free(a->list);
  a->list = NULL;
}

/* ------------------------------------------------------------------ comparing */

static bool ids_belong(const answer *right, const answer *now) {
  for (const char *at = now->text; at < now->text + now->ids;) {
    const size_t size = (size_t)(strchr(at, '\n') - at) + 1;
    bool found = false;
    for (const char *r = right->text; r < right->text + right->ids && !found;) {
      const size_t n = (size_t)(strchr(r, '\n') - r) + 1;
      found = n == size && memcmp(r, at, n) == 0;
      r += n;
    }
    if (!found) return false;
    at += size;
  }
  return true;
}

static bool same(const answer *a, const answer *b) {
  return a->status == b->status && a->partial == b->partial &&
         strcmp(a->text != NULL ? a->text : "", b->text != NULL ? b->text : "") == 0;
}

static const char *fault(const answer *right, const answer *now) {
  if (same(right, now)) return NULL;
  if (now->status == SDX_NOT_FOUND) return "an item is said not to be there";
  if (now->status != SDX_OK) return now->message[0] != '\0' ? NULL : "an error says nothing";
  if (!now->partial) return "a wrong answer that calls itself complete";
  return ids_belong(right, now) ? NULL : "a partial answer with ids that do not belong there";
}

const char *sample_compare(const answers *right, const answers *now) {
  static char text[400];
  if (now->opened != SDX_OK)
    return now->message[0] != '\0' ? NULL : "opening fails and says nothing";
  for (size_t i = 0; i < right->count; i++) {
    const char *what = fault(&right->list[i], &now->list[i]);
    if (what == NULL) continue;
    snprintf(text, sizeof text, "%s: %s", sample_question(i), what);
    return text;
  }
  return NULL;
}

bool sample_differs(const answers *right, const answers *now) {
  if (now->opened != SDX_OK) return true;
  for (size_t i = 0; i < right->count; i++)
    if (!same(&right->list[i], &now->list[i])) return true;
  return false;
}

/* ------------------------------------------------------------------ writing */

void sample_write(const char *dir, uint8_t key_byte, int64_t now,
                  sdx_status statuses[SAMPLE_WRITES]) {
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  char id[24];
  sdx_sweep_options o = SDX_SWEEP_OPTIONS_INIT;
  sdx_sweep_report report;
  for (size_t i = 0; i < SAMPLE_WRITES; i++) statuses[i] = SDX_SYSTEM;
  statuses[0] = open_at(&index, dir, key_byte, now, &err);
  if (statuses[0] != SDX_OK) return;
  statuses[1] = add_one(index, 58, 1, 0, now, &err);
  statuses[2] = add_one(index, 7, 2, 0, now + 1, &err);
  statuses[3] = sdx_delete(index, id_of(8, id), now + 2, &err);
  statuses[4] = sdx_restore(index, id_of(21, id), now + 3, &err);
  statuses[5] = sdx_restore(index, id_of(9, id), now + 3, &err);
  statuses[6] = change(index, 12, now + 4, &err);
  statuses[7] = sdx_maintain(index, true, now + 5, &err);
  sdx_close(index);
  o.now = now + 6;
  statuses[8] = sdx_sweep(dir, &o, &report, &err);
}
