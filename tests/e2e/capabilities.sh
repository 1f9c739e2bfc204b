#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Capabilities: mail is deposited by a process that cannot read it, keys are changed and taken back,
# accounts are closed, reopened, and destroyed on day 395.
. "$(dirname "$0")/lib.sh"

t0=1717200000
at=$t0
new_index
message mail/one.eml "Lunch with the gryphon" "The gryphon prefers mackerel."
message mail/two.eml "Walrus" "A walrus and a carpenter went by." Walter 2
exits 0 add index --key key --now $at mail/one.eml

# A deposit key writes; it opens nothing.
exits 0 deposit-key index --key key drop
[ "$(stat -c %a drop)" = 600 ] || fail "the deposit key file can be read by others"
exits 2 deposit-key index --key key drop
err_one_line
exits 0 deposit index --deposit-key drop --now $at mail
out_is "added 1, updated 0, unchanged 1, failed 0"
finds walrus two.eml
finds mackerel one.eml
exits 2 search index --key drop walrus
for command in status export verify; do exits 2 $command index --key drop; done
cut -d' ' -f2 drop >stripped
exits 3 search index --key stripped walrus
err_one_line
exits 2 deposit index --deposit-key key mail
exits 0 deposit index --deposit-key drop --now $at --delete two.eml
out_is "deleted two.eml"
finds walrus
exits 1 deposit index --deposit-key drop --now $at --delete two.eml nonesuch
exits 0 deposit index --deposit-key drop --now $at --restore two.eml
finds walrus two.eml
echo '{"id":"j1","kind":"message","date":1717200000,"fields":{"body":"a porcupine"}}' >lines
exits 0 deposit index --deposit-key drop --jsonl lines --json
json_is .added 1
finds porcupine j1
exits 0 verify index --key key

# The text of what was deposited stands nowhere in the files.
for word in porcupine walrus gryphon mackerel; do
  ! grep -aqi "$word" index/data.mdb index/keyring || fail "the files hold the word $word"
done

# A lie about time hastens no purge: sweeps count from when they saw the deletion.
exits 0 deposit index --deposit-key drop --now $((at - 400 * DAY)) --delete j1
exits 0 sweep index --now $((at + DAY))
exits 0 sweep index --force --now $((at + 45 * DAY))
exits 0 restore index --key key j1 --now $((at + 45 * DAY))
finds porcupine j1

# A new key: the old one is out, deposit keys stay good.
exits 0 keygen key2
exits 3 rekey index --key key2 --new-key key2
exits 2 rekey index --key key
exits 0 rekey index --key key --new-key key2
exits 3 search index --key key walrus
mv key old && mv key2 key
finds walrus two.eml
message mail/three.eml "Packing" "Blankets and haddock." Mira 3
exits 0 deposit index --deposit-key drop mail/three.eml
finds haddock three.eml
echo "correct horse" >phrase
exits 0 rekey index --key key --new-passphrase-file phrase
exits 0 search index --passphrase-file phrase walrus
exits 0 rekey index --passphrase-file phrase --new-key key

# Taken back.
exits 0 deposit-key index --key key drop --revoke
exits 3 deposit index --deposit-key drop mail
err_one_line
exits 3 deposit-key index --key key drop --revoke
finds haddock three.eml

# Closed: refused, reopened, closed again, destroyed on day 395 and not before.
at=$((t0 + 50 * DAY))
exits 0 close index --now $at
out_is closed
exits 5 search index --key key walrus
exits 5 add index --key key mail
exits 0 reopen index --now $((at + 364 * DAY)) --json
json_is .account open
finds walrus two.eml
exits 0 close index --now $at
exits 5 reopen index --now $((at + 365 * DAY))
err_one_line
exits 0 sweep index --force --now $((at + 395 * DAY - 1)) --json
json_is .accounts_destroyed 0
cp index/keyring saved
exits 0 sweep index --force --now $((at + 395 * DAY)) --json
json_is .accounts_destroyed 1
[ ! -e index/keyring ] && [ ! -e index/data.mdb ] || fail "files of a destroyed account are left"
exits 6 search index --key key walrus

passed
