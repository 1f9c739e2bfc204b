/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An mbox file: what separates its messages, and the flags kept in their headers. */
#include <sys/mman.h>
#include <unistd.h>

#include "indexer/extract/mbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static draft d;
  mbox m;
  mbox_message message;
  const int fd = memfd_create("mbox", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0) goto out;
  mbox_open(&m, fd, size);
  while (mbox_next(&m, &message, NULL) == SDX_OK) {
    draft_begin(&d, SDX_MESSAGE, 1700000000);
    mbox_add_flags(&d, message.bytes, message.size);
    (void)mbox_at_end(&m);
  }
  mbox_close(&m);
out:
  if (fd >= 0) close(fd);
  return 0;
}
