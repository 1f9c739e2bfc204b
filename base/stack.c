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
#define STEP ((size_t)1024)
#define BLOCK ((size_t)1024)
#define UNTOUCHED                                                                                  \
  ((size_t)12 << 10) /* more than a frame has: so many zeros, and none stood below */

typedef struct aside {
  uint8_t *lowest;
  uint8_t *next;    /* where the next call begins; NULL: the thread is on this stack */
  uint8_t *left;    /* the other stack, where it was left */
  uint8_t *deepest; /* above this stands what calls wrote */
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

/* What a call leaves in registers that belong to nobody between calls: the caller would spill it to
 * its own stack, or its dynamic linker would. The compiler may keep nothing in them across this. */
#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void forget_wide(void) {
  __asm__ volatile("vpxord %%zmm16, %%zmm16, %%zmm16\n vmovdqa64 %%zmm16, %%zmm17\n"
                   "vmovdqa64 %%zmm16, %%zmm18\n vmovdqa64 %%zmm16, %%zmm19\n"
                   "vmovdqa64 %%zmm16, %%zmm20\n vmovdqa64 %%zmm16, %%zmm21\n"
                   "vmovdqa64 %%zmm16, %%zmm22\n vmovdqa64 %%zmm16, %%zmm23\n"
                   "vmovdqa64 %%zmm16, %%zmm24\n vmovdqa64 %%zmm16, %%zmm25\n"
                   "vmovdqa64 %%zmm16, %%zmm26\n vmovdqa64 %%zmm16, %%zmm27\n"
                   "vmovdqa64 %%zmm16, %%zmm28\n vmovdqa64 %%zmm16, %%zmm29\n"
                   "vmovdqa64 %%zmm16, %%zmm30\n vmovdqa64 %%zmm16, %%zmm31\n" ::
                       : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
                         "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
}
static void forget_registers(void) {
  if (__builtin_cpu_supports("avx512f")) forget_wide();
  if (__builtin_cpu_supports("avx")) __asm__ volatile("vzeroall");
  __asm__ volatile("pxor %%xmm0, %%xmm0\n pxor %%xmm1, %%xmm1\n pxor %%xmm2, %%xmm2\n"
                   "pxor %%xmm3, %%xmm3\n pxor %%xmm4, %%xmm4\n pxor %%xmm5, %%xmm5\n"
                   "pxor %%xmm6, %%xmm6\n pxor %%xmm7, %%xmm7\n pxor %%xmm8, %%xmm8\n"
                   "pxor %%xmm9, %%xmm9\n pxor %%xmm10, %%xmm10\n pxor %%xmm11, %%xmm11\n"
                   "pxor %%xmm12, %%xmm12\n pxor %%xmm13, %%xmm13\n pxor %%xmm14, %%xmm14\n"
                   "pxor %%xmm15, %%xmm15\n xorl %%ecx, %%ecx\n xorl %%edx, %%edx\n"
                   "xorl %%esi, %%esi\n xorl %%edi, %%edi\n xorl %%r8d, %%r8d\n"
                   "xorl %%r9d, %%r9d\n xorl %%r10d, %%r10d\n xorl %%r11d, %%r11d\n" ::
                       : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                         "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "rcx", "rdx",
                         "rsi", "rdi", "r8", "r9", "r10", "r11", "cc");
}
#else /* v8 to v15 are the caller's, but for their upper halves, which are as they were or zero */
static void forget_registers(void) {
  __asm__ volatile("movi v0.2d, #0\n movi v1.2d, #0\n movi v2.2d, #0\n movi v3.2d, #0\n"
                   "movi v4.2d, #0\n movi v5.2d, #0\n movi v6.2d, #0\n movi v7.2d, #0\n"
                   "movi v16.2d, #0\n movi v17.2d, #0\n movi v18.2d, #0\n movi v19.2d, #0\n"
                   "movi v20.2d, #0\n movi v21.2d, #0\n movi v22.2d, #0\n movi v23.2d, #0\n"
                   "movi v24.2d, #0\n movi v25.2d, #0\n movi v26.2d, #0\n movi v27.2d, #0\n"
                   "movi v28.2d, #0\n movi v29.2d, #0\n movi v30.2d, #0\n movi v31.2d, #0\n" ::
                       : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19",
                         "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                         "v30", "v31");
}
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

static void start_once(void) {
  threads.ready = pthread_key_create(&threads.key, drop) == 0;
}

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
  a->next = a->deepest = (uint8_t *)a;
  return a;
}

static bool is_zero(const uint8_t *from, size_t size) {
  typedef uint64_t pair __attribute__((vector_size(16)));
  const pair *at = (const pair *)(const void *)from, *const end = at + size / sizeof *at;
  pair any = { 0 };
  for (; at < end; at += 8)
    any |= (at[0] | at[1]) | (at[2] | at[3]) | (at[4] | at[5]) | (at[6] | at[7]);
  return (any[0] | any[1]) == 0;
}

/* Wipes what a call has left below `end`. All that was not written to since is zero; so the call
 * did not get below `deepest` where nothing stands in UNTOUCHED bytes below it. */
static void wipe_below(aside *a, uint8_t *end) {
  uint8_t *const bottom = a->lowest + GUARD + UNTOUCHED;
  if (a->deepest > end) a->deepest = end;
  while (a->deepest > bottom && !is_zero(a->deepest - UNTOUCHED, UNTOUCHED)) a->deepest -= STEP;
  if (a->deepest <= bottom) a->deepest = a->lowest + GUARD;
  while (end - a->deepest > (ptrdiff_t)STEP && is_zero(a->deepest, STEP)) a->deepest += STEP;
  for (uint8_t *at = a->deepest; at < end; at += BLOCK) /* small: that is mostly some KiB in all */
    wipe(at, end - at < (ptrdiff_t)BLOCK ? (size_t)(end - at) : BLOCK);
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
  forget_registers();
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
  forget_registers();
  sealdex_stack_switch(run, context, other - BELOW, &here);
  a->next = NULL;
  a->left = other;
}

#else

bool stack_aside(void (*run)(void *context), void *context) {
  run(context);
  return true;
}

void stack_back(void (*run)(void *context), void *context) {
  run(context);
}

#endif
