/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-core: what a core dump of a searching process holds.
 *
 * A process, which is a host that keeps its own copies of key, queries and ids out of dumps and
 * knows nothing of sdx_forbid_dumps, searches again and again in two threads, with every kind of
 * query and call. Its parent stops it at random moments, and looks through all memory that the
 * kernel would dump: what is writable or nobody's file, and not marked as out of dumps. Then it has
 * it dump core, also at random moments, and looks through the dump's segments (where the kernel
 * writes none into the working directory it says so: the looks then stand alone). What the
 * processor's registers hold at the moment is left out: no process decides on that.
 *
 *   - No key is there, nor half of one; no word of a query, of opened blocks or of the journal; no
 * id.
 *   - A process that forbids dumps (sdx_forbid_dumps) leaves none when it is made to abort; nor
 * does the program that is named.
 *   - As a check of the check: a key and a word that a host leaves about are found, in memory and
 * in the dump, and words are in memory out of dumps.
 *
 *   proof-core PROGRAM [LOOKS]
 */
#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sealdex.h"

enum {
  ITEMS = 400,
  JOURNAL = 20,
  WORDS = 120,
  MARK = 5,
  PART = MARK + 2,
  WORD = 2 * PART,
  PAGE = 4096
};
enum { SEARCHERS = 2, DUMPS = 3 };

static uint64_t mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* What is looked for: words of items in segments, of items in the journal, of queries, ids, and the
 * key. */
enum { OF_BLOCKS, OF_JOURNAL, OF_QUERY, OF_ID, OF_KEY, SORTS };

/* What the words of a sort are made of. It stands nowhere in this program as it is. */
static void put_mark(char *out, int sort) {
  static const volatile char hidden[OF_KEY][MARK] = {
    { 'k' ^ 1, 'o' ^ 1, 'z' ^ 1, 'u' ^ 1, 'w' ^ 1 },
    { 'z' ^ 1, 'u' ^ 1, 'k' ^ 1, 'o' ^ 1, 'q' ^ 1 },
    { 'u' ^ 1, 'x' ^ 1, 'o' ^ 1, 'k' ^ 1, 'v' ^ 1 },
    { 'q' ^ 1, 'a' ^ 1, 'x' ^ 1, 'i' ^ 1, 'w' ^ 1 }
  };
  for (int i = 0; i < MARK; i++) out[i] = (char)(hidden[sort][i] ^ 1);
}

/* Twice the mark and two bytes of its own, so that a piece of a word has the mark, too. Some have a
 * letter that is not ASCII. (Of words of which more than 15 bytes are left as their stem, the stem
 * stands in the common heap for the moment in which libxapian gives it: docs/threat-model.md.) */
static void put_word(char *out, int sort, unsigned number) {
  uint64_t state = number * 7919 + (unsigned)sort;
  for (int part = 0; part < 2; part++, out += PART) {
    put_mark(out, sort);
    out[MARK] = (char)('a' + mix(&state) % 26);
    out[MARK + 1] = (char)('a' + mix(&state) % 26);
    if (part == 1 && number % 4 == 0 && sort != OF_ID) memcpy(out + MARK, "\xc3\xa9", 2);
  }
}

static void put_key(uint8_t key[SDX_KEY_SIZE]) {
  uint64_t state = 99;
  for (int i = 0; i < SDX_KEY_SIZE; i++) key[i] = (uint8_t)mix(&state);
}

/* Memory of the host that is out of dumps, as key and query have to be. */
static void *out_of_dumps(void) {
  void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED || madvise(page, PAGE, MADV_DONTDUMP) != 0) exit(6);
  return page;
}

static void must(sdx_status status, const sdx_error *err, const char *what) {
  if (status == SDX_OK) return;
  fprintf(stderr, "%s: status %d: %s\n", what, (int)status, err->message);
  _exit(1);
}

/* ------------------------------------------------------------------ the two children */

