// Compositors that are killed and started again many times while lumen-host streams them.
#include <chrono>

#include "sources_fixture.h"

namespace lumen::session {
namespace {

constexpr int kRestarts = 12;

struct Restarted {
  CompositorKind kind;
  const char* source;
};

class ManyRestarts : public Sources, public testing::WithParamInterface<Restarted> {
 protected:
  using Clock = std::chrono::steady_clock;

  void start_compositor() {
    const bool window = GetParam().kind == CompositorKind::kKwin;
    window ? start_kwin_that_casts() : start(GetParam().kind);
    if (IsSkipped() || HasFatalFailure()) return;
    back_ = Clock::now();
    show_pattern();
    if (window) back_ = Clock::now();
  }
  /// As the host tells at any time, not once a second.
  int captured_now() {
    const auto text = session->output_of({LUMEN_HOST_BINARY, "status", "--json"});
    EXPECT_TRUE(text) << text.error().describe();
    return text ? captured(nlohmann::json::parse(*text)) : 0;
  }

  Clock::time_point back_;  // when there was something to stream again
};

TEST_P(ManyRestarts, PicturesFlowAgainEachTimeAndNothingLeaks) {
  start_compositor();
  if (IsSkipped() || HasFatalFailure()) return;
  stream(GetParam().source);
  ASSERT_TRUE(pictures_come(1));
  std::size_t fds = 0;
  std::size_t threads = 0;
  Milliseconds longest{0};
  for (int restart = 0; restart < kRestarts; ++restart) {
    compositor->process().kill();
    ASSERT_TRUE(is_lost());
    const int before = captured_now();
    compositor.reset();
    start_compositor();
    if (HasFatalFailure()) return;
    ASSERT_TRUE(eventually(Milliseconds(40000), [&] { return captured_now() > before; }))
        << "restart " << restart << "\n"
        << host->process().log_text();
    longest = std::max(longest, std::chrono::duration_cast<Milliseconds>(Clock::now() - back_));
    ASSERT_TRUE(pictures_come(1)) << "restart " << restart;
    if (restart != 1) continue;  // by then everything has been open once
    fds = host->process().fd_count();
    threads = host->process().threads();
  }
  RecordProperty("longest_ms", std::to_string(longest.count()));
  std::printf("%s: pictures after %lld ms at most\n", to_string(GetParam().kind),
              static_cast<long long>(longest.count()));
  EXPECT_LE(longest, Milliseconds(2000));
  EXPECT_LE(host->process().fd_count(), fds + 2) << "descriptors leak";
  EXPECT_LE(host->process().threads(), threads + 1) << "threads leak";
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

INSTANTIATE_TEST_SUITE_P(Compositors, ManyRestarts,
                         testing::Values(Restarted{CompositorKind::kMutter, "mutter"},
                                         Restarted{CompositorKind::kKwin,
                                                   "kwin:window=lumen test pattern"}),
                         [](const auto& kind) { return std::string(to_string(kind.param.kind)); });

}  // namespace
}  // namespace lumen::session
