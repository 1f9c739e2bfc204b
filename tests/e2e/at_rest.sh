#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing readable at rest: no word of five letters or more, no id, no address of the mail stands in
# any file of the index; its blocks pass for noise.
. "$(dirname "$0")/lib.sh"

new_index
"$root/script/sample-maildir" mail
exits 0 add index --key key mail
# One more through the journal, one deleted, one in the trash: every kind of record is there.
message late.eml "Latecomer" "The quicksilver postscript."
exits 0 add index --key key late.eml
exits 0 search index --key key --json --limit 2 budget
exits 0 delete index --key key $(json '.hits[].id')
cp -r index before
exits 0 sweep index --key key --now "$(($(date +%s) + 20 * DAY))"

{
  find mail late.eml -type f -exec cat {} + | tr -cs "A-Za-z\\200-\\377" '\n' | grep -aE '.{5,}'
  find mail -type f -exec basename {} \; | sed 's/:2,.*//'
  printf '%s\n' lantern.example quicksilver late.eml latecomer
} | sort -u >words
[ "$(wc -l <words)" -gt 300 ] || fail "the list of words is too short to show anything"
for file in index/* before/*; do
  last="grep of $file"
  if LC_ALL=C grep -aioF -f words "$file" >hits; then
    # Words of five letters turn up in noise by chance about once in 10^12 bytes / 52^5 x words.
    LC_ALL=C awk 'length >= 6' hits | grep -q . && fail "$file holds: $(head -3 hits | tr '\n' ' ')"
    [ "$(wc -l <hits)" -le 2 ] || fail "$file holds several words"
  fi
done

# Noise does not compress.
last="zstd of index/data.mdb"
used=$("$SEALDEX" status index --key key --json | jq .used_bytes)
squeezed=$(zstd -q -c -19 index/data.mdb | wc -c)
[ "$squeezed" -gt $((used / 4)) ] || fail "$used bytes shrink to $squeezed"
passed
