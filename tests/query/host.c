/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <unistd.h>

void host_ok(sdx_status status, const sdx_error *err) {
  if (status != SDX_OK) fail_msg("%d: %s", status, err->message);
}

sdx_bytes host_bytes(const char *text) {
  return (sdx_bytes){ .data = text, .size = strlen(text) };
}

int host_begin(void **state) { return host_begin_in(state, "en"); }

int host_begin_in(void **state, const char *languages) {
  sdx_error err;
  const uint8_t key[SDX_KEY_SIZE] = "a key of thirty-two bytes, as is";
  const sdx_secret secret = { .kind = SDX_SECRET_KEY, .bytes = key, .size = sizeof key };
  sdx_init_options options = SDX_INIT_OPTIONS_INIT;
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  host *h = calloc(1, sizeof *h);
  assert_non_null(h);
  *state = h;
  options.now = opening.now = HOST_NOW;
  options.languages = languages;
  snprintf(h->dir, sizeof h->dir, "/tmp/sealdex-test-XXXXXX");
  assert_non_null(mkdtemp(h->dir));
  snprintf(h->path, sizeof h->path, "%s/index", h->dir);
  host_ok(sdx_init(h->path, &secret, &options, &err), &err);
  host_ok(sdx_open(&h->index, h->path, &secret, &opening, &err), &err);
  return 0;
}

int host_end(void **state) {
  char command[128];
  host *h = *state;
  sdx_close(h->index);
  snprintf(command, sizeof command, "rm -rf '%s'", h->dir);
  free(h);
  return system(command);
}

void host_add(host *h, const char *lines, size_t size) {
  FILE *f = tmpfile();
  sdx_source *source;
  const sdx_entry *entry;
  sdx_error err;
  sdx_status status;
  assert_non_null(f);
  assert_int_equal(fwrite(lines, 1, size, f), size);
  rewind(f);
  sdx_source_options options = SDX_SOURCE_OPTIONS_INIT;
  options.lines_on_stdin = true;
  options.lines_fd = fileno(f);
  host_ok(sdx_source_open(&source, NULL, 0, &options, &err), &err);
  while ((status = sdx_source_next(source, &entry, &err)) == SDX_OK) {
    sdx_write_options writing = SDX_WRITE_OPTIONS_INIT;
    writing.now = HOST_NOW;
    if (entry->state != SDX_ENTRY_ITEM) fail_msg("%s", entry->reason);
    host_ok(sdx_add(h->index, entry->item, &writing, NULL, &err), &err);
  }
  assert_int_equal(status, SDX_NOT_FOUND);
  sdx_source_close(source);
  fclose(f);
}

void host_message(host *h, const char *id, int64_t date, const char *from, const char *subject,
                  const char *body, const char *folder) {
  sdx_error err;
  const sdx_field fields[] = { { "from", host_bytes(from) },
                               { "subject", host_bytes(subject) },
                               { "body", host_bytes(body) } };
  const sdx_bytes folders[] = { host_bytes(folder) };
  sdx_item item = SDX_ITEM_INIT;
  sdx_write_options writing = SDX_WRITE_OPTIONS_INIT;
  item.id = host_bytes(id);
  item.date = date;
  item.fields = fields;
  item.field_count = 3;
  item.folders = folders;
  item.folder_count = 1;
  writing.now = HOST_NOW;
  host_ok(sdx_add(h->index, &item, &writing, NULL, &err), &err);
}

void host_delete(host *h, const char *id) {
  sdx_error err;
  host_ok(sdx_delete(h->index, host_bytes(id), HOST_NOW, &err), &err);
}

void host_fold(host *h) {
  sdx_error err;
  host_ok(sdx_maintain(h->index, false, HOST_NOW, &err), &err);
}

void host_path(const host *h, unsigned user, char out[128]) {
  snprintf(out, 128, "%s/user%u", h->dir, user);
}

void host_copies(host *h, unsigned users) {
  sdx_close(h->index);
  h->index = NULL;
  for (unsigned i = 0; i < users; i++) {
    char command[400], path[128];
    host_path(h, i, path);
    snprintf(command, sizeof command, "cp -r '%s' '%s'", h->path, path);
    assert_int_equal(system(command), 0);
  }
}

void host_search(host *h, const char *query, const sdx_search_options *options, char out[2048]) {
  sdx_error err;
  sdx_results *results;
  sdx_search_options defaults = SDX_SEARCH_OPTIONS_INIT;
  defaults.sort = SDX_NEWEST_FIRST;
  defaults.limit = 100;
  defaults.now = HOST_NOW;
  host_ok(sdx_search(h->index, host_bytes(query), options != NULL ? options : &defaults, &results,
                     &err),
          &err);
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < sdx_results_count(results); i++) {
    const sdx_bytes id = sdx_results_hit(results, i)->id;
    at += (size_t)snprintf(out + at, 2048 - at, "%s%.*s", i > 0 ? " " : "", (int)id.size, id.data);
    assert_true(at < 2048);
  }
  sdx_results_free(results);
}
