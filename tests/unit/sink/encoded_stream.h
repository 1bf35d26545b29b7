// Real access units for the sinks' tests, made by the software encoder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "encode/encoded_frame.h"
#include "encode/video_encoder.h"

namespace lumen::test {

struct StreamWish {
  Codec codec = Codec::kH264;
  Extent size{320, 180};
  FrameRate rate{60, 1};
  unsigned frames = 60;
  unsigned key_interval = 30;
  Profile profile = Profile::kAuto;
  std::string preset{};  // empty: the encoder's default
  ColorDescription color{};
};

/// The frames of one encoder instance, in order, the first a key frame. Throws std::runtime_error
/// where the encoder is missing.
std::vector<EncodedFrame> encode_stream(const StreamWish& wish);

/// A directory of its own for each use, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace lumen::test
