#include "app/probe/child.h"

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/probe/questions.h"

namespace lumen::probe {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

ChildSettings shell(const std::string& script, std::chrono::milliseconds limit = 10s) {
  return {.program = "/bin/sh", .argv = {"sh", "-c", script}, .limit = limit};
}

ChildResult run(const ChildSettings& settings) { return run_children({&settings, 1}).front(); }

TEST(ProbeChild, OutputAndErrorsAreKeptApart) {
  const ChildResult result = run(shell("echo answer; echo trouble >&2; exit 3"));
  EXPECT_EQ(result.end, ChildEnd::kExited);
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.output, "answer\n");
  EXPECT_EQ(result.errors, "trouble\n");
}

TEST(ProbeChild, CrashIsNamed) {
  const ChildResult result = run(shell("kill -SEGV $$"));
  EXPECT_EQ(result.end, ChildEnd::kCrashed);
  EXPECT_EQ(result.code, SIGSEGV);
  const Json answer = answer_of(result, 15s);
  EXPECT_EQ(text_at(answer, "reason"), "crashed (SIGSEGV)");
  EXPECT_FALSE(flag_at(answer, "ok"));
}

TEST(ProbeChild, HangIsEndedAtItsLimit) {
  const auto begin = std::chrono::steady_clock::now();
  const ChildResult result = run(shell("echo half; exec sleep 60", 300ms));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(result.end, ChildEnd::kTimedOut);
  EXPECT_EQ(text_at(answer_of(result, 15s), "reason"), "no answer within 15 s");
}

TEST(ProbeChild, HangThatIgnoresSignalsIsEndedToo) {
  const ChildResult result = run(shell("trap '' TERM INT; while :; do sleep 0.05; done", 300ms));
  EXPECT_EQ(result.end, ChildEnd::kTimedOut);
  EXPECT_LT(result.took, 2s) << "it was given up, not ended";
}

TEST(ProbeChild, SeveralRunAtTheSameTime) {
  const std::vector<ChildSettings> settings = {
      shell("sleep 0.4; echo 1"), shell("sleep 0.4; echo 2"), shell("sleep 0.4; echo 3")};
  const auto begin = std::chrono::steady_clock::now();
  const auto results = run_children(settings);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  ASSERT_EQ(results.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(results[i].output, std::to_string(i + 1) + "\n");
}

TEST(ProbeChild, LargeOutputArrivesWhole) {
  const ChildResult result = run(shell("head -c 1000000 /dev/zero | tr '\\0' x"));
  EXPECT_EQ(result.output.size(), 1'000'000U);
}

TEST(ProbeChild, MissingProgramIsSaid) {
  const ChildResult result = run({.program = "/nowhere/lumen", .argv = {"lumen"}});
  EXPECT_EQ(result.end, ChildEnd::kNotRun);
  EXPECT_THAT(text_at(answer_of(result, 15s), "reason"), HasSubstr("/nowhere/lumen"));
}

TEST(ProbeChild, SignalsWorkInChildrenAlthoughWeBlockThem) {
  sigset_t signals;
  sigset_t before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &signals, &before), 0);
  const ChildResult result = run(shell("kill -TERM $$; echo still there"));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(result.end, ChildEnd::kCrashed);
  EXPECT_EQ(result.code, SIGTERM);
}

TEST(ProbeAnswer, IsTheObjectThatTheChildPrinted) {
  const ChildResult result{.end = ChildEnd::kExited,
                           .output = R"({"ok": true, "version": "12.4"})"};
  EXPECT_EQ(text_at(answer_of(result, 15s), "version"), "12.4");
}

TEST(ProbeAnswer, HalfAnAnswerIsNone) {
  const ChildResult result{
      .end = ChildEnd::kExited, .code = 1, .output = R"({"ok": tr)", .errors = "a\nlibcuda: bad\n"};
  const Json answer = answer_of(result, 15s);
  EXPECT_FALSE(flag_at(answer, "ok"));
  EXPECT_THAT(text_at(answer, "reason"), HasSubstr("status 1"));
  EXPECT_EQ(text_at(answer, "stderr"), "libcuda: bad");
}

TEST(ProbeReport, AsksNothingOfAGpuWhereCudaDoesNotAnswer) {
  std::vector<std::string> asked;
  const Ask ask = [&](std::span<const std::string> sections) {
    asked.insert(asked.end(), sections.begin(), sections.end());
    return std::vector<Json>(sections.size(), Json{{"ok", false}, {"reason", "crashed (SIGSEGV)"}});
  };
  const std::vector<std::string_view> routes = {"egl", "vulkan"};
  const Json report = make_report(Json::object(), routes, ask);
  EXPECT_THAT(asked, ::testing::ElementsAre("libraries", "cuda", "egl", "vulkan", "compositor"));
  EXPECT_EQ(report["routes"].size(), 2U);
  EXPECT_THAT(text_at(report["routes"][0], "reason"), HasSubstr("CUDA"));
}

TEST(ProbeReport, AsksEveryRouteOneByOne) {
  std::vector<std::string> alone;
  const Ask ask = [&](std::span<const std::string> sections) {
    if (sections.size() == 1) alone.push_back(sections.front());
    return std::vector<Json>(sections.size(), Json{{"ok", true}});
  };
  const std::vector<std::string_view> routes = {"egl", "vulkan"};
  const Json report = make_report(Json::object(), routes, ask);
  EXPECT_THAT(alone, ::testing::ElementsAre("nvenc", "route:egl", "route:vulkan"));
  EXPECT_TRUE(flag_at(report["ladder"][0], "taken"));
}

}  // namespace
}  // namespace lumen::probe