static void make_index(const char *dir) {
  uint8_t key[SDX_KEY_SIZE];
  const sdx_secret secret = { SDX_SECRET_KEY, key, sizeof key };
  sdx_write_options options = SDX_WRITE_OPTIONS_INIT;
  sdx_index *index = NULL;
  sdx_batch *batch = NULL;
  sdx_error err = { 0 };
  uint64_t state = 5;
  put_key(key);
  must(sdx_init(dir, &secret, NULL, &err), &err, "init");
  must(sdx_open(&index, dir, &secret, NULL, &err), &err, "open");
  must(sdx_batch_begin(&batch, index, NULL, &err), &err, "batch");
  for (unsigned i = 0; i < ITEMS; i++) {
    char id[WORD], body[40 * (WORD + 1)], subject[WORD];
    const int own = i < ITEMS - JOURNAL ? OF_BLOCKS : OF_JOURNAL;
    for (unsigned k = 0; k < 40; k++) {
      put_word(body + k * (WORD + 1), k % 10 == 0 ? OF_QUERY : own,
               (unsigned)(mix(&state) % WORDS));
      body[k * (WORD + 1) + WORD] = ' ';
    }
    put_word(subject, own, i % WORDS);
    const sdx_field fields[2] = { { "subject", { subject, WORD } },
                                  { "body", { body, sizeof body } } };
    sdx_item item = SDX_ITEM_INIT;
    put_word(id, OF_ID, i);
    item.id = (sdx_bytes){ id, WORD };
    item.date = 1700000000 + i;
    item.fields = fields;
    item.field_count = 2;
    if (i < ITEMS - JOURNAL) must(sdx_batch_add(batch, &item, NULL, &err), &err, "add");
    if (i == ITEMS - JOURNAL) must(sdx_batch_commit(batch, &err), &err, "commit");
    if (i >= ITEMS - JOURNAL) must(sdx_add(index, &item, &options, NULL, &err), &err, "add");
  }
  sdx_close(index);
  _exit(0);
}

static char *put(char *at, const char *text) {
  return (char *)memcpy(at, text, strlen(text)) + strlen(text);
}
static char *put_query_word(char *at, unsigned number) {
  put_word(at, OF_QUERY, number % WORDS);
  return at + WORD;
}

/* Each kind of query, by the round, into memory that is out of dumps. */
static sdx_bytes put_query(char *page, unsigned round) {
  const unsigned word = round / 10;
  char *at = page;
  switch (round % 10) {
  case 0:
    at = put_query_word(at, word);
    break;
  case 1:
    at = put(put_query_word(put(put_query_word(put(at, "\""), word), " "), word + 1), "\"");
    break;
  case 2:
    at = put(put_query_word(at, word) - 3, "*");
    break;
  case 3:
    at = put_query_word(put(put_query_word(at, word), " OR "), word + 2);
    break;
  case 4:
    at = put_query_word(put(at, "subject:"), word);
    break;
  case 5: /* a letter off, as nobody wrote it */
    at = put(put_query_word(at, word) - 1, "q~");
    break;
  case 6:
    at = put_query_word(put(at, "*"), word);
    memmove(page + 1, page + 4, (size_t)(at - page) - 4);
    at -= 3;
    break;
  case 7:
    at = put_query_word(put(put_query_word(at, word), " NEAR/9 "), word + 1);
    break;
  case 8:
    at = put(put_query_word(put(put_query_word(at, word), " -"), word + 3), " newer_than:9y");
    break;
  default: /* not there: "did you mean" */
    at = put(put_query_word(at, word) - 1, "qq");
  }
  return (sdx_bytes){ page, (size_t)(at - page) };
}

typedef struct searcher {
  sdx_index *index;
  unsigned number;
  int ready;
} searcher;

/* The same by calls. */
static void ask_built(sdx_index *index, char *page, unsigned round) {
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  sdx_query *query = NULL;
  sdx_results *results = NULL;
  sdx_error err = { 0 };
  sdx_node nodes[4];
  put_query_word(page, round);
  const sdx_bytes word = { page, WORD }, most = { page, WORD - 2 };
  options.want = SDX_WANT_ALL;
  must(sdx_query_new(&query, &err), &err, "query");
  nodes[0] = sdx_query_words(query, "body", word);
  nodes[1] = sdx_query_prefix(query, NULL, most);
  nodes[2] = sdx_query_fuzzy(query, NULL, most, 2);
  nodes[3] = sdx_query_phrase(query, "subject", word);
  must(sdx_query_set(query, sdx_query_or(query, nodes, 4), &err), &err, "query");
  must(sdx_search_query(index, query, &options, &results, &err), &err, "search of a built query");
  sdx_results_free(results);
  sdx_query_free(query);
}

/* Of one item: its snippet for a query, and all of it. */
static void ask_of_one(sdx_index *index, char *page, unsigned round) {
  sdx_error err = { 0 };
  sdx_found *found = NULL;
  char *html = NULL;
  put_word(page, OF_ID, round * 37 % ITEMS);
  const sdx_bytes id = { page, WORD };
  must(sdx_snippet(index, id, put_query(page + WORD, round), (sdx_bytes){ NULL, 0 }, &html, &err),
       &err, "snippet");
  must(sdx_show(index, id, 1700100000, &found, &err), &err, "show");
  sdx_text_free(html);
  sdx_found_free(found);
}

