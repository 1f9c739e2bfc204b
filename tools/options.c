/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "when.h"

/* What stands before a command's name: sealdex-reindex is a program of its own. */
static const char *program(const char *command) {
  return strncmp(command, "sealdex-", 8) == 0 ? "" : "sealdex ";
}

static const char common[] = "key= passphrase-file= now= json accept-restored mark=";

/* Looks `name` (of `size` bytes) up in a list as options_parse takes it. */
static bool lists(const char *list, const char *name, size_t size, const char **entry,
                  bool *has_value) {
  for (const char *p = list; *p;) {
    size_t n = strcspn(p, " ");
    bool value = n > 0 && p[n - 1] == '=';
    if (n - value == size && memcmp(p, name, size) == 0) {
      *entry = p;
      *has_value = value;
      return true;
    }
    p += n;
    p += strspn(p, " ");
  }
  return false;
}

/* Takes one option at argv[*i], and its value. */
static exit_code take_option(options *o, const char *takes, int argc, char **argv, int *i) {
  const char *name = argv[*i] + 2;
  size_t size = strcspn(name, "=");
  const char *entry;
  bool has_value;
  if (!lists(common, name, size, &entry, &has_value) &&
      !lists(takes, name, size, &entry, &has_value))
    return complain_usage("%s has no option --%.*s; see: %s%s --help", o->command, (int)size, name,
                          program(o->command), o->command);
  if (o->given_count == OPTIONS_MAX) return complain_usage("too many options");

  option *given = &o->given[o->given_count++];
  given->name = entry;
  given->value = NULL;
  if (!has_value && name[size] == '=')
    return complain_usage("--%.*s takes no value", (int)size, name);
  if (has_value && name[size] == '=') {
    given->value = name + size + 1;
  } else if (has_value) {
    if (*i + 1 >= argc) return complain_usage("--%.*s needs a value", (int)size, name);
    given->value = argv[++*i];
  }
  return EXIT_DONE;
}

exit_code options_parse(options *o, const char *command, const char *takes, int argc, char **argv) {
  *o = (options){ .command = command };
  o->words = calloc((size_t)argc + 1, sizeof *o->words);
  if (!o->words) return complain_system(ENOMEM, "reading the arguments");

  bool words_only = false;
  for (int i = 0; i < argc; i++) {
    if (words_only || strncmp(argv[i], "--", 2) != 0) {
      if (!o->dir)
        o->dir = argv[i];
      else
        o->words[o->word_count++] = argv[i];
    } else if (argv[i][2] == 0) {
      words_only = true;
    } else {
      exit_code code = take_option(o, takes, argc, argv, &i);
      if (code != EXIT_DONE) return code;
    }
  }
  if (!o->dir || !*o->dir)
    return complain_usage("%s needs %s first; see: %s%s --help", command,
                          strcmp(command, "keygen") == 0 ? "a file" : "the index directory",
                          program(command), command);
  o->json = options_flag(o, "json");
  const char *now = options_text(o, "now");
  if (now && !when_parse(now, &o->now))
    return complain_usage("--now takes epoch seconds, 2024-05-17 or 2024-05-17T10:00:00Z");
  return EXIT_DONE;
}

void options_free(options *o) {
  free(o->words);
  o->words = NULL;
}

/* The last one given of that name wins. */
static const option *find(const options *o, const char *name) {
  size_t size = strlen(name);
  for (size_t i = o->given_count; i-- > 0;) {
    const char *entry = o->given[i].name;
    if (strncmp(entry, name, size) == 0 && (strchr(" =", entry[size]) || !entry[size]))
      return &o->given[i];
  }
  return NULL;
}

bool options_flag(const options *o, const char *name) {
  return find(o, name) != NULL;
}

const char *options_text(const options *o, const char *name) {
  const option *given = find(o, name);
  return given ? given->value : NULL;
}

exit_code options_number(const options *o, const char *name, uint64_t otherwise, uint64_t *out) {
  const char *text = options_text(o, name);
  *out = otherwise;
  if (!text) return EXIT_DONE;
  char *end;
  errno = 0;
  *out = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || *out > INT64_MAX / 1000)
    return complain_usage("--%s takes a whole number", name);
  return EXIT_DONE;
}

exit_code options_size(const options *o, const char *name, size_t otherwise, size_t *out) {
  const char *text = options_text(o, name);
  *out = otherwise;
  if (!text) return EXIT_DONE;
  char *end;
  errno = 0;
  const unsigned long long n = strtoull(text, &end, 10);
  const unsigned shift = *end == 'k' || *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (shift != 0) end++;
  if (*text < '0' || *text > '9' || *end || errno || n > (SIZE_MAX / 2) >> shift)
    return complain_usage("--%s takes a size, as 128M or 1G", name);
  *out = (size_t)n << shift;
  return EXIT_DONE;
}

exit_code options_choice(const options *o, const char *name, const char *choices, int *out) {
  const char *text = options_text(o, name);
  *out = 0;
  if (!text) return EXIT_DONE;
  for (const char *p = choices; *p; (*out)++) {
    size_t n = strcspn(p, "|");
    if (strlen(text) == n && memcmp(p, text, n) == 0) return EXIT_DONE;
    p += n + (p[n] == '|');
  }
  return complain_usage("--%s takes one of %s", name, choices);
}

char *options_join(const options *o, size_t from) {
  size_t size = 1;
  for (size_t i = from; i < o->word_count; i++) size += strlen(o->words[i]) + 1;
  char *joined = malloc(size), *end = joined;
  for (size_t i = from; joined && i < o->word_count; i++) {
    if (i > from) *end++ = ' ';
    end = stpcpy(end, o->words[i]);
  }
  if (joined) *end = 0;
  return joined;
}

void options_forget(char *joined) {
  if (joined) sdx_wipe(joined, strlen(joined));
  free(joined);
}

exit_code options_expect(const options *o, size_t least, size_t most, const char *what) {
  if (o->word_count < least)
    return complain_usage("%s needs %s; see: %s%s --help", o->command, what, program(o->command),
                          o->command);
  if (o->word_count > most)
    return complain_usage("%s takes nothing behind %s; see: %s%s --help", o->command,
                          most == 0 ? "the directory" : what, program(o->command), o->command);
  return EXIT_DONE;
}
