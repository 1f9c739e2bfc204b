/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * setting.h - changes of attributes on the command line: shared by set and deposit --set.
 */
#ifndef SEALDEX_TOOLS_SETTING_H
#define SEALDEX_TOOLS_SETTING_H

#include "options.h"
#include "sealdex.h"

/* The first word is an id, the others are changes. *out borrows the words; free it. */
exit_code setting_parse(const options *o, sdx_change **out, size_t *count);
/* Says that it is done. */
void setting_print(const options *o);

#endif
