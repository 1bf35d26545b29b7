// The synthetic source's few picture buffers. They belong to the ring; a lease borrows one. Frames
// that are still out keep the ring alive after the source is gone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "capture/captured_frame.h"
#include "capture/synthetic/pattern.h"
#include "core/error.h"

namespace lumen {

/// Of the pattern in that format: sRGB, or BT.709 of limited range.
ColorDescription pattern_color(Fourcc format);

class SyntheticRing final : public LeaseReturn, public std::enable_shared_from_this<SyntheticRing> {
 public:
  static constexpr std::size_t kBuffers = 4;

  /// Fails with kIo where the memory can't be had.
  static Result<std::shared_ptr<SyntheticRing>> create(Fourcc format, Extent size);

  /// Draws picture `number` into a free buffer. Nothing: all are leased. Source thread only.
  /// Image, format, size, crop, colour and lease are set; the times are the caller's.
  std::optional<CapturedFrame> draw(std::uint32_t number);

  [[nodiscard]] Fourcc format() const { return painter_.format(); }

  /// Any thread.
  void give_back(std::uint64_t token) noexcept override;
  [[nodiscard]] std::uint64_t leases_out() const;

 private:
  /// Never revoked: the bytes live as long as this object.
  class Pixels final : public HostMemory {
   public:
    explicit Pixels(std::size_t bytes) : bytes_(bytes) {}
    ReadScope read() override { return {this, bytes_}; }
    std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(bytes_.data()); }

   private:
    void end_read() noexcept override {}
    std::vector<std::byte> bytes_;
  };

  struct Buffer {
    std::shared_ptr<Pixels> pixels;
    std::atomic<bool> leased = false;
  };

  SyntheticRing(Fourcc format, Extent size);

  PatternPainter painter_;
  Pitch pitch_;
  std::array<Buffer, kBuffers> buffers_;
};

}  // namespace lumen
