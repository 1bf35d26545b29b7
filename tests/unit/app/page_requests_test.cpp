#include "app/control/page_requests.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lumen::control {
namespace {

class Host final : public HostControl {
 public:
  StreamStatus status() override { return {}; }
  Result<Sink> add_sink(const std::string&) override {
    return note("add").map([] { return Sink{}; });
  }
  Result<Sink> remove_sink(unsigned) override {
    return note("remove").map([] { return Sink{}; });
  }
  Result<std::vector<std::string>> change(const StreamChange& change) override {
    done.push_back("set " + std::to_string(change.bitrate_bps.value_or(0)));
    return std::vector<std::string>{};
  }
  void request_key_frame() override { done.emplace_back("key"); }
  Result<void> start() override { return note("start"); }
  Result<void> stop() override {
    done.emplace_back("stop");
    return fail(ErrorKind::kIo, "it can't");
  }
  void reload() override { done.emplace_back("reload"); }
  void quit() override { done.emplace_back("quit"); }

  std::vector<std::string> done;

 private:
  Result<void> note(const std::string& what) {
    done.push_back(what);
    return {};
  }
};

TEST(PageRequests, AreDoneInOrderWhenTheHostHasTime) {
  int wakes = 0;
  Host host;
  PageRequests requests([&wakes] { ++wakes; });
  EXPECT_TRUE(requests.take(R"({"method":"set","bitrate":"10M"})"));
  EXPECT_TRUE(requests.take(R"({"method":"stop"})"));
  EXPECT_TRUE(requests.take(R"({"method":"start"})"));
  EXPECT_TRUE(requests.take(R"({"method":"key-frame"})"));
  EXPECT_EQ(wakes, 4);
  EXPECT_TRUE(host.done.empty()) << "the page would have waited";
  requests.run(host);
  EXPECT_EQ(host.done, (std::vector<std::string>{"set 10000000", "stop", "start", "key"}));
  requests.run(host);
  EXPECT_EQ(host.done.size(), 4U);
}

TEST(PageRequests, WhatEndsOrWritesSomethingIsNotForPages) {
  Host host;
  PageRequests requests([] {});
  for (const char* text :
       {R"({"method":"add-sink","sink":"file:/etc/passwd"})", R"({"method":"remove-sink","id":1})",
        R"({"method":"quit"})", R"({"method":"reload"})", R"({"method":"status"})",
        R"({"method":"set","size":"640x360"})", R"({"method":"set","codec":"hevc"})",
        R"({"method":"set","bitrate":"1M","codec":"hevc"})"}) {
    const auto taken = requests.take(text);
    ASSERT_FALSE(taken) << text;
    EXPECT_EQ(taken.error().kind, ErrorKind::kUnsupported) << text;
  }
  EXPECT_EQ(requests.take("[]").error().kind, ErrorKind::kInvalidArgument);
  requests.run(host);
  EXPECT_TRUE(host.done.empty());
}

TEST(PageRequests, AFloodIsRefused) {
  Host host;
  PageRequests requests([] {});
  Result<void> taken;
  int count = 0;
  while (taken && count < 1000) {
    taken = requests.take(R"({"method":"key-frame"})");
    ++count;
  }
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::kRetry);
  requests.run(host);
  EXPECT_EQ(host.done.size(), static_cast<std::size_t>(count - 1));
  EXPECT_TRUE(requests.take(R"({"method":"key-frame"})"));
}

}  // namespace
}  // namespace lumen::control
