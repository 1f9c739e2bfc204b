#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual page, docs/cli.md and --help know the same commands and options.
#   manual.sh PROGRAM
set -u
program=$(realpath "${1:?usage: manual.sh PROGRAM}")
cd "$(dirname "$0")/../.." || exit 1
bad=0
complain() {
  echo "FAILED: $*"
  bad=1
}
commands=$("$program" --help | sed -n 's/^  \([a-z][a-z-]*\)  *[a-z].*/\1/p')
[ "$(echo "$commands" | wc -w)" -ge 15 ] || complain "--help lists hardly any command"
sed 's/\\-/-/g' docs/man/sealdex.1 >"${TMPDIR:-/tmp}/manual.$$"
for command in $commands; do
  grep -qE "^\\.BI?R? .*\\b$command\\b" "${TMPDIR:-/tmp}/manual.$$" ||
    complain "the manual page lacks $command"
  grep -qE "\`$command( |\`)" docs/cli.md || complain "docs/cli.md lacks $command"
  for option in $("$program" "$command" --help | grep -oE '^ +--[a-z-]+[a-z]' | tr -d ' ' | sort -u); do
    grep -q -e "$option\\b" "${TMPDIR:-/tmp}/manual.$$" ||
      complain "the manual page lacks $option of $command"
  done
done
rm -f "${TMPDIR:-/tmp}/manual.$$"
[ $bad = 0 ] && echo "passed: the manual knows every command and option"
exit $bad
