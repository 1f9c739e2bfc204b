/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailbox_write.h - made-up mailboxes as files that any mail program reads. */
#ifndef SEALDEX_BENCH_MAILBOX_WRITE_H
#define SEALDEX_BENCH_MAILBOX_WRITE_H

#include <stdio.h>

#include "mailbox.h"

/* One line of JSON, as `sealdex add --jsonl` takes it. */
int mailbox_write_json(FILE *out, const mailbox_item *it);
/* One message behind its "From " line (mboxrd); items of other kinds are left out. */
int mailbox_write_mbox(FILE *out, const mailbox_item *it);

/* A directory: a Maildir with its subfolders (.Folder.Sub/cur/), and beside it calendar/, contacts/
 * and documents/ with a file per item. */
typedef struct mailbox_tree mailbox_tree;
mailbox_tree *mailbox_tree_new(const char *dir); /* NULL with a line on stderr */
int mailbox_tree_write(mailbox_tree *t, const mailbox_item *it);
void mailbox_tree_free(mailbox_tree *t);

#endif
