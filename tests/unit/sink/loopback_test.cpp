#include "sink/web/loopback.h"

#include <gtest/gtest.h>

namespace lumen::web {
namespace {

TEST(Loopback, IsWhatOnlyThisMachineReaches) {
  for (const char* ours : {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_loopback(ours)) << ours;
  }
  for (const char* not_ours : {"0.0.0.0", "::", "192.0.2.2", "128.0.0.1", "::2", "::ffff:192.0.2.2",
                               "::ffff:", "localhost", "127.0.0.1.example", ""}) {
    EXPECT_FALSE(is_loopback(not_ours)) << not_ours;
  }
}

}  // namespace
}  // namespace lumen::web
