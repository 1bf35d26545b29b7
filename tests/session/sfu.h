// A mediasoup SFU that takes a stream of lumen-host's, for tests.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "host.h"
#include "in_session.h"
#include "mediasoup.h"

namespace lumen::session {

class Sfu : public InSession {
 protected:
  void SetUp() override {
    InSession::SetUp();
    if (!ready()) return;
    auto environment = mediasoup_environment();
    if (!environment) GTEST_SKIP() << "mediasoup was not made: tools/mediasoup-worker.sh make";
    environment_ = *std::move(environment);
  }

  struct Plan {
    unsigned seconds = 6;
    unsigned joins = 4;  // a consumer comes and goes so many times
    const char* key_frame_request = "nack pli";
  };
  /// Streams to the SFU for the time of the plan; what it saw.
  nlohmann::json run(const Plan& plan, const std::string& source) {
    auto peer = session->spawn(
        {"node", LUMEN_PEERS "/mediasoup_peer.js",
         LUMEN_SOURCE_DIR "/tools/examples/mediasoup/ingest.js", std::to_string(plan.seconds),
         std::to_string(plan.joins), plan.key_frame_request},
        StandardOutput::kPipe, environment_);
    EXPECT_TRUE(peer) << peer.error().describe();
    if (!peer) return {};
    const auto sink = peer->read_value("sink ", Milliseconds(20000));
    EXPECT_TRUE(sink) << peer->log_text();
    if (!sink) return {};
    auto host = Host::start(*session, {"--profile", "baseline", "--source", source, "--audio",
                                       "synthetic", "--bitrate", "4M", "--sink", *sink});
    EXPECT_TRUE(host) << host.error().describe();
    if (!host) return {};
    const auto text = peer->read_value("result ", Milliseconds((plan.seconds + 30) * 1000));
    EXPECT_TRUE(text) << peer->log_text() << host->process().log_text();
    EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
    return text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
  }

  static void expect_flawless(const nlohmann::json& result, unsigned packets) {
    ASSERT_TRUE(result.is_object());
    EXPECT_GE(result["packets"].get<unsigned>(), packets) << result.dump();
    EXPECT_EQ(result["lost"], 0) << result.dump();
    EXPECT_EQ(result["score"], 10) << result.dump();
    const auto& sound = result["sound"];  // a hundred packets a second
    EXPECT_GE(sound["packets"].get<double>(), result["seconds"].get<double>() * 95)
        << result.dump();
    EXPECT_EQ(sound["lost"], 0) << result.dump();
    EXPECT_EQ(sound["score"], 10) << result.dump();
  }

 private:
  Environment environment_;
};

}  // namespace lumen::session
