/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deposit-key and deposit: writing by a process that can read nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "adding.h"
#include "command.h"
#include "json.h"
#include "keyfile.h"
#include "plain.h"
#include "session.h"
#include "setting.h"

/* ------------------------------------------------------------------ the key */

static void say(const options *o, const char *done, const char *text) {
  json j = { .out = stdout };
  if (!o->json) {
    printf("%s\n", text);
    return;
  }
  json_object(&j, NULL);
  json_text(&j, done, o->words[0]);
  json_close(&j);
}

/* The slot comes first: a file without a slot would be a key to nothing. */
static exit_code export_key(const options *o, sdx_index *index) {
  char contents[SDX_DEPOSIT_FILE_SIZE];
  sdx_error err = { 0 };
  if (access(o->words[0], F_OK) == 0)
    return complain_usage("%s exists already and stays as it is; name a new file", o->words[0]);
  if (sdx_deposit_key(index, contents, &err) != SDX_OK) return complain(&err);
  exit_code code = keyfile_write_deposit(o->words[0], contents);
  if (code != EXIT_DONE) {
    const sdx_secret made = { SDX_SECRET_DEPOSIT, contents, sizeof contents };
    (void)!sdx_slot_remove(index, &made, NULL);
  }
  sdx_wipe(contents, sizeof contents);
  return code;
}

static exit_code revoke_key(const options *o, sdx_index *index) {
  keyfile key;
  sdx_error err = { 0 };
  exit_code code = keyfile_read_deposit(&key, o->words[0]);
  if (code != EXIT_DONE) return code;
  if (sdx_slot_remove(index, &key.secret, &err) != SDX_OK) code = complain(&err);
  keyfile_wipe(&key);
  return code;
}

static exit_code run_key(const options *o) {
  sdx_index *index = NULL;
  const bool revoke = options_flag(o, "revoke");
  exit_code code = options_expect(o, 1, 1, "the deposit key file");
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code != EXIT_DONE) return code;
  code = revoke ? revoke_key(o, index) : export_key(o, index);
  sdx_close(index);
  if (code == EXIT_DONE)
    say(o, revoke ? "revoked" : "file",
        revoke ? "revoked: the file opens nothing any more"
               : "wrote a deposit key; it writes to this index and reads nothing");
  return code;
}

const command command_deposit_key = {
  .name = "deposit-key",
  .arguments = "DIR --key FILE DEPOSIT-FILE",
  .summary = "write a key that adds and deletes, and reads nothing, to a new file",
  .details = "  --revoke            take it back instead: the file opens nothing from then on\n",
  .takes = "revoke",
  .run = run_key,
};

/* ------------------------------------------------------------------ depositing */

typedef sdx_status verb(sdx_deposit *d, sdx_bytes id, int64_t now, sdx_error *err);

static exit_code act_on_all(const options *o, sdx_deposit *d, verb *act, const char *done) {
  json j = { .out = stdout };
  uint64_t count = 0, failed = 0;
  exit_code code = options_expect(o, 1, SIZE_MAX, "at least one id");
  if (code != EXIT_DONE) return code;
  if (o->json) {
    json_object(&j, NULL);
    json_array(&j, "failures");
  }
  for (size_t i = 0; i < o->word_count && code == EXIT_DONE; i++) {
    sdx_error err = { 0 };
    const sdx_bytes id = bytes_of(o->words[i]);
    const sdx_status status = act(d, id, o->now, &err);
    if (status == SDX_OK) {
      count++;
      if (!o->json) {
        printf("%s ", done);
        plain_print(stdout, id);
        printf("\n");
      }
      continue;
    }
    const char *reason = reason_of(&err, "not found");
    failed++;
    complain_item(id, reason);
    if (o->json) {
      json_object(&j, NULL);
      json_string(&j, "id", id);
      json_text(&j, "reason", reason);
      json_close(&j);
    }
    if (status != SDX_NOT_FOUND && status != SDX_INVALID) code = outcome_of(status);
  }
  if (o->json) {
    json_close(&j);
    json_uint(&j, done, count);
    json_uint(&j, "failed", failed);
    json_close(&j);
  }
  return code == EXIT_DONE && failed > 0 ? EXIT_NOTHING : code;
}

static exit_code set_one(const options *o, sdx_deposit *d) {
  sdx_change *changes;
  size_t count;
  sdx_error err = { 0 };
  exit_code code = setting_parse(o, &changes, &count);
  if (code == EXIT_DONE) {
    if (sdx_deposit_set(d, bytes_of(o->words[0]), changes, count, o->now, &err) == SDX_OK)
      setting_print(o);
    else
      code = complain_id(o->words[0], &err, "not found");
  }
  free(changes);
  return code;
}

static exit_code run_deposit(const options *o) {
  const char *path = options_text(o, "deposit-key");
  const bool deletes = options_flag(o, "delete"), restores = options_flag(o, "restore"),
             sets = options_flag(o, "set");
  sdx_deposit *d = NULL;
  sdx_error err = { 0 };
  keyfile key;
  if (!path) return complain_usage("deposit needs --deposit-key FILE");
  if (deletes + restores + sets > 1)
    return complain_usage("give one of --delete, --restore and --set");
  exit_code code = keyfile_read_deposit(&key, path);
  if (code != EXIT_DONE) return code;
  if (sdx_deposit_open(&d, o->dir, &key.secret, NULL, &err) != SDX_OK) code = complain(&err);
  keyfile_wipe(&key);
  if (code != EXIT_DONE) return code;
  if (deletes)
    code = act_on_all(o, d, sdx_deposit_delete, "deleted");
  else if (restores)
    code = act_on_all(o, d, sdx_deposit_restore, "restored");
  else if (sets)
    code = set_one(o, d);
  else
    code = adding_run(o, d);
  sdx_deposit_close(d);
  return code;
}

const command command_deposit = {
  .name = "deposit",
  .arguments = "DIR --deposit-key FILE PATH... | --jsonl FILE | --delete ID... | --restore ID... |\n"
               "       --set ID CHANGE...",
  .summary = "add items with a deposit key, which cannot read them",
  .details =
      "Paths, ids and the sum are as for add. What is deposited is found by the next search.\n"
      "\n"
      "  --deposit-key FILE  as deposit-key wrote it\n"
      "  --jsonl FILE        one JSON item per line instead of paths; - reads standard input\n"
      "  --undelete          add anew what is unchanged but deleted\n"
      "  --invitations       events of calendars attached to messages also as items of their own\n"
      "  --delete            the words are ids: hide these items\n"
      "  --restore           the words are ids: bring these items back\n"
      "  --set               the words are an id and changes, as for set\n",
  .takes = "deposit-key= jsonl= undelete invitations delete restore set",
  .run = run_deposit,
};
