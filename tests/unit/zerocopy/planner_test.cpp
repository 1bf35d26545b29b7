#include "zerocopy/planner.h"

#include <array>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

Result<void> usable() { return {}; }
Result<void> no_driver() { return fail(ErrorKind::kUnsupported, "no driver", "install one"); }
Result<std::unique_ptr<FrameImporter>> refuses() {
  return fail(ErrorKind::kUnsupported, "probe failed");
}
Result<std::unique_ptr<FrameImporter>> cpu_route() { return importer_registry().back().create(); }
Result<std::unique_ptr<FrameImporter>> must_not_be_called() {
  ADD_FAILURE() << "created although its check failed or a better one was there";
  return refuses();
}

TEST(Planner, TheCpuRouteIsTheLastRungAndWorksEverywhere) {
  ASSERT_FALSE(importer_registry().empty());
  EXPECT_EQ(importer_registry().back().name, "cpu");
  const auto plan = plan_import();
  ASSERT_TRUE(plan);
  ASSERT_NE(plan->importer, nullptr);
  EXPECT_FALSE(plan->offers.empty());
  EXPECT_TRUE(plan->ladder.back().taken);
}

TEST(Planner, StepsDownWithReasonsAndStopsAtTheFirstThatWorks) {
  const std::array ladder = {ImporterEntry{"first", no_driver, must_not_be_called},
                             ImporterEntry{"second", usable, refuses},
                             ImporterEntry{"third", usable, cpu_route},
                             ImporterEntry{"fourth", usable, must_not_be_called}};
  const auto plan = plan_import(ladder);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->ladder.size(), 3u);
  EXPECT_EQ(plan->ladder[0].name, "first");
  EXPECT_EQ(plan->ladder[0].reason, "no driver (install one)");
  EXPECT_EQ(plan->ladder[1].reason, "probe failed");
  EXPECT_FALSE(plan->ladder[1].taken);
  EXPECT_EQ(plan->ladder[2].name, "third");
  EXPECT_TRUE(plan->ladder[2].taken);
}

TEST(Planner, SaysWhyNothingWorks) {
  const std::array ladder = {ImporterEntry{"first", no_driver, must_not_be_called},
                             ImporterEntry{"second", usable, refuses}};
  const auto plan = plan_import(ladder);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(plan.error().message.find("first: no driver"), std::string::npos);
  EXPECT_NE(plan.error().message.find("second: probe failed"), std::string::npos);
}

TEST(Without, DropsExactlyTheFailedCombination) {
  const Modifier tiled{0x0300000000606010};
  const std::vector<FormatOffer> offers = {{Fourcc::kBGRx, {tiled, kModifierLinear}},
                                           {Fourcc::kNV12, {kModifierLinear}},
                                           {Fourcc::kBGRx, {}},
                                           {Fourcc::kNV12, {}}};
  auto rest = without(offers, Fourcc::kBGRx, tiled);
  ASSERT_EQ(rest.size(), 4u);
  EXPECT_EQ(rest[0], (FormatOffer{Fourcc::kBGRx, {kModifierLinear}}));

  rest = without(rest, Fourcc::kBGRx, kModifierLinear);
  ASSERT_EQ(rest.size(), 3u);
  EXPECT_EQ(rest[0].format, Fourcc::kNV12);
  EXPECT_EQ(rest[1], (FormatOffer{Fourcc::kBGRx, {}}));

  rest = without(rest, Fourcc::kBGRx, std::nullopt);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(without(rest, Fourcc::kBGRx, kModifierInvalid), rest);

  rest = without(without(rest, Fourcc::kNV12, std::nullopt), Fourcc::kNV12, kModifierLinear);
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace lumen
