// Route "gl-blit": GL draws the producer's picture into a texture of our own, which CUDA maps and
// reads: for layouts that CUDA does not register itself. One GPU context switch and one copy per
// frame.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"
#include "zerocopy/cuda/picture_reader.h"
#include "zerocopy/egl/settings.h"

namespace lumen::egl {

class BlitReader final : public cuda::PictureReader {
 public:
  /// Cheap: EGL is there and can choose a device. Initializes nothing. Error: kUnsupported.
  static Result<void> check();

  /// `context` must be current. Leaves a GL context current on this thread.
  /// Error: kUnsupported, with the cause.
  static Result<std::unique_ptr<cuda::PictureReader>> create(
      std::shared_ptr<const cuda::Context> context, EglSettings settings = {});

  BlitReader(const BlitReader&) = delete;
  ~BlitReader() override;

  [[nodiscard]] std::string_view name() const override { return "gl-blit"; }
  [[nodiscard]] std::string driver() const override;
  [[nodiscard]] std::vector<FormatOffer> offers() const override;
  /// Pictures are kBGRA whatever the producer's order, with alpha 255 where it has none.
  Result<cuda::DevicePicture> open(const CapturedFrame& frame) override;
  Result<void> close() override;

 private:
  struct State;
  explicit BlitReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lumen::egl
