// Memory whose first byte after the end (or last byte before the start) faults when touched.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

namespace lumen::test {

class GuardedBuffer {
 public:
  enum class Edge { kEnd, kStart };

  explicit GuardedBuffer(std::size_t size, Edge edge = Edge::kEnd) : size_(size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t inner = (size + page - 1) / page * page;
    mapped_ = inner + 2 * page;
    base_ = static_cast<std::uint8_t*>(
        ::mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ::mprotect(base_ + page, inner, PROT_READ | PROT_WRITE);
    data_ = edge == Edge::kEnd ? base_ + page + inner - size : base_ + page;
  }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer() { ::munmap(base_, mapped_); }

  [[nodiscard]] std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::size_t mapped_ = 0;
  std::uint8_t* base_ = nullptr;
  std::uint8_t* data_ = nullptr;
};

}  // namespace lumen::test
