#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What README claims of speed and size, and the first page of the report, are the figures of the committed
# report.json, and a figure that is changed there is noticed.
set -u
cd "$(dirname "$0")/../.." || exit 1
report=docs/bench/report.json
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
claims_in() { sed -n '/^<!-- claims -->$/,/^<!-- \/claims -->$/p' "$1" | sed '1d;$d'; }
fail() {
  echo "FAILED: $*"
  exit 1
}
[ "$(grep -c '^<!-- /\{0,1\}claims -->$' README.md)" = 2 ] || fail "README has no place for claims"
claims_in README.md >"$work/readme"
if [ ! -f "$report" ]; then
  [ ! -s "$work/readme" ] || fail "README claims figures, and there is no $report"
  echo "skipped: there is no $report, and README claims nothing"
  exit 0
fi
if ! command -v jq >/dev/null; then
  echo "skipped: no jq (script/bootstrap installs it)"
  exit 0
fi
script/bench-claims "$report" >"$work/claims" || fail "$report cannot be read"
diff "$work/claims" "$work/readme" || fail "README does not say what $report says (script/bench-claims $report --into README.md)"
claims_in docs/bench/report.md >"$work/page"
diff "$work/claims" "$work/page" || fail "docs/bench/report.md is not of $report"
for plot in $(sed -n 's/.*!\[.*\](\([a-z-]*\.svg\)).*/\1/p' docs/bench/report.md); do
  [ -s "docs/bench/$plot" ] || fail "docs/bench/$plot is missing"
  [ -s "docs/bench/${plot%svg}png" ] || fail "docs/bench/${plot%svg}png is missing"
done
# Each figure that the table shows is noticed where it changes: here the build's rate.
jq '(.figures[] | select(.stage == "build" and .engine == "Sealdex" and .measure == "rate") | .value) *= 1.1' \
  "$report" >"$work/changed.json"
script/bench-claims "$work/changed.json" >"$work/changed"
! diff -q "$work/changed" "$work/readme" >/dev/null || fail "a changed figure is not noticed"
echo "passed: README and the report's first page say what $report says"
