/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/stack.h"

#include <stddef.h>

#include "base/sanitized.h"

#if !SANITIZED && (defined(__x86_64__) || defined(__aarch64__))

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/wipe.h"

#define SIZE ((size_t)1 << 20)   /* of which what is written to takes memory */
#define GUARD ((size_t)64 << 10) /* at its lower end; a whole page on any machine */
#define BELOW ((size_t)256)      /* left free below a frame of the host's */
#define OWN ((size_t)1024)       /* and below stack_back's own, which is still in use */
#define STEP ((size_t)512)       /* wiped at once */
#define UNTOUCHED ((size_t)16 << 10) /* so many zeros below: no frame stood there. None is as large */

typedef struct aside {
  uint8_t *lowest;
  uint8_t *next; /* where the next call begins; NULL: the thread is on this stack */
  uint8_t *left; /* the other stack, where it was left */
} aside;

/* Puts the stack pointer into *left, runs on `sp`, and comes back. */
void sealdex_stack_switch(void (*run)(void *), void *context, void *sp, uint8_t **left)
    __attribute__((visibility("hidden")));

#if defined(__x86_64__)
__asm__(".text\n"
        ".p2align 4\n"
        ".globl sealdex_stack_switch\n"
        ".hidden sealdex_stack_switch\n"
        ".type sealdex_stack_switch, @function\n"
        "sealdex_stack_switch:\n"
        ".cfi_startproc\n"
        "  endbr64\n"
        "  pushq %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "  movq %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "  movq %rsp, (%rcx)\n"
        "  movq %rdx, %rsp\n"
        "  movq %rdi, %rax\n"
        "  movq %rsi, %rdi\n"
        "  call *%rax\n"
        "  movq %rbp, %rsp\n"
        "  popq %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size sealdex_stack_switch, . - sealdex_stack_switch\n");
#else
__asm__(".text\n"
        ".p2align 4\n"
        ".globl sealdex_stack_switch\n"
        ".hidden sealdex_stack_switch\n"
        ".type sealdex_stack_switch, %function\n"
        "sealdex_stack_switch:\n"
        ".cfi_startproc\n"
        "  stp x29, x30, [sp, #-16]!\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset x29, -16\n"
        ".cfi_offset x30, -8\n"
        "  mov x29, sp\n"
        ".cfi_def_cfa_register x29\n"
        "  str x29, [x3]\n"
        "  mov sp, x2\n"
        "  mov x9, x0\n"
        "  mov x0, x1\n"
        "  blr x9\n"
        "  mov sp, x29\n"
        "  ldp x29, x30, [sp], #16\n"
        ".cfi_def_cfa sp, 0\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size sealdex_stack_switch, . - sealdex_stack_switch\n");
#endif

static struct {
  pthread_once_t once;
  pthread_key_t key; /* a thread's `aside`, which stands at the top of its stack */
  bool ready;
} threads = { .once = PTHREAD_ONCE_INIT };

static void drop(void *p) {
  aside *a = p;
  (void)munmap(a->lowest, SIZE);
}

static void start_once(void) { threads.ready = pthread_key_create(&threads.key, drop) == 0; }

static aside *mine(void) {
  pthread_once(&threads.once, start_once);
  return threads.ready ? pthread_getspecific(threads.key) : NULL;
}

static aside *make(void) {
  if (!threads.ready) return NULL;
  uint8_t *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (at == MAP_FAILED) return NULL;
  aside *a = (aside *)(void *)(at + SIZE - 64);
  if (mprotect(at, GUARD, PROT_NONE) != 0 || madvise(at, SIZE, MADV_DONTDUMP) != 0 ||
      pthread_setspecific(threads.key, a) != 0) {
    (void)munmap(at, SIZE);
    return NULL;
  }
  a->lowest = at;
  a->next = (uint8_t *)a;
  return a;
}

static bool is_zero(const uint64_t *at) {
  uint64_t any = 0;
  for (size_t i = 0; i < STEP / sizeof *at; i++) any |= at[i];
  return any == 0;
}

/* What a call has left below `end`. All that was not written to since is zero. */
static void wipe_below(const aside *a, uint8_t *end) {
  const uint8_t *const lowest = a->lowest + GUARD + STEP;
  size_t untouched = 0;
  for (uint8_t *at = end - STEP; at >= lowest && untouched < UNTOUCHED; at -= STEP) {
    if (is_zero((const uint64_t *)(const void *)at)) {
      untouched += STEP;
    } else {
      wipe(at, STEP);
      untouched = 0;
    }
  }
}

bool stack_aside(void (*run)(void *context), void *context) {
  aside *a = mine();
  if (a == NULL && (a = make()) == NULL) return false;
  uint8_t *const begin = a->next, *const left = a->left;
  if (begin == NULL) {
    run(context);
    return true;
  }
  a->next = NULL;
  sealdex_stack_switch(run, context, begin, &a->left);
  a->next = begin;
  a->left = left;
  wipe_below(a, begin);
  return true;
}

void stack_back(void (*run)(void *context), void *context) {
  aside *a = mine();
  if (a == NULL || a->next != NULL) {
    run(context);
    return;
  }
  uint8_t *const other = a->left, *here;
  const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  a->next = (uint8_t *)((frame - OWN) & ~(uintptr_t)63); /* should it come back meanwhile */
  sealdex_stack_switch(run, context, other - BELOW, &here);
  a->next = NULL;
  a->left = other;
}

#else

bool stack_aside(void (*run)(void *context), void *context) {
  run(context);
  return true;
}

void stack_back(void (*run)(void *context), void *context) { run(context); }

#endif
