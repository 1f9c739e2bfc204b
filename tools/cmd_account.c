/* SPDX-License-Identifier: GPL-2.0-or-later */
/* close and reopen: an account's end, and its return within a year. No key is needed. */
#include <stdio.h>

#include "command.h"
#include "json.h"

static exit_code run(const options *o, const char *done,
                     sdx_status (*act)(const char *dir, const sdx_keyring_storage *keyring,
                                     int64_t now, sdx_error *err)) {
  sdx_error err = { 0 };
  exit_code code = options_expect(o, 0, 0, "");
  if (code != EXIT_DONE) return code;
  if (act(o->dir, NULL, o->now, &err) != SDX_OK) return complain(&err);
  if (o->json) {
    json j = { .out = stdout };
    json_object(&j, NULL);
    json_text(&j, "account", done);
    json_close(&j);
  } else {
    printf("%s\n", done);
  }
  return EXIT_DONE;
}

static exit_code run_close(const options *o) {
  return run(o, "closed", sdx_close_account);
}

static exit_code run_reopen(const options *o) {
  return run(o, "open", sdx_reopen_account);
}

const command command_close = {
  .name = "close",
  .arguments = "DIR",
  .summary = "close the account: it can be reopened for 365 days; needs no key",
  .details = "The first sweep 395 days later destroys everything, the keys first.\n"
             "To erase at once, sweep with --now on a day after that, and --force.\n",
  .takes = "",
  .run = run_close,
};

const command command_reopen = {
  .name = "reopen",
  .arguments = "DIR",
  .summary = "reopen a closed account, with all that was not due meanwhile",
  .details = "",
  .takes = "",
  .run = run_reopen,
};
