#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Which id an item gets, by where it comes from; and the sums that `add` ends with.
. "$(dirname "$0")/lib.sh"

ids_are() { # ID...: the ids of all live items
  exits 0 export index --key key
  jq -r .id out | sort >got
  printf '%s\n' "$@" | sort >due
  cmp -s got due || fail "the ids are: $(tr '\n' ' ' <got)"
}

# A Maildir: new/, cur/ and flags are cut off, so that an item keeps its id when it is read.
new_index
message "md/new/1.a.host" "One" "gryphon"
message "md/cur/2.b.host:2,FS" "Two" "walrus"
message "md/.Archive/cur/3.c.host:2,S" "Three" "basilisk"
mkdir -p md/tmp md/cur md/new
exits 0 add index --key key md
ids_are 1.a.host 2.b.host .Archive/3.c.host
mv md/new/1.a.host "md/cur/1.a.host:2,S"
mv "md/cur/2.b.host:2,FS" "md/cur/2.b.host:2,S"
exits 0 add index --key key md
ids_are 1.a.host 2.b.host .Archive/3.c.host

# The same where one of its messages is the argument, or stands in it.
new_index
exits 0 add index --key key "md/cur/2.b.host:2,S" md/.Archive/cur
ids_are 2.b.host "3.c.host"
exits 0 search index --key key --json is:read
json_is .total 2

# A file is named by itself, a directory's files by their path in it.
new_index
message "box/x.eml" "One" "gryphon"
message "box/deep/er/y.eml" "Two" "walrus"
exits 0 add index --key key box
ids_are x.eml deep/er/y.eml
new_index
exits 0 add index --key key box/deep/er/y.eml
ids_are y.eml

# Two sources that give one id in one run: the second fails.
new_index
message "a/same.eml" "One" "gryphon"
message "b/same.eml" "Two" "walrus"
exits 1 add index --key key a b
out_is "added 1, updated 0, unchanged 0, failed 1"
err_has '^failed same.eml: '
finds gryphon same.eml
finds walrus

# Bytes that are not UTF-8 are percent-encoded.
new_index
message "$(printf 'odd/caf\351.eml')" "One" "gryphon"
message "$(printf 'odd/caf\303\251.eml')" "Two" "walrus"
exits 0 add index --key key odd
ids_are 'caf%E9.eml' "$(printf 'caf\303\251.eml')"

# An mbox: # and the Message-ID; a repeat gets ~2. One leading From line alone makes none.
new_index
{
  for n in 1 2 2; do
    printf 'From ada@lantern.example Fri May 17 10:00:0%d 2024\n' $n
    printf 'From: Ada <ada@lantern.example>\nSubject: number %d\n' $n
    printf 'Date: Fri, 17 May 2024 10:00:00 +0000\nMessage-ID: <m%d@lantern.example>\n\n' $n
    printf 'Text of number %d.\n\n' $n
  done
} >letters
exits 0 add index --key key letters
out_is "added 3, updated 0, unchanged 0, failed 0"
ids_are 'letters#m1@lantern.example' 'letters#m2@lantern.example' 'letters#m2@lantern.example~2'
new_index
{
  printf 'From ada@lantern.example Fri May 17 10:00:01 2024\n'
  cat box/x.eml
} >single
exits 0 add index --key key single
ids_are single

# Files of no supported type, met in a directory, are passed over and counted; a failed item never
# stops the rest.
new_index
mkdir mixed
head -c 3000 /dev/urandom >mixed/noise.bin
cp box/x.eml mixed/
got=0
"$SEALDEX" add index --key key mixed >out 2>err || got=$?
out_has '^added 1, updated 0, unchanged 0, failed [01](, skipped 1)?$'
finds gryphon x.eml
passed
