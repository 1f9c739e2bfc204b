#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# No word of the mail, and none of a query, in what is printed about it: a life with everything that can go wrong
# in it, and all that the programs wrote on standard error, and in reports, is looked through for the words of
# the mail. (Words that the programs have themselves, in messages of their own, are left out.)
. "$(dirname "$0")/lib.sh"

"$root/script/sample-maildir" mail
if [ -n "${SEALDEX_CORPORA:-}" ] && [ -d "$SEALDEX_CORPORA/spamassassin" ]; then
  mkdir mail/more
  find "$SEALDEX_CORPORA/spamassassin" "$SEALDEX_CORPORA/mime" -type f | sort | awk 'NR % 25 == 0' |
    while read -r file; do cp "$file" "mail/more/$(basename "$file")"; done
fi
: >said
# says ARGUMENT...: runs the program, whatever becomes of it, and keeps what it says, but for the ids.
says() {
  last="sealdex $*"
  "$SEALDEX" "$@" >out 2>err </dev/null
  code=$?
  [ $code -lt 128 ] || fail "it died"
  sed -E 's/^(failed|refused|skipped|partial|missing|stale|extra|hidden) [^ ]*: /\1: /' err >>said
}
reports() {
  says "$@"
  cat out >>said
}
exits 0 keygen key
exits 0 keygen other
exits 0 init index --key key
says add index --key key mail
printf '%%PDF-1.4 kwyjibo' >kwyjibo.pdf
printf 'PK\003\004kwyjibo' >kwyjibo.docx
printf 'BEGIN:VCALENDAR\nkwyjibo' >kwyjibo.ics
printf '%s\n' kwyjibo '{"id": "kwyjibo", "kind": "kwyjibo"}' '{"id": 7, "kwyjibo' '{"kwyjibo": [1]}' >lines
says add index --key key kwyjibo.pdf kwyjibo.docx kwyjibo.ics
says add index --key key --jsonl lines
[ "$(wc -l <said)" -gt 3 ] || fail "nothing failed"
says add index --key other mail
says search index --key other kwyjibo
says search nowhere --key key kwyjibo
for query in '"kwyjibo' 'kwyjibo NEAR/x (' 'subject:kwyjibo AND )' 'before:kwyjibo' 'larger:kwyjibo' '*' ; do
  says search index --key key --strict "$query"
  says search index --key key --sort kwyjibo "$query"
  says search index --key key --limit kwyjibo "$query"
done
says show index --key key kwyjibo
says delete index --key key kwyjibo
says restore index --key key kwyjibo
says set index --key key kwyjibo +flagged
says snippet index --key key kwyjibo kwyjibo
exits 0 search index --key key --json --limit 5 the
for id in $(json '.hits[].id' | head -3); do says delete index --key key "$id"; done
reports verify index --key key
reports status index --key key
reports inspect index
reports sweep index --json
# Damage, in many places.
cp -r index whole
size=$(stat -c %s index/data.mdb)
for part in 1 2 3 4 5 6 7 8 9 10 11 12; do
  rm -rf index
  cp -r whole index
  dd if=/dev/urandom of=index/data.mdb bs=512 count=2 conv=notrunc seek=$((part * size / 13 / 512)) 2>/dev/null
  says search index --key key the
  says export index --key key
  says add index --key key mail
  reports verify index --key key
  reports sweep index --now "$(($(date +%s) + 60 * DAY))" --force
done
rm -rf index
cp -r whole index
dd if=/dev/urandom of=index/keyring bs=512 count=8 conv=notrunc seek=4 2>/dev/null
reports verify index --key key
says search index --key key the
cp whole/keyring index/keyring
chmod 0 index/data.mdb
says search index --key key the
chmod 600 index/data.mdb
says close index
says search index --key key kwyjibo

{
  find mail -type f -exec cat {} + | tr -cs "A-Za-z" '\n' | tr A-Z a-z | awk 'length >= 6'
  echo kwyjibo
} | sort -u >words
find "$SEALDEX_BUILD" -name sealdex-extract -type f -exec cat {} + | cat - "$SEALDEX" "$SEALDEX_BUILD"/libsealdex.so* "$here/quiet.sh" | tr -cs "A-Za-z" '\n' | tr A-Z a-z |
  grep -v kwyjibo | sort -u >own
comm -23 words own >looked_for
[ "$(wc -l <looked_for)" -gt 20 ] || fail "the list of words is too short to show anything: $(wc -l <looked_for)"
[ "$(wc -l <said)" -gt 60 ] || fail "hardly anything was said"
if LC_ALL=C tr A-Z a-z <said | LC_ALL=C tr -cs 'a-z' '\n' | sort -u | comm -12 - looked_for | grep . >hits; then
  fail "said: $(head -5 hits | tr '\n' ' ')"
fi
echo "  $(wc -l <said) lines said, $(wc -l <looked_for) words looked for"
passed
