// What a running host understands, and what it says to what it doesn't.
#include "app/control/request.h"

#include <string>
#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/control/ctl_request.h"

namespace lumen::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

template <typename Kind>
Kind understood(std::string_view line) {
  auto parsed = parse_request(line);
  EXPECT_TRUE(parsed.request) << line;
  return parsed.request ? std::get<Kind>(*parsed.request) : Kind{};
}

std::string refusal(std::string_view line) {
  const auto parsed = parse_request(line);
  EXPECT_FALSE(parsed.request) << line;
  if (parsed.request) return {};
  EXPECT_EQ(parsed.request.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(parsed.request.error().describe(), Not(HasSubstr("\n")));
  return parsed.request.error().describe();
}

TEST(ControlRequest, EveryMethodIsUnderstood) {
  understood<GetStatus>(R"({"method": "status"})");
  EXPECT_EQ(understood<AddSink>(R"({"method":"add-sink","sink":"file:a.mp4"})").sink, "file:a.mp4");
  EXPECT_EQ(understood<RemoveSink>(R"({"method": "remove-sink", "id": 7})").id, 7U);
  const auto set =
      understood<Set>(R"({"method":"set","bitrate":"10M","codec":"hevc","size":"1280x720"})");
  EXPECT_EQ(set.change.bitrate_bps, 10'000'000U);
  EXPECT_EQ(set.change.codec, Codec::kHevc);
  EXPECT_EQ(set.change.size, (Extent{1280, 720}));
  understood<KeyFrame>(R"({"method":"key-frame"})");
  understood<Start>(R"({"method":"start"})");
  understood<Stop>(R"({"method":"stop"})");
  understood<Reload>(R"({"method":"reload"})");
  understood<Quit>(R"({"method":"quit"})");
}

TEST(ControlRequest, WhatIsWrongIsSaidInOneLine) {
  EXPECT_THAT(refusal(""), HasSubstr("one JSON object"));
  EXPECT_THAT(refusal("status"), HasSubstr("one JSON object"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("one JSON object"));
  EXPECT_THAT(refusal(R"({"method": 3})"), HasSubstr("\"method\" has to be text"));
  EXPECT_THAT(refusal(R"({"method":"statu"})"), HasSubstr("did you mean 'status'?"));
  EXPECT_THAT(refusal(R"({"method":"no\nsuch\u001b[2J"})"), HasSubstr("no method"));
  EXPECT_THAT(refusal(R"({"method":"status","deep":1})"), HasSubstr("has no 'deep'"));
  EXPECT_THAT(refusal(R"({"method":"add-sink"})"), HasSubstr("\"sink\" has to be text"));
  EXPECT_THAT(refusal(R"({"method":"remove-sink","id":-1})"), HasSubstr("number of a sink"));
  EXPECT_THAT(refusal(R"({"method":"remove-sink","id":4294967296})"), HasSubstr("number"));
  EXPECT_THAT(refusal(R"({"method":"set"})"), HasSubstr("nothing is to be set"));
  EXPECT_THAT(refusal(R"({"method":"set","bitrate":"fast"})"), HasSubstr("'fast'"));
  EXPECT_THAT(refusal(R"({"method":"set","codec":"vp9"})"), HasSubstr("h264"));
  EXPECT_THAT(refusal(R"({"method":"status","tag":{}})"), HasSubstr("tag"));
}

TEST(ControlRequest, DepthAndLengthAreBounded) {
  refusal(std::string(1'000'000, '['));
  refusal("{\"method\":\"status\",\"tag\":\"" + std::string(kLongestRequest, 'x') + "\"}");
}

TEST(ControlRequest, AnAnswerHasTheTagAndIsOneLine) {
  EXPECT_EQ(parse_request(R"({"method":"status","tag":"a\nb"})").tag, "a\nb");
  EXPECT_EQ(answer_line("x", Json{{"id", 2}}), R"({"ok":true,"tag":"x","result":{"id":2}})");
  const auto no = answer_line(nullptr, fail(ErrorKind::kNotFound, "gone\n\xff", "look"));
  EXPECT_THAT(no, HasSubstr(R"("kind":"not_found")"));
  EXPECT_THAT(no, Not(HasSubstr("\n")));
}

TEST(CtlRequest, VerbsBecomeRequests) {
  const auto words = [](std::vector<std::string> all) { return ctl_request(all); };
  EXPECT_EQ(words({"stop"})->dump(), R"({"method":"stop"})");
  EXPECT_EQ(words({"bitrate", "10M"})->dump(), R"({"method":"set","bitrate":"10M"})");
  EXPECT_EQ(words({"remove-sink", "3"})->dump(), R"({"method":"remove-sink","id":3})");
  EXPECT_EQ((*words({"add-sink", "rtp:127.0.0.1:5004"}))["sink"], "rtp:127.0.0.1:5004");
  EXPECT_THAT((*words({"add-sink", "file:a.mp4"}))["sink"].get<std::string>(),
              ::testing::MatchesRegex("file:/.*/a.mp4"))
      << "the host has a working directory of its own";
  for (const auto& bad : std::vector<std::vector<std::string>>{{},
                                                               {"bitrate"},
                                                               {"bitrate", "x"},
                                                               {"remove-sink", "-1"},
                                                               {"add-sink", "srt://h"},
                                                               {"stop", "now"},
                                                               {"dance"}}) {
    EXPECT_FALSE(words(bad));
  }
}

}  // namespace
}  // namespace lumen::control
