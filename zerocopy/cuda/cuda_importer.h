// The GPU routes: a PictureReader makes the producer's dmabuf readable, one kernel brings it into a
// pooled buffer in the size and colours that the encoder wants.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zerocopy/cuda/buffer_pool.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/cuda/converter.h"
#include "zerocopy/cuda/picture_reader.h"
#include "zerocopy/cuda/pinned_pool.h"
#include "zerocopy/cuda/stream_release.h"
#include "zerocopy/frame_importer.h"

namespace lumen::cuda {

/// Takes dmabufs only. The CPU waits for the GPU only where the encoder reads host memory
/// (readback); otherwise the frame is handed on while the GPU still works, and the producer's
/// buffer goes back by itself when the GPU has read it.
class CudaImporter final : public FrameImporter {
 public:
  static Result<std::unique_ptr<CudaImporter>> create(std::shared_ptr<const Context> context,
                                                      std::unique_ptr<PictureReader> reader);
  ~CudaImporter() override;

  [[nodiscard]] std::vector<FormatOffer> offers() const override { return offers_; }
  /// As PictureReader::driver().
  [[nodiscard]] std::string driver() const { return reader_->driver(); }
  /// Offers formats of so many bits with no other modifiers than these from now on.
  void keep_only(std::span<const Modifier> modifiers, unsigned bits);
  Result<void> configure(const ImportTarget& target) override;
  Result<Frame> import(CapturedFrame captured) override;
  [[nodiscard]] std::string_view route() const override { return route_; }
  /// Of what the encoder holds: page-locked images with readback, else GPU buffers.
  [[nodiscard]] PoolStatus pool() const override;

 private:
  CudaImporter(std::shared_ptr<const Context> context, std::unique_ptr<PictureReader> reader);

  /// Queues everything that makes the GPU's part of the frame.
  Result<CudaBuffer> convert(const DevicePicture& picture, const Rect& visible);
  [[nodiscard]] bool fits_in_place(const DevicePicture& picture, const Rect& visible) const;
  Frame hand_on(const DevicePicture& picture, CapturedFrame captured);
  Result<CpuImage> read_back(const CudaBuffer& buffer);

  std::shared_ptr<const Context> context_;
  std::unique_ptr<PictureReader> reader_;
  std::vector<FormatOffer> offers_;
  std::unique_ptr<Converter> converter_;
  StreamRelease releases_;
  CUevent finished_ = nullptr;  // sleeps, does not spin
  ImportTarget target_;
  std::shared_ptr<std::atomic<unsigned>> in_place_;  // pictures that are out as the producer's own
  std::unique_ptr<BufferPool> buffers_;              // null before configure()
  std::unique_ptr<PinnedPool> images_;               // readback only
  std::string route_;
};

}  // namespace lumen::cuda
