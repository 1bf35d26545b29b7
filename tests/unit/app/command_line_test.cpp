#include "app/options/command_line.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class CommandLine : public ::testing::Test {
 protected:
  CommandLine() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    config_ =
        std::filesystem::path(::testing::TempDir()) /
        (std::string("lumen-config-") + info->name() + "-" +
         std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()) + ".toml");
  }
  ~CommandLine() override {
    std::error_code ignored;
    std::filesystem::remove(config_, ignored);
  }

  void write_config(const std::string& text) const { std::ofstream(config_) << text; }

  Result<Command> parse(std::vector<std::string> args) const {
    return parse_command_line(args, ConfigLocation{config_});
  }
  // "stream ARGS" that must be understood.
  StreamOptions stream(std::vector<std::string> args) const {
    args.insert(args.begin(), "stream");
    const auto command = parse(args);
    if (!command) {
      ADD_FAILURE() << command.error().describe();
      return {};
    }
    return std::get<StreamOptions>(*command);
  }
  // The line that the user reads; empty (and a failure) if the arguments were taken.
  std::string refusal(std::vector<std::string> args) const {
    const auto command = parse(std::move(args));
    if (command) {
      ADD_FAILURE() << "was taken";
      return {};
    }
    EXPECT_THAT(command.error().describe(), Not(HasSubstr("\n")));
    return command.error().describe();
  }

  std::filesystem::path config_;
};

TEST_F(CommandLine, ThePageIsWhatIsServedWhereNothingElseIsNamed) {
  EXPECT_EQ(stream({}).sinks, std::vector<std::string>{"web"});
  write_config("sink = ['file:a.mp4']\n");
  EXPECT_EQ(stream({}).sinks, std::vector<std::string>{"file:a.mp4"});
}

TEST_F(CommandLine, DefaultsAreTheDocumentedOnes) {
  const StreamOptions options = stream({"--sink", "file:x.mp4"});
  EXPECT_EQ(options.source, SourceSpec{AutoSource{}});
  EXPECT_THAT(options.sinks, ElementsAre("file:x.mp4"));
  EXPECT_FALSE(options.codec.has_value());
  EXPECT_EQ(options.encoder, EncoderChoice::kAuto);
  EXPECT_EQ(options.profile, Profile::kAuto);
  EXPECT_FALSE(options.bitrate_bps.has_value());
  EXPECT_FALSE(options.quality.has_value());
  EXPECT_TRUE(options.use_damage);
  EXPECT_EQ(options.fps, (FrameRate{60, 1}));
  EXPECT_FALSE(options.size.has_value());
  EXPECT_EQ(options.frames, 0U);
  EXPECT_FALSE(options.duration.has_value());
  EXPECT_FALSE(options.stats.has_value());
  EXPECT_EQ(options.verbosity, log::Verbosity::kNormal);
}

TEST_F(CommandLine, EveryOptionArrives) {
  const StreamOptions options = stream(
      {"--source",   "node:id=7", "--sink",     "file:a.mp4", "--sink",    "rtp:h:5004?pt=97",
       "--codec",    "h264",      "--encoder",  "software",   "--profile", "high",
       "--level",    "4.1",       "--preset",   "veryfast",   "--bitrate", "1.5M",
       "--fps=30",   "--size",    "1280x720",   "--frames",   "600",       "--duration",
       "2m",         "--sdp",     "a.sdp",      "--stats",    "json",      "--trace",
       "trace.json", "--mirror",  "[::1]:6000", "-v"});
  EXPECT_EQ(options.source, SourceSpec{NodeSource{NodeId{7}}});
  EXPECT_THAT(options.sinks, ElementsAre("file:a.mp4", "rtp:h:5004?pt=97"));
  EXPECT_EQ(options.codec, Codec::kH264);
  EXPECT_EQ(options.encoder, EncoderChoice::kSoftware);
  EXPECT_EQ(options.profile, Profile::kHigh);
  EXPECT_EQ(options.level, "4.1");
  EXPECT_EQ(options.preset, "veryfast");
  EXPECT_EQ(options.bitrate_bps, 1'500'000U);
  EXPECT_EQ(options.fps, (FrameRate{30, 1}));
  EXPECT_EQ(options.size, (Extent{1280, 720}));
  EXPECT_EQ(options.frames, 600U);
  EXPECT_EQ(options.duration, std::chrono::minutes(2));
  EXPECT_EQ(options.sdp_path, "a.sdp");
  EXPECT_EQ(options.mirror, (rtp::MirrorTarget{.host = "::1", .port = 6000}));
  EXPECT_EQ(options.stats, StatsFormat::kJson);
  EXPECT_EQ(options.trace_path, "trace.json");
  EXPECT_EQ(options.verbosity, log::Verbosity::kVerbose);
}

