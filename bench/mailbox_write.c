/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mailbox_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- JSON ---- */

static void json_text(FILE *out, const char *text) {
  fputc('"', out);
  for (const char *p = text; *p != '\0'; p++) {
    if (*p == '"' || *p == '\\')
      fputc('\\', out), fputc(*p, out);
    else if (*p == '\n')
      fputs("\\n", out);
    else
      fputc(*p, out);
  }
  fputc('"', out);
}

static void json_field(FILE *out, const char *name, const char *text, const char **comma) {
  if (text[0] == '\0') return;
  fprintf(out, "%s\"%s\": ", *comma, name);
  json_text(out, text);
  *comma = ", ";
}

static void json_person(FILE *out, const char *field, const char *name, const char *address,
                        const char **comma) {
  char text[400];
  snprintf(text, sizeof text, "%s <%s>", name, address);
  if (address[0] != '\0') json_field(out, field, text, comma);
}

static void json_fields(FILE *out, const mailbox_item *it) {
  const char *comma = "";
  switch (it->kind) {
  case SDX_MESSAGE:
    json_field(out, "subject", it->subject, &comma);
    json_person(out, "from", it->from_name, it->from, &comma);
    json_person(out, "to", it->to_name, it->to, &comma);
    json_field(out, "filename", it->attachment_name, &comma);
    json_field(out, "attachment", it->attachment, &comma);
    break;
  case SDX_EVENT:
    json_field(out, "title", it->subject, &comma);
    json_field(out, "location", it->location, &comma);
    json_person(out, "organizer", it->from_name, it->from, &comma);
    json_person(out, "attendee", it->to_name, it->to, &comma);
    break;
  case SDX_CONTACT:
    json_field(out, "name", it->subject, &comma);
    json_field(out, "email", it->from, &comma);
    json_field(out, "phone", it->phone, &comma);
    json_field(out, "org", it->org, &comma);
    break;
  case SDX_DOCUMENT:
    json_field(out, "title", it->subject, &comma);
    json_field(out, "author", it->from_name, &comma);
    break;
  }
  json_field(out, it->kind == SDX_CONTACT ? "note" : "body", it->body, &comma);
}

int mailbox_write_json(FILE *out, const mailbox_item *it) {
  static const char *const kinds[] = { "", "message", "event", "contact", "document" };
  fprintf(out, "{\"id\": \"%s\", \"kind\": \"%s\", \"date\": %lld, \"fields\": {", it->id,
          kinds[it->kind], (long long)it->date);
  json_fields(out, it);
  fprintf(out, "}, \"attributes\": {\"folder\": \"%s\", \"flags\": [%s%s%s]", it->folder,
          it->seen ? "\"seen\"" : "", it->flagged ? &", \"flagged\""[it->seen ? 0 : 2] : "",
          it->answered ? &", \"answered\""[it->seen || it->flagged ? 0 : 2] : "");
  if (it->thread[0] != '\0') fprintf(out, ", \"thread\": \"%s\"", it->thread);
  fprintf(out, ", \"size\": %zu, \"has_attachment\": %s}}\n", it->body_size,
          it->attachment[0] != '\0' ? "true" : "false");
  return ferror(out) ? -1 : 0;
}

/* ---- messages ---- */

/* A header's text: as it is, or as encoded words (RFC 2047) of whole characters. */
static void header_text(FILE *out, const char *text) {
  static const char digits[] = "0123456789ABCDEF";
  const char *p = text;
  while (*p != '\0' && (unsigned char)*p < 0x80) p++;
  if (*p == '\0') {
    fputs(text, out);
    return;
  }
  for (p = text; *p != '\0';) {
    if (p > text) fputs("\n ", out);
    fputs("=?utf-8?q?", out);
    for (size_t used = 0; *p != '\0' && (used < 45 || (*p & 0xc0) == 0x80); p++) {
      const unsigned char c = (unsigned char)*p;
      if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        fputc(c, out), used += 1;
      else if (c == ' ')
        fputc('_', out), used += 1;
      else
        fprintf(out, "=%c%c", digits[c >> 4], digits[c & 15]), used += 3;
    }
    fputs("?=", out);
  }
  /* The folding blank between encoded words is not part of the text. */
}

