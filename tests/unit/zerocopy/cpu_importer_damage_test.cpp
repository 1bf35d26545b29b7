// What the CPU route reads of frames whose damage is known.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <random>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "fake_memory.h"
#include "yuv_buffer.h"
#include "zerocopy/cpu/cpu_importer.h"

namespace lumen::cpu {
namespace {

using test::copy_of;
using test::FakeMemory;
using test::shm_frame;
using test::YuvBuffer;

constexpr ColorDescription kBt709{.matrix = ColorMatrix::kBt709};

YuvBuffer picture_of(const Frame& frame) {
  const CpuImage& image = std::get<CpuImage>(frame.payload);
  return copy_of(TargetPicture{image.format, frame.size, image.planes, image.pitches}.readable());
}

/// The first pixel that differs, if any.
std::optional<Rect> difference(const YuvBuffer& a, const YuvBuffer& b, Extent size) {
  for (std::uint32_t y = 0; y < size.height; ++y) {
    for (std::uint32_t x = 0; x < size.width; ++x) {
      if (a.y(x, y) != b.y(x, y) || a.cb(x, y) != b.cb(x, y) || a.cr(x, y) != b.cr(x, y)) {
        return Rect{x, y, {1, 1}};
      }
    }
  }
  return std::nullopt;
}

std::unique_ptr<FrameImporter> importer_for(Extent size, Fourcc format) {
  auto importer = CpuImporter::make({.pool_images = 4});
  EXPECT_TRUE(importer->configure({.size = size, .format = format, .color = kBt709}));
  return importer;
}

/// A producer's screen, drawn into here and there.
class Screen {
 public:
  Screen(Fourcc format, Extent size) : format_(format), size_(size), pitch_(row_bytes() + 12) {
    const std::size_t rows =
        format == Fourcc::kNV12 ? size.height + (size.height + 1) / 2 : std::size_t{size.height};
    memory_ = std::make_shared<FakeMemory>(std::vector<std::uint8_t>(pitch_ * rows));
    for (std::uint8_t& byte : memory_->content()) byte = noise();
  }

  /// Every pixel of `rect`, and NV12's chroma of the blocks that it touches.
  void draw(const Rect& rect) {
    const std::uint32_t bytes = format_ == Fourcc::kNV12 ? 1 : 4;
    for (std::uint32_t y = rect.y; y < rect.y + rect.size.height; ++y) {
      std::uint8_t* const row = memory_->content().data() + std::size_t{y} * pitch_;
      for (std::uint32_t i = 0; i < rect.size.width * bytes; ++i) row[rect.x * bytes + i] = noise();
    }
    if (format_ != Fourcc::kNV12) return;
    for (std::uint32_t y = rect.y / 2; y <= (rect.y + rect.size.height - 1) / 2; ++y) {
      std::uint8_t* const row = memory_->content().data() + std::size_t{size_.height + y} * pitch_;
      const std::uint32_t end = (rect.x + rect.size.width + 1) / 2 * 2;
      for (std::uint32_t i = rect.x / 2 * 2; i < end; ++i) row[i] = noise();
    }
  }
  [[nodiscard]] CapturedFrame frame(const Rect& crop, const Damage& damage) const {
    CapturedFrame frame = shm_frame(format_, size_, pitch_, memory_);
    frame.crop = crop;
    frame.damage = damage;
    return frame;
  }
  Rect any_rect() {
    const std::uint32_t x = any(size_.width);
    const std::uint32_t y = any(size_.height);
    return {x, y, {1 + any(size_.width - x), 1 + any(size_.height - y)}};
  }
  unsigned any(unsigned below) { return static_cast<unsigned>(random_() % below); }

 private:
  [[nodiscard]] std::uint32_t row_bytes() const {
    return format_ == Fourcc::kNV12 ? (size_.width + 1) / 2 * 2 : size_.width * 4;
  }
  std::uint8_t noise() { return static_cast<std::uint8_t>(random_()); }

