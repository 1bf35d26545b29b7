// The Vulkan route: a producer's dmabuf becomes Vulkan memory, and that, or one copy of it made
// beside CUDA's work, is CUDA memory. Takes LINEAR buffers and every tiled layout that the driver
// imports.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/cuda/picture_reader.h"
#include "zerocopy/vulkan/copy_queue.h"
#include "zerocopy/vulkan/device.h"

namespace lumen::vulkan {

enum class InPlace {
  kAuto,   // LINEAR memory is read where it lies if the driver lets imported memory be exported
  kNever,  // always copy
};

struct VulkanReaderSettings {
  SourceMemory source = SourceMemory::kDmaBuf;
  QueueKind queue = QueueKind::kAuto;
  InPlace in_place = InPlace::kAuto;
  std::optional<Ordering> ordering;           // empty: the best that the drivers have
  unsigned pool_limit = 8;                    // copies that may be kept at a time; at least 1
  std::chrono::milliseconds patience{2'000};  // for the GPU and for the producer's fences
  std::string loader = "libvulkan.so.1";
};

/// See PictureReader for threads and errors. A copied picture may be kept (DevicePicture::keep);
/// with pool_limit of them kept, open() answers kRetry.
class VulkanReader final : public cuda::PictureReader {
 public:
  /// Whether there is a Vulkan loader at all. Cheap: starts nothing.
  static Result<void> check();

  /// The context must be current. Proves that Vulkan memory reaches CUDA before it succeeds.
  /// Errors: kUnsupported, with the reason in plain words.
  static Result<std::unique_ptr<cuda::PictureReader>> create(
      std::shared_ptr<const cuda::Context> context, VulkanReaderSettings settings);
  ~VulkanReader() override;

  [[nodiscard]] std::string_view name() const override { return "vulkan"; }
  [[nodiscard]] std::string driver() const override;
  [[nodiscard]] std::vector<FormatOffer> offers() const override;
  Result<cuda::DevicePicture> open(const CapturedFrame& frame) override;
  Result<void> close() override;

  /// "transfer queue, timeline semaphore, one copy", for people.
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] QueueKind queue_kind() const;
  [[nodiscard]] Ordering ordering() const;
  [[nodiscard]] bool reads_in_place() const;       // LINEAR buffers, as far as known
  [[nodiscard]] std::size_t import_count() const;  // buffers held
  [[nodiscard]] std::size_t pool_size() const;     // copies allocated

 private:
  struct State;
  explicit VulkanReader(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace lumen::vulkan
