/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyfile.h"
#include "process.h"
#include "progress.h"

enum { JOBS_MAX = 256, NAME_MAX_BYTES = 200, PATHS_MAX = 64, TAIL = 4096 };

typedef struct job {
  pid_t pid; /* 0: free */
  int out, err;
  char name[NAME_MAX_BYTES + 1];
} job;

typedef struct fleet {
  const options *o;
  exit_code (*run)(const options *o);
  const volatile sig_atomic_t *stopped;
  const char *store, *keys, *command, *done_path;
  job jobs[JOBS_MAX];
  size_t limit, running;
  char memory[32]; /* of each */
  char *done;      /* names that came through before, one a line */
  FILE *done_file;
  progress progress;
  uint64_t came_through, failed, passed_over;
} fleet;

/* ------------------------------------------------------------------ one user, in a child */

static void put_option(options *o, const char *name, const char *value) {
  for (size_t i = 0; i < o->given_count; i++)
    if (strcmp(o->given[i].name, name) == 0) {
      o->given[i].value = value;
      return;
    }
  if (o->given_count < OPTIONS_MAX) o->given[o->given_count++] = (option){ name, value };
}

/* The command's standard output as a path to read the key from. */
static exit_code ask_command(const char *command, const char *name, char path[32]) {
  int ends[2];
  if (pipe(ends) != 0) return complain_system(errno, "asking for a key");
  const pid_t pid = fork();
  if (pid < 0) return complain_system(errno, "asking for a key");
  if (pid == 0) {
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    execl("/bin/sh", "sh", "-c", command, "sh", name, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  snprintf(path, 32, "/proc/self/fd/%d", ends[0]);
  return EXIT_DONE;
}

static exit_code make_index(const options *o) {
  struct stat st;
  keyfile key;
  sdx_error err = { 0 };
  sdx_init_options making = SDX_INIT_OPTIONS_INIT;
  if (stat(o->dir, &st) == 0) return EXIT_DONE;
  exit_code code = keyfile_read(&key, o);
  if (code != EXIT_DONE) return code;
  making.now = o->now;
  if (sdx_init(o->dir, &key.secret, &making, &err) != SDX_OK) code = complain(&err);
  keyfile_wipe(&key);
  return code;
}

/* Every %u of the pattern becomes the name; the caller frees. */
static char *expand(const char *pattern, const char *name) {
  char *path = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&path, &size);
  if (out == NULL) return NULL;
  for (const char *p = pattern; *p; p++) {
    if (p[0] == '%' && p[1] == 'u') {
      fputs(name, out);
      p++;
    } else {
      fputc(*p, out);
    }
  }
  fclose(out);
  return path;
}

static exit_code run_user(const fleet *f, const char *name, const char **paths, size_t count) {
  options own = *f->o;
  char dir[4096], key[4096], asked[32];
  const char *expanded[PATHS_MAX];
  exit_code code = EXIT_DONE;
  snprintf(dir, sizeof dir, "%s/%s", f->store, name);
  if (f->keys != NULL) {
    snprintf(key, sizeof key, "%s/%s", f->keys, name);
    put_option(&own, "key", key);
  } else {
    code = ask_command(f->command, name, asked);
    put_option(&own, "key", asked);
  }
  for (size_t i = 0; count == 0 && i < own.word_count && i < PATHS_MAX; i++)
    expanded[i] = expand(own.words[i], name);
  own.words = count > 0 ? paths : expanded;
  if (count > 0) own.word_count = count;
  own.dir = dir;
  put_option(&own, "jobs", "1");
  if (f->memory[0] != '\0') put_option(&own, "memory", f->memory);
  if (code == EXIT_DONE && options_flag(&own, "init")) {
    code = make_index(&own);
    if (f->keys == NULL && code == EXIT_DONE) /* the key was read to its end */
      code = ask_command(f->command, name, asked);
  }
  return code == EXIT_DONE ? f->run(&own) : code;
}

/* ------------------------------------------------------------------ children */

/* The last line of what a child wrote, without its end. */
static void last_line(int fd, char line[TAIL + 1]) {
  const off_t size = lseek(fd, 0, SEEK_END);
  const off_t from = size > TAIL ? size - TAIL : 0;
  ssize_t n = pread(fd, line, TAIL, from);
  line[0] = n > 0 ? line[0] : '\0';
  while (n > 0 && line[n - 1] == '\n') n--;
  line[n > 0 ? n : 0] = '\0';
  char *begin = strrchr(line, '\n');
  if (begin != NULL) memmove(line, begin + 1, strlen(begin));
}

static void say(fleet *f, const job *j, int code) {
  char out[TAIL + 1], err[TAIL + 1];
  last_line(j->out, out);
  last_line(j->err, err);
  const char *reason = reason_in(err);
  progress_clear(&f->progress);
  if (f->o->json) {
    printf("{\"user\":\"%s\",\"exit\":%d", j->name, code);
    if (out[0] == '{' && out[1] != '}')
      printf(",%s\n", out + 1);
    else
      printf(",\"done\":false}\n");
    if (code > EXIT_NOTHING) note_item("failed", (sdx_bytes){ j->name, strlen(j->name) }, reason);
  } else if (code > EXIT_NOTHING) {
    note_item("failed", (sdx_bytes){ j->name, strlen(j->name) },
              reason[0] != '\0' ? reason : "its process ended");
  } else {
    printf("%s: %s\n", j->name, out);
  }
  fflush(stdout);
}

static void reap_one(fleet *f) {
  int how = 0;
  const pid_t pid = waitpid(-1, &how, 0);
  for (size_t i = 0; i < f->limit && pid > 0; i++) {
    job *j = &f->jobs[i];
    if (j->pid != pid) continue;
    const int code = WIFEXITED(how) ? WEXITSTATUS(how) : EXIT_SYSTEM;
    say(f, j, code);
    if (code <= EXIT_NOTHING)
      f->came_through++;
    else
      f->failed++;
    if (code <= EXIT_NOTHING && f->done_file != NULL) {
      fprintf(f->done_file, "%s\n", j->name);
      fflush(f->done_file);
    }
    close(j->out);
    close(j->err);
    j->pid = 0;
    f->running--;
  }
}

static void start(fleet *f, const char *name, const char **paths, size_t count) {
  job *j = f->jobs;
  while (j->pid != 0) j++;
  *j = (job){ .out = memfd_create("out", MFD_CLOEXEC), .err = memfd_create("err", MFD_CLOEXEC) };
  snprintf(j->name, sizeof j->name, "%s", name);
  fflush(stdout);
  fflush(stderr);
  j->pid = fork();
  if (j->pid == 0) {
    dup2(j->out, 1);
    dup2(j->err, 2);
    const exit_code code = run_user(f, name, paths, count);
    fflush(stdout);
    fflush(stderr);
    _exit((int)code);
  }
  if (j->pid > 0) {
    f->running++;
    return;
  }
  j->pid = 0;
  close(j->out);
  close(j->err);
  f->failed++;
  note_item("failed", (sdx_bytes){ name, strlen(name) }, "no process could be started");
}

/* ------------------------------------------------------------------ all users */

static bool was_done(const fleet *f, const char *name) {
  const size_t n = strlen(name);
  for (const char *p = f->done; p != NULL && *p; p++) {
    if (strncmp(p, name, n) == 0 && (p[n] == '\n' || p[n] == '\0')) return true;
    p = strchr(p, '\n');
    if (p == NULL) break;
  }
  return false;
}

/* A name is the name of a directory, and nothing that leads elsewhere. */
static bool is_name(const char *name) {
  if (*name == '\0' || *name == '.' || strlen(name) > NAME_MAX_BYTES) return false;
  for (const char *p = name; *p; p++)
    if ((unsigned char)*p < 0x20 || *p == '/' || *p == '"' || *p == '\\' || *p == 0x7f)
      return false;
  return true;
}

static void take_line(fleet *f, char *line) {
  const char *paths[PATHS_MAX];
  size_t count = 0;
  char *rest = line;
  const char *name = strsep(&rest, "\t");
  for (char *path; rest != NULL && count < PATHS_MAX && (path = strsep(&rest, "\t")) != NULL;)
    if (*path) paths[count++] = path;
  if (*name == '\0' || *name == '#') return;
  if (!is_name(name)) {
    f->failed++;
    note_item("failed", (sdx_bytes){ name, strlen(name) }, "no name of a directory");
    return;
  }
  if (was_done(f, name)) {
    f->passed_over++;
    return;
  }
  while (f->running >= f->limit) reap_one(f);
  start(f, name, paths, count);
  progress_step(&f->progress, f->came_through + f->failed, 0, 0);
}

static char *read_whole(const char *path) {
  char *text = NULL;
  size_t room = 0;
  FILE *in = fopen(path, "re");
  if (in == NULL) return NULL;
  if (getdelim(&text, &room, '\0', in) < 0) {
    free(text);
    text = NULL;
  }
  fclose(in);
  return text;
}

static exit_code check(fleet *f, const char *users) {
  uint64_t jobs = 0;
  size_t memory = 0;
  if (users == NULL) return complain_usage("--store needs --users FILE");
  if ((f->keys == NULL) == (f->command == NULL))
    return complain_usage("--store needs one of --keys DIR and --key-command COMMAND");
  exit_code code = options_number(f->o, "jobs", process_processors(), &jobs);
  if (code == EXIT_DONE) code = options_size(f->o, "memory", 0, &memory);
  f->limit = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : (size_t)jobs;
  if (memory != 0) snprintf(f->memory, sizeof f->memory, "%zu", memory / f->limit);
  return code;
}

static void print_end(fleet *f) {
  progress_clear(&f->progress);
  if (f->o->json)
    printf("{\"users\":%llu,\"failed\":%llu,\"passed_over\":%llu,\"done\":%s}\n",
           (unsigned long long)f->came_through, (unsigned long long)f->failed,
           (unsigned long long)f->passed_over, *f->stopped ? "false" : "true");
  else
    printf("users %llu, failed %llu, passed over %llu\n", (unsigned long long)f->came_through,
           (unsigned long long)f->failed, (unsigned long long)f->passed_over);
}

static exit_code run_all(fleet *f, FILE *users) {
  char *line = NULL;
  size_t room = 0;
  ssize_t n;
  f->progress = progress_begin("users");
  while (!*f->stopped && (n = getline(&line, &room, users)) >= 0) {
    if (n > 0 && line[n - 1] == '\n') line[n - 1] = '\0';
    take_line(f, line);
  }
  for (size_t i = 0; *f->stopped && i < f->limit; i++)
    if (f->jobs[i].pid > 0) kill(f->jobs[i].pid, SIGINT); /* each keeps what it has done */
  while (f->running > 0) reap_one(f);
  free(line);
  print_end(f);
  return f->failed > 0 || *f->stopped ? EXIT_NOTHING : EXIT_DONE;
}

exit_code fleet_run(const options *o, exit_code (*run)(const options *o),
                    const volatile sig_atomic_t *stopped) {
  fleet f = { .o = o,
              .run = run,
              .stopped = stopped,
              .store = options_text(o, "store"),
              .keys = options_text(o, "keys"),
              .command = options_text(o, "key-command"),
              .done_path = options_text(o, "done") };
  const char *path = options_text(o, "users");
  exit_code code = check(&f, path);
  if (code != EXIT_DONE) return code;
  FILE *users = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  if (users == NULL) return complain_system(errno, "opening %s", path);
  if (f.done_path != NULL) {
    f.done = read_whole(f.done_path);
    f.done_file = fopen(f.done_path, "ae");
    if (f.done_file == NULL) code = complain_system(errno, "opening %s", f.done_path);
  }
  if (code == EXIT_DONE) code = run_all(&f, users);
  if (users != stdin) fclose(users);
  if (f.done_file != NULL) fclose(f.done_file);
  free(f.done);
  return code;
}
