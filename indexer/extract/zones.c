/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/zones.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY "/usr/share/zoneinfo/"

static bool is_name_byte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' ||
         c == '_' || c == '-' || c == '+';
}

/* The name that stands at `at`; false where it is none that a file of the system may have. */
static bool take_name(char out[ZONES_NAME_SIZE], const char *at, const char *end) {
  size_t n = 0;
  if (at < end && *at == '"') at++;
  while (at + n < end && n < ZONES_NAME_SIZE && is_name_byte(at[n])) n++;
  if (n == 0 || n == ZONES_NAME_SIZE || at[0] == '/') return false;
  memset(out, 0, ZONES_NAME_SIZE);
  memcpy(out, at, n);
  return true;
}

/* No point stands in a name, so none leads out of the directory. */
static bool is_known(const char *name) {
  char path[sizeof DIRECTORY + ZONES_NAME_SIZE];
  (void)snprintf(path, sizeof path, DIRECTORY "%s", name);
  return access(path, R_OK) == 0;
}

static bool has(const zones *z, const char *name) {
  for (uint32_t i = 0; i < z->count; i++)
    if (strcmp(z->names[i], name) == 0) return true;
  return false;
}

static void put(zones *z, const char *name) {
  if (z->count < ZONES_MAX && !has(z, name)) memcpy(z->names[z->count++], name, ZONES_NAME_SIZE);
}

bool zones_add(zones *z, const void *calendar, size_t size) {
  static const char PARAMETER[] = "TZID=";
  const char *at = calendar;
  const char *end = at + size;
  zones named = { .count = 0 };
  char name[ZONES_NAME_SIZE];
  bool fresh = false;
  while (named.count < ZONES_MAX &&
         (at = memmem(at, (size_t)(end - at), PARAMETER, sizeof PARAMETER - 1)) != NULL) {
    at += sizeof PARAMETER - 1;
    if (take_name(name, at, end) && !has(&named, name) && is_known(name)) put(&named, name);
  }
  for (uint32_t i = 0; i < named.count; i++) fresh |= !has(z, named.names[i]);
  if (!fresh) return false;
  if (z->count + named.count > ZONES_MAX) z->count = 0;
  for (uint32_t i = 0; i < named.count; i++) put(z, named.names[i]);
  return true;
}
