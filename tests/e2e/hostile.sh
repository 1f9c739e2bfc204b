#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A mailbox of hostile files, through the program: each ends within its limits, is an item by what could be
# read of it or is named as failed, and the healthy ones between them come to no harm.
. "$(dirname "$0")/lib.sh"
new_index
mkdir box

message box/a-healthy.eml "First of the healthy" "lantern oil"
{
  printf 'Subject: nested deep\nContent-Type: message/rfc822\n\n'
  yes 'Content-Type: message/rfc822
' | head -n 20000
  printf 'Subject: bottom\n\nbottomword\n'
} >box/b-nested.eml
{
  printf 'Subject: many parts\nContent-Type: multipart/mixed; boundary=x\n\n'
  yes -- '--x

part' | head -n 3000000
  printf -- '--x--\n'
} >box/c-parts.eml
{
  printf 'Subject: long header\nX-Filler: '
  head -c 50000000 /dev/zero | tr '\0' a
  printf '\nFrom: late@lantern.example\n\nbehind the header\n'
} >box/d-header.eml
{
  printf '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "bomb">'
  previous=a
  for next in b c d e f g h i j k l m n o p; do
    printf '<!ENTITY %s "&%s;&%s;&%s;&%s;&%s;&%s;&%s;&%s;">' $next $previous $previous $previous \
      $previous $previous $previous $previous $previous
    previous=$next
  done
  printf ']><x>entity &p;</x>'
} >box/e-entities.xml
printf '%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>>endobj\ntrailer<</Root 1 0 R>>\n%%%%EOF\n' >box/f-ring.pdf
# A font whose codes say nothing of what they show.
cat >box/g-font.pdf <<'END'
%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length 44>>stream
BT /F 12 Tf 10 100 Td <00010002FFFF0003> Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type0/BaseFont/None/Encoding/Identity-H/DescendantFonts[6 0 R]>>endobj
6 0 obj<</Type/Font/Subtype/CIDFontType2/BaseFont/None/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>endobj
trailer<</Root 1 0 R>>
%%EOF
END
{
  printf 'BEGIN:VCARD\nVERSION:3.0\nFN:Long Card\n'
  yes 'NOTE:line' | head -n 1000000
  printf 'END:VCARD\n'
} >box/h-card.vcf
cat >box/i-endless.ics <<'END'
BEGIN:VCALENDAR
BEGIN:VEVENT
UID:endless
SUMMARY:Endless meeting
DTSTART:20240506T090000Z
RRULE:FREQ=SECONDLY
END:VEVENT
BEGIN:VEVENT
UID:never
SUMMARY:Never meeting
DTSTART:20240506T090000Z
RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30
END:VEVENT
END:VCALENDAR
END
head -c 400000000 /dev/zero | tr '\0' a | gzip -1 >box/j-bomb.gz
cp box/j-bomb.gz inner && gzip -c inner >box/k-twice.gz
printf '{\\rtf1 ' >box/l-groups.rtf
head -c 1000000 /dev/zero | tr '\0' '{' >>box/l-groups.rtf
message box/z-healthy.eml "Last of the healthy" "lantern wick"

got=0
"$SEALDEX" add index --key key --json box >out 2>err </dev/null || got=$?
[ "$got" -le 1 ] || fail "add ended with $got"
json_is ".added + .failed + .skipped" 14
json_holds 'all(.failures[]; .reason | length > 4)'
finds 'subject:healthy' a-healthy.eml z-healthy.eml
finds 'subject:"nested deep"' b-nested.eml
finds 'subject:"many parts"' c-parts.eml
finds 'subject:"long header"' d-header.eml
finds 'name:long' h-card.vcf
finds 'title:endless' i-endless.ics#endless
exits 0 verify index --key key
passed
