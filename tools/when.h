/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * when.h - times and spans of time as a person writes them.
 */
#ifndef SEALDEX_TOOLS_WHEN_H
#define SEALDEX_TOOLS_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* Epoch seconds, `2024-05-17` (00:00 UTC), or `2024-05-17T10:00[:00][Z|+02:00]` (UTC unless it says
 * otherwise). False for anything else, and for times that are not after the epoch. */
bool when_parse(const char *text, int64_t *out);

/* `45d`, `12h`, `30m`, `90s`, `6w`, `1y` (365 days), or seconds. False for anything else, and for
 * 0. */
bool when_parse_span(const char *text, int64_t *seconds);

/* `+02:00`, `-0530`, `Z`: seconds east of UTC. */
bool when_parse_offset(const char *text, int32_t *seconds);

enum { WHEN_SIZE = 32 };
/* `2024-05-17 10:00`, in UTC. Returns `out`. */
const char *when_format(int64_t time, char out[WHEN_SIZE]);

#endif
