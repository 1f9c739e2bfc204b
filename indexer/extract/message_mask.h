/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * message_mask.h - hiding messages within a message from GMime's parser, which then gives them as
 * plain parts, for us to read as messages of their own.
 *
 * GMime parses the addresses of every message within a message while it builds its tree: time in
 * the square of the number of fields, and one stack frame for every colon of an address. A sender
 * could end the process with that. Masking also lets the lenient header reader (header.h) read
 * them.
 */
#ifndef SEALDEX_EXTRACT_MESSAGE_MASK_H
#define SEALDEX_EXTRACT_MESSAGE_MASK_H

#include <gmime/gmime.h>

#include "base/buffer.h"

/* The name that Content-Type has in a masked part. */
#define MESSAGE_MASK_TYPE "Xontent-Type"

/* Puts a copy of `bytes` into *out, every byte at its place, in which no part is a message to
 * GMime; leaves *out empty where there is nothing to mask. */
void message_mask(buffer *out, GMimeParserOptions *options, const void *bytes, size_t size);

/* Whether a Content-Type value says that the part is a message. */
bool message_mask_is_message(GMimeContentType *type);

#endif
