#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Two tables of figures agree within 10% for medians and 30% for tails, and what is farther apart is named.
#   agree.sh SEALDEX-BENCH
set -u
bench=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
check() {
  [ "$2" = "$3" ] || {
    echo "FAILED: $1: $2 instead of $3"
    bad=1
  }
}
# table FILE ratio p99: one ratio of medians, and FTS5's 99th percentile where Sealdex's is 100.
table() {
  {
    printf 'ratio\tFTS5\trare\tratio\tours/theirs\t%s\tnan\tnan\t1\n' "$2"
    printf 'search\tSealdex\trare\tp99\tus\t100\tnan\tnan\t1\n'
    printf 'search\tFTS5\trare\tp99\tus\t%s\tnan\tnan\t1\n' "$3"
  } >"$1"
}
table "$work/one" 0.200 1000
# compare NAME ratio p99 status lines-that-name-what-is-apart
compare() {
  table "$work/two" "$2" "$3"
  "$bench" agree "$work/one" "$work/two" >"$work/out" 2>&1
  check "$1: status" "$?" "$4"
  check "$1: named" "$(grep -c '^apart by' "$work/out")" "$5"
  check "$1: summed up" "$(grep -c ' of .* within' "$work/out")" 2
}
compare "the same" 0.200 1000 0 0
compare "within both bands" 0.219 1290 0 0
compare "within, the other way" 0.183 780 0 0
compare "a median apart" 0.221 1000 1 1
compare "a median apart, the other way" 0.180 1000 1 1
compare "a tail apart" 0.200 1310 1 1
compare "both apart" 0.400 3000 1 2
"$bench" agree "$work/one" "$work/missing" >/dev/null 2>&1
check "no such file: status" "$?" 6
"$bench" agree --out "$work/rows" "$work/one" "$work/two" >/dev/null
check "rows for the report" "$(grep -c '^agree	' "$work/rows")" 8
exit $bad
