/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyfile.h - key files and passphrase files, read into locked memory and wiped.
 */
#ifndef SEALDEX_TOOLS_KEYFILE_H
#define SEALDEX_TOOLS_KEYFILE_H

#include "options.h"

/* A secret that owns its memory: one page, locked and left out of core dumps. */
typedef struct keyfile {
  sdx_secret secret;
  void *page;
} keyfile;

/* Reads what --key, --passphrase-file or SEALDEX_KEY_FILE names. EXIT_USAGE for a malformed key or
 * where none is named, EXIT_SYSTEM for a file that cannot be read. */
exit_code keyfile_read(keyfile *k, const options *o);
/* Reads the key or the passphrase in one named file. */
exit_code keyfile_read_key(keyfile *k, const char *path);
exit_code keyfile_read_passphrase(keyfile *k, const char *path);
/* Reads the contents of a deposit key file. */
exit_code keyfile_read_deposit(keyfile *k, const char *path);
/* Writes the contents of a deposit key file, to a new file of mode 0600. */
exit_code keyfile_write_deposit(const char *path, const char contents[SDX_DEPOSIT_FILE_SIZE]);
/* True where one of them is given on the command line. */
bool keyfile_given(const options *o);
void keyfile_wipe(keyfile *k);

/* Writes a fresh key as 64 hex digits into a new file of mode 0600; refuses to overwrite. */
exit_code keyfile_generate(const char *path);

#endif
