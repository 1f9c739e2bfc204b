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
  uint64_t bytes_done;  /* of raw input so far, and in all where known (else 0) */
  uint64_t bytes_total;
} sdx_entry;

SDX_API sdx_status sdx_source_open(sdx_source **out, const char *const *paths, size_t count,
                                   const sdx_source_options *options, sdx_error *err) SDX_CHECK;
/* SDX_NOT_FOUND at the end. An item that cannot be read is an entry, not an error. */
SDX_API sdx_status sdx_source_next(sdx_source *source, const sdx_entry **out, sdx_error *err) SDX_CHECK;
SDX_API void sdx_source_close(sdx_source *source);

#ifdef __cplusplus
}
#endif

#endif
