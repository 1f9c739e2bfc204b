#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# docs/rights.md, played: a copy of all that is there, correction, erasure of one item and of everything.
. "$(dirname "$0")/lib.sh"

at=1700000000
new_index
message mail/a.eml "Address" "The gryphon lives at Elm Street."
message mail/b.eml "Other" "The walrus."
message mail/c.eml "Third" "The ocelot."
exits 0 add index --key key --now $at mail

exits 0 export index --key key --now $at
[ "$(wc -l <out)" = 3 ] || fail "not all is exported"
grep -q 'Elm Street' out || fail "the text is not in it"
cp out copy.jsonl
exits 0 init again --key key
exits 0 add again --key key --jsonl copy.jsonl
out_ends "added 3, updated 0, unchanged 0, failed 0"

# Corrected: the version before is nowhere, and its key goes.
message mail/a.eml "Address" "The gryphon lives at Oak Street."
exits 0 add index --key key --now $at mail
out_ends "added 0, updated 1, unchanged 2, failed 0"
finds elm
finds oak a.eml
exits 1 restore index --key key --now $at a.eml
exits 0 export index --key key --now $at
grep -q 'Elm Street' out && fail "what was corrected is exported"

# One thing, at once; what lives stays.
exits 0 delete index --key key --now $at b.eml
exits 0 sweep index --key key --now $((at + 46 * DAY)) --force --receipt receipts --json
json_is .items_missing 0
json_holds '.items_purged >= 1'
exits 1 restore index --key key --now $at b.eml
exits 0 verify index --key key --receipts receipts
finds oak a.eml
finds ocelot c.eml

# Everything, now.
exits 0 close index --now $((at + 50 * DAY))
exits 5 search index --key key oak
exits 0 sweep index --now $((at + 446 * DAY)) --force --receipt receipts --json
json_is .accounts_destroyed 1
[ ! -e index ] || fail "something of it is there"
exits 6 search index --key key oak
passed
