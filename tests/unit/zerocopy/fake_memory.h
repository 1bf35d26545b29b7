// Host memory of a producer that isn't there, and frames that lie in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "capture/captured_frame.h"

namespace lumen::test {

/// Host memory that notes when it is read, and can be revoked.
class FakeMemory final : public HostMemory {
 public:
  explicit FakeMemory(std::vector<std::uint8_t> content, std::vector<std::string>* events = nullptr)
      : content_(std::move(content)), events_(events) {}
  ReadScope read() override {
    if (revoked) return {};
    note("read");
    return {this, std::as_bytes(std::span(content_))};
  }
  bool revoked = false;
  [[nodiscard]] std::vector<std::uint8_t>& content() { return content_; }

 private:
  void end_read() noexcept override { note("end read"); }
  void note(const char* event) {
    if (events_ != nullptr) events_->emplace_back(event);
  }
  std::vector<std::uint8_t> content_;
  std::vector<std::string>* events_;
};

class FakeReturn final : public LeaseReturn {
 public:
  explicit FakeReturn(std::vector<std::string>* events) : events_(events) {}
  void give_back(std::uint64_t token) noexcept override {
    events_->push_back("give back " + std::to_string(token));
  }

 private:
  std::vector<std::string>* events_;
};

/// All of `memory`; NV12's chroma follows the luma.
inline CapturedFrame shm_frame(Fourcc format, Extent size, std::uint32_t pitch,
                               std::shared_ptr<HostMemory> memory) {
  ShmImage image{std::move(memory), {}};
  image.planes[0].pitch = Pitch{pitch};
  image.planes[1] = {pitch * size.height, Pitch{pitch}};
  CapturedFrame frame;
  frame.image = std::move(image);
  frame.format = format;
  frame.size = size;
  frame.crop = {0, 0, size};
  frame.times.id = 77;
  frame.times.mark(Stage::kProduced);
  return frame;
}

}  // namespace lumen::test
