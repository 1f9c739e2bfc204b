#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What sealdex-reindex reads: mboxes of all four dialects, Maildirs with folders in them and flags, files of
# several items and JSON Lines, all at once over several lanes; what it makes of them equals what `add` makes.
. "$(dirname "$0")/lib.sh"
SEALDEX_REINDEX=$(dirname "$SEALDEX")/sealdex-reindex

# reindexes ARGUMENT...: must end with 0.
reindexes() {
  last="sealdex-reindex $*"
  "$SEALDEX_REINDEX" "$@" --key key --now $at >out 2>err </dev/null || fail "exit code $?"
  ! grep -qE 'AddressSanitizer|UndefinedBehavior|LeakSanitizer|runtime error:' err || fail "a sanitizer complained"
}

# all INDEX: every item in it, in an order of its own.
all() {
  exits 0 export "$1" --key key --now $at
  jq -cS . out | sort
}

# body ID: the body text of the item in `index`.
body() {
  exits 0 export index --key key --now $at
  jq -r --arg id "$1" 'select(.id == $id) | .fields.body' out
}

# letter NAME: header and body without a separator; its third line begins with "From ", its last with ">From ".
text="A first line about $$.
From here on it is about okapis.
>From a quotation.
The end."
letter() {
  printf 'From: ann@lantern.example\nDate: Sat, 4 May 2024 10:00:00 +0000\nMessage-ID: <%s@lantern>\nSubject: letter %s\n' "$1" "$1"
}
separator='From ann@lantern.example Sat May  4 10:00:00 2024'

at=1717200000
mkdir boxes
# mboxo quotes lines that begin with "From ", mboxrd those with any number of > before that, too; mboxcl
# says the length besides, mboxcl2 quotes nothing.
quoted=$(printf '%s\n' "$text" | sed 's/^From />&/')
deeply=$(printf '%s\n' "$text" | sed 's/^>*From />&/')
for i in 1 2 3; do
  { echo "$separator"; letter o$i; printf '\n%s\n\n' "$quoted"; } >>boxes/o.mbox
  { echo "$separator"; letter rd$i; printf '\n%s\n\n' "$deeply"; } >>boxes/rd.mbox
  { echo "$separator"; letter cl$i; printf 'Content-Length: %s\n\n%s\n\n' $((${#quoted} + 1)) "$quoted"; } >>boxes/cl.mbox
  { echo "$separator"; letter cl2$i; printf 'Content-Length: %s\n\n%s\n\n' $((${#text} + 1)) "$text"; } >>boxes/cl2.mbox
done
# One that is divided among the lanes; its status is in its headers.
i=0
while [ $i -lt 400 ]; do
  echo "$separator"
  letter big$i
  printf 'Status: RO\nX-Status: F\n\nNumber%s of many.\n' $i
  awk -v n=$i 'BEGIN { for (k = 0; k < 400; k++) printf "word%d%s", (n * 31 + k * 7) % 5000, k % 12 == 11 ? "\n" : " "; print "" }'
  i=$((i + 1))
done >boxes/big.mbox

# A Maildir with folders in both spellings.
for folder in . .Archive .Archive.2024 Sent; do mkdir -p mail/$folder/cur mail/$folder/new mail/$folder/tmp; done
put() { { letter "$1"; printf '\nThe %s one about tapirs.\n' "$1"; } >"mail/$2"; }
put seen 'cur/1714816800.M1P1.host:2,S'
put replied 'cur/1714816800.M2P1.host:2,FRS'
put fresh 'new/1714816800.M3P1.host'
put filed '.Archive/cur/1714816800.M4P1.host:2,S'
put deeper '.Archive.2024/cur/1714816800.M5P1.host:2,'
put own 'Sent/cur/1714816800.M6P1.host:2,S'
put halfway 'tmp/1714816800.M7P1.host'

# Files of several items, documents, lines.
mkdir things
printf 'BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:u1\nDTSTART:20240504T100000Z\nSUMMARY:Feeding of tapirs\nEND:VEVENT\nBEGIN:VEVENT\nUID:u2\nDTSTART:20240505T100000Z\nSUMMARY:Washing of tapirs\nEND:VEVENT\nEND:VCALENDAR\n' >things/zoo.ics
printf 'BEGIN:VCARD\nVERSION:3.0\nFN:Tam Tapir\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nFN:Tom Tapir\nEND:VCARD\n' >things/zoo.vcf
printf 'Notes on tapirs.\n' >things/notes.txt
printf '{"id":"line/1","fields":{"body":"a line about tapirs"},"attributes":{"folder":"Lines","flags":["seen"],"labels":["x"]}}\n' >things/lines.jsonl

sources='boxes mail things'
new_index
exits 0 init added --key key --now $at
# shellcheck disable=SC2086
exits 0 add added --key key --now $at $sources
# shellcheck disable=SC2086
reindexes index --from $sources --jobs 3 --memory 160M
out_has 'missing 424, stale 0, extra 0, duplicate 0, '
all added >wanted
all index >got
cmp -s wanted got || fail "add and reindex differ"

# Each message whole, and what stood in it as it was written.
for i in 1 2 3; do
  [ "$(body rd.mbox#rd$i@lantern)" = "$text" ] || fail "mboxrd"
  [ "$(body cl2.mbox#cl2$i@lantern)" = "$text" ] || fail "mboxcl2"
  body o.mbox#o$i@lantern | grep -q 'From here on' || fail "mboxo"
  body cl.mbox#cl$i@lantern | grep -q 'From here on' || fail "mboxcl"
done
counts 12 '"the end"'
counts 400 'in:big is:read is:flagged'
counts 1 number399

# Folders and flags of the Maildir.
counts 3 'in:INBOX tapirs'
counts 1 'in:Archive tapirs'
counts 1 'in:Archive/2024 tapirs is:unread'
counts 1 'in:Sent tapirs is:read'
counts 1 'is:answered is:flagged tapirs'
counts 0 halfway

# Changes of the sources: a flag, a move, a message that goes, one that comes.
mv 'mail/cur/1714816800.M1P1.host:2,S' 'mail/cur/1714816800.M1P1.host:2,RS'
mv 'mail/new/1714816800.M3P1.host' 'mail/cur/1714816800.M3P1.host:2,S'
rm mail/Sent/cur/*
put late 'new/1714816900.M8P1.host'
# shellcheck disable=SC2086
reindexes index --from $sources --jobs 2
out_has 'missing 1, stale 0, extra 1, duplicate 0, '
counts 2 'is:answered tapirs'
counts 1 'in:INBOX is:unread tapirs'
counts 1 'in:Sent tapirs'
exits 0 verify index --key key --now $at
passed
