// While the session isn't there, those who watch see that it is waited for; when it comes, or comes
// back, they see it in the same stream.
#include "capture/synthetic/barcode.h"
#include "harness/decode.h"
#include "host.h"
#include "in_session.h"
#include "live_viewer.h"

namespace lumen::session {
namespace {

class Waiting : public InSession {
 protected:
  Process produce(const std::string& size = "320x180") {
    auto process =
        session->spawn({LUMEN_TEST_PRODUCER, "--name", "screen", "--size", size, "--fps", "30"},
                       StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(10000)));
    return std::move(*process);
  }
  Result<Host> stream(std::vector<std::string> more) {
    more.insert(more.begin(), {"--source", "node:screen", "--bitrate", "4M"});
    return Host::start(*session, more);
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    return (session->dir() / name).string();
  }
  std::string rtp() const { return "rtp:127.0.0.1:" + free_port() + "?sdp=" + file("live.sdp"); }
};

TEST_F(Waiting, ViewersSeeThatTheSessionIsAwayAndThenTheSession) {
  std::optional<Process> producer = produce();
  auto host = stream({"--sink", rtp(), "--sink", "file:" + file("out.mkv")});
  ASSERT_TRUE(host) << host.error().describe();
  LiveViewer viewer(file("live.sdp"));
  ASSERT_TRUE(eventually(Milliseconds(30000), [&] { return viewer.seen().session > 20; }))
      << host->process().log_text();
  EXPECT_EQ(viewer.seen().waiting, 0U);

  for (std::uint64_t round = 1; round <= 2; ++round) {
    producer->kill();
    const std::uint64_t waiting = viewer.seen().waiting;
    ASSERT_TRUE(eventually(Milliseconds(20000), [&] {
      return viewer.seen().waiting > waiting + 3;
    })) << host->process().log_text();
    EXPECT_EQ(viewer.seen().size, (Extent{320, 180})) << "the size of the last picture";
    const std::uint64_t session_pictures = viewer.seen().session;
    polling_pause();
    // Another size is shown in the same stream, too.
    producer = produce(round == 1 ? "320x180" : "480x270");
    ASSERT_TRUE(eventually(Milliseconds(20000), [&] {
      return viewer.seen().session > session_pictures + 20;
    })) << host->process().log_text();
    EXPECT_EQ(viewer.seen().size, (Extent{320, 180}));
    EXPECT_EQ(viewer.seen().turns, 2 * round) << "the pictures take turns";
  }
  EXPECT_TRUE(host->await(Milliseconds(10000), [](const auto& s) {
    return s["frames"]["waiting"].template get<int>() >= 6;
  }));
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  EXPECT_EQ(viewer.finish().errors, 0U) << "the decoder complained";

  // The recording has the session only: it keeps the last picture meanwhile.
  std::size_t pictures = 0;
  std::int64_t longest = 0;
  std::int64_t last = 0;
  const auto video = decode_video(file("out.mkv"), [&](DecodedFrame&& frame) {
    EXPECT_FALSE(LiveViewer::is_waiting_picture(frame)) << "picture " << frame.index;
    if (frame.index > 0) longest = std::max(longest, frame.pts_ns - last);
    last = frame.pts_ns;
    ++pictures;
  });
  ASSERT_TRUE(video) << video.error().describe();
  EXPECT_EQ(video->errors, 0U);
  EXPECT_GT(pictures, 60U);
  EXPECT_GT(longest, 1'000'000'000) << "the time while it was away is not cut out";
}

TEST_F(Waiting, ASourceThatIsNotThereYetIsWaitedFor) {
  auto host = stream({"--wait", "--sink", rtp(), "--sink", "file:" + file("out.mkv")});
  ASSERT_TRUE(host) << host.error().describe();
  LiveViewer viewer(file("live.sdp"));
  ASSERT_TRUE(eventually(Milliseconds(30000), [&] { return viewer.seen().waiting > 3; }))
      << host->process().log_text();
  EXPECT_EQ(viewer.seen().session, 0U);
  EXPECT_EQ(viewer.seen().size, (Extent{1280, 720}));
  auto producer = produce();
  ASSERT_TRUE(eventually(Milliseconds(20000), [&] { return viewer.seen().session > 20; }))
      << host->process().log_text();
  EXPECT_EQ(viewer.seen().size, (Extent{320, 180})) << "the stream gets the session's own size";
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
  (void)viewer.finish();
  std::size_t pictures = 0;
  const auto video = decode_video(file("out.mkv"), [&](DecodedFrame&& frame) {
    EXPECT_TRUE(barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size))
        << "picture " << frame.index;
    EXPECT_EQ(frame.size, (Extent{320, 180}));
    ++pictures;
  });
  ASSERT_TRUE(video) << video.error().describe();
  EXPECT_GT(pictures, 20U);
}

TEST_F(Waiting, PipeWireThatIsNotThereYetIsWaitedFor) {
  session->kill_pipewire();
  auto host = stream({"--wait", "--sink", "file:" + file("out.mkv")});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(host->await(Milliseconds(20000), [](const auto& s) {
    return s["state"] == "reconnecting" && s["reason"].is_string();
  })) << host->process().log_text();
  const auto started = session->start_pipewire();
  ASSERT_TRUE(started) << started.error().describe();
  auto producer = produce();
  EXPECT_TRUE(host->await(Milliseconds(30000), [](const auto& s) {
    return s["frames"]["encoded"].template get<int>() > 20;
  })) << host->process().log_text();
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

TEST_F(Waiting, WithoutTheOptionAnAbsentSourceIsAnErrorWithAHint) {
  auto host = stream({"--sink", "file:" + file("out.mkv")});
  ASSERT_TRUE(host) << host.error().describe();
  EXPECT_EQ(host->exit_code(Milliseconds(20000)), 3);
  EXPECT_NE(host->process().log_text().find("--wait"), std::string::npos)
      << host->process().log_text();
}

TEST_F(Waiting, TheWaitEndsAtOnceWhenAsked) {
  auto host = stream({"--wait", "--sink", rtp()});
  ASSERT_TRUE(host) << host.error().describe();
  ASSERT_TRUE(host->status());
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

}  // namespace
}  // namespace lumen::session
