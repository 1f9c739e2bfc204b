/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *const model_words[MODEL_WORDS] = { "zebra",  "quartz", "ballad", "cobalt",
                                               "walnut", "velvet", "tundra", "saffron",
                                               "pollen", "nickel", "marrow", "lagoon" };
const char *const model_folders[MODEL_FOLDERS] = { "INBOX", "Archive", "Lists" };
const char *const model_flags[MODEL_FLAGS] = { "flagged", "answered" };

void model_advance(model *m, int64_t now) {
  m->now = now;
  for (unsigned i = 0; i < MODEL_ITEMS; i++) {
    model_item *it = &m->items[i];
    if (it->life != MODEL_LIVE || it->expires == 0 || it->expires > now) continue;
    it->life = MODEL_DELETED;
    it->deleted_at = it->expires;
  }
}

bool model_can_go_back(const model *m, int64_t now) {
  for (unsigned i = 0; i < MODEL_ITEMS; i++)
    if (m->items[i].expires > now && m->items[i].expires <= m->now) return false;
  return true;
}

bool model_restorable(const model *m, unsigned item) {
  const model_item *it = &m->items[item];
  return it->life == MODEL_DELETED && m->now < it->deleted_at + MODEL_RETENTION;
}

unsigned model_sweep(model *m) {
  unsigned purged = 0;
  for (unsigned i = 0; i < MODEL_ITEMS; i++) {
    if (m->items[i].life != MODEL_DELETED || model_restorable(m, i)) continue;
    m->items[i] = (model_item){ .life = MODEL_ABSENT };
    purged++;
  }
  return purged;
}

bool model_matches(const model *m, unsigned item, const model_query *q) {
  const model_item *it = &m->items[item];
  return it->life == MODEL_LIVE && (it->words & q->all) == q->all &&
         (q->any == 0 || (it->words & q->any) != 0) && (it->words & q->none) == 0 &&
         (q->folder < 0 || it->folder == (unsigned)q->folder) &&
         (q->flag < 0 || (it->flags >> q->flag & 1) != 0) &&
         (q->after == 0 || it->date >= q->after) && (q->before == 0 || it->date < q->before);
}

static void append(char *out, size_t size, const char *before, const char *text) {
  const size_t at = strlen(out);
  snprintf(out + at, size - at, "%s%s", before, text);
}

static void append_day(char *out, size_t size, const char *before, int64_t time) {
  char day[16];
  struct tm parts;
  const time_t t = (time_t)time;
  gmtime_r(&t, &parts);
  strftime(day, sizeof day, "%Y-%m-%d", &parts);
  append(out, size, before, day);
}

void model_query_text(const model_query *q, char *out, size_t size) {
  out[0] = '\0';
  for (unsigned i = 0; i < MODEL_WORDS; i++)
    if ((q->all >> i & 1) != 0) append(out, size, " ", model_words[i]);
  const char *joint = " (";
  for (unsigned i = 0; i < MODEL_WORDS; i++) {
    if ((q->any >> i & 1) == 0) continue;
    append(out, size, joint, model_words[i]);
    joint = " OR ";
  }
  if (q->any != 0) append(out, size, ")", "");
  if (q->folder >= 0) append(out, size, " in:", model_folders[q->folder]);
  if (q->flag >= 0) append(out, size, " is:", model_flags[q->flag]);
  if (q->after != 0) append_day(out, size, " after:", q->after);
  if (q->before != 0) append_day(out, size, " before:", q->before);
  for (unsigned i = 0; i < MODEL_WORDS; i++)
    if ((q->none >> i & 1) != 0) append(out, size, " -", model_words[i]);
}
