/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up mailbox of the same size as files (Maildir, calendar, contacts, documents) into an empty
 * index: what `sealdex-reindex` does when a user comes, on every core, within the memory that it takes
 * unless told otherwise. Files are in the page cache. Memory is that of the process that indexes; the
 * sandboxed readers of messages are processes of their own. The new index then answers every query of the
 * growth stage's.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mailbox_write.h"
#include "place.h"
#include "stage.h"
#include "usage.h"

typedef struct migration {
  const bench *b;
  const engine_class *class;
  char files[440], index[440];
  unsigned cores;
  usage used;
  uint64_t bytes;          /* of raw files */
  size_t asked, with_hits; /* queries */
} migration;

static int write_files(void *context) {
  const migration *m = context;
  mailbox *made = mailbox_new(m->b->mail->count, m->b->seed);
  mailbox_tree *tree = mailbox_tree_new(m->files);
  int result = made != NULL && tree != NULL ? 0 : -1;
  for (const mailbox_item *it; result == 0 && (it = mailbox_next(made)) != NULL;)
    result = mailbox_tree_write(tree, it);
  mailbox_tree_free(tree);
  mailbox_free(made);
  sync(); /* what is still to be written is not the rebuild's to wait for */
  return result;
}

static int index_files(void *context) {
  migration *m = context;
  const char *const paths[] = { m->files };
  engine *e = NULL;
  if (m->class->create(&e, m->index) != 0) return -1;
  m->class->close(e);
  usage_forget_peak();
  const usage before = usage_now();
  const int result = m->class->rebuild(m->index, paths, 1, m->cores, &m->bytes);
  m->used = usage_since(&before);
  return result;
}

static int ask_index(void *context) {
  static answer a;
  char text[600];
  migration *m = context;
  engine *e = NULL;
  if (m->class->open(&e, m->index, ENGINE_READ) != 0) return -1;
  int result = 0;
  for (size_t i = 0; i < m->b->work->count && result == 0; i++, m->asked++) {
    const workload_query *q = &m->b->work->queries[i];
    m->class->phrase(q, text, sizeof text);
    result = m->class->search(e, q, text, ANSWER_HITS, false, &a);
    m->with_hits += a.count > 0;
  }
  m->class->close(e);
  return result;
}

static void put(bench *b, const migration *m) {
  char subject[32];
  snprintf(subject, sizeof subject, "%zu", b->mail->count);
  const struct {
    const char *measure, *unit;
    double value;
  } rows[] = {
    { "files, seconds", "s", m->used.seconds },
    { "files, rate", "MB/s", (double)m->bytes / 1e6 / m->used.seconds },
    { "files, items", "1/s", (double)b->mail->count / m->used.seconds },
    { "files, peak memory", "MiB", m->used.peak_mib },
    { "files, queries with hits", "%", 100 * (double)m->with_hits / (double)m->asked },
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    figures_put(&b->figures, "growth", m->class->name, subject, rows[i].measure, rows[i].unit,
                rows[i].value);
}

int stage_files(bench *b) {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (b->engines[0].class->rebuild == NULL) return 0;
  migration *m = usage_share(sizeof *m);
  *m = (migration){ .b = b, .class = b->engines[0].class, .cores = processors > 1 ? (unsigned)processors : 1 };
  snprintf(m->files, sizeof m->files, "%s/files", b->work_dir);
  snprintf(m->index, sizeof m->index, "%s/from-files", b->work_dir);
  place_clear(m->files);
  place_clear(m->index);
  fprintf(stderr, "writing %zu items as files\n", b->mail->count);
  int result = usage_in_child(write_files, m);
  if (result == 0) fprintf(stderr, "indexing them\n");
  if (result == 0) result = usage_in_child(index_files, m);
  if (result == 0) result = usage_in_child(ask_index, m);
  if (result == 0) put(b, m);
  place_clear(m->files);
  place_clear(m->index);
  usage_unshare(m, sizeof *m);
  return result;
}
