#include "sink/rtp/sdp.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "encoded_stream.h"
#include "sink/rtp/base64.h"

namespace lumen {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

rtp::SdpSession session_to(const std::string& host) {
  rtp::SdpSession session;
  session.id = 11;
  session.version = 12;
  session.origin = "192.0.2.9";
  session.destination = resolve_udp(host, 5004).value();
  session.rtcp_port = 5005;
  return session;
}

TEST(Base64, Rfc4648Vectors) {
  const auto of = [](std::string_view text) {
    return rtp::base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of("f"), "Zg==");
  EXPECT_EQ(of("fo"), "Zm8=");
  EXPECT_EQ(of("foo"), "Zm9v");
  EXPECT_EQ(of("foob"), "Zm9vYg==");
  EXPECT_EQ(of("fooba"), "Zm9vYmE=");
  EXPECT_EQ(of("foobar"), "Zm9vYmFy");
}

TEST(Sdp, H264DescribesTheStreamThatTheEncoderMade) {
  const auto frames = test::encode_stream({.codec = Codec::kH264, .frames = 1});
  const StreamParameters& stream = *frames.front().stream;
  const std::string sdp = rtp::make_sdp(session_to("127.0.0.1"), stream);

  EXPECT_THAT(sdp, StartsWith("v=0\r\no=- 11 12 IN IP4 192.0.2.9\r\ns=lumen\r\n"
                              "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVPF 96\r\n"));
  EXPECT_THAT(sdp, HasSubstr("a=rtcp:5005\r\n"));
  EXPECT_THAT(sdp, HasSubstr("a=rtpmap:96 H264/90000\r\n"));
  EXPECT_THAT(sdp, HasSubstr("a=framerate:60\r\n"));
  // The parameter sets start with 00 00 00 01 and the SPS's header.
  const auto& sets = stream.parameter_sets;
  ASSERT_GT(sets.size(), 8U);
  ASSERT_EQ(sets[4] & 0x1f, 7);
  char id[7];
  std::snprintf(id, sizeof id, "%02x%02x%02x", sets[5], sets[6], sets[7]);
  EXPECT_THAT(sdp, HasSubstr("a=fmtp:96 packetization-mode=1;profile-level-id=" + std::string(id) +
                             ";sprop-parameter-sets=" + rtp::base64({&sets[4], 3}).substr(0, 4)));
  EXPECT_EQ(rtp::profile_level_id(sets), id);
}

TEST(Sdp, HevcCarriesAllThreeParameterSets) {
  const auto frames = test::encode_stream({.codec = Codec::kHevc, .frames = 1});
  auto session = session_to("127.0.0.1");
  session.payload_type = 101;
  const std::string sdp = rtp::make_sdp(session, *frames.front().stream);
  EXPECT_THAT(sdp, HasSubstr("m=video 5004 RTP/AVPF 101\r\n"));
  EXPECT_THAT(sdp, HasSubstr("a=rtpmap:101 H265/90000\r\n"));
  EXPECT_THAT(sdp, HasSubstr("a=fmtp:101 sprop-vps=QAE"));  // 40 01
  EXPECT_THAT(sdp, HasSubstr(";sprop-sps=QgE"));            // 42 01
  EXPECT_THAT(sdp, HasSubstr(";sprop-pps=RA"));             // 44 0x
}

TEST(Sdp, Av1SaysItsProfile) {
  const auto frames = test::encode_stream({.codec = Codec::kAv1, .frames = 2});
  auto session = session_to("127.0.0.1");
  session.payload_type = 97;
  const std::string sdp = rtp::make_sdp(session, *frames.front().stream);
  EXPECT_THAT(sdp, HasSubstr("a=rtpmap:97 AV1/90000\r\na=fmtp:97 profile=0\r\n"));
}

TEST(Sdp, SaysWhatTheReceiverMaySendBack) {
  auto session = session_to("127.0.0.1");
  session.ssrc = 7;
  session.cname = "abc";
  const std::string sdp = rtp::make_sdp(session, {});
  for (const char* line :
       {"m=video 5004 RTP/AVPF 96\r\n", "a=rtcp:5005\r\n", "a=rtcp-fb:96 nack\r\n",
        "a=rtcp-fb:96 nack pli\r\n", "a=rtcp-fb:96 ccm fir\r\n", "a=rtcp-fb:96 goog-remb\r\n",
        "a=ssrc:7 cname:abc\r\n"}) {
    EXPECT_THAT(sdp, HasSubstr(line));
  }
  for (const char* line : {"rtcp-mux", "transport-cc", "extmap", "rtx", "FID"}) {
    EXPECT_THAT(sdp, Not(HasSubstr(line)));
  }
  session.feedback = false;
  const std::string plain = rtp::make_sdp(session, {});
  EXPECT_THAT(plain, HasSubstr("m=video 5004 RTP/AVP 96\r\n"));
  EXPECT_THAT(plain, Not(HasSubstr("rtcp-fb")));
}

TEST(Sdp, SaysWhatElseWasAskedFor) {
  auto session = session_to("127.0.0.1");
  session.rtcp_port = 5004;
  session.rtcp_mux = true;
  session.ssrc = 7;
  session.cname = "abc";
  session.extensions = {.abs_capture_time = 4, .transport_sequence = 3};
  session.rtx = rtp::RtxStream{.payload_type = 97, .ssrc = 8};
  const std::string sdp = rtp::make_sdp(session, {});
  for (const char* line :
       {"m=video 5004 RTP/AVPF 96 97\r\n", "a=rtcp:5004\r\n", "a=rtcp-mux\r\n",
        "a=rtcp-fb:96 transport-cc\r\n",
        "a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n",
        "a=extmap:3 "
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n",
        "a=rtpmap:97 rtx/90000\r\n", "a=fmtp:97 apt=96\r\n", "a=ssrc-group:FID 7 8\r\n",
        "a=ssrc:7 cname:abc\r\n", "a=ssrc:8 cname:abc\r\n"}) {
    EXPECT_THAT(sdp, HasSubstr(line));
  }
}

TEST(Sdp, AddressesAreWrittenAsTheirFamilyWants) {
  StreamParameters stream;
  stream.rate = {60000, 1001};
  EXPECT_THAT(rtp::make_sdp(session_to("::1"), stream), HasSubstr("c=IN IP6 ::1\r\n"));
  EXPECT_THAT(rtp::make_sdp(session_to("239.1.2.3"), stream),
              HasSubstr("c=IN IP4 239.1.2.3/1\r\n"));
  EXPECT_THAT(rtp::make_sdp(session_to("127.0.0.1"), stream), HasSubstr("a=framerate:59.9401\r\n"));
}

TEST(Sdp, SaysNothingAboutWhatItDoesNotKnow) {
  StreamParameters stream;  // no parameter sets, variable rate, no bit rate
  const std::string sdp = rtp::make_sdp(session_to("127.0.0.1"), stream);
  EXPECT_THAT(sdp, HasSubstr("a=fmtp:96 packetization-mode=1\r\n"));
  EXPECT_THAT(sdp, Not(HasSubstr("framerate")));
  EXPECT_THAT(sdp, Not(HasSubstr("b=AS")));
}

TEST(SdpFile, AReaderNeverSeesAPart) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "a.sdp";
  const std::string one(40'000, '1');
  const std::string two(90'000, '2');
  ASSERT_TRUE(rtp::write_sdp(path, one));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(rtp::write_sdp(path, i % 2 == 0 ? two : one));
    done = true;
  });
  while (!done) {
    const std::string seen = read_file(path);
    EXPECT_TRUE(seen == one || seen == two) << "a file of " << seen.size() << " bytes";
  }
  writer.join();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1)
      << "temporary files stay behind";
}

