// Tokens, who may guess them, certificates, and what --sink web:… makes of them.
#include "sink/web/web_access.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "encoded_stream.h"
#include "sink/web/access_token.h"
#include "sink/web/qr_code.h"
#include "sink/web/site.h"
#include "sink/web/token_guard.h"

namespace lumen::web {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kToken = "0123456789abcdefghijABC-_";

void write(const std::string& path, std::string_view text, mode_t mode = 0600) {
  std::ofstream(path) << text;
  ASSERT_EQ(::chmod(path.c_str(), mode), 0);
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat about{};
  EXPECT_EQ(::stat(path.c_str(), &about), 0) << path;
  return about.st_mode & 07777;
}

TEST(AccessToken, IsRandomAndFitsInAUrl) {
  std::set<std::string> tokens;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = make_token();
    EXPECT_THAT(token, testing::MatchesRegex("[A-Za-z0-9_-]{32}"));
    tokens.insert(token);
  }
  EXPECT_EQ(tokens.size(), 1000U);
}

TEST(AccessToken, IsMadeOnceAndKeptForThisUserOnly) {
  const test::TemporaryDirectory directory;
  const auto first = keep_token(directory / "token");
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(mode_of(directory / "token"), 0600U);
  EXPECT_EQ(keep_token(directory / "token").value(), *first);
}

