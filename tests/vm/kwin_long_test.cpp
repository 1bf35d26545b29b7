// The real KWin 6, which streams dmabufs where it has a DRM device (vgem) and lets the consumer's
// modifiers decide: LINEAR and INVALID, fixed by KWin.
#include <algorithm>
#include <set>

#include "host.h"
#include "new_compositors.h"

namespace lumen::session {
namespace {

constexpr Extent kSize{640, 360};

class Kwin6 : public NewCompositor {
 protected:
  void SetUp() override {
    NewCompositor::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto started = Compositor::start(CompositorKind::kKwin, *session_, {.size = kSize});
    ASSERT_TRUE(started) << started.error().describe();
    kwin_ = std::move(*started);
    const auto client = kwin_->start_client({LUMEN_PATTERN_CLIENT, "lumen test pattern"});
    ASSERT_TRUE(client) << client.error().describe();
    // The first window takes KWin longer than the helper waits when nothing is in a cache yet.
    Result<std::uint32_t> node = fail(ErrorKind::kRetry, "not asked");
    for (int attempt = 0; attempt < 3 && !node; ++attempt) {
      node = kwin_->stream("lumen test pattern");
    }
    ASSERT_TRUE(node) << node.error().describe() << kwin_->process().log_text();
    node_ = *node;
  }

  std::unique_ptr<Compositor> kwin_;
  std::uint32_t node_ = 0;
};

TEST_F(Kwin6, DeliversLinearDmabufsWithEveryPixelRight) {
  const LinearReader::Reading reading = read_linear(node_, 6);
  EXPECT_EQ(reading.trouble, "");
  EXPECT_EQ(reading.memory, std::set<std::string>{"DmaBuf LINEAR"});
  EXPECT_TRUE(std::ranges::is_sorted(reading.numbers)) << testing::PrintToString(reading.numbers);
  EXPECT_LE(reading.worst_patch, 2);
  EXPECT_GE(reading.dmabufs.size(), 2U) << "several buffers take turns";
}

// Where no GPU route works, host memory is what lumen-host prefers to have.
TEST_F(Kwin6, IsRecordedFromHostMemory) {
  expect_recorded("node:id=" + std::to_string(node_), 12, 4, kSize, "cpu/shm");
}

TEST_F(Kwin6, IsRecordedFromItsDmabufsOverEveryGpuRoute) {
  expect_recorded_by_the_gpu("node:id=" + std::to_string(node_), 12, 4, kSize);
}

}  // namespace
}  // namespace lumen::session
