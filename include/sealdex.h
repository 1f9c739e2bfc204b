/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealdex.h - sealed full-text search over one user's mail, calendar, contacts and documents.
 *
 * The one header that an embedder reads.
 *
 * Conventions
 *   - Every function that can fail returns sdx_status: SDX_OK (0) or a negative code. On failure it
 *     also fills the caller's sdx_error (which may be NULL) with one line that says what happened
 *     and what to do. No message ever holds an id, a term, a query, a key or any text.
 *   - `T **out` hands an object to the caller, who frees it with the function named beside it.
 *     A pointer that is returned, or that stands in a struct, is borrowed: it lives as long as its
 *     comment says, else as long as the object it was asked of.
 *   - NULL for a place that an answer goes to, or for a callback that is not said to be optional, is
 *     SDX_INVALID.
 *   - Option structs begin with `version`; fill them with their _INIT macro, then change fields.
 *     NULL options mean the defaults.
 *   - Times are epoch seconds, UTC. `now` 0 means the clock; any other value is taken as the time.
 *   - Callbacks get the `context` they were registered with, and what they are handed is borrowed
 *     for the call. What they return other than SDX_OK ends the call that made them, with that code.
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
#define SDX_CLOSED_KEEP (365 * SDX_DAY) /* how long a closed account can be reopened ... */
#define SDX_CLOSED_GRACE (30 * SDX_DAY) /* ... and how much later it is destroyed */

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

/* The one error type. It need not be initialised, and is written only on failure. */
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
  int64_t date;       /* what newest-first sorts by: when received, else sent; an event's start */
  int64_t sent;       /* when it was sent, 0: unknown */
  const sdx_field *fields;
  size_t field_count;
  const sdx_bytes *folders; /* a set: an item may be in several folders */
  size_t folder_count;
  const sdx_bytes *flags;   /* "seen", "flagged", "answered", "draft", ... */
  size_t flag_count;
  const sdx_bytes *labels;
  size_t label_count;
  sdx_bytes thread;   /* the host's thread id; empty: derived from the message's references */
  uint64_t size;      /* of the original, in bytes */
  bool has_attachment;
  sdx_bytes payload;  /* the host's own bytes, given back by sdx_show; may be empty */
  int64_t expires;    /* when the item is deleted as if by its owner; 0: never */
} sdx_item;
#define SDX_ITEM_INIT { .version = 1, .kind = SDX_MESSAGE }

/* ------------------------------------------------------------------ sources */

/* Walks files and gives one item after another: Maildir, mbox, .eml, .ics, .vcf, documents, and
 * directories of them. An item's id is the file's path relative to the argument, followed by `#` and
 * a stable key where a file holds several items (sealdex(1)). Used by one thread at a time. */
typedef struct sdx_source sdx_source;

typedef struct sdx_source_options {
  uint32_t version;
  bool lines_on_stdin; /* read JSON Lines (docs/cli.md, "the item") from `lines_fd` instead of paths */
  int lines_fd;        /* an open descriptor; stays the caller's */
  bool invitations;    /* give each event of an attached calendar as an item of its own, after its
                          message; its id is the message's, `#`, and the event's UID */
  int64_t now;         /* a message dated more than a day after this gets the time at which its file
                          was written, plus a day, as its date */
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
  bool repeated;        /* failed because an earlier item had the same id */
  uint64_t bytes_done;  /* raw input read so far */
  uint64_t bytes_total; /* and in all; 0: not known */
} sdx_entry;

/* The paths are copied; no paths (NULL and 0): a source without entries. Freed with sdx_source_close. */
SDX_API sdx_status sdx_source_open(sdx_source **out, const char *const *paths, size_t count,
                                   const sdx_source_options *options, sdx_error *err) SDX_CHECK;
/* The next entry, borrowed until the next call; SDX_NOT_FOUND at the end. An item that cannot be read
 * is an entry, not an error. */
