/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * receipt_file.h - the removal logs of swept indexes, as lines of JSON in a file of the operator's.
 *
 * A receipt names the key that was destroyed, when, why, and with how many items; its `chain` is
 * the hash over all receipts of that index up to it. The file is appended to, and a line that
 * stands there already is not written again, so one file may serve every nightly sweep.
 */
#ifndef SEALDEX_TOOLS_RECEIPT_FILE_H
#define SEALDEX_TOOLS_RECEIPT_FILE_H

#include "outcome.h"

typedef struct receipt_file receipt_file;

/* Opens or creates (mode 0600). */
exit_code receipt_file_open(receipt_file **out, const char *path);
/* Appends the removals of the index in `dir`, under the name `name`. */
sdx_status receipt_file_add(receipt_file *f, const char *dir, const char *name, sdx_error *err);
/* Appends one of index `name`; a failure is told by receipt_file_close. */
void receipt_file_take(receipt_file *f, const char *name, const sdx_receipt *r);
/* Reads the receipts of one index (by the name it was swept under, or the last part of that) from a
 * file. The caller frees *out. EXIT_DAMAGED for a line that is none. */
exit_code receipt_file_read(const char *path, const char *name, sdx_receipt **out, size_t *count);

/* Syncs and closes; NULL is fine. */
exit_code receipt_file_close(receipt_file *f);

#endif
