#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The life of an item: added, found, replaced, deleted, restored, deleted, kept up, swept on the day
# before it is due (still restorable) and on the day it is (gone for good).
. "$(dirname "$0")/lib.sh"

t0=1717200000
at=$t0
new_index
message mail/one.eml "Lunch with the gryphon" "The gryphon prefers mackerel."
message mail/two.eml "Walrus" "A walrus and a carpenter went by." Walter 2
message mail/three.eml "Packing" "Blankets and mackerel." Mira 3

# Added and found.
exits 0 add index --key key --now $at mail
out_is "added 3, updated 0, unchanged 0, failed 0"
err_empty
finds gryphon one.eml
finds mackerel one.eml three.eml
finds subject:walrus two.eml
finds nonesuch
exits 0 add index --key key --now $at mail
out_is "added 0, updated 0, unchanged 3, failed 0"

# Replaced: the old text is in no answer from then on.
at=$((t0 + 60))
message mail/one.eml "Lunch with the basilisk" "The basilisk prefers mackerel."
exits 0 add index --key key --now $at mail/one.eml
out_is "added 0, updated 1, unchanged 0, failed 0"
finds gryphon
finds basilisk one.eml
finds mackerel one.eml three.eml
exits 0 status index --key key --json
json_is .live 3
json_is .superseded 1

# Deleted: out of every answer at once.
at=$((t0 + 120))
exits 0 set index --key key one.eml +flagged label+=travel folder=Archive
exits 0 delete index --key key one.eml two.eml --now $at
out_is "deleted one.eml
deleted two.eml"
finds basilisk
finds mackerel three.eml
exits 0 search index --key key --json --facets mackerel
json_is '.facets.from | length' 1
exits 1 show index --key key one.eml
err_is "failed one.eml: not found"
exits 1 snippet index --key key one.eml basilisk
exits 0 export index --key key
[ "$(jq -r .id out)" = three.eml ] || fail "export gives a deleted item"
exits 1 delete index --key key one.eml --now $at
err_one_line
exits 0 status index --key key --json
json_is .live 1
json_is .deleted 2
# An unchanged item that is deleted stays hidden, unless it is asked back.
exits 0 add index --key key --now $at mail
out_is "added 0, updated 0, unchanged 3, failed 0"
finds basilisk
exits 0 add index --key key --now $at --undelete mail/two.eml
out_has '^added 1, updated 0|^added 0, updated 1'
finds walrus two.eml

# Restored, with everything that belongs to it; only once.
at=$((t0 + 180))
exits 0 restore index --key key one.eml --now $at
out_is "restored one.eml"
finds basilisk one.eml
finds is:flagged one.eml
finds label:travel one.eml
finds in:Archive one.eml
exits 1 restore index --key key one.eml --now $at
err_one_line
exits 1 restore index --key key nonesuch --now $at
err_one_line

# Deleted again. From here on the days count.
t=$((t0 + 240))
due=$((t + 45 * DAY))
at=$t
exits 0 delete index --key key one.eml two.eml --now $at

# Upkeep with the key on day 20: what is deleted moves into the trash, and stays restorable.
at=$((t + 20 * DAY))
exits 0 sweep index --key key --now $at --json
json_is .failed 0
json_is .clock_refused 0
json_is .items_missing 0
finds basilisk
finds mackerel three.eml

# The nights go by without a key. Nothing deleted is due yet.
for d in 27 34 41; do
  exits 0 sweep index --now $((t + d * DAY)) --json
  json_is .items_missing 0
  json_is .restorable_lost 0
done

# Day 44, and the last second: swept, and still restorable.
exits 0 sweep index --now $((t + 44 * DAY)) --json
json_is .items_purged 0
exits 0 sweep index --now $((due - 1)) --json
json_is .items_purged 0
at=$((due - 1))
exits 0 restore index --key key two.eml --now $at
finds walrus two.eml

# Day 45: no longer restorable, even before the sweep; the sweep purges it, and it alone.
at=$due
exits 1 restore index --key key one.eml --now $at
exits 0 sweep index --now $at --dry-run --json
json_is .items_purged 1
json_is .dry_run true
exits 0 sweep index --now $at --json --receipt receipts
json_is .items_purged 1
json_is .items_missing 0
json_is .restorable_lost 0
json_holds '.keys_destroyed >= 1'
exits 1 restore index --key key one.eml --now $at
exits 1 show index --key key one.eml
finds basilisk
finds walrus two.eml
finds mackerel three.eml
exits 0 verify index --key key
exits 0 status index --key key --json
json_is .live 2
json_is .deleted 0
json_is .missing 0
jq -es 'map(select(.reason == "purged" and .items == 1)) | length == 1' receipts >/dev/null ||
  fail "no receipt of the purge"
# Sweeping again purges nothing more, and repeats no receipt.
lines=$(wc -l <receipts)
exits 0 sweep index --now $at --json --receipt receipts
json_is .items_purged 0
[ "$(wc -l <receipts)" = "$lines" ] || fail "a receipt was written twice"

# What was purged leaves no trace: the same item is a new one.
exits 0 add index --key key --now $at mail
out_is "added 1, updated 0, unchanged 2, failed 0"
finds basilisk one.eml
passed