SDX_API sdx_status sdx_source_next(sdx_source *source, const sdx_entry **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_source_close(sdx_source *source); /* NULL is fine */

/* One original of a host's own store (a database, an object store): one item, or a file that holds
 * several. Borrowed until the next call. Either `item` is set, or the fields after it are. */
typedef struct sdx_original {
  sdx_bytes id;         /* of the item; where `bytes` hold several, `#` and a key are appended */
  const sdx_item *item; /* the item as it would be added; its own id counts, not the one above */
  sdx_bytes bytes;      /* a message, calendar, card or document as it came */
  const char *name;     /* its file name, which helps to tell its type; may be NULL */
  const sdx_bytes *folders, *flags, *labels;
  size_t folder_count, flag_count, label_count;
  int64_t date;         /* when it was received; 0: the date it states itself */
  uint64_t stamp;       /* differs whenever the original has changed, so that an interrupted run
                           recognises it; 0: its bytes are compared */
} sdx_original;

typedef struct sdx_source_calls {
  uint32_t version;
  void *context;
  /* Called first, and before each further pass over the originals. May be NULL where one pass is all that
   * the host can give; a pass that a purge disturbs then cannot be repeated. */
  sdx_status (*begin)(void *context, sdx_error *err);
  /* The next original, in any order; SDX_NOT_FOUND at the end. Called by one thread at a time. */
  sdx_status (*next)(void *context, sdx_original *out, sdx_error *err);
  uint64_t bytes_total; /* of all originals, for progress; 0: not known */
} sdx_source_calls;
#define SDX_SOURCE_CALLS_INIT { .version = 1 }

/* A source of the host's own, for sdx_source_next and sdx_reindex. The calls are copied; their context
 * must outlive the source. Types are recognised and read as for files. */
SDX_API sdx_status sdx_source_own(sdx_source **out, const sdx_source_calls *calls,
                                  sdx_error *err) SDX_CHECK;

/* Reads a key from the contents of a key file: 32 raw bytes, or 64 hex digits and trailing white space.
 * SDX_INVALID for anything else. Wipe `out` when done. */
SDX_API sdx_status sdx_key_parse(uint8_t out[SDX_KEY_SIZE], const void *bytes, size_t size,
                                 sdx_error *err) SDX_CHECK;
/* Fills `out` with a fresh random key. */
SDX_API sdx_status sdx_key_generate(uint8_t out[SDX_KEY_SIZE], sdx_error *err) SDX_CHECK;
/* Overwrites memory with zeros; the compiler does not optimise it away. */
SDX_API void sdx_wipe(void *bytes, size_t size);
/* Forbids core dumps of this process (PR_SET_DUMPABLE, RLIMIT_CORE), as the tools do when they start. A host
 * calls it once. Without it a dump still holds no key, no word and no result of a call that opens, searches,
 * suggests, shows or makes snippets: they lie in memory that is left out of dumps. It may hold what the host
 * copied, what was in registers at that moment, and, of calls that write, export or extract, what was on the
 * stack or in memory of other libraries (docs/threat-model.md). */
SDX_API sdx_status sdx_forbid_dumps(sdx_error *err) SDX_CHECK;
/* The version of the library that runs, as SDX_VERSION is of the header. Static. */
SDX_API const char *sdx_version(void);

/* ------------------------------------------------------------------ the index */

typedef struct sdx_index sdx_index;

/* A keyring that the host keeps itself, in a KMS, an HSM or a database, where files cannot be overwritten in
 * place or must not hold keys. It replaces the file `keyring`; the store stays in the directory. The bytes
 * are at most 4 MiB and need not be kept secret, but must never come back once they have been replaced: what
 * is purged is gone only when the host has forgotten them. Writes come one at a time, reads from any
 * thread. `sealdex` and other processes without the callbacks cannot open such an index. Borrowed until the
 * handle is closed. Wherever a keyring storage is asked for, NULL means the file. */
typedef struct sdx_keyring_storage {
  uint32_t version;
  void *context;
  /* Copies the keyring into `bytes`, which has `room` bytes, and sets *size to its size. Where that exceeds
   * `room`, nothing needs to be copied. SDX_NOT_FOUND where there is no keyring. */
  sdx_status (*read)(void *context, void *bytes, size_t room, size_t *size);
  /* Replaces the keyring, whole or not at all; durable when it returns SDX_OK. */
  sdx_status (*write)(void *context, const void *bytes, size_t size);
  /* Forgets the keyring for ever. */
  sdx_status (*destroy)(void *context);
} sdx_keyring_storage;
#define SDX_KEYRING_STORAGE_INIT { .version = 1 }

/* What a host may remember outside an index to notice, at the next open, that somebody put back older
 * files. Without it, keyring and store rolled back together to the same moment look sound. */
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
  size_t cache_bytes;   /* for opened blocks and the working memory of searches; 0: 16,000,000 */
  bool accept_restored; /* open files of a restored backup: a store older than its keyring, a keyring
                           older than its store, or either older than the mark */
  int64_t now;          /* stops the handle's clock: calls that are given no time use this one, or the
                           latest that a call has been given since; 0: the clock runs */
  const sdx_keyring_storage *keyring;
  const sdx_mark *mark; /* what the host remembers. Older files, or a different keyring of the same
                           generation, are SDX_ROLLED_BACK unless accept_restored */
} sdx_open_options;
#define SDX_OPEN_OPTIONS_INIT { .version = 1 }

/* Opens with a read key; nothing is written until the first write. SDX_WRONG_KEY, SDX_DAMAGED,
 * SDX_ROLLED_BACK, SDX_CLOSED for a closed account; SDX_SYSTEM where there is no index. Freed with
 * sdx_close. */
SDX_API sdx_status sdx_open(sdx_index **out, const char *dir, const sdx_secret *secret,
                            const sdx_open_options *options, sdx_error *err) SDX_CHECK;
/* No call may be running on the handle. Wipes what it held; NULL is fine. */
SDX_API void sdx_close(sdx_index *index);
/* Gives back what calls have opened: blocks and keys of segments, above all those that a purge has
 * destroyed. For handles that stay open unused. While other threads are in calls, it drops only what has been
 * purged. */
