/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtf_packed.h - unpacking the RTF of Outlook's messages (MS-OXRTFCP). */
#ifndef SEALDEX_EXTRACT_RTF_PACKED_H
#define SEALDEX_EXTRACT_RTF_PACKED_H

#include "base/buffer.h"

/* Appends the text, at most 64 MiB; false where the bytes are not such a text. */
bool rtf_unpack(buffer *out, const void *bytes, size_t size);

#endif
