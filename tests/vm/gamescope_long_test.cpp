// The real gamescope, headless, with our pattern client: what its own PipeWire stream delivers.
// No DRM device: Mesa's software Vulkan then exports real dmabufs.
#include <algorithm>
#include <set>

#include "gamescope.h"
#include "host.h"
#include "new_compositors.h"

namespace lumen::session {
namespace {

class Gamescope : public NewCompositor {
 protected:
  void SetUp() override {
    NewCompositor::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto started = play_gamescope(*session_);
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

// Where no GPU route works, host memory is what lumen-host prefers to have.
TEST_F(Gamescope, IsRecordedFromHostMemory) {
  expect_recorded("node:gamescope", 8, 3, kGamescopeSize, "cpu/shm");
}

TEST_F(Gamescope, IsRecordedFromItsDmabufsOverEveryGpuRoute) {
  expect_recorded_by_the_gpu("node:gamescope", 8, 3, kGamescopeSize);
}

}  // namespace
}  // namespace lumen::session
