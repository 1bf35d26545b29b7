// What WHIP servers say, taken apart.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/web/answer.h"
#include "sink/web/offer.h"
#include "sink/whip/link_header.h"
#include "sink/whip/whip_client.h"

namespace lumen::whip {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using web::IceServer;

TEST(LinkHeader, TellsIceServers) {
  // The example of RFC 9725 section 4.6, in one line.
  EXPECT_THAT(
      ice_servers_in("<stun:stun.example.net>; rel=\"ice-server\", "
                     "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; "
                     "username=\"user\"; credential=\"myPassword\"; credential-type=\"password\""),
      ElementsAre(IceServer{.url = "stun:stun.example.net"},
                  IceServer{.url = "turn:turn.example.net?transport=udp",
                            .username = "user",
                            .credential = "myPassword"}));
  EXPECT_THAT(
      ice_servers_in("<turns:[2001:db8::1]:443>;REL=Ice-Server;username=u;credential=\"a\\\"b,;\""),
      ElementsAre(
          IceServer{.url = "turns:[2001:db8::1]:443", .username = "u", .credential = "a\"b,;"}));
}

TEST(LinkHeader, LeavesOutWhatIsNone) {
  EXPECT_THAT(ice_servers_in("<https://example.net/>; rel=\"next\", <stun:a>; rel=ice-server"),
              ElementsAre(IceServer{.url = "stun:a"}));
  for (const char* text :
       {"", ",", "<", "<>", "<stun:a", "<stun:a>", "<stun:>; rel=ice-server",
        "<stun:a b>; rel=ice-server", "<stun:a\n>; rel=ice-server", "stun:a; rel=ice-server",
        "<http://a>; rel=ice-server", "<turn:a>; rel=ice-server; credential=\"x",
        "<turn:a>; rel=ice-server; username=\"a\x01\""}) {
    EXPECT_THAT(ice_servers_in(text), IsEmpty()) << text;
  }
  std::string many;
  for (int i = 0; i < 100; ++i) many += "<stun:a>; rel=ice-server, ";
  EXPECT_EQ(ice_servers_in(many).size(), 8U);
}

std::string answer_of(const web::Offer& answer) {
  return web::compose_receiver(answer, web::mids_of(answer));
}

web::Offer good_answer(web::OfferedSound sound = web::OfferedSound::kNone) {
  web::Offer answer = web::make_offer(sound);
  answer.transport = {.ufrag = "abcd",
                      .password = "abcdefghijklmnopqrstuvwx",
                      .fingerprint =
                          "sha-256 "
                          "0F:3B:70:2C:86:5B:AA:01:23:45:67:89:AB:CD:EF:00:11:22:33:44:"
                          "55:66:77:88:99:AA:BB:CC:DD:EE:FF:42",
                      .setup = "passive",
                      .candidates = {"1 1 UDP 2122252543 192.0.2.7 40000 typ host"}};
  return answer;
}

Result<web::Offer> parse(const std::string& text,
                         web::OfferedSound sound = web::OfferedSound::kNone) {
  return web::parse_answer(text, web::make_offer(sound));
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(WhipAnswer, IsTakenWithItsCandidates) {
  std::string text = answer_of(good_answer());
  text +=
      "a=candidate:2 1 tcp 1 192.0.2.7 9 typ host tcptype passive\r\n"
      "a=candidate:3 1 udp 1 server.example 9 typ host\r\n"
      "a=candidate:4 2 udp 1 192.0.2.7 9 typ host\r\n"
      "a=candidate:5 1 udp 1 2001:db8::7 9 typ srflx raddr 0.0.0.0 rport 0\r\n";
  const auto answer = parse(text);
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(answer->format.payload_type, 96U);
  EXPECT_EQ(answer->transport.setup, "passive");
  EXPECT_THAT(answer->transport.candidates,
              ElementsAre("1 1 UDP 2122252543 192.0.2.7 40000 typ host",
                          "5 1 udp 1 2001:db8::7 9 typ srflx raddr 0.0.0.0 rport 0"));
  // They reach the stack, and nothing else of the answer does.
  const std::string inner = web::compose_receiver(*answer, {.video = "video0"});
  EXPECT_THAT(inner, HasSubstr("a=mid:video0\r\n"));
  EXPECT_THAT(inner, HasSubstr("a=candidate:5 1 udp"));
  EXPECT_THAT(inner, Not(HasSubstr("server.example")));
}

TEST(WhipAnswer, TakesTheSoundToo) {
  const auto answer =
      parse(answer_of(good_answer(web::OfferedSound::kOpus)), web::OfferedSound::kOpus);
  ASSERT_TRUE(answer) << answer.error().describe();
  ASSERT_TRUE(answer->audio);
  const std::string inner = web::compose_receiver(*answer, {.video = "video0", .audio = "audio1"});
  EXPECT_THAT(inner, HasSubstr("a=group:BUNDLE video0 audio1\r\n"));
  EXPECT_THAT(inner, HasSubstr("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"));
}

TEST(WhipAnswer, MayLeaveTheSoundOut) {
  const std::string whole = answer_of(good_answer(web::OfferedSound::kOpus));
  for (const std::string& text :
       {with(whole, "m=audio 9", "m=audio 0"), with(whole, "BUNDLE 0 1", "BUNDLE 0"),
        with(whole, "opus/48000/2", "PCMU/8000"), whole.substr(0, whole.find("m=audio"))}) {
    const auto answer = parse(text, web::OfferedSound::kOpus);
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_FALSE(answer->audio) << text;
    const std::string inner =
        web::compose_receiver(*answer, {.video = "video0", .audio = "audio1"});
    EXPECT_THAT(inner, HasSubstr("a=group:BUNDLE video0\r\n"));
    EXPECT_THAT(inner, HasSubstr("m=audio 0 ")) << "the stack offered it, too";
  }
}

TEST(WhipAnswer, MayNotRenumberWhatWasOffered) {
  const std::string whole = answer_of(good_answer(web::OfferedSound::kOpus));
  EXPECT_THAT(whole, HasSubstr("a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-cap"));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"a=extmap:1 ", "a=extmap:4 "},
           {"a=extmap:2 ", "a=extmap:4 "},
           {"a=extmap:3 ", "a=extmap:4 "},
           {"SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\n",
            "SAVPF 112\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtpmap:112 "
            "opus/48000/2\r\n"}}) {
    const auto answer = parse(with(whole, from, to), web::OfferedSound::kOpus);
    ASSERT_FALSE(answer) << from;
    EXPECT_EQ(answer.error().kind, ErrorKind::kUnsupported) << from;
  }
  // Sound that nobody offered.
  EXPECT_FALSE(parse(whole));
}

