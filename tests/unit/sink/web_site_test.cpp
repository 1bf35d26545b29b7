// The page's server and its sessions, with connections that exist only here.
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "encoded_stream.h"
#include "raw_client.h"
#include "sink/rtp/rtp_packet.h"
#include "sink/web/http_server.h"
#include "sink/web/site.h"
#include "sink/web/tls_identity.h"

namespace lumen::web {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kOffer =
    "v=0\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 108 109\r\na=mid:0\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=rtcp-mux\r\na=fingerprint:sha-256 "
    "0F:3B:70:2C:86:5B:AA:01:23:45:67:89:AB:CD:EF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
    "42\r\na=recvonly\r\na=rtpmap:108 H264/90000\r\na=rtcp-fb:108 nack\r\na=fmtp:108 "
    "packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:109 rtx/90000\r\na=fmtp:109 "
    "apt=108\r\n";

std::vector<std::uint8_t> ssrc_of(const std::vector<std::uint8_t>& packet) {
  return {packet.begin() + 8, packet.begin() + 12};
}

/// What became of the connections that were made.
struct Record {
  std::mutex mutex;
  std::mutex calling;  // held while an event is told
  std::vector<PeerEvents> events;
  std::vector<std::vector<std::vector<std::uint8_t>>> packets;  // per connection
  std::vector<std::vector<std::pair<std::vector<std::uint8_t>, Timestamp>>> sound;
  std::atomic<int> open{0};
};

class FakePeer final : public MediaPeer {
 public:
  FakePeer(PeerSettings settings, std::shared_ptr<Record> record)
      : record_(std::move(record)), index_(record_->events.size()) {
    const auto told = [mutex = &record_->calling](auto event) {
      return [mutex, event = std::move(event)](auto... arguments) {
        const std::scoped_lock lock(*mutex);
        event(arguments...);
      };
    };
    const PeerEvents& events = settings.events;
    record_->events.push_back({.connected = told(events.connected),
                               .failed = told(events.failed),
                               .heard = told(events.heard),
                               .key_frame_wanted = told(events.key_frame_wanted),
                               .lost = told(events.lost),
                               .reported = told(events.reported),
                               .told = told(events.told)});
    record_->packets.emplace_back();
    record_->sound.emplace_back();
    ++record_->open;
  }
  ~FakePeer() override { close(); }
  Result<Transport> negotiate(const Offer&) override {
    return Transport{.ufrag = "me", .setup = "active", .candidates = {"1 1 UDP 1 ::1 9 typ host"}};
  }
  Result<Transport> offer(const Offer&) override {
    return fail(ErrorKind::kUnsupported, "browsers make the offer");
  }
  Result<void> accept(const Offer&) override {
    return fail(ErrorKind::kUnsupported, "browsers make the offer");
  }
  void send(std::span<const std::uint8_t> packet, Timestamp) override {
    const std::scoped_lock lock(record_->mutex);
    record_->packets[index_].emplace_back(packet.begin(), packet.end());
  }
  void send_audio(std::span<const std::uint8_t> packet, Timestamp heard) override {
    const std::scoped_lock lock(record_->mutex);
    record_->sound[index_].emplace_back(std::vector<std::uint8_t>(packet.begin(), packet.end()),
                                        heard);
  }
  void close() override {
    const std::scoped_lock lock(record_->calling);
    if (!std::exchange(closed_, true)) --record_->open;
  }

