// Who may open the page from another machine: the token and TLS, as a browser shows them.
#include "page.h"

#include <fstream>

namespace lumen::browser {
namespace {

constexpr const char* kSource = "synthetic:640x360@30";

class AccessTest : public PageTest {
 protected:
  void start_shared_host(unsigned port = 0) { start_host(kSource, port, "4M", "0.0.0.0"); }
  [[nodiscard]] std::string token() const {
    std::ifstream file(dir_ / "lumen/web-token");
    std::string text;
    file >> text;
    return text;
  }
  void type_token(const std::string& tab, const std::string& text) {
    evaluate(tab, "document.getElementById('token').value = " + json(text).dump());
    evaluate(tab, "document.querySelector('#sign-in button').click()");
  }
};

TEST_F(AccessTest, ALinkWithTheTokenPlays) {
  start_shared_host();
  ASSERT_TRUE(encrypted_);
  const std::string tab = open_page("", "#token=" + token());
  ASSERT_TRUE(becomes(tab, "playing"));
  // It stays with the browser, out of the address bar's and the scripts' sight, and in no log.
  EXPECT_EQ(evaluate(tab, "location.href"), url());
  EXPECT_EQ(evaluate(tab, "document.cookie"), "");
  EXPECT_EQ(said(token()), 0U);
  ASSERT_TRUE(browser_->navigate(tab, url()));
  EXPECT_TRUE(becomes(tab, "playing"));
}

TEST_F(AccessTest, AsksForATokenAndSaysThatOneIsWrong) {
  start_shared_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "locked"));
  EXPECT_EQ(text_of(tab, "headline"), "A token is needed");
  type_token(tab, "0123456789abcdefghijkl");
  ASSERT_TRUE(becomes(tab, "wrong"));
  EXPECT_EQ(text_of(tab, "headline"), "This token is wrong");
  EXPECT_TRUE(comes_to_say("wrong tokens: 1"));
  EXPECT_EQ(said("0123456789abcdefghijkl"), 0U);
  EXPECT_EQ(evaluate(tab, "document.querySelector('video').srcObject"), nullptr);
  type_token(tab, url() + "#token=" + token());  // the whole link does as well
  EXPECT_TRUE(becomes(tab, "playing"));
}

TEST_F(AccessTest, AnotherLinkInTheSameTabIsTried) {
  start_shared_host();
  const std::string tab = open_page("", "#token=0123456789abcdefghijkl");
  ASSERT_TRUE(becomes(tab, "wrong"));
  evaluate(tab, "location.hash = 'token=" + token() + "'");
  EXPECT_TRUE(becomes(tab, "playing"));
}

TEST_F(AccessTest, TellsAGuesserToWait) {
  start_shared_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "locked"));
  const json statuses = evaluate(tab, R"js((async () => {
    const result = [];
    for (let i = 0; i < 300; ++i) {
      result.push((await fetch("/status", {headers: {Authorization: `Bearer guess${i}`}})).status);
    }
    return result;
  })())js");
  EXPECT_EQ(statuses[0], 401);
  EXPECT_EQ(std::ranges::count(statuses, json(401)), 10);
  EXPECT_EQ(std::ranges::count(statuses, json(429)), 290);
  type_token(tab, token());
  ASSERT_TRUE(becomes(tab, "limited"));
  EXPECT_NE(text_of(tab, "advice").find("seconds"), std::string::npos);
  EXPECT_LE(said("wrong tokens"), 2U);
}

TEST_F(AccessTest, ComesBackWithTheHostWithoutANewToken) {
  start_shared_host();
  const std::string tab = open_page("", "#token=" + token());
  ASSERT_TRUE(becomes(tab, "playing"));
  host_->stop();
  ASSERT_TRUE(becomes(tab, "gone"));
  start_shared_host(port_);
  EXPECT_TRUE(becomes(tab, "playing", Milliseconds(25000)));
}

}  // namespace
}  // namespace lumen::browser
