/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * embed.c - a program that embeds Sealdex: open or make an index, add, search, delete.
 *
 *   cc embed.c -o embed $(pkg-config --cflags --libs sealdex)
 *   ./embed DIR
 *
 * A host keeps each user's key in its own key store. Here the key lives as long as the program: run
 * it with a directory that does not exist yet.
 */
#include <stdio.h>
#include <string.h>

#include <sealdex.h>

static sdx_bytes text(const char *s) {
  return (sdx_bytes){ .data = s, .size = strlen(s) };
}

/* One message. Everything in an item is borrowed for the time of the call. */
static sdx_status add(sdx_index *index, const char *id, const char *subject, const char *body,
                      sdx_error *err) {
  const sdx_field fields[] = {
    { .name = "subject", .text = text(subject) },
    { .name = "from", .text = text("Mira Oldham <mira@lantern.example>") },
    { .name = "body", .text = text(body) },
  };
  const sdx_bytes inbox = text("INBOX");
  sdx_item item = SDX_ITEM_INIT;
  item.id = text(id);
  item.date = 1715933400;
  item.fields = fields;
  item.field_count = sizeof fields / sizeof *fields;
  item.folders = &inbox;
  item.folder_count = 1;
  return sdx_add(index, &item, NULL, NULL, err);
}

/* Prints the answer, and always whether it is all of it. */
static sdx_status search(sdx_index *index, const char *query, sdx_error *err) {
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  sdx_results *results = NULL;
  options.want = SDX_WANT_TITLE | SDX_WANT_SNIPPET;
  sdx_status status = sdx_search(index, text(query), &options, &results, err);
  if (status != SDX_OK) return status;
  printf("%s: %llu found%s\n", query, (unsigned long long)sdx_results_total(results),
         sdx_results_complete(results) ? "" : ", but the answer is partial");
  for (size_t i = 0; i < sdx_results_count(results); i++) {
    const sdx_hit *hit = sdx_results_hit(results, i);
    printf("  %.*s  %.*s\n    %.*s\n", (int)hit->id.size, hit->id.data, (int)hit->title.size,
           hit->title.data, (int)hit->snippet.size, hit->snippet.data);
  }
  sdx_results_free(results);
  return SDX_OK;
}

int main(int argc, char **argv) {
  sdx_error err = { 0 };
  sdx_index *index = NULL;
  uint8_t key[SDX_KEY_SIZE];
  const sdx_secret secret = { .kind = SDX_SECRET_KEY, .bytes = key, .size = sizeof key };
  if (argc != 2) {
    fprintf(stderr, "usage: embed DIR\n");
    return 2;
  }

  sdx_status status = sdx_key_generate(key, &err);
  if (status == SDX_OK) status = sdx_init(argv[1], &secret, NULL, &err);
  if (status == SDX_OK) status = sdx_open(&index, argv[1], &secret, NULL, &err);
  sdx_wipe(key, sizeof key); /* the open index has what it needs */

  if (status == SDX_OK)
    status = add(index, "inbox/1", "Keys for the boathouse",
                 "The boathouse keys hang behind the clock in the kitchen.", &err);
  if (status == SDX_OK)
    status = add(index, "inbox/2", "Packing list", "Blankets, the good thermos, a clock.", &err);
  if (status == SDX_OK) status = search(index, "boathouse key", &err);

  /* Hidden at once; restorable for 45 days; after that a sweep destroys the key that opens it. */
  if (status == SDX_OK) status = sdx_delete(index, text("inbox/1"), 0, &err);
  if (status == SDX_OK) status = search(index, "boathouse key", &err);
  if (status == SDX_OK) status = search(index, "clock", &err);

  sdx_close(index);
  if (status != SDX_OK) {
    fprintf(stderr, "embed: %s\n", err.message);
    return 1;
  }
  return 0;
}
