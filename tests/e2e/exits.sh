#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every exit code, and one line on standard error for each that is not 0.
. "$(dirname "$0")/lib.sh"

bad() { # CODE ARGUMENT...
  exits "$@"
  err_one_line
}

# 2: usage.
bad 2
bad 2 nonesuch index --key key
exits 0 --help
out_has '^usage: sealdex'
exits 0 --version
out_has '^sealdex [0-9]+\.[0-9]+\.[0-9]+$'
for command in keygen init add search show snippet set delete restore sweep inspect status verify \
  export compact; do
  exits 0 $command --help
  out_has "^usage: sealdex $command "
  exits 0 help $command
  bad 2 $command
  bad 2 $command index --no-such-option
done
exits 0 keygen key
bad 2 keygen key
[ "$(stat -c %a key)" = 600 ] || fail "the key file has the mode $(stat -c %a key)"
[ "$(wc -c <key)" = 65 ] || fail "the key file is not 64 hex digits"
bad 2 init index
bad 2 init index --key
bad 2 init index --key key --now yesterday
bad 2 init index --key key --now 2024-02-30
bad 2 init index --key key --now -5
bad 2 init index --key key --retention soon
bad 2 init index --key key --retention 0d
bad 2 init index --key key --cipher rot13
bad 2 init index --key key --languages xx,tlh
bad 2 init index --key key surplus
[ ! -e index ] || fail "a refused init left a directory behind"

# 2: a malformed key; 6: none there.
printf '%s' 0123456789012345678901234567890 >short
: >empty
printf '%063d\n' 0 >odd
printf '%065d' 0 >long
printf '%064dg' 0 >letter
head -c 5000 /dev/zero >huge
for malformed in short empty odd long letter huge; do bad 2 init index --key $malformed; done
bad 6 init index --key missing
bad 6 init index --key .
bad 2 init index --passphrase-file empty
bad 2 init index --key key --passphrase-file short
bad 6 init no/such/parent/index --key key

# 0, and the ways to name a key: hex, raw, with white space behind it, by environment.
exits 0 init index --key key
bad 2 init index --key key
perl -ne 'print pack("H*", $1) if /^([0-9a-f]{64})$/' key >raw
[ "$(wc -c <raw)" = 32 ] || fail "the key file is not 64 hex digits"
exits 0 status index --key raw
{ cat key; printf ' \n'; } >spaced
exits 0 status index --key spaced
last="SEALDEX_KEY_FILE=key sealdex status index"
SEALDEX_KEY_FILE=key "$SEALDEX" status index >out 2>err || fail "the environment's key is not taken"
exits 0 status index --key=key --now 2024-05-17T10:00:00+02:00
printf 'correct horse\n' >phrase
printf 'correct house\n' >wrong-phrase
exits 0 init worded --passphrase-file phrase
exits 0 status worded --passphrase-file phrase
bad 3 status worded --passphrase-file wrong-phrase
bad 3 status worded --key key

# 1: nothing found, unknown ids; what is not all done.
message mail/a.eml "Hello" "An ordinary day."
exits 0 add index --key key mail
exits 1 search index --key key nonesuch
out_has '^0 found'
exits 1 search index --key key --json nonesuch
json_is .total 0
bad 1 show index --key key nonesuch
bad 1 snippet index --key key nonesuch word
bad 1 set index --key key nonesuch +seen
bad 1 restore index --key key a.eml
exits 1 delete index --key key nonesuch a.eml
out_is "deleted a.eml"
err_is "failed nonesuch: not found: unknown, or deleted already"
exits 1 restore index --key key nonesuch a.eml
out_is "restored a.eml"

# 2: options of searching and changing.
bad 2 search index --key key
bad 2 search index --key key --limit many hello
bad 2 search index --key key --sort upwards hello
bad 2 search index --key key --total roughly hello
bad 2 search index --key key --strict 'hello AND ('
exits 0 search index --key key 'hello AND ('
bad 2 set index --key key a.eml
bad 2 set index --key key a.eml sideways
bad 2 set index --key key a.eml folder=
bad 2 add index --key key
bad 2 add index --key key --jsonl - mail

# 3: another key, for every command that takes one.
exits 0 keygen other
for command in status verify export; do bad 3 $command index --key other; done
bad 3 search index --key other hello
bad 3 show index --key other a.eml
bad 3 snippet index --key other a.eml hello
bad 3 set index --key other a.eml +seen
bad 3 delete index --key other a.eml
bad 3 restore index --key other a.eml
bad 3 add index --key other mail

# 6: no index, or something else in its place.
mkdir nothing
: >file
for dir in missing nothing file; do
  for command in status verify export; do bad 6 $command $dir --key key; done
  bad 6 search $dir --key key hello
  bad 6 add $dir --key key mail
  bad 6 delete $dir --key key a.eml
  bad 6 inspect $dir
  bad 6 compact $dir
done
bad 6 sweep missing
bad 6 sweep file

# 6: output that cannot be written.
last="sealdex export index >/dev/full"
"$SEALDEX" export index --key key >/dev/full 2>err
[ $? = 6 ] || fail "a full output goes unnoticed"
last="sealdex search with no standard output"
"$SEALDEX" add index --key key mail >&- 2>err
exits 0 verify index --key key

# 4: damaged files.
cp -r index torn
truncate -s 8192 torn/data.mdb
bad 4 status torn --key key
cp -r index blank
head -c "$(wc -c <index/keyring)" /dev/zero >blank/keyring
bad 4 status blank --key key
bad 4 inspect blank
cp -r index unkeyed
rm unkeyed/keyring
got=0
"$SEALDEX" status unkeyed --key key >out 2>err || got=$?
case $got in 4 | 6) ;; *) fail "an index without its keyring: exit code $got" ;; esac
passed
