/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

const engine_class *engine_sqlcipher_load(void) {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 32);
  if (size <= 0) return NULL;
  path[size] = '\0';
  char *name = strrchr(path, '/');
  if (name == NULL) return NULL;
  strcpy(name, "/sealdex-bench-sqlcipher.so");
  /* Its symbols are its own; SQLite's in this program are not to be mixed in. */
  void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  return module != NULL ? (const engine_class *)dlsym(module, "engine_sqlcipher") : NULL;
}