  Fourcc format_;
  Extent size_;
  std::uint32_t pitch_;
  std::shared_ptr<FakeMemory> memory_;
  std::minstd_rand random_{7};
};

Damage damage_of(const Rect& rect) {
  Damage damage = Damage::nothing();
  damage.add(rect);
  return damage;
}

class HonestDamage : public testing::TestWithParam<std::tuple<Fourcc, Fourcc, bool, bool>> {};

// With an encoder that holds some frames and drops others, as it likes.
TEST_P(HonestDamage, GivesThePictureThatReadingEverythingGives) {
  const auto [source, target, odd, scaled] = GetParam();
  const Extent size = odd ? Extent{131, 77} : Extent{160, 96};
  const Rect crop = odd ? Rect{6, 4, {121, 71}} : Rect{0, 0, size};
  const Extent own{(crop.size.width + 1) / 2 * 2, (crop.size.height + 1) / 2 * 2};
  const Extent wanted = scaled ? Extent{96, 64} : own;
  Screen screen(source, size);
  const auto importer = importer_for(wanted, target);
  std::array<std::optional<Frame>, 3> held;
  for (int n = 0; n < 60; ++n) {
    Damage damage = Damage::nothing();
    for (unsigned i = screen.any(4); i > 0; --i) {
      const Rect rect = screen.any_rect();
      screen.draw(rect);
      damage.add(rect);
    }
    const auto frame = importer->import(screen.frame(crop, damage));
    ASSERT_TRUE(frame) << frame.error().describe();
    const auto whole = importer_for(wanted, target)->import(screen.frame(crop, {}));
    ASSERT_TRUE(whole);
    const auto wrong = difference(picture_of(*frame), picture_of(*whole), wanted);
    ASSERT_FALSE(wrong) << "frame " << n << " at " << wrong->x << ", " << wrong->y;
    held.at(screen.any(held.size())) = *frame;
    if (screen.any(3) == 0) held.at(screen.any(held.size())).reset();
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, HonestDamage,
                         testing::Combine(testing::Values(Fourcc::kBGRx, Fourcc::kNV12),
                                          testing::Values(Fourcc::kNV12, Fourcc::kI420,
                                                          Fourcc::kI444, Fourcc::kP010,
                                                          Fourcc::kQ410),
                                          testing::Bool(), testing::Bool()));

constexpr Extent kSize{64, 32};
constexpr Rect kAll{0, 0, kSize};
constexpr Rect kCorner{48, 16, {16, 16}};

/// Frames that all say that nothing but the corner has changed, though everything has.
class CoveredUp : public testing::Test {
 protected:
  Frame import(const Damage& damage) {
    auto frame = importer_->import(next(damage));
    EXPECT_TRUE(frame);
    return std::move(*frame);
  }
  CapturedFrame next(const Damage& damage) {
    screen_.draw(kAll);
    return screen_.frame(kAll, damage);
  }
  static bool same_outside(const YuvBuffer& a, const YuvBuffer& b) {
    return !difference(a, b, {kCorner.x, kSize.height});
  }

  Screen screen_{Fourcc::kBGRx, kSize};
  std::unique_ptr<FrameImporter> importer_ = importer_for(kSize, Fourcc::kNV12);
};

TEST_F(CoveredUp, OnlyWhatIsSaidToHaveChangedIsRead) {
  const YuvBuffer first = picture_of(import({}));
  const YuvBuffer second = picture_of(import(damage_of(kCorner)));
  EXPECT_TRUE(same_outside(first, second));
  EXPECT_NE(first.y(60, 30), second.y(60, 30));
  EXPECT_FALSE(same_outside(second, picture_of(import({})))) << "nothing said: everything is read";
}

TEST_F(CoveredUp, AnImageThatNeverHeldAPictureIsReadInFull) {
  const Frame first = import({});
  const Frame second = import(damage_of(kCorner));
  EXPECT_FALSE(same_outside(picture_of(first), picture_of(second)));
}

TEST_F(CoveredUp, EverythingIsReadAfterAChangeOfWhatIsShown) {
  for (int what = 0; what < 4; ++what) {
    const YuvBuffer before = picture_of(import({}));
    CapturedFrame frame = next(damage_of(kCorner));
    if (what == 0) frame.format = Fourcc::kRGBx;
    if (what == 1) frame.color.primaries = ColorPrimaries::kBt2020;
    if (what == 2) frame.crop = {0, 0, {kSize.width - 1, kSize.height}};
    if (what == 3) {
      ASSERT_TRUE(importer_->configure({.size = kSize, .color = kBt709}));
    }
    const auto after = importer_->import(std::move(frame));
    ASSERT_TRUE(after);
    EXPECT_FALSE(same_outside(before, picture_of(*after))) << what;
  }
}

// What was read of a frame before its memory was taken away is read again.
TEST_F(CoveredUp, AFrameThatCouldNotBeReadIsOwed) {
  (void)import({});
  CapturedFrame lost = next(damage_of(kAll));
  std::get<ShmImage>(lost.image).memory = nullptr;
  ASSERT_FALSE(importer_->import(std::move(lost)));
  const YuvBuffer after = picture_of(import(damage_of(kCorner)));
  const auto whole = importer_for(kSize, Fourcc::kNV12)->import(screen_.frame(kAll, {}));
  EXPECT_FALSE(difference(after, picture_of(*whole), kSize));
}

}  // namespace
}  // namespace lumen::cpu
