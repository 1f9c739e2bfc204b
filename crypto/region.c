/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crypto/region.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/wipe.h"
#include "crypto/deposit_slot.h"

#define MAGIC "SEALDEXK"
#define HEADER_SIZE 512
#define CLEAR_SIZE 32
#define ENTRY_SIZE 144
#define HUSK_SIZE 64
#define RECORD_SIZE 40
#define ENTRIES_AT (HEADER_SIZE + REGION_SLOTS * SLOT_SIZE)

#define CHAIN_LABEL "sealdex keyring removals 1"
#define PROOF_LABEL "sealdex keyring set 1"
#define APPENDED_LABEL "sealdex keyring appended 1"
#define ENTRY_LABEL "sealdex keyring entry 1"

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* ---- the removal chain ---- */

static void encode_record(buffer *b, const keyring_removal *r) {
  buffer_put_u32(b, (uint32_t)r->kind);
  buffer_put_u32(b, (uint32_t)r->reason);
  buffer_put_u64(b, r->id);
  buffer_put_u64(b, (uint64_t)r->time);
  buffer_put_u64(b, r->items);
  buffer_put_u64(b, r->generation);
}

bool region_chain_step(uint8_t out[32], const uint8_t before[32], const keyring_removal *record) {
  buffer b = BUFFER_INIT;
  buffer_put(&b, before, 32);
  encode_record(&b, record);
  const bool ok = !b.failed;
  if (ok) crypto_digest(out, b.data, b.size);
  buffer_free(&b);
  return ok;
}

static void chain_start(uint8_t out[32], const uint8_t index_id[INDEX_ID_SIZE]) {
  uint8_t data[sizeof CHAIN_LABEL + INDEX_ID_SIZE];
  memcpy(data, CHAIN_LABEL, sizeof CHAIN_LABEL);
  memcpy(data + sizeof CHAIN_LABEL, index_id, INDEX_ID_SIZE);
  crypto_digest(out, data, sizeof data);
}

const uint8_t *region_chain(const region *r) {
  return r->removal_count > 0 ? r->removals[r->removal_count - 1].chain : r->chain_base;
}

/* ---- life ---- */

void region_init(region *r, const uint8_t index_id[INDEX_ID_SIZE], seal_cipher cipher) {
  memset(r, 0, sizeof *r);
  r->size = REGION_MIN;
  r->cipher = cipher;
  memcpy(r->index_id, index_id, INDEX_ID_SIZE);
  chain_start(r->chain_base, index_id);
  memcpy(r->proven_chain, r->chain_base, sizeof r->proven_chain);
}

void region_free(region *r) {
  free(r->entries);
  free(r->husks);
  free(r->removals);
  memset(r, 0, sizeof *r);
}

static bool copy_array(void *out, const void *from, size_t count, size_t size) {
  void *copy = count > 0 ? malloc(count * size) : NULL;
  if (count > 0 && copy == NULL) return false;
  if (count > 0) memcpy(copy, from, count * size);
  memcpy(out, &copy, sizeof copy);
  return true;
}

sdx_status region_copy(region *out, const region *from, sdx_error *err) {
  *out = *from;
  out->entries = NULL;
  out->husks = NULL;
  out->removals = NULL;
  if (copy_array(&out->entries, from->entries, from->entry_count, sizeof *from->entries) &&
      copy_array(&out->husks, from->husks, from->husk_count, sizeof *from->husks) &&
      copy_array(&out->removals, from->removals, from->removal_count, sizeof *from->removals))
    return SDX_OK;
  region_free(out);
  return error_memory(err);
}

/* ---- order and lookup: by (kind, id), the same for entries and husks ---- */

static int compare(const keyring_entry *e, keyring_kind kind, uint64_t id) {
  if (e->kind != kind) return e->kind < kind ? -1 : 1;
  if (e->id != id) return e->id < id ? -1 : 1;
  return 0;
}

