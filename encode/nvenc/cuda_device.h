// NVENC on a CUDA context: frames in pooled CUDA memory are registered where they lie, frames in
// host memory are copied over first.
#pragma once

#include <memory>
#include <optional>

#include "encode/nvenc/buffer_format.h"
#include "encode/nvenc/device.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/cuda/uploader.h"

namespace lumen::nvenc {

class CudaDevice final : public Device {
 public:
  static Result<std::unique_ptr<CudaDevice>> create(std::shared_ptr<const cuda::Context> context);
  ~CudaDevice() override;

  [[nodiscard]] NV_ENC_DEVICE_TYPE type() const override { return NV_ENC_DEVICE_TYPE_CUDA; }
  [[nodiscard]] void* handle() const override { return context_->handle(); }
  [[nodiscard]] FrameMemory memory() const override { return FrameMemory::kCuda; }
  [[nodiscard]] bool takes(Fourcc format) const override {
    return buffer_format(format).has_value();
  }
  Result<Frame> bring(const Frame& frame) override;
  Result<InputResource> resource(const Frame& frame) override;
  Result<void> order(const Driver& driver, void* session) override;

 private:
  explicit CudaDevice(std::shared_ptr<const cuda::Context> context)
      : context_(std::move(context)), uploader_(context_), input_stream_(context_->stream()) {}
  Result<void> enter() override;
  void leave() override;

  std::shared_ptr<const cuda::Context> context_;
  cuda::Uploader uploader_;
  // NVENC keeps pointers to these two.
  CUstream input_stream_;
  CUstream output_stream_ = nullptr;
};

}  // namespace lumen::nvenc
