/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.h - a stack aside, which no core dump holds.
 *
 * What a call works with comes to stand on the stack too: pieces of words that the compiler spills,
 * buffers of libraries, what a cipher derives of its key. So public calls that work with plaintext
 * run on a stack of their own, one for each thread that calls, which is wiped when the call is
 * over. What the host provides (its keyring storage) is called on the host's own stack again.
 *
 * On machines other than x86-64 and AArch64, and where a sanitizer watches the stack, calls run
 * where they are called.
 */
#ifndef SEALDEX_BASE_STACK_H
#define SEALDEX_BASE_STACK_H

#include <stdbool.h>

/* Runs it on the thread's stack aside, or where it is called if that is there already. False where
 * there is no memory for one: nothing ran. It must return, not jump out. */
bool stack_aside(void (*run)(void *context), void *context);
/* Runs it on the stack from which stack_aside was called. It may come back through stack_aside. */
void stack_back(void (*run)(void *context), void *context);

#endif
