/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

/* The module's symbols are its own; those of the same names in this program are not to be mixed in.
 */
static const engine_class *load(const char *module, const char *symbol) {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 64);
  if (size <= 0) return NULL;
  path[size] = '\0';
  char *name = strrchr(path, '/');
  if (name == NULL) return NULL;
  snprintf(name, 64, "/%s", module);
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (handle == NULL) {
    if (access(path, F_OK) == 0) fprintf(stderr, "sealdex-bench: %s\n", dlerror());
    return NULL;
  }
  return (const engine_class *)dlsym(handle, symbol);
}

const engine_class *engine_sqlcipher_load(void) {
  return load("sealdex-bench-sqlcipher.so", "engine_sqlcipher");
}

const engine_class *engine_null_load(void) {
  return load("sealdex-bench-null.so", "engine_null");
}

const engine_class *engine_named(const char *name) {
  const engine_class *const own[] = { &engine_sealdex, &engine_xapian, &engine_xapian_compact,
                                      &engine_fts5 };
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
    if (strcmp(own[i]->name, name) == 0) return own[i];
  if (strcmp(name, "SQLCipher") == 0) return engine_sqlcipher_load();
  return strcmp(name, "Sealdex unsealed") == 0 ? engine_null_load() : NULL;
}
