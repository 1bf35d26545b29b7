// The bit rate finds what a network carries, and stays there.
#include <iostream>
#include <vector>

#include "behind_relay.h"

namespace lumen::browser {
namespace {

struct Network {
  const char* name;
  double megabits;
  double least;  // of it that is to be used, on average
};

class SteadyNetwork : public NetworkTest, public testing::WithParamInterface<Network> {};

TEST_P(SteadyNetwork, HasASteadyStream) {
  constexpr double kSettling = 20;  // seconds
  constexpr double kSteady = 60;
  const double line = GetParam().megabits * 1e6;
  start_host("synthetic:1280x720@30", 0, "20M");
  relay_->set({.bits_per_second = line, .delay = 20ms});
  watch();
  observe(kSettling, [](double, const Relay::Counts&) {});
  take_shown();
  const double changes = status()["adaptation"]["changes"];
  // Over so long, because the rate falls for half a second whenever a queue has to be emptied.
  constexpr double kSpan = 3;  // seconds
  std::vector<double> sent;    // bits a second, one for each span
  double bytes = 0;
  double longest_ms = 0;
  std::size_t queued = 0;  // observations with a queue of over 40 ms
  std::size_t observations = 0;
  std::uint64_t overflowed = 0;
  observe(kSteady, [&](double at, const Relay::Counts& counts) {
    bytes += double(counts.bytes);
    if (at < kSteady) {
      sent.resize(std::size_t(at / kSpan) + 1);
      sent.back() += double(counts.bytes) * 8 / kSpan;
    }
    overflowed += counts.overflowed;
    longest_ms = std::max(longest_ms, double(counts.longest.count()) / 1e6);
    queued += counts.longest > 40ms ? 1 : 0;
    ++observations;
  });
  const Shown shown = take_shown();
  const auto [least, most] = std::ranges::minmax(sent);
  std::cerr << GetParam().name << ": " << least / 1e6 << " to " << most / 1e6
            << " Mb/s over three seconds, in all " << bytes * 8 / kSteady / 1e6
            << " Mb/s, queue up to " << longest_ms << " ms, over 40 ms "
            << double(queued) * 100 / double(observations) << " % of the time, " << overflowed
            << " packets dropped, longest pause " << shown.longest_pause_ms << " ms, "
            << status()["adaptation"]["changes"].get<double>() - changes << " changes of level\n";
  EXPECT_LE(most, least * 1.3) << "it swings";
  EXPECT_LE(status()["adaptation"]["changes"].get<double>() - changes, 2);
  EXPECT_GE(bytes * 8 / kSteady, line * GetParam().least);
  EXPECT_LE(longest_ms, 200);
  EXPECT_LE(shown.longest_pause_ms, 500);
}

INSTANTIATE_TEST_SUITE_P(Networks, SteadyNetwork,
                         testing::Values(Network{"Narrow", 3, 0.5}, Network{"Middling", 8, 0.6},
                                         Network{"Wide", 30, 0.6}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace lumen::browser
