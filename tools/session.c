/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include "keyfile.h"

exit_code session_open(sdx_index **out, const options *o) {
  sdx_open_options opening = SDX_OPEN_OPTIONS_INIT;
  sdx_error err = { 0 };
  keyfile key;
  *out = NULL;
  exit_code code = keyfile_read(&key, o);
  if (code != EXIT_DONE) return code;
  opening.accept_restored = options_flag(o, "accept-restored");
  if (sdx_open(out, o->dir, &key.secret, &opening, &err) != SDX_OK) code = complain(&err);
  keyfile_wipe(&key);
  return code;
}
