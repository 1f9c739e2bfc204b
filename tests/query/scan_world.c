/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan_world.h"

#include <strings.h>

#include "indexer/item.h"

static uint64_t seed = 99;

uint32_t scan_below(uint32_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (uint32_t)((seed >> 11) % n);
}

scan_world scan;

/* ---------------------------------------------------------------- names as numbers */

static uint32_t hash_of(const char *name, size_t size) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)name[i]) * 16777619u;
  return h ^ h >> 15;
}

static uint32_t *slot_of(const char *name, size_t size) {
  uint32_t i = hash_of(name, size) & (scan.name_room - 1);
  while (scan.name_slots[i] != 0 && (strlen(scan.names[scan.name_slots[i]]) != size ||
                                 memcmp(scan.names[scan.name_slots[i]], name, size) != 0))
    i = (i + 1) & (scan.name_room - 1);
  return &scan.name_slots[i];
}

uint32_t scan_number(const char *name) { return *slot_of(name, strlen(name)); }

static uint32_t enter(sdx_bytes name) {
  if (scan.name_room == 0) {
    scan.name_room = 1 << 20;
    scan.name_slots = calloc(scan.name_room, sizeof(*scan.name_slots));
    scan.names = calloc(scan.name_room / 2, sizeof(*scan.names));
    assert_non_null(scan.name_slots);
    assert_non_null(scan.names);
  }
  uint32_t *slot = slot_of(name.data, name.size);
  if (*slot != 0) return *slot;
  assert_true(++scan.name_count < scan.name_room / 2);
  scan.names[scan.name_count] = strndup(name.data, name.size);
  return *slot = scan.name_count;
}

/* ---------------------------------------------------------------- items */

static uint32_t class_number(uint32_t cls) {
  text_class_kind kind;
  uint8_t language;
  return cls != TEXT_NONE ? enter(text_class_key(scan.analyser, cls, &kind, &language)) : 0;
}

static void keep_terms(scan_item *s, const text_terms *terms) {
  s->language = terms->language;
  s->length = terms->length;
  s->body_end = terms->body_end;
  scan.total_length += terms->length;
  s->terms = calloc(terms->count + 1, sizeof(*s->terms));
  for (size_t i = 0; i < terms->count; i++) {
    const text_term *t = &terms->terms[i];
    if (t->count == 0) continue; /* a filter term */
    scan_term *out = &s->terms[s->count++];
    const text_class *cls = text_vocabulary_class(scan.analyser, t->id);
    out->name = enter(text_vocabulary_term(scan.analyser, t->id));
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
  assert_true(scan.item_count < ITEMS);
  scan_item *s = &scan.items[scan.item_count++];
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
  host_ok(item_analyse(scan.analyser, item_fields(&work), &work.terms, &err), &err);
  keep_terms(s, &work.terms);
}

static const char *const vocabulary[] = {
  "report",  "reports",  "reported", "meeting", "meetings", "café",   "cafe",  "cafés",
  "résumé",  "resume",   "resumes",  "Haus",    "Häuser",   "häuser", "hause", "und",
  "the",     "schlüssel", "schluessel", "running", "run",   "runs",   "laufen", "läuft",
  "x11r5",   "3.14",     "scsi",     "nasa",    "gov",      "violin", "violine", "budget",
};
#define VOCABULARY (sizeof(vocabulary) / sizeof(*vocabulary))

const char *scan_word(void) {
  const uint32_t i = scan_below(VOCABULARY);
  return vocabulary[scan_below(2) == 0 ? scan_below(i + 1) : i];
}

static void random_text(char *out, size_t size, uint32_t words) {
  static const char *const gaps[] = { " ", " ", " ", ", ", "-", ".", "\n", "@" };
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < words && used + 40 < size; i++)
    used += (size_t)snprintf(out + used, size - used, "%s%s", scan_word(), gaps[scan_below(8)]);
}

static const char *const folders[] = { "Inbox", "Archive", "Sent" };

