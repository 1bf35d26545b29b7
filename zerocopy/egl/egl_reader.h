// Route "egl": the producer's dmabuf becomes an EGLImage, CUDA registers it once and then reads the
// producer's memory itself. No copy, no GL, no EGL call per frame.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"
#include "zerocopy/cuda/picture_reader.h"
#include "zerocopy/egl/settings.h"

namespace lumen::egl {

class EglReader final : public cuda::PictureReader {
 public:
  /// Cheap: EGL is there and can choose a device. Initializes nothing. Error: kUnsupported.
  static Result<void> check();

  /// `context` must be current. Leaves a GL context current on this thread.
  /// Error: kUnsupported, with the cause.
  static Result<std::unique_ptr<cuda::PictureReader>> create(
      std::shared_ptr<const cuda::Context> context, EglSettings settings = {});

  EglReader(const EglReader&) = delete;
  ~EglReader() override;

  [[nodiscard]] std::string_view name() const override { return "egl"; }
  [[nodiscard]] std::string driver() const override;
  [[nodiscard]] std::vector<FormatOffer> offers() const override;
  Result<cuda::DevicePicture> open(const CapturedFrame& frame) override;
  Result<void> close() override;
  [[nodiscard]] std::size_t buffers() const override;

 private:
  struct State;
  explicit EglReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lumen::egl
