// Explicit sync end to end: our own producer sends dmabufs before it has drawn them, as a
// compositor with a slow GPU does, with DRM syncobjs for the two directions. Needs PipeWire 1.2 and
// a DRM device with timelines; fences that are pending come from vgem: in the virtual machine with
// --drm virtio-gpu+vgem and in the Debian 13 root (tools/debian13-root.sh vm). The GPU routes run
// on Mesa's software EGL and Vulkan and the CUDA stand-in.
#include <csignal>
#include <cstdio>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "capture/pipewire/explicit_sync.h"
#include "host.h"
#include "platform/linux/drm_syncobj.h"
#include "stand_in_gpu.h"
#include "support/udmabuf.h"
#include "watch.h"

namespace lumen::session {
namespace {

using Arguments = std::vector<std::string>;

// PipeWire 1.4 loses a picture now and then on its way to the consumer, more often where buffers
// are few: the buffer comes back, nobody has dequeued it, and so nobody has released it.
constexpr unsigned kLostUnderway = 3;

// Buffers at most: when the host ends they may lie in its queue, which nobody empties any more.
constexpr unsigned kInFlight = 4;

class ExplicitSync : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (auto started = PrivateSession::start()) {
      session_ = std::move(*started);
    } else {
      ADD_FAILURE() << started.error().describe();
    }
  }
  static void TearDownTestSuite() { session_.reset(); }

  void SetUp() override {
    if (!pipewire::knows_explicit_sync()) GTEST_SKIP() << "built against PipeWire before 1.2";
    const auto device = open_sync_device();
    if (!device) GTEST_SKIP() << device.error().describe();
    const auto available = test::TestDmaBuf::available();
    if (!available) GTEST_SKIP() << available.error().describe();
    ASSERT_TRUE(session_);
    session_->set_env("LUMEN_ZEROCOPY", "off");
  }

  static Process produce(const Arguments& more) {
    Arguments argv = {LUMEN_TEST_PRODUCER,
                      "--size",
                      "320x180",
                      "--fps",
                      "10",
                      "--linger",
                      "20",
                      "--name",
                      "producer",
                      "--memory",
                      "dmabuf",
                      "--plain",
                      "no",
                      "--modifiers",
                      "linear"};
    argv.insert(argv.end(), more.begin(), more.end());
    auto process = session_->spawn(argv, StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(20000)));
    return std::move(*process);
  }

  static std::string recording() { return (session_->dir() / "out.mkv").string(); }

  static HostRun record(unsigned frames) {
    auto run =
        run_host(*session_, {"--source", "node:producer", "--frames", std::to_string(frames),
                             "--bitrate", "4M", "--verbose", "--sink", "file:" + recording()});
    EXPECT_TRUE(run) << run.error().describe();
    return run.value_or(HostRun{});
  }

  struct Points {
    unsigned sent = 0;
    unsigned released = 0;
    unsigned early = 0;
    unsigned pending = 0;
  };
  /// Ends the producer.
  static Points points_of(Process& producer) {
    producer.signal(SIGTERM);
    Points points;
    const auto line = producer.read_value("explicit-sync ", Milliseconds(10000));
    EXPECT_TRUE(line) << "explicit sync was not negotiated";
    if (line) {
      EXPECT_EQ(std::sscanf(line->c_str(), "sent %u released %u early %u pending %u", &points.sent,
                            &points.released, &points.early, &points.pending),
                4)
          << *line;
    }
    return points;
  }

  static std::unique_ptr<PrivateSession> session_;
};
std::unique_ptr<PrivateSession> ExplicitSync::session_;

// A reader that does not wait for the acquire point records garbage.
TEST_F(ExplicitSync, PicturesAreReadWhenTheyAreDrawnAndAllAreReleased) {
  Process producer = produce({"--explicit-sync", "60"});
  const HostRun run = record(20);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, std::set<std::string>{"cpu/dmabuf-mmap"});
  const auto seen = watch(recording());
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->unreadable, 0U) << "a picture that was not drawn yet";
  EXPECT_TRUE(seen->in_order()) << testing::PrintToString(seen->numbers);
  EXPECT_GE(seen->different(), 15U) << testing::PrintToString(seen->numbers);
  EXPECT_LE(seen->worst_patch, 6);
  const Points points = points_of(producer);
  EXPECT_GE(points.sent, 20U);
  EXPECT_LE(points.early, kLostUnderway) << "buffers came back that were not released";
  // The last ones may lie in the stream's queue, which nobody empties any more.
  EXPECT_GE(points.released + 2, points.sent);
}

TEST_F(ExplicitSync, SkippedBuffersAreReleasedToo) {
  Process producer =
      produce({"--explicit-sync", "20", "--hostile", "corrupted-header,corrupted-chunk,zero-size"});
  const HostRun run = record(20);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  const auto seen = watch(recording());
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->unreadable, 0U);
  const Points points = points_of(producer);
  EXPECT_GE(points.sent, 25U) << "the bad ones count";
  EXPECT_LE(points.early, kLostUnderway);
  EXPECT_GE(points.released + 2, points.sent);
}

