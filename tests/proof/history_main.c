/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-history: gone means gone, by replaying the history of keys.
 *
 * A random life of items that each hold a word of their own. Every version of data.mdb is kept, as
 * a backup would. At the end each version is put beside the keyring as it stands then, opened with
 * the user's key, and searched and exported: no word, id, payload or attribute of a purged version
 * comes out of any of them. As a check of the check, the versions are first opened with the keyring
 * of their own time, where the words must be found.
 *
 *   proof-history [--days N] [--seed N]
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sealdex.h"

enum { ITEMS = 40, VERSIONS_MAX = 4000, SERIALS_MAX = 4000 };

typedef enum fate { FATE_LIVE, FATE_DELETED, FATE_SUPERSEDED, FATE_PURGED } fate;

/* One version of one item, known by its serial: its word, its payload and its label spell it. */
typedef struct version {
  unsigned item;
  fate fate;
  int64_t since;
} version;

typedef struct history {
  char dir[200], kept[200], trial[200];
  sdx_index *index;
  int64_t now;
  version versions[SERIALS_MAX];
  unsigned serials;
  int current[ITEMS]; /* serial of the live version, -1: none */
  unsigned files;     /* kept versions of data.mdb */
  uint64_t random;
  char why[300];
} history;

static const uint8_t history_key[SDX_KEY_SIZE] = "the key of a history, 32 bytes..";

static uint64_t mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int complain(history *h, const char *what, const sdx_error *err) {
  snprintf(h->why, sizeof h->why, "%s: %s", what, err != NULL ? err->message : "");
  return -1;
}

static sdx_secret secret_of_history(void) {
  return (sdx_secret){ .kind = SDX_SECRET_KEY, .bytes = history_key, .size = sizeof history_key };
}

/* A word of letters alone that spells a serial and cannot be mistaken for another. */
static void canary(unsigned serial, char out[16]) {
  memcpy(out, "qx", 2);
  for (int i = 0; i < 6; i++, serial /= 10) out[2 + i] = (char)('b' + serial % 10);
  memcpy(out + 8, "zk", 3);
}

static int copy_file(const char *from_dir, const char *from, const char *to_dir, const char *to) {
  char source[300], target[300];
  snprintf(source, sizeof source, "%s/%s", from_dir, from);
  snprintf(target, sizeof target, "%s/%s", to_dir, to);
  const int in = open(source, O_RDONLY | O_CLOEXEC);
  const int out = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  struct stat st;
  int result = in >= 0 && out >= 0 && fstat(in, &st) == 0 ? 0 : -1;
  for (off_t at = 0; result == 0 && at < st.st_size;)
    if (sendfile(out, in, &at, (size_t)(st.st_size - at)) <= 0) result = -1;
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  return result;
}

static int keep_version(history *h) {
  char name[40];
  if (h->files == VERSIONS_MAX) return 0;
  snprintf(name, sizeof name, "data.%u", h->files);
  if (copy_file(h->dir, "data.mdb", h->kept, name) != 0)
    return complain(h, "keeping a version", NULL);
  snprintf(name, sizeof name, "keyring.%u", h->files);
  if (copy_file(h->dir, "keyring", h->kept, name) != 0)
    return complain(h, "keeping a keyring", NULL);
  h->files++;
  return 0;
}

/* ------------------------------------------------------------------ the life */

