/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * part_limit.h - a bound on what a message's structure can cost before any parser sees it.
 *
 * A parser makes objects of some kilobytes for every part, so a message of a million empty parts
 * would need gigabytes. Cutting it where too many boundary lines have passed costs one fast scan.
 */
#ifndef SEALDEX_EXTRACT_PART_LIMIT_H
#define SEALDEX_EXTRACT_PART_LIMIT_H

#include <stddef.h>

/* How many of the bytes hold at most `parts` parts: `size`, or where the boundary line after them
 * begins. Lines that only look like boundaries do not count, but where there are so many, and so
 * many boundaries to compare them to, that it would take seconds. */
size_t part_limit(const void *bytes, size_t size, size_t parts);

#endif
