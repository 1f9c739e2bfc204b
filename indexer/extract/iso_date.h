/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iso_date.h - dates as calendars, cards and documents write them: ISO 8601, basic or extended. */
#ifndef SEALDEX_EXTRACT_ISO_DATE_H
#define SEALDEX_EXTRACT_ISO_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `2024`, `2024-05-17`, `20240517T101112Z`, `2024-05-17T10:11:12+02:00`: epoch seconds; without a
 * zone UTC; 0 where it is none, or before 1970. What follows the date is passed over. */
int64_t iso_date_parse(const char *text, size_t size);

/* `20240517...` and `2024-05-17...` as "2024-05-17"; false for all else. */
bool iso_date_day(char out[16], const char *text, size_t size);

#endif
