#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The JSON of every command (docs/cli.md), read by a JSON reader that is not ours.
. "$(dirname "$0")/lib.sh"

exits 0 keygen key --json
json_is .file key
exits 0 init index --key key --json --languages en,de --retention 30d
json_is '.dir' index
json_is '.retention' $((30 * DAY))
json_is '.store_text' true

"$root/script/sample-maildir" mail
exits 0 add index --key key mail --json
json_is '[.added, .updated, .unchanged, .failed, .skipped] | @csv' 38,0,0,0,0
json_is '.failures | length' 0

# search: the object and its types.
exits 0 search index --key key --json --facets --limit 3 budget
json_holds '(keys - ["query","parsed","total","exact","complete","hits","facets","suggestion"]) == []'
json_is .query budget
json_holds '.parsed | type == "string" and length > 0'
json_holds '(.total | type) == "number" and .exact == true and .complete == true'
json_holds '.hits | length == 3'
json_holds 'all(.hits[]; (keys | sort) == (["date","from","id","kind","score","snippet","title"]))'
json_holds 'all(.hits[]; (.id|type) == "string" and .kind == "message" and (.date|type) == "number"
  and (.score|type) == "number" and (.title|length) > 0 and (.from|length) > 0)'
json_holds 'any(.hits[]; .snippet | test("<b>[Bb]udget</b>"))'
json_holds '.facets | type == "object" and all(.[]; type == "object" and all(.[]; type == "number"))'
json_is '.facets.kind.message' "$(json .total)"
json_holds '[.hits[].score] | . == (sort | reverse)'
exits 0 search index --key key --json budget
json_holds 'has("facets") | not'

# Pages join to the whole, in one order.
exits 0 search index --key key --json --sort newest --limit 100 'the'
json '.hits[].id' >whole
json_holds '[.hits[].date] | . == (sort | reverse)'
: >pages
for offset in 0 5 10 15 20 25 30 35; do
  "$SEALDEX" search index --key key --json --sort newest --limit 5 --offset $offset the 2>/dev/null |
    jq -r '.hits[].id' >>pages
done
cmp -s whole pages || fail "the pages are not the whole"
exits 0 search index --key key --json --sort oldest --limit 100 the
json '.hits[].id' | tac >reversed
json_holds '[.hits[].date] | . == sort'
# --limit 0 counts.
exits 0 search index --key key --json --limit 0 the
json_is '.hits | length' 0
json_is .total "$(wc -l <whole)"
exits 0 search index --key key --json --total bound the
json_holds ".total <= $(wc -l <whole)"

# No hits: the object all the same.
exits 1 search index --key key --json nonesuch
json_is .total 0
json_is '.hits | length' 0
# What cannot be parsed falls back to its words, and says so.
exits 0 search index --key key --json 'budget AND ('
json_is .fell_back true
# Words of a query keep their signs.
exits 0 search index --key key --json budget -- -festival
json_is .query "budget -festival"

# show and export: the form that add reads.
id=$(head -n 1 whole)
exits 0 show index --key key "$id" --json
json_is .id "$id"
json_holds '.kind == "message" and (.date|type) == "number" and (.fields|type) == "object"
  and (.attributes|type) == "object" and (.fields.subject|length) > 0 and (.fields.body|length) > 0'
exits 0 show index --key key "$id"
out_has "^id: $id$"
exits 0 export index --key key
[ "$(jq -s length out)" = 38 ] || fail "export does not give every item"
json_holds '(.id|type) == "string" and (.fields.subject|length) > 0'

# Pages by cursor.
exits 0 search index --key key --json --sort newest --limit 15 --cursor start the
json_holds '.next | test("^[A-Za-z0-9_-]{60,}$")'
json '.hits[].id' >pages
next=$(json .next)
exits 0 search index --key key --json --sort newest --limit 15 --cursor "$next" the
json '.hits[].id' >>pages
next=$(json .next)
exits 0 search index --key key --json --sort newest --limit 15 --cursor "$next" the
json '.hits[].id' >>pages
json_holds 'has("next") | not'
cmp -s whole pages || fail "pages by cursor are not the whole"
exits 2 search index --key key --sort newest --cursor "$next" other
exits 2 search index --key key --cursor nonsense the

# A snippet of each field that matches.
exits 0 search index --key key --json --snippets --limit 5 budget
json_holds 'all(.hits[]; (.snippets | length) > 0)'
json_holds 'all(.hits[].snippets[]; (.field | length) > 0 and (.snippet | test("<b>[Bb]udget</b>")))'

# suggest.
exits 0 suggest index --key key --json bud
json_holds '(.suggestions | length) > 0 and .typed == "bud" and .complete'
json_holds 'all(.suggestions[]; .kind == "word" and .text == .word and (.word | startswith("bud")) and .count > 0)'
exits 0 suggest index --key key --limit 1 'from:'p
[ "$(wc -l <out)" = 1 ] || fail "not one suggestion"
exits 1 suggest index --key key zzzz
exits 1 suggest index --key key --json zzzz
json_is '.suggestions | length' 0
exits 1 search index --key key --json bugdet
json_is .suggestion budget

# snippet.
exits 0 search index --key key --json --limit 1 'yellow raincoat'
id=$(json '.hits[0].id')
exits 0 snippet index --key key "$id" 'yellow raincoat' --json
json_is .id "$id"
json_holds '.snippet | test("<b>")'

# set, delete, restore.
exits 0 set index --key key "$id" +flagged --json
json_is .id "$id"
exits 0 delete index --key key "$id" --json
json_is '[.deleted, .failed] | @csv' 1,0
exits 1 delete index --key key "$id" nonesuch --json
json_is '[.deleted, .failed] | @csv' 0,2
json_is '.failures[1].id' nonesuch
json_holds 'all(.failures[]; .reason | length > 0)'
exits 0 restore index --key key "$id" --json
json_is '[.restored, .failed] | @csv' 1,0

# sweep, inspect, status, verify, compact.
exits 0 sweep index --json
json_holds 'all(.indexes, .failed, .items_purged, .keys_destroyed, .accounts_destroyed,
  .items_missing, .restorable_lost, .clock_refused; type == "number")'
json_is .indexes 1
exits 0 inspect index --json
json_holds 'type == "object" and length > 5'
exits 0 inspect index
out_has '^[a-z ]+: '
exits 0 status index --key key --json
json_is .live 38
json_holds 'all(.deleted, .superseded, .missing, .segments, .journal_records, .text_bytes,
  .file_bytes, .used_bytes, .keyring_bytes, .generation, .retention, .last_sweep; type == "number")'
json_is '.languages | join(",")' en,de
json_is .retention $((30 * DAY))
exits 0 status index --key key
exits 0 verify index --key key --json
json_is '.problems | length' 0
json_is .sound true
exits 0 verify index --key key
out_is "no problems found"
exits 0 compact index --json
json_holds '.before >= .after and .after > 0'
exits 0 search index --key key --json budget

# Text that is not kept.
rm -rf index
exits 0 init index --key key --json --no-store-text
json_is '.store_text' false
exits 0 add index --key key mail
exits 0 search index --key key --json budget
json_holds 'all(.hits[]; .snippet == "")'
passed
