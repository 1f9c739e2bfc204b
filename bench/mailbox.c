/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mailbox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "words.h"

enum {
  RECENT = 500,      /* messages that may still be answered */
  BODY_MAX = 120000, /* bytes */
  QUOTE_MAX = 600,
  BURST = 64, /* words that an item may use again */
  FOLDERS = 24
};

/* What an answer needs of the message that it answers. */
typedef struct parent {
  uint64_t number, thread;
  words_language language;
  uint32_t person, folder;
  char subject[256], quote[QUOTE_MAX + 1];
} parent;

struct mailbox {
  mailbox_item item;
  uint64_t count, seed, random;
  uint32_t people;
  word_source *words;
  parent recent[RECENT];
  size_t recent_count, recent_next;
  uint64_t burst[BURST]; /* ranks that the present text has used */
  size_t burst_count;
  char id[32], subject[256], from_name[128], from[160], to_name[128], to[160], message_id[64],
      in_reply_to[64], thread[32], attachment_name[64], location[128], phone[32], org[80];
  char body[BODY_MAX + 1024], attachment[8192];
};

static uint64_t draw(mailbox *m, uint64_t below) {
  return random_next(&m->random) % below;
}
static bool chance(mailbox *m, double share) {
  return random_share(&m->random) < share;
}