static void write_message(FILE *out, const mailbox_item *it) {
  char date[64];
  struct tm day;
  const time_t when = (time_t)it->date;
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&when, &day));
  fprintf(out, "From: %s <%s>\nTo: %s <%s>\nSubject: ", it->from_name, it->from, it->to_name,
          it->to);
  header_text(out, it->subject);
  fprintf(out, "\nDate: %s\nMessage-ID: <%s>\n", date, it->message_id);
  if (it->in_reply_to[0] != '\0')
    fprintf(out, "In-Reply-To: <%s>\nReferences: <%s>\n", it->in_reply_to, it->in_reply_to);
  fputs("MIME-Version: 1.0\n", out);
  const bool parts = it->attachment[0] != '\0';
  if (parts) fputs("Content-Type: multipart/mixed; boundary=\"=_made\"\n\n--=_made\n", out);
  fputs("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n", out);
  fwrite(it->body, 1, it->body_size, out);
  if (parts)
    fprintf(out,
            "\n--=_made\nContent-Type: text/plain; charset=utf-8; name=\"%s\"\n"
            "Content-Disposition: attachment; filename=\"%s\"\nContent-Transfer-Encoding: 8bit\n\n"
            "%s\n--=_made--",
            it->attachment_name, it->attachment_name, it->attachment);
  fputc('\n', out);
}

int mailbox_write_mbox(FILE *out, const mailbox_item *it) {
  char *text = NULL, date[64];
  size_t size = 0;
  struct tm day;
  const time_t when = (time_t)it->date;
  if (it->kind != SDX_MESSAGE) return 0;
  FILE *memory = open_memstream(&text, &size);
  if (memory == NULL) return -1;
  write_message(memory, it);
  fclose(memory);
  strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", gmtime_r(&when, &day));
  fprintf(out, "From %s %s\n", it->from, date);
  for (char *line = text, *next; line < text + size; line = next) {
    char *end = strchr(line, '\n');
    next = end != NULL ? end + 1 : text + size;
    if (strncmp(line + strspn(line, ">"), "From ", 5) == 0) fputc('>', out);
    fwrite(line, 1, (size_t)(next - line), out);
  }
  fputc('\n', out);
  free(text);
  return ferror(out) ? -1 : 0;
}

/* ---- calendars and contacts ---- */

/* A text value: newlines, commas, semicolons and backslashes escaped, lines folded at 75 bytes. */
static void content_line(FILE *out, const char *name, const char *text) {
  size_t column = (size_t)fprintf(out, "%s:", name);
  for (const char *p = text; *p != '\0'; p++) {
    if (column > 70 && (*p & 0xc0) != 0x80) fputs("\r\n ", out), column = 1;
    if (*p == '\n')
      fputs("\\n", out), column += 2;
    else if (strchr(",;\\", *p) != NULL)
      fputc('\\', out), fputc(*p, out), column += 2;
    else
      fputc(*p, out), column += 1;
  }
  fputs("\r\n", out);
}

static void time_line(FILE *out, const char *name, int64_t when) {
  char text[32];
  struct tm day;
  const time_t t = (time_t)when;
  strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", gmtime_r(&t, &day));
  fprintf(out, "%s:%s\r\n", name, text);
}

static void write_event(FILE *out, const mailbox_item *it) {
  fputs("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//made up//EN\r\nBEGIN:VEVENT\r\n", out);
  fprintf(out, "UID:event-%llu@made.example\r\n", (unsigned long long)it->number);
  time_line(out, "DTSTAMP", it->date);
  time_line(out, "DTSTART", it->date);
  time_line(out, "DTEND", it->ends);
  if (it->weekly) fputs("RRULE:FREQ=WEEKLY;COUNT=20\r\n", out);
  content_line(out, "SUMMARY", it->subject);
  content_line(out, "LOCATION", it->location);
  content_line(out, "DESCRIPTION", it->body);
  fprintf(out, "ORGANIZER;CN=%s:mailto:%s\r\nATTENDEE;CN=%s:mailto:%s\r\n", it->from_name, it->from,
          it->to_name, it->to);
  fputs("END:VEVENT\r\nEND:VCALENDAR\r\n", out);
}

