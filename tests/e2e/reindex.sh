#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# sealdex-reindex: an index and its sources compared, and what went missing brought back.
. "$(dirname "$0")/lib.sh"
SEALDEX_REINDEX=$(dirname "$SEALDEX")/sealdex-reindex

# reindexes CODE ARGUMENT...: as `exits`, with the other program.
reindexes() {
  wanted=$1
  shift
  last="sealdex-reindex $*"
  got=0
  "$SEALDEX_REINDEX" "$@" >out 2>err </dev/null || got=$?
  [ "$got" = "$wanted" ] || fail "exit code $got, not $wanted"
  ! grep -qE 'AddressSanitizer|UndefinedBehavior|LeakSanitizer|runtime error:' err || fail "a sanitizer complained"
}

t0=1717200000
at=$t0
new_index
for i in 1 2 3 4 5 6; do message mail/$i.eml "Letter $i" "The gryphon wrote letter number$i." Rowan $i; done
exits 0 add index --key key --now $at mail

reindexes 0 index --key key --from mail --verify --now $at
out_ends 'synced 6, missing 0, stale 0, extra 0, duplicate 0, hidden 0, added 0, salvaged 0, unreadable 0, failed 0, partial 0, skipped 0'

# Each kind of difference, by id.
message mail/7.eml "Letter 7" "A new one about marmalade." Rowan 7
message mail/2.eml "Letter 2" "Rewritten about treacle." Rowan 2
rm mail/3.eml
exits 0 delete index --key key 4.eml --now $at
reindexes 1 index --key key --from mail --verify --now $at
out_has '^missing 7\.eml: '
out_has '^stale 2\.eml: its content differs'
out_has '^extra 3\.eml: '
out_has '^hidden 4\.eml: '
out_ends 'synced 3, missing 1, stale 1, extra 1, duplicate 0, hidden 1, added 0, salvaged 0, unreadable 0, failed 0, partial 0, skipped 0'
reindexes 1 index --key key --from mail --verify --now $at --json
json_holds 'if has("finding") then (.id | length) > 0 else .done and .synced == 3 and .missing == 1 end'
[ "$(json 'select(.finding == "extra").id')" = 3.eml ] || fail "no extra in JSON"
finds 'marmalade'

# Flags that the index was told of are no difference; those that the source gives anew are.
exits 0 set index --key key 5.eml +flagged --now $at
reindexes 1 index --key key --from mail --verify --now $at
out_has '^synced 3,'
mkdir -p two && cp mail/5.eml two/5.eml && cp mail/5.eml two/other.eml
reindexes 1 index --key key --from two/5.eml two/5.eml --verify --now $at
out_has ', duplicate 1,'

# --missing adds what is not there, and nothing else.
reindexes 1 index --key key --from mail --missing --dry-run --now $at
finds 'marmalade'
reindexes 0 index --key key --from mail --missing --now $at
out_has '^missing 7\.eml: '
out_has ', added 1,'
finds 'marmalade' 7.eml
finds 'treacle'
finds 'number3' 3.eml
finds 'number4'
reindexes 0 index --key key --from mail --missing --now $at
out_has ', added 0,'
exits 0 restore index --key key 4.eml --now $at
finds 'number4' 4.eml

# A sweep without the key has to give up living items: they come back, what was purged is a new item.
exits 0 delete index --key key 1.eml --now $at
exits 0 sweep index --now $((at + 46 * DAY)) --force
at=$((at + 46 * DAY))
exits 0 status index --key key --now $at --json
json_holds '.missing > 0'
rm mail/1.eml
reindexes 1 index --key key --from mail --verify --now $at
out_has '^missing 5\.eml: it was lost'
reindexes 0 index --key key --from mail --missing --now $at
out_lacks '^missing 1\.eml'
# What the source lacks stays missing, and answers say so, until it is there again.
exits 0 status index --key key --now $at --json
json_is .missing 1
exits 0 search index --key key --now $at --json number5
json_is .complete false
json_is .exact false
message mail/3.eml "Letter 3" "The gryphon wrote letter number3." Rowan 3
reindexes 0 index --key key --from mail --missing --now $at
out_has ', added 1,'
finds 'number5' 5.eml
finds 'number3' 3.eml
finds 'number1'
exits 0 verify index --key key --now $at