static int add(history *h) {
  if (h->serials == SERIALS_MAX) return 0;
  const unsigned item_number = (unsigned)(mix(&h->random) % ITEMS), serial = h->serials++;
  char id[24], word[16], body[64];
  canary(serial, word);
  snprintf(id, sizeof id, "item-%u", item_number);
  snprintf(body, sizeof body, "common words around %s here", word);
  const sdx_field fields[2] = { { "body", { body, strlen(body) } },
                                { "subject", { word, strlen(word) } } };
  const sdx_bytes label = { word, strlen(word) };
  sdx_item item = SDX_ITEM_INIT;
  item.id = (sdx_bytes){ id, strlen(id) };
  item.date = h->now;
  item.fields = fields;
  item.field_count = 2;
  item.labels = &label;
  item.label_count = 1;
  item.payload = label;
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  options.now = h->now;
  sdx_outcome outcome;
  sdx_error err = { 0 };
  if (sdx_add(h->index, &item, &options, &outcome, &err) != SDX_OK) return complain(h, "add", &err);
  for (unsigned i = 0; i < serial; i++) {
    version *v = &h->versions[i];
    if (v->item != item_number) continue;
    /* A deleted version that is replaced keeps the time at which it falls due. */
    if (v->fate == FATE_LIVE) v->since = h->now;
    if (v->fate == FATE_LIVE || v->fate == FATE_DELETED) v->fate = FATE_SUPERSEDED;
  }
  h->versions[serial] = (version){ .item = item_number, .fate = FATE_LIVE, .since = h->now };
  h->current[item_number] = (int)serial;
  return 0;
}

static int delete_one(history *h) {
  const unsigned number = (unsigned)(mix(&h->random) % ITEMS);
  if (h->current[number] < 0) return 0;
  char id[24];
  snprintf(id, sizeof id, "item-%u", number);
  sdx_error err = { 0 };
  if (sdx_delete(h->index, (sdx_bytes){ id, strlen(id) }, h->now, &err) != SDX_OK)
    return complain(h, "delete", &err);
  version *v = &h->versions[h->current[number]];
  v->fate = FATE_DELETED;
  v->since = h->now;
  h->current[number] = -1;
  return 0;
}

static int sweep(history *h, bool keyed) {
  const sdx_secret secret = secret_of_history();
  sdx_sweep_options options = SDX_SWEEP_OPTIONS_INIT;
  options.now = h->now;
  options.force = true;
  options.secret = keyed ? &secret : NULL;
  sdx_sweep_report report = { 0 };
  sdx_error err = { 0 };
  if (sdx_sweep(h->dir, &options, &report, &err) != SDX_OK) return complain(h, "sweep", &err);
  for (unsigned i = 0; i < h->serials; i++) {
    version *v = &h->versions[i];
    if (v->fate != FATE_DELETED && v->fate != FATE_SUPERSEDED) continue;
    if (h->now >= v->since + SDX_RETENTION_DEFAULT) v->fate = FATE_PURGED;
  }
  return 0;
}

static int live_a_day(history *h) {
  sdx_error err = { 0 };
  for (unsigned n = (unsigned)(mix(&h->random) % 6); n > 0; n--)
    if ((mix(&h->random) % 3 == 0 ? delete_one(h) : add(h)) != 0) return -1;
  h->now += SDX_DAY;
  if (mix(&h->random) % 5 == 0 &&
      sdx_maintain(h->index, mix(&h->random) % 3 == 0, h->now, &err) != SDX_OK)
    return complain(h, "maintain", &err);
  if (keep_version(h) != 0) return -1;
  return sweep(h, true);
}

/* ------------------------------------------------------------------ the replay */

typedef struct found {
  const history *h;
  unsigned purged, living;
} found;

static void look(found *f, const char *data, size_t size) {
  for (size_t at = 0; at + 10 <= size; at++) {
    if (data[at] != 'q' || data[at + 1] != 'x' || memcmp(data + at + 8, "zk", 2) != 0) continue;
    unsigned serial = 0;
    for (int i = 5; i >= 0; i--) serial = serial * 10 + (unsigned)(data[at + 2 + (size_t)i] - 'b');
    if (serial >= f->h->serials) continue;
    if (f->h->versions[serial].fate == FATE_PURGED)
      f->purged++;
    else
      f->living++;
  }
}

static sdx_status look_at_item(void *context, const sdx_item *item) {
  found *f = context;
  for (size_t i = 0; i < item->field_count; i++)
    look(f, item->fields[i].text.data, item->fields[i].text.size);
  for (size_t i = 0; i < item->label_count; i++)
    look(f, item->labels[i].data, item->labels[i].size);
  look(f, item->payload.data, item->payload.size);
  return SDX_OK;
}

