/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/error.h"
#include "store/environment.h"

sdx_status store_create(const char *dir, sdx_error *err) {
  return environment_create(dir, MAP_INITIAL, err);
}

sdx_status store_open(store **out, const char *dir, sdx_error *err) {
  store *s = calloc(1, sizeof *s);
  if (s == NULL) return error_memory(err);
  sdx_status status = registry_take(&s->env, dir, err);
  if (status < 0) {
    free(s);
    return status;
  }
  s->forks = registry_forks();
  s->maintenance = -1;
  (void)pthread_mutex_init(&s->lock, NULL);
  /* Opens the files now, so that what is wrong with them shows here. */
  store_txn *t;
  status = store_read_begin(s, &t, err);
  if (status < 0) {
    store_close(s);
    return status;
  }
  store_read_end(t);
  *out = s;
  return SDX_OK;
}

void store_close(store *s) {
  if (s == NULL) return;
  /* What the parent of a fork has open is not ours to close. */
  if (s->forks == registry_forks()) {
    store_maintenance_unlock(s);
    registry_give(s->env);
  }
  (void)pthread_mutex_destroy(&s->lock);
  free(s);
}
