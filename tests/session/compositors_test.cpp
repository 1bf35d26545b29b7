// Real compositors: a client that shows the test pattern full screen, the compositor's own stream
// of it, lumen's recording of that, and the numbers and colours that come out.
#include "capture/synthetic/barcode.h"
#include "capture/synthetic/pattern.h"
#include "harness/compositor.h"
#include "harness/decode.h"
#include "host.h"
#include "verdict.h"

namespace lumen::session {
namespace {

constexpr Extent kSize{1280, 720};

class Compositors : public testing::TestWithParam<CompositorKind> {};

TEST_P(Compositors, TenSecondsAreMovingRightAndOfTheRightSize) {
  auto session = PrivateSession::start();
  if (!session && session.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << session.error().describe();
  }
  ASSERT_TRUE(session) << session.error().describe();
  auto compositor = Compositor::start(GetParam(), **session, {.size = kSize, .fps = 60});
  if (!compositor && compositor.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << compositor.error().describe();
  }
  ASSERT_TRUE(compositor) << compositor.error().describe();
  const auto client = (*compositor)->start_client({LUMEN_PATTERN_CLIENT, "lumen test pattern"});
  ASSERT_TRUE(client) << client.error().describe();
  const auto node = (*compositor)->stream("lumen test pattern");
  if (!node && node.error().kind == ErrorKind::kUnsupported)
    GTEST_SKIP() << node.error().describe();
  ASSERT_TRUE(node) << node.error().describe();

  const std::string path = ((*session)->dir() / "out.mkv").string();
  auto host = Host::start(**session, {"--source", "node:id=" + std::to_string(*node), "--duration",
                                      "10", "--bitrate", "15M", "--sink", "file:" + path});
  ASSERT_TRUE(host) << host.error().describe();
  std::optional<nlohmann::json> last;
  while (auto status = host->status(Milliseconds(20000))) last = status;
  ASSERT_EQ(host->exit_code(Milliseconds(40000)), 0) << host->process().log_text();
  ASSERT_TRUE(last);
  RecordProperty("damage", (*last)["damage"].dump());
  std::printf("%s tells damage: %s\n", std::string(to_string(GetParam())).c_str(),
              (*last)["damage"].dump().c_str());

  std::vector<std::uint32_t> numbers;
  std::int64_t last_ns = 0;
  unsigned unreadable = 0;
  const auto video = decode_video(path, [&](DecodedFrame&& frame) {
    EXPECT_EQ(frame.size, kSize);
    last_ns = frame.pts_ns;
    const auto number = barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size);
    if (!number) {
      ++unreadable;  // before the client's window was mapped, or while it faded in
      return;
    }
    numbers.push_back(*number);
    if (numbers.size() % 30 != 0) return;
    expect_patches(frame);
  });
  ASSERT_TRUE(video) << video.error().describe();
  EXPECT_EQ(video->errors, 0U);
  EXPECT_GT(last_ns, 9'000'000'000) << "ten seconds were recorded";
  EXPECT_LT(unreadable, 60U);
  ASSERT_GE(numbers.size(), 100U) << "it moves, also on a slow machine";
  unsigned moved = 0;
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    EXPECT_GE(numbers[i], numbers[i - 1]) << "time went backwards at " << i;
    moved += numbers[i] > numbers[i - 1] ? 1 : 0;
  }
  EXPECT_GE(moved, 90U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Compositors,
                         testing::Values(CompositorKind::kMutter, CompositorKind::kKwin,
                                         CompositorKind::kWeston),
                         [](const auto& kind) { return std::string(to_string(kind.param)); });

}  // namespace
}  // namespace lumen::session
