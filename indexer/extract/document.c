/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/document.h"

#include <string.h>

#include "indexer/extract/charset.h"
#include "indexer/extract/html.h"

#define HEADING_WITHIN 4096
static const char CUT[] = "more text than is read of one item";

static bool start(const void *bytes, size_t size, draft *d) {
  d->kind = SDX_DOCUMENT;
  d->size = size;
  d->date = d->fallback;
  if (size == 0) return draft_refuse(d, "it is empty");
  if (!charset_is_text(bytes, size)) return draft_refuse(d, "it is no text");
  return true;
}

bool text_extract(const void *bytes, size_t size, draft *d) {
  if (!start(bytes, size, d)) return false;
  if (!charset_decode(&d->body, DRAFT_BODY_MAX, NULL, bytes, size)) draft_set_partial(d, CUT);
  return true;
}

/* The first `# heading` of the body. */
static void add_heading(draft *d) {
  const char *at = (const char *)d->body.data;
  const char *end = at + (d->body.size < HEADING_WITHIN ? d->body.size : HEADING_WITHIN);
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline != NULL ? newline : end;
    if (stop - at > 2 && at[0] == '#' && at[1] == ' ') {
      at += 2;
      while (at < stop && (*at == ' ' || *at == '#')) at++;
      while (stop > at && strchr(" #\r", stop[-1]) != NULL) stop--;
      draft_add_field(d, "title", at, charset_whole(at, (size_t)(stop - at)));
      return;
    }
    at = stop + 1;
  }
}

bool markdown_extract(const void *bytes, size_t size, draft *d) {
  if (!text_extract(bytes, size, d)) return false;
  if (!d->body.failed && d->body.size > 0) add_heading(d);
  return true;
}

bool page_extract(const void *bytes, size_t size, draft *d) {
  if (!start(bytes, size, d)) return false;
  buffer title = BUFFER_INIT;
  if (!html_decode(&d->body, DRAFT_BODY_MAX, &title, NULL, bytes, size)) draft_set_partial(d, CUT);
  if (title.failed) d->failed = true;
  draft_add_field(d, "title", title.data, title.size);
  buffer_free(&title);
  return true;
}
