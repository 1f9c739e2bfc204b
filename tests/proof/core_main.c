/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof-core: what a core dump of a searching process would hold.
 *
 * A process, which is a host that keeps its own copies of key and query out of dumps, searches
 * again and again with every kind of query; its parent stops it at random moments, and looks
 * through all memory that the kernel would dump: what is writable or nobody's file, and not marked
 * as out of dumps.
 *
 *   - The key is not there, nor half of it.
 *   - Words of opened blocks, of the journal and of queries are counted: some stand in ordinary
 * memory while a call runs. So the host forbids dumps (sdx_forbid_dumps): then a process that is
 * made to abort leaves none; nor does the program that is named.
 *   - As a check of the check: a key that a host leaves about is found, and words are in memory out
 * of dumps.
 *
 *   proof-core PROGRAM [LOOKS]
 */
#include <fcntl.h>
#include <ftw.h>
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

enum { ITEMS = 400, JOURNAL = 20, WORDS = 120, WORD = 12, MARK = 4, PAGE = 4096 };

static uint64_t mix(uint64_t *state) { /* SplitMix64 (Steele, Lea, Flood 2014) */
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* What is looked for: words of items in segments, of items in the journal, of queries, and the key.
 */
enum { OF_BLOCKS, OF_JOURNAL, OF_QUERY, OF_KEY, SORTS };

/* How the words of a sort end. It stands nowhere in this program as it is. */
static void put_mark(char *out, int sort) {
  static const volatile char hidden[3][MARK] = { { 'k' ^ 1, 'o' ^ 1, 'z' ^ 1, 'u' ^ 1 },
                                                 { 'z' ^ 1, 'u' ^ 1, 'k' ^ 1, 'o' ^ 1 },
                                                 { 'u' ^ 1, 'x' ^ 1, 'o' ^ 1, 'k' ^ 1 } };
  for (int i = 0; i < MARK; i++) out[i] = (char)(hidden[sort][i] ^ 1);
}

static void put_word(char *out, int sort, unsigned number) {
  uint64_t state = number * 7919 + (unsigned)sort;
  for (int i = 0; i < WORD - MARK; i++) out[i] = (char)('a' + mix(&state) % 26);
  put_mark(out + WORD - MARK, sort);
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
    char id[16], body[40 * (WORD + 1)], subject[WORD];
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
    item.id = (sdx_bytes){ id, (size_t)snprintf(id, sizeof id, "mail/%u", i) };
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

/* Each kind of query, by the round, into memory that is out of dumps. */
static sdx_bytes put_query(char *page, unsigned round) {
  const unsigned word = round % WORDS;
  char *at = page;
  switch (round % 6) {
  case 1:
    *at++ = '"';
    break;
  case 4:
    memcpy(at, "subject:", 8), at += 8;
    break;
  default:
    break;
  }
  put_word(at, OF_QUERY, word);
  at += WORD;
  switch (round % 6) {
  case 1:
    *at++ = ' ', put_word(at, OF_QUERY, word + 1), at += WORD, *at++ = '"';
    break;
  case 2:
    *at++ = '*';
    break;
  case 3:
    memcpy(at, " OR ", 4), at += 4, put_word(at, OF_QUERY, word + 2), at += WORD;
    break;
  case 5:
    *at++ = '~';
    break;
  default:
    break;
  }
  return (sdx_bytes){ page, (size_t)(at - page) };
}

static void search_for_ever(const char *dir, bool careless, int ready) {
  uint8_t *key = out_of_dumps();
  char *page = out_of_dumps();
  const sdx_secret secret = { SDX_SECRET_KEY, key, SDX_KEY_SIZE };
  sdx_index *index = NULL;
  sdx_error err = { 0 };
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  put_key(key);
  must(sdx_open(&index, dir, &secret, NULL, &err), &err, "open");
  if (careless) {
    uint8_t *about = malloc(SDX_KEY_SIZE);
    if (about != NULL) put_key(about);
  }
  for (unsigned round = 0;; round++) {
    sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
    sdx_results *results = NULL;
    options.want = round % 2 == 0 ? SDX_WANT_ALL : 0;
    options.facets = round % 5 == 0;
    options.now = 1700100000;
    must(sdx_search(index, put_query(page, round), &options, &results, &err), &err, "search");
    sdx_results_free(results);
    if (round == 20) (void)!write(ready, "r", 1);
    if (round % 50 == 49) must(sdx_idle(index, &err), &err, "idle");
  }
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

static void look_at(found *f, int mem, unsigned long from, unsigned long to, bool dumped) {
  uint8_t needle[SDX_KEY_SIZE], *data = malloc(to - from);
  if (data == NULL) return;
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
  free(data);
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

static int look_often(const char *dir, bool careless, unsigned looks, found *f) {
  int ends[2], how;
  char byte;
  if (pipe(ends) != 0) return -1;
  const pid_t pid = fork();
  if (pid == 0) search_for_ever(dir, careless, ends[1]);
  close(ends[1]);
  if (read(ends[0], &byte, 1) != 1) return -1;
  close(ends[0]);
  uint64_t state = (uint64_t)pid;
  for (unsigned i = 0; i < looks; i++) {
    const struct timespec pause = { .tv_nsec = (long)(mix(&state) % 3000000) };
    nanosleep(&pause, NULL);
    kill(pid, SIGSTOP);
    if (waitpid(pid, &how, WUNTRACED) != pid || !WIFSTOPPED(how)) return -1;
    look(f, pid);
    kill(pid, SIGCONT);
  }
  kill(pid, SIGKILL);
  waitpid(pid, &how, 0);
  return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

/* ------------------------------------------------------------------ processes that abort */

static void want_dumps(void) {
  struct rlimit most;
  if (getrlimit(RLIMIT_CORE, &most) != 0) _exit(6);
  most.rlim_cur = most.rlim_max;
  if (setrlimit(RLIMIT_CORE, &most) != 0) _exit(6);
}

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

static int judge(const found *f, const found *careless, unsigned looks) {
  static const char *const sorts[SORTS] = { "words of blocks", "words of the journal",
                                            "words of queries", "keys" };
  printf("%u looks at %llu MiB in all that a dump would hold\n", looks,
         (unsigned long long)f->bytes >> 20);
  for (int i = 0; i < SORTS; i++)
    printf("%-20s %6llu in it, %6llu in memory out of dumps\n", sorts[i],
           (unsigned long long)f->dumped[i], (unsigned long long)f->kept[i]);
  int result = 0;
  if (f->dumped[OF_KEY] > 0) result = complain("a dump would hold the key");
  if (f->kept[OF_BLOCKS] == 0 || careless->dumped[OF_KEY] == 0)
    result = complain("the check saw nothing");
  return result;
}

int main(int argc, char **argv) {
  const unsigned looks = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 40;
  char base[200], dir[220];
  found f = { 0 }, careless = { 0 };
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
  if (result == 0 && look_often(dir, false, looks, &f) != 0) result = complain("no look");
  if (result == 0 && look_often(dir, true, 3, &careless) != 0) result = complain("no look");
  if (result == 0) result = judge(&f, &careless, looks);
  if (library_forbids() != 0) result = complain("a process that forbids dumps leaves one");
  if (tool_forbids(argv[1], base) != 0) result = complain("the program does not forbid dumps");
  nftw(base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return result;
}
