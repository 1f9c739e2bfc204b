#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every kind of item, through the program: calendars, cards, documents, and what is attached to messages.
. "$(dirname "$0")/lib.sh"
new_index --languages en

mkdir box
cat >box/weekly.ics <<'END'
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:standup@lantern.example
SUMMARY:Lighthouse standup
LOCATION:Boathouse
ORGANIZER;CN=Mira Olsen:mailto:mira@lantern.example
ATTENDEE;CN=Rowan Pike:mailto:rowan@lantern.example
DTSTART:20240506T090000Z
DTEND:20240506T093000Z
RRULE:FREQ=WEEKLY
EXDATE:20240513T090000Z
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:alarmword
TRIGGER:-PT15M
END:VALARM
END:VEVENT
BEGIN:VTODO
UID:paint@lantern.example
SUMMARY:Paint the railing
DUE:20240601T120000Z
END:VTODO
END:VCALENDAR
END
cat >box/people.vcf <<'END'
BEGIN:VCARD
VERSION:3.0
UID:card-1
N:Okafor;Adaeze;Grace;;
FN:Adaeze Okafor
NICKNAME:Ada
ORG:Harbour Works
TEL;TYPE=WORK:+32 2 555 12 34
EMAIL:ada@harbour.example
BDAY:1980-05-17
PHOTO;ENCODING=b;TYPE=JPEG:cGhvdG93b3Jk
END:VCARD
BEGIN:VCARD
VERSION:2.1
UID:card-2
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen M=C3=BCller
END:VCARD
END
printf '<html><head><title>Tide tables</title></head><body><p>spring tides</p></body></html>' >box/tides.pdf
printf '{\\rtf1\\ansi {\\info{\\title Rope log}} splicing notes}' >box/rope.txt
cat >box/report.eml <<'END'
From: Rowan Pike <rowan@lantern.example>
To: you@lantern.example
Subject: The quarterly figures
Date: Wed, 08 May 2024 10:00:00 +0000
Message-ID: <report@lantern.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

See what is attached.
--b
Content-Type: application/rtf; name="figures.rtf"
Content-Disposition: attachment; filename="figures.rtf"

{\rtf1 barnacle scraping costs}
--b--
END
cat >box/invitation.eml <<'END'
From: Mira Olsen <mira@lantern.example>
To: you@lantern.example
Subject: Invitation to the regatta
Date: Thu, 09 May 2024 10:00:00 +0000
Message-ID: <invite@lantern.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain

You are invited.
--c
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:regatta@lantern.example
SUMMARY:Spinnaker regatta
DTSTART:20240720T080000Z
END:VEVENT
END:VCALENDAR
--c--

--b
Content-Type: application/ics; name="invite.ics"
Content-Disposition: attachment; filename="invite.ics"

BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:regatta@lantern.example
SUMMARY:Spinnaker regatta
DTSTART:20240720T080000Z
END:VEVENT
END:VCALENDAR
--b--
END
exits 0 add index --key key box
out_ends "added 8, updated 0, unchanged 0, failed 0"

# Events: fields, kinds, dates of occurrences; alarms are not read.
finds 'kind:event lighthouse' weekly.ics#standup@lantern.example
finds 'kind:event location:boathouse organizer:mira attendee:rowan' weekly.ics#standup@lantern.example
finds 'title:railing date:2024-06' weekly.ics#paint@lantern.example
finds 'lighthouse date:2031-05' weekly.ics#standup@lantern.example
finds 'lighthouse on:2031-05-05' weekly.ics#standup@lantern.example
finds 'lighthouse on:2031-05-06'
finds 'lighthouse on:2024-05-13'
finds 'lighthouse date:2024-04'
finds alarmword

# Contacts: a number however it is typed, names in every form, no picture.
for number in '"+32 2 555 12 34"' 025551234 5551234 '"02 555 12 34"' 02/555.12.34 02.555.12.34 02-5551234 2/555-1234; do
  finds "phone:$number" people.vcf#card-1
done
finds 'kind:contact name:ada' people.vcf#card-1
finds 'name:okafor org:harbour email:ada@harbour.example' people.vcf#card-1
finds 'note:1980-05-17' people.vcf#card-1
finds photoword
finds cGhvdG93b3Jk
finds 'jurgen muller' people.vcf#card-2

# Documents are told by what they hold, not by their names; their own titles are theirs.
finds 'kind:document title:tide' tides.pdf
finds 'kind:document title:rope splicing' rope.txt

# Text of an attachment belongs to the message.
finds 'barnacle' report.eml
json_is '.hits[0].snippet' 'in attachment: figures.rtf: <b>barnacle</b> scraping costs'
finds 'attached' report.eml
json_holds '.hits[0].snippet | test("in attachment") | not'
finds 'filename:figures.rtf' report.eml
finds 'spinnaker' invitation.eml

# Invitations as items of their own, when asked; once, though the message has it twice.
exits 0 add index --key key --invitations box
out_ends "added 1, updated 0, unchanged 8, failed 0"
finds 'kind:event spinnaker date:2024-07-20' invitation.eml#regatta@lantern.example
{
  printf 'From a@lantern.example Thu May  9 10:00:00 2024\n'
  cat box/invitation.eml
  printf '\nFrom b@lantern.example Thu May  9 11:00:00 2024\n'
  sed 's/invite@lantern/second@lantern/; s/UID:regatta/UID:dinner/; s/Spinnaker/Captains/' box/invitation.eml
} >both.mbox
exits 0 add index --key key --invitations both.mbox
out_ends "added 4, updated 0, unchanged 0, failed 0"
finds 'kind:event captains' 'both.mbox#second@lantern.example#dinner@lantern.example'
finds 'kind:event in:both' 'both.mbox#second@lantern.example#dinner@lantern.example' \
  'both.mbox#invite@lantern.example#regatta@lantern.example'
passed
