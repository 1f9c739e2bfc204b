#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input: each gives one clear line on standard error, its exit code, and nothing is lost.
. "$(dirname "$0")/lib.sh"

new_index
message mail/good.eml "Hello" "A harmless gryphon."
exits 0 add index --key key mail
still_sound() {
  exits 0 verify index --key key
  finds gryphon good.eml
}

# Files that cannot be read, are empty, or are no files: named, and nothing hangs.
mkdir odd
: >odd/empty.eml
mkfifo odd/pipe.eml
ln -s nowhere odd/dangling.eml
ln -s . odd/loop
ln -s ../odd odd/other-loop
message odd/fine.eml "Fine" "walrus"
message odd/secret.eml "Unreadable" "basilisk"
chmod 000 odd/secret.eml
got=0
timeout 60 "$SEALDEX" add index --key key odd >out 2>err || got=$?
last="sealdex add index odd"
case $got in 0 | 1) ;; *) fail "exit code $got" ;; esac
tail -n 1 out | grep -qE '^added [0-9]+, updated 0, unchanged 0, failed [0-9]+' || fail "no sum"
if grep -vE '^(failed|partial) [^:]+: .+' err | grep -q .; then fail "standard error has other lines"; fi
at=""
finds walrus fine.eml
still_sound

# Paths that are not there; a device.
exits 6 add index --key key missing.eml
err_one_line
exits 6 add index --key key --jsonl .
err_one_line
still_sound

# A file that is no message still is a document, a failure, or skipped: never a crash.
head -c 100000 /dev/urandom >noise.eml
got=0
"$SEALDEX" add index --key key noise.eml >out 2>err || got=$?
case $got in 0 | 1) ;; *) fail "noise: exit code $got" ;; esac
still_sound

# A message of 100 MB.
new_index
exits 0 add index --key key mail
message large.eml "Large" "needle"
yes 'A line of an endless report that says nothing at all, for the sake of its length.' |
  head -c "${SEALDEX_LARGE:-100000000}" >>large.eml
exits 0 add index --key key large.eml
finds needle large.eml
still_sound

# Ids that are too long.
new_index
exits 0 add index --key key mail
long=$(printf '%0401d' 0)
printf '{"id":"%s","kind":"message","date":1,"fields":{"body":"x"}}\n' "$long" >line
exits 1 add index --key key --jsonl line
out_is "added 0, updated 0, unchanged 0, failed 1"
exits 1 delete index --key key "$long"
err_one_line
case $("$SEALDEX" show index --key key "$long" 2>/dev/null; echo $?) in 1 | 2) ;; *) fail "show" ;; esac
still_sound

# A file size limit stands in for a full disk: an error, and what was there is there.
"$root/script/sample-maildir" sample
exits 0 compact index
blocks=$(($(stat -c %s index/data.mdb) / 1024 + 8))
last="sealdex add index sample, with no room"
got=0
(
  # shellcheck disable=SC3045 # dash has it
  ulimit -f "$blocks" && exec "$SEALDEX" add index --key key sample
) >out 2>err </dev/null || got=$?
if [ $got != 0 ]; then
  [ $got = 6 ] || fail "a full disk: exit code $got"
  err_one_line
fi
still_sound
exits 0 add index --key key sample
still_sound

# A real full disk, where a small file system can be mounted.
if mkdir small && mount -t tmpfs -o size=600k tmpfs small 2>/dev/null; then
  exits 0 init small/index --key key
  exits 0 add small/index --key key mail
  got=0
  for n in 1 2 3 4 5 6 7 8; do
    sed "s/\r$/$n\r/" sample/cur/*M01* >"crowd.$n"
    "$SEALDEX" add small/index --key key sample "crowd.$n" >out 2>err || got=$?
    "$SEALDEX" delete small/index --key key "crowd.$n" >out 2>>err || true
    [ $got = 0 ] || break
  done
  if [ $got = 6 ]; then
    exits 0 verify small/index --key key
    exits 0 search small/index --key key gryphon
  fi
  umount small
fi

# A directory that cannot be written: reading goes on, writing says so. (Root is not held by modes.)
if [ "$(id -u)" != 0 ]; then
  chmod -R a-w index
  exits 0 search index --key key gryphon
  exits 6 add index --key key sample/new
  err_one_line
  chmod -R u+w index
  still_sound
elif command -v setpriv >/dev/null; then
  chmod 755 "$work" && chmod -R a+rX index && chmod 644 key
  # A build below root's home is out of nobody's reach: he gets copies.
  cp "$SEALDEX" "$(ldd "$SEALDEX" | awk '/libsealdex/ { print $3 }')" . && chmod a+rx sealdex libsealdex*
  as_nobody() { LD_LIBRARY_PATH=$work setpriv --reuid=65534 --regid=65534 --clear-groups "$work/sealdex" "$@"; }
  last="sealdex add index, as nobody"
  got=0
  as_nobody delete index --key key good.eml >out 2>err </dev/null || got=$?
  [ $got = 6 ] || fail "a read-only directory: exit code $got"
  err_one_line
  as_nobody search index --key key gryphon >out 2>err </dev/null ||
    fail "searching a read-only directory"
  still_sound
fi
passed
