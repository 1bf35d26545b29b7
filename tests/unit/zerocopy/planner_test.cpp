#include "zerocopy/planner.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

constexpr Modifier kTiled{0x0300000000606010};

/// What the fake routes of one test do, and what was done to them. The registry's functions are
/// plain pointers, so there is one of it at a time.
struct Script {
  std::map<std::string, std::optional<Error>> create_error;
  std::map<std::string, std::deque<std::optional<Error>>> import_errors;  // by call; then none
  std::map<std::string, std::vector<FormatOffer>> offers;
  std::vector<std::string> created;
  std::vector<std::string> imported;
  bool damage_known = false;  // of the last one
  int alive = 0;
};
Script* script = nullptr;

Error error_of(ErrorKind kind, std::string message) {
  Error error;
  error.kind = kind;
  error.message = std::move(message);
  return error;
}

class FakeRoute final : public FrameImporter {
 public:
  explicit FakeRoute(std::string name) : name_(std::move(name)) { ++script->alive; }
  ~FakeRoute() override { --script->alive; }
  [[nodiscard]] std::vector<FormatOffer> offers() const override { return script->offers[name_]; }
  Result<void> configure(const ImportTarget&) override { return {}; }
  Result<Frame> import(CapturedFrame captured) override {
    script->imported.push_back(name_);
    script->damage_known = captured.damage.known();
    auto& errors = script->import_errors[name_];
    if (!errors.empty()) {
      const auto error = errors.front();
      errors.pop_front();
      if (error) return tl::unexpected(*error);
    }
    return Frame{CpuImage{}, captured.size, {}, captured.times};
  }
  [[nodiscard]] std::string_view route() const override { return name_; }

 private:
  std::string name_;
};

template <char... kName>
Result<std::unique_ptr<FrameImporter>> create(cuda::Gpu&) {
  const std::string name{kName...};
  script->created.push_back(name);
  if (const auto error = script->create_error[name]) return tl::unexpected(*error);
  return std::make_unique<FakeRoute>(name);
}
Result<void> usable() { return {}; }
Result<void> no_driver() { return fail(ErrorKind::kUnsupported, "no driver", "install one"); }

constexpr ImporterEntry kRegistry[] = {
    {"egl", RouteKind::kGpu, usable, create<'e', 'g', 'l'>},
    {"vulkan", RouteKind::kGpu, usable, create<'v', 'u', 'l', 'k', 'a', 'n'>},
    {"cpu", RouteKind::kCpu, usable, create<'c', 'p', 'u'>},
};

class PlannerTest : public testing::Test {
 protected:
  PlannerTest() {
    script = &script_;
    script_.offers["egl"] = {{Fourcc::kBGRx, {kTiled, kModifierLinear}}};
    script_.offers["vulkan"] = {{Fourcc::kBGRx, {kTiled}}, {Fourcc::kBGRA, {kModifierLinear}}};
    script_.offers["cpu"] = {{Fourcc::kBGRx, {}}, {Fourcc::kBGRx, {kModifierLinear}}};
  }
  ~PlannerTest() override {
    planner_.reset();
    EXPECT_EQ(script_.alive, 0) << "a route was leaked";
    script = nullptr;
  }

  void plan(ZeroCopy mode = ZeroCopy::kAuto) {
    auto made = Planner::create(mode, kRegistry);
    ASSERT_TRUE(made) << made.error().describe();
    planner_ = std::move(*made);
    ASSERT_TRUE(mode == ZeroCopy::kRequire || planner_->configure({.size = {64, 64}}));
  }
  static CapturedFrame frame(std::optional<Modifier> modifier) {
    CapturedFrame captured;
    captured.format = Fourcc::kBGRx;
    captured.size = {64, 64};
    if (modifier) {
      DmaBufImage image;
      image.modifier = *modifier;
      captured.image = image;
    }
    return captured;
  }
  [[nodiscard]] LadderStep step(std::string_view name) const {
    const auto found = std::ranges::find(planner_->ladder(), name, &LadderStep::name);
    return found == planner_->ladder().end() ? LadderStep{} : *found;
  }
  void next_import_fails(const std::string& route, ErrorKind kind) {
    script_.import_errors[route].push_back(error_of(kind, "broken"));
  }
  /// As often as it takes to give a modifier up; the answer to the last of these frames.
  ErrorKind reject(const std::string& route, Modifier modifier) {
    for (unsigned i = 1; i < Planner::kStrikes; ++i) {
      next_import_fails(route, ErrorKind::kFormatRejected);
      const auto skipped = planner_->import(frame(modifier));
      EXPECT_TRUE(!skipped && skipped.error().kind == ErrorKind::kRetry);
    }
    next_import_fails(route, ErrorKind::kFormatRejected);
    const auto failed = planner_->import(frame(modifier));
    return failed ? ErrorKind::kRetry : failed.error().kind;
  }

