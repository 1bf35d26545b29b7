// The native backend in random use: bit rates, sizes, key frames, losses, maps of quantizers,
// frames from both memories, whole pictures and slices. The NVENC stand-in watches every rule of
// the SDK. LUMEN_RANDOM_USE_SECONDS: of each kind; long-encode runs this for ten minutes.
#include <array>
#include <chrono>
#include <optional>
#include <random>
#include <string>

#include <fmt/format.h>

#include "encode/access_unit_assembler.h"
#include "encode/nvenc/driver.h"
#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"

namespace lumen {
namespace {

using test::EncoderFixture;

struct Kind {
  Codec codec = Codec::kH264;
  bool sub_frame = false;
  bool long_term = false;  // a chip without invalidation
  std::optional<Recovery> recovery;
};
std::string name_of(const Kind& kind) {
  return std::string(to_string(kind.codec)) + (kind.sub_frame ? "_slices" : "") +
         (kind.long_term ? "_long_term" : "");
}
void PrintTo(const Kind& kind, std::ostream* out) { *out << name_of(kind); }

class RandomUse : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    machine_.start();
    if (GetParam().codec == Codec::kAv1) {
      ASSERT_TRUE(machine_.nvenc.set_gpu("ada"));
    }
    if (GetParam().long_term) {
      machine_.nvenc.hide_capability(NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION);
    }
  }
  void TearDown() override {
    fixture_.close();
    gpu_->lose();
    machine_.finish();
  }
  void run(std::chrono::seconds duration, unsigned seed);

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
};

/// Small steps: the picture's number must stay readable.
std::shared_ptr<QpMap> random_map(unsigned block, Extent size, std::mt19937& random) {
  auto map = std::make_shared<QpMap>();
  map->block = block;
  const auto along = [&](unsigned pixels) { return (pixels + block - 1) / block; };
  for (unsigned i = 0; i < along(size.width) * along(size.height); ++i) {
    map->deltas.push_back(static_cast<std::int8_t>(static_cast<int>(random() % 9) - 4));
  }
  return map;
}

void RandomUse::run(std::chrono::seconds duration, unsigned seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&random](unsigned n) { return static_cast<std::uint32_t>(random() % n); };
  EncoderSettings settings;
  settings.codec = GetParam().codec;
  settings.sub_frame = GetParam().sub_frame;
  settings.qp_map = QpMapKind::kDeltas;
  settings.slices = GetParam().sub_frame ? 4 : 1;
  if (GetParam().recovery) settings.recovery = *GetParam().recovery;
  settings.size = {320, 180};
  settings.max_size = {640, 360};
  settings.bitrate_bps = 4'000'000;
  const auto opened = fixture_.open("nvenc", settings);
  ASSERT_TRUE(opened) << opened.error().describe();
  VideoEncoder& encoder = *fixture_.encoder;
  const EncoderCapabilities caps = encoder.capabilities();
  ASSERT_EQ(caps.sub_frame, GetParam().sub_frame);
  ASSERT_GT(caps.qp_block, 0u);
  constexpr std::array kSizes{Extent{320, 180}, Extent{640, 360}, Extent{160, 96},
                              Extent{482, 270}};

  const auto end = std::chrono::steady_clock::now() + duration;
  std::uint32_t n = 0;
  std::uint32_t bitrate = 4'000'000;
  FrameRate rate{60, 1};
  Extent size = settings.size;
  std::size_t played = 0;
  std::string history;  // the last changes
  test::PlayerDecoder player(GetParam().codec);
  AccessUnitAssembler assembler;
  const auto look = [&](std::vector<EncodedFrame> parts) {
    for (EncodedFrame& part : parts) {
      const auto frame = assembler.add(std::move(part));
      if (!frame) continue;
      for (const auto& picture : player.decode(*frame)) {
        ASSERT_EQ(picture.number(), played)
            << "in a stream of " << n << ", after: " << history << "; " << frame->data.view().size()
            << " bytes" << (frame->key ? ", key" : "");
        ++played;
      }
    }
  };
  while (std::chrono::steady_clock::now() < end) {
    EncodeRequest request = EncodeRequest::key_frame(n == 0 || below(40) == 0);
    if (caps.change_size && below(10) == 0) {
      size = kSizes[below(kSizes.size())];
      history += fmt::format(" {}:{}x{}", n, size.width, size.height);
      ASSERT_TRUE(encoder.reconfigure({.size = size}));
      fixture_.draw(size);
    }
    switch (below(30)) {
      case 0:
        bitrate = 3'000'000 + below(5'000'000);  // enough for a key frame to be readable
        history += fmt::format(" {}:{} b/s", n, bitrate);
        ASSERT_TRUE(encoder.reconfigure({.bitrate_bps = bitrate}));
        break;
      case 1:
        rate = {24 + below(97), 1};
        history += fmt::format(" {}:{} fps", n, rate.num);
        ASSERT_TRUE(encoder.reconfigure({.rate = rate}));
        break;
      case 3:
      case 4:
        if (!caps.invalidation || n < 3) break;
        request = {.repair = EncodeRequest::Repair::kInvalidate,
                   .lost_from = EncoderFixture::time_of(n - 1 - below(std::min(n - 1, 12U)))};
        break;
      case 5:
        if (!caps.intra_refresh) break;
        request = {.repair = EncodeRequest::Repair::kIntraRefresh};
        break;
      default: break;
    }
    if (request.repair != EncodeRequest::Repair::kNone) {
      history += fmt::format(" {}:repair {}", n, static_cast<int>(request.repair));
    }
    if (caps.qp_block > 0 && below(5) == 0)
      request.qp_map = random_map(caps.qp_block, size, random);
    if (history.size() > 400) history.erase(0, history.size() - 400);
    const FrameMemory memory = below(8) == 0 ? FrameMemory::kHost : FrameMemory::kCuda;
    const auto done = fixture_.encode(n, request, memory);
    ASSERT_TRUE(done) << done.error().describe();
    ++n;
    look(fixture_.take());
    if (HasFatalFailure()) return;
  }
  ASSERT_TRUE(encoder.flush());
  look(fixture_.take());
  EXPECT_EQ(played, n) << "pictures were lost";
  EXPECT_GE(n, 100u);
  EXPECT_STREQ(machine_.nvenc.violations(), "");
  RecordProperty("pictures", static_cast<int>(n));
}

TEST_P(RandomUse, BreaksNoRuleAndLosesNoPicture) {
  run(std::chrono::seconds(LUMEN_RANDOM_USE_SECONDS), 20261121);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, RandomUse,
    testing::Values(Kind{Codec::kH264}, Kind{Codec::kH264, true}, Kind{Codec::kH264, true, true},
                    Kind{.codec = Codec::kHevc, .recovery = Recovery::kIntraRefresh},
                    Kind{Codec::kHevc, true}
#if NVENCAPI_MAJOR_VERSION >= 12
                    ,
                    Kind{Codec::kAv1}
#endif
                    ),
    [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace lumen
