#include "core/trace_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lumen {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace fs = std::filesystem;

class TraceWriterTest : public ::testing::Test {
 protected:
  TraceWriterTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = fs::path(::testing::TempDir()) /
            (std::string("lumen-trace-") + info->name() + "-" +
             std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  }
  ~TraceWriterTest() override {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }

  std::unique_ptr<TraceWriter> make() {
    auto made = TraceWriter::create(path_);
    EXPECT_TRUE(made) << (made ? "" : made.error().describe());
    return made ? std::move(*made) : nullptr;
  }
  [[nodiscard]] std::string text() const {
    std::ifstream file(path_);
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
  }
  [[nodiscard]] json events() const { return json::parse(text()); }
  static std::vector<json> frames_of(const json& events, const std::string& track) {
    int tid = 0;
    for (const json& event : events) {
      if (event["ph"] == "M" && event["name"] == "thread_name" && event["args"]["name"] == track) {
        tid = event["tid"];
      }
    }
    std::vector<json> found;
    for (const json& event : events) {
      if (event["ph"] == "X" && event["tid"] == tid) found.push_back(event);
    }
    return found;
  }

  fs::path path_;
};

const Timestamp kTraceStart{seconds(50)};

TEST_F(TraceWriterTest, ClosedFileIsStrictJsonWithOneEventPerFrame) {
  {
    const auto trace = make();
    const TraceTrack track = trace->track("convert");
    const TraceArgument bytes{"bytes", 1234};
    trace->complete(track, 7, kTraceStart, kTraceStart + microseconds(1500), {&bytes, 1});
  }
  const auto found = frames_of(events(), "convert");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]["name"], "frame 7");
  EXPECT_EQ(found[0]["ts"], 50e6);
  EXPECT_EQ(found[0]["dur"], 1500.0);
  EXPECT_EQ(found[0]["args"]["frame"], 7);
  EXPECT_EQ(found[0]["args"]["bytes"], 1234);
}

TEST_F(TraceWriterTest, KeepsNanoseconds) {
  {
    const auto trace = make();
    trace->complete(trace->track("a"), 1, kTraceStart + Nanoseconds{1007},
                    kTraceStart + Nanoseconds{1007 + 42});
  }
  EXPECT_THAT(text(), ::testing::HasSubstr(R"("ts":50000001.007,"dur":0.042)"));
}

TEST_F(TraceWriterTest, StagesAndSinksHaveTracksOfTheirOwn) {
  FrameTimes times;
  times.id = 3;
  for (std::size_t i = 0; i < kStageCount; ++i) {
    times.at[i] = kTraceStart + milliseconds(10) * static_cast<int>(i);
  }
  {
    const auto trace = make();
    trace->add_picture(times, 999);
    trace->add_delivery("file a.mp4", times);
    trace->add_delivery("rtp \"x\"\n", times);
  }
  const json all = events();
  for (const char* track : {"wait", "convert", "encode", "queue file a.mp4", "send file a.mp4",
                            "queue rtp \"x\"\n", "send rtp \"x\"\n"}) {
    const auto found = frames_of(all, track);
    ASSERT_EQ(found.size(), 1U) << track;
    EXPECT_EQ(found[0]["dur"], 10e3) << track;
  }
  EXPECT_EQ(frames_of(all, "encode")[0]["args"]["bytes"], 999);
}

TEST_F(TraceWriterTest, UnsetStagesWriteNothing) {
  FrameTimes times;
  times.id = 1;
  times.mark(Stage::kSubmitted, kTraceStart);
  {
    const auto trace = make();
    trace->add_picture(times, 1);
    trace->add_delivery("file", times);
  }
  for (const json& event : events()) EXPECT_NE(event["ph"], "X");
}

TEST_F(TraceWriterTest, EventsOfATrackNeverOverlapAndTellTheirRealLength) {
  {
    const auto trace = make();
    const TraceTrack queue = trace->track("queue");
    trace->complete(queue, 1, kTraceStart, kTraceStart + milliseconds(10));
    trace->complete(queue, 2, kTraceStart + milliseconds(4), kTraceStart + milliseconds(15));
  }
  const auto found = frames_of(events(), "queue");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1]["ts"], 50e6 + 10e3);
  EXPECT_EQ(found[1]["dur"], 5e3);
  EXPECT_EQ(found[1]["args"]["us"], 11e3);
}

TEST_F(TraceWriterTest, RunningFileLacksOnlyTheBracket) {
  const auto trace = make();
  trace->complete(trace->track("a"), 1, kTraceStart, kTraceStart + milliseconds(1));
  // The promise is "at least twice a second"; a minute is for a machine under load.
  const auto give_up = std::chrono::steady_clock::now() + seconds(60);
  while (text().find("frame 1") == std::string::npos &&
         std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  // What a reader finds if the process dies now.
  const json cut = json::parse(text() + "]");
  EXPECT_EQ(frames_of(cut, "a").size(), 1U);
}

TEST_F(TraceWriterTest, FullDiskTurnsTheTraceOffAndNothingElse) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  auto trace = TraceWriter::create("/dev/full");
  ASSERT_TRUE(trace);
  const TraceTrack track = (*trace)->track("a");
  std::uint64_t id = 0;
  const auto give_up = std::chrono::steady_clock::now() + seconds(60);
  while ((*trace)->active() && std::chrono::steady_clock::now() < give_up) {
    (*trace)->complete(track, ++id, kTraceStart, kTraceStart + milliseconds(1));
    std::this_thread::yield();
  }
  EXPECT_FALSE((*trace)->active());
  const std::uint64_t before = (*trace)->dropped();
  (*trace)->complete(track, ++id, kTraceStart, kTraceStart + milliseconds(1));
  EXPECT_EQ((*trace)->dropped(), before + 1);
}

TEST_F(TraceWriterTest, MissingDirectoryIsSaidAtOnce) {
  const auto made = TraceWriter::create(path_ / "no" / "such" / "trace.json");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kIo);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("trace.json"));
}

TEST_F(TraceWriterTest, ManyThreadsWriteWholeEvents) {
  constexpr std::uint64_t kEvents = 1500;
  std::uint64_t dropped = 0;
  {
    const auto trace = make();
    {
      std::vector<std::jthread> threads;
      for (const char* name : {"a", "b", "c"}) {
        threads.emplace_back([&trace, name] {
          for (std::uint64_t i = 0; i < kEvents; ++i) {
            const Timestamp at = kTraceStart + milliseconds(i);
            trace->complete(trace->track(name), i, at, at + microseconds(10));
          }
        });
      }
    }
    dropped = trace->dropped();
  }
  const json all = events();
  std::size_t written = 0;
  for (const char* name : {"a", "b", "c"}) written += frames_of(all, name).size();
  EXPECT_EQ(written + dropped, 3 * kEvents);
}

// A reader that never reads stands for a disk that hangs.
TEST_F(TraceWriterTest, HangingDiskCostsEventsNotTimeOrMemory) {
  constexpr std::uint64_t kEvents = 100'000;  // some 10 MB
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  {
    const auto trace = make();
    const TraceTrack track = trace->track("a");
    for (std::uint64_t i = 0; i < kEvents; ++i) {
      const Timestamp at = kTraceStart + microseconds(i);
      trace->complete(track, i, at, at + Nanoseconds{500});
    }
    // Two buffers of 1 MiB and a pipe's 64 KiB hold fewer than a third of them.
    EXPECT_GT(trace->dropped(), kEvents / 3 * 2);
    ::close(reader);  // frees the writer, with an error
  }
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace lumen
