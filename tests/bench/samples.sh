#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A small run on made-up mail: every engine takes part in every pass of every class equally often, and each ratio
# is that of the medians over queries of the lower quartiles of what was measured; of batches, of the means. Writes
# leave the indexes as they were.
#   samples.sh SEALDEX-BENCH
set -u
bench=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bench" run --generate 300 --queries 12 --passes 2 --rounds 1 --cold 1 --adds 20 --repeats 5 --users 20 \
  --stages build,cold,search,write,users --only Sealdex,FTS5 --work "$work/index" --samples "$work/samples" \
  --out "$work/figures" 2>"$work/log" || {
  cat "$work/log"
  exit 1
}
sums() { find "$work/index" -type f -exec cksum {} + | LC_ALL=C sort; }
sums >"$work/before"
[ "$(wc -l <"$work/before")" -ge 3 ] || { echo "FAILED: no indexes to write to"; exit 1; }
"$bench" run --generate 300 --adds 2 --repeats 1 --stages write --only Sealdex,FTS5 --work "$work/index" \
  --reuse "$work/figures" --out "$work/again" 2>"$work/log" || {
  cat "$work/log"
  exit 1
}
sums | cmp - "$work/before" || { echo "FAILED: writes changed the indexes"; exit 1; }
awk -F'\t' '
  FNR == NR { ratio[$1 FS $3] = $1 ~ /^ratio/ && $2 == "FTS5" ? $6 : ratio[$1 FS $3]; next }
  { count[$1 FS $3 FS $2]++; v[$1 FS $3 FS $2 FS $5 FS $4] = $6
    if ($4 >= passes[$1 FS $3]) passes[$1 FS $3] = $4 + 1
    if ($5 >= pieces[$1 FS $3]) pieces[$1 FS $3] = $5 + 1 }
  function sort(a, n,   i, k, t) {
    for (i = 2; i <= n; i++) { t = a[i]; for (k = i - 1; k > 0 && a[k] > t; k--) a[k + 1] = a[k]; a[k + 1] = t }
  }
  function middle(key, engine, mean,   i, p, q, a, m, sum) {
    for (i = 0; i < pieces[key]; i++) {
      for (p = 0; p < passes[key]; p++) a[p + 1] = v[key FS engine FS i FS p]
      sort(a, passes[key])
      q = int((passes[key] + 3) / 4)
      m[i + 1] = a[q]
    }
    if (mean) {
      for (i = 1; i <= pieces[key]; i++) sum += m[i]
      return sum / pieces[key]
    }
    sort(m, pieces[key])
    return m[int((pieces[key] - 1) / 2) + 1]
  }
  END {
    for (key in passes) {
      split(key, part, FS)
      if (count[key FS "Sealdex"] != passes[key] * pieces[key] || count[key FS "FTS5"] != count[key FS "Sealdex"]) {
        print "FAILED: " key ": engines were not asked equally often"; bad = 1
      }
      stage = part[1] == "search" ? "ratio" : "ratio " part[1]
      checked++
      count_of[part[1]]++
      mean = part[2] ~ /^batch/
      mine = middle(key, "Sealdex", mean) / middle(key, "FTS5", mean)
      off = mine / ratio[stage FS part[2]]
      if (!(off > 0.98 && off < 1.02)) { print "FAILED: " key ": " mine " instead of " ratio[stage FS part[2]]; bad = 1 }
    }
    if (checked < 10 || count_of["write"] != 4 || count_of["users"] != 1 ||
        count_of["open"] != 2 || count_of["cold"] < 10) {
      print "FAILED: only " checked " ratios"
      bad = 1
    }
    exit bad
  }' "$work/figures" "$work/samples"