 private:
  std::shared_ptr<Record> record_;
  std::size_t index_;
  bool closed_ = false;
};

class WebSite : public testing::Test {
 protected:
  HttpResponse ask(std::string method, std::string path, std::string body = {},
                   std::string type = "application/sdp") {
    return site_.respond({.method = std::move(method),
                          .path = std::move(path),
                          .host = "127.0.0.1:8000",
                          .content_type = std::move(type),
                          .body = std::move(body)});
  }
  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return {};
  }
  template <typename Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(10ms);
    return condition();
  }

  std::shared_ptr<Record> record_ = std::make_shared<Record>();
  std::atomic<int> key_frames_{0};
  std::atomic<std::uint64_t> bandwidth_{1};
  std::mutex seen_mutex_;
  std::vector<std::pair<bool, std::size_t>> seen_;  // wanted(), connected() at each change
  Audience audience_{
      {.most = 3,
       .patience = {.connecting = 300ms, .silent = 300ms},
       .make_peer = [this](PeerSettings settings) -> Result<std::unique_ptr<MediaPeer>> {
         return std::make_unique<FakePeer>(std::move(settings), record_);
       }},
      {.key_frame_wanted = [this] { ++key_frames_; },
       .bandwidth = [this](std::uint64_t rate) { bandwidth_ = rate; },
       .changed =
           [this] {
             const std::scoped_lock lock(seen_mutex_);
             seen_.emplace_back(audience_.wanted(), audience_.connected());
           }}};
  std::vector<std::string> chosen_;
  Site site_{{.choose_quality =
                  [this](std::string_view id) {
                    chosen_.emplace_back(id);
                    return id == "low";
                  },
              .control = [this](std::string_view request) -> Result<void> {
                asked_.emplace_back(request);
                if (request != "{}") return {};
                return fail(ErrorKind::kInvalidArgument, "there is no method", "try stop");
              }},
             audience_};
  std::vector<std::string> asked_;  // of the host

  static constexpr std::uint8_t kPacket[] = {0x80, 0xe0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 'x'};
  void send(bool key) {
    const rtp::Bytes packet(kPacket);
    audience_.send({&packet, 1}, now(), key);
  }
  std::size_t received(std::size_t viewer) {
    const std::scoped_lock lock(record_->mutex);
    return record_->packets[viewer].size();
  }
};

