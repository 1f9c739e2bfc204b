/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secret.h - 32 secret bytes in locked, guarded memory, wiped when freed.
 */
#ifndef SEALDEX_CRYPTO_SECRET_H
#define SEALDEX_CRYPTO_SECRET_H

#include "sealdex.h"

#define SECRET_SIZE 32

typedef struct secret secret;

/* Must be called (by anyone, any number of times, from any thread) before the rest of crypto/. */
sdx_status crypto_start(sdx_error *err);

/* The id of this process, at no cost: handles note it and refuse to work where it changed. */
int crypto_process(void);

/* A zeroed secret in memory that is locked (or the call fails with SDX_NO_MEMORY), excluded from
 * core dumps and surrounded by guard pages. Many secrets share locked pages. In a forked child the
 * parent's secrets are zeros. */
sdx_status secret_new(secret **out, sdx_error *err) SDX_CHECK;
sdx_status secret_random(secret **out, sdx_error *err) SDX_CHECK;
sdx_status secret_copy(secret **out, const uint8_t bytes[SECRET_SIZE], sdx_error *err) SDX_CHECK;
uint8_t *secret_bytes(secret *s);
const uint8_t *secret_view(const secret *s);
/* Wipes and frees; NULL is fine. */
void secret_free(secret *s);

/* out = keyed BLAKE2b-256 of `context` (a NUL-terminated purpose) and `data`, under `key`. Every
 * key that is derived rather than random is derived here; docs/format.md lists the contexts. */
sdx_status secret_derive(secret **out, const secret *key, const char *context, const void *data,
                         size_t size, sdx_error *err) SDX_CHECK;

/* Fills `out` with keyed BLAKE2b of `data`, `out_size` bytes (16 to 64). For blind ids and row
 * authentication. */
void secret_hash(uint8_t *out, size_t out_size, const secret *key, const void *data, size_t size);

/* True where both are equal; the time taken does not depend on the contents. */
bool secret_equal(const void *a, const void *b, size_t size);

void crypto_random(void *out, size_t size);

/* SipHash-2-4 of a short input: blinds block numbers; 16-byte key. */
uint64_t crypto_short_hash(const uint8_t key[16], const void *data, size_t size);

/* Unkeyed BLAKE2b-256, for checksums and hash chains. */
void crypto_digest(uint8_t out[32], const void *data, size_t size);

/* Memory for opened blocks: out of core dumps, locked where the limit allows (never an error if it
 * does not), zeroed, page-aligned, of huge pages where it nearly fills some; zeros in a forked
 * child. Several system calls: meant for slabs of a cache, not for single blocks. NULL where memory
 * ran out. Free with the same size: it is wiped. */
void *opened_alloc(size_t size);
void opened_free(void *p, size_t size);

#endif
