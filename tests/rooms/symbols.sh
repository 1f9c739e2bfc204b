#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The shared library exports what sealdex.h declares, and nothing else; its link closure has no
# network and no logging of its own.
#   symbols.sh LIBRARY [SANITIZERS]
set -u
library=$(realpath "${1:?usage: symbols.sh LIBRARY [SANITIZERS]}")
sanitizers=${2:-}
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

nm -D --defined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' | sort -u >"$work/exported"
if [ -n "$sanitizers" ]; then # they mark every library with symbols of theirs
  grep -vE '^(__asan|__ubsan|__odr_asan|__tsan|_ZZ?N?[0-9]*__(asan|san))' "$work/exported" >"$work/own"
  mv "$work/own" "$work/exported"
fi
# Declarations: SDX_API, up to the name in front of the first parenthesis.
tr '\n' ' ' <include/sealdex.h | grep -oE 'SDX_API [^;(]*\(' | grep -oE 'sdx_[a-z0-9_]+ *\($' |
  tr -d ' (' | sort -u >"$work/declared"

others=$(grep -v '^sdx_' "$work/exported")
if [ -n "$others" ]; then
  echo "FAILED: exported, and not sdx_:"
  echo "$others" | head -20
  bad=1
fi
differ=$(comm -3 "$work/declared" "$work/exported")
if [ -n "$differ" ]; then
  echo "FAILED: declared only (left), exported only (right):"
  echo "$differ"
  bad=1
fi
[ "$(wc -l <"$work/declared")" -gt 30 ] || { echo "FAILED: hardly any declarations found"; bad=1; }

# What the library calls: nothing but what is on the list; and the list has no room for what opens a connection,
# writes a log or starts a shell.
grep -vE '^(#|$)' tests/rooms/undefined.list >"$work/allowed"
never='socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|getaddrinfo|gethostbyname|v?syslog|openlog'
never="$never|system|popen|execve|execvp|printf|puts|g_log|g_print|g_socket_new|xmlNanoHTTPOpen|xmlNanoFTPOpen"
echo "$never" | sed 's/v?syslog/syslog|vsyslog/; s/(to|msg)?/to/; s/(from|msg)?/from/; s/4?//' | tr '|' '\n' >"$work/bad"
if grep -xEf "$work/allowed" "$work/bad" >"$work/calls"; then
  echo "FAILED: the list allows $(tr '\n' ' ' <"$work/calls")"
  bad=1
fi
nm -D --undefined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' | sort -u >"$work/undefined"
[ "$(wc -l <"$work/undefined")" -gt 100 ] || { echo "FAILED: hardly any calls found"; bad=1; }
if [ -z "$sanitizers" ]; then
  grep -vxEf "$work/allowed" "$work/undefined" >"$work/calls"
else # they bring calls of their own
  grep -xE "$never" "$work/undefined" >"$work/calls"
fi
if [ -s "$work/calls" ]; then
  echo "FAILED: the library calls $(tr '\n' ' ' <"$work/calls")"
  bad=1
fi

# Counters are numbers: their header knows no other type, and includes nothing that has one.
sed 's|/\*.*\*/||; /\/\*/,/\*\//d' include/sealdex_counters.h >"$work/counters"
if [ "$(grep -c '#include' "$work/counters")" != 1 ] || ! grep -q '#include <stdint.h>' "$work/counters" ||
  grep -v '^#' "$work/counters" | grep -vE '^(typedef struct sdx_counters \{|\} sdx_counters;|  uint64_t [a-z_, ]+; *|)$' \
    >"$work/others"; then
  echo "FAILED: the header of counters has more than counts: $(head -3 "$work/others")"
  bad=1
fi

# Every public function has its place in the manual that is its header: a comment of its own or of its
# group stands above it. Every name used in the docs exists.
grep -ohE '\bsdx_[a-z0-9_]+\b' README.md docs/*.md 2>/dev/null | sort -u | while read -r name; do
  grep -qE "\\b$name\\b" include/sealdex.h || echo "$name"
done >"$work/unknown"
if [ -s "$work/unknown" ]; then
  echo "FAILED: the docs name what is not in the header: $(tr '\n' ' ' <"$work/unknown")"
  bad=1
fi
[ $bad = 0 ] && echo "passed: $(wc -l <"$work/exported") symbols, all of them declared"
exit $bad
