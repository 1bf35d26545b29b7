// Wrong use: one clear line, a hint, the documented exit code.
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "harness/private_session.h"

#include <gtest/gtest.h>

namespace lumen::session {
namespace {

struct Case {
  const char* name;
  std::vector<std::string> args;
  int code;
  std::vector<std::string> words;  // the error line has them all
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

class BadUse : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    auto started = PrivateSession::start();
    if (started) {
      session = std::move(*started);
    } else {
      no_session = started.error();
    }
  }
  static void TearDownTestSuite() { session.reset(); }

  static inline std::unique_ptr<PrivateSession> session;
  static inline Error no_session;
};

TEST_P(BadUse, IsOneClearLineAndTheDocumentedCode) {
  if (!session && no_session.kind == ErrorKind::kUnsupported) GTEST_SKIP() << no_session.describe();
  ASSERT_TRUE(session) << no_session.describe();
  std::filesystem::create_directories(session->dir() / "a-directory");
  std::ofstream(session->dir() / "broken.toml") << "bitrate = \"20M\"\nsink = [\n";
  std::ofstream(session->dir() / "unknown.toml") << "bitrat = \"20M\"\n";
  std::vector<std::string> argv = {LUMEN_HOST_BINARY};
  for (std::string argument : GetParam().args) {
    if (const auto at = argument.find("@DIR@"); at != std::string::npos) {
      argument.replace(at, 5, session->dir().string());
    }
    argv.push_back(argument);
  }
  const Environment nowhere =
      GetParam().code == 4
          ? Environment{{"XDG_RUNTIME_DIR", (session->dir() / "a-directory").string()}}
          : Environment{};
  auto process = session->spawn(argv, StandardOutput::kPipe, nowhere);
  ASSERT_TRUE(process) << process.error().describe();
  const auto ending = process->wait(Milliseconds(20000));
  ASSERT_TRUE(ending);
  const std::string log = process->log_text();
  EXPECT_EQ(ending->signal, 0);
  EXPECT_EQ(ending->code, GetParam().code) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << "more than one line:\n" << log;
  for (const std::string& word : GetParam().words) {
    EXPECT_NE(log.find(word), std::string::npos) << "\"" << word << "\" is missing in: " << log;
  }
}

std::vector<std::string> stream(std::initializer_list<std::string> more) {
  std::vector<std::string> args = {"stream",     "--no-config", "--source", "synthetic:320x180@30",
                                   "--duration", "1",           "--quiet"};
  args.insert(args.end(), more);
  return args;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadUse,
    testing::Values(
        Case{"unknown_source",
             {"stream", "--no-config", "--source", "node:nobody", "--sink",
              "file:/dev/null?format=mkv"},
             3,
             {"nobody", "("}},
        Case{"unknown_source_kind",
             {"stream", "--no-config", "--source", "camera", "--sink", "file:x.mp4"},
             2,
             {"camera", "node:"}},
        Case{"unreachable_pipewire",
             {"stream", "--no-config", "--source", "node:screen", "--sink",
              "file:/dev/null?format=mkv"},
             4,
             {"PipeWire", "systemctl"}},
        Case{"unreachable_pipewire_sources", {"sources"}, 4, {"PipeWire"}},
        Case{"missing_directory",
             stream({"--sink", "file:@DIR@/not/there/x.mp4"}),
             5,
             {"not/there"}},
        Case{"directory_as_file",
             stream({"--sink", "file:@DIR@/a-directory?format=mp4"}),
             2,
             {"a-directory"}},
        Case{"full_device", stream({"--sink", "file:/dev/full?format=mkv"}), 5, {"disk full"}},
        Case{"read_only", stream({"--sink", "file:/proc/lumen.mp4"}), 5, {"/proc/lumen.mp4"}},
        Case{"unknown_container", stream({"--sink", "file:@DIR@/x.avi"}), 2, {"avi", "mp4"}},
        Case{"unknown_sink", stream({"--sink", "srt://host"}), 2, {"srt", "rtp:"}},
        Case{"bad_port", stream({"--sink", "rtp:127.0.0.1:99999"}), 2, {"99999"}},
        Case{"unknown_codec",
             stream({"--codec", "vp9", "--sink", "file:x.mp4"}),
             2,
             {"vp9", "h264"}},
        Case{"impossible_size",
             stream({"--size", "0x99999", "--sink", "file:x.mp4"}),
             2,
             {"0x99999"}},
        Case{"impossible_synthetic",
             {"stream", "--no-config", "--source", "synthetic:99999x5", "--sink", "file:x.mp4"},
             2,
             {"99999"}},
        Case{"bad_bitrate",
             stream({"--bitrate", "fast", "--sink", "file:x.mp4"}),
             2,
             {"fast", "20M"}},
        Case{"no_nvidia_driver",
             stream({"--encoder", "nvenc", "--sink", "file:/dev/null?format=mkv"}),
             6,
             {"NVIDIA"}},
        Case{"qp_and_bitrate",
             stream({"--qp", "20", "--bitrate", "5M", "--sink", "file:/dev/null?format=mkv"}),
             2,
             {"--qp", "--bitrate"}},
        Case{"no_nvidia_driver_for_ffmpeg",
             stream({"--encoder", "ffmpeg-nvenc", "--sink", "file:/dev/null?format=mkv"}),
             6,
             {"NVIDIA"}},
        Case{"hevc_baseline",
             stream({"--codec", "hevc", "--profile", "baseline", "--sink",
                     "file:/dev/null?format=mkv"}),
             2,
             {"baseline"}},
        Case{"sdp_without_rtp",
             stream({"--sdp", "x.sdp", "--sink", "file:/dev/null?format=mkv"}),
             2,
             {"--sdp"}},
        Case{"broken_config",
             {"stream", "--config", "@DIR@/broken.toml", "--source", "synthetic"},
             2,
             {"broken.toml:"}},
        Case{"unknown_key",
             {"stream", "--config", "@DIR@/unknown.toml", "--source", "synthetic", "--sink",
              "file:x.mp4"},
             2,
             {"bitrat", "bitrate"}},
        Case{"no_command", {"dance"}, 2, {"dance"}}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(GoodUse, HelpAndVersionAreOnStandardOutput) {
  auto session = PrivateSession::start();
  if (!session && session.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << session.error().describe();
  }
  ASSERT_TRUE(session) << session.error().describe();
  for (const std::vector<std::string>& args : {std::vector<std::string>{"--help"},
                                               {"--version"},
                                               {"stream", "--help"},
                                               {"sources", "--json"}}) {
    std::vector<std::string> argv = {LUMEN_HOST_BINARY};
    argv.insert(argv.end(), args.begin(), args.end());
    const auto output = (*session)->output_of(argv);
    ASSERT_TRUE(output) << output.error().describe();
    EXPECT_FALSE(output->empty());
  }
}

}  // namespace
}  // namespace lumen::session
