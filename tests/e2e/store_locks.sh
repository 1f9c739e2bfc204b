#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The sweep of a store, while another process holds the write lock of one index and a second the maintenance
# lock of another: those are reported as locked, all others are swept.
. "$(dirname "$0")/lib.sh"
hold=${SEALDEX_BUILD:?}/tests/e2e/hold-writer
command -v flock >/dev/null || skip "flock is not installed"

at=1700000000
new_index
message mail/a.eml "Hello" "An ordinary gryphon."
exits 0 add index --key key --now $at mail
exits 0 delete index --key key --now $at a.eml
mkdir store
for i in 1 2 3 4 5 6; do cp -r index store/$i; done
due=$((at + 45 * DAY))

# Nothing tells the first how long the others hold theirs; so it must not wait for that.
mkfifo in
"$hold" store/2 <in >held &
holder=$!
exec 9>in
tries=0
until grep -q held held; do
  tries=$((tries + 1))
  [ $tries -lt 600 ] || fail "the lock was not taken: $(cat held)"
  sleep 0.1
done
exec 8<store/5/data.mdb
flock -x 8 || fail "flock"
last="sealdex sweep store"
timeout 120 "$SEALDEX" sweep store --now $due --force --wait 1 --jobs 2 --json >out 2>err 8<&- 9>&-
[ $? = 1 ] || fail "exit code is not 1"
json_is .indexes 6
json_is .failed 2
json_is .items_purged 4
json_is '[.failures[].index] | sort | join(",")' 2,5
json_holds '.failures | all(.reason | test("lock"))'

exec 9>&- 8<&-
wait $holder || fail "the holder"
exits 0 sweep store --now $due --force --json
json_is .failed 0
json_is .items_purged 2
exits 2 sweep store --jobs 0
passed
