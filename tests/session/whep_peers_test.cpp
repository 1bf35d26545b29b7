// A viewer made by others, that is no browser: it asks for a codec by WHEP and gets it. Debian's
// Chromium offers no HEVC, GStreamer does.
#include <string>

#include <gmock/gmock.h>

#include <unistd.h>

#include "free_port.h"
#include "host.h"
#include "in_session.h"
#include "verdict.h"

namespace lumen::session {
namespace {

using testing::HasSubstr;

constexpr const char* kPython = "/usr/bin/python3";

struct Wish {
  const char* name;
  const char* offered;  // to whep_peer.py
  const char* streamed;
  const char* bits;
};

class WhepPeers : public InSession {
 protected:
  void SetUp() override {
    InSession::SetUp();
    if (!ready()) return;
    if (!session->output_of({kPython, "-c",
                             "import gi\n"
                             "gi.require_version('GstWebRTC', '1.0')\n"
                             "from gi.repository import GstWebRTC"})) {
      GTEST_SKIP() << "needs python3-gi and gir1.2-gst-plugins-bad-1.0";
    }
  }
  /// What the peer says in the end, after so many seconds of pictures.
  nlohmann::json watch_with(const Wish& wish, const char* seconds) {
    const std::string port = free_port();
    auto host = Host::start(
        *session, {"--source", "synthetic:640x360@30", "--bitrate", "4M", "--codec", wish.streamed,
                   "--bit-depth", wish.bits, "--sink", "web:127.0.0.1:" + port});
    EXPECT_TRUE(host) << host.error().describe();
    if (!host || !host->status()) return {};
    auto peer =
        session->spawn({kPython, LUMEN_PEERS "/whep_peer.py", "http://127.0.0.1:" + port + "/whep",
                        wish.offered, seconds, received()},
                       StandardOutput::kPipe);
    EXPECT_TRUE(peer) << peer.error().describe();
    if (!peer) return {};
    const auto text = peer->read_value("result ", Milliseconds(60000));
    EXPECT_TRUE(text) << text.error().describe() << peer->log_text();
    EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
    return text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
  }
  [[nodiscard]] std::string received() const { return (session->dir() / "received.mkv").string(); }
};

class Watching : public WhepPeers, public testing::WithParamInterface<Wish> {};

TEST_P(Watching, GetsEveryPictureInTheCodecThatItOffers) {
  const nlohmann::json result = watch_with(GetParam(), "4");
  ASSERT_TRUE(result.is_object() && !result.contains("error")) << result.dump();
  const std::string codec = GetParam().streamed;
  EXPECT_THAT(result["answer"].get<std::string>(),
              HasSubstr(codec == "hevc" ? "96 H265/90000" : "96 H264/90000"));
  const Verdict verdict = watch(received(), {640, 360}, 10);
  EXPECT_EQ(verdict.codec, codec);
  EXPECT_EQ(verdict.bit_depth,
            codec == "h264" ? 8U : static_cast<unsigned>(std::stoul(GetParam().bits)));
  expect_delivered(verdict, 110);
}

INSTANTIATE_TEST_SUITE_P(Gstreamer, Watching,
                         testing::Values(Wish{"h264", "h264", "h264", "8"},
                                         Wish{"hevc", "hevc", "hevc", "8"},
                                         Wish{"hevc_10_bits", "hevc-10", "hevc", "10"}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(WhepPeers, ACodecThatIsNotStreamedIsRefusedByName) {
  const nlohmann::json result = watch_with({"", "hevc", "h264", "8"}, "1");
  ASSERT_TRUE(result.is_object() && result.contains("error")) << result.dump();
  EXPECT_THAT(result["error"].get<std::string>(), HasSubstr("H264"));
}

}  // namespace
}  // namespace lumen::session
