// The real gamescope, headless, with our pattern client: what its own PipeWire stream delivers.
// No DRM device: Mesa's software Vulkan then exports real dmabufs.
#include <algorithm>
#include <set>

#include "host.h"
#include "new_compositors.h"

namespace lumen::session {
namespace {

constexpr Extent kSize{320, 180};

class Gamescope : public NewCompositor {
 protected:
  void SetUp() override {
    NewCompositor::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // The client fills the output exactly and uses a fresh wl_buffer per frame: 3.16 shows nothing
    // new otherwise. It is a program of this root, started from the other one.
    auto started = session_->spawn({"gamescope",
                                    "--backend",
                                    "headless",
                                    "--expose-wayland",
                                    "-W",
                                    "320",
                                    "-H",
                                    "180",
                                    "-w",
                                    "320",
                                    "-h",
                                    "180",
                                    "-r",
                                    "10",
                                    "--",
                                    "chroot",
                                    "/host",
                                    LUMEN_PATTERN_CLIENT,
                                    "--fresh-buffers",
                                    "320x180"});
    ASSERT_TRUE(started) << started.error().describe();
    gamescope_ = std::move(*started);
    ASSERT_TRUE(eventually(Milliseconds(90000), [&] {
      node_ = session_->find_node("gamescope");
      return node_.has_value() || !gamescope_->running();
    }));
    ASSERT_TRUE(node_) << gamescope_->log_text();
  }

  std::optional<Process> gamescope_;
  std::optional<Node> node_;
};

TEST_F(Gamescope, DeliversLinearDmabufsWithEveryPixelRight) {
  const LinearReader::Reading reading = read_linear(node_->id, 4);
  EXPECT_EQ(reading.trouble, "");
  EXPECT_EQ(reading.memory, std::set<std::string>{"DmaBuf LINEAR"});
  EXPECT_TRUE(std::ranges::is_sorted(reading.numbers)) << testing::PrintToString(reading.numbers);
  EXPECT_LE(reading.worst_patch, 2);
  EXPECT_GE(reading.dmabufs.size(), 2U) << "several buffers take turns";
}

TEST_F(Gamescope, IsRecorded) {
  const std::string path = (session_->dir() / "out.mkv").string();
  const auto run = run_host(*session_,
                            {"--source", "node:gamescope", "--frames", "8", "--duration", "120",
                             "--bitrate", "4M", "--sink", "file:" + path},
                            Milliseconds(150000));
  ASSERT_TRUE(run) << run.error().describe();
  EXPECT_EQ(run->exit_code, 0) << run->log;
  std::printf("routes: %s\n", testing::PrintToString(run->routes).c_str());
  const auto seen = watch(path);
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->decoder_errors, 0U);
  EXPECT_TRUE(seen->in_order()) << testing::PrintToString(seen->numbers);
  EXPECT_GE(seen->different(), 3U) << testing::PrintToString(seen->numbers);
  EXPECT_LE(seen->worst_patch, 6);
  EXPECT_EQ(seen->sizes,
            (std::set<std::pair<std::uint32_t, std::uint32_t>>{{kSize.width, kSize.height}}));
}

}  // namespace
}  // namespace lumen::session
