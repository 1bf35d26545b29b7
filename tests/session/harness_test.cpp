// The harness itself: a session that comes up and goes away, and compositors whose pictures move.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "harness/compositor.h"
#include "harness/private_session.h"

namespace lumen::session {
namespace {

constexpr Extent kSize = {640, 360};
constexpr std::size_t kPictures = 20;

bool alive(pid_t pid) { return ::kill(pid, 0) == 0; }

/// Pictures of a node as another program sees them: I420 bytes of each.
std::vector<std::string> pictures_of(PrivateSession& session, std::uint32_t node, Extent size) {
  const std::string file = session.dir() / "pictures.yuv";
  auto capture =
      session.spawn({"gst-launch-1.0", "-q", "pipewiresrc", "path=" + std::to_string(node),
                     "num-buffers=" + std::to_string(kPictures), "!", "videoconvert", "!",
                     "video/x-raw,format=I420", "!", "filesink", "location=" + file});
  if (!capture) {
    ADD_FAILURE() << capture.error().describe();
    return {};
  }
  const auto ending = capture->wait(Milliseconds(60000));
  EXPECT_TRUE(ending && ending->clean()) << "gst-launch-1.0 didn't finish";
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  const std::size_t picture = std::size_t{size.width} * size.height * 3 / 2;
  std::vector<std::string> result;
  for (std::size_t at = 0; at + picture <= bytes.size(); at += picture) {
    result.push_back(bytes.substr(at, picture));
  }
  EXPECT_EQ(bytes.size() % picture, 0U)
      << "the pictures aren't " << size.width << 'x' << size.height;
  return result;
}

void expect_moving_pictures(const std::vector<std::string>& pictures) {
  EXPECT_EQ(pictures.size(), kPictures);
  const std::set<std::string> distinct(pictures.begin(), pictures.end());
  EXPECT_GE(distinct.size(), kPictures / 2);
}

void stream_compositor(CompositorKind kind) {
  if (!find_program("gst-launch-1.0")) GTEST_SKIP() << "gst-launch-1.0 isn't installed";
  auto session = PrivateSession::start();
  if (!session) GTEST_SKIP() << session.error().describe();
  auto compositor = Compositor::start(kind, **session, {.size = kSize});
  if (!compositor && compositor.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << compositor.error().describe();
  }
  ASSERT_TRUE(compositor) << compositor.error().describe();
  if (auto client = (*compositor)->start_client(kMovingClient); !client) {
    GTEST_SKIP() << client.error().describe();
  }
  const auto node = (*compositor)->stream();
  if (!node && node.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << node.error().describe();
  }
  ASSERT_TRUE(node) << node.error().describe();
  EXPECT_TRUE((*session)->find_node(*node)) << "no node " << *node << " in the session";
  expect_moving_pictures(pictures_of(**session, *node, kSize));

  if (Process* streamer = (*compositor)->streamer()) {
    (*compositor)->process().kill();
    const auto ending = streamer->wait(Milliseconds(10000));
    ASSERT_TRUE(ending) << "the streamer outlives its compositor";
    EXPECT_EQ(ending->code, 1) << to_string(*ending);
  }
}

TEST(Session, ComesUpAndLeavesNothingBehind) {
  auto session = PrivateSession::start();
  if (!session && session.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << session.error().describe();
  }
  ASSERT_TRUE(session) << session.error().describe();
  const auto dir = (*session)->dir();
  const auto nodes = (*session)->nodes();
  ASSERT_TRUE(nodes) << nodes.error().describe();
  for (const Node& node : *nodes) {
    EXPECT_NE(node.media_class, "Audio/Sink") << "a real device: " << node.name;
    EXPECT_NE(node.media_class, "Video/Source") << "a real device: " << node.name;
  }
  auto bystander = (*session)->spawn({"sleep", "1000"});
  ASSERT_TRUE(bystander);
  const pid_t pid = bystander->pid();
  EXPECT_TRUE(alive(pid));
  {
    const Process ended_here = std::move(*bystander);
  }
  EXPECT_FALSE(alive(pid));
  session->reset();
  EXPECT_FALSE(std::filesystem::exists(dir));
}

TEST(Session, PipewireRestarts) {
  auto session = PrivateSession::start();
  if (!session && session.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << session.error().describe();
  }
  ASSERT_TRUE(session) << session.error().describe();
  (*session)->kill_pipewire();
  EXPECT_FALSE((*session)->nodes());
  const auto restarted = (*session)->start_pipewire();
  ASSERT_TRUE(restarted) << restarted.error().describe();
  EXPECT_TRUE((*session)->nodes());
}

TEST(Session, MutterMonitorMoves) { stream_compositor(CompositorKind::kMutter); }
TEST(Session, KwinWindowMoves) { stream_compositor(CompositorKind::kKwin); }
TEST(Session, WestonOutputMoves) { stream_compositor(CompositorKind::kWeston); }

}  // namespace
}  // namespace lumen::session
