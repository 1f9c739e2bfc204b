#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Apart from any profiling path: the system calls of a whole run open no socket, write no file outside
# the index directory, and pass nothing to a log.
. "$(dirname "$0")/lib.sh"
SEALDEX_REINDEX=$(dirname "$SEALDEX")/sealdex-reindex
command -v strace >/dev/null || skip "strace is not installed"
[ -z "${SEALDEX_SANITIZE:-}" ] || skip "sanitizers make system calls of their own"
last="strace true"
strace -f -o trace true 2>err || skip "strace may not trace here"

message mail/a.eml "Hello" "An ordinary gryphon."
exits 0 keygen key
exits 0 keygen second
: >trace
traced() { traced_program "$SEALDEX" "$@"; }
traced_program() {
  program=$1
  shift
  last="$(basename "$program") $*"
  strace -f -qq -A -o trace \
    -e trace=network,open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,truncate,execve \
    "$program" "$@" >out 2>err </dev/null || fail "under strace"
}
traced init index --key key
traced add index --key key mail
traced search index --key key --json --facets gryphon
traced show index --key key a.eml
traced set index --key key a.eml +flagged
traced delete index --key key a.eml
traced restore index --key key a.eml
for way in --verify --missing "--jobs 2" --anew; do
  # shellcheck disable=SC2086 # one is two words
  traced_program "$SEALDEX_REINDEX" index --key key --from mail $way
done
traced_program "$SEALDEX_REINDEX" index --key key --from mail --salvage --memory 64M
traced export index --key key
traced verify index --key key
traced status index --key key
traced inspect index
traced suggest index --key key gry
traced snippet index --key key a.eml gryphon
traced mark index
traced slot-add index --key key --new-key second
traced slot-remove index --key key --old-key second
exits 0 deposit-key index --key key drop
message mail/b.eml "Later" "Another gryphon."
traced deposit index --deposit-key drop mail/b.eml
traced deposit index --deposit-key drop --delete b.eml
traced rekey index --key key --new-key second
traced rekey index --key second --new-key key --deep
traced compact index
traced sweep index --key key
traced sweep index
traced close index
traced reopen index

# Sockets: none (socketpair between a process and its own helper is no network).
if grep -E '(^|[ 0-9])(socket|connect|bind|listen|accept4?|sendto|sendmsg)\(' trace |
  grep -vE 'socket\(AF_UNIX|socketpair|sendmsg\([0-9]+, .*SCM_RIGHTS' >sockets; then
  fail "network calls: $(head -3 sockets)"
fi
if grep -E 'connect\(' trace >sockets; then fail "something is connected to: $(head -3 sockets)"; fi

# Written, made, removed: inside the index only, but that `init` makes it under a passing name beside it.
# (/dev/null and /proc are no files.)
grep -E 'O_WRONLY|O_RDWR|O_CREAT|(creat|unlink|rename|link|mkdir|truncate)[a-z0-9]*\(' trace |
  grep -vE ' = -1 E' | grep -vE '"(/dev/null|/dev/tty|/proc/[^"]*)"' |
  grep -vE '"(\./)?(index(\.[A-Za-z0-9]{6})?|index(\.[A-Za-z0-9]{6})?/[^"]*|'"$work"'/index[^"]*)"' |
  grep -vE '(openat|unlinkat|renameat2?|linkat|mkdirat)\([0-9]+, "(data|lock|keyring)[^"/]*"' >writes
[ ! -s writes ] || fail "written outside the index: $(head -3 writes)"
passed
