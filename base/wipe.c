/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/wipe.h"

#include <string.h>

void wipe(void *bytes, size_t size) {
  if (size > 0) explicit_bzero(bytes, size);
}
