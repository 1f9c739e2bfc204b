/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealdex.h - sealed full-text search over one user's mail, calendar, contacts and documents.
 *
 * The one header that an embedder reads.
 *
 * Conventions
 *   - Every function that can fail returns sdx_status: SDX_OK (0) or a negative code, and fills
 *     the caller's sdx_error (which may be NULL) with one line that says what happened and what
 *     to do. No message ever holds an id, a term, a query, a key or any text.
 *   - `T **out` hands an object to the caller, who frees it with the function named beside it;
 *     a plain returned pointer is borrowed and lives as long as the text says.
 *   - Option structs begin with `version`; fill them with their _INIT macro, then change fields.
 *     NULL options mean the defaults.
 *   - Times are epoch seconds, UTC. `now` 0 means the clock; any other value is taken as the time.
 *   - A handle opens one user's index with that user's key; no call takes two indexes.
 *   - Handles may be used from many threads; they refuse to work in a forked child.
 */
#ifndef SEALDEX_H
#define SEALDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sealdex_counters.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SDX_API __attribute__((visibility("default")))
#define SDX_CHECK __attribute__((warn_unused_result))
#define SDX_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define SDX_API
#define SDX_CHECK
#define SDX_PRINTF(f, a)
#endif

#define SDX_VERSION_MAJOR 0
#define SDX_VERSION_MINOR 1
#define SDX_VERSION_PATCH 0
#define SDX_VERSION "0.1.0"

/* Sizes and limits, in bytes unless said otherwise. */
#define SDX_KEY_SIZE 32          /* a raw user key */
#define SDX_DEPOSIT_FILE_SIZE 83 /* the contents of a deposit key file */
#define SDX_ID_MAX 400           /* an external id: 1 to 400 bytes */
#define SDX_DAY 86400            /* seconds */
#define SDX_RETENTION_DEFAULT (45 * SDX_DAY)
#define SDX_CLOSED_KEEP (365 * SDX_DAY)   /* a closed account can be reopened for so long ... */
#define SDX_CLOSED_GRACE (30 * SDX_DAY)   /* ... and is destroyed so much later */

/* ------------------------------------------------------------------ errors */

typedef enum sdx_status {
  SDX_OK = 0,
  SDX_NOT_FOUND = -1,  /* unknown or purged id; nothing there */
  SDX_INVALID = -2,    /* an argument or an item is malformed */
  SDX_WRONG_KEY = -3,  /* the key opens no slot of this index */
  SDX_DAMAGED = -4,    /* something fails to open or breaks an invariant; also: newer format */
  SDX_LOCKED = -5,     /* another process holds the lock, and waiting was not asked for */
  SDX_CLOSED = -6,     /* the account is closed */
  SDX_SYSTEM = -7,     /* the operating system refused; the index or a file is missing */
  SDX_NO_MEMORY = -8,  /* memory, or locked memory, ran out */
  SDX_NO_SPACE = -9,   /* the disk or quota is full */
  SDX_ROLLED_BACK = -10, /* the store is older than the keyring: a restored backup */
  SDX_CANCELLED = -11, /* the caller cancelled */
  SDX_FORKED = -12     /* the handle belongs to another process */
} sdx_status;

/* The one error type. Fill it with zeros or leave it; it is written only on failure. */
typedef struct sdx_error {
  sdx_status status;
  char message[248];
} sdx_error;

/* ------------------------------------------------------------------ secrets */

typedef enum sdx_secret_kind {
  SDX_SECRET_KEY = 1,        /* SDX_KEY_SIZE random bytes */
  SDX_SECRET_PASSPHRASE = 2, /* text of 1 to 1,024 bytes, stretched by Argon2id */
  SDX_SECRET_DEPOSIT = 3     /* the contents of a deposit key file */
} sdx_secret_kind;

/* A borrowed secret. The library copies what it needs into locked memory and wipes its copies. */
typedef struct sdx_secret {
  sdx_secret_kind kind;
  const void *bytes;
  size_t size;
} sdx_secret;

/* A string or blob that knows its length; borrowed unless said otherwise. */
typedef struct sdx_bytes {
  const char *data;
  size_t size;
} sdx_bytes;

/* ------------------------------------------------------------------ items */

typedef enum sdx_kind {
  SDX_MESSAGE = 1,
  SDX_EVENT = 2,
  SDX_CONTACT = 3,
  SDX_DOCUMENT = 4
} sdx_kind;

/* One field of text. `name` is one of the names of docs/text.md ("subject", "from", "body", ...);
 * several fields may share a name. Text is UTF-8; bytes that are not are repaired, not refused. */
typedef struct sdx_field {
  const char *name;
  sdx_bytes text;
} sdx_field;

/* One item, all of it borrowed. */
typedef struct sdx_item {
  uint32_t version;
  sdx_bytes id;       /* the host's own id, 1 to SDX_ID_MAX bytes */
  sdx_kind kind;
  int64_t date;       /* what newest-first sorts by: received, else sent; for events the start */
  int64_t sent;       /* the sent date where known, else 0 */
  const sdx_field *fields;
  size_t field_count;
  const sdx_bytes *folders; /* a set: an item may stand in several folders */
  size_t folder_count;
  const sdx_bytes *flags;   /* "seen", "flagged", "answered", "draft", ... */
  size_t flag_count;
  const sdx_bytes *labels;
  size_t label_count;
  sdx_bytes thread;   /* the host's thread id, or empty: taken from the references */
  uint64_t size;      /* bytes of the original */
  bool has_attachment;
  sdx_bytes payload;  /* comes back with a hit, unread by us; may be empty */
  int64_t expires;    /* 0, or when the item is deleted as if by its owner */
} sdx_item;
#define SDX_ITEM_INIT { .version = 1, .kind = SDX_MESSAGE }

/* ------------------------------------------------------------------ sources */

/* Walks files and gives one item after another: Maildir, mbox, .eml, .ics, .vcf, documents, and
 * directories of them. Ids are as in the manual page sealdex(1): the path relative to the argument,
 * `#` and a stable key where a file holds several items. */
