/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment/builder.h"
#include "segment/layout.h"
#include "segment/segment.h"

/* What says which segment it is, is the manifest alone. */
static sdx_status copy_manifest(const uint8_t *from, uint64_t id, const block_sink *sink, segment_info *info,
                                sdx_error *err) {
  uint8_t plain[BLOCK_PLAIN];
  layout_manifest m;
  sdx_status status = layout_manifest_decode(&m, from, err);
  if (status != SDX_OK) return status;
  m.info.id = id;
  layout_manifest_copies(&m, from);
  *info = m.info;
  layout_manifest_encode(plain, &m);
  return sink->put(sink->context, STREAM_MANIFEST, 0, plain, err);
}

sdx_status segment_copy(const segment *s, segment_session *session, uint64_t segment_id, const block_sink *sink,
                        segment_info *info, sdx_error *err) {
  sdx_status status = SDX_OK;
  block_ref ref = BLOCK_REF_INIT;
  for (uint32_t stream = STREAM_MANIFEST; stream < STREAM_ATTRIBUTES; stream++)
    for (uint32_t i = 0; i < s->manifest.blocks[stream] && status == SDX_OK; i++) {
      const uint8_t *plain = block_get(s, session, (segment_stream)stream, i, &ref);
      if (plain == NULL)
        status = session->status;
      else if (stream == STREAM_MANIFEST)
        status = copy_manifest(plain, segment_id, sink, info, err);
      else
        status = sink->put(sink->context, (segment_stream)stream, i, plain, err);
    }
  block_release(&ref);
  return status;
}
