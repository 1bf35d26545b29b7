// Tests that have a session of their own: D-Bus, PipeWire and WirePlumber, apart from the user's.
#pragma once

#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "harness/private_session.h"

namespace lumen::session {

/// Skipped, with the reason, where no session can be made here. A fixture that does more in SetUp()
/// asks ready() afterwards.
class InSession : public testing::Test {
 protected:
  void SetUp() override {
    auto started = PrivateSession::start();
    if (!started && started.error().kind == ErrorKind::kUnsupported) {
      GTEST_SKIP() << started.error().describe();
    }
    ASSERT_TRUE(started) << started.error().describe();
    session = std::move(*started);
  }
  [[nodiscard]] bool ready() const { return session != nullptr; }

  std::unique_ptr<PrivateSession> session;
};

}  // namespace lumen::session