SDX_API sdx_status sdx_idle(sdx_index *index, sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ many users */

/* Open handles for a backend that serves many users. A request takes a handle and gives it back; where too
 * many are open, the one used longest ago is closed. Nothing is kept of a user whose handle is closed, so
 * any number of users may come and go. May be used from many threads. */
typedef struct sdx_pool sdx_pool;
typedef struct sdx_pool_options {
  uint32_t version;
  size_t handles;  /* open at a time; 0: 64 */
  size_t memory;   /* bytes for the opened blocks of all of them; 0: 4 MiB for each */
  int64_t wait_ms; /* how long to wait while all handles are in use; 0: 10 seconds */
} sdx_pool_options;
#define SDX_POOL_OPTIONS_INIT { .version = 1 }

SDX_API sdx_status sdx_pool_new(sdx_pool **out, const sdx_pool_options *options,
                                sdx_error *err) SDX_CHECK;
/* No handle may be in use. NULL is fine. */
SDX_API void sdx_pool_free(sdx_pool *pool);
/* The handle of a directory, opened with the secret if it is not open yet. All who take it at the same time
 * share it, and the secret is checked each time. SDX_LOCKED where all handles stayed in use; other
 * errors as of sdx_open. It is given back with sdx_pool_give, never closed. */
SDX_API sdx_status sdx_pool_take(sdx_pool *pool, const char *dir, const sdx_secret *secret,
                                 sdx_index **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_pool_give(sdx_pool *pool, sdx_index *index);
/* Closes handles that have been unused for `seconds` (0: all that are not in use), for instance a user's at
 * logout, after a change of key, or before the directory is removed. `dir`: this one's only; NULL: all. */
SDX_API void sdx_pool_close_idle(sdx_pool *pool, const char *dir, int64_t seconds);
/* How many handles are open. */
SDX_API size_t sdx_pool_open_count(sdx_pool *pool);

/* ------------------------------------------------------------------ writing */

typedef enum sdx_outcome {
  SDX_ADDED = 1,
  SDX_UPDATED = 2,  /* the id had other content, which is superseded now */
  SDX_UNCHANGED = 3 /* the id has this content already, live or deleted: nothing was done */
} sdx_outcome;

typedef struct sdx_write_options {
  uint32_t version;
  int64_t now;
  bool undelete; /* an item that was deleted with the same content is added anew */
} sdx_write_options;
#define SDX_WRITE_OPTIONS_INIT { .version = 1 }

/* Adds or replaces one item; durable when it returns. Also folds and merges when they are due (see
 * sdx_maintain). SDX_INVALID for an item that breaks the limits above. `outcome` may be NULL. */
SDX_API sdx_status sdx_add(sdx_index *index, const sdx_item *item, const sdx_write_options *options,
                           sdx_outcome *outcome, sdx_error *err) SDX_CHECK;

/* Many items that commit together or not at all, much faster than one by one: a large batch writes segments
 * directly. They become visible and durable with sdx_batch_commit. A batch is used by one thread. */
typedef struct sdx_batch sdx_batch;
typedef struct sdx_batch_options {
  uint32_t version;
  int64_t now;
  bool undelete;
  size_t memory;    /* bytes to collect terms in, shared by all threads; 0: 32 MiB for one thread, for
                       several 26 MiB and 2 MiB for each of them */
  unsigned threads; /* that analyse and build side by side, beside one more that writes. Until they are
                       merged, there are more and smaller segments. 0, 1: only the caller's */
} sdx_batch_options;
#define SDX_BATCH_OPTIONS_INIT { .version = 1 }
SDX_API sdx_status sdx_batch_begin(sdx_batch **out, sdx_index *index, const sdx_batch_options *options,
                                   sdx_error *err) SDX_CHECK;
/* An item that is refused (SDX_INVALID) leaves the batch as it was. */
SDX_API sdx_status sdx_batch_add(sdx_batch *batch, const sdx_item *item, sdx_outcome *outcome,
                                 sdx_error *err) SDX_CHECK;
/* Both free the batch, whatever they return. */
SDX_API sdx_status sdx_batch_commit(sdx_batch *batch, sdx_error *err) SDX_CHECK;
SDX_API void sdx_batch_abort(sdx_batch *batch);

/* Hides the item at once; it can be restored until the retention time is over. SDX_NOT_FOUND for an id that
 * is unknown, purged, or already deleted. */
SDX_API sdx_status sdx_delete(sdx_index *index, sdx_bytes id, int64_t now, sdx_error *err) SDX_CHECK;
/* Brings a deleted item back exactly as it was. SDX_NOT_FOUND where there is none, or it is due. */
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
/* Applies changes to one item, in their order, all or none; durable when it returns. SDX_NOT_FOUND for an id
 * that is unknown, deleted or purged; SDX_INVALID for an unknown kind or a value that is empty or too long. */
SDX_API sdx_status sdx_set(sdx_index *index, sdx_bytes id, const sdx_change *changes, size_t count,
                           int64_t now, sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ searching */

typedef enum sdx_sort {
  SDX_BY_RELEVANCE = 0,
  SDX_NEWEST_FIRST = 1,
  SDX_OLDEST_FIRST = 2,
  SDX_BY_RECENCY = 3 /* relevance that fades with age; see docs/query.md */
} sdx_sort;

/* What is filled in of each hit, beside id, kind, date and score. */
enum {
  SDX_WANT_TITLE = 1,
  SDX_WANT_FROM = 2,
  SDX_WANT_SNIPPET = 4,
  SDX_WANT_SUGGESTION = 8, /* where nothing is found, a query that finds something; takes longer */
  SDX_WANT_ALL = 15,
  SDX_WANT_EXCERPTS = 16 /* a snippet of each field that matches, beside the best one */
};

/* Sort keys, as JMAP has them (docs/jmap.md), in place of sdx_sort. Texts are compared without case and
 * diacritics, and need an index that stores text. Equal hits: newest first, then by id. */
typedef enum sdx_order_key {
  SDX_ORDER_DATE = 1,
  SDX_ORDER_SENT = 2,
  SDX_ORDER_SIZE = 3,
  SDX_ORDER_FROM = 4,    /* name of the first sender, else the address */
  SDX_ORDER_TO = 5,      /* the same of the first recipient */
  SDX_ORDER_SUBJECT = 6, /* without leading Re:, Fwd: and [list] */
  SDX_ORDER_KEYWORD = 7, /* whether it has the flag `keyword` */
  SDX_ORDER_ALL_IN_THREAD = 8, /* whether all live items of its thread have it */
  SDX_ORDER_SOME_IN_THREAD = 9 /* whether any has */
} sdx_order_key;
typedef struct sdx_order {
  sdx_order_key key;
  bool descending;
  sdx_bytes keyword; /* a flag, for the last three keys */
} sdx_order;

/* Stops searches that run in other threads. Once it is set they end with SDX_CANCELLED within some
 * milliseconds, and those that begin later end at once, until it is reset. It must outlive the searches it is
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
  bool facets;         /* count them: sdx_results_facet */
  bool bound_total;    /* a lower bound of the total is enough, which is faster */
  bool collapse_threads; /* the best hit of each thread alone */
  bool strict;         /* a query that cannot be parsed is SDX_INVALID, and the error says where */
  int64_t now;         /* what older_than: and the like count from */
  int32_t utc_offset;  /* seconds east of UTC, for days in queries */
  int64_t time_limit_us; /* 0: none. When it is over the answer is partial, and says so */
  double k1, b;        /* of BM25; both 0: Xapian's defaults, 1 and 0.5 */
  const sdx_order *orders; /* at most 8 keys, the most significant first, in place of `sort`. Looks at every
                              hit. SDX_INVALID together with `pages` or `after` */
  size_t order_count;
  bool html_mark;      /* mark matches in snippets by <mark>, as JMAP does, instead of <b> */
  bool pages;          /* make a cursor: sdx_results_next */
  sdx_bytes after;     /* a cursor: give the hits after the page that it came from. SDX_INVALID unless
                          query, sort, collapse_threads and utc_offset are the same */
  const sdx_cancel *cancel; /* NULL: cannot be cancelled */
} sdx_search_options;
#define SDX_SEARCH_OPTIONS_INIT { .version = 1 }

/* A snippet of one field of a hit. */
typedef struct sdx_excerpt {
  sdx_bytes field; /* "subject", "body", ... */
  sdx_bytes html;  /* text escaped, matches in <b> */
} sdx_excerpt;
#define SDX_EXCERPTS_MAX 16 /* of one hit */

/* One hit, borrowed from its results. Texts are empty where they were not asked for or are not stored. */
typedef struct sdx_hit {
  sdx_bytes id;
  sdx_kind kind;
  int64_t date;
  double score;      /* of its relevance, as docs/query.md says */
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

/* `query` is what a person typed (docs/query.md). The results are freed with sdx_results_free, and all that the
 * calls below give is borrowed from them. */
SDX_API sdx_status sdx_search(sdx_index *index, sdx_bytes query, const sdx_search_options *options,
                              sdx_results **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_results_free(sdx_results *results); /* wipes */
/* How many hits this page has, and the i-th of them, best first; NULL after the last. */
SDX_API size_t sdx_results_count(const sdx_results *results);
SDX_API const sdx_hit *sdx_results_hit(const sdx_results *results, size_t i);
/* How many items match in all, and whether that is exact or a lower bound. */
SDX_API uint64_t sdx_results_total(const sdx_results *results);
SDX_API bool sdx_results_exact(const sdx_results *results);
/* False where the answer is partial. */
SDX_API bool sdx_results_complete(const sdx_results *results);
/* The i-th reason why the answer is partial, NULL after the last: "segment damaged", "items purged
 * unread", "journal not read", "journal damaged", "rows damaged", "time limit". */
SDX_API const char *sdx_results_why(const sdx_results *results, size_t i);
/* The query as it was understood, in the query language. */
SDX_API sdx_bytes sdx_results_parsed(const sdx_results *results);
/* True where the query could not be parsed, and its words were searched for instead. */
SDX_API bool sdx_results_fell_back(const sdx_results *results);
/* "Did you mean": where nothing was found, the query with words that no live item has replaced by similar ones
 * that some have; else empty. */
SDX_API sdx_bytes sdx_results_suggestion(const sdx_results *results);
/* A cursor: where this page ended, as letters, digits, `-` and `_`. It is sealed, so only this index can read
 * it. Empty after the last page, or where options->pages was not set. A search that is given it as `after`
 * neither repeats nor skips a hit that was there when the first page was made, whatever has been added,
 * deleted or folded since; what was added shows where it ranks after the cursor. */
SDX_API sdx_bytes sdx_results_next(const sdx_results *results);
/* The values of facet `name` ("kind", "folder", "from", "month"), most frequent first. NULL and *count 0 for
 * another name, or where options->facets was not set. */
SDX_API const sdx_facet_value *sdx_results_facet(const sdx_results *results, const char *name,
                                                 size_t *count);

/* ------------------------------------------------------------------ queries made by calls */

/* A query that a program puts together, where sdx_search takes what a person typed. Texts in it are never
 * parsed for operators, so what a user typed into a form needs no escaping.
 *
 *   sdx_query *q;
 *   sdx_status status = sdx_query_new(&q, &err);
 *   const sdx_node wanted[] = { sdx_query_words(q, "subject", typed), sdx_query_filter(q, "in", folder) };
 *   status = sdx_query_set(q, sdx_query_and(q, wanted, 2), &err);
 *   status = sdx_search_query(index, q, NULL, &results, &err);
 *   sdx_query_free(q);
 *
 * The calls copy what they are given and make nodes, which belong to the query; each node is used in one place
 * only. A call that fails returns 0, as do all calls after it, and sdx_query_set says why, so only its status
 * has to be checked. A query belongs to no index. Once set it is not changed any more, and many searches may
 * use it, from many threads at once. It has at most 4,096 nodes, nested at most 64 deep, and 64 KiB of
 * text; words after the first 1,024 are dropped, which sdx_results_fell_back tells. */
typedef struct sdx_query sdx_query;
typedef uint32_t sdx_node; /* of one query; 0: none, a call failed */

SDX_API sdx_status sdx_query_new(sdx_query **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_query_free(sdx_query *query); /* wipes; no search may be using it. NULL is fine */

/* What a person typed, in the query language (docs/query.md), as part of a query. Parsed at each search,
 * by its options->strict. */
SDX_API sdx_node sdx_query_text(sdx_query *query, sdx_bytes text);
/* All of the words, each in any of its forms; words joined by punctuation must follow one another. `field`: the
 * name of a field, or "with"; NULL: all text. For "message-id" the text is the whole value. A node without any
 * word is as if it were not there; a query of such nodes alone finds nothing. */
SDX_API sdx_node sdx_query_words(sdx_query *query, const char *field, sdx_bytes text);
/* The words one after another, in the form given. */
SDX_API sdx_node sdx_query_phrase(sdx_query *query, const char *field, sdx_bytes text);
/* The same, and the last word may be the beginning of a longer one. */
SDX_API sdx_node sdx_query_prefix(sdx_query *query, const char *field, sdx_bytes text);
/* Words in which `*` stands for any run of letters. */
SDX_API sdx_node sdx_query_pattern(sdx_query *query, const char *field, sdx_bytes text);
/* Words within an edit distance of `edits`: 1 or 2; 0: 1, and 2 for words of six letters or more. */
SDX_API sdx_node sdx_query_fuzzy(sdx_query *query, const char *field, sdx_bytes text, unsigned edits);
/* A filter of the query language by its name ("in", "label", "is", "kind", "before", "larger", ...) and a value,
 * which is taken literally. Relative dates count from the time of the search. */
SDX_API sdx_node sdx_query_filter(sdx_query *query, const char *name, sdx_bytes value);
/* Items dated, and events that take place, in [from, until), epoch seconds; INT64_MIN, INT64_MAX: no bound. */
SDX_API sdx_node sdx_query_dates(sdx_query *query, int64_t from, int64_t until);
/* Items whose original has a size in [from, until), in bytes; 0, INT64_MAX: no bound. */
SDX_API sdx_node sdx_query_sizes(sdx_query *query, int64_t from, int64_t until);
SDX_API sdx_node sdx_query_everything(sdx_query *query);
/* What matches all of the nodes, any of them, or not the one. sdx_query_or of no nodes matches nothing;
 * sdx_query_and of none is as if it were not there. */
SDX_API sdx_node sdx_query_and(sdx_query *query, const sdx_node *nodes, size_t count);
SDX_API sdx_node sdx_query_or(sdx_query *query, const sdx_node *nodes, size_t count);
SDX_API sdx_node sdx_query_not(sdx_query *query, sdx_node unwanted);
/* Words, phrases, patterns, fuzzy words, and sdx_query_or of them, within `window` words (0: 10) of one another,
 * as NEAR/window; `ordered`: in this order, as ADJ/window. With any other node the search is SDX_INVALID. */
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
  sdx_bytes name;  /* of an address: its owner's name as items write it; empty where not known */
  uint64_t count;  /* live items that have it; above some thousands it may be a few too high */
  int64_t date;    /* of the newest of these; 0: not looked for */
} sdx_suggestion;

typedef struct sdx_suggest_options {
  uint32_t version;
  size_t limit;        /* 0: 10 */
  int64_t now;         /* tells which items have expired and how recently addresses were used */
  int64_t time_limit_us; /* 0: none. When it is over: what was found by then, and not complete */
  const sdx_cancel *cancel; /* NULL: cannot be cancelled */
} sdx_suggest_options;
#define SDX_SUGGEST_OPTIONS_INIT { .version = 1 }

typedef struct sdx_suggestions sdx_suggestions;

/* Completes the last word of a query that is being typed, from live items only. After `from:`, `to:`, `cc:`,
 * `bcc:`, `with:`, `organizer:`, `attendee:` and `email:` by addresses that begin so, or whose owner's name
 * does, recent and frequent ones first; after `in:`, `label:`, `is:`, `kind:` and `has:` by values; else by
 * words, frequent ones first. Freed with sdx_suggestions_free. */
SDX_API sdx_status sdx_suggest(sdx_index *index, sdx_bytes typed, const sdx_suggest_options *options,
                               sdx_suggestions **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_suggestions_free(sdx_suggestions *suggestions); /* wipes; NULL is fine */
/* How many there are, and the i-th, best first; NULL after the last. */
SDX_API size_t sdx_suggestions_count(const sdx_suggestions *suggestions);
SDX_API const sdx_suggestion *sdx_suggestions_at(const sdx_suggestions *suggestions, size_t i);
/* False where some of the index could not be read, or the time limit was reached. */
SDX_API bool sdx_suggestions_complete(const sdx_suggestions *suggestions);

/* One item in full, as it was added. The item is borrowed from the object. */
typedef struct sdx_found sdx_found;
/* SDX_NOT_FOUND for ids that are unknown, deleted or purged. */
SDX_API sdx_status sdx_show(sdx_index *index, sdx_bytes id, int64_t now, sdx_found **out,
                            sdx_error *err) SDX_CHECK;
SDX_API const sdx_item *sdx_found_item(const sdx_found *found);
/* False where part of the journal does not open, so that changes of its folders, flags or labels may be
 * missing. */
SDX_API bool sdx_found_complete(const sdx_found *found);
SDX_API void sdx_found_free(sdx_found *found); /* wipes */

/* A highlighted snippet of one item for a query, as HTML; freed with sdx_text_free. A host that keeps the text
 * itself passes it as `text`; empty: the stored text. */
SDX_API sdx_status sdx_snippet(sdx_index *index, sdx_bytes id, sdx_bytes query, sdx_bytes text,
                               char **out, sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_snippet_query(sdx_index *index, sdx_bytes id, const sdx_query *query, sdx_bytes text,
                                     char **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_text_free(char *text); /* wipes */

/* ------------------------------------------------------------------ upkeep */

/* Upkeep: folds the journal into a segment, merges segments that are many or small, and moves deleted items out
 * of them to the trash, where a purge hits nothing else (docs/architecture.md). `all`: also what could wait, so
 * that one segment remains, without any deleted item. */
SDX_API sdx_status sdx_maintain(sdx_index *index, bool all, int64_t now, sdx_error *err) SDX_CHECK;

struct sdx_receipt;
typedef struct sdx_sweep_options {
  uint32_t version;
  int64_t now;
  bool dry_run;
  bool force;          /* trust the clock although it is far past the last sweep */
  const sdx_secret *secret; /* a read key, which saves what shares a purged key; NULL: none at hand */
  const sdx_keyring_storage *keyring;
  /* Called for every key that this sweep destroyed, those of a destroyed account too; may be NULL. */
  void (*receipt)(void *context, const struct sdx_receipt *r);
  void *receipt_context;
} sdx_sweep_options;
#define SDX_SWEEP_OPTIONS_INIT { .version = 1 }

typedef struct sdx_sweep_report {
  uint64_t indexes, failed, accounts_destroyed;
  uint64_t items_purged;    /* deleted and superseded versions that can no longer be opened */
  uint64_t keys_destroyed;
  uint64_t items_missing;   /* live items lost with them; `sealdex-reindex --missing` brings them back */
  uint64_t restorable_lost; /* deleted items lost with them before they were due */
  bool clock_refused;       /* the clock is far past the last sweep: nothing was destroyed */
} sdx_sweep_report;

/* Purges what is due in one index, by destroying the keys that open it. Needs no key. Without one, what shares
 * a purged key is lost, and counted. `options` and `report` may be NULL. */
SDX_API sdx_status sdx_sweep(const char *dir, const sdx_sweep_options *options,
                             sdx_sweep_report *report, sdx_error *err) SDX_CHECK;

/* One removal of a key, for receipts. */
typedef struct sdx_receipt {
  int kind;            /* of the key, and `reason`: see "Removal record" in docs/format-crypto.md */
  uint64_t key_id;
  int64_t time;
  uint64_t items;      /* that the key opened and that are purged with it */
  int reason;
  uint64_t generation; /* the first of the keyring that no longer has the key */
  uint8_t chain[32];   /* digest over this removal and all before it */
} sdx_receipt;
/* Calls `each` for every removal still in the log, oldest first. Needs no key. */
SDX_API sdx_status sdx_receipts(const char *dir, const sdx_keyring_storage *keyring,
                                void (*each)(void *context, const sdx_receipt *r), void *context,
                                sdx_error *err) SDX_CHECK;

/* Checks receipts of one index, in the order in which they were exported: that each continues the chain of the
 * one before, that no key they name is in the keyring, and that they agree with what the log still
 * holds. `report` gets a line per problem, *problems their number; both may be NULL. SDX_DAMAGED where there was
 * any. Needs no key.
 * It proves that this keyring no longer has those keys, and says nothing about copies of it, or about what
 * somebody read before. */
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
  int64_t retention;                 /* seconds */
  int64_t last_sweep, closed_since;  /* 0: never */
  bool store_text;
  bool reindex_due;  /* some segment was made by an older analyser */
  char languages[64];
  bool complete;     /* false: something does not open, and the counts leave it out */
} sdx_state;
SDX_API sdx_status sdx_status_of(sdx_index *index, int64_t now, sdx_state *out, sdx_error *err) SDX_CHECK;

/* All that the files give away without a key, as names and values. */
SDX_API sdx_status sdx_inspect(const char *dir, const sdx_keyring_storage *keyring,
                               void (*line)(void *context, const char *name, const char *value),
                               void *context, sdx_error *err) SDX_CHECK;

/* Opens every block, row and record, and checks every invariant. `report` gets a line per problem, which names
 * the place, and *problems their number; both may be NULL. SDX_DAMAGED where there was any. */
SDX_API sdx_status sdx_verify(sdx_index *index, void (*report)(void *context, const char *line),
                              void *context, uint64_t *problems, sdx_error *err) SDX_CHECK;
/* The same, and analyses the stored text of every item anew to check its terms, their frequencies and
 * positions. Takes about as long as indexing. */
SDX_API sdx_status sdx_verify_deep(sdx_index *index, void (*report)(void *context, const char *line),
                                   void *context, uint64_t *problems, sdx_error *err) SDX_CHECK;

/* Gives every live item in full, borrowed for the call. */
SDX_API sdx_status sdx_export(sdx_index *index, int64_t now,
                              sdx_status (*each)(void *context, const sdx_item *item),
                              void *context, sdx_error *err) SDX_CHECK;

/* Items that are missing (lost to a keyless purge or to damage) come back when they are added again. This
 * declares that the search for them is over: those still missing are no longer counted, and answers are
 * complete without them. */
SDX_API sdx_status sdx_forget_missing(sdx_index *index, int64_t now, sdx_error *err) SDX_CHECK;

/* Rewrites the store without its free pages. Needs no key. */
SDX_API sdx_status sdx_compact(const char *dir, sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ reindexing */

typedef enum sdx_reindex_mode {
  SDX_REINDEX_COMPARE = 1, /* report where index and source differ, and change nothing */
  SDX_REINDEX_MISSING = 2, /* salvage, then add what the source has and the index lacks */
  SDX_REINDEX_ALL = 3,     /* salvage, then build a fresh index from the source beside the live one, and
                              put it in its place */
  SDX_REINDEX_SALVAGE = 4  /* move what can still be read of damaged segments into new ones; the source
                              may be NULL */
} sdx_reindex_mode;

/* What is said of one item. */
typedef enum sdx_finding {
  SDX_FINDING_MISSING = 1,   /* the source has it; the index has not, or cannot read it */
  SDX_FINDING_STALE = 2,     /* both have it, and they differ */
  SDX_FINDING_EXTRA = 3,     /* live in the index, and not in the source */
  SDX_FINDING_DUPLICATE = 4, /* the source has given this id before */
  SDX_FINDING_HIDDEN = 5,    /* deleted in the index, and the source still has it */
  SDX_FINDING_FAILED = 6,    /* the source could not give it, or it was refused */
  SDX_FINDING_PARTIAL = 7,   /* something of it could not be read */
  SDX_FINDING_SKIPPED = 8    /* a file of no supported type */
} sdx_finding;

typedef struct sdx_reindex_report {
  uint64_t items;      /* that the source gave */
  uint64_t bytes;      /* of raw input read */
  uint64_t synced, missing, stale, extra, duplicate, hidden; /* as found before anything was changed */
  uint64_t failed, partial, skipped;
  uint64_t added;      /* missing items that are in the index now */
  uint64_t salvaged;   /* items taken out of damaged segments */
  uint64_t unreadable; /* items in them that could not be read; missing, unless they were deleted */
  bool resumed;        /* SDX_REINDEX_ALL: continued an interrupted run */
  bool swapped;        /* SDX_REINDEX_ALL: the new index is in place */
} sdx_reindex_report;

typedef struct sdx_reindex_options {
  uint32_t version;
  sdx_reindex_mode mode;
  int64_t now;
  size_t memory;      /* bytes to build with, all threads together; 0: 384 MiB */
  unsigned jobs;      /* SDX_REINDEX_ALL: threads; 0: one for each processor it may use */
  bool anew;          /* SDX_REINDEX_ALL: do not continue an interrupted run */
  bool dry_run;       /* report, and change nothing */
  void *context;      /* of the two callbacks below, which may be NULL. They are called by one thread at a
                         time, not always the same, and must not call the library */
  /* What was found of one item. `reason` holds no text of it. */
  void (*found)(void *context, sdx_finding what, sdx_bytes id, const char *reason);
  /* Called between items. `total`: raw bytes in all; 0: not known. Returning false stops the call with
   * SDX_CANCELLED; what was committed stays. */
  bool (*progress)(void *context, const sdx_reindex_report *so_far, uint64_t total);
} sdx_reindex_options;
#define SDX_REINDEX_OPTIONS_INIT { .version = 1, .mode = SDX_REINDEX_COMPARE }

/* Compares an index with what it was made from, mends it, or rebuilds it (docs/rebuild.md). The source is read to
 * its end and stays the caller's. `report` may be NULL. Items that fail are counted, and are no error. */
SDX_API sdx_status sdx_reindex(sdx_index *index, sdx_source *source,
                               const sdx_reindex_options *options, sdx_reindex_report *report,
                               sdx_error *err) SDX_CHECK;

/* ------------------------------------------------------------------ accounts and keys */

/* Closes an account, or reopens it; needs no key. While it is closed, opening, searching and writing are
 * SDX_CLOSED. It can be reopened for SDX_CLOSED_KEEP, with all that has not become due meanwhile; the first
 * sweep that comes SDX_CLOSED_GRACE after that destroys everything, the keyring first. Closing a closed account
 * keeps its date; reopening an open one does nothing. SDX_CLOSED where it is too late to reopen. */
SDX_API sdx_status sdx_close_account(const char *dir, const sdx_keyring_storage *keyring,
                                     int64_t now, sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_reopen_account(const char *dir, const sdx_keyring_storage *keyring,
                                      int64_t now, sdx_error *err) SDX_CHECK;

typedef struct sdx_slot_options {
  uint32_t version;
  uint32_t argon2_passes, argon2_mib; /* cost of a passphrase (docs/format-crypto.md); 0: the default.
                                         SDX_INVALID outside the bounds */
} sdx_slot_options;
#define SDX_SLOT_OPTIONS_INIT { .version = 1 }

/* Key slots, at most 8; each opens the index with a secret of its own. Adding a secret that opens a slot
 * already replaces that slot: so the cost of a passphrase is raised. Removing takes away the slot that the
 * secret opens, a deposit key's too, but never that of the last read key (SDX_INVALID). SDX_WRONG_KEY where it
 * opens none. */
SDX_API sdx_status sdx_slot_add(sdx_index *index, const sdx_secret *secret,
                                const sdx_slot_options *options, sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_slot_remove(sdx_index *index, const sdx_secret *secret,
                                   sdx_error *err) SDX_CHECK;

/* Replaces the secret `was` by `is` (both NULL: no secret changes) and draws a new root key, under which every slot is wrapped
 * anew; other secrets and deposit keys stay good. Touches no block. Other open handles follow if their secret
 * still opens a slot; else they get SDX_WRONG_KEY at their next look at the keyring. `deep`: before that,
 * everything (segments, journal, trash, rows) is sealed anew under new keys, while others read and write;
 * deposit keys are revoked and have to be made again. If interrupted, it continues when called again. */
SDX_API sdx_status sdx_rekey(sdx_index *index, const sdx_secret *was, const sdx_secret *is, bool deep,
                             int64_t now, sdx_error *err) SDX_CHECK;

/* Adds a slot for a deposit key, and gives the contents of its file: one line of text. Its holder can add,
 * delete, restore and set attributes, and read nothing. Wipe it once it is stored. */
SDX_API sdx_status sdx_deposit_key(sdx_index *index, char contents[SDX_DEPOSIT_FILE_SIZE],
                                   sdx_error *err) SDX_CHECK;

/* A handle that only writes, opened with a deposit key. What it writes is sealed so that only a read key opens
 * it; handles with one find it at their next search. A time that it states cannot hasten a purge: what it
 * deletes falls due one retention after that time, or after a sweep or upkeep with the read key first saw
 * it, whichever is later. */
typedef struct sdx_deposit sdx_deposit;
SDX_API sdx_status sdx_deposit_open(sdx_deposit **out, const char *dir, const sdx_secret *secret,
                                    const sdx_keyring_storage *keyring, sdx_error *err) SDX_CHECK;
SDX_API void sdx_deposit_close(sdx_deposit *deposit); /* wipes; NULL is fine */
SDX_API sdx_status sdx_deposit_add(sdx_deposit *deposit, const sdx_item *item,
                                   const sdx_write_options *options, sdx_outcome *outcome,
                                   sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_deposit_delete(sdx_deposit *deposit, sdx_bytes id, int64_t now,
                                      sdx_error *err) SDX_CHECK;
/* An item that upkeep has moved to the trash comes back with the next upkeep by a read key. */
SDX_API sdx_status sdx_deposit_restore(sdx_deposit *deposit, sdx_bytes id, int64_t now,
                                       sdx_error *err) SDX_CHECK;
SDX_API sdx_status sdx_deposit_set(sdx_deposit *deposit, sdx_bytes id, const sdx_change *changes,
                                   size_t count, int64_t now, sdx_error *err) SDX_CHECK;

/* What the handle has done since it was opened: sealdex_counters.h. */
SDX_API void sdx_counters_of(const sdx_index *index, sdx_counters *out);

#ifdef __cplusplus
}
#endif

#endif