TEST_F(WebSite, ServesThePage) {
  EXPECT_THAT(ask("GET", "/").body, StartsWith("<!doctype html>"));
  EXPECT_EQ(ask("GET", "/").content_type, "text/html; charset=utf-8");
  EXPECT_EQ(ask("HEAD", "/player.js").content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(ask("GET", "/player.css").status, 200U);
  EXPECT_EQ(ask("GET", "/icon.svg").content_type, "image/svg+xml");
  EXPECT_EQ(ask("GET", "/../etc/passwd").status, 404U);
  EXPECT_EQ(ask("POST", "/").status, 405U);
  site_.set_status(R"({"state":"streaming"})");
  EXPECT_EQ(ask("GET", "/status").body, R"({"state":"streaming"})");
}

TEST_F(WebSite, IsNobodyElsesName) {
  const auto status_for = [this](std::string host) {
    return site_.respond({.method = "GET", .path = "/", .host = std::move(host)}).status;
  };
  EXPECT_EQ(status_for("127.0.0.1"), 200U);
  EXPECT_EQ(status_for("localhost:8000"), 200U);
  EXPECT_EQ(status_for("[::1]:8000"), 200U);
  EXPECT_EQ(status_for("[::1]"), 200U);
  EXPECT_EQ(status_for("LocalHost"), 200U);
  EXPECT_EQ(status_for("192.168.1.20:8443"), 200U);  // no name, so nobody else's
  for (const char* host : {"", "evil.example", "evil.example:8000", "127.0.0.1.evil.example", ":",
                           "[", "[]", "[evil.example]", "1.2.3"}) {
    EXPECT_EQ(status_for(host), 421U) << host;
  }
}

TEST_F(WebSite, AnswersAnOfferAndForgetsTheSession) {
  const HttpResponse created = ask("POST", "/whep", kOffer);
  EXPECT_EQ(created.status, 201U);
  EXPECT_EQ(created.content_type, "application/sdp");
  EXPECT_THAT(created.body, HasSubstr("a=sendonly"));
  const std::string location = header(created, "Location");
  EXPECT_THAT(location, testing::MatchesRegex("/whep/[0-9a-f]{32}"));
  EXPECT_EQ(record_->open, 1);

  EXPECT_EQ(ask("PATCH", location).status, 405U);
  EXPECT_EQ(ask("DELETE", "/whep/0123").status, 404U);
  EXPECT_EQ(ask("DELETE", location).status, 200U);
  EXPECT_EQ(ask("DELETE", location).status, 404U);
  EXPECT_EQ(record_->open, 0);
}

TEST_F(WebSite, RefusesWhatIsNoOfferAndMakesNoConnection) {
  EXPECT_EQ(ask("POST", "/whep", kOffer, "text/plain").status, 415U);
  EXPECT_EQ(ask("POST", "/whep", kOffer, "").status, 415U);
  EXPECT_EQ(ask("POST", "/whep", "v=0\r\n").status, 400U);
  EXPECT_EQ(ask("POST", "/whep", "v=0\r\ns=-\r\nm=audio 9 A 0\r\na=mid:0\r\n").status, 422U);
  EXPECT_EQ(ask("GET", "/whep").status, 405U);
  const HttpResponse options = ask("OPTIONS", "/whep");
  EXPECT_EQ(options.status, 204U);
  EXPECT_EQ(header(options, "Accept-Post"), "application/sdp");
  const auto problem = nlohmann::json::parse(ask("POST", "/whep", "v=0\r\n").body);
  EXPECT_EQ(problem["status"], 400);
  EXPECT_FALSE(problem["hint"].get<std::string>().empty());
  EXPECT_TRUE(record_->events.empty());
}

TEST_F(WebSite, ListensToNoPageOfAnotherOrigin) {
  const auto status_from = [this](std::string origin, std::string method = "POST") {
    return site_
        .respond({.method = std::move(method),
                  .path = "/whep",
                  .host = "127.0.0.1:8000",
                  .origin = std::move(origin),
                  .content_type = "application/sdp",
                  .body = "v=0"})
        .status;
  };
  EXPECT_EQ(status_from("http://127.0.0.1:8000"), 400U);  // heard, and no offer
  for (const char* origin :
       {"http://127.0.0.1", "https://evil.example", "null", "127.0.0.1:8000"}) {
    EXPECT_EQ(status_from(origin), 403U) << origin;
    EXPECT_EQ(status_from(origin, "DELETE"), 403U) << origin;
  }
}

TEST_F(WebSite, WhoSitsAtTheHostMayControlIt) {
  site_.set_status(R"({"state":"streaming"})");
  HttpRequest request{.method = "POST",
                      .path = "/control",
                      .host = "127.0.0.1:8000",
                      .origin = "http://127.0.0.1:8000",
                      .content_type = "application/json",
                      .peer = "127.0.0.1",
                      .body = R"({"method":"stop"})"};
  HttpRequest status{.method = "GET", .path = "/status", .host = "127.0.0.1:8000"};
  const auto may = [&](const std::string& peer, bool forwarded = false) {
    request.peer = status.peer = peer;
    request.forwarded = status.forwarded = forwarded;
    const bool told = site_.respond(status).body == R"({"control":true,"state":"streaming"})";
    const unsigned answer = site_.respond(request).status;
    EXPECT_EQ(answer, told ? 202U : 403U) << peer;
    return told;
  };
  EXPECT_TRUE(may("127.0.0.1"));
  EXPECT_TRUE(may("127.8.9.1"));
  EXPECT_TRUE(may("::1"));
  EXPECT_TRUE(may("::ffff:127.0.0.1"));
  EXPECT_EQ(asked_, std::vector<std::string>(4, R"({"method":"stop"})"));
  EXPECT_FALSE(may("192.168.1.7"));
  EXPECT_FALSE(may("::ffff:192.168.1.7"));
  EXPECT_FALSE(may("2001:db8::1"));
  EXPECT_FALSE(may("127.0.0.1", true)) << "a proxy on this machine asks for somebody else";
  request.host = status.host = "192.168.1.5:9000";
  request.origin = "http://192.168.1.5:9000";
  EXPECT_FALSE(may("127.0.0.1")) << "a tunnel on this machine asks for somebody else";
  request.host = status.host = "localhost:8000";
  request.origin = "http://localhost:8000";
  EXPECT_TRUE(may("127.0.0.1"));
  asked_.pop_back();
  request.host = status.host = "127.0.0.1:8000";
  request.origin = "http://127.0.0.1:8000";
  EXPECT_FALSE(may(""));
  EXPECT_EQ(asked_.size(), 4U);

  request.peer = "127.0.0.1";
  request.forwarded = false;
  request.origin = "";
  EXPECT_EQ(site_.respond(request).status, 403U) << "no page asks";
  request.origin = "http://elsewhere.example";
  EXPECT_EQ(site_.respond(request).status, 403U);
  request.origin = "http://127.0.0.1:8000";
  EXPECT_EQ(site_.respond(request).status, 202U);
  request.content_type = "text/plain";
  EXPECT_EQ(site_.respond(request).status, 415U);
  request.content_type = "application/json";
  request.body = "{}";
  const HttpResponse refused = site_.respond(request);
  EXPECT_EQ(refused.status, 400U);
  EXPECT_THAT(refused.body, HasSubstr("there is no method"));
  request.body = std::string(2000, ' ');
  EXPECT_EQ(site_.respond(request).status, 413U);
  request.method = "GET";
  EXPECT_EQ(site_.respond(request).status, 405U);
}

TEST_F(WebSite, PassesOnAChoiceOfQuality) {
  const std::string json = "application/json; charset=utf-8";
  EXPECT_EQ(ask("POST", "/quality", R"({"quality":"low"})", json).status, 204U);
  EXPECT_EQ(ask("POST", "/quality", R"({"quality":"absurd"})", json).status, 404U);
  EXPECT_THAT(chosen_, testing::ElementsAre("low", "absurd"));
  EXPECT_EQ(ask("POST", "/quality", R"({"quality":"low"})", "text/plain").status, 415U);
  EXPECT_EQ(ask("GET", "/quality").status, 405U);
  for (const std::string& body :
       {std::string(), std::string("low"), std::string("[]"), std::string(R"({"quality":1})"),
        std::string(2000, '['), R"({"quality":")" + std::string(2000, 'x') + "\"}"}) {
    EXPECT_EQ(ask("POST", "/quality", body, json).status, 400U) << body;
  }
  EXPECT_EQ(chosen_.size(), 2U);
}