  Script script_;
  std::unique_ptr<Planner> planner_;
};

TEST_F(PlannerTest, TakesTheBestRouteAndKeepsTheCpuForHostMemory) {
  plan();
  EXPECT_EQ(script_.created, (std::vector<std::string>{"egl", "cpu"}));
  const auto offers = planner_->offers();
  ASSERT_EQ(offers.size(), 2u);
  EXPECT_EQ(offers[0], (FormatOffer{Fourcc::kBGRx, {kTiled, kModifierLinear}}));
  EXPECT_EQ(offers[1], (FormatOffer{Fourcc::kBGRx, {}})) << "LINEAR is offered once";
  ASSERT_TRUE(planner_->import(frame(kTiled)));
  EXPECT_EQ(planner_->route(), "egl");
  ASSERT_TRUE(planner_->import(frame(std::nullopt)));
  EXPECT_EQ(planner_->route(), "cpu");
  EXPECT_TRUE(step("egl").taken);
  EXPECT_TRUE(step("readback").taken) << "the target is host memory";
  EXPECT_FALSE(step("cpu").taken);
}

TEST_F(PlannerTest, StepsDownAtStartWithTheReason) {
  script_.create_error["egl"] = error_of(ErrorKind::kUnsupported, "self-test failed");
  plan();
  EXPECT_EQ(step("egl").reason, "self-test failed");
  EXPECT_TRUE(step("vulkan").taken);
}

TEST_F(PlannerTest, OffUsesTheCpuAloneAndTouchesNoDriver) {
  plan(ZeroCopy::kOff);
  EXPECT_EQ(script_.created, (std::vector<std::string>{"cpu"}));
  EXPECT_EQ(step("egl").reason, "switched off");
  EXPECT_TRUE(step("cpu").taken);
}

TEST_F(PlannerTest, RequireFailsWithEveryReasonWhereNoGpuRouteWorks) {
  script_.create_error["egl"] = error_of(ErrorKind::kUnsupported, "no EGL");
  script_.create_error["vulkan"] = error_of(ErrorKind::kUnsupported, "no Vulkan");
  const auto planner = Planner::create(ZeroCopy::kRequire, kRegistry);
  ASSERT_FALSE(planner);
  EXPECT_EQ(planner.error().domain, Planner::kErrorDomain);
  EXPECT_NE(planner.error().message.find("egl: no EGL"), std::string::npos);
  EXPECT_NE(planner.error().message.find("vulkan: no Vulkan"), std::string::npos);
  EXPECT_EQ(std::ranges::count(script_.created, "cpu"), 0);
}

TEST_F(PlannerTest, RequireRefusesAnEncoderThatReadsHostMemory) {
  plan(ZeroCopy::kRequire);
  const auto configured = planner_->configure({.size = {64, 64}});
  ASSERT_FALSE(configured);
  EXPECT_EQ(configured.error().domain, Planner::kErrorDomain);
  EXPECT_TRUE(planner_->configure({.size = {64, 64}, .memory = FrameMemory::kCuda}));
}

TEST_F(PlannerTest, AFailedModifierIsDroppedAndLateFramesOfItAreSkipped) {
  plan();
  EXPECT_EQ(reject("egl", kTiled), ErrorKind::kFormatRejected);
  EXPECT_EQ(planner_->offers().front(), (FormatOffer{Fourcc::kBGRx, {kModifierLinear}}));

  const auto late = planner_->import(frame(kTiled));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kRetry);
  ASSERT_TRUE(planner_->import(frame(kModifierLinear)));
  EXPECT_EQ(planner_->route(), "egl");
}

TEST_F(PlannerTest, OneBadBufferNowAndThenIsOnlySkipped) {
  plan();
  for (int i = 0; i < 20; ++i) {
    next_import_fails("egl", ErrorKind::kFormatRejected);
    next_import_fails("egl", ErrorKind::kFormatRejected);
    for (int bad = 0; bad < 2; ++bad) {
      const auto skipped = planner_->import(frame(kTiled));
      ASSERT_FALSE(skipped);
      EXPECT_EQ(skipped.error().kind, ErrorKind::kRetry);
    }
    ASSERT_TRUE(planner_->import(frame(kTiled)));
  }
  EXPECT_EQ(planner_->offers().front(), (FormatOffer{Fourcc::kBGRx, {kTiled, kModifierLinear}}));
}

