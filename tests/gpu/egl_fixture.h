// What tests and benchmarks of the EGL routes share: the GPU, a GL producer on it, and a reader of
// either route over the producer's images.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "gpu/gl_producer.h"
#include "support/cuda_readback.h"
#include "support/picture_pattern.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/egl/blit_reader.h"
#include "zerocopy/egl/egl_reader.h"

namespace lumen::test {

enum class EglRoute { kEgl, kBlit, kBlitExternal };

inline std::string to_string(EglRoute route) {
  switch (route) {
    case EglRoute::kEgl: return "egl";
    case EglRoute::kBlit: return "gl_blit";
    case EglRoute::kBlitExternal: return "gl_blit_external";
  }
  return "";
}

/// The first GPU of CUDA, current on this thread. Over the CUDA stand-in, which has none, EGL's
/// software device takes its place.
class EglGpu {
 public:
  /// An error is the reason to skip.
  static Result<std::unique_ptr<EglGpu>> create() {
    auto driver = cuda::load_driver();
    if (!driver) return tl::unexpected(std::move(driver.error()));
    return create(std::move(*driver));
  }
  static Result<std::unique_ptr<EglGpu>> create(std::shared_ptr<const cuda::Driver> loaded) {
    const Result<std::shared_ptr<const cuda::Driver>> driver(std::move(loaded));
    auto devices = cuda::list_devices(**driver);
    if (!devices) return tl::unexpected(std::move(devices.error()));
    std::unique_ptr<EglGpu> gpu(new EglGpu);
    const cuda::DeviceInfo& device = devices->front();
    gpu->stand_in_ = device.name.find("stand-in") != std::string::npos;
    gpu->kind_ = gpu->stand_in_ ? egl::DeviceKind::kSoftware : egl::DeviceKind::kMatchingGpu;
    auto context = cuda::Context::create(*driver, device);
    if (!context) return tl::unexpected(std::move(context.error()));
    gpu->context_ = std::move(*context);
    auto current = gpu->context_->make_current();
    if (!current) return tl::unexpected(std::move(current.error()));
    gpu->current_.emplace(std::move(*current));
    auto producer = GlProducer::create(device, gpu->kind_);
    if (!producer) return tl::unexpected(std::move(producer.error()));
    gpu->producer_ = std::move(*producer);
    return gpu;
  }

  [[nodiscard]] const cuda::Context& context() const { return *context_; }
  [[nodiscard]] const std::shared_ptr<const cuda::Context>& shared_context() const {
    return context_;
  }
  [[nodiscard]] bool stand_in() const { return stand_in_; }
  [[nodiscard]] GlProducer& producer() { return *producer_; }

  [[nodiscard]] egl::EglSettings settings(EglRoute route) const {
    egl::EglSettings settings;
    settings.device = kind_;
    settings.make_image = producer_->make_image();
    settings.image_layouts = {{kModifierLinear, route == EglRoute::kBlitExternal}};
    return settings;
  }
  Result<std::unique_ptr<cuda::PictureReader>> create_reader(EglRoute route) {
    return create_reader(route, settings(route));
  }
  Result<std::unique_ptr<cuda::PictureReader>> create_reader(EglRoute route,
                                                             egl::EglSettings settings) {
    return route == EglRoute::kEgl ? egl::EglReader::create(context_, std::move(settings))
                                   : egl::BlitReader::create(context_, std::move(settings));
  }

  /// How pixels must lie in the texture so that the reader finds a picture of `format`. CUDA sees
  /// the bytes, so they are the format's; GL samples red as red from any dmabuf, and a texture
  /// keeps red first.
  static Fourcc order_in_texture(EglRoute route, Fourcc format) {
    return route == EglRoute::kEgl ? format : Fourcc::kRGBA;
  }

 private:
  EglGpu() = default;
  bool stand_in_ = false;
  egl::DeviceKind kind_ = egl::DeviceKind::kMatchingGpu;
  std::shared_ptr<const cuda::Context> context_;
  std::optional<cuda::Context::Current> current_;
  std::unique_ptr<GlProducer> producer_;
};

}  // namespace lumen::test
