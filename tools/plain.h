/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain.h - text of items, written for a person's terminal.
 *
 * Mail is written by strangers: control characters (an escape sequence could repaint the terminal)
 * become spaces here. Machines read --json instead, which keeps them.
 */
#ifndef SEALDEX_TOOLS_PLAIN_H
#define SEALDEX_TOOLS_PLAIN_H

#include <stdio.h>

#include "sealdex.h"

/* One line: every control character and line break becomes a space. */
void plain_print(FILE *out, sdx_bytes text);
/* Many lines: line breaks and tabs stay. */
void plain_print_lines(FILE *out, sdx_bytes text);
/* A snippet (HTML: text escaped, matches in <b>) as text; matches in bold where `bold`. */
void plain_print_snippet(FILE *out, sdx_bytes html, bool bold);

/* The bytes of a C string. */
sdx_bytes bytes_of(const char *text);

#endif