TEST_F(WebSite, LetsInNoMoreThanItMay) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("POST", "/whep", kOffer).status, 201U);
  const HttpResponse full = ask("POST", "/whep", kOffer);
  EXPECT_EQ(full.status, 503U);
  EXPECT_EQ(header(full, "Retry-After"), "5");
  EXPECT_THAT(full.body, HasSubstr("3 are watching already"));
  EXPECT_EQ(record_->open, 3);
}

TEST_F(WebSite, LetsNobodyInWhenTheStreamHasEnded) {
  audience_.close();
  const HttpResponse ended = ask("POST", "/whep", kOffer);
  EXPECT_EQ(ended.status, 503U);
  EXPECT_THAT(ended.body, HasSubstr("the stream has ended"));
}

TEST_F(WebSite, BeginsWithAKeyFrameAndNumbersEachViewerByItself) {
  ask("POST", "/whep", kOffer);
  ask("POST", "/whep", kOffer);
  send(true);
  EXPECT_EQ(received(0), 0U);  // nobody is connected yet
  record_->events[0].connected();
  EXPECT_EQ(key_frames_, 1);
  send(false);
  EXPECT_EQ(received(0), 0U);
  send(true);
  record_->events[1].connected();
  send(false);
  send(true);
  EXPECT_EQ(received(0), 3U);
  EXPECT_EQ(received(1), 1U);
  const auto& packets = record_->packets[0];
  EXPECT_EQ(static_cast<std::uint16_t>(rtp::sequence_of(packets[0]) + 1),
            rtp::sequence_of(packets[1]));
  EXPECT_EQ(packets[0][1] & 0x7f, 108);
  EXPECT_NE(ssrc_of(packets[0]), ssrc_of(record_->packets[1][0]));
}

TEST_F(WebSite, SendsAgainWhatIsAskedFor) {
  ask("POST", "/whep", kOffer);
  record_->events[0].connected();
  for (int i = 0; i < 10; ++i) send(true);
  std::vector<std::uint16_t> lost;
  {
    const std::scoped_lock lock(record_->mutex);
    lost = {rtp::sequence_of(record_->packets[0][3]), rtp::sequence_of(record_->packets[0][5]), 7};
  }
  record_->events[0].lost(lost);
  ASSERT_TRUE(eventually([this] { return received(0) == 12; }));
  const std::scoped_lock lock(record_->mutex);
  EXPECT_EQ(record_->packets[0][10][1] & 0x7f, 109);
  EXPECT_EQ(record_->packets[0][10].size(), record_->packets[0][3].size() + rtp::kRtxBytes);
}

// A browser that wants sound, in the bundle with the picture.
std::string offer_and_sound() {
  std::string offer = kOffer;
  const std::string mid = "a=mid:0\r\n";
  EXPECT_NE(offer.find(mid), std::string::npos);
  offer.insert(offer.find("m=video"), "a=group:BUNDLE 0 1\r\n");
  return offer +
         "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\n"
         "a=rtpmap:111 opus/48000/2\r\n";
}

