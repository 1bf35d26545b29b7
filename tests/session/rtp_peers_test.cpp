// A receiver made by others, which asks for packets and key frames by RTCP. (FFmpeg can't: what it
// opens by an SDP file it opens for reading only, and sends no RTCP.)
#include <string_view>

#include "host.h"
#include "in_session.h"

namespace lumen::session {
namespace {

constexpr const char* kPython = "/usr/bin/python3";
const std::string kPeers = LUMEN_PEERS;

class RtpPeers : public InSession {
 protected:
  Result<Process> peer(std::vector<std::string> argv) {
    argv.insert(argv.begin(), kPython);
    return session->spawn(std::move(argv), StandardOutput::kPipe);
  }
  Result<Host> stream(std::vector<std::string> more) {
    more.insert(more.begin(), {"--source", "synthetic:640x360@30", "--bitrate", "4M"});
    return Host::start(*session, more);
  }
  static nlohmann::json result_of(Process& process) {
    const auto text = process.read_value("result ", Milliseconds(90000));
    EXPECT_TRUE(text) << text.error().describe() << process.log_text();
    return text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
  }
};

struct Receiver {
  const char* codec;
  const char* ports;
};

class Rtpbin : public RtpPeers, public testing::WithParamInterface<Receiver> {};

TEST_P(Rtpbin, GetsLostPacketsAgainAndKeyFramesWhenItAsks) {
  const auto [codec, ports] = GetParam();
  if (!session->output_of({kPython, "-c",
                           "import gi\n"
                           "gi.require_version('Gst', '1.0')\n"
                           "gi.require_version('GstVideo', '1.0')\n"
                           "from gi.repository import GstVideo"})) {
    GTEST_SKIP() << "needs python3-gi and gir1.2-gst-plugins-base-1.0";
  }
  auto receiver = peer({kPeers + "/rtpbin_peer.py", codec, ports, "30"});
  ASSERT_TRUE(receiver) << receiver.error().describe();
  const auto port = receiver->read_value("ready ", Milliseconds(20000));
  ASSERT_TRUE(port) << receiver->log_text();
  const bool mux = std::string_view(ports) == "mux";
  auto host =
      stream({"--codec", codec, "--sink", "rtp:127.0.0.1:" + *port + (mux ? "?mux=1" : "")});
  ASSERT_TRUE(host) << host.error().describe();

  const nlohmann::json result = result_of(*receiver);
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["dropped"], 50);
  // RFC 4585 section 3.5 bounds how often a receiver may ask early: some come too late.
  EXPECT_GE(result["again"].get<int>(), 45) << result.dump();
  for (const char* request : {"pli", "fir"}) {
    EXPECT_EQ(result["sent"][request], 1) << result.dump();
    ASSERT_TRUE(result[request].is_number()) << "no key frame by " << request;
    EXPECT_LT(result[request].get<double>(), 1.0) << request;
  }
  EXPECT_LE(result["unasked"].get<int>(), 1) << "periodic key frames go on";
  EXPECT_GT(result["shown"].get<int>(), 100) << result.dump();
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

INSTANTIATE_TEST_SUITE_P(Gstreamer, Rtpbin,
                         testing::Values(Receiver{"h264", "mux"}, Receiver{"h264", "two-ports"},
                                         Receiver{"hevc", "two-ports"}),
                         [](const auto& each) {
                           return std::string(each.param.codec) +
                                  (each.param.ports == std::string("mux") ? "_mux" : "");
                         });

}  // namespace
}  // namespace lumen::session