/* Opens one kept version beside a keyring and looks at all that comes out. */
static int replay(history *h, unsigned file, const char *keyring_dir, const char *keyring,
                  found *f) {
  char name[40], lock[300];
  snprintf(name, sizeof name, "data.%u", file);
  snprintf(lock, sizeof lock, "%s/lock.mdb", h->trial);
  unlink(lock);
  if (copy_file(h->kept, name, h->trial, "data.mdb") != 0 ||
      copy_file(keyring_dir, keyring, h->trial, "keyring") != 0)
    return complain(h, "laying out a version", NULL);
  const sdx_secret secret = secret_of_history();
  sdx_open_options options = SDX_OPEN_OPTIONS_INIT;
  options.accept_restored = true;
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  if (sdx_open(&index, h->trial, &secret, &options, &err) != SDX_OK)
    return complain(h, "open", &err);
  int result = 0;
  const sdx_status exported = sdx_export(index, h->now, look_at_item, f, &err);
  if (exported != SDX_OK && exported != SDX_DAMAGED) result = complain(h, "export", &err);
  for (unsigned i = 0; result == 0 && i < h->serials; i++) {
    char word[16];
    canary(i, word);
    sdx_search_options how = SDX_SEARCH_OPTIONS_INIT;
    how.want = SDX_WANT_ALL;
    how.now = h->now;
    sdx_results *results = NULL;
    if (sdx_search(index, (sdx_bytes){ word, strlen(word) }, &how, &results, &err) != SDX_OK) {
      result = complain(h, "search", &err);
      break;
    }
    const unsigned hits = (unsigned)sdx_results_count(results);
    if (h->versions[i].fate == FATE_PURGED)
      f->purged += hits;
    else
      f->living += hits;
    sdx_results_free(results);
  }
  sdx_close(index);
  return result;
}

static int replay_all(history *h, unsigned every) {
  unsigned living = 0, control = 0;
  for (unsigned file = 0; file < h->files; file += every) {
    found with_old = { .h = h }, with_new = { .h = h };
    char keyring[40];
    snprintf(keyring, sizeof keyring, "keyring.%u", file);
    if (replay(h, file, h->kept, keyring, &with_old) != 0) return -1;
    if (replay(h, file, h->dir, "keyring", &with_new) != 0) return -1;
    control += with_old.purged;
    living += with_new.living;
    if (with_new.purged != 0) {
      snprintf(h->why, sizeof h->why, "version %u of data.mdb gives %u purged words", file,
               with_new.purged);
      return -1;
    }
  }
  printf("%u versions of data.mdb, %u item versions; purged words seen with old keyrings %u, with "
         "today's 0; living words seen with today's %u\n",
         h->files, h->serials, control, living);
  if (control > 0 && living > 0) return 0;
  snprintf(h->why, sizeof h->why, "the check itself saw nothing");
  return -1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

int main(int argc, char **argv) {
  unsigned days = 120;
  static history h;
  h.random = 1;
  h.now = 1700000000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--days") == 0) days = (unsigned)strtoul(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--seed") == 0) h.random = strtoull(argv[i + 1], NULL, 10);
  }
  char base[150];
  snprintf(base, sizeof base, "%s/sealdex-history-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  snprintf(h.dir, sizeof h.dir, "%s/index", base);
  snprintf(h.kept, sizeof h.kept, "%s/kept", base);
  snprintf(h.trial, sizeof h.trial, "%s/trial", base);
  mkdir(base, 0700);
  mkdir(h.kept, 0700);
  mkdir(h.trial, 0700);
  memset(h.current, -1, sizeof h.current);
  const sdx_secret secret = secret_of_history();
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  options.now = h.now;
  sdx_error err = { 0 };
  int result = 0;
  if (sdx_init(h.dir, &secret, &options, &err) != SDX_OK ||
      sdx_open(&h.index, h.dir, &secret, NULL, &err) != SDX_OK)
    result = complain(&h, "beginning", &err);
  for (unsigned day = 0; result == 0 && day < days; day++) result = live_a_day(&h);
  sdx_close(h.index);
  if (result == 0) result = replay_all(&h, days > 60 ? days / 60 : 1);
  if (result != 0) printf("failed: %s\n", h.why);
  nftw(base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return result == 0 ? 0 : 1;
}