TEST_F(PlannerTest, WithoutAnyFormatLeftTheNextRouteTakesOver) {
  plan();
  EXPECT_EQ(reject("egl", kTiled), ErrorKind::kFormatRejected);
  EXPECT_EQ(reject("egl", kModifierLinear), ErrorKind::kFormatRejected)
      << "so that it is negotiated anew";
  EXPECT_FALSE(step("egl").taken);
  EXPECT_NE(step("egl").reason.find("no layout is left: broken"), std::string::npos);
  EXPECT_TRUE(step("vulkan").taken);
  ASSERT_TRUE(planner_->import(frame(kTiled))) << "another route may take what this one refused";
  EXPECT_EQ(planner_->route(), "vulkan");
}

TEST_F(PlannerTest, AFormatThatIsExhaustedGoesToTheNextRouteThoughAnotherIsLeft) {
  script_.offers["egl"] = {{Fourcc::kBGRx, {kModifierLinear}}, {Fourcc::kBGRA, {kModifierLinear}}};
  script_.offers["vulkan"] = {{Fourcc::kBGRx, {kModifierLinear}}};
  plan();
  EXPECT_EQ(reject("egl", kModifierLinear), ErrorKind::kFormatRejected);
  ASSERT_TRUE(planner_->import(frame(kModifierLinear)));
  EXPECT_EQ(planner_->route(), "vulkan") << "not the CPU";
}

TEST_F(PlannerTest, GoesDownToTheCpuInMidStream) {
  plan();
  next_import_fails("egl", ErrorKind::kUnsupported);
  next_import_fails("vulkan", ErrorKind::kUnsupported);
  EXPECT_FALSE(planner_->import(frame(kTiled)));
  EXPECT_FALSE(planner_->import(frame(kTiled)));
  EXPECT_TRUE(step("cpu").taken);
  EXPECT_FALSE(step("readback").taken);
  EXPECT_EQ(planner_->offers(), script_.offers["cpu"]);
  ASSERT_TRUE(planner_->import(frame(kModifierLinear)));
  EXPECT_EQ(planner_->route(), "cpu");
}

class FailsAtFrame : public PlannerTest, public testing::WithParamInterface<unsigned> {};

// The route that fails loses that one frame; the next route brings every later one.
TEST_P(FailsAtFrame, TheNextRouteTakesOverAndOneFrameIsLost) {
  plan();
  script_.import_errors["egl"].resize(GetParam() - 1);
  next_import_fails("egl", ErrorKind::kUnsupported);
  unsigned lost = 0;
  for (unsigned i = 1; i <= GetParam() + 50; ++i) {
    const auto imported = planner_->import(frame(kTiled));
    lost += imported ? 0 : 1;
    EXPECT_EQ(imported.has_value(), i != GetParam());
  }
  EXPECT_EQ(lost, 1u);
  EXPECT_EQ(planner_->route(), "vulkan");
}
INSTANTIATE_TEST_SUITE_P(Planner, FailsAtFrame, testing::Values(1u, 100u, 1000u));

TEST_F(PlannerTest, FramesStillOnTheirWayAfterAStepDownNegotiateOnlyOnce) {
  script_.offers["vulkan"] = {{Fourcc::kBGRA, {kModifierLinear}}};
  plan();
  next_import_fails("egl", ErrorKind::kUnsupported);
  const auto failed = planner_->import(frame(kTiled));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kFormatRejected);
  for (int i = 0; i < 5; ++i) {
    const auto late = planner_->import(frame(kTiled));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::kRetry);
  }
}

TEST_F(PlannerTest, ALostGpuIsOpenedAgainOnceItHasWorked) {
  plan();
  ASSERT_TRUE(planner_->import(frame(kTiled)));
  next_import_fails("egl", ErrorKind::kDeviceLost);
  const auto lost = planner_->import(frame(kTiled));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kRetry) << "the format is still the right one";
  EXPECT_EQ(std::ranges::count(script_.created, "egl"), 2);
  ASSERT_TRUE(planner_->import(frame(kTiled)));
  EXPECT_EQ(planner_->route(), "egl");
}

TEST_F(PlannerTest, AGpuThatIsLostAtOnceIsNotTriedForEver) {
  plan();
  next_import_fails("egl", ErrorKind::kDeviceLost);
  ASSERT_FALSE(planner_->import(frame(kTiled)));
  EXPECT_EQ(std::ranges::count(script_.created, "egl"), 1);
  EXPECT_TRUE(step("vulkan").taken);
}