TEST(WhipAnswer, IsRefusedWhereItIsNoneToOurOffer) {
  const std::string good = answer_of(good_answer());
  const auto kind_of = [](const std::string& text) {
    const auto answer = parse(text);
    EXPECT_FALSE(answer) << text;
    return answer ? ErrorKind::kRetry : answer.error().kind;
  };
  EXPECT_EQ(kind_of(with(good, "a=setup:passive", "a=setup:actpass")), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of(with(good, "m=video 9", "m=video 0")), ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of(with(good, "a=recvonly", "a=inactive")), ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of(with(good, "H264", "VP8")), ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of(with(with(with(good, "SAVPF 96", "SAVPF 100"), "rtpmap:96", "rtpmap:100"),
                         "fmtp:96", "fmtp:100")),
            ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of(with(good, "a=fingerprint", "a=f")), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of(""), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of("<html>welcome</html>"), ErrorKind::kInvalidArgument);
}

TEST(WhipAnswer, SurvivesEveryCutAndEveryByte) {
  const std::string whole = answer_of(good_answer());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    (void)parse(whole.substr(0, size));
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : {'\0', '\n', ' ', ':', 'A', '\xff'}) {
      std::string text = whole;
      text[at] = byte;
      const auto answer = parse(text);
      if (!answer) continue;
      const std::string inner = web::compose_receiver(*answer, {.video = "video0"});
      EXPECT_EQ(std::count(inner.begin(), inner.end(), '\n'),
                std::count(inner.begin(), inner.end(), '\r'));
    }
  }
}

TEST(WhipEndpoint, MayBeThisMachinesOwn) {
  const auto loopback = [](const std::string& url) {
    return WhipClient({.url = url}).loopback_address();
  };
  EXPECT_EQ(loopback("http://localhost:80/whip"), "127.0.0.1");
  EXPECT_EQ(loopback("http://127.0.0.1/whip"), "127.0.0.1");
  EXPECT_EQ(loopback("http://[::1]:8080/whip"), "::1");
  EXPECT_EQ(loopback("https://sfu.example/127.0.0.1"), "");
}

TEST(WhipEndpoint, IsNamedWithoutItsSecrets) {
  const WhipClient client({.url = "https://me:pw@sfu.example:8443/whip/live?key=abc#x"});
  EXPECT_EQ(client.name(), "https://sfu.example:8443/whip/live");
  for (const char* url :
       {"http://", "http://[::1/whip", "http://a b/", "http://sfu.example:99999/secret"}) {
    const auto sound = check_endpoint(url);
    ASSERT_FALSE(sound) << url;
    EXPECT_THAT(sound.error().describe(), Not(HasSubstr("secret")));
  }
  EXPECT_TRUE(check_endpoint("http://[::1]:7080/whip"));
}

}  // namespace
}  // namespace lumen::whip
