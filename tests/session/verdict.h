// What a viewer would say of the synthetic source's pictures that arrived.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "capture/synthetic/barcode.h"
#include "capture/synthetic/pattern.h"
#include "harness/decode.h"

namespace lumen::session {

inline std::optional<std::uint32_t> number_of(const DecodedFrame& frame) {
  return barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size);
}

/// The frame that the barcode names, as BT.709 limited NV12 would have it.
class Reference {
 public:
  explicit Reference(Extent size)
      : painter_(Fourcc::kBGRx, size), bytes_(size.width * size.height * 4) {
    view_ = view_pixels(bytes_.data(), Fourcc::kBGRx, size, Pitch{size.width * 4});
    painter_.draw_static(view_);
  }

  /// Luma PSNR of a decoded frame against the drawing, with the luma computed in double precision.
  double psnr(std::uint32_t number, const DecodedFrame& frame) {
    painter_.draw_moving(number, view_);
    double squares = 0;
    for (std::size_t i = 0; i < frame.luma.size(); ++i) {
      const std::uint8_t* p = &bytes_[i * 4];
      const double luma = 16 + 219.0 / 255 * (0.0722 * p[0] + 0.7152 * p[1] + 0.2126 * p[2]);
      squares += (luma - frame.luma[i]) * (luma - frame.luma[i]);
    }
    const double mean = squares / static_cast<double>(frame.luma.size());
    return 10 * std::log10(255.0 * 255.0 / mean);
  }

 private:
  PatternPainter painter_;
  std::vector<std::uint8_t> bytes_;
  PixelsView view_;
};

/// The inner part of each patch from `first` up to before `end` has the colour that was drawn.
inline void expect_patches(const DecodedFrame& frame, unsigned first = 0,
                           unsigned end = kPatchCount) {
  for (unsigned i = first; i < end; ++i) {
    Rect inner = patch_rect(i, frame.size);
    inner.x += inner.size.width / 4;
    inner.y += inner.size.height / 4;
    inner.size = {inner.size.width / 2, inner.size.height / 2};
    const auto mean = mean_rgb(frame, inner);
    ASSERT_TRUE(mean) << mean.error().describe();
    EXPECT_NEAR(mean->red, patch_color(i).r, 4) << "patch " << i << ", frame " << frame.index;
    EXPECT_NEAR(mean->green, patch_color(i).g, 4) << "patch " << i << ", frame " << frame.index;
    EXPECT_NEAR(mean->blue, patch_color(i).b, 4) << "patch " << i << ", frame " << frame.index;
  }
}

/// What a viewer would complain about: frames lost, doubled, swapped, blurred or in wrong colours.
struct Verdict {
  std::vector<std::uint32_t> numbers;
  std::vector<std::int64_t> times_ns;
  double worst_psnr = 1e9;
  std::string codec;       // as libavcodec names it
  unsigned bit_depth = 0;  // of the newest
};

inline Verdict watch(const std::string& location, Extent size, unsigned compare_every) {
  Verdict verdict;
  Reference reference(size);
  const auto video = decode_video(location, [&](DecodedFrame&& frame) {
    ASSERT_EQ(frame.size, size);
    const auto number = number_of(frame);
    ASSERT_TRUE(number) << "frame " << frame.index << " has no readable barcode";
    verdict.numbers.push_back(*number);
    verdict.times_ns.push_back(frame.pts_ns);
    verdict.bit_depth = frame.bit_depth;
    if (frame.index % compare_every != 0) return;
    verdict.worst_psnr = std::min(verdict.worst_psnr, reference.psnr(*number, frame));
    expect_patches(frame);
  });
  EXPECT_TRUE(video) << video.error().describe();
  if (video) verdict.codec = video->codec;
  EXPECT_EQ(video ? video->errors : 1U, 0U) << "the decoder complained";
  return verdict;
}

/// Where pictures are missing: "2 after the 17th, …", counted from the first that came.
inline std::string gaps(const Verdict& verdict) {
  std::string text;
  for (std::size_t i = 1; i < verdict.numbers.size(); ++i) {
    const std::uint32_t missing = verdict.numbers[i] - verdict.numbers[i - 1] - 1;
    if (missing != 0) text += std::to_string(missing) + " after the " + std::to_string(i) + "th, ";
  }
  return text;
}

inline void expect_delivered(const Verdict& verdict, std::uint64_t frames) {
  ASSERT_FALSE(verdict.numbers.empty());
  for (std::size_t i = 1; i < verdict.numbers.size(); ++i) {
    ASSERT_GT(verdict.numbers[i], verdict.numbers[i - 1]) << "doubled or swapped at " << i;
  }
  const std::uint64_t span = verdict.numbers.back() - verdict.numbers.front() + 1;
  const std::uint64_t lost = span - verdict.numbers.size();
  EXPECT_LE(lost, frames / 200) << "at most 0.5% may be lost: " << gaps(verdict);
  EXPECT_GE(verdict.numbers.size() + frames / 200, frames);
  EXPECT_GE(verdict.worst_psnr, 35.0);
}

}  // namespace lumen::session
