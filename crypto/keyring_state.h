/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyring_state.h - what an open keyring is, for keyring.c and keyring_slots.c alone.
 */
#ifndef SEALDEX_CRYPTO_KEYRING_STATE_H
#define SEALDEX_CRYPTO_KEYRING_STATE_H

#include "crypto/keyring.h"
#include "crypto/region.h"

/* What a deposit key opened. */
typedef struct depositing {
  size_t slot;
  slot_keys keys;
  secret *append_key;
  seal_key *deposit; /* opens id key and table key */
} depositing;

/* What opens the index again after a change of root: what the secret gave at its slot, and of a raw key
 * the key, which may have another slot by then. */
typedef struct opener {
  slot_keys keys;
  secret *raw;
} opener;

struct keyring {
  int process;
  int dir;
  const sdx_keyring_storage *storage; /* NULL: the file */
  region now;     /* as read or committed */
  bool settled;   /* the file was seen whole: no power cut has torn it since this handle opened */
  root_key *root; /* NULL while locked */
  opener own;
  depositing *deposit; /* NULL without a deposit key */
  uint64_t set;        /* in use */
  bool staged;
  region next;         /* where staged */
  root_key *next_root; /* where a change of root is staged */
  opener next_own;     /* where its slot is given another secret */
};

/* SDX_WRONG_KEY while it is locked, SDX_FORKED in another process than opened it. */
sdx_status keyring_need_root(const keyring *k, sdx_error *err) SDX_CHECK;
/* From here on k->next is what the next commit writes. */
sdx_status keyring_stage(keyring *k, sdx_error *err) SDX_CHECK;
/* The root under which what is staged is wrapped. */
const root_key *keyring_staged_root(const keyring *k);
/* A set of keys. `deposit` NULL: it has a deposit key of its own. */
sdx_status keyring_add_set(region *r, const root_key *root, uint64_t set, secret *deposit,
                           sdx_error *err) SDX_CHECK;
/* Tries the contents of a deposit file on one slot. SDX_WRONG_KEY where it is another's. */
sdx_status keyring_try_deposit(depositing *d, const region *r, size_t slot_number, const sdx_secret *s,
                               sdx_error *err) SDX_CHECK;

void opener_free(opener *o);
/* Takes over `keys`, also on failure. */
sdx_status opener_set(opener *o, const sdx_secret *s, slot_keys *keys, sdx_error *err) SDX_CHECK;

#endif
