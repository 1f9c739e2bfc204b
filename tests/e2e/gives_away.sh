#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# inspect prints all that the files give away: what a reader of data.mdb that is not ours counts, and no more;
# and of two indexes with different mail of the same shape it prints the same, but for random ids.
. "$(dirname "$0")/lib.sh"
count_rows=$SEALDEX_BUILD/tests/e2e/count-rows

# seen DIR: inspect's lines of rows are those that LMDB alone shows.
seen() {
  exits 0 inspect "$1"
  grep '^rows of ' out | sort >ours
  "$count_rows" "$1" | sort >theirs || fail "count-rows"
  [ -s theirs ] || fail "count-rows counts nothing"
  cmp -s ours theirs || fail "inspect and LMDB differ: $(diff ours theirs | head -4 | tr '\n' ' ')"
  # Values whose sizes would tell of content are of few sizes, whatever is in them.
  [ "$(grep -c "^rows of ids:" ours)" -le 2 ] || fail "rows of ids differ in more than whether the item is deleted"
  [ "$(grep -c '^rows of due:' ours)" -le 1 ] || fail "rows of due differ in size"
  # A segment's front is as many blocks as its items ask for.
  awk '/^rows of blocks:/ && $(NF - 1) % 4080 != 0 { exit 1 }' ours || fail "blocks differ in size"
}

# mailbox NAME WORD...: 20 messages whose texts are as long as the other's, with other words.
mailbox() {
  mkdir -p "$1"
  i=0
  while [ $i -lt 20 ]; do
    n=$(printf '%02d' $i)
    printf 'From: %s@lantern.example\nDate: Sat, 4 May 2024 10:00:%s +0000\nMessage-ID: <%s%s@lantern>\nSubject: %s\n\n%s %s %s.\n' \
      "$2" "$n" "$2" "$n" "$3" "$3" "$4" "$2" >"$1/m$n.eml"
    i=$((i + 1))
  done
}

at=1717200000
# plain: what inspect prints, without ids, and without numbers of pages: how keys, which are random, fall on
# pages moves those by some, for the same mail too.
plain() { grep -vE '^(file|used) bytes: ' out | sed -E 's/[0-9a-f]{16,32}/ID/g'; }
new_index
mailbox mine okapi budget raincoat
mailbox yours tapir dinner umbrella
for who in mine yours; do
  exits 0 init $who.index --key key --now $at
  seen $who.index
  exits 0 add $who.index --key key --now $at $who
  seen $who.index
  exits 0 delete $who.index --key key --now $at "m07.eml" "m13.eml"
  exits 0 add $who.index --key key --now $((at + 60)) $who/m11.eml
  seen $who.index
  plain >$who.live
  exits 0 sweep $who.index --key key --now $((at + 10 * DAY))
  seen $who.index
  plain >$who.kept
  exits 0 sweep $who.index --now $((at + 46 * DAY)) --force
  seen $who.index
  plain >$who.swept
done
for state in live kept swept; do
  cmp -s mine.$state yours.$state || fail "the files tell them apart: $(diff mine.$state yours.$state | head -4 | tr '\n' ' ')"
done
grep -q '^falls due: .* 2 deleted in ID' mine.live || fail "inspect does not say what falls due"
! grep -q '^falls due' mine.swept || fail "something falls due after the sweep"
passed