typedef struct sdx_source sdx_source;

typedef struct sdx_source_options {
  uint32_t version;
  bool lines_on_stdin; /* JSON Lines from the given descriptor instead of paths */
  int lines_fd;
  bool invitations; /* behind a message, each event of the calendars attached to it, as an item of its
                       own: its id is the message's, `#`, and the event's UID */
  int64_t now; /* a message dated more than a day after this is dated a day after its file was written
                  instead; epoch seconds, 0: the clock */
} sdx_source_options;
#define SDX_SOURCE_OPTIONS_INIT { .version = 1 }

typedef enum sdx_entry_state {
  SDX_ENTRY_ITEM = 0,    /* `item` is set */
  SDX_ENTRY_FAILED = 1,  /* `reason` says why, without any text of the item */
  SDX_ENTRY_SKIPPED = 2, /* a file of no supported type, met in a directory */
  SDX_ENTRY_PARTIAL = 3  /* `item` is set, and `reason` says what of it could not be read */
} sdx_entry_state;

/* One step of the walk; all of it borrowed until the next step. */
typedef struct sdx_entry {
  sdx_entry_state state;
  sdx_bytes id;
  const sdx_item *item;
  const char *reason;
  bool repeated;        /* failed since an item before it had the same id */
  uint64_t bytes_done;  /* of raw input so far, and in all where known (else 0) */
  uint64_t bytes_total;
} sdx_entry;

SDX_API sdx_status sdx_source_open(sdx_source **out, const char *const *paths, size_t count,
                                   const sdx_source_options *options, sdx_error *err) SDX_CHECK;
