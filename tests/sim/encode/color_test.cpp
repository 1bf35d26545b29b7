// The colours that the source names are the ones that the player is told, whichever way NVENC is
// driven. On the NVENC stand-in.
#include <array>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "app/pipeline/encode_loop.h"
#include "sim/encode/stand_ins.h"
#include "support/test_frames.h"

namespace lumen {
namespace {

constexpr Extent kSize{160, 96};

class PlainMemory final : public HostMemory {
 public:
  explicit PlainMemory(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] ReadScope read() override { return {this, bytes_}; }

 protected:
  void end_read() noexcept override {}

 private:
  std::vector<std::byte> bytes_;
};

CapturedFrame captured(Fourcc format, const ColorDescription& color) {
  const PatternPainter painter(format, kSize);
  const Pitch pitch{format == Fourcc::kNV12 ? kSize.width : kSize.width * 4};
  std::vector<std::byte> bytes(picture_bytes(format, kSize.height, pitch));
  painter.draw(7, view_pixels(reinterpret_cast<std::uint8_t*>(bytes.data()), format, kSize, pitch));
  ShmImage image;
  image.memory = std::make_shared<PlainMemory>(std::move(bytes));
  image.planes[0] = {0, pitch};
  image.planes[1] = {pitch.bytes * kSize.height, pitch};
  CapturedFrame frame;
  frame.image = image;
  frame.format = format;
  frame.size = kSize;
  frame.crop = {0, 0, kSize};
  frame.color = color;
  frame.times.id = 1;
  frame.times.mark(Stage::kProduced);
  frame.times.mark(Stage::kDequeued);
  return frame;
}

constexpr std::array kColors = {
    ColorDescription{},
    ColorDescription{ColorMatrix::kBt709, ColorRange::kFull, ColorPrimaries::kBt709,
                     ColorTransfer::kSrgb},
    ColorDescription{ColorMatrix::kBt601, ColorRange::kLimited, ColorPrimaries::kBt601Ntsc,
                     ColorTransfer::kBt601},
    ColorDescription{ColorMatrix::kBt601Pal, ColorRange::kLimited, ColorPrimaries::kBt601Pal,
                     ColorTransfer::kGamma28},
    ColorDescription{ColorMatrix::kBt2020Ncl, ColorRange::kLimited, ColorPrimaries::kBt2020,
                     ColorTransfer::kPq},
    ColorDescription{ColorMatrix::kBt2020Ncl, ColorRange::kFull, ColorPrimaries::kBt2020,
                     ColorTransfer::kHlg},
    ColorDescription{ColorMatrix::kSmpte240m, ColorRange::kLimited, ColorPrimaries::kSmpte240m,
                     ColorTransfer::kSmpte240m},
};

struct Kind {
  std::string backend;
  Codec codec = Codec::kH264;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.backend << " " << to_string(kind.codec);
}

class Colors : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { machine_.start(); }
  void TearDown() override { machine_.finish(); }

  /// What a player is told about a stream whose first picture this is.
  test::DecodedPicture shown(CapturedFrame frame) {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<EncodedFrame> frames;
    bool ended = false;
    LatestSlot<CapturedFrame> slot;
    RepairPolicy policy{RepairSettings{}};
    EncodeLoopSettings settings;
    settings.encoder = GetParam().backend;
    settings.video.codec = GetParam().codec;
    settings.zerocopy = ZeroCopy::kOff;
    Adaptation adaptation({.enabled = false});
    EncodeLoop loop(settings, slot, policy, adaptation, nullptr,
                    {.encoded =
                         [&](const EncodedFrame& encoded, PictureOrigin) {
                           const std::scoped_lock lock(mutex);
                           frames.push_back(encoded);
                           changed.notify_all();
                         },
                     .renegotiate = [](const std::vector<FormatOffer>&) {},
                     .finished =
                         [&](const std::optional<Error>& error) {
                           EXPECT_FALSE(error) << error->describe();
                           const std::scoped_lock lock(mutex);
                           ended = true;
                           changed.notify_all();
                         },
                     .backlog = [] { return 0.0; },
                     .happened = [](const StreamEvent&) {}});
    EXPECT_TRUE(loop.start());
    slot.put(std::move(frame));
    {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, std::chrono::seconds(20), [&] { return ended || !frames.empty(); });
    }
    slot.close();
    loop.join();
    const auto pictures = test::play(GetParam().codec, frames);
    if (pictures.empty()) {
      ADD_FAILURE() << "nothing to see";
      return {};
    }
    return pictures.front();
  }
  static void expect_color(const test::DecodedPicture& picture, const ColorDescription& color) {
    EXPECT_EQ(picture.color_matrix, static_cast<int>(color.matrix));
    EXPECT_EQ(picture.color_primaries, static_cast<int>(color.primaries));
    EXPECT_EQ(picture.color_transfer, static_cast<int>(color.transfer));
    EXPECT_EQ(picture.full_range, color.range == ColorRange::kFull);
  }

  test::StandIns machine_;
};

TEST_P(Colors, OfYuvAreCarriedAsTheyAre) {
  for (const ColorDescription& color : kColors) {
    SCOPED_TRACE(static_cast<int>(color.transfer));
    expect_color(shown(captured(Fourcc::kNV12, color)), color);
  }
}

TEST_P(Colors, OfRgbKeepTheirLightAndGetOurMatrix) {
  for (ColorDescription color : kColors) {
    SCOPED_TRACE(static_cast<int>(color.transfer));
    const auto picture = shown(captured(Fourcc::kBGRx, color));
    const bool wide = color.primaries == ColorPrimaries::kBt2020;
    color.matrix = wide ? ColorMatrix::kBt2020Ncl : ColorMatrix::kBt709;
    color.range = ColorRange::kLimited;
    expect_color(picture, color);
    // White is white and grey is grey whatever the matrix: the barcode's first cells.
    EXPECT_NEAR(picture.luma[4 * kSize.width + 2], 235, 6);
  }
}

INSTANTIATE_TEST_SUITE_P(Nvenc, Colors,
                         testing::Values(Kind{"nvenc", Codec::kH264}, Kind{"nvenc", Codec::kHevc},
                                         Kind{"ffmpeg-nvenc", Codec::kH264},
                                         Kind{"ffmpeg-nvenc", Codec::kHevc}),
                         [](const auto& each) {
                           return std::string(each.param.backend == "nvenc" ? "nvenc_"
                                                                            : "ffmpeg_") +
                                  std::string(to_string(each.param.codec));
                         });

}  // namespace
}  // namespace lumen
