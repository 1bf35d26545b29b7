// Reading dmabufs with the CPU: mapped once per buffer, bracketed by DMA_BUF_IOCTL_SYNC per read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "capture/dmabuf_memory.h"
#include "core/error.h"

namespace lumen::cpu {

/// DMA_BUF_IOCTL_SYNC with these flags (linux/dma-buf.h); returns 0 or an errno code.
using DmaBufSync = std::function<int(int fd, std::uint64_t flags)>;

/// The kernel's. Answers ENOTTY for an fd that is no dmabuf.
int sync_dmabuf(int fd, std::uint64_t flags);

/// Maps dmabufs for reading and keeps the mappings for as long as the producer's buffers live: an
/// entry goes when a later read() finds its DmaBufMemory gone. One thread.
class DmaBufReader {
 private:
  struct Mapping;

 public:
  /// CPU access to one buffer, from START|READ to END|READ. Must not outlive the reader.
  class Scope {
   public:
    Scope(Scope&&) noexcept = default;
    Scope& operator=(Scope&&) = delete;
    ~Scope();

    /// The whole dmabuf that a plane lies in; planes of one dmabuf give the same bytes.
    [[nodiscard]] std::span<const std::byte> bytes(unsigned plane) const;

   private:
    friend class DmaBufReader;
    explicit Scope(const DmaBufSync& sync) : sync_(&sync) {}
    const DmaBufSync* sync_;
    std::shared_ptr<const DmaBufMemory> memory_;
    std::shared_ptr<const Mapping> mapping_;
    std::vector<int> begun_;  // fds whose END is due
  };

  explicit DmaBufReader(DmaBufSync sync = sync_dmabuf);
  ~DmaBufReader();
  DmaBufReader(const DmaBufReader&) = delete;
  DmaBufReader& operator=(const DmaBufReader&) = delete;

  /// Errors: kFormatRejected, this buffer can't be read by mapping it (no dmabuf at all, an
  /// exporter without mmap, a size that nobody tells): negotiate another kind of memory.
  Result<Scope> read(std::shared_ptr<const DmaBufMemory> memory);

 private:
  struct Entry {
    std::weak_ptr<const DmaBufMemory> memory;
    std::shared_ptr<const Mapping> mapping;
  };

  Result<std::shared_ptr<const Mapping>> mapping_of(
      const std::shared_ptr<const DmaBufMemory>& memory);

  DmaBufSync sync_;
  std::vector<Entry> entries_;
};

}  // namespace lumen::cpu
