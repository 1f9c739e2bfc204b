/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which secrets open a keyring: its slots, its root, and the set of keys that depositors work with.
 */
#include "crypto/keyring_state.h"

#include <string.h>

#include "base/error.h"
#include "base/wipe.h"
#include "crypto/deposit_slot.h"
#include "crypto/wrapping.h"

static sdx_status find_room(keyring *k, slot **out, sdx_error *err) {
  for (size_t i = 0; i < REGION_SLOTS; i++) {
    *out = &k->next.slots[i];
    if ((*out)->kind == SLOT_EMPTY) return SDX_OK;
  }
  return error_set(err, SDX_INVALID, "all %d key slots are taken", REGION_SLOTS);
}

sdx_status keyring_slot_add(keyring *k, const sdx_secret *s, const keyring_options *options,
                            sdx_error *err) {
  slot *at = NULL, made;
  sdx_status status = keyring_need_root(k, err);
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status == SDX_OK) status = find_room(k, &at, err);
  if (status == SDX_OK)
    status = slot_make(&made, NULL, s, options, k->next.index_id, keyring_staged_root(k), err);
  if (status == SDX_OK) *at = made;
  return status;
}

/* The deposit key of the set in use, as staged. */
static sdx_status staged_deposit_key(secret **out, const keyring *k, sdx_error *err) {
  const region_entry *e = region_find(&k->next, KEYRING_DEPOSIT, k->set);
  *out = NULL;
  if (e == NULL) return error_set(err, SDX_DAMAGED, "the keyring lacks a key that every index has");
  return unwrap_key(out, e, &k->next, keyring_staged_root(k), err);
}

sdx_status keyring_deposit_add(keyring *k, char contents[SDX_DEPOSIT_FILE_SIZE], sdx_error *err) {
  slot *at = NULL, made;
  secret *deposit = NULL;
  const sdx_secret file = { SDX_SECRET_DEPOSIT, contents, SDX_DEPOSIT_FILE_SIZE };
  sdx_status status = keyring_need_root(k, err);
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status == SDX_OK) status = find_room(k, &at, err);
  if (status == SDX_OK) status = staged_deposit_key(&deposit, k, err);
  if (status != SDX_OK) return status;
  status = deposit_file_new(contents, err);
  if (status == SDX_OK)
    status =
        deposit_slot_make(&made, &file, k->next.index_id, keyring_staged_root(k), deposit, err);
  if (status == SDX_OK)
    *at = made;
  else
    wipe(contents, SDX_DEPOSIT_FILE_SIZE);
  secret_free(deposit);
  return status;
}

/* The slots, as staged, that `s` opens: bit i for slot i. */
static sdx_status opened_slots(unsigned *slots, const keyring *k, const sdx_secret *s,
                               sdx_error *err) {
  const region *r = &k->next;
  const uint8_t *commitment = keyring_staged_root(k)->commitment;
  *slots = 0;
  if (s->kind != SDX_SECRET_DEPOSIT) {
    secret *opened = NULL;
    const sdx_status status =
        slot_try_all(&opened, slots, NULL, r->slots, REGION_SLOTS, s, r->index_id, commitment, err);
    secret_free(opened);
    return status;
  }
  for (size_t i = 0; i < REGION_SLOTS; i++) {
    depositing d = { 0 };
    if (r->slots[i].kind != SLOT_DEPOSIT) continue;
    const sdx_status status = keyring_try_deposit(&d, r, i, s, err);
    slot_keys_free(&d.keys);
    seal_key_free(d.deposit);
    if (status == SDX_OK)
      *slots |= 1U << i;
    else if (status != SDX_WRONG_KEY)
      return status;
  }
  return SDX_OK;
}

/* Slots that open the root. */
static unsigned reading_slots(const region *r) {
  unsigned slots = 0;
  for (size_t i = 0; i < REGION_SLOTS; i++)
    if (r->slots[i].kind != SLOT_EMPTY && r->slots[i].kind != SLOT_DEPOSIT) slots |= 1U << i;
  return slots;
}

