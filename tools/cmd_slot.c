/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slot-add, slot-remove: further keys, passphrases and recovery keys that open the index; and its mark. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "json.h"
#include "keyfile.h"
#include "session.h"

static void say(const options *o, const char *what, const char *kind, const char *text) {
  if (!o->json) {
    printf("%s\n", text);
    return;
  }
  json j = { .out = stdout };
  json_object(&j, NULL);
  json_text(&j, "slot", what);
  json_text(&j, "kind", kind);
  json_close(&j);
}

static const char *kind_of(const keyfile *k) {
  return k->secret.kind == SDX_SECRET_PASSPHRASE ? "passphrase" : "key";
}

/* ------------------------------------------------------------------ slot-add */

/* `recovery` names a file that is made here. */
static exit_code read_added(keyfile *k, const options *o, const char *recovery) {
  const char *key = options_text(o, "new-key"), *phrase = options_text(o, "new-passphrase-file");
  if ((key != NULL) + (phrase != NULL) + (recovery != NULL) != 1)
    return complain_usage(
        "slot-add needs one of --new-key FILE, --new-passphrase-file FILE, --recovery FILE");
  if (phrase) return keyfile_read_passphrase(k, phrase);
  if (key) return keyfile_read_key(k, key);
  exit_code code = keyfile_generate(recovery);
  return code == EXIT_DONE ? keyfile_read_key(k, recovery) : code;
}

static exit_code read_costs(sdx_slot_options *costs, const options *o, const keyfile *k) {
  uint64_t passes = 0, mib = 0;
  exit_code code = options_number(o, "passes", 0, &passes);
  if (code == EXIT_DONE) code = options_number(o, "mib", 0, &mib);
  if (code != EXIT_DONE) return code;
  if (passes > UINT32_MAX || mib > UINT32_MAX) return complain_usage("--passes or --mib is too large");
  if ((passes || mib) && k->secret.kind != SDX_SECRET_PASSPHRASE)
    return complain_usage("--passes and --mib are costs of a passphrase");
  costs->argon2_passes = (uint32_t)passes;
  costs->argon2_mib = (uint32_t)mib;
  return EXIT_DONE;
}

static exit_code run_add(const options *o) {
  sdx_slot_options costs = SDX_SLOT_OPTIONS_INIT;
  const char *recovery = options_text(o, "recovery");
  keyfile added = { 0 };
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 0, 0, "");
  if (code == EXIT_DONE) code = session_open(&index, o); /* before a recovery key is made */
  if (code != EXIT_DONE) return code;
  code = read_added(&added, o, recovery);
  const bool made = recovery && code == EXIT_DONE;
  if (code == EXIT_DONE) code = read_costs(&costs, o, &added);
  if (code == EXIT_DONE && sdx_slot_add(index, &added.secret, &costs, &err) != SDX_OK)
    code = complain(&err);
  if (code != EXIT_DONE && made) unlink(recovery);
  if (code == EXIT_DONE) say(o, "added", kind_of(&added), "added: it opens the index, too");
  keyfile_wipe(&added);
  sdx_close(index);
  return code;
}

const command command_slot_add = {
  .name = "slot-add",
  .arguments = "DIR --key FILE --new-key FILE | --new-passphrase-file FILE | --recovery FILE",
  .summary = "let another key, passphrase or recovery key open the index, too",
  .details = "What opens it already gets a new slot in the place of its own: so the costs of a\n"
             "passphrase are raised by adding it again. An index has at most 8 slots, deposit keys\n"
             "included; inspect lists them.\n"
             "\n"
             "  --new-key FILE      a key\n"
             "  --new-passphrase-file FILE  a passphrase\n"
             "  --recovery FILE     a new random key, written to this new file: to be kept elsewhere\n"
             "  --passes N          Argon2id passes of the passphrase (default 3)\n"
             "  --mib N             Argon2id memory in MiB (default 64)\n",
  .takes = "new-key= new-passphrase-file= recovery= passes= mib=",
  .run = run_add,
};

/* ------------------------------------------------------------------ slot-remove */

static exit_code read_removed(keyfile *k, const options *o) {
  const char *key = options_text(o, "old-key"), *phrase = options_text(o, "old-passphrase-file");
  if (!key == !phrase)
    return complain_usage("slot-remove needs --old-key FILE or --old-passphrase-file FILE");
  return key ? keyfile_read_key(k, key) : keyfile_read_passphrase(k, phrase);
}

static exit_code run_remove(const options *o) {
  keyfile removed = { 0 };
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 0, 0, "");
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  code = read_removed(&removed, o);
  if (code == EXIT_DONE && sdx_slot_remove(index, &removed.secret, &err) != SDX_OK)
    code = complain(&err);
  if (code == EXIT_DONE) say(o, "removed", kind_of(&removed), "removed: it opens the index no more");
  keyfile_wipe(&removed);
  sdx_close(index);
  return code;
}

const command command_slot_remove = {
  .name = "slot-remove",
  .arguments = "DIR --key FILE --old-key FILE | --old-passphrase-file FILE",
  .summary = "take the slot of a key or passphrase away",
  .details = "The last one stays. Somebody who held it may have copied the root key: rekey after it.\n"
             "\n"
             "  --old-key FILE      the key whose slot goes\n"
             "  --old-passphrase-file FILE  the passphrase whose slot goes\n",
  .takes = "old-key= old-passphrase-file=",
  .run = run_remove,
};

/* ------------------------------------------------------------------ mark */

static exit_code run_mark(const options *o) {
  sdx_mark mark;
  sdx_error err = { 0 };
  char digest[65];
  exit_code code = options_expect(o, 0, 0, "");
  if (code != EXIT_DONE) return code;
  if (sdx_mark_of(o->dir, NULL, &mark, &err) != SDX_OK) return complain(&err);
  for (size_t i = 0; i < 32; i++) snprintf(digest + 2 * i, 3, "%02x", mark.digest[i]);
  if (!o->json) {
    printf("%" PRIu64 " %" PRIu64 " %s\n", mark.generation, mark.store_generation, digest);
    return EXIT_DONE;
  }
  json j = { .out = stdout };
  json_object(&j, NULL);
  json_uint(&j, "generation", mark.generation);
  json_uint(&j, "store_generation", mark.store_generation);
  json_text(&j, "digest", digest);
  json_close(&j);
  return EXIT_DONE;
}

const command command_mark = {
  .name = "mark",
  .arguments = "DIR",
  .summary = "print what to remember of the index, to notice older files put in its place",
  .details = "One line: generations of keyring and store, and the keyring's digest. Keep it outside of\n"
             "the index; --mark FILE gives it back to any command that opens the index with a key.\n",
  .takes = "",
  .run = run_mark,
};
