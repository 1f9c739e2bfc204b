/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arena.h - memory for plaintext: an allocator that wipes what it gives back, and a store of short
 * strings at stable addresses. Both throw std::bad_alloc.
 */
#ifndef SEALDEX_TEXT_ARENA_H
#define SEALDEX_TEXT_ARENA_H

#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

extern "C" {
#include "base/extent.h"
#include "base/plain.h"
#include "base/wipe.h"
}

namespace text {

template <class T> struct wiping {
  using value_type = T;
  wiping() = default;
  template <class U> wiping(const wiping<U> &) {}
  T *allocate(size_t n) {
    void *p = plain_array(n, sizeof(T));
    if (p == nullptr) throw std::bad_alloc();
    return static_cast<T *>(p);
  }
  void deallocate(T *p, size_t n) { plain_free_written(p, n * sizeof(T)); }
  bool operator==(const wiping &) const { return true; }
  bool operator!=(const wiping &) const { return false; }
};

template <class T> using secret_vector = std::vector<T, wiping<T>>;
using secret_string = std::basic_string<char, std::char_traits<char>, wiping<char>>;

/* An array that may grow large, of what can be copied as bytes. `bytes` is what it takes in memory. */
template <class T> class secret_pages {
  static_assert(std::is_trivially_copyable<T>::value, "moved as bytes");

public:
  secret_pages() = default;
  secret_pages(const secret_pages &) = delete;
  secret_pages &operator=(const secret_pages &) = delete;
  ~secret_pages() { reset(); }

  T &operator[](size_t i) { return data()[i]; }
  const T &operator[](size_t i) const { return data()[i]; }
  T *begin() { return data(); }
  T *end() { return data() + size_; }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(T); }
  /* Room for `more`: so many pushes cannot fail. */
  void reserve_more(size_t more) {
    if (!extent_reserve(&extent_, size_ * sizeof(T), (size_ + more) * sizeof(T)))
      throw std::bad_alloc();
  }
  void push_back(const T &v) {
    reserve_more(1);
    data()[size_++] = v;
  }
  void append(const T *from, size_t count) {
    reserve_more(count);
    memcpy(static_cast<void *>(data() + size_), from, count * sizeof(T));
    size_ += count;
  }
  void reset() {
    extent_free(&extent_, size_ * sizeof(T));
    size_ = 0;
  }

private:
  T *data() const { return static_cast<T *>(extent_.at); }
  extent extent_ = { nullptr, 0 };
  size_t size_ = 0;
};

/* Strings of at most 248 bytes, each readable 8 bytes past its end (zeros, or its neighbour). */
class arena {
public:
  arena() = default;
  arena(const arena &) = delete;
  arena &operator=(const arena &) = delete;
  ~arena() { reset(); }

  uint32_t put(std::string_view s) {
    if (chunks_.empty() || s.size() + 8 > CHUNK - used_) grow();
    char *to = chunks_.back() + used_;
    memcpy(to, s.data(), s.size());
    memset(to + s.size(), 0, 8);
    const uint32_t offset = static_cast<uint32_t>((chunks_.size() - 1) * CHUNK + used_);
    used_ += s.size();
    return offset;
  }
  const char *at(uint32_t offset) const { return chunks_[offset / CHUNK] + offset % CHUNK; }
  size_t bytes() const { return chunks_.size() * CHUNK; }
  void reset() {
    for (char *chunk : chunks_) plain_free(chunk);
    chunks_.clear();
    used_ = 0;
  }

private:
  static constexpr size_t CHUNK = 1 << 15;
  void grow() {
    if (chunks_.size() >= UINT32_MAX / CHUNK) throw std::bad_alloc();
    chunks_.reserve(chunks_.size() + 1);
    char *chunk = static_cast<char *>(plain_alloc(CHUNK));
    if (chunk == nullptr) throw std::bad_alloc();
    chunks_.push_back(chunk);
    used_ = 0;
  }
  std::vector<char *> chunks_;
  size_t used_ = 0; /* of the last chunk */
};

} // namespace text

#endif
