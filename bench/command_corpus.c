/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "mailbox.h"

int command_generate(int argc, char **argv) {
  (void)argc, (void)argv;
  return 2;
}

int command_describe(int argc, char **argv) {
  corpus c;
  if (argc < 2 || corpus_read(&c, (const char *const *)argv + 1, (size_t)argc - 1, 0) != 0)
    return 6;
  const int result = mailbox_describe(&c);
  corpus_free(&c);
  return result == 0 ? 0 : 6;
}
