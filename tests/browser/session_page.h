// A page whose host streams a private session's screen.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/private_session.h"
#include "page.h"

namespace lumen::browser {

using session::PrivateSession;
using session::StandardOutput;

class SessionPageTest : public PageTest {
 protected:
  /// What uses it goes on only where ready().
  void SetUp() override {
    PageTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto session = PrivateSession::start();
    if (!session && session.error().kind == ErrorKind::kUnsupported) {
      GTEST_SKIP() << session.error().describe();
    }
    ASSERT_TRUE(session) << session.error().describe();
    session_ = std::move(*session);
    environment_ = session_->env();
  }
  void TearDown() override {
    producer_.reset();
    PageTest::TearDown();
    session_.reset();
  }
  [[nodiscard]] bool ready() const { return session_ != nullptr; }

  /// A program that says `mark` when it is ready.
  std::optional<Process> start(const std::vector<std::string>& argv, const std::string& mark) {
    auto process = session_->spawn(argv, StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    if (!process) return std::nullopt;
    EXPECT_TRUE(process->read_value(mark, Milliseconds(15000))) << process->log_text();
    return std::move(*process);
  }
  void produce(const std::string& size = "640x360") {
    producer_ =
        start({LUMEN_TEST_PRODUCER, "--name", "screen", "--size", size, "--fps", "30"}, "ready ");
  }

  std::unique_ptr<PrivateSession> session_;
  std::optional<Process> producer_;
};

}  // namespace lumen::browser