TEST(AccessToken, IsRefusedWhereItIsNoSecret) {
  const test::TemporaryDirectory directory;
  const std::string file = directory / "token";
  write(file, std::string(kToken) + "\r\n");
  EXPECT_EQ(read_token(file).value(), kToken);
  write(file, kToken, 0640);
  ASSERT_FALSE(read_token(file));
  EXPECT_THAT(read_token(file).error().hint, HasSubstr("chmod 600"));
  for (const char* text : {"", "short", "twenty-two characters!", "two lines\nof it all, really",
                           "012345678901234567890"}) {
    write(file, text);
    ASSERT_FALSE(read_token(file)) << text;
    EXPECT_EQ(read_token(file).error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(read_token(file).error().describe(), testing::Not(HasSubstr("short")));
  }
  write(file, std::string(5000, 'x'));
  EXPECT_FALSE(read_token(file));
  EXPECT_EQ(read_token(directory / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(read_token("/dev/zero"));
}

TEST(AccessToken, DoesNotShowInWhatABrowserGetsForIt) {
  EXPECT_EQ(session_secret(kToken), session_secret(kToken));
  EXPECT_NE(session_secret(kToken), session_secret(make_token()));
  EXPECT_THAT(session_secret(kToken), testing::MatchesRegex("[A-Za-z0-9_-]{43}"));
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
  EXPECT_TRUE(same_secret("", ""));
}

class Guard : public testing::Test {
 protected:
  Decision judge(std::string_view token, std::string_view address = "192.0.2.7") {
    return guard_.judge({.token = token}, address, time_);
  }
  Timestamp time_ = Timestamp{} + 1000s;
  TokenGuard guard_{kToken, {.of_one = 3, .of_all = 10, .remembered = 8, .window = 60s}};
};

TEST_F(Guard, KnowsTheTokenAndWhatItWasExchangedFor) {
  EXPECT_EQ(judge(kToken).verdict, Verdict::kWelcome);
  EXPECT_EQ(guard_.judge({.session = guard_.session()}, "::1", time_).verdict, Verdict::kWelcome);
  EXPECT_EQ(judge("").verdict, Verdict::kNothingGiven);
  EXPECT_EQ(judge(guard_.session()).verdict, Verdict::kWrong);
  EXPECT_EQ(guard_.judge({.session = kToken}, "::1", time_).verdict, Verdict::kWrong);
  // A wrong token is not made good by a right cookie.
  EXPECT_EQ(guard_.judge({.token = "x", .session = guard_.session()}, "::1", time_).verdict,
            Verdict::kWrong);
}

TEST_F(Guard, LooksAtNoMoreThanAFewGuessesOfOneAddress) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(judge("guess").verdict, Verdict::kWrong);
  time_ += 20s;
  const Decision limited = judge(kToken);  // right, and not even looked at
  EXPECT_EQ(limited.verdict, Verdict::kTooMany);
  EXPECT_EQ(limited.retry_after, 40s);
  EXPECT_EQ(judge(kToken, "192.0.2.8").verdict, Verdict::kWelcome);
  EXPECT_EQ(judge(kToken, "::ffff:192.0.2.7").verdict, Verdict::kTooMany);
  time_ += 40s;
  EXPECT_EQ(judge(kToken).verdict, Verdict::kWelcome);
}

TEST_F(Guard, TakesANetworkOfIpv6AsOne) {
  for (const char* address : {"2001:db8::1", "2001:db8::2", "2001:db8::dead:beef"}) {
    EXPECT_EQ(judge("guess", address).verdict, Verdict::kWrong);
  }
  EXPECT_EQ(judge(kToken, "2001:db8::4").verdict, Verdict::kTooMany);
  EXPECT_EQ(judge(kToken, "2001:db8:0:1::4").verdict, Verdict::kWelcome);
}

TEST_F(Guard, AllowsOneGuessEachWhereManyGuess) {
  for (int i = 0; i < 10; ++i) judge("guess", "198.51.100." + std::to_string(i));
  EXPECT_EQ(judge("guess", "203.0.113.1").verdict, Verdict::kWrong);
  EXPECT_EQ(judge(kToken, "203.0.113.1").verdict, Verdict::kTooMany);
  EXPECT_EQ(judge(kToken, "203.0.113.2").verdict, Verdict::kWelcome);  // has never been wrong
  EXPECT_LE(guard_.remembered(), 8U);
}

TEST_F(Guard, ReportsOnceInAWindow) {
  EXPECT_EQ(judge("guess").to_report, 1U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(judge("g", "10.0.0." + std::to_string(i)).to_report, 0U);
  time_ += 61s;
  EXPECT_EQ(judge("guess").to_report, 6U);
}

class Identity : public testing::Test {
 protected:
  Result<TlsIdentity> keep(const TlsSubject& subject) {
    return keep_identity(std::filesystem::path(directory_ / ""), subject, now_);
  }
  test::TemporaryDirectory directory_;
  std::chrono::system_clock::time_point now_ = std::chrono::system_clock::now();
  TlsSubject subject_{.names = {"desk", "desk.local"}, .addresses = {"192.0.2.7", "2001:db8::7"}};
};

TEST_F(Identity, IsMadeOnceAndNamesTheMachine) {
  const auto made = keep(subject_);
  ASSERT_TRUE(made) << made.error().describe();
  EXPECT_THAT(made->certificate, StartsWith("-----BEGIN CERTIFICATE-----"));
  EXPECT_THAT(made->key, HasSubstr("PRIVATE KEY-----"));
  EXPECT_THAT(made->fingerprint, testing::MatchesRegex("([0-9A-F]{2}:){31}[0-9A-F]{2}"));
  EXPECT_THAT(made->names, testing::ElementsAre("desk", "desk.local"));
  EXPECT_EQ(mode_of(directory_ / "web-key.pem"), 0600U);
  const auto again = keep({.names = {"desk"}, .addresses = {"2001:db8::7"}});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->fingerprint, made->fingerprint);
}

TEST_F(Identity, IsMadeAnewWhenItNoLongerServes) {
  std::set<std::string> fingerprints;
  const auto keep_and_count = [&] {
    const auto identity = keep(subject_);
    EXPECT_TRUE(identity);
    fingerprints.insert(identity->fingerprint);
    return fingerprints.size();
  };
  EXPECT_EQ(keep_and_count(), 1U);
  subject_.addresses.emplace_back("192.0.2.8");
  EXPECT_EQ(keep_and_count(), 2U);
  subject_.names.emplace_back("other");
  EXPECT_EQ(keep_and_count(), 3U);
  now_ += 24h * 330;
  EXPECT_EQ(keep_and_count(), 3U);
  now_ += 24h * 10;
  EXPECT_EQ(keep_and_count(), 4U);
  write(directory_ / "web-key.pem", "nonsense");
  EXPECT_EQ(keep_and_count(), 5U);
  const std::string key = read(directory_ / "web-key.pem");
  EXPECT_EQ(keep_and_count(), 5U);
  subject_.names.emplace_back("third");
  EXPECT_EQ(keep_and_count(), 6U);
  write(directory_ / "web-key.pem", key);  // another certificate's
  EXPECT_EQ(keep_and_count(), 7U);
}

TEST_F(Identity, IsLoadedFromTheUsersFilesOrSaysWhatIsWrong) {
  const auto made = keep(subject_);
  ASSERT_TRUE(made);
  const std::string certificate = directory_ / "web-cert.pem";
  const std::string key = directory_ / "web-key.pem";
  const auto loaded = load_identity(certificate, key);
  ASSERT_TRUE(loaded) << loaded.error().describe();
  EXPECT_EQ(loaded->fingerprint, made->fingerprint);

  const auto why = [&](const std::string& c, const std::string& k) {
    const auto result = load_identity(c, k);
    return result ? "" : result.error().describe();
  };
  EXPECT_THAT(why(key, key), HasSubstr("holds no certificate"));
  write(directory_ / "copy.pem", made->certificate);
  EXPECT_THAT(why(certificate, directory_ / "copy.pem"), HasSubstr("holds no private key"));
  EXPECT_THAT(why(directory_ / "none", key), HasSubstr("can't open"));
  const test::TemporaryDirectory elsewhere;
  ASSERT_TRUE(keep_identity(std::filesystem::path(elsewhere / ""), subject_, now_));
  EXPECT_THAT(why(certificate, elsewhere / "web-key.pem"), HasSubstr("is not that of"));
  ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
  EXPECT_THAT(why(certificate, key), HasSubstr("chmod 600"));
}

TEST(Names, HaveWildcardsOfOneLabel) {
  const std::vector<std::string> names = {"desk", "*.example.org"};
  EXPECT_TRUE(is_named(names, "desk"));
  EXPECT_TRUE(is_named(names, "tv.example.org"));
  for (const char* other : {"example.org", ".example.org", "a.tv.example.org", "tv.example.org.",
                            "desk.", "*.example.com", ""}) {
    EXPECT_FALSE(is_named(names, other)) << other;
  }
}

class Access : public testing::Test {
 protected:
  void SetUp() override { ::setenv("XDG_STATE_HOME", (directory_ / "state").c_str(), 1); }
  void TearDown() override { ::unsetenv("XDG_STATE_HOME"); }
  test::TemporaryDirectory directory_;
};

TEST_F(Access, ThisMachineNeedsNothing) {
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1"}) {
    const auto access = prepare_access({.address = address});
    ASSERT_TRUE(access) << access.error().describe();
    EXPECT_FALSE(access->token);
    EXPECT_FALSE(access->identity);
  }
  EXPECT_EQ(page_url(*prepare_access({.address = "::1"}), 8000), "http://[::1]:8000/");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "state"));
}

