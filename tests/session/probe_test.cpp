// lumen-host zerocopy-probe: says what this machine will do, also where a driver is broken.
#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report_fixture.h"

namespace lumen::session {
namespace {

using Json = nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Probe : public Report {
 protected:
  std::string probe(const std::vector<std::string>& args) { return report("zerocopy-probe", args); }
  Json probe_json(const Environment& env = {}) { return report_json("zerocopy-probe", env); }
  Json probe_with_broken_cuda(const std::string& how) { return probe_json(with_broken_cuda(how)); }

  static void expect_one_sentence(const std::string& text) {
    EXPECT_TRUE(text.starts_with("This machine will ")) << text;
    EXPECT_TRUE(text.ends_with('.')) << text;
    EXPECT_THAT(text, Not(HasSubstr(". ")));
    EXPECT_THAT(text, Not(HasSubstr("\n")));
  }
};

bool is_taken(const Json& ladder, const std::string& name) {
  for (const Json& step : ladder) {
    if (step["name"] == name) return step["taken"];
  }
  return false;
}

TEST_F(Probe, JsonHasEverySectionAndOneStepThatIsTaken) {
  const Json report = probe_json();
  for (const char* const section : {"machine", "libraries", "cuda", "egl", "vulkan", "nvenc",
                                    "compositor", "routes", "ladder", "summary"}) {
    EXPECT_TRUE(report.contains(section)) << section;
  }
  expect_one_sentence(report["summary"]);
  ASSERT_EQ(report["routes"].size(), 3U);
  bool gpu = false;
  for (const Json& route : report["routes"]) {
    gpu = gpu || route["ok"];
    EXPECT_TRUE(route["ok"] || !route["reason"].get<std::string>().empty()) << route;
  }
  EXPECT_EQ(is_taken(report["ladder"], "cpu"), !gpu) << report["ladder"];
}

TEST_F(Probe, TextFitsATerminalAndEndsWithTheSentence) {
  const std::string text = probe({});
  std::istringstream lines(text);
  std::string paragraph;  // the last one
  for (std::string line; std::getline(lines, line);) {
    // One byte a character but for µ.
    EXPECT_LE(line.size(), 102U) << line;
    EXPECT_THAT(line, Not(HasSubstr("\x1b"))) << "escapes without a terminal";
    paragraph = line.empty() ? "" : paragraph + (paragraph.empty() ? "" : " ") + line;
  }
  expect_one_sentence(paragraph);
  for (const char* const title : {"Kernel", "Libraries", "CUDA", "EGL", "Vulkan", "NVENC"}) {
    EXPECT_THAT(text, HasSubstr(title));
  }
}

TEST_F(Probe, SourcesAreListedWithWhatTheyOffer) {
  auto producer = session->spawn({LUMEN_TEST_PRODUCER, "--name", "screen", "--modifiers",
                                  "0x300000000606014+linear", "--size", "640x360"},
                                 StandardOutput::kPipe);
  ASSERT_TRUE(producer) << producer.error().describe();
  ASSERT_TRUE(producer->read_value("ready ", Milliseconds(10000)));
  const Json compositor = probe_json()["compositor"];
  ASSERT_EQ(compositor["nodes"].size(), 1U) << compositor;
  const Json& node = compositor["nodes"][0];
  EXPECT_EQ(node["name"], "screen");
  ASSERT_EQ(node["formats"].size(), 2U) << node;
  const Json& dmabuf = node["formats"][0];
  EXPECT_EQ(dmabuf["formats"], Json({"BGRx"}));
  EXPECT_TRUE(dmabuf["dmabuf"]);
  ASSERT_EQ(dmabuf["modifiers"].size(), 2U);
  EXPECT_EQ(dmabuf["modifiers"][0]["modifier"], "0x0300000000606014");
  EXPECT_THAT(dmabuf["modifiers"][0]["name"].get<std::string>(), HasSubstr("NVIDIA block-linear"));
  EXPECT_EQ(dmabuf["modifiers"][1]["name"], "LINEAR");
  EXPECT_EQ(dmabuf["width"], 640);
  EXPECT_FALSE(node["formats"][1]["dmabuf"]);
}

TEST_F(Probe, WithoutPipeWireItSaysSoAndGoesOn) {
  session->kill_pipewire();
  const Json report = probe_json();
  EXPECT_FALSE(report["compositor"]["ok"]);
  EXPECT_THAT(report["compositor"]["reason"].get<std::string>(), HasSubstr("PipeWire"));
  expect_one_sentence(report["summary"]);
}

TEST_F(Probe, DriverThatCrashesIsNamed) {
  for (const auto& [how, signal] : {std::pair{"crash", "SIGSEGV"}, {"abort", "SIGABRT"}}) {
    const Json report = probe_with_broken_cuda(how);
    EXPECT_FALSE(report["cuda"]["ok"]);
    EXPECT_EQ(report["cuda"]["reason"], std::string("crashed (") + signal + ")");
    EXPECT_TRUE(is_taken(report["ladder"], "cpu"));
    EXPECT_TRUE(report["egl"].contains("ok")) << "other sections go on";
    expect_one_sentence(report["summary"]);
    EXPECT_THAT(report["summary"].get<std::string>(),
                AnyOf(HasSubstr("crashed"), HasSubstr("kernel module")));
  }
}

TEST_F(Probe, DriverThatHangsIsEndedInTime) {
  const auto begin = std::chrono::steady_clock::now();
  const Json report = probe_with_broken_cuda("hang");
  // One limit of 15 s, whatever else is asked.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));
  EXPECT_FALSE(report["cuda"]["ok"]);
  EXPECT_EQ(report["cuda"]["reason"], "no answer within 15 s");
  EXPECT_TRUE(is_taken(report["ladder"], "cpu"));
  expect_one_sentence(report["summary"]);
}

TEST_F(Probe, LimitCanBeSet) {
  const auto begin = std::chrono::steady_clock::now();
  session->set_env("LUMEN_PROBE_SECONDS", "3");
  const Json report = probe_with_broken_cuda("hang");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(12));
  EXPECT_EQ(report["cuda"]["reason"], "no answer within 3 s");
}

TEST_F(Probe, DriverThatRefusesGivesItsReason) {
  const Json report = probe_with_broken_cuda("refuse");
  EXPECT_FALSE(report["cuda"]["ok"]);
  EXPECT_THAT(report["cuda"]["reason"].get<std::string>(), HasSubstr("cuInit"));
  EXPECT_EQ(report["cuda"]["code"], 999);
}

}  // namespace
}  // namespace lumen::session