static double normal(mailbox *m) { /* Box and Muller 1958 */
  const double u = 1 - random_share(&m->random), v = random_share(&m->random);
  return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* ---- people ---- */

/* Busy ones write far more than others: rank from a density that falls as 1 / rank^0.7. */
static uint32_t draw_person(mailbox *m) {
  const double u = random_share(&m->random);
  return (uint32_t)((double)m->people * pow(u, 1 / 0.3) * 0.999999);
}

/* A word with a capital, for names. */
static size_t put_name(const mailbox *m, char *out, uint64_t rank) {
  const size_t size = words_spell(m->words, WORDS_ENGLISH, rank, out);
  if (out[0] >= 'a' && out[0] <= 'z') out[0] = (char)(out[0] - 32);
  return size;
}

static void name_person(const mailbox *m, uint32_t person, char *name, char *address) {
  char first[WORDS_SIZE], last[WORDS_SIZE];
  const size_t a = put_name(m, first, 400 + person * 4u % 2400);
  const size_t b = put_name(m, last, 4000 + person * 4u);
  sprintf(name, "%.*s %.*s", (int)a, first, (int)b, last);
  sprintf(address, "%.*s.%.*s@%s%u.example", (int)a, first, (int)b, last,
          person % 3 == 0 ? "mail" : "post", person % 12);
  for (char *p = address; *p != '\0'; p++)
    if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
}

/* ---- text ---- */

/* Words come in bursts: one in five is a word that the text has used (Church and Gale 1995). */
static uint64_t draw_rank(mailbox *m) {
  if (m->burst_count > 8 && draw(m, 5) == 0)
    return m->burst[draw(m, m->burst_count < BURST ? m->burst_count : BURST)];
  const uint64_t rank = words_draw(m->words, &m->random);
  if (rank >= 100) m->burst[m->burst_count++ % BURST] = rank;
  return rank;
}

/* One token in thirty is no word: a number, a date, a host, an id. */
static size_t put_token(mailbox *m, char *out) {
  const uint64_t n = draw(m, 1000000);
  switch (draw(m, 6)) {
  case 0:
    return (size_t)sprintf(out, "%02u/%02u/%u", (unsigned)(1 + n % 12), (unsigned)(1 + n % 28),
                           (unsigned)(2001 + n % 20));
  case 1:
    return (size_t)sprintf(out, "www.site%u.example", (unsigned)(n % 3000));
  case 2:
    return (size_t)sprintf(out, "ref-%06u", (unsigned)n);
  default:
    return (size_t)sprintf(out, "%u", (unsigned)(n % (n % 5 == 0 ? 100000 : 200)));
  }
}

/* Appends `count` words with what stands between them; returns the new end. */
static size_t put_words(mailbox *m, char *out, size_t at, size_t size, words_language language,
                        double count) {
  size_t line = 0;
  for (double i = 0; i < count && at + WORDS_SIZE + 8 < size; i++) {
    const size_t start = at;
    if (draw(m, 30) == 0)
      at += put_token(m, out + at);
    else
      at += words_spell(m->words, language, draw_rank(m), out + at);
    if (i == 0 && out[start] >= 'a' && out[start] <= 'z') out[start] = (char)(out[start] - 32);
    line += at - start + 1;
    const uint64_t what = draw(m, 100);
    if (language == WORDS_JAPANESE) {
      if (what < 12) memcpy(out + at, what < 4 ? "。" : "、", 3), at += 3;
      if (what == 0) out[at++] = '\n';
      continue;
    }
    if (what < 5)
      out[at++] = '.';
    else if (what < 11)
      out[at++] = ',';
    out[at++] = ' ';
    if (line > 70) out[at - 1] = '\n', line = 0;
    if (what == 0) out[at - 1] = '\n', out[at++] = '\n', line = 0;
  }
  return at;
}

/* Log-normal; one in twenty is four times as long (digests, logs, reports). */
static double draw_length(mailbox *m) {
  double words = 110 * exp(1.05 * normal(m));
  if (draw(m, 20) == 0) words *= 5;
  return words < 3 ? 3 : words > 15000 ? 15000 : words;
}

static words_language draw_language(mailbox *m) {
  const uint64_t at = draw(m, 100);
  return at < 84   ? WORDS_ENGLISH
         : at < 89 ? WORDS_GERMAN
         : at < 93 ? WORDS_FRENCH
         : at < 97 ? WORDS_SPANISH
                   : WORDS_JAPANESE;
}

static void make_subject(mailbox *m, words_language language) {
  size_t at = 0;
  const size_t words = 2 + draw(m, 6);
  for (size_t i = 0; i < words && at + WORDS_SIZE + 2 < sizeof m->subject; i++) {
    /* Content words: the frequent ones are rarer here. */
    uint64_t rank = words_draw(m->words, &m->random);
    if (rank < 100 && draw(m, 3) != 0) rank = words_draw(m->words, &m->random);
    if (at > 0 && language != WORDS_JAPANESE) m->subject[at++] = ' ';
    at += words_spell(m->words, language, rank, m->subject + at);
  }
  m->subject[at] = '\0';
  if (m->subject[0] >= 'a' && m->subject[0] <= 'z') m->subject[0] = (char)(m->subject[0] - 32);
}

/* ---- items ---- */

static const char *const folders[FOLDERS] = {
  "INBOX",        "INBOX",         "INBOX",         "INBOX",  "Archive",     "Archive",
  "Archive/2019", "Archive/2020",  "Archive/2021",  "Sent",   "Sent",        "Lists/compilers",
  "Lists/garden", "Lists/gravity", "Lists/tuning",  "Work",   "Work/budget", "Work/harbour",
  "Work/reviews", "Projects/nine", "Projects/tide", "Family", "Travel",      "Receipts",
};

static const char *language_code(words_language language) {
  static const char *const codes[WORDS_LANGUAGES] = { "en", "de", "fr", "es", "ja" };
  return codes[language];
}

static const parent *draw_parent(mailbox *m) {
  if (m->recent_count == 0 || chance(m, 0.53)) return NULL;
  return &m->recent[draw(m, m->recent_count)];
}

static void remember(mailbox *m, const parent *made, size_t own_text) {
  parent *slot = &m->recent[m->recent_next];
  *slot = *made;
  size_t size = strlen(m->body + own_text);
  if (size > QUOTE_MAX) {
    size = QUOTE_MAX;
    while (size > 0 && (m->body[own_text + size] & 0xc0) == 0x80) size--; /* whole characters */
  }
  memcpy(slot->quote, m->body + own_text, size);
  slot->quote[size] = '\0';
  m->recent_next = (m->recent_next + 1) % RECENT;
  if (m->recent_count < RECENT) m->recent_count++;
}

/* The answered text behind "> ", as far as it was remembered. */
static size_t put_quote(const parent *p, char *out, size_t at, const char *who) {
  at += (size_t)sprintf(out + at, "%s wrote:\n> ", who);
  for (const char *c = p->quote; *c != '\0'; c++) {
    out[at++] = *c;
    if (*c == '\n') out[at++] = '>', out[at++] = ' ';
  }
  out[at++] = '\n';
  out[at++] = '\n';
  return at;
}

static void make_attachment(mailbox *m, words_language language) {
  static const char *const endings[] = { "txt", "csv", "md", "log" };
  sprintf(m->attachment_name, "file-%u.%s", (unsigned)draw(m, 100000), endings[draw(m, 4)]);
  const double words = 60 * exp(normal(m));
  const size_t at = put_words(m, m->attachment, 0, sizeof m->attachment, language, words);
  m->attachment[at] = '\0';
}

static void make_message(mailbox *m) {
  mailbox_item *it = &m->item;
  const parent *p = draw_parent(m);
  parent made = { .number = it->number, .thread = p != NULL ? p->thread : it->number };
  const uint32_t answered = p != NULL ? p->person : 0;
  made.person = draw_person(m);
  made.language = p != NULL ? p->language : draw_language(m);
  made.folder = p != NULL ? p->folder : (uint32_t)draw(m, FOLDERS);
  size_t at = 0;
  name_person(m, made.person, m->from_name, m->from);
  if (p != NULL) {
    name_person(m, answered, m->to_name, m->to);
    sprintf(m->in_reply_to, "made.%llu@seed%llu.example", (unsigned long long)p->number,
            (unsigned long long)m->seed);
    snprintf(m->subject, sizeof m->subject, "%s%s",
             strncmp(p->subject, "Re: ", 4) == 0 ? "" : "Re: ", p->subject);
    if (chance(m, 0.7)) at = put_quote(p, m->body, at, m->to_name);
  } else {
    name_person(m, draw_person(m), m->to_name, m->to);
    make_subject(m, made.language);
  }
  snprintf(made.subject, sizeof made.subject, "%s", m->subject);
  const size_t own_text = at;
  at = put_words(m, m->body, at, BODY_MAX, made.language, draw_length(m));
  if (chance(m, 0.5))
    at += (size_t)sprintf(m->body + at, "\n\n-- \n%s\n%s\n", m->from_name, m->from);
  m->body[at] = '\0';
  it->body_size = at;
  if (chance(m, 0.1)) make_attachment(m, made.language);
  it->kind = SDX_MESSAGE;
  it->folder = folders[made.folder];
  it->language = language_code(made.language);
  it->seen = chance(m, 0.9);
  it->flagged = chance(m, 0.03);
  it->answered = chance(m, 0.2);
  sprintf(m->message_id, "made.%llu@seed%llu.example", (unsigned long long)it->number,
          (unsigned long long)m->seed);
  sprintf(m->thread, "made.%llu", (unsigned long long)made.thread);
  remember(m, &made, own_text);
}

static void make_short_text(mailbox *m, words_language language, double words) {
  const size_t at = put_words(m, m->body, 0, BODY_MAX, language, words < 1 ? 1 : words);
  m->body[at] = '\0';
  m->item.body_size = at;
}

static void make_event(mailbox *m) {
  const words_language language = draw_language(m);
  m->item.kind = SDX_EVENT;
  m->item.folder = "Calendar";
  m->item.language = language_code(language);
  m->item.date -= m->item.date % 1800;
  m->item.ends = m->item.date + 1800 * (int64_t)(1 + draw(m, 4));
  m->item.weekly = chance(m, 0.15);
  name_person(m, draw_person(m), m->from_name, m->from);
  name_person(m, draw_person(m), m->to_name, m->to);
  make_subject(m, language);
  sprintf(m->location, "Room %u", (unsigned)draw(m, 60));
  make_short_text(m, language, 15 * exp(0.8 * normal(m)));
}

static void make_contact(mailbox *m) {
  char word[WORDS_SIZE];
  m->item.kind = SDX_CONTACT;
  m->item.folder = "Contacts";
  m->item.language = "en";
  name_person(m, draw_person(m), m->from_name, m->from);
  snprintf(m->subject, sizeof m->subject, "%s", m->from_name);
  sprintf(m->phone, "+%u %u", (unsigned)(1 + draw(m, 98)), (unsigned)(1000000 + draw(m, 8999999)));
  const size_t size = put_name(m, word, 2000 + 4 * draw(m, 300));
  sprintf(m->org, "%.*s and Sons", (int)size, word);
  make_short_text(m, WORDS_ENGLISH, 4 + (double)draw(m, 12));
}

static void make_document(mailbox *m) {
  const words_language language = draw_language(m);
  m->item.kind = SDX_DOCUMENT;
  m->item.folder = "Documents";
  m->item.language = language_code(language);
  name_person(m, draw_person(m), m->from_name, m->from);
  make_subject(m, language);
  make_short_text(m, language, 400 * exp(0.9 * normal(m)));
}

mailbox *mailbox_new(uint64_t count, uint64_t seed) {
  mailbox *m = calloc(1, sizeof *m);
  if (m == NULL) return NULL;
  m->words = words_new();
  if (m->words == NULL) {
    free(m);
    return NULL;
  }
  m->count = count;
  m->seed = seed;
  m->random = seed * 0x9e3779b97f4a7c15u + 1;
  m->people = (uint32_t)(60 + 12 * sqrt((double)count));
  m->item = (mailbox_item){
    .id = m->id,
    .subject = m->subject,
    .from_name = m->from_name,
    .from = m->from,
    .to_name = m->to_name,
    .to = m->to,
    .body = m->body,
    .message_id = m->message_id,
    .in_reply_to = m->in_reply_to,
    .thread = m->thread,
    .attachment_name = m->attachment_name,
    .attachment = m->attachment,
    .location = m->location,
    .phone = m->phone,
    .org = m->org,
  };
  return m;
}

const mailbox_item *mailbox_next(mailbox *m) {
  if (m->count == 0) return NULL;
  m->count--;
  m->burst_count = 0;
  m->subject[0] = m->from_name[0] = m->from[0] = m->to_name[0] = m->to[0] = m->message_id[0] = '\0';
  m->in_reply_to[0] = m->thread[0] = m->attachment_name[0] = m->attachment[0] = '\0';
  m->location[0] = m->phone[0] = m->org[0] = '\0';
  m->item.ends = 0;
  m->item.weekly = m->item.seen = m->item.flagged = m->item.answered = false;
  m->item.date = 1000000000 + (int64_t)m->item.number * 400 + (int64_t)draw(m, 400);
  sprintf(m->id, "made/%llu", (unsigned long long)m->item.number);
  const uint64_t kind = draw(m, 100);
  if (kind < 93)
    make_message(m);
  else if (kind < 96)
    make_event(m);
  else if (kind < 98)
    make_contact(m);
  else
    make_document(m);
  m->item.number++;
  return &m->item;
}

void mailbox_free(mailbox *m) {
  if (m == NULL) return;
  words_free(m->words);
  free(m);
}

/* ---- as a corpus ---- */

static int keep(corpus *c, sdx_bytes *out, const char *text, size_t size) {
  *out = (sdx_bytes){ corpus_string(c, text, size), size };
  return out->data != NULL ? 0 : -1;
}

static int keep_item(corpus *c, const mailbox_item *it) {
  char from[400];
  corpus_item *item = corpus_next(c);
  if (item == NULL) return -1;
  const int size = snprintf(from, sizeof from, "%s <%s>", it->from_name, it->from);
  item->id = corpus_string(c, it->id, strlen(it->id));
  item->folder = it->folder; /* a constant */
  item->date = it->date;
  if (item->id == NULL || keep(c, &item->subject, it->subject, strlen(it->subject)) != 0 ||
      keep(c, &item->from, from, (size_t)size) != 0 ||
      keep(c, &item->body, it->body, it->body_size) != 0)
    return -1;
  c->text_bytes += item->subject.size + item->from.size + item->body.size;
  c->count++;
  return 0;
}

int mailbox_make(corpus *c, size_t count, uint64_t seed) {
  *c = (corpus){ 0 };
  mailbox *m = mailbox_new(count, seed);
  int result = m != NULL ? 0 : -1;
  for (const mailbox_item *it; result == 0 && (it = mailbox_next(m)) != NULL;)
    result = keep_item(c, it);
  mailbox_free(m);
  if (result != 0) corpus_free(c);
  return result;
}
