/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options.h - one command's arguments: the directory first, then options and words in any order.
 *
 * Options are `--name`, `--name VALUE` or `--name=VALUE`. A single dash begins a word, since
 * queries
 * (`-draft`) and changes of attributes (`-unread`) do; `--` makes words of all that follows.
 */
#ifndef SEALDEX_TOOLS_OPTIONS_H
#define SEALDEX_TOOLS_OPTIONS_H

#include <stddef.h>

#include "outcome.h"

enum { OPTIONS_MAX = 32 };

typedef struct option {
  const char *name;
  const char *value; /* NULL for a flag */
} option;

/* All of it borrowed from argv, but `words`. */
typedef struct options {
  const char *command;
  const char *dir; /* the first word */
  const char **words;
  size_t word_count;
  option given[OPTIONS_MAX];
  size_t given_count;
  bool json;
  int64_t now; /* 0: the clock */
} options;

/* Options that every command takes: --key, --passphrase-file, --now, --json, --accept-restored.
 * `takes` names a command's own, separated by spaces; one that ends in `=` has a value. Returns
 * EXIT_DONE, or what to exit with after a line on standard error. */
exit_code options_parse(options *o, const char *command, const char *takes, int argc, char **argv);
void options_free(options *o);

bool options_flag(const options *o, const char *name);
/* The value, or NULL where it was not given. */
const char *options_text(const options *o, const char *name);
/* A whole number, `otherwise` where it was not given. */
exit_code options_number(const options *o, const char *name, uint64_t otherwise, uint64_t *out);
/* A number of bytes, with k, M or G behind it. */
exit_code options_size(const options *o, const char *name, size_t otherwise, size_t *out);
/* One of the words of `choices` (separated by `|`): its number, 0 where it was not given. */
exit_code options_choice(const options *o, const char *name, const char *choices, int *out);

/* The words from number `from` on with single spaces between them: a query. NULL without memory;
 * the caller wipes and frees it with options_forget. */
char *options_join(const options *o, size_t from);
void options_forget(char *joined);

/* Between `least` and `most` words behind the directory: else a usage error that names `what`. */
exit_code options_expect(const options *o, size_t least, size_t most, const char *what);

#endif
