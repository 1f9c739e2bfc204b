/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * address.h - lists of plain addresses, the short way: nine of ten that mail has. All others are
 * GMime's (header.h), and of these it gives the same, which fuzz_address and the tests hold it to.
 */
#ifndef SEALDEX_EXTRACT_ADDRESS_H
#define SEALDEX_EXTRACT_ADDRESS_H

#include "base/buffer.h"

/*
 * A list is plain where commas part its addresses, and each is `a.b@c.d`, `Some Name <a.b@c.d>` or
 * `"Name, Some" <a.b@c.d>`, of ASCII letters, digits and few signs. Appends it as "Name <address>,
 * ..."; false, and nothing appended, where it is not plain.
 */
bool address_put_plain(buffer *out, const char *line);

#endif