TEST_F(CommandLine, LastOneCountsAndSinksAddUp) {
  const StreamOptions options =
      stream({"--fps", "30", "--sink", "file:a.mp4", "--fps", "50", "--sink", "file:[b].mkv"});
  EXPECT_EQ(options.fps, (FrameRate{50, 1}));
  EXPECT_THAT(options.sinks, ElementsAre("file:a.mp4", "file:[b].mkv"));
}

TEST_F(CommandLine, ShortAndLongSwitches) {
  EXPECT_EQ(stream({"-q", "--sink", "file:-"}).verbosity, log::Verbosity::kQuiet);
  EXPECT_EQ(stream({"--quiet", "--sink", "file:-"}).verbosity, log::Verbosity::kQuiet);
  EXPECT_EQ(stream({"--verbose", "--sink", "file:-"}).verbosity, log::Verbosity::kVerbose);
}

TEST_F(CommandLine, FlagBeatsFileBeatsDefault) {
  write_config(
      "fps = 30\nbitrate = \"5M\"\nsink = [\"file:c.mp4\", \"file:d.mp4\"]\nquiet = true\n");
  const StreamOptions file_only = stream({});
  EXPECT_EQ(file_only.fps, (FrameRate{30, 1}));
  EXPECT_EQ(file_only.bitrate_bps, 5'000'000U);
  EXPECT_THAT(file_only.sinks, ElementsAre("file:c.mp4", "file:d.mp4"));
  EXPECT_EQ(file_only.verbosity, log::Verbosity::kQuiet);

  const StreamOptions both = stream({"--fps", "50", "--sink", "file:e.mp4", "-v"});
  EXPECT_EQ(both.fps, (FrameRate{50, 1}));
  EXPECT_EQ(both.bitrate_bps, 5'000'000U);
  EXPECT_THAT(both.sinks, ElementsAre("file:e.mp4")) << "replaced, not added to";
  EXPECT_EQ(both.verbosity, log::Verbosity::kVerbose);
}

TEST_F(CommandLine, EncoderOptionsArrive) {
  const StreamOptions options = stream({"--sink",
                                        "file:a.mkv",
                                        "--codec",
                                        "av1",
                                        "--quality",
                                        "lossless-like",
                                        "--vbv",
                                        "2.5",
                                        "--bitrate",
                                        "8M",
                                        "--key-interval",
                                        "5s",
                                        "--recovery",
                                        "intra-refresh",
                                        "--refresh-frames",
                                        "20",
                                        "--slices",
                                        "4",
                                        "--sub-frame",
                                        "--entropy",
                                        "cavlc",
                                        "--chroma",
                                        "444",
                                        "--bit-depth",
                                        "10",
                                        "--in-place",
                                        "--damage",
                                        "off"});
  EXPECT_EQ(options.codec, Codec::kAv1);
  EXPECT_EQ(options.quality, Quality::kLosslessLike);
  EXPECT_EQ(options.vbv_frames, 2.5);
  EXPECT_EQ(options.bitrate_bps, 8'000'000U);
  EXPECT_EQ(options.key_interval, std::chrono::seconds(5));
  EXPECT_EQ(options.recovery, Recovery::kIntraRefresh);
  EXPECT_EQ(options.refresh_frames, 20U);
  EXPECT_EQ(options.slices, 4U);
  EXPECT_TRUE(options.sub_frame);
  EXPECT_EQ(options.entropy, EntropyCoder::kCavlc);
  EXPECT_EQ(options.chroma, Chroma::k444);
  EXPECT_EQ(options.bit_depth, 10U);
  EXPECT_TRUE(options.in_place);
  EXPECT_FALSE(options.use_damage);
  EXPECT_EQ(stream({"--sink", "file:a.mkv", "--qp", "18"}).qp, 18U);
}

