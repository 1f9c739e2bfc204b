/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query/filter.h"

#include <string.h>

typedef enum filter_kind {
  FILTER_FOLDER,
  FILTER_LABEL,
  FILTER_FLAG,
  FILTER_HAS,
  FILTER_THREAD_SOME,
  FILTER_THREAD_ALL,
  FILTER_THREAD_NONE,
  FILTER_KIND,
  FILTER_LARGER,
  FILTER_SMALLER,
  FILTER_BEFORE,
  FILTER_AFTER,
  FILTER_ON,
  FILTER_DATE,
  FILTER_OLDER,
  FILTER_NEWER
} filter_kind;

struct filter {
  char name[12]; /* side by side: a search looks at all of them */
  filter_kind kind;
};

static const filter filters[] = {
  { "in", FILTER_FOLDER },
  { "label", FILTER_LABEL },
  { "is", FILTER_FLAG },
  { "has", FILTER_HAS },
  { "kind", FILTER_KIND },
  { "larger", FILTER_LARGER },
  { "smaller", FILTER_SMALLER },
  { "before", FILTER_BEFORE },
  { "after", FILTER_AFTER },
  { "on", FILTER_ON },
  { "date", FILTER_DATE },
  { "older_than", FILTER_OLDER },
  { "newer_than", FILTER_NEWER },
  { "thread_has", FILTER_THREAD_SOME },
  { "thread_all", FILTER_THREAD_ALL },
  { "thread_none", FILTER_THREAD_NONE },
};

static bool same_word(const char *text, size_t size, const char *word) {
  size_t i = 0;
  for (; i < size && word[i] != '\0'; i++)
    if ((text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]) != word[i]) return false;
  return i == size && word[i] == '\0';
}

const filter *filter_find(const char *name, size_t size) {
  for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
    if (same_word(name, size, filters[i].name)) return &filters[i];
  return NULL;
}

const char *filter_name(const filter *f) {
  return f->name;
}

/* Names that people use for flags, and whether they mean an item without the flag. */
static const struct {
  const char *name, *flag;
  bool without;
} flag_names[] = {
  { "unread", "seen", true },        { "read", "seen", false },
  { "unseen", "seen", true },        { "starred", "flagged", false },
  { "unflagged", "flagged", true },  { "unstarred", "flagged", true },
  { "replied", "answered", false },  { "unanswered", "answered", true },
  { "unreplied", "answered", true },
};

const char *filter_flag_name(size_t i) {
  return i < sizeof(flag_names) / sizeof(*flag_names) ? flag_names[i].name : NULL;
}

char filter_letter(const filter *f) {
  switch (f->kind) {
  case FILTER_FOLDER:
    return 'f';
  case FILTER_LABEL:
    return 'l';
  case FILTER_THREAD_SOME:
  case FILTER_THREAD_ALL:
  case FILTER_THREAD_NONE:
  case FILTER_FLAG:
    return 'g';
  case FILTER_KIND:
    return 'k';
  case FILTER_HAS:
    return 'a';
  default:
    return '\0';
  }
}

static tree *attribute(scratch *s, char letter, sdx_bytes value) {
  tree *t = tree_new(s, TREE_ATTRIBUTE);
  if (t == NULL) return NULL;
  t->letter = letter;
  t->text = scratch_copy(s, value.data, value.size);
  return t;
}

static tree *flag(scratch *s, sdx_bytes value) {
  for (size_t i = 0; i < sizeof(flag_names) / sizeof(*flag_names); i++) {
    if (!same_word(value.data, value.size, flag_names[i].name)) continue;
    const sdx_bytes name = { .data = flag_names[i].flag, .size = strlen(flag_names[i].flag) };
    tree *t = attribute(s, 'g', name);
    if (t != NULL) t->number = flag_names[i].without;
    return t;
  }
  return attribute(s, 'g', value);
}

static tree *thread(scratch *s, filter_kind k, sdx_bytes value) {
  tree *t = flag(s, value);
  if (t == NULL) return NULL;
  t->kind = TREE_THREAD;
  t->low = t->number; /* lacks it */
  t->number = k == FILTER_THREAD_SOME ? 0 : k == FILTER_THREAD_ALL ? 1 : 2;
  return t;
}

static tree *kind(scratch *s, sdx_bytes value) {
  static const char *const names[] = { "message", "event", "contact", "document" };
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    if (!same_word(value.data, value.size, names[i])) continue;
    const char digit = (char)('1' + i);
    return attribute(s, 'k', (sdx_bytes){ .data = &digit, .size = 1 });
  }
  return NULL;
}

