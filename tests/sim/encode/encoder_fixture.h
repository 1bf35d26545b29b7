// One encoder, fed with the moving test picture in the memory that it likes best.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "encode/encoder_registry.h"
#include "support/test_frames.h"
#include "zerocopy/cuda/gpu.h"
#include "zerocopy/cuda/uploader.h"

namespace lumen::test {

class EncoderFixture {
 public:
  explicit EncoderFixture(std::shared_ptr<cuda::Gpu> gpu) : gpu_(std::move(gpu)) {}

  Result<void> open(const std::string& backend, const EncoderSettings& settings) {
    settings_ = settings;
    auto opened = open_encoder(backend, settings, {.gpu = gpu_}, [this](EncodedFrame frame) {
      const std::scoped_lock lock(mutex_);
      out_.push_back(std::move(frame));
    });
    if (!opened) return tl::unexpected(std::move(opened.error()));
    encoder = std::move(opened->encoder);
    draw(settings.size);
    return {};
  }
  void draw(Extent size) { frames_ = std::make_unique<TestFrames>(encoder->input().format, size); }

  static Timestamp time_of(std::uint32_t n) {
    return Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, n);
  }

  /// Picture `n`, in GPU memory where `memory` says so.
  Result<Frame> picture(std::uint32_t n, FrameMemory memory) {
    Frame frame = frames_->at(n);
    if (memory == FrameMemory::kHost) return frame;
    auto context = gpu_->context();
    if (!context) return tl::unexpected(context.error());
    auto current = (*context)->make_current();
    if (!current) return tl::unexpected(current.error());
    if (!uploader_) uploader_ = std::make_unique<cuda::Uploader>(*context);
    auto buffer = uploader_->upload(std::get<CpuImage>(frame.payload), frame.size);
    if (!buffer) return tl::unexpected(buffer.error());
    frame.payload = std::move(*buffer);
    return frame;
  }
  Result<void> encode(std::uint32_t n, const EncodeRequest& request = {}) {
    return encode(n, request, encoder->input().memory);
  }
  Result<void> encode(std::uint32_t n, const EncodeRequest& request, FrameMemory memory) {
    for (int i = 0; i < 1000; ++i) {
      auto frame = picture(n, memory);
      if (frame) return encoder->encode(*frame, time_of(n), request);
      if (frame.error().kind != ErrorKind::kRetry) return tl::unexpected(frame.error());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // all buffers are in flight
    }
    return fail(ErrorKind::kRetry, "no buffer comes back");
  }
  Frame original(std::uint32_t n) { return frames_->at(n); }

  std::vector<EncodedFrame> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(out_, {});
  }
  std::size_t count() {
    const std::scoped_lock lock(mutex_);
    return out_.size();
  }
  /// Waits for what an encoder with threads of its own still has inside.
  bool wait_for(std::size_t frames) {
    for (int i = 0; i < 10'000 && count() < frames; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return count() >= frames;
  }
  void close() {
    encoder.reset();
    uploader_.reset();
  }

  std::unique_ptr<VideoEncoder> encoder;

 private:
  std::shared_ptr<cuda::Gpu> gpu_;
  EncoderSettings settings_;
  std::unique_ptr<TestFrames> frames_;
  std::unique_ptr<cuda::Uploader> uploader_;
  std::mutex mutex_;
  std::vector<EncodedFrame> out_;
};

}  // namespace lumen::test
