#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Receipts of destroyed keys: written by sweeps, and checked against the keyring without a key.
. "$(dirname "$0")/lib.sh"

t0=1717200000
at=$t0
new_index
message mail/one.eml "Lunch with the gryphon" "The gryphon prefers mackerel."
message mail/two.eml "Walrus" "A walrus and a carpenter went by." Walter 2
exits 0 add index --key key --now $at mail
exits 1 verify index --receipts /dev/null
exits 6 verify index --receipts none

# Two sweeps write to one file, and each of their lines holds.
exits 0 delete index --key key one.eml --now $at
exits 0 sweep index --key key --now $((at + DAY)) --receipt receipts
cp index/keyring early
exits 0 sweep index --key key --force --now $((at + 45 * DAY)) --receipt receipts
grep -q purged receipts || fail "no receipt of the purge"
before=$(wc -l <receipts)
exits 0 sweep index --key key --now $((at + 46 * DAY)) --receipt receipts
[ "$(wc -l <receipts)" -ge "$before" ] || fail "receipts went"
exits 0 verify index --receipts receipts
out_has 'receipts hold'
exits 0 verify "$PWD/index" --receipts receipts --json
json_is .sound true
! grep -qiE 'gryphon|walrus|mackerel|one.eml' receipts || fail "a receipt names an item"

# A line changed, taken out, or of another index.
sed '$s/"items":[0-9]*/"items":77/' receipts >forged
exits 4 verify index --receipts forged
err_one_line
sed 1d receipts >shortened
[ ! -s shortened ] || exits 0 verify index --receipts shortened
if [ "$(wc -l <receipts)" -ge 3 ]; then
  sed 2d receipts >gap
  exits 4 verify index --receipts gap
fi
sed 's/"index":"index"/"index":"other"/' receipts >other
exits 1 verify index --receipts other
echo '{"index":"index","key":"nonsense"}' >malformed
exits 4 verify index --receipts malformed

# The keyring of before the purge is put back: its keys are there again, and it is older.
cp index/keyring late
cp early index/keyring
exits 4 verify index --receipts receipts --json
json_is .sound false
cp late index/keyring
exits 0 verify index --receipts receipts

passed