TEST_F(Access, OthersNeedATokenAndTls) {
  for (const char* address : {"0.0.0.0", "::", "192.0.2.7", "2001:db8::7"}) {
    const auto access = prepare_access({.address = address});
    ASSERT_TRUE(access) << access.error().describe();
    ASSERT_TRUE(access->token);
    ASSERT_TRUE(access->identity);
    EXPECT_THAT(page_url(*access, 8443), StartsWith("https://"));
    EXPECT_THAT(page_url(*access, 8443),
                testing::AllOf(testing::Not(HasSubstr("0.0.0.0")), testing::Not(HasSubstr("[::]")),
                               testing::Not(HasSubstr("token"))));
    EXPECT_THAT(invitation_url(*access, 8443), testing::EndsWith("/#token=" + *access->token));
    EXPECT_THAT(access->names, Contains("localhost"));
  }
  EXPECT_EQ(page_url(*prepare_access({.address = "2001:db8::7"}), 1), "https://[2001:db8::7]:1/");
  EXPECT_EQ(mode_of(directory_ / "state/lumen"), 0700U);
  EXPECT_EQ(mode_of(directory_ / "state/lumen/web-token"), 0600U);
}

TEST_F(Access, ATokenAloneMakesNoTls) {
  const auto access = prepare_access({.token = true});
  ASSERT_TRUE(access);
  EXPECT_TRUE(access->token);
  EXPECT_FALSE(access->identity);
  write(directory_ / "mine", kToken);
  EXPECT_EQ(prepare_access({.address = "0.0.0.0", .token_file = directory_ / "mine"})->token,
            kToken);
}

TEST_F(Access, SaysWhatIsWrong) {
  const auto why = [](const WebSettings& settings) {
    const auto access = prepare_access(settings);
    return access ? "" : access.error().describe();
  };
  EXPECT_THAT(why({.address = "desk.example"}), HasSubstr("no numeric address"));
  EXPECT_THAT(why({.token_file = "/none"}), HasSubstr("the page's token: can't open /none"));
  EXPECT_THAT(why({.certificate_file = "/none", .key_file = "/none"}),
              HasSubstr("the page's certificate: can't open /none"));
  ::unsetenv("XDG_STATE_HOME");
  const std::string home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  ::unsetenv("HOME");
  EXPECT_THAT(why({.address = "0.0.0.0"}), HasSubstr("set HOME or XDG_STATE_HOME"));
  ::setenv("HOME", home.c_str(), 1);
}