TEST_F(PlannerTest, ASkippedFrameChangesNothing) {
  plan();
  next_import_fails("egl", ErrorKind::kRetry);
  const auto skipped = planner_->import(frame(kTiled));
  ASSERT_FALSE(skipped);
  EXPECT_EQ(skipped.error().kind, ErrorKind::kRetry);
  EXPECT_TRUE(step("egl").taken);
  EXPECT_EQ(planner_->offers().front(), (FormatOffer{Fourcc::kBGRx, {kTiled, kModifierLinear}}));
}

// A route that did not have the frame before can't tell what it lacks.
TEST_F(PlannerTest, DamageIsForTheRouteThatHadTheFrameBefore) {
  plan();
  const auto damage_arrives = [this](std::optional<Modifier> modifier) {
    CapturedFrame captured = frame(modifier);
    captured.damage = Damage::nothing();
    script_.damage_known = false;
    (void)planner_->import(std::move(captured));
    return script_.damage_known;
  };
  EXPECT_FALSE(damage_arrives(kTiled)) << "the first frame";
  EXPECT_TRUE(damage_arrives(kTiled));
  EXPECT_FALSE(damage_arrives(std::nullopt)) << "another route";
  EXPECT_TRUE(damage_arrives(std::nullopt));
  EXPECT_FALSE(damage_arrives(Modifier{0x123})) << "not offered";
  EXPECT_FALSE(damage_arrives(std::nullopt)) << "after a frame that no route had";
  EXPECT_TRUE(damage_arrives(std::nullopt));
}

TEST_F(PlannerTest, RequireEndsTheStreamWithTheLastRoute) {
  plan(ZeroCopy::kRequire);
  ASSERT_TRUE(planner_->configure({.size = {64, 64}, .memory = FrameMemory::kCuda}));
  next_import_fails("egl", ErrorKind::kUnsupported);
  next_import_fails("vulkan", ErrorKind::kUnsupported);
  ASSERT_FALSE(planner_->import(frame(kTiled)));
  const auto failed = planner_->import(frame(kTiled));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(failed.error().domain, Planner::kErrorDomain);
}

TEST(Registry, EndsWithTheCpuRouteThatWorksEverywhere) {
  ASSERT_FALSE(importer_registry().empty());
  EXPECT_EQ(importer_registry().back().name, "cpu");
  const auto planner = Planner::create(ZeroCopy::kAuto);
  ASSERT_TRUE(planner);
  EXPECT_FALSE((*planner)->offers().empty());
  const ImporterEntry only[] = {{"egl", RouteKind::kGpu, no_driver, create<'e', 'g', 'l'>}};
  const auto none = Planner::create(ZeroCopy::kAuto, only);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("egl: no driver (install one)"), std::string::npos);
}

