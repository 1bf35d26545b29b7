// lumen-host encoders: what can encode here, and why the rest can't.
#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report_fixture.h"

namespace lumen::session {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class Encoders : public Report {
 protected:
  static Json find(const Json& report, const std::string& backend, const std::string& codec) {
    for (const Json& entry : report["encoders"]) {
      if (entry["backend"] == backend && entry["codec"] == codec) return entry;
    }
    ADD_FAILURE() << backend << " " << codec << " is not listed";
    return {};
  }
  /// libcuda and libnvidia-encode are the stand-ins.
  static Environment with_stand_ins() {
    return {{"LD_LIBRARY_PATH", std::filesystem::path(LUMEN_SIM_CUDA_LIBRARY).parent_path()},
            {"LUMEN_SIM_NVENC_STRICT", "1"}};
  }
  static std::set<std::string> words(const Json& list) { return list.get<std::set<std::string>>(); }
};

TEST_F(Encoders, EveryBackendAndCodecIsListedWithWhatItDoesOrWhyNot) {
  const Json report = report_json("encoders", with_broken_cuda("refuse"));
  EXPECT_EQ(report["version"], 1);
  ASSERT_EQ(report["encoders"].size(), 9U);
  for (const char* const codec : {"h264", "hevc"}) {
    const Json software = find(report, "software", codec);
    EXPECT_TRUE(software["ok"]) << software;
    EXPECT_EQ(software["reads"], "host memory");
    EXPECT_THAT(words(software["formats"]), Contains("4:2:0 8 bit"));
    EXPECT_THAT(words(software["recovery"]), Contains("key-frame"));
    EXPECT_EQ(report["auto"][codec], "software");
    for (const char* const backend : {"nvenc", "ffmpeg-nvenc"}) {
      const Json entry = find(report, backend, codec);
      EXPECT_FALSE(entry["ok"]);
      EXPECT_FALSE(entry["reason"].get<std::string>().empty());
    }
  }
  EXPECT_TRUE(find(report, "software", "h264")["damage"]);
}

TEST_F(Encoders, TheNvencStandInIsTriedOut) {
  const Json report = report_json("encoders", with_stand_ins());
  for (const char* const codec : {"h264", "hevc"}) {
    EXPECT_EQ(report["auto"][codec], "nvenc");
    const Json native = find(report, "nvenc", codec);
    ASSERT_TRUE(native["ok"]) << native;
    EXPECT_EQ(native["reads"], "GPU memory");
    EXPECT_TRUE(native["change_bitrate"]);
    EXPECT_GE(native["largest"][0], 4096);
    EXPECT_TRUE(find(report, "ffmpeg-nvenc", codec)["ok"]);
  }
  EXPECT_THAT(words(find(report, "nvenc", "h264")["recovery"]), Contains("invalidation"));
  EXPECT_THAT(words(find(report, "nvenc", "hevc")["recovery"]), Contains("intra-refresh"));
}

TEST_F(Encoders, AnEncoderThatFailsOnItsFirstPictureIsNoEncoder) {
  Environment env = with_stand_ins();
  env["LUMEN_SIM_NVENC_FAIL"] = "nvEncEncodePicture@1+=20";
  const Json report = report_json("encoders", env);
  EXPECT_FALSE(find(report, "nvenc", "h264")["ok"]);
  EXPECT_EQ(report["auto"]["h264"], "software");
}

TEST_F(Encoders, ADriverThatCrashesIsNamedAndTheOthersGoOn) {
  Environment env = with_broken_cuda("crash");
  env["LD_LIBRARY_PATH"] += ":" + with_stand_ins()["LD_LIBRARY_PATH"];
  const Json report = report_json("encoders", env);
  EXPECT_THAT(find(report, "nvenc", "h264")["reason"].get<std::string>(), HasSubstr("SIGSEGV"));
  EXPECT_EQ(report["auto"]["h264"], "software");
}

TEST_F(Encoders, TextFitsATerminalAndSaysWhatAutoTakes) {
  const std::string text = report("encoders", {});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_THAT(line, Not(HasSubstr("\x1b"))) << "escapes without a terminal";
  }
  for (const char* const part : {"H.264", "HEVC", "AV1", "software", "--encoder auto takes"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace lumen::session