TEST(QrCode, IsASquareOfHalfBlocksWithAQuietZone) {
  const std::string picture =
      qr_code("https://192.168.100.200:8443/#token=" + std::string(32, 'x'), QrColor::kNone);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < picture.size(); at = picture.find('\n', at) + 1) {
    lines.push_back(picture.substr(at, picture.find('\n', at) - at));
  }
  // Version 4 has 33 modules, here with two around them (ISO/IEC 18004).
  EXPECT_EQ(lines.size(), 19U);
  const auto columns = [](const std::string& line) {
    return std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
  };
  for (const std::string& line : lines) EXPECT_EQ(columns(line), 37);
  EXPECT_EQ(lines[0].find_first_not_of("█"), std::string::npos);
  EXPECT_THAT(lines[1], StartsWith("██ "));  // the finder pattern's dark edge
  EXPECT_EQ(picture.find('\x1b'), std::string::npos);
  EXPECT_THAT(qr_code("x", QrColor::kAnsi), HasSubstr("\x1b[0m\n"));
  EXPECT_EQ(qr_code(std::string(5000, 'x'), QrColor::kNone), "");
}

/// A site that asks for the token, before anybody watches.
class GuardedSite : public testing::Test {
 protected:
  HttpResponse ask(HttpRequest request) {
    request.host = "192.0.2.7:8443";
    request.peer = "192.0.2.9";
    return site_.respond(request);
  }
  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return {};
  }
  HttpResponse sign_in(const std::string& token) {
    return ask({.method = "POST",
                .path = "/sign-in",
                .content_type = "application/json",
                .body = R"({"token":")" + token + "\"}"});
  }
  Audience audience_{{.make_peer = [](PeerSettings) -> Result<std::unique_ptr<MediaPeer>> {
                       return fail(ErrorKind::kIo, "nobody is let in here");
                     }},
                     {}};
  Site site_{{.token = kToken, .encrypted = true, .limits = {.of_one = 3}}, audience_};
};

TEST_F(GuardedSite, ShowsNothingButThePageToWhoHasNoToken) {
  for (const char* path : {"/", "/player.js", "/player.css", "/icon.svg"}) {
    EXPECT_EQ(ask({.method = "GET", .path = path}).status, 200U) << path;
  }
  for (const char* method : {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH"}) {
    for (const char* path : {"/status", "/whep", "/whep/", "/whep/0123", "/quality"}) {
      const HttpResponse refused = ask({.method = method, .path = path});
      EXPECT_EQ(refused.status, 401U) << method << " " << path;
      EXPECT_EQ(header(refused, "WWW-Authenticate"), "Bearer");
      EXPECT_THAT(refused.body, testing::Not(HasSubstr(kToken)));
    }
  }
}

TEST_F(GuardedSite, TakesTheTokenAsABearer) {
  const auto status_with = [this](std::string authorization) {
    return ask({.method = "GET", .path = "/status", .authorization = std::move(authorization)})
        .status;
  };
  EXPECT_EQ(status_with(std::string("Bearer ") + kToken), 200U);
  EXPECT_EQ(status_with(std::string("bearer ") + kToken), 200U);
  EXPECT_EQ(status_with(std::string("Basic ") + kToken), 401U);
  EXPECT_EQ(status_with(kToken), 401U);
  EXPECT_EQ(status_with("Bearer"), 401U);
  EXPECT_EQ(status_with(std::string("Bearer ") + kToken + "x"), 401U);
}

TEST_F(GuardedSite, GivesACookieThatOnlyTheBrowserSees) {
  const HttpResponse in = sign_in(kToken);
  EXPECT_EQ(in.status, 204U);
  const std::string cookie = header(in, "Set-Cookie");
  EXPECT_THAT(cookie, StartsWith("__Host-lumen="));
  for (const char* part : {"; Path=/;", "; HttpOnly", "; SameSite=Strict", "; Secure"}) {
    EXPECT_THAT(cookie, HasSubstr(part));
  }
  EXPECT_THAT(cookie, testing::Not(HasSubstr(kToken)));
  const std::string pair = cookie.substr(0, cookie.find(';'));
  const auto status_with = [this](std::string cookies) {
    return ask({.method = "GET", .path = "/status", .cookies = std::move(cookies)}).status;
  };
  EXPECT_EQ(status_with(pair), 200U);
  EXPECT_EQ(status_with("a=b; " + pair + "; c=d"), 200U);
  EXPECT_EQ(status_with("x" + pair), 401U);
  EXPECT_EQ(status_with(pair + "x"), 401U);
  EXPECT_EQ(ask({.method = "GET", .path = "/sign-in"}).status, 405U);
  EXPECT_EQ(ask({.method = "POST", .path = "/sign-in", .content_type = "text/plain"}).status, 415U);
  EXPECT_EQ(ask({.method = "POST", .path = "/sign-in", .content_type = "application/json"}).status,
            400U);
}

TEST_F(GuardedSite, StopsListeningToGuesses) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sign_in(make_token()).status, 401U);
  const HttpResponse limited = sign_in(kToken);
  EXPECT_EQ(limited.status, 429U);
  EXPECT_THAT(header(limited, "Retry-After"), testing::MatchesRegex("[0-9]+"));
}

}  // namespace
}  // namespace lumen::web
