/* SPDX-License-Identifier: GPL-2.0-or-later */
/* invented.h - a mailbox out of nothing, of the shapes that real mail has. */
#ifndef SEALDEX_PROOF_INVENTED_H
#define SEALDEX_PROOF_INVENTED_H

#include "sealdex.h"

/* Gives `count` messages, the same for a seed: words by Zipf's law with endings, marks, numbers,
 * parts joined by punctuation, lines that break anywhere, words over 64 bytes. */
void invented_mailbox(uint64_t seed, unsigned count,
                      void (*take)(void *context, const sdx_item *item), void *context);

#endif
