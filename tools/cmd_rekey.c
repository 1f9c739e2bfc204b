/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "keyfile.h"

/* The index is opened with the key that is replaced. */
static exit_code change(const options *o, const keyfile *was, const keyfile *is) {
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  sdx_error err = { 0 };
  sdx_index *index = NULL;
  opening.accept_restored = options_flag(o, "accept-restored");
  if (sdx_open(&index, o->dir, &was->secret, &opening, &err) != SDX_OK) return complain(&err);
  const sdx_status status =
      sdx_rekey(index, &was->secret, &is->secret, options_flag(o, "deep"), o->now, &err);
  sdx_close(index);
  return status == SDX_OK ? EXIT_DONE : complain(&err);
}

static exit_code read_new(keyfile *is, const options *o) {
  const char *key = options_text(o, "new-key"), *phrase = options_text(o, "new-passphrase-file");
  *is = (keyfile){ 0 };
  if (!key == !phrase)
    return complain_usage("rekey needs --new-key FILE, or --new-passphrase-file FILE");
  return key ? keyfile_read_key(is, key) : keyfile_read_passphrase(is, phrase);
}

static exit_code run(const options *o) {
  keyfile was = { 0 }, is = { 0 };
  exit_code code = options_expect(o, 0, 0, "");
  if (code == EXIT_DONE) code = keyfile_read(&was, o);
  if (code == EXIT_DONE) code = read_new(&is, o);
  if (code == EXIT_DONE) code = change(o, &was, &is);
  keyfile_wipe(&was);
  keyfile_wipe(&is);
  if (code != EXIT_DONE) return code;
  if (o->json) {
    json j = { .out = stdout };
    json_object(&j, NULL);
    json_bool(&j, "rekeyed", true);
    json_bool(&j, "deep", options_flag(o, "deep"));
    json_close(&j);
  } else {
    printf("the index opens with the new key; the old one opens it no more\n");
  }
  return EXIT_DONE;
}

const command command_rekey = {
  .name = "rekey",
  .arguments = "DIR --key FILE --new-key FILE",
  .summary = "replace a key and the root key; other keys and deposit keys stay good",
  .details =
      "  --new-key FILE      the key that takes the place of --key\n"
      "  --new-passphrase-file FILE  a passphrase instead\n"
      "  --deep              also seal everything anew under new keys, while others read and\n"
      "                      write; deposit keys have to be exported anew. Interrupted, it\n"
      "                      goes on where it was when it is run again.\n",
  .takes = "new-key= new-passphrase-file= deep",
  .run = run,
};
