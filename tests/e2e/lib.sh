# SPDX-License-Identifier: GPL-2.0-or-later
# What every end-to-end test begins with: `. "$(dirname "$0")/lib.sh"`.
#
# A test is a life played through the program that SEALDEX names, in a directory of its own; the first
# thing that is not as it should be ends it, with the command and what it printed. Exit 77: skipped.
# shellcheck shell=sh

set -u
: "${SEALDEX:?SEALDEX must name the sealdex program under test}"
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export here root
unset SEALDEX_KEY_FILE
work=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1
last=""
# shellcheck disable=SC2034 # for the tests
DAY=86400

skip() {
  echo "skipped: $*"
  exit 77
}

fail() {
  echo "FAILED: $*"
  echo "  last command: $last"
  [ ! -s out ] || { echo "  stdout:"; head -c 2000 out | sed 's/^/    /'; }
  [ ! -s err ] || { echo "  stderr:"; head -c 2000 err | sed 's/^/    /'; }
  exit 1
} >&2

# exits CODE ARGUMENT...: runs the program; standard output is in `out`, standard error in `err`.
exits() {
  wanted=$1
  shift
  last="sealdex $*"
  got=0
  "$SEALDEX" "$@" >out 2>err </dev/null || got=$?
  [ "$got" = "$wanted" ] || fail "exit code $got, not $wanted"
  if grep -qE 'AddressSanitizer|UndefinedBehavior|LeakSanitizer|runtime error:' err; then
    fail "a sanitizer complained"
  fi
}

out_is() { [ "$(cat out)" = "$1" ] || fail "standard output is not: $1"; }
out_ends() { [ "$(tail -n 1 out)" = "$1" ] || fail "the last line is not: $1"; }
out_has() { grep -qE -e "$1" out || fail "standard output lacks: $1"; }
out_lacks() { ! grep -qE -e "$1" out || fail "standard output has: $1"; }
out_empty() { [ ! -s out ] || fail "standard output is not empty"; }
err_is() { [ "$(cat err)" = "$1" ] || fail "standard error is not: $1"; }
err_has() { grep -qE -e "$1" err || fail "standard error lacks: $1"; }
err_empty() { [ ! -s err ] || fail "standard error is not empty"; }
# One line that begins as errors do, and says something.
err_one_line() {
  [ "$(wc -l <err)" = 1 ] || fail "standard error is not one line"
  grep -qE '^(sealdex(-reindex)?: .{8,}|failed .+: .{3,}|refused .+: .{3,})$' err ||
    fail "standard error is no error line"
}

# json FILTER: what jq says of `out`, which has to be valid JSON.
json() { jq -r "$1" out 2>jq.err || fail "jq: $(cat jq.err)"; }
json_is() {
  value=$(json "$1") || exit 1
  [ "$value" = "$2" ] || fail "$1 is $value, not $2"
}
# json_holds FILTER: the filter gives true for every value in `out`.
json_holds() {
  jq -e "$1" out >/dev/null 2>jq.err || fail "does not hold: $1 $(cat jq.err)"
}

# counts N QUERY: a search finds so many.
counts() {
  exits "$([ "$1" != 0 ] && echo 0 || echo 1)" search index --key key --json --limit 0 ${at:+--now "$at"} -- "$2"
  json_is .total "$1"
}

# finds QUERY ID...: a search gives exactly these ids, in any order; none: exit code 1.
finds() {
  query=$1
  shift
  if [ $# -eq 0 ]; then
    exits 1 search index --key key --json --limit 100 ${at:+--now "$at"} -- "$query"
  else
    exits 0 search index --key key --json --limit 100 ${at:+--now "$at"} -- "$query"
  fi
  wanted_ids=$(printf '%s\n' "$@" | sort)
  found_ids=$(json '.hits[].id' | sort) || exit 1
  [ "$found_ids" = "$wanted_ids" ] || fail "$query finds: $found_ids"
  json_is .total $#
  json_is .exact true
  json_is .complete true
}

# message FILE SUBJECT BODY [SENDER [DAY OF MAY 2024]]
message() {
  mkdir -p "$(dirname "$1")"
  printf 'From: %s <%s@lantern.example>\r\nTo: you@lantern.example\r\nSubject: %s\r\n' \
    "${4:-Rowan}" "${4:-rowan}" "$2" >"$1"
  printf 'Date: %02d May 2024 10:00:00 +0000\r\nMessage-ID: <%s@lantern.example>\r\n\r\n%s\r\n' \
    "${5:-1}" "$(basename "$1")" "$3" >>"$1"
}

# A key in `key`, and an index sealed with it in `index`, made at the time $at (or now).
# shellcheck disable=SC2120 # its arguments are further options
new_index() {
  rm -rf index
  [ -f key ] || exits 0 keygen key
  exits 0 init index --key key ${at:+--now "$at"} "$@"
}

corpora() {
  [ -n "${SEALDEX_CORPORA:-}" ] || skip "SEALDEX_CORPORA is not set"
  [ -d "$SEALDEX_CORPORA/$1" ] || skip "$SEALDEX_CORPORA/$1 is not there"
}

passed() { echo "passed: $(basename "$0")"; }
