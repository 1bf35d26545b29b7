// What breaks around lumen: producers that lie, nodes and daemons that go and come back, disks that
// are full. Also built with the sanitizers, where a report ends the host with an error. Pictures
// are small so that this runs under them.
#include <csignal>
#include <filesystem>

#include <unistd.h>

#include "capture/synthetic/barcode.h"
#include "harness/compositor.h"
#include "harness/decode.h"
#include "host.h"
#include "in_session.h"

namespace lumen::session {
namespace {

int encoded(const nlohmann::json& status) { return status["frames"]["encoded"].get<int>(); }

class Faults : public InSession {
 protected:
  Process produce(std::vector<std::string> args = {}) {
    args.insert(args.begin(),
                {LUMEN_TEST_PRODUCER, "--name", "screen", "--size", "320x180", "--fps", "30"});
    auto process = session->spawn(args, StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(10000)));
    return std::move(*process);
  }
  Result<Host> record(const std::string& path, std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"--source", "node:screen", "--bitrate",
                                     "4M",       "--sink",      "file:" + path};
    args.insert(args.end(), more.begin(), more.end());
    return Host::start(*session, args);
  }
  std::string file(const std::string& name) const { return (session->dir() / name).string(); }

  /// The numbers of all readable frames; every frame must decode.
  std::vector<std::uint32_t> numbers_in(const std::string& path) {
    std::vector<std::uint32_t> numbers;
    const auto video = decode_video(path, [&](DecodedFrame&& frame) {
      if (const auto number =
              barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size)) {
        numbers.push_back(*number);
      } else {
        ADD_FAILURE() << "frame " << frame.index << " is not one of the producer's good frames";
      }
    });
    EXPECT_TRUE(video) << video.error().describe();
    return numbers;
  }
};

/// Waits until `more` further frames were encoded.
testing::AssertionResult goes_on(Host& host, int more = 20) {
  std::optional<int> start;
  const auto status = host.await(Milliseconds(40000), [&](const nlohmann::json& s) {
    if (!start) start = encoded(s);
    return s["state"] == "streaming" && encoded(s) >= *start + more;
  });
  if (status) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "the stream stands still\n" << host.process().log_text();
}

class HostileProducers : public Faults, public testing::WithParamInterface<const char*> {};

TEST_P(HostileProducers, OnlyGoodFramesAreStreamedAndNothingLeaks) {
  auto producer = produce({"--hostile", GetParam(), "--linger", "20"});
  auto host = record(file("out.mkv"));
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(goes_on(*host));
  const std::size_t fds = host->process().fd_count();
  ASSERT_TRUE(goes_on(*host, 60));
  EXPECT_LE(host->process().fd_count(), fds + 2) << "descriptors leak";
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  const auto numbers = numbers_in(file("out.mkv"));
  ASSERT_GE(numbers.size(), 60U);
  for (std::size_t i = 1; i < numbers.size(); ++i) EXPECT_GE(numbers[i], numbers[i - 1]);
}

