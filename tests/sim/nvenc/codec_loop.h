// LUMEN_SIM_NVENC_ENCODE=nothing: one real IDR picture and a loop of 16 pictures that change
// nothing, recorded at the first picture and handed out again and again. The stream stays valid,
// since 4 bits of picture number go round in that loop; it shows the first picture for ever. Meant
// for measuring the client's own cost.
#pragma once

#include <array>
#include <memory>

#include "codec.h"

namespace lumen::sim::nvenc {

class LoopCodec : public Codec {
 public:
  static constexpr std::size_t kLoop = 16;

  static std::unique_ptr<Codec> make(const StreamConfig& config);
  std::vector<std::uint8_t> headers() override { return codec_->headers(); }
  std::optional<CodedPicture> encode(const Picture& picture, const PictureOrder& order) override;
  bool change_rate(const StreamConfig&) override { return true; }
  bool invalidate(std::int64_t) override { return false; }
  [[nodiscard]] bool recorded() const { return recorded_; }

 private:
  explicit LoopCodec(std::unique_ptr<Codec> codec) : codec_(std::move(codec)) {}
  bool record(const Picture& picture);

  std::unique_ptr<Codec> codec_;
  bool recorded_ = false;
  CodedPicture key_;
  std::array<CodedPicture, kLoop> loop_;
  std::size_t next_ = 0;
};

}  // namespace lumen::sim::nvenc
