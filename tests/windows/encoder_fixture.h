// lumen's NVENC encoder on a Direct3D 11 device and the NVENC stand-in, fed with the moving test
// picture in textures of a pool. Whatever breaks a rule or is left behind fails the test.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "capture/synthetic/pattern.h"
#include "encode/nvenc/directx_device.h"
#include "encode/nvenc/nvenc_encoder.h"
#include "support/d3d11_device.h"
#include "support/nvenc_dll.h"
#include "support/stream_file.h"
#include "zerocopy/d3d11/texture_pool.h"

namespace lumen::test {

class WindowsEncoder : public testing::Test {
 protected:
  void SetUp() override {
    nvenc.start();
    direct3d = Direct3d::make();
  }
  void TearDown() override {
    close();
    nvenc.finish();
  }

  static EncoderSettings settings(Extent size = {640, 360}) {
    EncoderSettings wanted;
    wanted.size = size;
    wanted.bitrate_bps = 8'000'000;
    wanted.vbv_frames = 3;
    return wanted;
  }

  Result<void> open(const EncoderSettings& wanted) {
    auto driver = nvenc::load_driver();
    if (!driver) return tl::unexpected(driver.error());
    auto device = nvenc::DirectxDevice::create(direct3d.device);
    if (!device) return tl::unexpected(device.error());
    auto opened = nvenc::NvencEncoder::create(std::move(*driver), std::move(*device), wanted,
                                              [this](EncodedFrame frame) {
                                                const std::scoped_lock lock(mutex_);
                                                out_.push_back(std::move(frame));
                                              });
    if (!opened) return tl::unexpected(opened.error());
    encoder = std::move(*opened);
    return draw(wanted.size);
  }
  /// Pictures of that size from now on.
  Result<void> draw(Extent size) {
    auto pool = d3d11::TexturePool::create(direct3d.device, Fourcc::kBGRx, size);
    if (!pool) return tl::unexpected(pool.error());
    pool_ = std::move(*pool);
    painter_ = std::make_unique<PatternPainter>(Fourcc::kBGRx, size);
    pixels_.resize(std::size_t{size.width} * size.height * 4);
    return {};
  }

  static Timestamp time_of(std::uint32_t n) {
    return Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, n);
  }

  Result<Frame> picture(std::uint32_t n) {
    auto texture = pool_->acquire();
    if (!texture) return tl::unexpected(texture.error());
    const Extent size = painter_->size();
    painter_->draw(n, view_pixels(pixels_.data(), Fourcc::kBGRx, size, Pitch{size.width * 4}));
    direct3d.write(texture->texture.get(), pixels_, size.width);
    Frame frame;
    frame.payload = std::move(*texture);
    frame.size = size;
    frame.times.id = n;
    return frame;
  }

  Result<void> encode(std::uint32_t n, const EncodeRequest& request = {}) {
    for (int i = 0; i < 5000; ++i) {
      auto frame = picture(n);
      if (frame) return encoder->encode(*frame, time_of(n), request);
      if (frame.error().kind != ErrorKind::kRetry) return tl::unexpected(frame.error());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // all textures are in flight
    }
    return fail(ErrorKind::kRetry, "no texture comes back");
  }

  std::vector<EncodedFrame> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(out_, {});
  }
  void close() {
    encoder.reset();
    pool_.reset();
  }

  NvencDll nvenc;
  Direct3d direct3d;
  std::unique_ptr<VideoEncoder> encoder;

 private:
  std::unique_ptr<d3d11::TexturePool> pool_;
  std::unique_ptr<PatternPainter> painter_;
  std::vector<std::uint8_t> pixels_;
  std::mutex mutex_;
  std::vector<EncodedFrame> out_;
};

}  // namespace lumen::test