static void *search_in_turns(void *context) {
  const searcher *s = context;
  char *page = out_of_dumps();
  sdx_error err = { 0 };
  for (unsigned round = s->number;; round++) {
    sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
    sdx_results *results = NULL;
    sdx_suggestions *suggestions = NULL;
    options.want = round % 2 == 0 ? SDX_WANT_ALL : 0;
    options.facets = round % 5 == 0;
    options.pages = round % 7 == 0;
    options.collapse_threads = round % 3 == 0;
    options.now = 1700100000;
    must(sdx_search(s->index, put_query(page, round), &options, &results, &err), &err, "search");
    sdx_results_free(results);
    put_query_word(page, round);
    must(sdx_suggest(s->index, (sdx_bytes){ page, WORD / 2 + round % (WORD / 2) }, NULL,
                     &suggestions, &err),
         &err, "suggest");
    sdx_suggestions_free(suggestions);
    ask_built(s->index, page, round);
    ask_of_one(s->index, page, round);
    if (round == s->number + 20) (void)!write(s->ready, "r", 1);
    if (round % 50 == 49) must(sdx_idle(s->index, &err), &err, "idle");
  }
  return NULL;
}

/* What a careless host leaves about: a key and a word. */
static void leave_about(void) {
  static char *volatile about;
  about = malloc(SDX_KEY_SIZE + WORD);
  if (about == NULL) return;
  put_key((uint8_t *)about);
  put_word(about + SDX_KEY_SIZE, OF_QUERY, 1);
}

static void search_for_ever(const char *dir, bool careless, int ready) {
  uint8_t *key = out_of_dumps();
  const sdx_secret secret = { SDX_SECRET_KEY, key, SDX_KEY_SIZE };
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  put_key(key);
  must(sdx_open(&index, dir, &secret, NULL, &err), &err, "open");
  if (careless) leave_about();
  searcher searchers[SEARCHERS];
  for (unsigned i = 0; i < SEARCHERS; i++) {
    pthread_t thread;
    searchers[i] = (searcher){ .index = index, .number = i * 55, .ready = ready };
    if (i + 1 < SEARCHERS && pthread_create(&thread, NULL, search_in_turns, &searchers[i]) != 0)
      _exit(6);
  }
  search_in_turns(&searchers[SEARCHERS - 1]);
}

/* ------------------------------------------------------------------ the look */

typedef struct found {
  uint64_t dumped[SORTS], kept[SORTS]; /* in memory that would be dumped, and in all other */
  uint64_t bytes;                      /* that would be dumped */
} found;

static uint64_t count(const uint8_t *data, size_t size, const void *needle, size_t length) {
  uint64_t n = 0;
  for (const uint8_t *at = data;
       (at = memmem(at, size - (size_t)(at - data), needle, length)) != NULL; at++)
    n++;
  return n;
}

static void look_at(found *f, int mem, uint64_t from, uint64_t to, bool dumped) {
  uint8_t needle[SDX_KEY_SIZE];
  uint8_t *data = mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return;
  const ssize_t n = pread(mem, data, to - from, (off_t)from);
  for (int sort = 0; sort < SORTS && n > 0; sort++) {
    if (sort == OF_KEY)
      put_key(needle);
    else
      put_mark((char *)needle, sort);
    /* Half of the key is as bad as all of it. */
    (dumped ? f->dumped : f->kept)[sort] +=
        count(data, (size_t)n, needle, sort == OF_KEY ? SDX_KEY_SIZE / 2 : MARK);
  }
  if (dumped && n > 0) f->bytes += (uint64_t)n;
  munmap(data, to - from);
}

