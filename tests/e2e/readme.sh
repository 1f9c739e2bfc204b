#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The session at the head of README.md, run again: every command in it, and what it prints.
. "$(dirname "$0")/lib.sh"

"$root/script/sample-maildir" Maildir
PATH=$(dirname "$SEALDEX"):$PATH
# The clock of the day on which it is read again: a day past the retention time.
late=$(date -u -d "@$(($(date +%s) + 46 * DAY))" +%Y-%m-%d)

sed -n '/^```console$/,/^```$/p' "$root/README.md" | sed '1d;$d' >session
grep -q '^\$ sealdex sweep' session || fail "README has no session"
: >ran
while IFS= read -r line; do
  case "$line" in
    '$ '*)
      printf '%s\n' "$line" >>ran
      command=$(printf '%s' "${line#\$ }" | sed -E "s/--now [0-9-]+/--now $late/")
      case "$command" in
        export\ *) eval "$command" ;;
        *) eval "$command" >>ran 2>&1 </dev/null || true ;;
      esac
      ;;
  esac
done <session
cmp -s session ran || fail "README and what is run differ: $(diff session ran | head -30)"
passed