TEST_F(ExplicitSync, BuffersThatGoInMidStreamAreReleasedToo) {
  Process producer = produce({"--explicit-sync", "40", "--hostile", "recycle=8,recycle=16"});
  const HostRun run = record(24);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  const auto seen = watch(recording());
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->unreadable, 0U);
  EXPECT_GE(seen->different(), 18U) << testing::PrintToString(seen->numbers);
  const Points points = points_of(producer);
  EXPECT_LE(points.early, kLostUnderway);
  EXPECT_GE(points.released + 4, points.sent) << "at most one in flight each time";
}

// The producer's GPU hangs: nothing is shown, nothing breaks, and its buffers come back.
TEST_F(ExplicitSync, APictureThatIsNeverDrawnIsSkipped) {
  Process producer = produce({"--explicit-sync", "10000", "--buffers", "2,4"});
  auto host = Host::start(*session_, {"--source", "node:producer", "--duration", "8", "--bitrate",
                                      "4M", "--verbose", "--sink", "file:" + recording()});
  ASSERT_TRUE(host) << host.error().describe();
  EXPECT_EQ(host->exit_code(Milliseconds(60000)), 0) << host->process().log_text();
  const Points points = points_of(producer);
  EXPECT_GE(points.sent, 30U) << "the producer would stand still without its buffers";
  EXPECT_GE(points.released * 2, points.sent) << "unread pictures owe their release, too";
}

struct OnGpu {
  FirstRoute route;
  const char* submitted;  // --submit

  friend void PrintTo(const OnGpu& of, std::ostream* out) {
    *out << short_name(of.route) << ' ' << of.submitted;
  }
};
class ExplicitSyncOnGpu : public ExplicitSync, public testing::WithParamInterface<OnGpu> {};

// With "at-once" the route is handed fences that are pending, with "drawn" points that nobody has
// submitted yet.
TEST_P(ExplicitSyncOnGpu, PicturesAreReadWhenTheyAreDrawnAndAllAreReleased) {
  const auto& [route, submitted] = GetParam();
  const auto used = use_stand_in_gpu(*session_, route);
  ASSERT_TRUE(used) << used.error().describe();
  Process producer = produce({"--explicit-sync", "100", "--submit", submitted});
  const HostRun run = record(20);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, std::set<std::string>{route_name(route)}) << run.log;
  const std::string waits = route == FirstRoute::kEgl      ? "the CPU waits"
                            : route == FirstRoute::kVulkan ? "Vulkan waits"
                                                           : "GL waits";
  EXPECT_NE(run.log.find("explicit sync: " + waits), std::string::npos) << run.log;
  const auto seen = watch(recording());
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->unreadable, 0U) << "a picture that was not drawn yet";
  EXPECT_TRUE(seen->in_order()) << testing::PrintToString(seen->numbers);
  EXPECT_GE(seen->different(), 10U) << testing::PrintToString(seen->numbers);
  EXPECT_LE(seen->worst_patch, 6);
  const Points points = points_of(producer);
  EXPECT_GE(points.sent, 20U);
  EXPECT_LE(points.early, kLostUnderway) << "buffers came back that were not released";
  EXPECT_GE(points.released + kInFlight, points.sent);
  EXPECT_EQ(points.pending, std::string_view(submitted) == "at-once" ? points.sent : 0);
}

INSTANTIATE_TEST_SUITE_P(All, ExplicitSyncOnGpu,
                         testing::Values(OnGpu{FirstRoute::kEgl, "at-once"},
                                         OnGpu{FirstRoute::kVulkan, "at-once"},
                                         OnGpu{FirstRoute::kVulkan, "drawn"},
                                         OnGpu{FirstRoute::kGlBlit, "at-once"},
                                         OnGpu{FirstRoute::kGlBlit, "drawn"}),
                         [](const auto& of) {
                           std::string name = of.param.submitted;
                           std::erase(name, '-');
                           return short_name(of.param.route) + "_" + name;
                         });

TEST_F(ExplicitSync, SyncobjsThatAreNoneEndItAndNotTheStream) {
  Process producer = produce({"--explicit-sync", "60", "--hostile", "fake-syncobj"});
  const HostRun run = record(10);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  const std::size_t said = run.log.find("going on without explicit sync: acquire timeline");
  EXPECT_NE(said, std::string::npos) << run.log;
  EXPECT_EQ(run.log.find("going on without", said + 1), std::string::npos) << run.log;
  const auto seen = watch(recording());
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->unreadable, 0U);
  EXPECT_GE(seen->different(), 7U);
}

// Without a word about explicit sync from the producer all is as before.
TEST_F(ExplicitSync, IsNoCondition) {
  Process producer = produce({});
  const HostRun run = record(10);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  const auto seen = watch(recording());
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->unreadable, 0U);
  EXPECT_GE(seen->different(), 7U);
}

}  // namespace
}  // namespace lumen::session