TEST_F(WebSite, SendsSoundToThoseWhoWantItOnceTheySee) {
  static constexpr std::uint8_t kSound[] = {0x80, 97, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0xfc};
  const Timestamp heard{std::chrono::seconds{77}};
  audience_.expect_audio();
  EXPECT_THAT(ask("POST", "/whep", offer_and_sound()).body, HasSubstr("m=audio 9 "));
  EXPECT_THAT(ask("POST", "/whep", kOffer).body, Not(HasSubstr("m=audio")));
  record_->events[0].connected();
  record_->events[1].connected();
  audience_.send_audio(rtp::Bytes(kSound), heard);  // nobody sees anything yet
  send(true);
  audience_.send_audio(rtp::Bytes(kSound), heard);
  audience_.send_audio(rtp::Bytes(kSound), heard);
  const std::scoped_lock lock(record_->mutex);
  ASSERT_EQ(record_->sound[0].size(), 2U);
  EXPECT_TRUE(record_->sound[1].empty());
  const auto& [packet, time] = record_->sound[0][0];
  EXPECT_EQ(time, heard);
  EXPECT_EQ(packet[1], 111) << "the browser's number for Opus";
  EXPECT_EQ(packet[7], 9) << "the timestamp";
  EXPECT_NE(ssrc_of(packet), ssrc_of(record_->packets[0][0]));
  EXPECT_EQ(static_cast<std::uint16_t>(rtp::sequence_of(packet) + 1),
            rtp::sequence_of(record_->sound[0][1].first));
}

// Bytes 18 and 19 hold the longest delay, twelve bits of it.
TEST_F(WebSite, PicturesMayWaitForTheSoundWhileItIsHeard) {
  audience_.expect_audio();
  std::string offer = offer_and_sound();
  offer.insert(offer.find("a=mid:0\r\n"),
               "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n");
  const auto session = header(ask("POST", "/whep", offer), "Location");
  record_->events[0].connected();
  const auto longest = [this] {
    send(true);
    const std::scoped_lock lock(record_->mutex);
    const auto& packet = record_->packets[0].back();
    return (packet.at(18) << 8 | packet.at(19)) & 0xfff;
  };
  EXPECT_EQ(longest(), 0) << "muted: at once";
  EXPECT_EQ(ask("PUT", session + "/sound").status, 204U);
  EXPECT_EQ(longest(), 40);
  EXPECT_EQ(ask("DELETE", session + "/sound").status, 204U);
  EXPECT_EQ(longest(), 0);
  EXPECT_EQ(ask("PUT", "/whep/0123/sound").status, 404U);
  EXPECT_EQ(ask("POST", session + "/sound").status, 405U);
  EXPECT_EQ(record_->open, 1) << "none of that ends the session";
}

TEST_F(WebSite, PromisesNoSoundWhereThereIsNone) {
  const HttpResponse answer = ask("POST", "/whep", offer_and_sound());
  EXPECT_EQ(answer.status, 201U);
  EXPECT_THAT(answer.body, HasSubstr("m=audio 0 "));
}

TEST_F(WebSite, PassesOnWishesForKeyFrames) {
  ask("POST", "/whep", kOffer);
  record_->events[0].key_frame_wanted();
  EXPECT_EQ(key_frames_, 1);
}

// A second of a stream whose packets stand ever longer.
std::vector<rtp::PacketReport> reports_of_a_full_way() {
  std::vector<rtp::PacketReport> reports;
  const Timestamp begin = now() - 1s;
  for (int i = 0; i < 200; ++i) {
    reports.push_back({.sent = begin + i * 5ms, .arrived = i * 6ms, .bytes = 1200});
  }
  return reports;
}