static void write_contact(FILE *out, const mailbox_item *it) {
  const char *last = strchr(it->subject, ' ');
  fprintf(out, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:contact-%llu\r\n",
          (unsigned long long)it->number);
  content_line(out, "FN", it->subject);
  fprintf(out, "N:%s;%.*s;;;\r\n", last != NULL ? last + 1 : "",
          (int)(last != NULL ? last - it->subject : 0), it->subject);
  content_line(out, "EMAIL", it->from);
  content_line(out, "TEL", it->phone);
  content_line(out, "ORG", it->org);
  content_line(out, "NOTE", it->body);
  fputs("END:VCARD\r\n", out);
}

/* ---- the tree ---- */

struct mailbox_tree {
  char dir[400];
  char made[16][64]; /* folders that are there already; beyond them mkdir is asked each time */
  size_t made_count;
};

static int make_dir(const char *path) {
  if (mkdir(path, 0700) == 0 || errno == EEXIST) return 0;
  perror(path);
  return -1;
}

mailbox_tree *mailbox_tree_new(const char *dir) {
  static const char *const parts[] = { "",          "/cur",      "/new",      "/tmp",
                                       "/calendar", "/contacts", "/documents" };
  char path[512];
  mailbox_tree *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  snprintf(t->dir, sizeof t->dir, "%s", dir);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    snprintf(path, sizeof path, "%s%s", dir, parts[i]);
    if (make_dir(path) != 0) {
      free(t);
      return NULL;
    }
  }
  return t;
}

void mailbox_tree_free(mailbox_tree *t) {
  free(t);
}

/* Makes a Maildir++ folder: ".Archive.2019" for Archive/2019; "" for INBOX. */
static int make_folder(mailbox_tree *t, const char *folder, char name[64]) {
  char path[512];
  static const char *const parts[] = { "", "/cur", "/new", "/tmp" };
  name[0] = '\0';
  if (strcmp(folder, "INBOX") == 0) return 0;
  snprintf(name, 64, ".%s", folder);
  for (char *p = name; *p != '\0'; p++)
    if (*p == '/') *p = '.';
  for (size_t i = 0; i < t->made_count; i++)
    if (strcmp(t->made[i], name) == 0) return 0;
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    snprintf(path, sizeof path, "%s/%s%s", t->dir, name, parts[i]);
    if (make_dir(path) != 0) return -1;
  }
  if (t->made_count < 16) memcpy(t->made[t->made_count++], name, 64);
  return 0;
}

static FILE *open_file(const mailbox_tree *t, const mailbox_item *it, const char *folder,
                       const char *ending) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s/%lld.M%llu.made%s", t->dir, folder, (long long)it->date,
           (unsigned long long)it->number, ending);
  FILE *out = fopen(path, "w");
  if (out == NULL) perror(path);
  return out;
}

int mailbox_tree_write(mailbox_tree *t, const mailbox_item *it) {
  char folder[64], flags[16], inside[80];
  FILE *out = NULL;
  switch (it->kind) {
  case SDX_MESSAGE:
    if (make_folder(t, it->folder, folder) != 0) return -1;
    snprintf(inside, sizeof inside, "%s/cur", folder);
    snprintf(flags, sizeof flags, ":2,%s%s%s", it->flagged ? "F" : "", it->answered ? "R" : "",
             it->seen ? "S" : "");
    out = open_file(t, it, inside, flags);
    if (out != NULL) write_message(out, it);
    break;
  case SDX_EVENT:
    out = open_file(t, it, "calendar", ".ics");
    if (out != NULL) write_event(out, it);
    break;
  case SDX_CONTACT:
    out = open_file(t, it, "contacts", ".vcf");
    if (out != NULL) write_contact(out, it);
    break;
  case SDX_DOCUMENT:
    out = open_file(t, it, "documents", ".txt");
    if (out != NULL) fprintf(out, "%s\n\n%s\n", it->subject, it->body);
    break;
  }
  return out != NULL && fclose(out) == 0 ? 0 : -1;
}