INSTANTIATE_TEST_SUITE_P(Kinds, HostileProducers,
                         testing::Values("zero-size", "corrupted-header,corrupted-chunk",
                                         "bad-stride,bad-offset,short-chunk", "no-fd",
                                         "no-first-fds", "recycle-fds", "resize=480x270@25",
                                         "resize=160x90@25", "reformat=NV12@25", "reformat=RGBA@25",
                                         "pause=15@25"),
                         [](const auto& kind) {
                           std::string name = kind.param;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

TEST_F(Faults, AnImpossibleFormatIsTold) {
  for (const char* hostility : {"zero-extent", "huge-extent"}) {
    auto producer = produce({"--hostile", hostility, "--linger", "20"});
    auto host = record(file("out.mkv"));
    ASSERT_TRUE(host) << host.error().describe();
    EXPECT_TRUE(eventually(Milliseconds(15000), [&] {
      const std::string log = host->process().log_text();
      // PipeWire 0.3 lets the two ends wait for ever, 1.4 says no.
      return log.find("no format agreed") != std::string::npos ||
             log.find("refuses every format") != std::string::npos ||
             log.find("impossible size") != std::string::npos;
    })) << host->process().log_text();
    (void)host->interrupt();
    producer.stop();
  }
}

TEST_F(Faults, AProducerWithoutAnyMemoryIsAnError) {
  auto producer = produce({"--hostile", "no-fds", "--linger", "20"});
  auto host = record(file("out.mkv"));
  ASSERT_TRUE(host) << host.error().describe();
  EXPECT_NE(host->exit_code(Milliseconds(20000)), 0);
  EXPECT_NE(host->process().log_text().find("sends only buffers that can't be used"),
            std::string::npos)
      << host->process().log_text();
}

TEST_F(Faults, ANodeThatGoesAndComesBackIsTakenUpAgain) {
  auto producer = produce({"--hostile", "flap=40", "--linger", "20"});
  auto host = record(file("out.mkv"));
  ASSERT_TRUE(host) << host.error().describe();
  const auto back = host->await(
      Milliseconds(40000), [](const auto& s) { return s["reconnects"].template get<int>() >= 1; });
  ASSERT_TRUE(back) << host->process().log_text();
  EXPECT_TRUE(goes_on(*host));
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  const auto numbers = numbers_in(file("out.mkv"));
  EXPECT_GT(numbers.back(), 45U) << "frames from after the return are in the same recording";
}

TEST_F(Faults, AKilledProducerIsWaitedForAndItsSuccessorStreamed) {
  auto host_fds = std::size_t{0};
  std::optional<Process> producer = produce();
  auto host = record(file("out.mkv"));
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(goes_on(*host));
  host_fds = host->process().fd_count();
  for (int round = 0; round < 3; ++round) {
    producer->kill();
    ASSERT_TRUE(host->await(Milliseconds(20000), [](const auto& s) {
      return s["state"] == "reconnecting";
    })) << host->process().log_text();
    producer = produce();
    ASSERT_TRUE(goes_on(*host));
  }
  EXPECT_LE(host->process().fd_count(), host_fds + 2) << "each return costs descriptors";
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

TEST_F(Faults, ARestartedPipeWireIsFoundAgain) {
  std::optional<Process> producer = produce();
  auto host = record(file("out.mkv"));
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(goes_on(*host));
  const std::size_t fds = host->process().fd_count();
  producer->kill();
  const auto restarted = session->restart_pipewire();
  ASSERT_TRUE(restarted) << restarted.error().describe();
  producer = produce();
  ASSERT_TRUE(goes_on(*host));
  EXPECT_LE(host->process().fd_count(), fds + 4);
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  numbers_in(file("out.mkv"));
}

TEST_F(Faults, AKilledCompositorLeavesAPlayableRecording) {
  auto compositor =
      Compositor::start(CompositorKind::kMutter, *session, {.size = {640, 360}, .fps = 30});
  if (!compositor && compositor.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << compositor.error().describe();
  }
  ASSERT_TRUE(compositor) << compositor.error().describe();
  ASSERT_TRUE((*compositor)->start_client({LUMEN_PATTERN_CLIENT}));
  const auto node = (*compositor)->stream();
  ASSERT_TRUE(node) << node.error().describe();
  auto host = Host::start(*session, {"--source", "node:id=" + std::to_string(*node), "--sink",
                                     "file:" + file("out.mp4")});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(goes_on(*host, 15));
  (*compositor)->process().kill();
  ASSERT_TRUE(host->await(Milliseconds(20000), [](const auto& s) {
    return s["state"] == "reconnecting";
  })) << host->process().log_text();
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  const auto frames = decode_frames(file("out.mp4"));
  ASSERT_TRUE(frames) << frames.error().describe();
  EXPECT_GE(frames->size(), 15U);
}

TEST_F(Faults, AKilledHostLosesAtMostTheLastFragment) {
  auto host = Host::start(
      *session, {"--source", "synthetic:320x180@30", "--sink", "file:" + file("out.mp4")});
  ASSERT_TRUE(host) << host.error().describe();
  const auto status =
      host->await(Milliseconds(40000), [](const nlohmann::json& s) { return encoded(s) >= 120; });
  ASSERT_TRUE(status);
  const int before = encoded(*status);
  host->process().kill();
  const auto numbers = numbers_in(file("out.mp4"));
  EXPECT_GE(static_cast<int>(numbers.size()), before - 65)
      << "more than a two-second fragment is gone";
}

TEST_F(Faults, AFullDiskEndsWithOneClearLineAndKeepsWhatWasRecorded) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for a small file system of its own";
  std::filesystem::create_directory(file("small"));
  auto host =
      session->spawn({"unshare", "--mount", "sh", "-c",
                      "mount -t tmpfs -o size=1500k tmpfs \"$1\" || exit 99\n"
                      "\"$0\" stream --no-config --source synthetic:320x180@30 --bitrate 4M --sink "
                      "\"file:$1/out.mp4\"\n"
                      "code=$?; cp \"$1/out.mp4\" \"$2\"; exit $code",
                      LUMEN_HOST_BINARY, file("small"), file("kept.mp4")});
  ASSERT_TRUE(host) << host.error().describe();
  const auto ending = host->wait(Milliseconds(60000));
  ASSERT_TRUE(ending);
  if (ending->code == 99) GTEST_SKIP() << "this sandbox allows no tmpfs mount";
  EXPECT_EQ(ending->code, 5);
  EXPECT_NE(host->log_text().find("disk full"), std::string::npos) << host->log_text();
  EXPECT_GE(numbers_in(file("kept.mp4")).size(), 30U);
}

TEST_F(Faults, OneFailedSinkDoesNotStopTheOthers) {
  auto host =
      Host::start(*session, {"--source", "synthetic:320x180@30", "--duration", "3", "--sink",
                             "file:/dev/full?format=mkv", "--sink", "file:" + file("good.mp4")});
  ASSERT_TRUE(host) << host.error().describe();
  EXPECT_EQ(host->exit_code(Milliseconds(30000)), 5)
      << "a failed output is told at the end as well";
  EXPECT_NE(host->process().log_text().find("the other outputs go on"), std::string::npos);
  EXPECT_GE(numbers_in(file("good.mp4")).size(), 60U);
}

TEST_F(Faults, AReaderThatClosesThePipeEndsTheStreamCleanly) {
  auto host =
      session->spawn({"sh", "-c",
                      "{ \"$0\" stream --no-config --source synthetic:320x180@30 --sink file:- "
                      "--quiet; echo \"code=$?\" >&2; } | head -c 100000 > /dev/null",
                      LUMEN_HOST_BINARY});
  ASSERT_TRUE(host) << host.error().describe();
  const auto ending = host->wait(Milliseconds(30000));
  ASSERT_TRUE(ending);
  EXPECT_NE(host->log_text().find("code=5"), std::string::npos) << host->log_text();
}

}  // namespace
}  // namespace lumen::session