TEST_F(WebSite, TheSlowestViewerDecidesUntilItLeaves) {
  ask("POST", "/whep", kOffer);
  const auto second = header(ask("POST", "/whep", kOffer), "Location");
  const auto reports = reports_of_a_full_way();
  record_->events[0].reported(std::span(reports).first(10));
  EXPECT_GE(bandwidth_, 100'000'000U) << "nothing stands in its way";
  record_->events[1].reported(reports);
  EXPECT_LE(bandwidth_, 1'600'000U) << "1200 bytes came each 6 ms";
  EXPECT_GE(bandwidth_, 300'000U);
  record_->events[0].reported(std::span(reports).first(10));
  EXPECT_LE(bandwidth_, 1'600'000U);
  ask("DELETE", second);
  EXPECT_GE(bandwidth_, 100'000'000U);
}

TEST_F(WebSite, AViewerThatReportsNoArrivalsIsHeardAllTheSame) {
  ask("POST", "/whep", kOffer);
  const PeerEvents& viewer = record_->events[0];
  viewer.told(std::nullopt, 900'000);
  EXPECT_EQ(bandwidth_, 900'000U) << "REMB";
  ask("POST", "/whep", kOffer);
  record_->events[1].told(0.0, std::nullopt);
  record_->events[1].told(0.5, std::nullopt);
  EXPECT_LT(bandwidth_, 900'000U) << "nothing was sent, and half of it was lost";
}

TEST_F(WebSite, PicturesAreWantedFromTheOfferUntilTheLastOneHasLeft) {
  EXPECT_FALSE(audience_.wanted());
  const HttpResponse one = ask("POST", "/whep", kOffer);
  {
    const std::scoped_lock lock(seen_mutex_);
    ASSERT_FALSE(seen_.empty());
    EXPECT_EQ(seen_.front(), std::pair(true, std::size_t{0})) << "before the connection is made";
  }
  const HttpResponse another = ask("POST", "/whep", kOffer);
  record_->events[1].connected();
  {
    const std::scoped_lock lock(seen_mutex_);
    EXPECT_EQ(seen_.back(), std::pair(true, std::size_t{1}));
  }
  ask("DELETE", header(one, "Location"));
  EXPECT_TRUE(audience_.wanted());
  ask("DELETE", header(another, "Location"));
  EXPECT_FALSE(audience_.wanted());
  const std::scoped_lock lock(seen_mutex_);
  EXPECT_EQ(seen_.back(), std::pair(false, std::size_t{0}));
}

TEST_F(WebSite, NoPicturesAreWantedForAnOfferThatIsRefused) {
  EXPECT_EQ(ask("POST", "/whep", "v=0\r\n").status, 400U);
  EXPECT_FALSE(audience_.wanted());
}

TEST_F(WebSite, LetsGoOfWhoNeverComes) {
  ask("POST", "/whep", kOffer);
  EXPECT_TRUE(eventually([this] { return record_->open == 0; }));
  EXPECT_EQ(audience_.size(), 0U);
}

TEST_F(WebSite, LetsGoOfWhoFallsSilentButNotOfWhoGetsNothing) {
  ask("POST", "/whep", kOffer);
  ask("POST", "/whep", kOffer);
  record_->events[0].connected();
  send(true);
  record_->events[1].connected();  // no key frame since: nothing to report about
  EXPECT_TRUE(eventually([this] { return audience_.size() == 1; }));
  std::this_thread::sleep_for(800ms);
  EXPECT_EQ(audience_.size(), 1U);
  EXPECT_EQ(record_->open, 1);
}

TEST_F(WebSite, KeepsWhoIsHeard) {
  ask("POST", "/whep", kOffer);
  record_->events[0].connected();
  send(true);
  for (int i = 0; i < 12; ++i) {
    std::this_thread::sleep_for(100ms);
    record_->events[0].heard();
  }
  EXPECT_EQ(audience_.size(), 1U);
}

TEST_F(WebSite, LetsGoOfWhoFails) {
  ask("POST", "/whep", kOffer);
  record_->events[0].connected();
  record_->events[0].failed();
  EXPECT_TRUE(eventually([this] { return record_->open == 0; }));
}

class WebServer : public testing::Test {
 protected:
  void SetUp() override {
    auto server = HttpServer::start(
        {.limits = {.connections = 8,
                    .connections_per_address = 4,
                    .body_bytes = 1000,
                    .idle_seconds = 1}},
        [this](const HttpRequest& request) {
          ++handled_;
          if (request.path == "/large") {
            return HttpResponse{.content_type = "text/plain", .body = std::string(kLarge, 'x')};
          }
          return HttpResponse{.content_type = "text/plain",
                              .body = request.method + " " + request.path + " " + request.body};
        });
    ASSERT_TRUE(server) << server.error().describe();
    server_ = std::move(*server);
  }
  std::string exchange(std::string_view request) {
    const RawClient client(server_->port());
    client.say(request);
    return client.hear();
  }

  static constexpr std::size_t kLarge = 100'000;
  std::atomic<unsigned> handled_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(WebServer, AnswersWithHeadersThatProtectThePage) {
  const std::string answer = exchange(
      "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("default-src 'none'"));
  EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nPOST /a abc"));
}

TEST_F(WebServer, RefusesLargeBodies) {
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  const std::string chunk = "3e8\r\n" + std::string(1000, 'x') + "\r\n";
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n" +
                       chunk + chunk + "0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(handled_, 0U);
}

TEST_F(WebServer, RefusesHeadersWithoutEnd) {
  const std::string answer =
      exchange("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(64 * 1024, 'x') + "\r\n\r\n");
  EXPECT_THAT(answer, testing::AnyOf(StartsWith("HTTP/1.1 4"), testing::IsEmpty()));
  EXPECT_EQ(handled_, 0U);
}

TEST_F(WebServer, WorksLittleForWhoReadsNothing) {
  const RawClient client(server_->port());
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
  client.say(requests);
  std::this_thread::sleep_for(700ms);
  EXPECT_GT(handled_, 0U);
  EXPECT_LE(handled_ * kLarge, 1'000'000U);
}

TEST_F(WebServer, LetsNobodyHoldItsConnections) {
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 8; ++i) {
    idle.push_back(std::make_unique<RawClient>(server_->port()));
    idle.back()->say("GET / HTTP/1.1\r\n");
  }
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(exchange(request), "");  // four are taken: this one is closed at once
  std::this_thread::sleep_for(2500ms);
  EXPECT_THAT(exchange(request), StartsWith("HTTP/1.1 200"));  // the idle ones are gone
}

TEST_F(WebServer, StopsWithConnectionsOpen) {
  const RawClient client(server_->port());
  client.say("GET / HT");
  server_->stop();
  server_->stop();
  EXPECT_THAT(client.hear(), testing::Not(HasSubstr("<silence>")));
}

class TlsServer : public testing::Test {
 protected:
  void SetUp() override {
    const auto identity = keep_identity(std::filesystem::path(directory_ / ""),
                                        {.names = {"localhost"}, .addresses = {"127.0.0.1"}});
    ASSERT_TRUE(identity) << identity.error().describe();
    auto server = HttpServer::start(
        {.tls = TlsKeyPair{identity->certificate, identity->key}, .limits = {.idle_seconds = 1}},
        [](const HttpRequest& request) {
          return HttpResponse{.content_type = "text/plain", .body = "for " + request.peer};
        });
    ASSERT_TRUE(server) << server.error().describe();
    server_ = std::move(*server);
  }
  const std::string request_ = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  test::TemporaryDirectory directory_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(TlsServer, SpeaksNothingOlderThanTls12) {
  const TlsClient newest(server_->port());
  EXPECT_EQ(newest.version(), "TLS1.3");
  EXPECT_THAT(newest.exchange(request_), testing::EndsWith("for 127.0.0.1"));
  EXPECT_TRUE(TlsClient(server_->port(), "NORMAL:-VERS-ALL:+VERS-TLS1.2").shaken());
  EXPECT_FALSE(TlsClient(server_->port(), "NORMAL:-VERS-ALL:+VERS-TLS1.1").shaken());
}

TEST_F(TlsServer, OutlivesWhoDoesNotSpeakIt) {
  for (const std::string& text :
       {request_, std::string(100000, 'x'), std::string("\x16\x03\x01")}) {
    const RawClient client(server_->port());
    client.say(text);
    EXPECT_THAT(client.hear(), testing::Not(HasSubstr("HTTP/1.1 200")));
  }
  const RawClient silent(server_->port());
  EXPECT_THAT(silent.hear(), testing::Not(HasSubstr("<silence>")));  // let go after a second
  EXPECT_THAT(TlsClient(server_->port()).exchange(request_), StartsWith("HTTP/1.1 200"));
}

TEST(WebServerStart, SaysWhyItCant) {
  const auto handler = [](const HttpRequest&) { return HttpResponse{}; };
  auto first = HttpServer::start({}, handler);
  ASSERT_TRUE(first);
  const auto second = HttpServer::start({.port = (*first)->port()}, handler);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().hint, HasSubstr("another port"));
  const auto nowhere = HttpServer::start({.address = "localhost"}, handler);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace lumen::web