# A rebuild: the same items under new keys; what is deleted stays so.
exits 0 delete index --key key 6.eml --now $at
exits 0 set index --key key 5.eml label+=travel --now $at
reindexes 0 index --key key --from mail --now $at --jobs 2 --memory 96M
reindexes 1 index --key key --from mail --verify --now $at
out_has '^hidden 6\.eml'
out_has '^synced 5, missing 0, stale 0, extra 0,'
finds 'label:travel' 5.eml
finds 'number6'
reindexes 0 index --key key --from mail --now $at --dry-run
exits 0 restore index --key key 6.eml --now $at
finds 'number6' 6.eml
exits 0 verify index --key key --now $at
reindexes 0 index --key key --from mail --now $at --anew --json
json_holds '.done and .swapped and (.resumed | not)'

# An empty index filled, from files of several items and from lines.
exits 0 init fresh --key key --now $at
printf 'From a@lantern.example Sat May  4 10:00:00 2024\nFrom: a@lantern.example\nMessage-ID: <one@lantern>\nSubject: one\n\nabout okapis\n\n' >box.mbox
printf 'From b@lantern.example Sat May  4 10:00:00 2024\nFrom: b@lantern.example\nMessage-ID: <two@lantern>\nSubject: two\n\nabout okapis\n' >>box.mbox
reindexes 0 fresh --key key --from mail box.mbox --now $at
exits 0 search fresh --key key --json --now $at okapis
json_is .total 2
exits 0 export fresh --key key --now $at
cp out lines.jsonl
exits 0 init other --key key --now $at
reindexes 0 other --key key --jsonl lines.jsonl --now $at
reindexes 0 other --key key --jsonl lines.jsonl --verify --now $at

# A fleet: each user alone, with a key of his own; what fails is named, and the rest goes on.
mkdir store keys
for user in ada ben cy; do
  "$SEALDEX" keygen keys/$user >out 2>err || fail "no key"
  message box/$user/m.eml "Hello" "About the lynx of $user."
done
mkdir store/cy
printf 'ada\nben\tbox/ben\ncy\n../evil\n' >users
reindexes 1 --store store --users users --keys keys --from box/%u --init --now $at --done came
out_has '^ada: synced 0, missing 1,'
out_has '^ben: synced 0, missing 1,'
out_ends 'users 2, failed 2, passed over 0'
err_has '^failed cy: '
! grep -q 'sealdex[a-z-]*: ' err || fail "a child's error is told with its program's name"
err_has '^failed \.\./evil: '
[ "$(sort came)" = "$(printf 'ada\nben')" ] || fail "--done does not name who came through"
rmdir store/cy
reindexes 1 --store store --users users --key-command 'cat keys/$1' --from box/%u --init --now $at --done came --json
json_holds 'if has("user") then .user == "cy" and .exit == 0 and .missing == 1 else .passed_over == 2 and .failed == 1 end'
exits 0 search store/ben --key keys/ben --json lynx
json_is .total 1
exits 3 search store/ben --key keys/ada lynx
reindexes 2 --store store --users users
reindexes 6 --store store --users nowhere --keys keys

# Usage.
reindexes 0 index --key key --salvage --now $at
reindexes 2 index --key key
reindexes 2 index --key key --verify
reindexes 2 index --key key --verify --missing --from mail
reindexes 6 index --key key --verify --from nowhere
reindexes 6 nowhere --key key --verify --from mail
reindexes 2 index --key key --verify --from mail --memory lots
reindexes 0 --help
reindexes 0 --version

# Its own errors begin with its own name.
reindexes 2 index --key key --no-such-option
err_has '^sealdex-reindex: '
reindexes 6 nowhere --key key --from mail
err_has '^sealdex-reindex: '

passed
