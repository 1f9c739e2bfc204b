/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * receipt.h - records of the keyring's removal log, as they are given out.
 */
#ifndef SEALDEX_INDEXER_RECEIPT_H
#define SEALDEX_INDEXER_RECEIPT_H

#include "crypto/keyring.h"

/* Record i of the log. */
sdx_receipt receipt_of(const keyring *k, size_t i);

#endif
