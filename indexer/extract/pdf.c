/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/pdf.h"

#include <poppler.h>
#include <string.h>

#include "indexer/extract/charset.h"
#include "indexer/extract/libraries.h"

static void add(draft *d, const char *field, char *text) {
  if (text == NULL) return;
  draft_add_field(d, field, text, strlen(text));
  g_free(text);
}

static void add_metadata(draft *d, PopplerDocument *document) {
  add(d, "title", poppler_document_get_title(document));
  add(d, "author", poppler_document_get_author(document));
  add(d, "keywords", poppler_document_get_keywords(document));
  add(d, "note", poppler_document_get_subject(document));
  GDateTime *at = poppler_document_get_modification_date_time(document);
  if (at == NULL) at = poppler_document_get_creation_date_time(document);
  if (at == NULL) return;
  const gint64 seconds = g_date_time_to_unix(at);
  if (seconds > 0) d->date = seconds;
  g_date_time_unref(at);
}

/* Takes the text. */
static void put_text(draft *d, char *text) {
  if (text != NULL && text[0] != '\0') {
    const size_t room = d->body.size < DRAFT_BODY_MAX ? DRAFT_BODY_MAX - d->body.size : 0;
    if (!charset_decode(&d->body, room, "utf-8", text, strlen(text)))
      draft_set_partial(d, "more text than is read of one item");
    buffer_put_u8(&d->body, '\n');
  }
  g_free(text);
}

/* What was filled into forms, and chosen. */
static void add_forms(draft *d, PopplerPage *page) {
  GList *fields = poppler_page_get_form_field_mapping(page);
  for (GList *l = fields; l != NULL; l = l->next) {
    PopplerFormField *field = ((PopplerFormFieldMapping *)l->data)->field;
    const PopplerFormFieldType type = poppler_form_field_get_field_type(field);
    if (type == POPPLER_FORM_FIELD_TEXT && !poppler_form_field_text_is_password(field))
      put_text(d, poppler_form_field_text_get_text(field));
    if (type != POPPLER_FORM_FIELD_CHOICE) continue;
    const int count = poppler_form_field_choice_get_n_items(field);
    for (int i = 0; i < count; i++)
      if (poppler_form_field_choice_is_item_selected(field, i))
        put_text(d, poppler_form_field_choice_get_item(field, i));
  }
  poppler_page_free_form_field_mapping(fields);
}

/* Notes that readers stuck on. */
static void add_notes(draft *d, PopplerPage *page) {
  GList *notes = poppler_page_get_annot_mapping(page);
  for (GList *l = notes; l != NULL; l = l->next) {
    PopplerAnnot *note = ((PopplerAnnotMapping *)l->data)->annot;
    if (poppler_annot_get_annot_type(note) != POPPLER_ANNOT_LINK)
      put_text(d, poppler_annot_get_contents(note));
  }
  poppler_page_free_annot_mapping(notes);
}

static void add_page(draft *d, PopplerDocument *document, int number) {
  PopplerPage *page = poppler_document_get_page(document, number);
  if (page == NULL) return;
  put_text(d, poppler_page_get_text(page));
  add_forms(d, page);
  add_notes(d, page);
  g_object_unref(page);
}

bool pdf_extract(const void *bytes, size_t size, draft *d) {
  libraries_start();
  GError *error = NULL;
  GBytes *view = g_bytes_new_static(bytes, size);
  PopplerDocument *document = poppler_document_new_from_bytes(view, NULL, &error);
  if (document == NULL) {
    const bool locked = g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED);
    draft_set_partial(d, locked ? "it is encrypted" : "it is no PDF that can be read");
    g_clear_error(&error);
    g_bytes_unref(view);
    return true;
  }
  add_metadata(d, document);
  const int pages = poppler_document_get_n_pages(document);
  for (int i = 0; i < pages && !d->body.failed && d->body.size < DRAFT_BODY_MAX; i++)
    add_page(d, document, i);
  if (pages <= 0) draft_set_partial(d, "it has no pages that can be read");
  if (pages > 0 && d->body.size == 0) draft_set_partial(d, "it holds no text, only pictures");
  g_object_unref(document);
  g_bytes_unref(view);
  return true;
}
