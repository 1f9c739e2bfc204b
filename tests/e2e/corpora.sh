#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A slice of the real corpora: every file is added, or named as failed with its reason; none fails of
# those that begin as a message does. script/check-corpora takes them whole.
. "$(dirname "$0")/lib.sh"
corpora 20news
corpora spamassassin
corpora mime
exec "$root/script/check-corpora" --slice "${SEALDEX_SLICE:-15}" 20news spamassassin mime