/* Where versions go: a batch, or the journal. */
static void give(const sdx_item *item, sdx_batch *batch) {
  sdx_error err;
  sdx_write_options writing = SDX_WRITE_OPTIONS_INIT;
  writing.now = HOST_NOW;
  note(item);
  if (batch != NULL) host_ok(sdx_batch_add(batch, item, NULL, &err), &err);
  else host_ok(sdx_add(scan.box->index, item, &writing, NULL, &err), &err);
}

/* What real items lack, or all alike have. */
static void dress(sdx_item *item, sdx_bytes folder[1], sdx_bytes flag[1]) {
  folder[0] = host_bytes(folders[scan_below(3)]);
  flag[0] = host_bytes("seen");
  item->folders = folder;
  item->folder_count = 1;
  item->flags = flag;
  item->flag_count = scan_below(3) > 0;
  item->size = scan_below(5000);
  item->date = 1700000000 + (int64_t)scan_below(40) * 86400;
  item->labels = NULL;
  item->label_count = 0;
}

static void invent(const char *id, sdx_batch *batch) {
  char body[1024], subject[128], from[64], to[64];
  sdx_bytes folder[1], flag[1];
  sdx_item item = SDX_ITEM_INIT;
  random_text(body, sizeof(body), scan_below(40));
  random_text(subject, sizeof(subject), scan_below(5));
  random_text(from, sizeof(from), 1 + scan_below(2));
  random_text(to, sizeof(to), scan_below(3));
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
  for (unsigned skip = 1 + scan_below(40);;) {
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
  host_ok(sdx_batch_begin(&batch, scan.box->index, &options, &err), &err);
  for (unsigned i = 0; i < BATCH; i++) {
    char id[32];
    snprintf(id, sizeof(id), "i%03u", scan_below(1000) * 1000 + number * BATCH + i);
    if (i < INVENTED || !give_real(source, batch)) invent(id, batch);
  }
  host_ok(sdx_batch_commit(batch, &err), &err);
}

static void kill_some(void) {
  for (unsigned i = 0; i < DEATHS; i++) {
    scan_item *item = &scan.items[scan_below((uint32_t)scan.base_count)];
    if (item->dead) continue;
    host_delete(scan.box, item->id);
    item->dead = true;
  }
}

static void update_some(void) {
  for (unsigned i = 0; i < UPDATES; i++) {
    scan_item *item = &scan.items[scan_below((uint32_t)scan.base_count)];
    if (item->dead) continue;
    char id[128];
    memcpy(id, item->id, sizeof(id));
    item->dead = true; /* this version */
    invent(id, NULL);
  }
}

int scan_begin(void **state) {
  const char *given = getenv("SEALDEX_SEED");
  sdx_error err;
  sdx_state about;
  if (given != NULL) seed = strtoull(given, NULL, 10) * 2654435761u + 99;
  host_begin_in(state, "en,de");
  scan.box = *state;
  host_ok(text_analyser_open(&scan.analyser, "en,de", &err), &err);
  host_ok(text_analyser_open(&scan.queries, "en,de", &err), &err);
  (void)enter(host_bytes("a"));
  sdx_source *source = open_corpus();
  for (unsigned i = 0; i < BATCHES; i++) add_batch(source, i);
  sdx_source_close(source);
  scan.base_count = scan.item_count;
  update_some();
  kill_some();
  for (unsigned i = 0; i < ADDED; i++) {
    char id[16];
    snprintf(id, sizeof(id), "n%03u", i);
    invent(id, NULL);
  }
  host_ok(sdx_status_of(scan.box->index, HOST_NOW, &about, &err), &err);
  assert_true(about.segments >= 2);
  assert_true(about.journal_records >= ADDED);
  assert_true(about.deleted > 0 && about.superseded > 0);
  return 0;
}

int scan_end(void **state) {
  for (size_t i = 0; i < scan.item_count; i++) {
    for (size_t k = 0; k < scan.items[i].count; k++) free(scan.items[i].terms[k].positions);
    free(scan.items[i].terms);
  }
  for (uint32_t i = 1; i <= scan.name_count; i++) free(scan.names[i]);
  free(scan.names);
  free(scan.name_slots);
  text_analyser_close(scan.analyser);
  text_analyser_close(scan.queries);
  return host_end(state);
}
