/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "mailbox.h"
#include "mailbox_write.h"
#include "statistics.h"

static int write_item(const mailbox_item *it, mailbox_tree *tree, bool mbox) {
  if (tree != NULL) return mailbox_tree_write(tree, it);
  return mbox ? mailbox_write_mbox(stdout, it) : mailbox_write_json(stdout, it);
}

static int generate(uint64_t count, uint64_t seed, const char *dir, bool mbox) {
  int result = -1;
  mailbox_tree *tree = NULL;
  mailbox *m = mailbox_new(count, seed);
  if (m == NULL) return -1;
  if (dir != NULL && (tree = mailbox_tree_new(dir)) == NULL) goto out;
  result = 0;
  for (const mailbox_item *it; result == 0 && (it = mailbox_next(m)) != NULL;)
    result = write_item(it, tree, mbox);
  if (fflush(stdout) != 0) result = -1;
  if (result != 0) perror("sealdex-bench: writing the mailbox");
out:
  mailbox_tree_free(tree);
  mailbox_free(m);
  return result;
}

int command_generate(int argc, char **argv) {
  static const struct option options[] = {
    { "seed", 1, NULL, 's' },
    { "maildir", 1, NULL, 'd' },
    { "mbox", 0, NULL, 'm' },
    { NULL, 0, NULL, 0 },
  };
  uint64_t seed = 1;
  const char *dir = NULL;
  bool mbox = false, known = true;
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (c) {
    case 's':
      seed = strtoull(optarg, NULL, 10);
      break;
    case 'd':
      dir = optarg;
      break;
    case 'm':
      mbox = true;
      break;
    default:
      known = false;
    }
  }
  const uint64_t count = optind + 1 == argc ? strtoull(argv[optind], NULL, 10) : 0;
  if (!known || count == 0) {
    fprintf(stderr, "usage: sealdex-bench generate [--seed N] [--maildir DIR | --mbox] COUNT\n"
                    "writes a made-up mailbox: JSON Lines or an mbox on stdout, or a Maildir\n");
    return 2;
  }
  return generate(count, seed, dir, mbox) == 0 ? 0 : 6;
}

int command_describe(int argc, char **argv) {
  corpus c;
  statistics s;
  const bool made = argc == 3 && strcmp(argv[1], "--generate") == 0;
  if (argc < 2) {
    fprintf(stderr, "usage: sealdex-bench describe PATH... | --generate COUNT\n");
    return 2;
  }
  if (made ? mailbox_make(&c, strtoul(argv[2], NULL, 10), 1) != 0
           : corpus_read(&c, (const char *const *)argv + 1, (size_t)argc - 1, 0) != 0)
    return 6;
  const int result = statistics_of(&s, &c);
  if (result == 0) statistics_print(&s);
  corpus_free(&c);
  return result == 0 ? 0 : 6;
}
