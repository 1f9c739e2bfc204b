#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Indexes and keys that are not what they should be: each gives one clear line on standard error, its
# exit code, and nothing is lost.
. "$(dirname "$0")/lib.sh"

new_index
message mail/good.eml "Hello" "A harmless gryphon."
exits 0 add index --key key mail
still_sound() {
  exits 0 verify index --key key
  finds gryphon good.eml
}

# Key files of the wrong size, empty, or not there; the wrong key.
for size in 0 1 31 33 63 65 1000; do
  head -c "$size" /dev/zero >short
  exits 2 search index --key short gryphon
  err_one_line
done
exits 6 search index --key absent gryphon
err_one_line
exits 0 keygen other
for command in "search index --key other gryphon" "add index --key other mail" \
  "delete index --key other good.eml" "verify index --key other" "export index --key other"; do
  # shellcheck disable=SC2086 # words
  exits 3 $command
  err_one_line
done
still_sound

# No index: not there, an empty directory, a file, a directory of other things.
mkdir empty
: >file
for where in absent empty file mail; do
  exits 6 search $where --key key gryphon
  err_one_line
  exits 6 add $where --key key mail
  err_one_line
  exits 6 inspect $where
  err_one_line
done
for where in absent file; do # a directory without indexes is a store of nobody's
  exits 6 sweep $where
  err_one_line
done
exits 2 init index --key key
err_one_line
still_sound

# One of its files missing, or empty.
for file in data.mdb keyring; do
  mv index/$file saved
  exits 6 search index --key key gryphon
  err_one_line
  : >index/$file
  got=0
  "$SEALDEX" search index --key key gryphon >out 2>err || got=$?
  last="search with an empty $file"
  [ $got = 4 ] || fail "exit code $got, not 4"
  err_one_line
  mv saved index/$file
done
still_sound

# One of the keyring's two copies damaged, or cut off: everything works with the other, verify says so,
# and the next write mends it.
size=$(wc -c <index/keyring)
cp index/keyring saved
for spoil in 100 $((size / 2 + 100)) cut; do
  if [ $spoil = cut ]; then
    head -c $((size / 2)) saved >index/keyring
  else
    printf 'noise' | dd of=index/keyring bs=1 seek="$spoil" conv=notrunc 2>/dev/null
  fi
  finds gryphon good.eml
  exits 4 verify index --key key
  out_has 'keyring'
  err_one_line
  exits 0 set index --key key good.eml +flagged
  cmp -s index/keyring saved || fail "the keyring was not mended"
  still_sound
done

# Another user's files.
exits 0 init theirs --key other
exits 0 add theirs --key other mail
for file in data.mdb keyring; do
  cp -r index mixed
  cp theirs/$file mixed/$file
  got=0
  "$SEALDEX" search mixed --key key gryphon >out 2>err || got=$?
  last="search with another user's $file"
  case $got in 3 | 4) ;; *) fail "exit code $got" ;; esac
  err_one_line
  rm -r mixed
done

# An index of a newer format: every head in the file says 2.
cp -r index newer
LC_ALL=C grep -abo head newer/data.mdb | cut -d : -f 1 | while read -r at; do
  printf '\002' | dd of=newer/data.mdb bs=1 seek=$((at + 4)) conv=notrunc 2>/dev/null
done
for command in "search newer --key key gryphon" "add newer --key key mail" "sweep newer" "verify newer --key key"; do
  # shellcheck disable=SC2086 # words
  exits 4 $command
  err_one_line
  err_has 'newer'
done

# A full table of readers: an error, and it passes.
hold=${SEALDEX_BUILD:-}/tests/e2e/hold-readers
if [ -x "$hold" ]; then
  mkfifo hold
  "$hold" index <hold >held &
  holder=$!
  exec 9>hold
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -s held ] || sleep 0.2
  done
  grep -q full held || fail "the table of readers is not full: $(cat held)"
  exits 6 search index --key key gryphon
  err_one_line
  exits 6 add index --key key mail
  err_one_line
  exec 9>&-
  wait $holder
  still_sound
fi
passed
