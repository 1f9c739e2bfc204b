/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zones.h - the time zones that calendars name without defining them
 * (`DTSTART;TZID=Europe/Brussels` and no VTIMEZONE): they are in files of the system, which the
 * worker cannot open any more when it reads. So the host looks for their names, and the worker
 * loads them before it gives up its files.
 */
#ifndef SEALDEX_EXTRACT_ZONES_H
#define SEALDEX_EXTRACT_ZONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONES_MAX 16       /* each takes some milliseconds to load */
#define ZONES_NAME_SIZE 48 /* of a name with its end, padded with zeros */

typedef struct zones {
  uint32_t count;
  char names[ZONES_MAX][ZONES_NAME_SIZE];
} zones;

/* Adds the zones that the calendar names and this system knows; true where there was a new one.
 * Where there are too many, those of this calendar alone are kept. */
bool zones_add(zones *z, const void *calendar, size_t size);
#endif
