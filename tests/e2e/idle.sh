#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A user who never comes back: the sweep has no key, ever. What is due goes on time all the same, and
# what went with it is counted, reported, and can be added again. A clock that leaps is not believed.
. "$(dirname "$0")/lib.sh"

t=1717200000
at=$t
new_index
message mail/gone.eml "Secret" "The zephyrbell must go."
message mail/kept.eml "Other" "A harmless lantern."
exits 0 add index --key key --now $t mail
exits 0 delete index --key key gone.eml --now $t

# The clock leaps from day 0 to day 50: refused, and again a moment later; then believed a day later.
exits 1 sweep index --now $((t + 50 * DAY)) --json
json_is .clock_refused 1
json_is .items_purged 0
exits 1 sweep index --now $((t + 50 * DAY + 60)) --json
json_is .clock_refused 1
cp -r index leapt
exits 0 sweep index --now $((t + 51 * DAY)) --json
json_is .clock_refused 0
json_holds '.items_purged >= 1'
json_is .items_missing 1

# Nothing is hidden about the loss: answers say that they are partial.
exits 0 search index --key key --json lantern
json_is .complete false
json_is .exact false
json_holds '.why | length >= 1'
exits 0 status index --key key --json
json_is .missing 1
exits 1 show index --key key gone.eml
# Adding again mends it; what was purged is a new item where the source still holds it.
rm mail/gone.eml
exits 0 add index --key key --now $((t + 52 * DAY)) mail
finds lantern kept.eml
finds zephyrbell

# --force believes the clock at once.
rm -rf index && mv leapt index
exits 0 sweep index --force --now $((t + 50 * DAY + 120)) --json
json_holds '.items_purged >= 1'

# A clock that runs backwards purges nothing early.
new_index
message mail/gone.eml "Secret" "The zephyrbell must go."
exits 0 add index --key key --now $t mail
exits 0 delete index --key key gone.eml --now $t
exits 0 sweep index --now $((t - 100 * DAY)) --json
json_is .items_purged 0
exits 0 restore index --key key gone.eml --now $((t + DAY))
passed
