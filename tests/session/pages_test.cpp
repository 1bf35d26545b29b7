// Hosts that are told nothing: each serves its page.
#include <string>

#include <gtest/gtest.h>

#include "host.h"

namespace lumen::session {
namespace {

// Two users of one machine, or one with two sessions.
TEST(Pages, TwoHostsThatAreToldNothingServeTheirs) {
  auto session = PrivateSession::start();
  if (!session && session.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << session.error().describe();
  }
  ASSERT_TRUE(session) << session.error().describe();
  const auto address = [](Host& host) {
    const std::string text = host.process().log_text();
    const auto at = text.find("http://127.0.0.1:");
    return at == std::string::npos ? "" : text.substr(at, text.find('/', at + 7) - at);
  };
  auto first = Host::start(**session, {"--source", "synthetic:320x180@10"});
  ASSERT_TRUE(first) << first.error().describe();
  ASSERT_TRUE(first->status());
  auto second = Host::start(**session, {"--source", "synthetic:320x180@10"});
  ASSERT_TRUE(second) << second.error().describe();
  ASSERT_TRUE(second->status()) << second->process().log_text();
  EXPECT_NE(address(*first), "");
  EXPECT_NE(address(*second), "");
  EXPECT_NE(address(*first), address(*second));
  EXPECT_EQ(second->interrupt(), 0);
  EXPECT_EQ(first->interrupt(), 0);
}

}  // namespace
}  // namespace lumen::session