TEST(SdpFile, RefusesWhatItCanNotWrite) {
  const test::TemporaryDirectory directory;
  const auto in_directory = rtp::check_sdp_path(directory.path());
  ASSERT_FALSE(in_directory);
  EXPECT_EQ(in_directory.error().kind, ErrorKind::kInvalidArgument);
  const auto missing = rtp::check_sdp_path(directory / "no/such/a.sdp");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kIo);
  EXPECT_THAT(missing.error().message, HasSubstr("No such file"));
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(rtp::write_sdp(directory / "pipe", "text")) << "a device must not be renamed over";
  EXPECT_TRUE(rtp::check_sdp_path(directory / "good.sdp"));
  EXPECT_FALSE(std::filesystem::exists(directory / "good.sdp")) << "a check leaves no file";
}

TEST(SdpFile, FollowsASymbolicLink) {
  const test::TemporaryDirectory directory;
  ASSERT_TRUE(rtp::write_sdp(directory / "real.sdp", "old"));
  std::filesystem::create_symlink("real.sdp", directory / "link.sdp");
  ASSERT_TRUE(rtp::write_sdp(directory / "link.sdp", "new"));
  EXPECT_EQ(read_file(directory / "real.sdp"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link.sdp"));
}

}  // namespace
}  // namespace lumen