/* Where (kind, id) stands or belongs; `shown` is the first field of both row types. */
static size_t lower_bound(const void *rows, size_t count, size_t row_size, keyring_kind kind,
                          uint64_t id) {
  size_t low = 0, high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const keyring_entry *e =
        (const keyring_entry *)(const void *)((const uint8_t *)rows + middle * row_size);
    if (compare(e, kind, id) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

region_entry *region_find(const region *r, keyring_kind kind, uint64_t id) {
  const size_t i = lower_bound(r->entries, r->entry_count, sizeof *r->entries, kind, id);
  if (i == r->entry_count || compare(&r->entries[i].shown, kind, id) != 0) return NULL;
  return &r->entries[i];
}

static bool husk_exists(const region *r, keyring_kind kind, uint64_t id) {
  const size_t i = lower_bound(r->husks, r->husk_count, sizeof *r->husks, kind, id);
  return i < r->husk_count && compare(&r->husks[i].shown, kind, id) == 0;
}

sdx_status region_insert(region *r, region_entry **out, keyring_kind kind, uint64_t id,
                         sdx_error *err) {
  const size_t at = lower_bound(r->entries, r->entry_count, sizeof *r->entries, kind, id);
  if (region_find(r, kind, id) != NULL || husk_exists(r, kind, id))
    return error_set(err, SDX_INVALID, "the keyring has a key of this kind and id");
  region_entry *entries = realloc(r->entries, (r->entry_count + 1) * sizeof *entries);
  if (entries == NULL) return error_memory(err);
  r->entries = entries;
  memmove(entries + at + 1, entries + at, (r->entry_count - at) * sizeof *entries);
  r->entry_count++;
  entries[at] = (region_entry){ .shown = { .kind = kind, .id = id } };
  *out = &entries[at];
  return SDX_OK;
}

static void digest_entry(uint8_t out[32], const region_entry *entry) {
  uint8_t body[sizeof entry->public_half + sizeof entry->sealed];
  memcpy(body, entry->public_half, sizeof entry->public_half);
  memcpy(body + sizeof entry->public_half, entry->sealed, sizeof entry->sealed);
  crypto_digest(out, body, sizeof body);
}

static region_husk husk_of(const region_entry *entry) {
  region_husk husk = { .shown = entry->shown,
                       .cipher = entry->cipher,
                       .appended = entry->appended };
  digest_entry(husk.digest, entry);
  return husk;
}

sdx_status region_remove(region *r, region_entry *entry, const keyring_removal *record,
                         sdx_error *err) {
  region_husk *husks = realloc(r->husks, (r->husk_count + 1) * sizeof *husks);
  if (husks == NULL) return error_memory(err);
  r->husks = husks;
  keyring_removal *removals = realloc(r->removals, (r->removal_count + 1) * sizeof *removals);
  if (removals == NULL) return error_memory(err);
  r->removals = removals;
  removals[r->removal_count] = *record;
  if (!region_chain_step(removals[r->removal_count].chain, region_chain(r), record))
    return error_memory(err);
  r->removal_count++;
  r->removals_ever++;

  const size_t at =
      lower_bound(husks, r->husk_count, sizeof *husks, entry->shown.kind, entry->shown.id);
  memmove(husks + at + 1, husks + at, (r->husk_count - at) * sizeof *husks);
  husks[at] = husk_of(entry);
  r->husk_count++;

  const size_t i = (size_t)(entry - r->entries);
  r->entry_count--;
  memmove(entry, entry + 1, (r->entry_count - i) * sizeof *entry);
  wipe(&r->entries[r->entry_count], sizeof *entry);
  return SDX_OK;
}

/* ---- the proof ---- */

/* The 32 clear bytes of an entry or husk. */
static void encode_clear(buffer *b, const keyring_entry *e, seal_cipher cipher, uint8_t appended) {
  buffer_put_u32(b, (uint32_t)e->kind);
  buffer_put_u32(b, (uint32_t)cipher | (uint32_t)appended << 8);
  buffer_put_u64(b, e->id);
  buffer_put_u64(b, (uint64_t)e->due);
  buffer_put_u64(b, e->born);
}

void region_entry_identity(buffer *b, const region *r, const region_entry *entry) {
  buffer_put(b, ENTRY_LABEL, sizeof ENTRY_LABEL);
  buffer_put(b, r->index_id, INDEX_ID_SIZE);
  encode_clear(b, &entry->shown, entry->cipher, 0);
  buffer_put(b, entry->public_half, sizeof entry->public_half);
  if (entry->shown.kind != KEYRING_TABLE) return;
  const region_entry *intake = region_find(r, KEYRING_INTAKE, entry->shown.id);
  buffer_put(b, intake != NULL ? intake->public_half : (const uint8_t[32]){ 0 }, 32);
}

static void put_proven(buffer *b, const region_husk *husk) {
  encode_clear(b, &husk->shown, husk->cipher, husk->appended);
  buffer_put(b, husk->digest, sizeof husk->digest);
}

/* Entries and husks merged in order, those of one origin (0: the set as it stood at the last keyed
 * commit), behind their number. */
static void put_proven_set(buffer *b, const region *r, uint8_t appended) {
  size_t e = 0, h = 0;
  uint64_t count = 0;
  for (size_t i = 0; i < r->entry_count; i++) count += r->entries[i].appended == appended;
  for (size_t i = 0; i < r->husk_count; i++) count += r->husks[i].appended == appended;
  buffer_put_u64(b, count);
  while (e < r->entry_count || h < r->husk_count) {
    const keyring_entry *husk = h < r->husk_count ? &r->husks[h].shown : NULL;
    if (husk == NULL ||
        (e < r->entry_count && compare(&r->entries[e].shown, husk->kind, husk->id) < 0)) {
      const region_husk as_husk = husk_of(&r->entries[e++]);
      if (as_husk.appended == appended) put_proven(b, &as_husk);
    } else {
      if (r->husks[h].appended == appended) put_proven(b, &r->husks[h]);
      h++;
    }
  }
}

static sdx_status compute_proof(uint8_t out[32], const region *r, const root_key *root,
                                sdx_error *err) {
  buffer b = BUFFER_INIT;
  buffer_put(&b, PROOF_LABEL, sizeof PROOF_LABEL);
  buffer_put(&b, r->index_id, INDEX_ID_SIZE);
  buffer_put_u32(&b, (uint32_t)r->cipher);
  buffer_put_u64(&b, r->proven_generation);
  buffer_put_u64(&b, r->proven_store_generation);
  buffer_put_u64(&b, r->proven_removals);
  buffer_put(&b, r->proven_chain, sizeof r->proven_chain);
  buffer_put(&b, r->commitment, sizeof r->commitment);
  for (size_t i = 0; i < REGION_SLOTS; i++) slot_encode(&b, &r->slots[i]);
  put_proven_set(&b, r, 0);
  const sdx_status status = b.failed ? error_memory(err) : SDX_OK;
  if (status == SDX_OK) secret_hash(out, 32, root->proof, b.data, b.size);
  buffer_free(&b);
  return status;
}

sdx_status region_prove(region *r, const root_key *root, sdx_error *err) {
  free(r->husks);
  r->husks = NULL;
  r->husk_count = 0;
  for (size_t i = 0; i < r->entry_count; i++) r->entries[i].appended = 0;
  memset(r->appended_proofs, 0, sizeof r->appended_proofs);
  r->proven_generation = r->generation;
  r->proven_store_generation = r->store_generation;
  r->proven_removals = r->removals_ever;
  memcpy(r->proven_chain, region_chain(r), sizeof r->proven_chain);
  memcpy(r->commitment, root->commitment, sizeof r->commitment);
  return compute_proof(r->proof, r, root, err);
}

/* ---- what depositors appended ---- */

static bool has_appended(const region *r, size_t slot_number) {
  for (size_t i = 0; i < r->entry_count; i++)
    if (r->entries[i].appended == slot_number + 1) return true;
  for (size_t i = 0; i < r->husk_count; i++)
    if (r->husks[i].appended == slot_number + 1) return true;
  return false;
}

static sdx_status compute_appended(uint8_t out[32], const region *r, size_t slot_number,
                                   const secret *append_key, sdx_error *err) {
  buffer b = BUFFER_INIT;
  memset(out, 0, 32);
  if (!has_appended(r, slot_number)) return SDX_OK;
  buffer_put(&b, APPENDED_LABEL, sizeof APPENDED_LABEL);
  buffer_put(&b, r->index_id, INDEX_ID_SIZE);
  buffer_put(&b, r->proof, sizeof r->proof);
  put_proven_set(&b, r, (uint8_t)(slot_number + 1));
  const sdx_status status = b.failed ? error_memory(err) : SDX_OK;
  if (status == SDX_OK) secret_hash(out, 32, append_key, b.data, b.size);
  buffer_free(&b);
  return status;
}

sdx_status region_prove_appended(region *r, size_t slot_number, const secret *append_key,
                                 sdx_error *err) {
  return compute_appended(r->appended_proofs[slot_number], r, slot_number, append_key, err);
}

static sdx_status refuse_changed(sdx_error *err) {
  return error_set(err, SDX_DAMAGED,
                   "the keyring was changed by somebody without its key: restore it from a copy");
}

sdx_status region_check_appended(const region *r, size_t slot_number, const secret *append_key,
                                 sdx_error *err) {
  uint8_t proof[32];
  const sdx_status status = compute_appended(proof, r, slot_number, append_key, err);
  if (status != SDX_OK) return status;
  return secret_equal(proof, r->appended_proofs[slot_number], sizeof proof) ? SDX_OK
                                                                            : refuse_changed(err);
}

static sdx_status check_appended_of(const region *r, size_t slot_number, const root_key *root,
                                    sdx_error *err) {
  secret *mac_key = NULL, *append_key = NULL;
  sdx_status status = slot_mac_key(&mac_key, &r->slots[slot_number], r->index_id, root, err);
  if (status == SDX_OK) status = deposit_append_key(&append_key, mac_key, err);
  if (status == SDX_OK) status = region_check_appended(r, slot_number, append_key, err);
  secret_free(mac_key);
  secret_free(append_key);
  return status;
}

sdx_status region_check_proof(const region *r, const root_key *root, sdx_error *err) {
  uint8_t proof[32];
  sdx_status status = compute_proof(proof, r, root, err);
  if (status != SDX_OK) return status;
  if (!secret_equal(proof, r->proof, sizeof proof)) return refuse_changed(err);
  for (size_t i = 0; i < REGION_SLOTS && status == SDX_OK; i++)
    if (has_appended(r, i)) status = check_appended_of(r, i, root, err);
  return status;
}

/* ---- room ---- */

static uint64_t needed(const region *r) {
  return ENTRIES_AT + (uint64_t)r->entry_count * ENTRY_SIZE + (uint64_t)r->husk_count * HUSK_SIZE +
         (uint64_t)r->removal_count * RECORD_SIZE + REGION_DIGEST_SIZE;
}

/* How many of the oldest records may go: older than this commit, and before the proven head. */
static size_t droppable(const region *r) {
  const uint64_t oldest = r->removals_ever - r->removal_count;
  const uint64_t before_proven = r->proven_removals - oldest;
  size_t n = 0;
  while (n < r->removal_count && n < before_proven && r->removals[n].generation < r->generation)
    n++;
  return n;
}

static void drop_oldest(region *r, size_t count) {
  if (count == 0) return;
  memcpy(r->chain_base, r->removals[count - 1].chain, sizeof r->chain_base);
  r->removal_count -= count;
  memmove(r->removals, r->removals + count, r->removal_count * sizeof *r->removals);
}

static void drop_down_to(region *r, size_t count) {
  if (r->removal_count > count)
    drop_oldest(r, (size_t)least(r->removal_count - count, droppable(r)));
}

sdx_status region_fit(region *r, sdx_error *err) {
  drop_down_to(r, REGION_REMOVALS_KEPT);
  if (needed(r) > r->size) {
    const uint64_t over = (needed(r) - r->size + RECORD_SIZE - 1) / RECORD_SIZE;
    const size_t fitting = over < r->removal_count ? r->removal_count - (size_t)over : 0;
    drop_down_to(r, fitting > REGION_REMOVALS_MIN ? fitting : REGION_REMOVALS_MIN);
  }
  while (needed(r) > r->size) {
    if (r->size >= REGION_MAX) return error_set(err, SDX_NO_SPACE, "the keyring is full");
    r->size *= 2;
  }
  return SDX_OK;
}

/* ---- on disk ---- */

static void encode_header(buffer *b, const region *r) {
  static const uint8_t reserved[HEADER_SIZE] = { 0 };
  buffer_put(b, MAGIC, 8);
  buffer_put_u32(b, REGION_VERSION);
  buffer_put_u32(b, r->size);
  buffer_put(b, r->index_id, INDEX_ID_SIZE);
  buffer_put_u64(b, r->generation);
  buffer_put_u64(b, r->store_generation);
  buffer_put_u64(b, r->proven_generation);
  buffer_put_u64(b, r->proven_store_generation);
  buffer_put_u64(b, r->removals_ever);
  buffer_put_u64(b, r->proven_removals);
  buffer_put_u32(b, (uint32_t)r->cipher);
  buffer_put_u32(b, (uint32_t)r->entry_count);
  buffer_put_u32(b, (uint32_t)r->husk_count);
  buffer_put_u32(b, (uint32_t)r->removal_count);
  buffer_put(b, r->chain_base, sizeof r->chain_base);
  buffer_put(b, r->proven_chain, sizeof r->proven_chain);
  buffer_put(b, r->commitment, sizeof r->commitment);
  buffer_put(b, r->proof, sizeof r->proof);
  buffer_put(b, r->appended_proofs, sizeof r->appended_proofs);
  buffer_put(b, reserved, HEADER_SIZE - b->size);
}

sdx_status region_encode(region *r, uint8_t *out, sdx_error *err) {
  buffer b = BUFFER_INIT;
  encode_header(&b, r);
  for (size_t i = 0; i < REGION_SLOTS; i++) slot_encode(&b, &r->slots[i]);
  for (size_t i = 0; i < r->entry_count; i++) {
    const region_entry *e = &r->entries[i];
    encode_clear(&b, &e->shown, e->cipher, e->appended);
    buffer_put(&b, e->public_half, sizeof e->public_half);
    buffer_put(&b, e->sealed, sizeof e->sealed);
  }
  for (size_t i = 0; i < r->husk_count; i++) put_proven(&b, &r->husks[i]);
  for (size_t i = 0; i < r->removal_count; i++) encode_record(&b, &r->removals[i]);
  sdx_status status = SDX_OK;
  if (b.failed) {
    status = error_memory(err);
  } else {
    const size_t summed = r->size - REGION_DIGEST_SIZE;
    memset(out, 0, r->size);
    memcpy(out, b.data, b.size);
    crypto_digest(r->digest, out, summed);
    memcpy(out + summed, r->digest, REGION_DIGEST_SIZE);
  }
  buffer_free(&b);
  return status;
}

static void get_bytes(uint8_t *out, cursor *c, size_t size) {
  const uint8_t *bytes = cursor_get(c, size);
  if (bytes != NULL) memcpy(out, bytes, size);
}

static void get_zeros(cursor *c, size_t size) {
  const uint8_t *bytes = cursor_get(c, size);
  if (bytes == NULL || size == 0) return;
  if (bytes[0] != 0 || memcmp(bytes, bytes + 1, size - 1) != 0) c->failed = true;
}

static seal_cipher known_cipher(cursor *c, uint32_t v) {
  if ((v < SEAL_XCHACHA20_POLY1305 || v > SEAL_AEGIS256) && v != SEAL_NULL) c->failed = true;
  return c->failed ? SEAL_XCHACHA20_POLY1305 : (seal_cipher)v;
}

static keyring_kind get_kind(cursor *c) {
  const uint32_t v = cursor_get_u32(c);
  const bool known =
      (v >= KEYRING_SEGMENT && v <= KEYRING_TRASH) || (v >= KEYRING_ID && v <= KEYRING_DEPOSIT);
  if (!known) c->failed = true;
  return known ? (keyring_kind)v : KEYRING_SEGMENT;
}

static void decode_header(region *r, cursor *c) {
  const uint8_t *start = c->at;
  const uint8_t *magic = cursor_get(c, 8);
  if (magic == NULL || memcmp(magic, MAGIC, 8) != 0) c->failed = true;
  if (cursor_get_u32(c) != REGION_VERSION) c->failed = true;
  r->size = cursor_get_u32(c);
  get_bytes(r->index_id, c, INDEX_ID_SIZE);
  r->generation = cursor_get_u64(c);
  r->store_generation = cursor_get_u64(c);
  r->proven_generation = cursor_get_u64(c);
  r->proven_store_generation = cursor_get_u64(c);
  r->removals_ever = cursor_get_u64(c);
  r->proven_removals = cursor_get_u64(c);
  r->cipher = known_cipher(c, cursor_get_u32(c));
  r->entry_count = cursor_get_u32(c);
  r->husk_count = cursor_get_u32(c);
  r->removal_count = cursor_get_u32(c);
  get_bytes(r->chain_base, c, sizeof r->chain_base);
  get_bytes(r->proven_chain, c, sizeof r->proven_chain);
  get_bytes(r->commitment, c, sizeof r->commitment);
  get_bytes(r->proof, c, sizeof r->proof);
  get_bytes(r->appended_proofs[0], c, sizeof r->appended_proofs);
  if (!c->failed) get_zeros(c, HEADER_SIZE - (size_t)(c->at - start));
}

static bool header_is_sound(const region *r, size_t size) {
  return r->size == size && needed(r) <= size && r->proven_generation <= r->generation &&
         r->proven_store_generation <= r->store_generation &&
         r->removal_count <= r->removals_ever && r->proven_removals <= r->removals_ever &&
         r->husk_count <= r->removal_count &&
         r->removals_ever - r->proven_removals == r->husk_count;
}

static void decode_clear(const region *r, keyring_entry *e, seal_cipher *cipher, uint8_t *appended,
                         cursor *c) {
  e->kind = get_kind(c);
  const uint32_t word = cursor_get_u32(c);
  *cipher = known_cipher(c, word & 0xff);
  *appended = (uint8_t)(word >> 8);
  const bool sound =
      word >> 16 == 0 &&
      (*appended == 0 || (*appended <= REGION_SLOTS && e->kind == KEYRING_DEPOSIT_EPOCH &&
                          r->slots[*appended - 1].kind == SLOT_DEPOSIT));
  if (!sound) c->failed = true;
  e->id = cursor_get_u64(c);
  e->due = (int64_t)cursor_get_u64(c);
  e->born = cursor_get_u64(c);
}

static void decode_record(keyring_removal *r, cursor *c) {
  r->kind = get_kind(c);
  const uint32_t reason = cursor_get_u32(c);
  if (reason < KEYRING_PURGED || reason > KEYRING_ACCOUNT) c->failed = true;
  r->reason = c->failed ? KEYRING_PURGED : (keyring_reason)reason;
  r->id = cursor_get_u64(c);
  r->time = (int64_t)cursor_get_u64(c);
  r->items = cursor_get_u64(c);
  r->generation = cursor_get_u64(c);
}

static bool in_order(const keyring_entry *before, const keyring_entry *e, uint64_t generation) {
  return e->born <= generation && (before == NULL || compare(before, e->kind, e->id) < 0);
}

static void decode_rows(region *r, cursor *c) {
  for (size_t i = 0; i < r->entry_count && !c->failed; i++) {
    region_entry *e = &r->entries[i];
    decode_clear(r, &e->shown, &e->cipher, &e->appended, c);
    get_bytes(e->public_half, c, sizeof e->public_half);
    get_bytes(e->sealed, c, sizeof e->sealed);
    if (!in_order(i > 0 ? &e[-1].shown : NULL, &e->shown, r->generation)) c->failed = true;
  }
  for (size_t i = 0; i < r->husk_count && !c->failed; i++) {
    region_husk *h = &r->husks[i];
    decode_clear(r, &h->shown, &h->cipher, &h->appended, c);
    get_bytes(h->digest, c, sizeof h->digest);
    if (!in_order(i > 0 ? &h[-1].shown : NULL, &h->shown, r->generation)) c->failed = true;
  }
  for (size_t i = 0; i < r->removal_count && !c->failed; i++) {
    keyring_removal *m = &r->removals[i];
    decode_record(m, c);
    const uint64_t before = i > 0 ? m[-1].generation : 0;
    if (m->generation < before || m->generation > r->generation) c->failed = true;
  }
}

/* Computes the chain values, and meets the proven one on the way. */
static bool chain_holds(region *r) {
  const uint64_t oldest = r->removals_ever - r->removal_count;
  const uint8_t *value = r->chain_base;
  bool met = false;
  for (size_t i = 0; i <= r->removal_count; i++) {
    if (oldest + i == r->proven_removals)
      met = memcmp(value, r->proven_chain, sizeof r->proven_chain) == 0;
    if (i == r->removal_count) break;
    if (!region_chain_step(r->removals[i].chain, value, &r->removals[i])) return false;
    value = r->removals[i].chain;
  }
  return met;
}

/* The removals since the proof and the husks are the same set, and none of it lives. */
static bool husks_match_log(const region *r) {
  bool *seen = calloc(r->husk_count + 1, sizeof *seen);
  bool ok = seen != NULL;
  for (size_t i = r->removal_count - r->husk_count; ok && i < r->removal_count; i++) {
    const keyring_removal *m = &r->removals[i];
    const size_t h = lower_bound(r->husks, r->husk_count, sizeof *r->husks, m->kind, m->id);
    ok = h < r->husk_count && compare(&r->husks[h].shown, m->kind, m->id) == 0 && !seen[h] &&
         region_find(r, m->kind, m->id) == NULL;
    if (ok) seen[h] = true;
  }
  free(seen);
  return ok;
}

/* A slot that appended nothing has no proof of it. */
static bool appended_proofs_fit(const region *r) {
  static const uint8_t none[32];
  for (size_t i = 0; i < REGION_SLOTS; i++)
    if (!has_appended(r, i) && memcmp(r->appended_proofs[i], none, sizeof none) != 0) return false;
  return true;
}

static bool allocate_rows(region *r) {
  r->entries = calloc(r->entry_count + 1, sizeof *r->entries);
  r->husks = calloc(r->husk_count + 1, sizeof *r->husks);
  r->removals = calloc(r->removal_count + 1, sizeof *r->removals);
  return r->entries != NULL && r->husks != NULL && r->removals != NULL;
}

static bool checksum_holds(region *r, const uint8_t *bytes, size_t size) {
  crypto_digest(r->digest, bytes, size - REGION_DIGEST_SIZE);
  return memcmp(r->digest, bytes + size - REGION_DIGEST_SIZE, REGION_DIGEST_SIZE) == 0;
}

sdx_status region_decode(region *out, const uint8_t *bytes, size_t size, sdx_error *err) {
  memset(out, 0, sizeof *out);
  if (size < REGION_MIN || size > REGION_MAX || (size & (size - 1)) != 0) goto damaged;
  cursor c = cursor_over(bytes, size - REGION_DIGEST_SIZE);
  decode_header(out, &c);
  if (c.failed || !header_is_sound(out, size) || !checksum_holds(out, bytes, size)) goto damaged;
  if (!allocate_rows(out)) {
    region_free(out);
    return error_memory(err);
  }
  for (size_t i = 0; i < REGION_SLOTS; i++) slot_decode(&out->slots[i], &c);
  decode_rows(out, &c);
  if (!c.failed) get_zeros(&c, cursor_left(&c));
  if (!c.failed && chain_holds(out) && husks_match_log(out) && appended_proofs_fit(out))
    return SDX_OK;
damaged:
  region_free(out);
  return error_set(err, SDX_DAMAGED, "the keyring is damaged: restore it from a copy");
}

bool region_is_newer(const uint8_t *bytes, size_t size) {
  cursor c = cursor_over(bytes, size);
  const uint8_t *magic = cursor_get(&c, 8);
  return magic != NULL && memcmp(magic, MAGIC, 8) == 0 && cursor_get_u32(&c) > REGION_VERSION;
}
