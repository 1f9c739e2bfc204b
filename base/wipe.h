/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wipe.h - overwriting what must not stay in memory, in a way that the compiler keeps. */
#ifndef SEALDEX_BASE_WIPE_H
#define SEALDEX_BASE_WIPE_H

#include <stddef.h>

/* Overwrites `size` bytes with zeros; NULL with size 0 is fine. */
void wipe(void *bytes, size_t size);

#endif