TEST(Without, DropsExactlyTheFailedCombination) {
  const std::vector<FormatOffer> offers = {{Fourcc::kBGRx, {kTiled, kModifierLinear}},
                                           {Fourcc::kNV12, {kModifierLinear}},
                                           {Fourcc::kBGRx, {}},
                                           {Fourcc::kNV12, {}}};
  auto rest = without(offers, Fourcc::kBGRx, kTiled);
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

class DeepRoute : public PlannerTest {
 protected:
  DeepRoute() {
    script_.offers["egl"] = {{Fourcc::kBGRx, {kTiled}}};
    script_.offers["vulkan"] = {{Fourcc::kBGRx, {kTiled}}, {Fourcc::kXR30, {kTiled}}};
    script_.offers["cpu"] = {{Fourcc::kBGRx, {}}, {Fourcc::kXR30, {}}};
  }
  static std::vector<FormatOffer> with_deep() {
    return {{Fourcc::kXR30, {kTiled}},
            {Fourcc::kBGRx, {kTiled}},
            {Fourcc::kXR30, {}},
            {Fourcc::kBGRx, {}}};
  }
  static CapturedFrame ten_bits() {
    CapturedFrame captured = frame(kTiled);
    captured.format = Fourcc::kXR30;
    return captured;
  }
};

TEST_F(DeepRoute, ALaterRouteTakesTenBitsWhereTheyAreWantedAndTheFirstOneDoesNot) {
  plan();
  EXPECT_EQ(planner_->offers().front(), (FormatOffer{Fourcc::kBGRx, {kTiled}}));
  planner_->prefer_depth(10);
  EXPECT_EQ(planner_->offers(), with_deep());
  ASSERT_TRUE(planner_->import(ten_bits()));
  EXPECT_EQ(script_.imported.back(), "vulkan");
  ASSERT_TRUE(planner_->import(frame(kTiled)));
  EXPECT_EQ(script_.imported.back(), "egl");
  planner_->prefer_depth(8);
  EXPECT_EQ(planner_->offers(),
            (std::vector<FormatOffer>{
                {Fourcc::kBGRx, {kTiled}}, {Fourcc::kBGRx, {}}, {Fourcc::kXR30, {}}}));
}

TEST_F(DeepRoute, ARouteThatTakesTenBitsItselfNeedsNone) {
  script_.offers["egl"] = script_.offers["vulkan"];
  plan();
  planner_->prefer_depth(10);
  EXPECT_EQ(script_.created, (std::vector<std::string>{"egl", "cpu"}));
  EXPECT_EQ(planner_->offers().front(), (FormatOffer{Fourcc::kXR30, {kTiled}}));
}

TEST_F(DeepRoute, WhatItCanNotImportIsNegotiatedAwayAndTheOtherRouteStays) {
  plan();
  planner_->prefer_depth(10);
  const Error bad = error_of(ErrorKind::kFormatRejected, "bad");
  script_.import_errors["vulkan"] = {bad, bad, bad};
  for (unsigned i = 1; i < Planner::kStrikes; ++i) {
    EXPECT_EQ(planner_->import(ten_bits()).error().kind, ErrorKind::kRetry);
  }
  EXPECT_EQ(planner_->import(ten_bits()).error().kind, ErrorKind::kFormatRejected);
  EXPECT_EQ(planner_->offers(),
            (std::vector<FormatOffer>{
                {Fourcc::kBGRx, {kTiled}}, {Fourcc::kXR30, {}}, {Fourcc::kBGRx, {}}}));
  ASSERT_TRUE(planner_->import(frame(kTiled)));
  EXPECT_EQ(script_.imported.back(), "egl");
}

TEST_F(DeepRoute, ALostGpuIsOpenedAgainForBoth) {
  plan();
  planner_->prefer_depth(10);
  ASSERT_TRUE(planner_->import(ten_bits()));
  script_.import_errors["vulkan"] = {error_of(ErrorKind::kDeviceLost, "gone")};
  EXPECT_EQ(planner_->import(ten_bits()).error().kind, ErrorKind::kFormatRejected);
  EXPECT_EQ(planner_->offers(), with_deep());
  ASSERT_TRUE(planner_->import(ten_bits()));
  EXPECT_EQ(script_.imported.back(), "vulkan");
  EXPECT_EQ(script_.created, (std::vector<std::string>{"egl", "cpu", "vulkan", "egl", "vulkan"}));
}

TEST_F(DeepRoute, OneThatLosesTheGpuAtOnceTakesTheOtherRouteNotWithIt) {
  plan();
  planner_->prefer_depth(10);
  script_.import_errors["vulkan"] = {error_of(ErrorKind::kDeviceLost, "no memory to export")};
  EXPECT_EQ(planner_->import(ten_bits()).error().kind, ErrorKind::kFormatRejected);
  EXPECT_EQ(planner_->offers(),
            (std::vector<FormatOffer>{
                {Fourcc::kBGRx, {kTiled}}, {Fourcc::kXR30, {}}, {Fourcc::kBGRx, {}}}));
  ASSERT_TRUE(planner_->import(frame(kTiled)));
  EXPECT_EQ(script_.imported.back(), "egl");
}

TEST(ByDepth, TheWishedDepthComesFirstWithinEachKindOfMemory) {
  const FormatOffer bgrx{Fourcc::kBGRx, {}};
  const FormatOffer nv12{Fourcc::kNV12, {}};
  const FormatOffer xr30{Fourcc::kXR30, {}};
  const FormatOffer bgrx_dmabuf{Fourcc::kBGRx, {kModifierLinear}};
  const FormatOffer xr30_dmabuf{Fourcc::kXR30, {kModifierLinear}};
  const std::vector<FormatOffer> offers{bgrx_dmabuf, xr30_dmabuf, xr30, bgrx, nv12};
  EXPECT_EQ(by_depth(offers, 8),
            (std::vector<FormatOffer>{bgrx_dmabuf, xr30_dmabuf, bgrx, nv12, xr30}));
  EXPECT_EQ(by_depth(offers, 10),
            (std::vector<FormatOffer>{xr30_dmabuf, bgrx_dmabuf, xr30, bgrx, nv12}));
  EXPECT_TRUE(by_depth({}, 10).empty());
}

}  // namespace
}  // namespace lumen
