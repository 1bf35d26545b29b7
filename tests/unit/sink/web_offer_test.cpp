// Offers as browsers send them, and everything that they must not get past.
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/web/answer.h"
#include "sink/web/offer.h"

namespace lumen::web {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kFingerprint =
    "sha-256 0F:3B:70:2C:86:5B:AA:01:23:45:67:89:AB:CD:EF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:"
    "DD:EE:FF:42";

// What Chromium offers for a recvonly video transceiver, shortened.
std::string chromium_offer() {
  return "v=0\r\n"
         "o=- 4611732 2 IN IP4 127.0.0.1\r\n"
         "s=-\r\n"
         "t=0 0\r\n"
         "a=group:BUNDLE 0\r\n"
         "a=extmap-allow-mixed\r\n"
         "a=msid-semantic: WMS\r\n"
         "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 105 108 109 127 125\r\n"
         "c=IN IP4 0.0.0.0\r\n"
         "a=rtcp:9 IN IP4 0.0.0.0\r\n"
         "a=candidate:1 1 udp 2113937151 0a1b.local 50000 typ host generation 0\r\n"
         "a=ice-ufrag:Ab+/\r\n"
         "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
         "a=ice-options:trickle\r\n"
         "a=fingerprint:" +
         kFingerprint +
         "\r\n"
         "a=setup:actpass\r\n"
         "a=mid:0\r\n"
         "a=extmap:1 urn:ietf:params:rtp-hdrext:toffset\r\n"
         "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n"
         "a=extmap:3 "
         "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
         "a=recvonly\r\n"
         "a=rtcp-mux\r\n"
         "a=rtcp-rsize\r\n"
         "a=rtpmap:96 VP8/90000\r\n"
         "a=rtcp-fb:96 nack\r\n"
         "a=rtpmap:97 rtx/90000\r\n"
         "a=fmtp:97 apt=96\r\n"
         "a=rtpmap:102 H264/90000\r\n"
         "a=rtcp-fb:102 nack\r\n"
         "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f\r\n"
         "a=rtpmap:103 rtx/90000\r\n"
         "a=fmtp:103 apt=102\r\n"
         "a=rtpmap:104 H264/90000\r\n"
         "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\r\n"
         "a=rtpmap:108 H264/90000\r\n"
         "a=rtcp-fb:108 goog-remb\r\n"
         "a=rtcp-fb:108 transport-cc\r\n"
         "a=rtcp-fb:108 nack\r\n"
         "a=rtcp-fb:108 nack pli\r\n"
         "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
         "a=rtpmap:109 rtx/90000\r\n"
         "a=fmtp:109 apt=108\r\n";
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

Offer parsed(const std::string& text) {
  auto offer = parse_offer(text);
  EXPECT_TRUE(offer) << offer.error().describe();
  return offer.value_or(Offer{});
}

ErrorKind refused(const std::string& text) {
  const auto offer = parse_offer(text);
  EXPECT_FALSE(offer);
  if (offer) return ErrorKind::kIo;
  EXPECT_FALSE(offer.error().hint.empty());
  return offer.error().kind;
}

TEST(WebOffer, TakesConstrainedBaselineAndItsRetransmission) {
  const Offer offer = parsed(chromium_offer());
  ASSERT_EQ(offer.media.size(), 1U);
  EXPECT_EQ(offer.media[0].mid, "0");
  EXPECT_EQ(offer.format.payload_type, 108U);
  EXPECT_THAT(offer.format.parameters, HasSubstr("profile-level-id=42e01f"));
  EXPECT_EQ(offer.format.rtx_payload_type, 109U);
  EXPECT_EQ(offer.extensions.playout_delay, 5U);
  EXPECT_EQ(offer.extensions.transport_cc, 3U);
  EXPECT_TRUE(offer.format.transport_cc);
  EXPECT_EQ(offer.transport.ufrag, "Ab+/");
  EXPECT_EQ(offer.transport.fingerprint, kFingerprint);
  EXPECT_TRUE(offer.transport.candidates.empty());
}

TEST(WebOffer, TakesAnotherProfileWhereThatIsAllThereIs) {
  const Offer offer = parsed(with(chromium_offer(), "1;profile-level-id=42e01f", "0"));
  EXPECT_EQ(offer.format.payload_type, 102U);
  EXPECT_EQ(offer.format.rtx_payload_type, 103U);
}

TEST(WebOffer, ReadsWhatTheSessionSaysForAllMedia) {
  std::string text = chromium_offer();
  for (const std::string& line :
       {std::string("a=ice-ufrag:Ab+/\r\n"), std::string("a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"),
        "a=fingerprint:" + kFingerprint + "\r\n", std::string("a=setup:actpass\r\n")}) {
    text = with(with(text, line, ""), "m=video", line + "m=video");
  }
  EXPECT_EQ(parsed(text).transport.password, "abcdefghijklmnopqrstuvwx");
}

TEST(WebOffer, FindsTheVideoAmongOtherMedia) {
  const Offer offer = parsed(
      with(chromium_offer(), "m=video", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\nm=video"));
  ASSERT_EQ(offer.media.size(), 2U);
  EXPECT_EQ(offer.video, 1U);
  const std::string answer = compose_answer(
      offer, {.ufrag = "u", .candidates = {"1 1 UDP 1 ::1 9 typ host"}}, {.ssrc = 7});
  const auto audio = answer.find("m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n");
  ASSERT_NE(audio, std::string::npos);
  EXPECT_LT(audio, answer.find("m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=group:BUNDLE 0\r\n"));
}

// As above, with a recvonly transceiver for sound behind the video's.
std::string offer_with_sound() {
  return with(chromium_offer(), "a=group:BUNDLE 0\r\n", "a=group:BUNDLE 0 1\r\n") +
         "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 9\r\n"
         "c=IN IP4 0.0.0.0\r\n"
         "a=mid:1\r\n"
         "a=recvonly\r\n"
         "a=rtcp-mux\r\n"
         "a=rtpmap:63 red/48000/2\r\n"
         "a=rtpmap:111 opus/48000/2\r\n"
         "a=fmtp:111 minptime=10;useinbandfec=1\r\n"
         "a=rtpmap:9 G722/8000\r\n";
}

TEST(WebOffer, TakesOpusInTheVideosBundle) {
  const Offer offer = parsed(offer_with_sound());
  ASSERT_TRUE(offer.audio);
  EXPECT_EQ(offer.audio->index, 1U);
  EXPECT_EQ(offer.audio->payload_type, 111U);
  // The stack is told of both, and takes both back.
  const std::string inner = compose_receiver(offer, mids_of(offer));
  EXPECT_THAT(inner, HasSubstr("a=group:BUNDLE 0 1\r\n"));
  EXPECT_THAT(inner, HasSubstr("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"));
  EXPECT_EQ(parsed(inner).audio->payload_type, 111U);
}

TEST(WebOffer, LeavesSoundOutThatItCantSend) {
  const std::string whole = offer_with_sound();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"BUNDLE 0 1", "BUNDLE 0"},
           {"opus/48000/2", "ilbc/8000"},
           {"a=mid:1\r\na=recvonly", "a=mid:1\r\na=sendonly"},
           {"a=mid:1\r\na=recvonly\r\na=rtcp-mux", "a=mid:1\r\na=recvonly"},
           {"m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP"}}) {
    const Offer offer = parsed(with(whole, from, to));
    EXPECT_FALSE(offer.audio) << from;
    EXPECT_THAT(compose_answer(offer, {}, {}), HasSubstr("m=audio 0 ")) << from;
  }
}

TEST(WebAnswer, DescribesTheSoundAsPartOfTheSameStream) {
  const std::string answer =
      compose_answer(parsed(offer_with_sound()),
                     {.ufrag = "me", .candidates = {"1 1 UDP 9 127.0.0.1 40000 typ host"}},
                     {.ssrc = 11, .rtx_ssrc = 12, .audio_ssrc = 13, .cname = "c"});
  const std::string audio = answer.substr(answer.find("m=audio"));
  for (const char* line :
       {"m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:1", "a=sendonly", "a=ice-ufrag:me", "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2", "a=msid:lumen audio", "a=ssrc:13 cname:c",
        "a=fmtp:111 stereo=1;sprop-stereo=1;minptime=10;useinbandfec=1"}) {
    EXPECT_THAT(audio, HasSubstr(std::string(line) + "\r\n"));
  }
  EXPECT_THAT(answer, HasSubstr("a=msid:lumen video\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=group:BUNDLE 0 1\r\n"));
  EXPECT_THAT(audio, Not(HasSubstr("candidate"))) << "they stand in the bundle's first";
}

// Whatever a byte of the sound's part becomes, nothing of it but what was checked is written.
TEST(WebOffer, SurvivesEveryByteOfTheSound) {
  const std::string whole = offer_with_sound();
  for (std::size_t at = whole.find("m=audio"); at < whole.size(); ++at) {
    for (const char byte : {'\0', '\n', ' ', ':', 'A', '\xff'}) {
      std::string text = whole;
      text[at] = byte;
      const auto offer = parse_offer(text);
      if (!offer) continue;
      const std::string inner = compose_receiver(*offer, mids_of(*offer));
      EXPECT_EQ(std::count(inner.begin(), inner.end(), '\n'),
                std::count(inner.begin(), inner.end(), '\r'));
    }
  }
}

TEST(WebOffer, RefusesWhatIsNoOffer) {
  using K = ErrorKind;
  EXPECT_EQ(refused(""), K::kInvalidArgument);
  EXPECT_EQ(refused("hello"), K::kInvalidArgument);
  EXPECT_EQ(refused("v=0\r\n"), K::kInvalidArgument);
  EXPECT_EQ(refused("v=1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), K::kInvalidArgument);
  EXPECT_EQ(refused(std::string(kMaxOfferBytes + 1, 'v')), K::kInvalidArgument);
  EXPECT_EQ(refused(with(chromium_offer(), "a=ice-ufrag:Ab+/", "a=ice-ufrag:A<b>")),
            K::kInvalidArgument);
  EXPECT_EQ(
      refused(with(chromium_offer(), "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=ice-pwd:short")),
      K::kInvalidArgument);
  EXPECT_EQ(refused(with(chromium_offer(), "sha-256", "sha-1")), K::kInvalidArgument);
  EXPECT_EQ(refused(with(chromium_offer(), ":42\r\n", ":4\r\n")), K::kInvalidArgument);
  EXPECT_EQ(refused(with(chromium_offer(), "a=setup:actpass", "a=setup:holdconn")),
            K::kInvalidArgument);
  EXPECT_EQ(refused(with(chromium_offer(), "a=mid:0", "a=mid:0 1")), K::kInvalidArgument);
  EXPECT_EQ(refused(with(chromium_offer(), "a=rtcp-mux\r\n", "")), K::kInvalidArgument);
  EXPECT_EQ(refused(with(chromium_offer(), "s=-", std::string("s=\0", 3))), K::kInvalidArgument);
  std::string many = chromium_offer();
  for (int i = 0; i < 20; ++i) many += "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n";
  EXPECT_EQ(refused(many), K::kInvalidArgument);
}

TEST(WebOffer, RefusesWhatItCantServe) {
  using K = ErrorKind;
  std::string no_h264 = chromium_offer();
  for (int i = 0; i < 3; ++i) no_h264 = with(no_h264, "H264/90000", "H265/90000");
  EXPECT_EQ(refused(no_h264), K::kUnsupported);
  EXPECT_EQ(refused(with(chromium_offer(), "a=recvonly", "a=sendonly")), K::kUnsupported);
  EXPECT_EQ(refused(with(chromium_offer(), "a=recvonly", "a=inactive")), K::kUnsupported);
  EXPECT_EQ(refused(with(chromium_offer(), "m=video", "m=audio")), K::kUnsupported);
}

// Cut off anywhere, or with any byte replaced, it is refused or understood, and what is understood
// adds no line to what is written.
TEST(WebOffer, SurvivesEveryCutAndEveryByte) {
  const std::string whole = chromium_offer();
  for (std::size_t size = 0; size < whole.size(); ++size) (void)parse_offer(whole.substr(0, size));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : {'\0', '\n', ' ', ':', 'A', '\xff'}) {
      std::string text = whole;
      text[at] = byte;
      const auto offer = parse_offer(text);
      if (!offer) continue;
      const std::string inner = compose_receiver(*offer, mids_of(*offer));
      EXPECT_THAT(inner, HasSubstr("\r\na=recvonly\r\n"));
      EXPECT_EQ(std::count(inner.begin(), inner.end(), '\n'),
                std::count(inner.begin(), inner.end(), '\r'));
    }
  }
}

TEST(WebOffer, NothingOfTheOfferReachesTheStackButWhatWasChecked) {
  const std::string inner = compose_receiver(parsed(chromium_offer()), {.video = "0"});
  EXPECT_THAT(inner, Not(HasSubstr("candidate")));
  EXPECT_THAT(inner, Not(HasSubstr("VP8")));
  EXPECT_THAT(inner, HasSubstr("m=video 9 UDP/TLS/RTP/SAVPF 108\r\n"));
  EXPECT_THAT(parsed(inner).format.parameters, HasSubstr("profile-level-id=42e01f"));
}

TEST(WebAnswer, DescribesTheStreamAndItsRetransmission) {
  const std::string answer = compose_answer(parsed(chromium_offer()),
                                            {.ufrag = "me",
                                             .password = "secret",
                                             .fingerprint = kFingerprint,
                                             .setup = "active",
                                             .candidates = {"1 1 UDP 9 127.0.0.1 40000 typ host"}},
                                            {.ssrc = 11, .rtx_ssrc = 12, .cname = "c"});
  for (const char* line :
       {"a=sendonly", "a=setup:active", "a=ice-ufrag:me", "a=rtpmap:108 H264/90000",
        "a=rtcp-fb:108 nack", "a=rtcp-fb:108 nack pli", "a=rtcp-fb:108 ccm fir",
        "a=rtpmap:109 rtx/90000", "a=fmtp:109 apt=108", "a=ssrc-group:FID 11 12",
        "a=ssrc:11 cname:c", "a=ssrc:12 cname:c", "a=end-of-candidates",
        "a=candidate:1 1 UDP 9 127.0.0.1 40000 typ host", "a=rtcp-fb:108 transport-cc",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"}) {
    EXPECT_THAT(answer, HasSubstr(std::string(line) + "\r\n"));
  }
}

TEST(WebAnswer, PromisesToSendAgainOnlyWhereItCan) {
  const Offer offer = parsed(with(chromium_offer(), "apt=108", "apt=96"));
  EXPECT_EQ(offer.format.rtx_payload_type, std::nullopt);
  EXPECT_THAT(compose_answer(offer, {}, {}), Not(HasSubstr("a=rtcp-fb:108 nack\r\n")));
}

TEST(WebOffer, SaysWhatWasAgreedOnInOneLine) {
  EXPECT_EQ(describe(parsed(chromium_offer())),
            "H264 (profile-level-id=42e01f) as 108, again as 109, transport-cc");
}

TEST(WebOffer, TakesTheStreamsCodecInTheProfileThatIsSent) {
  std::string text =
      with(chromium_offer(), "108 109 127 125\r\n", "108 109 127 125 45 46 39 40\r\n");
  text +=
      "a=rtpmap:39 AV1/90000\r\n"
      "a=fmtp:39 level-idx=5;profile=1;tier=0\r\n"
      "a=rtpmap:45 AV1/90000\r\n"
      "a=rtcp-fb:45 nack\r\n"
      "a=fmtp:45 level-idx=5;profile=0;tier=0\r\n"
      "a=rtpmap:46 rtx/90000\r\n"
      "a=fmtp:46 apt=45\r\n"
      "a=rtpmap:40 H265/90000\r\n"
      "a=fmtp:40 level-id=156;profile-id=1;tier-flag=0;tx-mode=SRST\r\n";
  const auto av1 = parse_offer(text, {.codec = Codec::kAv1});
  ASSERT_TRUE(av1) << av1.error().describe();
  EXPECT_EQ(av1->format.payload_type, 45U);
  EXPECT_EQ(av1->format.rtx_payload_type, 46U);
  EXPECT_EQ(av1->format.parameters, "level-idx=5;profile=0;tier=0");
  EXPECT_THAT(compose_answer(*av1, {}, {.ssrc = 11, .rtx_ssrc = 12}),
              HasSubstr("a=rtpmap:45 AV1/90000\r\na=fmtp:45 level-idx=5;profile=0;tier=0\r\n"));
  const auto hevc = parse_offer(text, {.codec = Codec::kHevc});
  ASSERT_TRUE(hevc) << hevc.error().describe();
  EXPECT_EQ(hevc->format.payload_type, 40U);
  EXPECT_EQ(hevc->format.parameters, "level-id=156;profile-id=1;tier-flag=0;tx-mode=SRST");
  const auto none = parse_offer(chromium_offer(), {.codec = Codec::kAv1});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(none.error().message, HasSubstr("AV1"));
}

// Few receivers decode these, and none says so by offering constrained baseline.
TEST(WebOffer, FullColourAndTenBitsMustBeOffered) {
  const std::string text =
      with(chromium_offer(), "108 109 127 125\r\n", "108 109 127 125 112\r\n") +
      "a=rtpmap:112 H264/90000\r\n"
      "a=fmtp:112 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f\r\n";
  const StreamKind full{.chroma = Chroma::k444};
  const auto chosen = parse_offer(text, full);
  ASSERT_TRUE(chosen) << chosen.error().describe();
  EXPECT_EQ(chosen->format.payload_type, 112U);
  EXPECT_THAT(chosen->format.parameters, HasSubstr("profile-level-id=f4001f"));
  EXPECT_NE(parse_offer(text)->format.payload_type, 112U) << "a plain stream is what all decode";

  const auto refused = parse_offer(chromium_offer(), full);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("H264 4:4:4"));
  const auto deep = parse_offer(text, {.bit_depth = 10});
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message, HasSubstr("H264 with 10 bits"));
}

TEST(WebAnswer, PromisesNothingThatWasNotOffered) {
  std::string text = with(chromium_offer(), "a=rtcp-fb:108 nack\r\n", "");
  text =
      with(text, "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n", "");
  text = with(text, "a=rtcp-fb:108 transport-cc\r\n", "");
  const Offer offer = parsed(text);
  EXPECT_FALSE(offer.format.rtx_payload_type);  // nobody would ask for it
  const std::string answer = compose_answer(offer, {}, {.ssrc = 11, .rtx_ssrc = 12});
  EXPECT_THAT(answer, Not(HasSubstr("rtx")));
  EXPECT_THAT(answer, Not(HasSubstr("FID")));
  EXPECT_THAT(answer, Not(HasSubstr("extmap")));
}

}  // namespace
}  // namespace lumen::web
