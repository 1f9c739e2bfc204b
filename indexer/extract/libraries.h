/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libraries.h - starting GMime and libxml2, once in a process. */
#ifndef SEALDEX_EXTRACT_LIBRARIES_H
#define SEALDEX_EXTRACT_LIBRARIES_H

/* Any number of times, from any thread; before GMime, its iconv names or libxml2 are used. What
 * GMime would log goes nowhere, since it may quote the message. */
void libraries_start(void);

#endif
