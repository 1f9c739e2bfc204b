/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * note.h - short notes that the index hands out and takes back: sealed under a key of their own, so that
 * whoever keeps or passes them on reads nothing in them, and nobody makes one up.
 */
#ifndef SEALDEX_INDEX_NOTE_H
#define SEALDEX_INDEX_NOTE_H

#include "base/buffer.h"
#include "index/index.h"

#define NOTE_MAX 4096 /* bytes of plaintext */

/* Appends the note as text: letters, digits, `-` and `_`. */
sdx_status note_seal(buffer *out, const sdx_index *index, const void *plain, size_t size,
                     sdx_error *err) SDX_CHECK;
/* Appends the plaintext. SDX_INVALID for what this index never gave out. */
sdx_status note_open(buffer *out, const sdx_index *index, sdx_bytes text, sdx_error *err) SDX_CHECK;

#endif