TEST_F(CommandLine, ThePointerIsWhereOneWantsIt) {
  using session::CursorMode;
  EXPECT_EQ(stream({}).cursor, CursorMode::kAuto);
  EXPECT_EQ(stream({"--cursor", "metadata"}).cursor, CursorMode::kMetadata);
  EXPECT_EQ(stream({"--cursor", "hidden"}).cursor, CursorMode::kHidden);
  write_config("cursor = \"embedded\"\n[setup.couch]\ncursor = \"hidden\"\n");
  EXPECT_EQ(stream({}).cursor, CursorMode::kEmbedded);
  EXPECT_EQ(stream({"--setup", "couch"}).cursor, CursorMode::kHidden);
  EXPECT_THAT(refusal({"stream", "--cursor", "off"}),
              HasSubstr("one of auto, embedded, metadata, hidden"));
}

TEST_F(CommandLine, APurposeDoesNotInheritWhatTheFileSetsForAnother) {
  write_config("sink = \"file:c.mp4\"\nbitrate = \"5M\"\nvbv = 3\n");
  const StreamOptions quality = stream({"--quality", "high"});
  EXPECT_FALSE(quality.bitrate_bps.has_value());
  EXPECT_FALSE(quality.vbv_frames.has_value());
  EXPECT_EQ(stream({"--quality", "high", "--bitrate", "6M"}).bitrate_bps, 6'000'000U);
  EXPECT_EQ(stream({"--qp", "20"}).qp, 20U);
  write_config("sink = \"file:c.mp4\"\nbitrate = \"5M\"\nquality = \"low\"\n");
  EXPECT_EQ(stream({}).bitrate_bps, 5'000'000U) << "whatever the order in the file";
  EXPECT_EQ(stream({}).quality, Quality::kLow);
  const StreamOptions latency = stream({"--latency"});
  EXPECT_FALSE(latency.quality.has_value());
  EXPECT_FALSE(latency.bitrate_bps.has_value());
}

TEST_F(CommandLine, ConfigFileCanBeNamedOrLeftOut) {
  write_config("fps = 30\n");
  EXPECT_EQ(stream({"--no-config", "--sink", "file:a.mp4"}).fps, (FrameRate{60, 1}));
  const std::vector<std::string> named{"stream", "--config", config_.string(), "--sink",
                                       "file:a.mp4"};
  const auto command = parse_command_line(named, ConfigLocation{});
  ASSERT_TRUE(command);
  EXPECT_EQ(std::get<StreamOptions>(*command).fps, (FrameRate{30, 1}));
  EXPECT_THAT(refusal({"stream", "--config", "/nonexistent.toml", "--sink", "file:a.mp4"}),
              HasSubstr("/nonexistent.toml: no such file"));
  EXPECT_THAT(refusal({"stream", "--config", "x", "--no-config", "--sink", "file:a.mp4"}),
              HasSubstr("exclude each other"));
}

