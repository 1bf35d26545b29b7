#include "app/notify/watch_notice.h"

#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

namespace lumen {
namespace {

using namespace std::chrono_literals;

TEST(WatchNotice, ADesktopWithoutABusIsNoTrouble) {
  ::setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
  const auto begin = std::chrono::steady_clock::now();
  {
    WatchNotice notice({.patience = 1ms});
    notice.set_viewers(1);
    std::this_thread::sleep_for(50ms);
    notice.set_viewers(0);
    notice.set_viewers(2);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace lumen