/* "5M", "100k", "1.5G", "2000", "10MB": bytes, k = 1024. Negative where it is no size. */
static int64_t parse_size(sdx_bytes value) {
  double v = 0, scale = 1;
  size_t i = 0, digits = 0;
  for (bool fraction = false; i < value.size; i++) {
    const char c = value.data[i];
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    if (++digits > 15) return -1;
    if (fraction)
      v += (c - '0') * (scale /= 10);
    else
      v = v * 10 + (c - '0');
  }
  if (digits == 0) return -1;
  if (i < value.size) {
    static const char units[] = "kmgt";
    const char *unit = strchr(units, value.data[i] | 0x20);
    if (unit != NULL && *unit != '\0') {
      for (const char *u = units; u <= unit; u++) v *= 1024;
      i++;
    }
  }
  if (i < value.size && (value.data[i] | 0x20) == 'b') i++;
  return i == value.size && v < 9e18 ? (int64_t)v : -1;
}

static tree *interval(scratch *s, tree_kind kind, int64_t low, int64_t high) {
  tree *t = tree_new(s, kind);
  if (t == NULL) return NULL;
  t->low = low;
  t->high = high;
  return t;
}

static tree *size_filter(scratch *s, filter_kind k, sdx_bytes value) {
  const int64_t bytes = parse_size(value);
  if (bytes < 0) return NULL;
  return k == FILTER_LARGER ? interval(s, TREE_SIZE, bytes + 1, INT64_MAX)
                            : interval(s, TREE_SIZE, 0, bytes);
}

static tree *period(scratch *s, const date_context *dates, int64_t low, int64_t high) {
  tree *t = interval(s, TREE_DATE, low, high);
  if (t != NULL) t->number = (uint32_t)dates->utc_offset;
  return t;
}

static tree *date_filter(scratch *s, filter_kind k, sdx_bytes value, const date_context *dates) {
  date_period p;
  int64_t moment;
  switch (k) {
  case FILTER_BEFORE:
    if (!date_parse(value.data, value.size, dates, &p)) return NULL;
    return period(s, dates, DATE_FIRST, p.start);
  case FILTER_AFTER:
    if (!date_parse(value.data, value.size, dates, &p)) return NULL;
    return period(s, dates, p.start, DATE_LAST);
  case FILTER_OLDER:
    if (!date_parse_age(value.data, value.size, dates, &moment)) return NULL;
    return period(s, dates, DATE_FIRST, moment);
  case FILTER_NEWER:
    if (!date_parse_age(value.data, value.size, dates, &moment)) return NULL;
    return period(s, dates, moment, DATE_LAST);
  case FILTER_ON:
    if (!date_parse(value.data, value.size, dates, &p)) return NULL;
    return period(s, dates, p.start, p.end);
  default:
    if (!date_parse_range(value.data, value.size, dates, &p)) return NULL;
    return period(s, dates, p.start, p.end);
  }
}

/* The filter as it is typed, in quotes where its value would fall apart without them. */
static sdx_bytes typed(scratch *s, const filter *f, sdx_bytes value) {
  bool quotes = value.size == 0;
  for (size_t i = 0; i < value.size; i++)
    if ((unsigned char)value.data[i] <= ' ' || (unsigned char)value.data[i] >= 0x80 ||
        value.data[i] == '(' || value.data[i] == ')')
      quotes = true;
  const size_t name = strlen(f->name);
  char *p = scratch_take(s, name + value.size + 3);
  if (p == NULL) return (sdx_bytes){ .data = "", .size = 0 };
  char *at = p;
  memcpy(at, f->name, name);
  at += name;
  *at++ = ':';
  if (quotes) *at++ = '"';
  memcpy(at, value.data, value.size);
  at += value.size;
  if (quotes) *at++ = '"';
  return (sdx_bytes){ .data = p, .size = (size_t)(at - p) };
}

tree *filter_node(scratch *s, const filter *f, sdx_bytes value, const date_context *dates) {
  if (value.size == 0) return NULL;
  tree *t = NULL;
  switch (f->kind) {
  case FILTER_FOLDER:
    t = attribute(s, 'f', value);
    break;
  case FILTER_LABEL:
    t = attribute(s, 'l', value);
    break;
  case FILTER_FLAG:
    t = flag(s, value);
    break;
  case FILTER_THREAD_SOME:
  case FILTER_THREAD_ALL:
  case FILTER_THREAD_NONE:
    t = thread(s, f->kind, value);
    break;
  case FILTER_HAS:
    if (same_word(value.data, value.size, "attachment") ||
        same_word(value.data, value.size, "attachments"))
      t = attribute(s, 'a', (sdx_bytes){ .data = "", .size = 0 });
    break;
  case FILTER_KIND:
    t = kind(s, value);
    break;
  case FILTER_LARGER:
  case FILTER_SMALLER:
    t = size_filter(s, f->kind, value);
    break;
  default:
    t = date_filter(s, f->kind, value, dates);
    break;
  }
  if (t != NULL) t->typed = typed(s, f, value);
  return t;
}
