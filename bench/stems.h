/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stems.h - English stems, as the engines make them of a query's words. */
#ifndef SEALDEX_BENCH_STEMS_H
#define SEALDEX_BENCH_STEMS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stems stems;
stems *stems_new(void); /* NULL: there are none */
void stems_free(stems *s);
/* The stem of a word of at most 15 lower-case letters, cut there. */
void stems_of(const stems *s, const char word[16], char out[16]);

#ifdef __cplusplus
}
#endif

#endif
