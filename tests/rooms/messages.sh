#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the library can say in an error message: constants, numbers, and the few strings that messages.list
# names with where they come from. So no word, id or key of anybody gets into one, whatever happens.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

find base crypto store segment text index indexer query -name '*.c' -o -name '*.cc' | sort >"$work/files"
while read -r file; do
  # A call up to its semicolon, which may stand in a string too.
  tr '\n' ' ' <"$file" | tr -s ' ' |
    grep -oP '\b(error_set|error_system|lmdb_error|snapshot_error|session_fail)\((?:[^";]|"(?:[^"\\]|\\.)*")*;' |
    sed "s|^|$file	|"
done <"$work/files" >"$work/calls"
[ "$(wc -l <"$work/calls")" -gt 200 ] || { echo "FAILED: hardly any messages found"; bad=1; }

# Formats that take a string, or a character.
grep -P '\terror_set\(' "$work/calls" | grep -P '%[-0-9.*]*[sc]' |
  sed -E 's/\t[^"]*"(([^"\\]|\\.)*)".*/\t\1/' | sort -u >"$work/strings"
grep -vE '^(#|$)' tests/rooms/messages.list | cut -f1,2 | sort -u >"$work/allowed"
comm -23 "$work/strings" "$work/allowed" >"$work/new"
comm -13 "$work/strings" "$work/allowed" >"$work/old"
if [ -s "$work/new" ]; then
  echo "FAILED: messages with strings that tests/rooms/messages.list does not name:"
  cat "$work/new"
  bad=1
fi
if [ -s "$work/old" ]; then
  echo "FAILED: tests/rooms/messages.list names what is no more:"
  cat "$work/old"
  bad=1
fi

# Those that take a sentence are given a constant, or hand on one that they were given as `what` or `message`.
grep -vP '\terror_set\(' "$work/calls" | grep -v '"' | grep -vP '\b(what|message)\b' >"$work/loose"
if [ -s "$work/loose" ]; then
  echo "FAILED: a message that is no constant:"
  cat "$work/loose"
  bad=1
fi
# The message itself is written in one place.
# shellcheck disable=SC2046 # a list of files
if grep -nE '\berr(or)?(->|\.)message *(\[|=[^=])|(printf|cpy|cat)\([a-z_>.-]*err(or)?(->|\.)message' $(cat "$work/files") |
  grep -v '^base/error\.c:'; then
  echo "FAILED: messages are written by base/error.c alone"
  bad=1
fi
[ $bad = 0 ] && echo "passed: $(wc -l <"$work/calls") messages, of which $(wc -l <"$work/strings") hold a string"
exit $bad
