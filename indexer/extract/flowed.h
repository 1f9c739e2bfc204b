/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flowed.h - text/plain; format=flowed (RFC 3676): lines that were broken for sending, rejoined. */
#ifndef SEALDEX_EXTRACT_FLOWED_H
#define SEALDEX_EXTRACT_FLOWED_H

#include "base/buffer.h"

/* Appends the UTF-8 `text` with its paragraphs whole; `delsp` as the type's parameter: the blank at
 * which a line was broken is no part of the text. */
void flowed_join(buffer *out, const char *text, size_t size, bool delsp);

#endif