sdx_status keyring_slot_remove(keyring *k, const sdx_secret *s, sdx_error *err) {
  unsigned slots = 0;
  sdx_status status = keyring_need_root(k, err);
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status == SDX_OK) status = opened_slots(&slots, k, s, err);
  if (status != SDX_OK) return status;
  if (slots == 0) return error_set(err, SDX_WRONG_KEY, "the key opens no slot of this index");
  if ((reading_slots(&k->next) & ~slots) == 0)
    return error_set(err, SDX_INVALID, "the last key slot cannot be removed");
  for (size_t i = 0; i < REGION_SLOTS; i++)
    if ((slots >> i & 1) != 0) memset(&k->next.slots[i], 0, sizeof k->next.slots[i]);
  return SDX_OK;
}

sdx_status keyring_stage_set(keyring *k, bool revoke, uint64_t *set, sdx_error *err) {
  secret *deposit = NULL;
  sdx_status status = keyring_need_root(k, err);
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status == SDX_OK && !revoke) status = staged_deposit_key(&deposit, k, err);
  for (size_t i = 0; i < REGION_SLOTS && status == SDX_OK && revoke; i++)
    if (k->next.slots[i].kind == SLOT_DEPOSIT)
      memset(&k->next.slots[i], 0, sizeof k->next.slots[i]);
  do crypto_random(set, sizeof *set);
  while (*set == 0);
  if (status == SDX_OK)
    status = keyring_add_set(&k->next, keyring_staged_root(k), *set, deposit, err);
  secret_free(deposit);
  return status;
}

sdx_status keyring_slot_replace(keyring *k, const sdx_secret *was, const sdx_secret *is,
                                const keyring_options *options, sdx_error *err) {
  unsigned slots = 0;
  slot made;
  slot_keys keys = { .mac_key = NULL };
  sdx_status status = keyring_need_root(k, err);
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status == SDX_OK) status = opened_slots(&slots, k, was, err);
  if (status == SDX_OK && slots == 0)
    status = error_set(err, SDX_WRONG_KEY, "the key opens no slot of this index");
  if (status == SDX_OK)
    status = slot_make(&made, &keys, is, options, k->next.index_id, keyring_staged_root(k), err);
  if (status != SDX_OK) return status;
  const unsigned first = (unsigned)__builtin_ctz(slots);
  bool mine = false;
  for (size_t i = 0; i < REGION_SLOTS; i++) {
    slot *s = &k->next.slots[i];
    if ((slots >> i & 1) == 0) continue;
    mine |= memcmp(s->public_half, k->own.keys.public_half, sizeof s->public_half) == 0;
    memset(s, 0, sizeof *s);
  }
  k->next.slots[first] = made;
  if (mine) return opener_set(&k->next_own, is, &keys, err);
  slot_keys_free(&keys);
  return SDX_OK;
}

static sdx_status rewrap_entries(region *r, const root_key *from, const root_key *to,
                                 sdx_error *err) {
  sdx_status status = SDX_OK;
  for (size_t i = 0; i < r->entry_count && status == SDX_OK; i++) {
    secret *key = NULL;
    const keyring_kind kind = r->entries[i].shown.kind;
    if (kind == KEYRING_DEPOSIT_EPOCH || wrapped_by_deposit_key(kind))
      continue; /* under other keys */
    status = unwrap_key(&key, &r->entries[i], r, from, err);
    if (status == SDX_OK) status = wrap_key(&r->entries[i], r, to, key, err);
    secret_free(key);
  }
  return status;
}

sdx_status keyring_rekey(keyring *k, sdx_error *err) {
  root_key *fresh = NULL;
  sdx_status status = keyring_need_root(k, err);
  if (status == SDX_OK) status = keyring_stage(k, err);
  if (status != SDX_OK) return status;
  const root_key *from = keyring_staged_root(k);
  region *r = &k->next;
  status = root_key_new(&fresh, NULL, r->index_id, err);
  if (status == SDX_OK) status = rewrap_entries(r, from, fresh, err);
  for (size_t i = 0; i < REGION_SLOTS && status == SDX_OK; i++)
    if (r->slots[i].kind != SLOT_EMPTY)
      status = slot_rewrap(&r->slots[i], r->index_id, from, fresh, err);
  if (status != SDX_OK) {
    root_key_free(fresh);
    keyring_rollback(k); /* some of it is wrapped under a root that is gone */
    return status;
  }
  memcpy(r->commitment, fresh->commitment, sizeof r->commitment);
  root_key_free(k->next_root);
  k->next_root = fresh;
  return SDX_OK;
}
