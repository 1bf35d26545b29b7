// Pictures with known content, and what became of them: for tests of the stand-in. A decoder
// belongs to the test that made it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <ffnvcodec/nvEncodeAPI.h>

struct AVCodecContext;
struct AVFrame;
struct AVPacket;

namespace lumen::sim::nvenc::testing {

using Bytes = std::vector<std::uint8_t>;

/// 4:2:0 of 8 bits, or what a decoder gave scaled down to that.
struct Yuv {
  int width = 0;
  int height = 0;
  Bytes y;
  Bytes u;
  Bytes v;
};

/// BGRA in memory: gradients and a box that moves with `number`.
Bytes scene(int width, int height, int number);
/// What red and blue weigh in luma (H.273, Kr and Kb).
struct Matrix {
  double red;
  double blue;
};
inline constexpr Matrix kBt709{0.2126, 0.0722};
inline constexpr Matrix kBt601{0.299, 0.114};
/// Limited range, in floating point.
Yuv to_yuv(const Bytes& bgra, int width, int height, Matrix matrix = kBt709);
/// The scene as NVENC's format has it, rows without gaps. `rows`: of a plane of full height.
Bytes pixels(NV_ENC_BUFFER_FORMAT format, int width, int height, int number);
std::size_t row_bytes(NV_ENC_BUFFER_FORMAT format, int width);
/// Rows of row_bytes() in all planes together.
std::size_t total_rows(NV_ENC_BUFFER_FORMAT format, int height);

/// Of all samples together, in dB.
double psnr(const Yuv& a, const Yuv& b);

class Decoder {
 public:
  /// "h264" or "hevc". `tolerant`: goes on after errors, with what it has.
  explicit Decoder(const char* name, bool tolerant = false);
  Decoder(const Decoder&) = delete;
  ~Decoder();
  /// Pictures that come out now; a stream without reordering gives one for one.
  std::vector<Yuv> decode(std::span<const std::uint8_t> unit);
  std::vector<Yuv> finish();
  /// Of the newest picture, as the decoder says it.
  [[nodiscard]] const AVFrame& last() const { return *frame_; }
  [[nodiscard]] const AVCodecContext& context() const { return *context_; }
  [[nodiscard]] int errors() const { return errors_; }

 private:
  std::vector<Yuv> receive();

  AVCodecContext* context_ = nullptr;
  AVFrame* frame_ = nullptr;
  AVFrame* kept_ = nullptr;
  AVPacket* packet_ = nullptr;
  int errors_ = 0;
};

/// Types of the NAL units in an Annex B unit.
std::vector<int> nal_types(std::span<const std::uint8_t> unit, bool hevc);

}  // namespace lumen::sim::nvenc::testing
