// Stand-ins for dmabufs on a machine without any: memfds, and a recording DMA_BUF_IOCTL_SYNC.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/dmabuf_memory.h"
#include "zerocopy/cpu/dmabuf_mapping.h"

namespace lumen::test {

inline UniqueFd make_memfd(const std::vector<std::uint8_t>& content) {
  auto fd = UniqueFd::take(::memfd_create("lumen-test", MFD_CLOEXEC));
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = ::write(fd.borrow(), content.data() + written, content.size() - written);
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  return fd;
}

inline std::shared_ptr<const DmaBufMemory> make_dmabuf_memory(std::initializer_list<int> fds) {
  std::array<int, 4> array{};
  std::copy(fds.begin(), fds.end(), array.begin());
  auto memory = DmaBufMemory::create(array, static_cast<unsigned>(fds.size()));
  return memory ? std::make_shared<const DmaBufMemory>(std::move(*memory)) : nullptr;
}

/// Records the order of calls as "start N" and "end N", N counting the fds in order of appearance.
class SyncRecorder {
 public:
  std::vector<std::string> calls;
  std::vector<int> answers;  // errno codes for the next calls, in order; then 0

  [[nodiscard]] cpu::DmaBufSync function() {
    return [this](int fd, std::uint64_t flags) { return record(fd, flags); };
  }

 private:
  int record(int fd, std::uint64_t flags) {
    std::size_t index = 0;
    while (index < fds_.size() && fds_[index] != fd) ++index;
    if (index == fds_.size()) fds_.push_back(fd);
    std::string name = "unknown flags";
    if (flags == (DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ)) name = "start";
    if (flags == (DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ)) name = "end";
    int answer = 0;
    if (!answers.empty()) {
      answer = answers.front();
      answers.erase(answers.begin());
    }
    calls.push_back(name + " " + std::to_string(index) + (answer != 0 ? " failed" : ""));
    return answer;
  }
  std::vector<int> fds_;
};

/// Whether the page at this address is mapped: msync(2) answers ENOMEM where nothing is.
inline bool is_mapped(const std::byte* page) {
  return ::msync(const_cast<std::byte*>(page), 1, MS_ASYNC) == 0;
}

}  // namespace lumen::test