TEST_F(CommandLine, BadValueInTheFileIsToldWithFileAndLine) {
  write_config("# mine\nbitrate = \"20X\"\n");
  EXPECT_THAT(refusal({"stream", "--sink", "file:a.mp4"}),
              HasSubstr(config_.string() + ":2: bitrate: '20X' is not a bit rate (10k to 2G"));
}

TEST_F(CommandLine, GarbageFileIsToldEvenIfOptionsOverrideIt) {
  write_config("<<<<");
  EXPECT_THAT(refusal({"stream", "--fps", "30", "--sink", "file:a.mp4"}),
              HasSubstr(config_.string() + ":1: "));
}

struct Refused {
  std::vector<std::string> arguments;  // after "stream"
  const char* says;
};

class RefusedArguments : public CommandLine, public ::testing::WithParamInterface<Refused> {};

TEST_P(RefusedArguments, AreToldInOneClearLine) {
  std::vector<std::string> args = GetParam().arguments;
  args.insert(args.begin(), "stream");
  EXPECT_THAT(refusal(args), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedArguments,
    ::testing::Values(
        Refused{{"--sink", "x.mp4"}, "--sink: "},
        Refused{{"--sink", "file:a.mp4", "--source", "screen"},
                "--source: 'screen' is not a source"},
        Refused{{"--sink", "file:a.mp4", "--codec", "vp9"},
                "--codec: 'vp9' is not known (one of auto, h264, hevc, av1)"},
        Refused{{"--sink", "file:a.mp4", "--codec", "av1", "--profile", "main"}, "AV1 has one"},
        Refused{{"--sink", "file:a.mp4", "--latency", "--quality", "low"}, "exclude each other"},
        Refused{{"--sink", "file:a.mp4", "--qp", "20", "--bitrate", "5M"}, "exclude each other"},
        Refused{{"--sink", "file:a.mp4", "--qp", "52"}, "--qp: '52' is not a quantizer"},
        Refused{{"--sink", "file:a.mp4", "--sub-frame", "--slices", "1"}, "only one"},
        Refused{{"--sink", "file:a.mp4", "--quality", "best"}, "low, medium, high, lossless-like"},
        Refused{{"--sink", "file:a.mp4", "--encoder", "x264"},
                "--encoder: 'x264' is not known (one of auto, nvenc, ffmpeg-nvenc, software)"},
        Refused{{"--sink", "file:a.mp4", "--profile", "ultra"}, "one of baseline, main, high"},
        Refused{{"--sink", "file:a.mp4", "--codec", "hevc", "--profile", "high"}, "--profile main"},
        Refused{{"--sink", "file:a.mp4", "--fps", "-5"},
                "--fps: '-5' is not a frame rate (1 to 1000"},
        Refused{{"--sink", "file:a.mp4", "--bitrate", "1"}, "--bitrate: '1' is not within"},
        Refused{{"--sink", "file:a.mp4", "--size", "99999x2"},
                "--size: '99999x2' is not a possible"},
        Refused{{"--sink", "file:a.mp4", "--frames", "0"}, "--frames: '0'"},
        Refused{{"--sink", "file:a.mp4", "--duration", "soon"}, "--duration: 'soon'"},
        Refused{{"--sink", "file:a.mp4", "--level", "9"}, "--level: '9' is not a level"},
        Refused{{"--sink", "file:a.mp4", "--preset", "A B"}, "--preset: 'A B'"},
        Refused{{"--sink", "file:a.mp4", "--stats", "xml"}, "one of text, json"},
        Refused{{"--sink", "file:a.mp4", "--trace", ""}, "--trace: '' is not a file name"},
        Refused{{"--sink", "file:a.mp4", "--sdp", "x.sdp"}, "--sdp describes an RTP stream"},
        Refused{{"--sink", "file:a.mp4", "--mirror", "h:6000"}, "--mirror copies RTP packets"},
        Refused{{"--sink", "web", "--mirror", "6000"},
                "--mirror: mirror: \"6000\" is not HOST:PORT"},
        Refused{{"--sink", "web", "--mirror", "h:0"}, "needs a host and a port"},
        Refused{{"--sink", "file:a.mp4", "-q", "-v"}, "--quiet and --verbose exclude each other"},
        Refused{{"--sink", "file:a.mp4", "--bitrat", "20M"},
                "'--bitrat' (did you mean '--bitrate'?)"},
        Refused{{"--sink", "file:a.mp4", "--bitrat=20M"}, "'--bitrat' (did you mean '--bitrate'?)"},
        Refused{{"--sink", "file:a.mp4", "--wombat"},
                "unknown option '--wombat' (see 'lumen-host stream"},
        Refused{{"--sink", "file:a.mp4", "-x"}, "unknown option '-x'"},
        Refused{{"--sink", "file:a.mp4", "extra"}, "unexpected argument 'extra'"},
        Refused{{"--sink"}, "--sink needs a value"},
        Refused{{"--sink", "file:a.mp4", "--fps"}, "--fps needs a value"},
        Refused{{"--sink", "file:a.mp4", "sources"}, "one command at a time"}));

TEST_F(CommandLine, WrongCommands) {
  EXPECT_THAT(refusal({}), HasSubstr("no command given"));
  EXPECT_THAT(refusal({"strem"}), HasSubstr("unknown command 'strem' (did you mean 'stream'?)"));
  EXPECT_THAT(refusal({"record"}), HasSubstr("unknown command 'record' (see 'lumen-host --help')"));
  EXPECT_THAT(refusal({"--fps", "60", "stream"}), HasSubstr("options stand after the command"));
  EXPECT_THAT(refusal({"sources", "--jsn"}), HasSubstr("did you mean '--json'?"));
  EXPECT_THAT(refusal({"--vresion"}), HasSubstr("did you mean '--version'?"));
}

TEST_F(CommandLine, Sources) {
  EXPECT_EQ(std::get<SourcesOptions>(parse({"sources"}).value()).format, OutputFormat::kText);
  EXPECT_EQ(std::get<SourcesOptions>(parse({"sources", "--json"}).value()).format,
            OutputFormat::kJson);
}

TEST_F(CommandLine, Probe) {
  const auto probe = [&](std::vector<std::string> args) {
    args.insert(args.begin(), "zerocopy-probe");
    return std::get<ProbeOptions>(parse(std::move(args)).value());
  };
  EXPECT_EQ(probe({}).format, OutputFormat::kText);
  EXPECT_EQ(probe({}).section, "");
  EXPECT_EQ(probe({"--json"}).format, OutputFormat::kJson);
  EXPECT_EQ(probe({"--section", "route:egl"}).section, "route:egl");
  EXPECT_THAT(refusal({"zerocopy-probe", "--section"}), HasSubstr("--section"));
  EXPECT_THAT(refusal({"zerocopy-probe", "--jsn"}), HasSubstr("did you mean '--json'?"));
  EXPECT_THAT(refusal({"sources", "--section", "cuda"}), HasSubstr("unknown option"));
}

TEST_F(CommandLine, HelpAndVersionNeedNothingElse) {
  write_config("<<<< broken");
  const auto text = [&](std::vector<std::string> args) {
    return std::get<PrintAndExit>(parse(std::move(args)).value()).text;
  };
  EXPECT_THAT(text({"--help"}), HasSubstr("sources"));
  EXPECT_THAT(text({"-h"}), HasSubstr("examples:"));
  EXPECT_THAT(text({"stream", "--help"}), HasSubstr("--bitrate RATE"));
  EXPECT_THAT(text({"stream", "-h"}), HasSubstr("examples:"));
  EXPECT_THAT(text({"sources", "--help"}), HasSubstr("--json"));
  EXPECT_THAT(text({"--version"}),
              ::testing::MatchesRegex("lumen-host [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

}  // namespace
}  // namespace lumen
