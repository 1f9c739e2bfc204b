/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sanitized.h - whether a sanitizer watches memory or threads: then they stay what it knows. */
#ifndef SEALDEX_BASE_SANITIZED_H
#define SEALDEX_BASE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
