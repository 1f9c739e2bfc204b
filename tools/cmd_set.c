/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "plain.h"
#include "session.h"
#include "setting.h"

/* `+flagged`, `-unread`: being unread is the absence of the flag "seen". */
static bool parse_flag(const char *word, sdx_change *change) {
  bool add = word[0] == '+';
  const char *flag = word + 1;
  if (!*flag) return false;
  if (strcmp(flag, "unread") == 0 || strcmp(flag, "read") == 0) {
    add = add == (*flag == 'r');
    flag = "seen";
  }
  *change = (sdx_change){ add ? SDX_ADD_FLAG : SDX_REMOVE_FLAG, bytes_of(flag) };
  return true;
}

/* `folder=Archive`, `folder+=x`, `folder-=x`, `label+=x`, `label-=x`, `+flag`, `-flag`. */
static bool parse_change(const char *word, sdx_change *change) {
  static const struct {
    const char *lead;
    sdx_change_kind kind;
  } forms[] = {
    { "folder=", SDX_SET_FOLDER },     { "folder+=", SDX_ADD_FOLDER },
    { "folder-=", SDX_REMOVE_FOLDER }, { "label+=", SDX_ADD_LABEL },
    { "label-=", SDX_REMOVE_LABEL },   { "flag+=", SDX_ADD_FLAG },
    { "flag-=", SDX_REMOVE_FLAG },
  };
  if (*word == '+' || *word == '-') return parse_flag(word, change);
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    size_t n = strlen(forms[i].lead);
    if (strncmp(word, forms[i].lead, n) != 0 || !word[n]) continue;
    *change = (sdx_change){ forms[i].kind, bytes_of(word + n) };
    return true;
  }
  return false;
}

void setting_print(const options *o) {
  if (!o->json) {
    printf("set ");
    plain_print(stdout, bytes_of(o->words[0]));
    printf("\n");
    return;
  }
  json j = { .out = stdout };
  json_object(&j, NULL);
  json_text(&j, "id", o->words[0]);
  json_uint(&j, "changes", o->word_count - 1);
  json_close(&j);
}

exit_code setting_parse(const options *o, sdx_change **out, size_t *count) {
  *out = NULL;
  exit_code code = options_expect(o, 2, SIZE_MAX, "an id and at least one change");
  if (code != EXIT_DONE) return code;
  *count = o->word_count - 1;
  sdx_change *changes = calloc(*count, sizeof *changes);
  if (!changes) return complain_system(ENOMEM, "reading the changes");
  *out = changes;
  for (size_t i = 0; i < *count; i++)
    if (!parse_change(o->words[i + 1], &changes[i]))
      return complain_usage("a change is folder=X, folder+=X, folder-=X, +FLAG, -FLAG, label+=X or "
                            "label-=X");
  return EXIT_DONE;
}

static exit_code run(const options *o) {
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  sdx_change *changes;
  size_t count;
  exit_code code = setting_parse(o, &changes, &count);
  if (code == EXIT_DONE) code = session_open(&index, o);
  if (code == EXIT_DONE) {
    if (sdx_set(index, bytes_of(o->words[0]), changes, count, o->now, &err) == SDX_OK)
      setting_print(o);
    else
      code = complain_id(o->words[0], &err, "not found");
  }
  free(changes);
  sdx_close(index);
  return code;
}

const command command_set = {
  .name = "set",
  .arguments = "DIR --key FILE ID CHANGE...",
  .summary = "change an item's folders, flags and labels",
  .details = "  folder=X            X is the only folder from now on\n"
             "  folder+=X folder-=X the item stands in X too, or no longer\n"
             "  +FLAG -FLAG         seen, flagged, answered, ...; -unread is +seen\n"
             "  label+=X label-=X\n",
  .takes = "",
  .run = run,
};