/* All mappings of a stopped process. Pages of files that are not written to are not dumped. */
static void look(found *f, pid_t pid) {
  char path[40], line[512];
  unsigned long from = 0, to = 0, inode = 0;
  char rights[5] = "";
  snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
  const int mem = open(path, O_RDONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
  FILE *maps = fopen(path, "r");
  while (mem >= 0 && maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    if (strchr(line, '-') != NULL && /* not the line "Anonymous:", which begins with a digit, too */
        sscanf(line, "%lx-%lx %4s %*s %*s %lu", &from, &to, rights, &inode) == 4)
      continue;
    if (strncmp(line, "VmFlags:", 8) != 0 || rights[0] != 'r') continue;
    if (inode != 0 && (rights[1] != 'w' || rights[3] == 's')) continue;
    look_at(f, mem, from, to, strstr(line, " dd") == NULL);
  }
  if (maps != NULL) fclose(maps);
  if (mem >= 0) close(mem);
}

static void want_dumps(void) {
  struct rlimit most;
  if (getrlimit(RLIMIT_CORE, &most) != 0) _exit(6);
  most.rlim_cur = most.rlim_max;
  if (setrlimit(RLIMIT_CORE, &most) != 0) _exit(6);
}

static void pause_at_random(uint64_t *state) {
  const struct timespec pause = { .tv_nsec = (long)(mix(state) % 3000000) };
  nanosleep(&pause, NULL);
}

/* A process that is at work, of this program begun anew: what its parent looked for is not in its
 * memory. It dumps core into the folder, where it may. */
static pid_t start_searching(const char *base, const char *dir, bool careless) {
  int ends[2];
  char bytes[SEARCHERS];
  if (pipe(ends) != 0) return -1;
  const pid_t pid = fork();
  if (pid == 0) {
    char end[20];
    want_dumps();
    if (chdir(base) != 0) _exit(6);
    snprintf(end, sizeof end, "%d", ends[1]);
    execl("/proc/self/exe", "proof-core", "--search", dir, careless ? "careless" : "careful", end,
          (char *)NULL);
    _exit(6);
  }
  close(ends[1]);
  bool working = pid > 0;
  for (int i = 0; working && i < SEARCHERS; i++) working = read(ends[0], bytes, 1) == 1;
  close(ends[0]);
  return working ? pid : -1;
}

static int look_often(const char *base, const char *dir, bool careless, unsigned looks, found *f) {
  int how;
  const pid_t pid = start_searching(base, dir, careless);
  if (pid < 0) return -1;
  uint64_t state = (uint64_t)pid;
  for (unsigned i = 0; i < looks; i++) {
    pause_at_random(&state);
    kill(pid, SIGSTOP);
    if (waitpid(pid, &how, WUNTRACED) != pid || !WIFSTOPPED(how)) return -1;
    look(f, pid);
    kill(pid, SIGCONT);
  }
  kill(pid, SIGKILL);
  waitpid(pid, &how, 0);
  return 0;
}

/* ------------------------------------------------------------------ dumps */

/* All of the memory that the dump holds; 1 where there is no dump. */
static int look_into(found *f, const char *path) {
  Elf64_Ehdr about;
  Elf64_Phdr part;
  const int dump = open(path, O_RDONLY | O_CLOEXEC);
  if (dump < 0) return 1;
  bool fine = pread(dump, &about, sizeof about, 0) == sizeof about &&
              memcmp(about.e_ident, ELFMAG, SELFMAG) == 0 && about.e_type == ET_CORE &&
              about.e_phnum > 2;
  for (unsigned i = 0; fine && i < about.e_phnum; i++) {
    fine = pread(dump, &part, sizeof part, (off_t)(about.e_phoff + i * sizeof part)) == sizeof part;
    if (fine && part.p_type == PT_LOAD && part.p_filesz > 0)
      look_at(f, dump, part.p_offset, part.p_offset + part.p_filesz, true);
  }
  close(dump);
  return fine ? 0 : -1;
}

/* A process that is made to abort in the middle of its work. 1 where the kernel leaves no dump. */
static int look_into_dump(const char *base, const char *dir, bool careless, found *f) {
  char path[260];
  int how;
  const pid_t pid = start_searching(base, dir, careless);
  if (pid < 0) return -1;
  uint64_t state = (uint64_t)pid;
  pause_at_random(&state);
  kill(pid, SIGABRT);
  if (waitpid(pid, &how, 0) != pid || !WIFSIGNALED(how) || WTERMSIG(how) != SIGABRT) return -1;
  if (!WCOREDUMP(how)) return 1;
  snprintf(path, sizeof path, "%s/core", base);
  if (access(path, F_OK) != 0) snprintf(path, sizeof path, "%s/core.%d", base, (int)pid);
  const int result = look_into(f, path);
  (void)unlink(path);
  return result;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

/* ------------------------------------------------------------------ processes that abort */

/* 0 where the process ended by SIGABRT and left no dump. */
static int end_of(pid_t pid) {
  int how;
  if (waitpid(pid, &how, 0) != pid || !WIFSIGNALED(how) || WTERMSIG(how) != SIGABRT) return -1;
  return WCOREDUMP(how) ? -1 : 0;
}

static int library_forbids(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    struct rlimit left;
    want_dumps();
    if (sdx_forbid_dumps(NULL) != SDX_OK || prctl(PR_GET_DUMPABLE) != 0) _exit(1);
    if (getrlimit(RLIMIT_CORE, &left) != 0 || left.rlim_cur != 0) _exit(1);
    abort();
  }
  return end_of(pid);
}

/* The program waits for lines of JSON when it is made to abort. */
static int tool_forbids(const char *program, const char *base) {
  char dir[240], key[240], limits[60], line[200];
  uint8_t bytes[SDX_KEY_SIZE];
  int ends[2];
  snprintf(dir, sizeof dir, "%s/index", base);
  snprintf(key, sizeof key, "%s/key", base);
  put_key(bytes);
  FILE *f = fopen(key, "w");
  if (f == NULL || fwrite(bytes, 1, sizeof bytes, f) != sizeof bytes || fclose(f) != 0) return -1;
  if (pipe(ends) != 0) return -1;
  const pid_t pid = fork();
  if (pid == 0) {
    want_dumps();
    dup2(ends[0], 0);
    close(ends[1]);
    execl(program, program, "add", dir, "--key", key, "--jsonl", "-", (char *)NULL);
    _exit(6);
  }
  close(ends[0]);
  bool none = false; /* that it is at work shows by its limit */
  for (int i = 0; i < 600 && !none; i++) {
    const struct timespec pause = { .tv_nsec = 50000000 };
    nanosleep(&pause, NULL);
    snprintf(limits, sizeof limits, "/proc/%d/limits", (int)pid);
    FILE *l = fopen(limits, "r");
    while (l != NULL && fgets(line, sizeof line, l) != NULL)
      none |= strncmp(line, "Max core file size", 18) == 0 && strstr(line, " 0 ") != NULL;
    if (l != NULL) fclose(l);
  }
  kill(pid, SIGABRT);
  const int result = end_of(pid);
  close(ends[1]);
  return none ? result : -1;
}

static int complain(const char *what) {
  printf("FAILED: %s\n", what);
  return 1;
}

static int judge(const found *f, const found *careless, const char *what) {
  static const char *const sorts[SORTS] = { "words of blocks", "words of the journal",
                                            "words of queries", "ids", "keys" };
  printf("%s: %llu MiB\n", what, (unsigned long long)f->bytes >> 20);
  int result = 0;
  for (int i = 0; i < SORTS; i++) {
    printf("  %-20s %6llu in it, %6llu in memory out of dumps\n", sorts[i],
           (unsigned long long)f->dumped[i], (unsigned long long)f->kept[i]);
    if (f->dumped[i] > 0) result = complain("a dump holds what it must not");
  }
  if (careless->dumped[OF_KEY] == 0 || careless->dumped[OF_QUERY] == 0)
    result = complain("the check saw nothing");
  return result;
}

static int judge_looks(const char *base, const char *dir, unsigned looks) {
  found f = { .bytes = 0 }, careless = { .bytes = 0 };
  if (look_often(base, dir, false, looks, &f) != 0 ||
      look_often(base, dir, true, 3, &careless) != 0)
    return complain("no look");
  int result = judge(&f, &careless, "looks at all that a dump would hold");
  if (f.kept[OF_BLOCKS] == 0 || f.kept[OF_QUERY] == 0) result = complain("the looks saw nothing");
  return result;
}

static int judge_dumps(const char *base, const char *dir) {
  found f = { .bytes = 0 }, careless = { .bytes = 0 };
  int how = look_into_dump(base, dir, true, &careless);
  if (how == 1) {
    printf("skipped: no core file is written into the working directory here; the looks stand "
           "alone\n");
    return 0;
  }
  for (int i = 0; i < DUMPS && how == 0; i++) how = look_into_dump(base, dir, false, &f);
  return how == 0 ? judge(&f, &careless, "core dumps") : complain("no dump");
}

int main(int argc, char **argv) {
  if (argc == 5 && strcmp(argv[1], "--search") == 0)
    search_for_ever(argv[2], strcmp(argv[3], "careless") == 0, atoi(argv[4]));
  const unsigned looks = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 40;
  char base[200], dir[220];
  int how, result = argc > 1 ? 0 : complain("usage: proof-core PROGRAM [LOOKS]");
  if (argc < 2) return 2;
  snprintf(base, sizeof base, "%s/sealdex-core-%d",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (int)getpid());
  snprintf(dir, sizeof dir, "%s/index", base);
  mkdir(base, 0700);
  const pid_t maker =
      fork(); /* what makes the mail must leave nothing in the memory of who searches */
  if (maker == 0) make_index(dir);
  if (waitpid(maker, &how, 0) != maker || how != 0) result = complain("no index");
  if (result == 0) result = judge_looks(base, dir, looks);
  if (result == 0) result = judge_dumps(base, dir);
  if (library_forbids() != 0) result = complain("a process that forbids dumps leaves one");
  if (tool_forbids(argv[1], base) != 0) result = complain("the program does not forbid dumps");
  nftw(base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return result;
}
