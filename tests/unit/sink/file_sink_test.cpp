// Recordings as a user finds them: read back with libavformat, cut short, on a full disk.
#include "sink/file/file_sink.h"

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "av_reader.h"
#include "encoded_stream.h"

namespace lumen {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Result<void> record(FileSettings settings, const std::vector<EncodedFrame>& frames) {
  auto sink = FileSink::create(std::move(settings));
  if (!sink) return tl::unexpected(sink.error());
  if (auto opened = (*sink)->open(*frames.front().stream); !opened) return opened;
  for (const auto& frame : frames) {
    FrameTimes times = frame.times;
    if (auto written = (*sink)->write(frame, times); !written) return written;
  }
  return (*sink)->close();
}

std::string why(const Result<void>& result) {
  return result ? "no error" : result.error().describe();
}

struct Kind {
  const char* extension;
  Codec codec;
};

class Recording : public testing::TestWithParam<Kind> {
 protected:
  test::TemporaryDirectory directory_;
  std::string path() const { return directory_ / ("a." + std::string(GetParam().extension)); }
};

TEST_P(Recording, EveryFrameComesBackAndDecodes) {
  const auto frames = test::encode_stream({.codec = GetParam().codec, .frames = 90});
  const auto done = record({.path = path()}, frames);
  ASSERT_TRUE(done) << why(done);
  const auto file = test::read_back(path());
  ASSERT_EQ(file.error, "");
  EXPECT_EQ(file.pts.size(), 90U);
  EXPECT_EQ(file.decoded, 90U);
  EXPECT_EQ(file.decode_errors, 0U);
  EXPECT_EQ(file.width, 320);
  EXPECT_NEAR(file.frame_rate, 60.0, 0.7) << "what a player believes";
  for (std::size_t n = 0; n < file.keys.size(); ++n) {
    EXPECT_EQ(file.keys[n], n % 30 == 0) << "frame " << n;
  }
}

TEST_P(Recording, SaysItsColours) {
  const auto frames = test::encode_stream({.codec = GetParam().codec,
                                           .frames = 3,
                                           .color = {.matrix = ColorMatrix::kBt601,
                                                     .range = ColorRange::kFull,
                                                     .primaries = ColorPrimaries::kBt709,
                                                     .transfer = ColorTransfer::kSrgb}});
  ASSERT_TRUE(record({.path = path()}, frames));
  const auto file = test::read_back(path());
  ASSERT_EQ(file.error, "");
  EXPECT_EQ(file.matrix, 6);
  EXPECT_EQ(file.range, 2);  // AVCOL_RANGE_JPEG
  EXPECT_EQ(file.primaries, 1);
  EXPECT_EQ(file.transfer, 13);
  if (fs::path(path()).extension() == ".mp4" || fs::path(path()).extension() == ".mkv") {
    EXPECT_EQ(file.container_matrix, 6);
    EXPECT_EQ(file.container_range, 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Containers, Recording,
                         testing::Values(Kind{"mp4", Codec::kH264}, Kind{"mp4", Codec::kHevc},
                                         Kind{"mkv", Codec::kH264}, Kind{"mkv", Codec::kHevc},
                                         Kind{"mp4", Codec::kAv1}, Kind{"mkv", Codec::kAv1},
                                         Kind{"h264", Codec::kH264}, Kind{"hevc", Codec::kHevc}),
                         [](const auto& each) {
                           return std::string(each.param.extension) + "_" +
                                  std::string(to_string(each.param.codec));
                         });

class FileSinkTest : public testing::Test {
 protected:
  test::TemporaryDirectory directory_;
};

TEST_F(FileSinkTest, Mp4TimesAreExactAtSixtyFramesPerSecond) {
  const auto frames = test::encode_stream({.frames = 150, .key_interval = 120});
  ASSERT_TRUE(record({.path = directory_ / "a.mp4"}, frames));
  const auto file = test::read_back(directory_ / "a.mp4");
  ASSERT_EQ(file.time_base_den, 90'000);
  ASSERT_EQ(file.pts.size(), 150U);
  for (std::size_t n = 0; n < 150; ++n) {
    EXPECT_EQ(file.pts[n], static_cast<std::int64_t>(1500 * n));
    EXPECT_EQ(file.durations[n], 1500);
  }
}

TEST_F(FileSinkTest, Mp4KeepsUnevenTimes) {
  auto frames = test::encode_stream({.frames = 4});
  const Timestamp start = frames[0].pts;
  frames[1].pts = start + std::chrono::milliseconds{10};
  frames[2].pts = start + std::chrono::milliseconds{510};
  frames[3].pts = start + std::chrono::milliseconds{511};
  ASSERT_TRUE(record({.path = directory_ / "a.mp4"}, frames));
  const auto file = test::read_back(directory_ / "a.mp4");
  EXPECT_EQ(file.pts, (std::vector<std::int64_t>{0, 900, 45'900, 45'990}));
}

TEST_F(FileSinkTest, Mp4SampleEntriesAreThoseThatPlayersAskFor) {
  const auto tag = [](const char* name) {
    std::uint32_t value = 0;
    std::memcpy(&value, name, 4);
    return value;
  };
  ASSERT_TRUE(record({.path = directory_ / "a.mp4"}, test::encode_stream({.frames = 1})));
  EXPECT_EQ(test::read_back(directory_ / "a.mp4").codec_tag, tag("avc1"));
  ASSERT_TRUE(record({.path = directory_ / "b.mp4"},
                     test::encode_stream({.codec = Codec::kHevc, .frames = 1})));
  EXPECT_EQ(test::read_back(directory_ / "b.mp4").codec_tag, tag("hvc1"));
  ASSERT_TRUE(record({.path = directory_ / "c.mp4"},
                     test::encode_stream({.codec = Codec::kAv1, .frames = 1})));
  EXPECT_EQ(test::read_back(directory_ / "c.mp4").codec_tag, tag("av01"));
}

TEST_F(FileSinkTest, MatroskaTimesAreRoundedToMillisecondsWithoutDrift) {
  const auto frames = test::encode_stream({.frames = 120});
  ASSERT_TRUE(record({.path = directory_ / "a.mkv"}, frames));
  const auto file = test::read_back(directory_ / "a.mkv");
  ASSERT_EQ(file.pts.size(), 120U);
  for (std::size_t n = 0; n < 120; ++n) {
    EXPECT_NEAR(static_cast<double>(file.pts[n]), 1000.0 * static_cast<double>(n) / 60.0, 0.51);
  }
}

TEST_F(FileSinkTest, RawStreamsClaimFractionalRatesToo) {
  for (const Codec codec : {Codec::kH264, Codec::kHevc}) {
    const std::string path = directory_ / (codec == Codec::kH264 ? "a.264" : "a.265");
    ASSERT_TRUE(
        record({.path = path}, test::encode_stream({.codec = codec, .rate = {30000, 1001}})));
    EXPECT_NEAR(test::read_back(path).frame_rate, 29.97, 0.01);
  }
}

TEST_F(FileSinkTest, RawStreamsClaimTheNominalRateWhateverTheEncoderWrote) {
  for (const Codec codec : {Codec::kH264, Codec::kHevc}) {
    auto frames = test::encode_stream({.codec = codec, .rate = {1000, 1}});
    auto stream = *frames.front().stream;
    stream.rate = {25, 1};
    for (auto& frame : frames) frame.stream = std::make_shared<StreamParameters>(stream);
    const std::string path = directory_ / (codec == Codec::kH264 ? "a.264" : "a.265");
    ASSERT_TRUE(record({.path = path}, frames));
    const auto file = test::read_back(path);
    EXPECT_NEAR(file.frame_rate, 25, 0.01);
    EXPECT_EQ(file.decoded, 60U);
  }
}

TEST_F(FileSinkTest, RawStreamPlaysFromEachKeyFrame) {
  const auto frames = test::encode_stream({.frames = 60, .key_interval = 30});
  ASSERT_TRUE(record({.path = directory_ / "a.h264"}, {frames.begin() + 30, frames.end()}));
  ASSERT_TRUE(record({.path = directory_ / "b.h264"}, frames));
  // The second half of the whole recording equals a recording that starts there.
  const auto half = fs::file_size(directory_ / "a.h264");
  std::ifstream whole(directory_ / "b.h264", std::ios::binary);
  whole.seekg(-static_cast<std::streamoff>(half), std::ios::end);
  std::ifstream part(directory_ / "a.h264", std::ios::binary);
  EXPECT_TRUE(std::equal(std::istreambuf_iterator<char>(whole), {},
                         std::istreambuf_iterator<char>(part), {}));
}

TEST_F(FileSinkTest, ACutMp4PlaysUpToItsLastWholeFragment) {
  const auto frames = test::encode_stream({.frames = 300, .key_interval = 120});
  const std::string path = directory_ / "a.mp4";
  ASSERT_TRUE(record({.path = path}, frames));
  const auto size = fs::file_size(path);
  // Frames 0 to 59 make the first of six fragments (120 frames lie between key frames, a second
  // between fragments).
  std::size_t last = 300;
  for (const double part : {0.95, 0.7, 0.5, 0.35}) {
    fs::resize_file(path, static_cast<std::uintmax_t>(static_cast<double>(size) * part));
    const auto file = test::read_back(path);
    ASSERT_EQ(file.error, "") << part;
    EXPECT_GE(file.decoded, 60U) << part;
    EXPECT_GE(file.decoded, static_cast<unsigned>(300 * part) - 70) << part;
    EXPECT_LT(file.pts.size(), last) << part;
    last = file.pts.size();
  }
}

TEST_F(FileSinkTest, AKilledRecorderLosesAtMostAFragment) {
  const auto frames = test::encode_stream({.frames = 200, .key_interval = 120});
  for (const char* extension : {"mp4", "mkv"}) {
    const std::string path = directory_ / ("a." + std::string(extension));
    const pid_t child = ::fork();
    if (child == 0) {
      auto sink = FileSink::create({.path = path});
      if (!sink || !(*sink)->open(*frames.front().stream)) ::_exit(1);
      for (const auto& frame : frames) {
        FrameTimes times;
        if (!(*sink)->write(frame, times)) ::_exit(1);
      }
      ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto file = test::read_back(path);
    ASSERT_EQ(file.error, "") << extension;
    EXPECT_GE(file.decoded, 200U - 60U) << extension;
    EXPECT_EQ(file.decode_errors, 0U) << extension;
  }
}

TEST_F(FileSinkTest, ANewEncoderOfTheSameSizeGoesOnInTheSameFile) {
  for (const Codec codec : {Codec::kH264, Codec::kHevc}) {
    for (const std::string extension : {"mp4", "mkv", "raw"}) {
      auto frames = test::encode_stream({.codec = codec, .frames = 30});
      // CABAC instead of CAVLC in H.264: the old parameter sets would decode to garbage.
      auto more = test::encode_stream(
          {.codec = codec, .frames = 30, .profile = Profile::kHigh, .preset = "veryfast"});
      for (auto& frame : more) frame.pts += std::chrono::seconds{1};
      frames.insert(frames.end(), more.begin(), more.end());
      FileSettings settings{.path = directory_ / ("a." + extension)};
      if (extension == "raw") settings.format = codec == Codec::kH264 ? "h264" : "hevc";
      const auto done = record(settings, frames);
      ASSERT_TRUE(done) << why(done);
      const auto file = test::read_back(settings.path);
      EXPECT_EQ(file.decoded, 60U) << extension;
      EXPECT_EQ(file.decode_errors, 0U) << extension;
    }
  }
}

TEST_F(FileSinkTest, AnotherSizeOrCodecEndsTheFileWhichStaysWhole) {
  auto frames = test::encode_stream({.frames = 30});
  const auto other = test::encode_stream({.size = {640, 360}, .frames = 1});
  const auto hevc = test::encode_stream({.codec = Codec::kHevc, .frames = 1});
  for (const auto& stranger : {other.front(), hevc.front()}) {
    auto sink = FileSink::create({.path = directory_ / "a.mp4"});
    ASSERT_TRUE(sink);
    ASSERT_TRUE((*sink)->open(*frames.front().stream));
    FrameTimes times;
    for (const auto& frame : frames) ASSERT_TRUE((*sink)->write(frame, times));
    const auto refused = (*sink)->write(stranger, times);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
    EXPECT_TRUE((*sink)->close());
    EXPECT_EQ(test::read_back(directory_ / "a.mp4").decoded, 30U);
  }
}

TEST_F(FileSinkTest, AFullDiskIsNamed) {
  const auto frames = test::encode_stream({.frames = 60});
  for (const char* format : {"mp4", "mkv", "h264"}) {
    const auto done = record({.path = "/dev/full", .format = format}, frames);
    ASSERT_FALSE(done) << format;
    EXPECT_EQ(done.error().kind, ErrorKind::kIo);
    EXPECT_EQ(done.error().message, "disk full: /dev/full: No space left on device") << format;
    EXPECT_FALSE(done.error().hint.empty());
  }
}

TEST_F(FileSinkTest, WhatWasRecordedBeforeAnErrorPlays) {
  const auto frames = test::encode_stream({.frames = 300, .key_interval = 60});
  for (const char* extension : {"mp4", "mkv", "h264"}) {
    const std::string path = directory_ / ("a." + std::string(extension));
    // A file size limit makes write() fail in the middle as a full disk does. In a child, for the
    // limit's and the signal's sake.
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{1'500'000, 1'500'000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      auto sink = FileSink::create({.path = path});
      if (!sink || !(*sink)->open(*frames.front().stream)) ::_exit(1);
      for (const auto& frame : frames) {
        FrameTimes times;
        if (const auto written = (*sink)->write(frame, times); !written) {
          const bool exact = written.error().code == EFBIG;
          (void)(*sink)->close();
          ::_exit(exact ? 42 : 2);
        }
      }
      ::_exit(3);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 42) << extension;
    const auto file = test::read_back(path);
    ASSERT_EQ(file.error, "") << extension;
    EXPECT_GE(file.decoded, 60U) << extension;
  }
}

TEST_F(FileSinkTest, BadPathsFailBeforeAnythingStreams) {
  const auto error_of = [](const std::string& path, const std::string& format = "") {
    const auto sink = FileSink::create({.path = path, .format = format});
    if (sink) {
      ADD_FAILURE() << path << " was accepted";
      return Error{};
    }
    EXPECT_FALSE(sink.error().hint.empty()) << path;
    return sink.error();
  };
  const Error missing = error_of(directory_ / "no/a.mp4");
  EXPECT_EQ(missing.kind, ErrorKind::kIo);
  EXPECT_EQ(missing.code, ENOENT);
  EXPECT_THAT(missing.message, HasSubstr(directory_ / "no/a.mp4"));
  fs::create_directory(directory_ / "d.mp4");
  EXPECT_EQ(error_of(directory_ / "d.mp4").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(error_of("").kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(error_of(directory_ / "a.avi").hint, HasSubstr(".mp4, .mkv, .h264 or .hevc"));
  EXPECT_EQ(error_of(directory_ / "a").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(error_of(directory_ / "a.mp4", "avi").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(fs::exists(directory_ / "a.mp4"), false);
}

TEST_F(FileSinkTest, AReadOnlyDirectoryIsNamed) {
  const std::string place = directory_ / "locked";
  fs::create_directory(place);
  ::chmod(place.c_str(), 0555);
  // Permissions do not bind root: ask as somebody else.
  ::chmod(directory_.path().c_str(), 0755);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(1);
    const auto sink = FileSink::create({.path = place + "/a.mp4"});
    ::_exit(!sink && sink.error().kind == ErrorKind::kIo && sink.error().code == EACCES &&
                    !sink.error().hint.empty()
                ? 42
                : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST_F(FileSinkTest, CodecAndExtensionMustAgree) {
  const auto h264 = test::encode_stream({.frames = 1});
  const auto done = record({.path = directory_ / "a.hevc"}, h264);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_FALSE(done.error().hint.empty());
}

TEST_F(FileSinkTest, AnOldRecordingIsReplacedOnlyWhenTheNewOneBegins) {
  const std::string path = directory_ / "a.h264";
  std::ofstream(path) << std::string(1'000'000, 'x');
  {
    auto sink = FileSink::create({.path = path});
    ASSERT_TRUE(sink);
  }
  EXPECT_EQ(fs::file_size(path), 1'000'000U);
  ASSERT_TRUE(record({.path = path}, test::encode_stream({.frames = 2})));
  EXPECT_LT(fs::file_size(path), 1'000'000U);
}

TEST_F(FileSinkTest, APipeGetsEachFrameAtOnce) {
  const std::string path = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto frames = test::encode_stream({.frames = 5});
  auto reader = UniqueFd::take(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(reader);
  for (const char* format : {"mkv", "h264"}) {
    auto sink = FileSink::create({.path = path, .format = format});
    ASSERT_TRUE(sink) << sink.error().describe();
    ASSERT_TRUE((*sink)->open(*frames.front().stream));
    std::array<char, 65536> buffer{};
    while (::read(reader.borrow(), buffer.data(), buffer.size()) > 0) {
    }
    for (const auto& frame : frames) {
      FrameTimes times;
      ASSERT_TRUE((*sink)->write(frame, times));
      const ssize_t got = ::read(reader.borrow(), buffer.data(), buffer.size());
      EXPECT_GE(got, static_cast<ssize_t>(frame.data.view().size()))
          << format << ": the frame waits for the next one";
    }
  }
}

TEST_F(FileSinkTest, AReaderThatGoesAwayIsNoDiskError) {
  ::signal(SIGPIPE, SIG_IGN);
  const std::string path = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto reader = UniqueFd::take(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  auto sink = FileSink::create({.path = path, .format = "h264"});
  ASSERT_TRUE(sink) << sink.error().describe();
  const auto frames = test::encode_stream({.frames = 1});
  ASSERT_TRUE((*sink)->open(*frames.front().stream));
  reader.reset();
  FrameTimes times;
  const auto written = (*sink)->write(frames.front(), times);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kIo);
  EXPECT_THAT(written.error().message, HasSubstr("the reader closed the pipe"));
}

}  // namespace
}  // namespace lumen
