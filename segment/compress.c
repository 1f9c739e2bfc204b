/* SPDX-License-Identifier: GPL-2.0-or-later */
#define ZSTD_STATIC_LINKING_ONLY /* for contexts with an allocator of our own, out of dumps */
#include "segment/compress.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/error.h"
#include "base/plain.h"
#include "base/wipe.h"

struct compressor {
  ZSTD_CCtx *context;
};

static void *take(void *opaque, size_t size) {
  (void)opaque;
  return plain_alloc(size);
}

static void give(void *opaque, void *address) {
  (void)opaque;
  plain_free(address);
}

static const ZSTD_customMem memory = { take, give, NULL };

sdx_status compressor_new(compressor **out, sdx_error *err) {
  compressor *c = plain_alloc(sizeof *c);
  if (c != NULL) c->context = ZSTD_createCCtx_advanced(memory);
  if (c == NULL || c->context == NULL) {
    plain_free(c);
    return error_memory(err);
  }
  *out = c;
  return SDX_OK;
}

void compressor_free(compressor *c) {
  if (c == NULL) return;
  ZSTD_freeCCtx(c->context);
  plain_free(c);
}

bool compress_put(buffer *out, compressor *c, const void *bytes, size_t size) {
  const size_t room = ZSTD_compressBound(size);
  if (size > COMPRESS_CONTENT_MAX) out->failed = true;
  if (!buffer_reserve(out, room)) return false;
  ZSTD_CCtx *context = c != NULL ? c->context : ZSTD_createCCtx_advanced(memory);
  size_t used = 0;
  if (context != NULL)
    used = ZSTD_compressCCtx(context, out->data + out->size, room, bytes, size, COMPRESS_LEVEL);
  if (c == NULL) ZSTD_freeCCtx(context);
  if (context == NULL || ZSTD_isError(used)) {
    out->failed = true;
    return false;
  }
  out->size += used;
  return true;
}

sdx_status compress_get(buffer *out, const void *frame, size_t size, sdx_error *err) {
  static const char damaged[] = "stored text of an item is damaged; reindex --missing mends it";
  const unsigned long long content = ZSTD_getFrameContentSize(frame, size);
  /* A frame makes at most 128 KiB of about four bytes. */
  if (content > COMPRESS_CONTENT_MAX || content / (32 * 1024) > size)
    return error_set(err, SDX_DAMAGED, damaged);
  if (!buffer_reserve(out, (size_t)content)) return error_memory(err);
  ZSTD_DCtx *context = ZSTD_createDCtx_advanced(memory);
  if (context == NULL) return error_memory(err);
  const size_t got =
      ZSTD_decompressDCtx(context, out->data + out->size, (size_t)content, frame, size);
  ZSTD_freeDCtx(context);
  if (ZSTD_isError(got) || got != content) {
    wipe(out->data + out->size, (size_t)content);
    return error_set(err, SDX_DAMAGED, damaged);
  }
  out->size += got;
  return SDX_OK;
}
