#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Slots: passphrases and recovery keys beside the user's key; marks; receipts of a destroyed account; deposits
# of changes; a store whose indexes fail one by one.
. "$(dirname "$0")/lib.sh"

t0=1717200000
at=$t0
new_index
message mail/one.eml "Lunch with the gryphon" "The gryphon prefers mackerel."
message mail/two.eml "Walrus" "A walrus and a carpenter went by." Walter 2
exits 0 add index --key key --now $at mail

# Three slots, each opens; a passphrase's costs are stored, bounded and can be raised.
echo "correct horse" >phrase
exits 0 slot-add index --key key --new-passphrase-file phrase --passes 2 --mib 32 --json
json_is .kind passphrase
exits 0 search index --passphrase-file phrase walrus
exits 0 inspect index
out_has 'slot: passphrase, Argon2id, 2 passes over 32 MiB'
exits 0 slot-add index --key key --new-passphrase-file phrase --passes 3 --mib 48
exits 0 inspect index
out_has 'slot: passphrase, Argon2id, 3 passes over 48 MiB'
out_lacks '2 passes'
exits 2 slot-add index --key key --new-passphrase-file phrase --mib 4
exits 2 slot-add index --key key --new-passphrase-file phrase --mib 100000
exits 0 slot-add index --key key --recovery recovery
[ "$(stat -c %a recovery)" = 600 ] || fail "the recovery key can be read by others"
exits 0 search index --key recovery walrus
exits 2 slot-add index --key key --recovery recovery
exits 2 slot-add index --key key
exits 2 slot-add index --key index/keyring --recovery other
[ ! -e other ] || fail "a recovery key was made in vain"
# Lost keys: the recovery key opens, the others go; the last one stays.
exits 0 slot-remove index --key recovery --old-key key
exits 3 search index --key key walrus
exits 0 slot-remove index --key recovery --old-passphrase-file phrase
exits 3 search index --passphrase-file phrase walrus
exits 2 slot-remove index --key recovery --old-key recovery
exits 0 slot-add index --key recovery --new-key key
finds walrus two.eml

# A change that is deposited.
exits 0 deposit-key index --key key drop
exits 0 deposit index --deposit-key drop --set two.eml +flagged label+=zoo --json
json_is .changes 2
finds label:zoo two.eml
exits 1 deposit index --deposit-key drop --set nonesuch +flagged
exits 2 deposit index --deposit-key drop --set two.eml nonsense

# What is remembered shows that older files were put back.
cp -r index older
exits 0 delete index --key key one.eml --now $at
exits 0 sweep index --key key --now $((at + DAY))
exits 0 mark index
cp out mark
exits 0 mark index --json
json_holds '.generation >= 1 and .store_generation >= 1 and (.digest | length) == 64'
exits 0 search index --key key --mark mark walrus
mv index newer
cp -r older index
exits 0 search index --key key walrus
exits 4 search index --key key --mark mark walrus
err_one_line
exits 0 search index --key key --mark mark --accept-restored walrus
cp newer/keyring index/keyring # the store alone is old: seen without a mark
exits 4 search index --key key walrus
err_one_line
exits 0 search index --key key --accept-restored walrus
exits 2 search index --key key --mark phrase walrus
rm -rf index && mv newer index

# A store: one index is damaged, one is no index, the others are swept. What a destroyed account held has
# receipts, too.
mkdir store && cp -r index store/a && cp -r index store/b && cp -r index store/c && mkdir store/d
head -c 20000 /dev/urandom >store/b/keyring
exits 0 close store/c --now $((at + DAY))
exits 1 sweep store --force --now $((at + 397 * DAY)) --receipt receipts --json
json_is .indexes 3
json_is .failed 1
json_is '.failures[0].index' b
json_is .accounts_destroyed 1
[ ! -e store/c ] || fail "the files of a destroyed account are left"
grep -q '"index": *"c".*"reason": *"account"' receipts || fail "no receipt of the destroyed account"
grep -q '"index": *"a".*"reason": *"purged"' receipts || fail "no receipt of the purge"
[ "$(sort receipts | uniq -d | wc -l)" = 0 ] || fail "a receipt stands twice"
exits 0 verify store/a --receipts receipts

passed