/* SDX_NOT_FOUND at the end. An item that cannot be read is an entry, not an error. */
SDX_API sdx_status sdx_source_next(sdx_source *source, const sdx_entry **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_source_close(sdx_source *source);

/* What a host's own store (a database, an object store) holds of one item, or of several that came as
 * one. Borrowed until the next call. */
typedef struct sdx_original {
  sdx_bytes id;         /* of the item; where one original holds several, `#` and a key follow */
  const sdx_item *item; /* the item as it would be added (its id is taken, not that above); or NULL and: */
  sdx_bytes bytes;      /* a message, calendar, card or document as it came, */
  const char *name;     /* its file's name, which helps to tell its type; may be NULL, */
  const sdx_bytes *folders, *flags, *labels; /* its attributes, */
  size_t folder_count, flag_count, label_count;
  int64_t date;         /* and when it was received; 0: what it says itself */
  uint64_t stamp;       /* another whenever the original changes, so that an interrupted run knows it
                           again; 0: its bytes are looked at */
} sdx_original;

typedef struct sdx_source_calls {
  uint32_t version;
  void *context;
  /* The first call, and again before the originals are gone through anew. May be NULL where there will be
   * one pass only (a pass that a purge disturbs is made again). */
  sdx_status (*begin)(void *context, sdx_error *err);
  /* The next original, in any order; SDX_NOT_FOUND at the end. Called by one thread at a time. */
  sdx_status (*next)(void *context, sdx_original *out, sdx_error *err);
  uint64_t bytes_total; /* of all originals, for progress; 0: not known */
} sdx_source_calls;
#define SDX_SOURCE_CALLS_INIT { .version = 1 }

/* A source of the host's own, for sdx_source_next and sdx_reindex. The calls are copied; what they refer to
 * must live as long as the source. Types are told apart and read as those of files are. */
SDX_API sdx_status sdx_source_own(sdx_source **out, const sdx_source_calls *calls,
                                  sdx_error *err) SDX_CHECK;

/* Reads a key from the contents of a key file: 32 raw bytes or 64 hex digits (white space behind them
 * is passed over). SDX_INVALID for anything else. Wipe `out` when done. */
SDX_API sdx_status sdx_key_parse(uint8_t out[SDX_KEY_SIZE], const void *bytes, size_t size,
                                 sdx_error *err) SDX_CHECK;
/* Fills `out` with a fresh random key. */
SDX_API sdx_status sdx_key_generate(uint8_t out[SDX_KEY_SIZE], sdx_error *err) SDX_CHECK;
/* Overwrites memory in a way that the compiler keeps. */
SDX_API void sdx_wipe(void *bytes, size_t size);
/* From now on this process leaves no core dump (PR_SET_DUMPABLE, RLIMIT_CORE), as the tools do from their start.
 * For hosts to call once. Where it was not called a dump has neither key nor word that the library works with when it
 * opens, searches, suggests, shows or makes snippets, nor its results: they lie in memory that no dump
 * holds. It may have what the host copied, what registers held at that moment, and, of calls that
 * write, export or extract, what stands on the stack and in memory of other libraries (docs/threat-model.md). */
SDX_API sdx_status sdx_forbid_dumps(sdx_error *err) SDX_CHECK;
SDX_API const char *sdx_version(void);

/* ------------------------------------------------------------------ the index */

typedef struct sdx_index sdx_index;

/* A keyring that the host keeps itself: in a KMS, an HSM or a database, where files cannot be overwritten in
 * place or must not hold keys. It stands in for the file `keyring`; the store stays in the directory. The
 * bytes are at most 4 MiB, need no secrecy of their own, and must never come back once they were
 * replaced: what is purged is gone when the host has forgotten them. Calls that write come one at a time,
 * calls that read from any thread. `sealdex` and other processes without the callbacks cannot open such an
 * index. Borrowed until the handle is closed; NULL, wherever it is asked for: the file. */
typedef struct sdx_keyring_storage {
  uint32_t version;
  void *context;
  /* Copies all of it into `bytes`. *size is the room there is, and afterwards its size; where that is more,
   * nothing needs to be copied. SDX_NOT_FOUND where there is none. */
  sdx_status (*read)(void *context, void *bytes, size_t room, size_t *size);
  /* Replaces all of it, whole or not at all; durable when it returns SDX_OK. */
  sdx_status (*write)(void *context, const void *bytes, size_t size);
  /* Forgets it for ever. */
  sdx_status (*destroy)(void *context);
} sdx_keyring_storage;
#define SDX_KEYRING_STORAGE_INIT { .version = 1 }

/* What a host may remember of an index, outside of it, to see at the next open whether somebody put back
 * older files. Without it a rollback of keyring and store to one earlier time cannot be seen. */
typedef struct sdx_mark {
  uint64_t generation;       /* of the keyring ... */
  uint64_t store_generation; /* ... and of the store: both only grow */
  uint8_t digest[32];        /* of the keyring of that generation */
} sdx_mark;
/* Reads the mark. Needs no key. */
SDX_API sdx_status sdx_mark_of(const char *dir, const sdx_keyring_storage *keyring, sdx_mark *out,
                               sdx_error *err) SDX_CHECK;

typedef enum sdx_cipher {
  SDX_XCHACHA20_POLY1305 = 1,
  SDX_AES256_GCM = 2, /* where the processor has AES */
  SDX_AEGIS256 = 3    /* where libsodium has it */
} sdx_cipher;

typedef struct sdx_init_options {
  uint32_t version;
  const char *languages; /* comma-separated ISO codes; NULL: "en" */
  int64_t retention;     /* seconds between deletion and purge; 0: SDX_RETENTION_DEFAULT */
  bool no_store_text;    /* keep no text: no snippets, titles, or export of text */
  sdx_cipher cipher;     /* 0: XChaCha20-Poly1305 */
  int64_t now;
  const sdx_keyring_storage *keyring;
} sdx_init_options;
#define SDX_INIT_OPTIONS_INIT { .version = 1 }

/* Creates the index directory (its parent must exist) and in it the keyring and the store.
 * SDX_INVALID where an index stands there already. */
SDX_API sdx_status sdx_init(const char *dir, const sdx_secret *secret,
                            const sdx_init_options *options, sdx_error *err) SDX_CHECK;

typedef struct sdx_open_options {
  uint32_t version;
  size_t cache_bytes;      /* of opened blocks, and of what a search takes beside them; 0: 16,000,000 */
  bool accept_restored;    /* open files of a restored backup: a store older than its keyring, a keyring
                              older than its store, or either older than the mark */
  int64_t now;             /* stops the handle's clock: calls that are given no time take this one, or
                              the latest that a call was given since; 0: the clock runs */
  const sdx_keyring_storage *keyring;
  const sdx_mark *mark;    /* what the host remembers: older files, or a keyring of the same generation
                              that is another, are SDX_ROLLED_BACK unless accept_restored */
} sdx_open_options;
#define SDX_OPEN_OPTIONS_INIT { .version = 1 }

/* Opens with a read key. SDX_WRONG_KEY, SDX_DAMAGED, SDX_ROLLED_BACK, SDX_SYSTEM where there is no
 * index. Nothing is written until the first write. */
SDX_API sdx_status sdx_open(sdx_index **out, const char *dir, const sdx_secret *secret,
                            const sdx_open_options *options, sdx_error *err) SDX_CHECK;
/* No call may be running on the handle. Wipes; NULL is fine. */
SDX_API void sdx_close(sdx_index *index);
/* Gives back what calls have opened: blocks, keys of segments, those that a purge destroyed above all; for
 * handles that stay open without calls. While other threads are in calls it only drops what is gone. */
SDX_API sdx_status sdx_idle(sdx_index *index, sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ many users */

/* Open handles for a backend that serves many users: taken for a request, given back, and the one that
 * was used longest ago closed where there are too many. Nothing is kept of a user whose handle is
 * closed, so any number of users may come and go. For many threads. */
typedef struct sdx_pool sdx_pool;
typedef struct sdx_pool_options {
  uint32_t version;
  size_t handles;  /* open at one time; 0: 64 */
  size_t memory;   /* bytes of opened blocks over all of them; 0: 4 MiB for each */
  int64_t wait_ms; /* how long to wait where all handles are in use; 0: 10 seconds */
} sdx_pool_options;
#define SDX_POOL_OPTIONS_INIT { .version = 1 }

SDX_API sdx_status sdx_pool_new(sdx_pool **out, const sdx_pool_options *options,
                                sdx_error *err) SDX_CHECK;
/* No handle may be in use. NULL is fine. */
SDX_API void sdx_pool_free(sdx_pool *pool);
/* The handle of a directory, opened with the secret if it is not open; the same for all who take it at one
 * time. A secret is checked also where the handle is open. SDX_LOCKED where all handles stayed in use;
 * else as sdx_open. It is given back, not closed. */
SDX_API sdx_status sdx_pool_take(sdx_pool *pool, const char *dir, const sdx_secret *secret,
                                 sdx_index **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_pool_give(sdx_pool *pool, sdx_index *index);
/* Closes the handles that nobody used for so many seconds (0: all that are not in use): a user's at
 * logout, after a change of key, or before the directory is removed. `dir`: of this one; NULL: of all. */
SDX_API void sdx_pool_close_idle(sdx_pool *pool, const char *dir, int64_t seconds);
/* How many handles are open. */
SDX_API size_t sdx_pool_open_count(sdx_pool *pool);

/* ------------------------------------------------------------------ writing */

typedef enum sdx_outcome {
  SDX_ADDED = 1,
  SDX_UPDATED = 2,  /* the id was there with other content, which is superseded now */
  SDX_UNCHANGED = 3 /* the same content is there, live or deleted: nothing was done */
} sdx_outcome;

typedef struct sdx_write_options {
  uint32_t version;
  int64_t now;
  bool undelete; /* adding an unchanged item that is deleted adds it anew */
} sdx_write_options;
#define SDX_WRITE_OPTIONS_INIT { .version = 1 }

/* Adds or replaces one item; durable when it returns. Folds and merges as they fall due. */
SDX_API sdx_status sdx_add(sdx_index *index, const sdx_item *item, const sdx_write_options *options,
                           sdx_outcome *outcome, sdx_error *err) SDX_CHECK;

/* Many items that commit whole or not at all; bulk adds write segments directly. A batch belongs to
 * one thread. Items become visible and durable with sdx_batch_commit. */
typedef struct sdx_batch sdx_batch;
typedef struct sdx_batch_options {
  uint32_t version;
  int64_t now;
  bool undelete;
  size_t memory;   /* bytes to collect terms in, shared by threads; 0: 32 MiB, of several 26 and 2 for each */
  unsigned threads; /* that analyse and build side by side, the memory shared among them: more, smaller
                       segments until maintenance merges them, and one more that waits for the disk. 0, 1:
                       the caller's alone */
} sdx_batch_options;
#define SDX_BATCH_OPTIONS_INIT { .version = 1 }
SDX_API sdx_status sdx_batch_begin(sdx_batch **out, sdx_index *index, const sdx_batch_options *options,
                                   sdx_error *err) SDX_CHECK;
/* An item that is refused (SDX_INVALID) leaves the batch as it was. */
SDX_API sdx_status sdx_batch_add(sdx_batch *batch, const sdx_item *item, sdx_outcome *outcome,
                                 sdx_error *err) SDX_CHECK;
/* Both free the batch. */
SDX_API sdx_status sdx_batch_commit(sdx_batch *batch, sdx_error *err) SDX_CHECK;
SDX_API void sdx_batch_abort(sdx_batch *batch);

/* Hides the item at once; it can be restored for the retention time. SDX_NOT_FOUND for an id that is
 * unknown, purged, or deleted already. */
SDX_API sdx_status sdx_delete(sdx_index *index, sdx_bytes id, int64_t now, sdx_error *err) SDX_CHECK;
/* Brings a deleted item back exactly. SDX_NOT_FOUND for one that is not there, or due. */
SDX_API sdx_status sdx_restore(sdx_index *index, sdx_bytes id, int64_t now, sdx_error *err) SDX_CHECK;

/* One change of an attribute. */
typedef enum sdx_change_kind {
  SDX_SET_FOLDER = 1,    /* the only folder from now on */
  SDX_ADD_FOLDER = 2,
  SDX_REMOVE_FOLDER = 3,
  SDX_ADD_FLAG = 4,
  SDX_REMOVE_FLAG = 5,
  SDX_ADD_LABEL = 6,
  SDX_REMOVE_LABEL = 7
} sdx_change_kind;
typedef struct sdx_change {
  sdx_change_kind kind;
  sdx_bytes value;
} sdx_change;
SDX_API sdx_status sdx_set(sdx_index *index, sdx_bytes id, const sdx_change *changes, size_t count,
                           int64_t now, sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ searching */

typedef enum sdx_sort {
  SDX_BY_RELEVANCE = 0,
  SDX_NEWEST_FIRST = 1,
  SDX_OLDEST_FIRST = 2,
  SDX_BY_RECENCY = 3 /* relevance that fades with age; see docs/query.md */
} sdx_sort;

/* What of each hit is filled in beside id, kind, date and score. */
enum {
  SDX_WANT_TITLE = 1,
  SDX_WANT_FROM = 2,
  SDX_WANT_SNIPPET = 4,
  SDX_WANT_SUGGESTION = 8, /* where nothing is found, a query that finds something: takes longer */
  SDX_WANT_ALL = 15,
  SDX_WANT_EXCERPTS = 16 /* a snippet of each field that matches, beside the best one */
};

/* What hits may be put in order by, beside sdx_sort. Texts are compared without case and marks, and need an
 * index that stores them. Equal hits: newest first, then by id. */
typedef enum sdx_order_key {
  SDX_ORDER_DATE = 1,
  SDX_ORDER_SENT = 2,
  SDX_ORDER_SIZE = 3,
  SDX_ORDER_FROM = 4,    /* name of the first sender, else the address */
  SDX_ORDER_TO = 5,
  SDX_ORDER_SUBJECT = 6, /* without Re:, Fwd: and [lists] in front */
  SDX_ORDER_KEYWORD = 7, /* whether it has the flag `keyword` */
  SDX_ORDER_ALL_IN_THREAD = 8, /* whether all live items of its thread have it */
  SDX_ORDER_SOME_IN_THREAD = 9
} sdx_order_key;
typedef struct sdx_order {
  sdx_order_key key;
  bool descending;
  sdx_bytes keyword;
} sdx_order;

/* A wish to stop, for searches that run in other threads: they end with SDX_CANCELLED within some
 * milliseconds, those that begin later at once, until it is taken back. Outlives the searches it is
 * given to. */
typedef struct sdx_cancel sdx_cancel;
SDX_API sdx_status sdx_cancel_new(sdx_cancel **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_cancel_set(sdx_cancel *cancel, bool wish); /* from any thread */
SDX_API void sdx_cancel_free(sdx_cancel *cancel); /* NULL is fine */

typedef struct sdx_search_options {
  uint32_t version;
  size_t limit;        /* 0: 10 */
  size_t offset;
  sdx_sort sort;
  unsigned want;       /* SDX_WANT_ ... */
  bool facets;
  bool bound_total;    /* a lower bound will do for the total: faster */
  bool collapse_threads;
  bool strict;         /* a query that cannot be parsed is SDX_INVALID, with the place of the fault */
  int64_t now;         /* what older_than: and the like count from */
  int32_t utc_offset;  /* seconds east, for the days of date forms */
  int64_t time_limit_us; /* 0: none; reached: the answer is incomplete and says so */
  double k1, b;        /* BM25; 0, 0: Xapian's defaults 1 and 0.5 */
  const sdx_order *orders; /* at most 8 keys, the first foremost, in place of `sort`; every hit is looked
                              at. Not with pages or after (SDX_INVALID) */
  size_t order_count;
  bool html_mark;      /* matches in snippets stand in <mark>, as JMAP has it, not in <b> */
  bool pages;          /* make a cursor: sdx_results_next */
  sdx_bytes after;     /* a cursor: the hits behind the page that gave it. The query, sort and
                          collapse_threads must be the same; SDX_INVALID else */
  const sdx_cancel *cancel; /* NULL: cannot be cancelled */
} sdx_search_options;
#define SDX_SEARCH_OPTIONS_INIT { .version = 1 }

/* A snippet of one field of a hit. */
typedef struct sdx_excerpt {
  sdx_bytes field; /* "subject", "body", ... */
  sdx_bytes html;  /* text escaped, matches in <b> */
} sdx_excerpt;
#define SDX_EXCERPTS_MAX 16 /* of one hit */

/* One hit, borrowed from its results. Texts are empty where they were not wanted or are not stored. */
typedef struct sdx_hit {
  sdx_bytes id;
  sdx_kind kind;
  int64_t date;
  double score;
  sdx_bytes title;   /* plain text */
  sdx_bytes from;    /* plain text */
  sdx_bytes snippet; /* HTML: text escaped, matches in <b> */
  const sdx_excerpt *excerpts; /* in the order of the item's fields */
  size_t excerpt_count;
} sdx_hit;

typedef struct sdx_facet_value {
  sdx_bytes value;
  uint64_t count;
} sdx_facet_value;

typedef struct sdx_results sdx_results;

/* `query` is what a person typed (docs/query.md). The results are the caller's. */
SDX_API sdx_status sdx_search(sdx_index *index, sdx_bytes query, const sdx_search_options *options,
                              sdx_results **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_results_free(sdx_results *results); /* wipes */
SDX_API size_t sdx_results_count(const sdx_results *results);
SDX_API const sdx_hit *sdx_results_hit(const sdx_results *results, size_t i);
SDX_API uint64_t sdx_results_total(const sdx_results *results);
SDX_API bool sdx_results_exact(const sdx_results *results);    /* the total is exact */
SDX_API bool sdx_results_complete(const sdx_results *results);
/* The i-th reason why the answer is partial, NULL behind the last: "segment damaged", "items purged
 * unread", "journal not read", "time limit", ... */
SDX_API const char *sdx_results_why(const sdx_results *results, size_t i);
/* The query as it was understood, in the query language. */
SDX_API sdx_bytes sdx_results_parsed(const sdx_results *results);
/* True where the query could not be parsed and its words were searched instead. */
SDX_API bool sdx_results_fell_back(const sdx_results *results);
/* "Did you mean": where nothing was found, the query with words of live items in the place of those that
 * none has; or empty. */
SDX_API sdx_bytes sdx_results_suggestion(const sdx_results *results);
/* Where this page ended, as text of letters, digits, `-` and `_` (sealed: only this index reads it); empty
 * behind the last page, or where options->pages was not set. Asked for the hits behind it, a search
 * repeats and passes over none of those that were there at the first page, however much arrives, vanishes
 * or is folded meanwhile; those that arrived are shown where they rank behind it. */
SDX_API sdx_bytes sdx_results_next(const sdx_results *results);
/* Facet `name` ("kind", "folder", "from", "month"): its values, most frequent first. */
SDX_API const sdx_facet_value *sdx_results_facet(const sdx_results *results, const char *name,
                                                 size_t *count);

/* ------------------------------------------------------------------ queries made by calls */

/* A query that a program puts together, where sdx_search takes what a person typed. Texts in it are text:
 * no sign or word of theirs is an operator, so what a user typed into a form needs no escaping.
 *
 *   sdx_query *q;
 *   sdx_status status = sdx_query_new(&q, &err);
 *   const sdx_node wanted[] = { sdx_query_words(q, "subject", typed), sdx_query_filter(q, "in", folder) };
 *   status = sdx_query_set(q, sdx_query_and(q, wanted, 2), &err);
 *   status = sdx_search_query(index, q, NULL, &results, &err);
 *   sdx_query_free(q);
 *
 * The calls copy what they are given, and make nodes, which belong to the query; a node stands in one place of
 * it. A call that fails gives 0, as do all after it, and sdx_query_set says why: only that has to be
 * looked at. The query knows no index: once set it may be used for many searches, from many threads at one
 * time, and is not changed by them. A query has at most 4,096 nodes, nested at most 64 deep, and 64 KiB
 * of text; words behind the first 1,024 are dropped, which sdx_results_fell_back says. */
typedef struct sdx_query sdx_query;
typedef uint32_t sdx_node; /* of one query; 0: none, a call failed */

SDX_API sdx_status sdx_query_new(sdx_query **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_query_free(sdx_query *query); /* wipes; no search may be using it. NULL is fine */

/* What a person typed, in the query language (docs/query.md), as a part of a query: reading it depends on
 * options->strict. */
SDX_API sdx_node sdx_query_text(sdx_query *query, sdx_bytes text);
/* Words, all wanted, in any form of theirs; those that punctuation joins one after another. `field`: its name
 * or "with", NULL: all text. Of message-id the text is the whole value. Text without any word is as if the
 * node were not there; a query of nothing else finds nothing. */
SDX_API sdx_node sdx_query_words(sdx_query *query, const char *field, sdx_bytes text);
/* Words one after another, as they are. */
SDX_API sdx_node sdx_query_phrase(sdx_query *query, const char *field, sdx_bytes text);
/* Words as they are, of which the last may go on. */
SDX_API sdx_node sdx_query_prefix(sdx_query *query, const char *field, sdx_bytes text);
/* Words in which a star stands for any letters. */
SDX_API sdx_node sdx_query_pattern(sdx_query *query, const char *field, sdx_bytes text);
/* Words that are up to `edits` (1, 2; 0: one, two for words of six letters and more) letters off. */
SDX_API sdx_node sdx_query_fuzzy(sdx_query *query, const char *field, sdx_bytes text, unsigned edits);
/* A filter of the query language by its name ("in", "label", "is", "kind", "before", "larger", ...) and value,
 * which is taken as it is. Relative dates count from the search's time. */
SDX_API sdx_node sdx_query_filter(sdx_query *query, const char *name, sdx_bytes value);
/* Items of dates, events of times, in [from, until); INT64_MIN, INT64_MAX: no bound. */
SDX_API sdx_node sdx_query_dates(sdx_query *query, int64_t from, int64_t until);
/* Items whose original had a size in [from, until), in bytes; 0, INT64_MAX: no bound. */
SDX_API sdx_node sdx_query_sizes(sdx_query *query, int64_t from, int64_t until);
SDX_API sdx_node sdx_query_everything(sdx_query *query);
/* What matches all, any, or not the one. sdx_query_or of no nodes matches nothing; sdx_query_and of none is as if
 * it were not there. */
SDX_API sdx_node sdx_query_and(sdx_query *query, const sdx_node *nodes, size_t count);
SDX_API sdx_node sdx_query_or(sdx_query *query, const sdx_node *nodes, size_t count);
SDX_API sdx_node sdx_query_not(sdx_query *query, sdx_node unwanted);
/* Words, phrases, patterns, fuzzy words, and sdx_query_or of them, within `window` (0: 10), as NEAR/window;
 * `ordered`: in this order, as ADJ/window. Other nodes in it are SDX_INVALID when it is searched. */
SDX_API sdx_node sdx_query_near(sdx_query *query, const sdx_node *nodes, size_t count, unsigned window,
                                bool ordered);
/* Makes the node the query. SDX_INVALID where some call was given a field, filter, value or node that does
 * not exist, or the query is too large; SDX_NO_MEMORY. */
SDX_API sdx_status sdx_query_set(sdx_query *query, sdx_node root, sdx_error *err) SDX_CHECK;

/* As sdx_search. SDX_INVALID for a query that was not set. */
SDX_API sdx_status sdx_search_query(sdx_index *index, const sdx_query *query,
                                    const sdx_search_options *options, sdx_results **out,
                                    sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ suggestions */

typedef enum sdx_suggestion_kind {
  SDX_SUGGEST_WORD = 1,    /* a word of the index */
  SDX_SUGGEST_ADDRESS = 2, /* an address of a sender, recipient, guest or contact */
  SDX_SUGGEST_VALUE = 3    /* a folder, label, flag or kind */
} sdx_suggestion_kind;

/* One suggestion, borrowed. */
typedef struct sdx_suggestion {
  sdx_suggestion_kind kind;
  sdx_bytes text;  /* what was typed, its last word completed: a query */
  sdx_bytes word;  /* what that word was completed to */
  sdx_bytes name;  /* of whom an address is, as items write it; empty where it is not known */
  uint64_t count;  /* live items that have it; above some thousands perhaps a few too many */
  int64_t date;    /* of the newest of them; 0 where it was not looked for */
} sdx_suggestion;

typedef struct sdx_suggest_options {
  uint32_t version;
  size_t limit;        /* 0: 10 */
  int64_t now;         /* which items have expired, and how long ago addresses were used */
  int64_t time_limit_us; /* 0: none; reached: what was found by then, and not complete */
  const sdx_cancel *cancel; /* NULL: cannot be cancelled */
} sdx_suggest_options;
#define SDX_SUGGEST_OPTIONS_INIT { .version = 1 }

typedef struct sdx_suggestions sdx_suggestions;

/* Completes the last word of a query that is being typed, from live items alone: words by how frequent
 * they are; behind `from:`, `to:`, `cc:`, `bcc:`, `with:`, `organizer:`, `attendee:` and `email:` addresses, by
 * their own beginning or that of a name, the more recent and frequent first; behind `in:`, `label:`,
 * `is:`, `kind:` and `has:` values. The suggestions, best first, are the caller's. */
SDX_API sdx_status sdx_suggest(sdx_index *index, sdx_bytes typed, const sdx_suggest_options *options,
                               sdx_suggestions **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_suggestions_free(sdx_suggestions *suggestions); /* wipes; NULL is fine */
SDX_API size_t sdx_suggestions_count(const sdx_suggestions *suggestions);
SDX_API const sdx_suggestion *sdx_suggestions_at(const sdx_suggestions *suggestions, size_t i);
/* False where some of the index could not be read, or the time limit was reached. */
SDX_API bool sdx_suggestions_complete(const sdx_suggestions *suggestions);

/* One item in full, as it was added. Borrowed from the object until it is freed. */
typedef struct sdx_found sdx_found;
/* SDX_NOT_FOUND for ids that are unknown, deleted or purged. */
SDX_API sdx_status sdx_show(sdx_index *index, sdx_bytes id, int64_t now, sdx_found **out,
                            sdx_error *err) SDX_CHECK;
SDX_API const sdx_item *sdx_found_item(const sdx_found *found);
/* False where changes of its folders, flags or labels may be missing, since part of the journal does not
 * open. */
SDX_API bool sdx_found_complete(const sdx_found *found);
SDX_API void sdx_found_free(sdx_found *found); /* wipes */

/* A highlighted snippet of one item for a query: HTML, freed with sdx_text_free. `text` may be given by
 * a host that keeps the text itself (else empty: the stored text is taken). */
SDX_API sdx_status sdx_snippet(sdx_index *index, sdx_bytes id, sdx_bytes query, sdx_bytes text,
                               char **out, sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_snippet_query(sdx_index *index, sdx_bytes id, const sdx_query *query, sdx_bytes text,
                                     char **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_text_free(char *text); /* wipes */

/* ------------------------------------------------------------------ upkeep */

/* Folds the journal, merges what the policy asks for, moves tombstones to the trash. `all`: also what
 * could wait (every tombstone goes to the trash, all segments become one). */
SDX_API sdx_status sdx_maintain(sdx_index *index, bool all, int64_t now, sdx_error *err) SDX_CHECK;

struct sdx_receipt;
typedef struct sdx_sweep_options {
  uint32_t version;
  int64_t now;
  bool dry_run;
  bool force;          /* believe a clock that jumped */
  const sdx_secret *secret; /* a read key, so that nothing living is lost; NULL: none at hand */
  const sdx_keyring_storage *keyring;
  /* Called for every key that this sweep destroyed, also those of a destroyed account; may be NULL. */
  void (*receipt)(void *context, const struct sdx_receipt *r);
  void *receipt_context;
} sdx_sweep_options;
#define SDX_SWEEP_OPTIONS_INIT { .version = 1 }

typedef struct sdx_sweep_report {
  uint64_t indexes, failed, accounts_destroyed;
  uint64_t items_purged;   /* deleted and superseded versions that can no longer be opened */
  uint64_t keys_destroyed;
  uint64_t items_missing;  /* living items that went with them; sealdex-reindex --missing mends */
  uint64_t restorable_lost; /* younger deleted items that went with them */
  bool clock_refused;      /* the clock is far past the last sweep: nothing was destroyed */
} sdx_sweep_report;

/* Carries out what is due in one index. Needs no key. */
SDX_API sdx_status sdx_sweep(const char *dir, const sdx_sweep_options *options,
                             sdx_sweep_report *report, sdx_error *err) SDX_CHECK;

/* One removal of a key, for receipts. */
typedef struct sdx_receipt {
  int kind;            /* as in docs/format.md */
  uint64_t key_id;
  int64_t time;
  uint64_t items;
  int reason;
  uint64_t generation;
  uint8_t chain[32];
} sdx_receipt;
/* Calls `each` for every removal still in the log, oldest first. Needs no key. */
SDX_API sdx_status sdx_receipts(const char *dir, const sdx_keyring_storage *keyring, void (*each)(void *context, const sdx_receipt *r),
                                void *context, sdx_error *err) SDX_CHECK;

/* Checks receipts of one index, in the order in which they were exported: that each follows from the one
 * before by the chain, that none of the keys they name is in the keyring, and that they agree with what
 * the log still holds. `report` gets a line per problem. SDX_DAMAGED where there was any. Needs no key.
 * It shows that the keyring as it stands has no such key; copies of the keyring elsewhere, and whoever
 * opened something before, are beyond it. */
SDX_API sdx_status sdx_receipts_verify(const char *dir, const sdx_keyring_storage *keyring,
                                       const sdx_receipt *receipts, size_t count,
                                       void (*report)(void *context, const char *line),
                                       void *context, uint64_t *problems, sdx_error *err) SDX_CHECK;

typedef struct sdx_state {
  uint64_t live, deleted, superseded, missing; /* items; missing: lost to a keyless purge or damage */
  uint64_t segments, journal_records;
  uint64_t text_bytes;
  uint64_t file_bytes, used_bytes, keyring_bytes;
  uint64_t generation;
  int64_t retention, last_sweep, closed_since; /* 0: never */
  bool store_text, reindex_due; /* an older analyser made some segment */
  char languages[64];
  bool complete; /* false: something does not open, so the counts are those of the rest */
} sdx_state;
SDX_API sdx_status sdx_status_of(sdx_index *index, int64_t now, sdx_state *out, sdx_error *err) SDX_CHECK;

/* All that the files give away without a key, as lines "name: value". */
SDX_API sdx_status sdx_inspect(const char *dir, const sdx_keyring_storage *keyring, void (*line)(void *context, const char *name,
                                                            const char *value),
                               void *context, sdx_error *err) SDX_CHECK;

/* Opens every block, row and record, and checks every invariant. `report` gets a line per problem,
 * which names the place. SDX_DAMAGED where there was any. */
SDX_API sdx_status sdx_verify(sdx_index *index, void (*report)(void *context, const char *line),
                              void *context, uint64_t *problems, sdx_error *err) SDX_CHECK;
/* The same, and of every item whose text is kept: that its terms, their frequencies and positions are those that
 * the text gives to this analyser. Takes about as long as indexing. */
SDX_API sdx_status sdx_verify_deep(sdx_index *index, void (*report)(void *context, const char *line),
                                   void *context, uint64_t *problems, sdx_error *err) SDX_CHECK;

/* Gives every live item, in full. */
SDX_API sdx_status sdx_export(sdx_index *index, int64_t now,
                              sdx_status (*each)(void *context, const sdx_item *item),
                              void *context, sdx_error *err) SDX_CHECK;

/* Items that are missing (lost to a keyless purge or to damage) come back by adding them again. This says
 * that they were looked for wherever they could be: those that are missing still are counted no more,
 * and answers are complete without them. */
SDX_API sdx_status sdx_forget_missing(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;

/* Rewrites the store without its free pages. Needs no key. */
SDX_API sdx_status sdx_compact(const char *dir, sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ reindexing */

typedef enum sdx_reindex_mode {
  SDX_REINDEX_COMPARE = 1, /* says where index and source differ, and changes nothing */
  SDX_REINDEX_MISSING = 2, /* adds what the source has and the index lacks, and nothing else */
  SDX_REINDEX_ALL = 3,     /* a fresh index from the source, built beside the live one, which it replaces */
  SDX_REINDEX_SALVAGE = 4  /* what can still be read of damaged segments goes into new ones; the source
                              may be NULL. The two before it begin with this */
} sdx_reindex_mode;

/* What is said of one item. */
typedef enum sdx_finding {
  SDX_FINDING_MISSING = 1,   /* the source has it, the index does not, or cannot read it */
  SDX_FINDING_STALE = 2,     /* both have it, and they differ */
  SDX_FINDING_EXTRA = 3,     /* live in the index, and the source did not give it */
  SDX_FINDING_DUPLICATE = 4, /* the source gave its id before */
  SDX_FINDING_HIDDEN = 5,    /* deleted in the index, and the source still has it */
  SDX_FINDING_FAILED = 6,    /* the source could not give it, or it was refused */
  SDX_FINDING_PARTIAL = 7,   /* something of it could not be read */
  SDX_FINDING_SKIPPED = 8    /* a file of no supported type */
} sdx_finding;

typedef struct sdx_reindex_report {
  uint64_t items;     /* that the source gave */
  uint64_t bytes;     /* of raw input that was read */
  uint64_t synced, missing, stale, extra, duplicate, hidden; /* as found before anything was changed */
  uint64_t failed, partial, skipped;
  uint64_t added;     /* missing items that are in the index now */
  uint64_t salvaged;  /* items taken out of damaged segments ... */
  uint64_t unreadable; /* ... and those in them that could not be read: missing, if they were not deleted */
  bool resumed;       /* SDX_REINDEX_ALL: went on with what an interrupted run had done ... */
  bool swapped;       /* ... and the new index is in place */
} sdx_reindex_report;

typedef struct sdx_reindex_options {
  uint32_t version;
  sdx_reindex_mode mode;
  int64_t now;
  size_t memory;      /* bytes to build with, all threads together; 0: 384 MiB */
  unsigned jobs;      /* SDX_REINDEX_ALL: threads; 0: one for each processor it may use */
  bool anew;          /* SDX_REINDEX_ALL: do not go on with an interrupted run */
  bool dry_run;       /* find, and change nothing */
  void *context;      /* handed to the two below, which may be NULL. They are called by one thread at a
                         time, not always the same, and must call nothing of the library */
  /* One line of news about an item; borrowed for the call. `reason` holds no text of it. */
  void (*found)(void *context, sdx_finding what, sdx_bytes id, const char *reason);
  /* Called between items; `total` is 0 where it is not known. False stops with SDX_CANCELLED; what was
   * committed stays. */
  bool (*progress)(void *context, const sdx_reindex_report *so_far, uint64_t total);
} sdx_reindex_options;
#define SDX_REINDEX_OPTIONS_INIT { .version = 1, .mode = SDX_REINDEX_COMPARE }

/* Holds an index against what it was made from, or makes it anew (docs/rebuild.md). The source is read to its end, and stays the caller's.
 * `report` may be NULL. Items that fail are counted, not errors. */
SDX_API sdx_status sdx_reindex(sdx_index *index, sdx_source *source,
                               const sdx_reindex_options *options, sdx_reindex_report *report,
                               sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ capabilities */

/* Closing an account needs no key: search and writes refuse with SDX_CLOSED from then on. It can be
 * reopened for SDX_CLOSED_KEEP, and comes back with all that was not due meanwhile; the first sweep
 * SDX_CLOSED_GRACE after that destroys everything, the keyring first. Closing a closed account keeps
 * its date; reopening an open one does nothing. SDX_CLOSED where it is too late to reopen. */
SDX_API sdx_status sdx_close_account(const char *dir, const sdx_keyring_storage *keyring, int64_t now, sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_reopen_account(const char *dir, const sdx_keyring_storage *keyring, int64_t now, sdx_error *err) SDX_CHECK;

typedef struct sdx_slot_options {
  uint32_t version;
  uint32_t argon2_passes, argon2_mib; /* of a passphrase; 0: the default; bounds are checked */
} sdx_slot_options;
#define SDX_SLOT_OPTIONS_INIT { .version = 1 }

/* Key slots, at most 8: each opens the index with a secret of its own. Adding what opens a slot
 * already replaces that slot, so the cost of a passphrase is raised by adding it again. Removing takes
 * away what the secret opens, a deposit key too; never the last read key (SDX_INVALID). SDX_WRONG_KEY
 * where it opens nothing. */
SDX_API sdx_status sdx_slot_add(sdx_index *index, const sdx_secret *secret,
                                const sdx_slot_options *options, sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_slot_remove(sdx_index *index, const sdx_secret *secret,
                                   sdx_error *err) SDX_CHECK;

/* A new root key, under which every slot is wrapped anew, so other secrets and deposit keys stay good;
 * `was` (NULL: none) is replaced by `is`. Touches no block. Other open handles follow where their secret
 * still opens a slot, else they get SDX_WRONG_KEY at their next look at the keyring. `deep`: before that,
 * every segment, journal record, deleted item and row is sealed anew under new keys, while others read and
 * write; deposit keys are taken back, and have to be exported anew. Interrupted, it goes on where it was when it is
 * called again. */
SDX_API sdx_status sdx_rekey(sdx_index *index, const sdx_secret *was, const sdx_secret *is, bool deep,
                             int64_t now, sdx_error *err) SDX_CHECK;

/* Adds a slot for a deposit key, and gives the contents of its file: a text of one line. Whoever has
 * it adds, deletes, restores and sets attributes, and reads nothing. Wipe it when it is stored. */
SDX_API sdx_status sdx_deposit_key(sdx_index *index, char contents[SDX_DEPOSIT_FILE_SIZE],
                                   sdx_error *err) SDX_CHECK;

/* A handle that only writes. What it writes is sealed so that the read key alone opens it, and found
 * by searches from the next refresh or open on, in the order of writing. The times it states cannot
 * hasten a purge: what it deletes falls due one retention after the later of the stated time and the
 * time at which a sweep, or upkeep with the read key, first saw it. */
typedef struct sdx_deposit sdx_deposit;
SDX_API sdx_status sdx_deposit_open(sdx_deposit **out, const char *dir, const sdx_secret *secret,
                                    const sdx_keyring_storage *keyring, sdx_error *err) SDX_CHECK;
SDX_API void sdx_deposit_close(sdx_deposit *deposit); /* wipes; NULL is fine */
SDX_API sdx_status sdx_deposit_add(sdx_deposit *deposit, const sdx_item *item,
                                   const sdx_write_options *options, sdx_outcome *outcome,
                                   sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_deposit_delete(sdx_deposit *deposit, sdx_bytes id, int64_t now,
                                      sdx_error *err) SDX_CHECK;
/* An item that upkeep moved to the trash comes back with the next upkeep by the read key. */
SDX_API sdx_status sdx_deposit_restore(sdx_deposit *deposit, sdx_bytes id, int64_t now,
                                       sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_deposit_set(sdx_deposit *deposit, sdx_bytes id, const sdx_change *changes,
                                   size_t count, int64_t now, sdx_error *err) SDX_CHECK;

/* What can be watched in operation: sealdex_counters.h. */
SDX_API void sdx_counters_of(const sdx_index *index, sdx_counters *out);

#ifdef __cplusplus
}
#endif

#endif
