/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "keyfile.h"
#include "when.h"

static const char ciphers[] = "xchacha20-poly1305|aes-256-gcm|aegis-256";

static exit_code read_options(sdx_init_options *init, const options *o) {
  int cipher;
  exit_code code = options_choice(o, "cipher", ciphers, &cipher);
  if (code != EXIT_DONE) return code;
  const char *retention = options_text(o, "retention");
  if (retention && !when_parse_span(retention, &init->retention))
    return complain_usage("--retention takes a span of time such as 45d or 12h");
  init->languages = options_text(o, "languages");
  init->no_store_text = options_flag(o, "no-store-text");
  init->cipher = (sdx_cipher)(cipher + 1);
  init->now = o->now;
  return EXIT_DONE;
}

static void print(const options *o, const sdx_init_options *init) {
  const char *languages = init->languages ? init->languages : "en";
  int64_t retention = init->retention ? init->retention : SDX_RETENTION_DEFAULT;
  if (!o->json) {
    printf("made an empty index in %s\n", o->dir);
    return;
  }
  json j = { .out = stdout };
  json_object(&j, NULL);
  json_text(&j, "dir", o->dir);
  json_text(&j, "languages", languages);
  json_int(&j, "retention", retention);
  json_bool(&j, "store_text", !init->no_store_text);
  json_close(&j);
}

static exit_code run(const options *o) {
  sdx_init_options init = SDX_INIT_OPTIONS_INIT;
  keyfile key;
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 0, 0, "");
  if (code == EXIT_DONE) code = read_options(&init, o);
  if (code == EXIT_DONE) code = keyfile_read(&key, o);
  if (code != EXIT_DONE) return code;
  if (sdx_init(o->dir, &key.secret, &init, &err) != SDX_OK) code = complain(&err);
  keyfile_wipe(&key);
  if (code == EXIT_DONE) print(o, &init);
  return code;
}

const command command_init = {
  .name = "init",
  .arguments = "DIR --key FILE",
  .summary = "make an empty index",
  .details =
      "  --languages en,de   the user's languages (default: en)\n"
      "  --retention 45d     how long a deleted item can be restored (default: 45d)\n"
      "  --no-store-text     keep no text: no snippets, no titles, no text in show and export\n"
      "  --cipher NAME       xchacha20-poly1305 (default), aes-256-gcm, aegis-256\n",
  .takes = "languages= retention= no-store-text cipher=",
  .run = run,
};
