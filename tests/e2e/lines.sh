#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# JSON Lines in, and out again: what `export` prints, `add --jsonl` reads, and the two indexes answer
# alike.
. "$(dirname "$0")/lib.sh"

new_index
cat >items <<'ITEMS'
{"id": "m/1", "kind": "message", "date": 1715933400, "fields": {"subject": "Keys", "from": "Mira <mira@lantern.example>", "to": "you@lantern.example", "body": "Behind the clock."}, "attributes": {"folder": "INBOX", "flags": ["seen"], "labels": ["boat", "keys"], "thread": "t-1"}, "payload": "uid=17"}
{"id": "e/1", "kind": "event", "date": 1716900000, "fields": {"title": "Regatta", "location": "Skarholm", "organizer": "Harbour Office"}, "attributes": {}}
{"id": "c/1", "kind": "contact", "date": 1715000000, "fields": {"name": "Teodor Vance", "email": "teodor@lantern.example", "phone": "+46 555 0101"}}
{"id": "d/1", "kind": "document", "date": 1715100000, "fields": {"title": "Knots and Splices", "filename": "knots.txt", "body": "The bowline \"never\" slips.\nCafé."}, "expires": 1893456000}
ITEMS
last="sealdex add index --jsonl - <items"
"$SEALDEX" add index --key key --jsonl - <items >out 2>err || fail "reading standard input"
out_is "added 4, updated 0, unchanged 0, failed 0"
exits 0 add index --key key --jsonl items
out_is "added 0, updated 0, unchanged 4, failed 0"
finds clock m/1
finds kind:event e/1
finds name:teodor c/1
finds cafe d/1
finds label:boat m/1
finds in:INBOX m/1

exits 0 show index --key key m/1 --json
json_is .payload 'uid=17'
json_is .attributes.folder INBOX
json_is '.attributes.labels | sort | join(",")' boat,keys
json_is '.attributes.flags | join(",")' seen
exits 0 show index --key key d/1 --json
json_is .expires 1893456000
json_is .fields.body 'The bowline "never" slips.
Café.'

# Out, and into another index.
exits 0 export index --key key
jq -S . out >first
cp out exported
exits 0 init second --key key
exits 0 add second --key key --jsonl exported
out_is "added 4, updated 0, unchanged 0, failed 0"
exits 0 export second --key key
jq -S . out >again
jq -s 'sort_by(.id)' first >a
jq -s 'sort_by(.id)' again >b
cmp -s a b || fail "what was exported is not what is exported again: $(diff a b | head -5)"

# A payload of bytes that are no text comes back as it was.
exits 0 init binary --key key
echo '{"id": "p", "kind": "document", "date": 1, "fields": {"body": "x"}, "payload_base64": "AP8BgA=="}' >bytes
exits 0 add binary --key key --jsonl bytes
exits 0 export binary --key key
json_is .payload_base64 AP8BgA==
json_is .payload null

# A line that is no item fails by itself, and names its line; the others are in.
printf '%s\n' '{"id": "ok/1", "kind": "message", "date": 1, "fields": {"body": "gryphon"}}' \
  'not json' '' '{"id": 7, "kind": "message", "date": 1, "fields": {}}' '[]' '{"id": "no/kind"' \
  '{"id": "bad/kind", "kind": "poem", "date": 1, "fields": {"body": "x"}}' \
  "{\"id\": \"$(printf '%0401d' 0)\", \"kind\": \"message\", \"date\": 1, \"fields\": {}}" \
  '{"id": "", "kind": "message", "date": 1, "fields": {}}' \
  '{"id": "ok/2", "kind": "message", "date": 1, "fields": {"body": "walrus"}}' >broken
exits 1 add index --key key --jsonl broken
out_ends "added 2, updated 0, unchanged 0, failed 7"
[ "$(grep -c '^failed .*: ' err)" = 7 ] || fail "not every failure has its line"
finds gryphon ok/1
finds walrus ok/2
exits 6 add index --key key --jsonl missing
err_one_line
passed
