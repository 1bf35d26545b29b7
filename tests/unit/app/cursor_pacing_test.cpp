#include "app/pipeline/cursor_pacing.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kStart{1h};

TEST(CursorPacing, TheFirstOneGoesAtOnce) { EXPECT_EQ(cursor_due(kStart, 20ms, {}), kStart); }

TEST(CursorPacing, OnAStillScreenItMovesAtTheStreamsRate) {
  const LastOut last{.frame = kStart, .picture = kStart - 1h};
  EXPECT_EQ(cursor_due(kStart + 5ms, 20ms, last), kStart + 20ms);
  EXPECT_EQ(cursor_due(kStart + 21ms, 20ms, last), kStart + 21ms);
}

TEST(CursorPacing, WherePicturesFlowItWaitsForTheNextOne) {
  for (Nanoseconds after = 0ms; after < 20ms; after += 1ms) {
    const LastOut last{.frame = kStart, .picture = kStart};
    EXPECT_GT(cursor_due(kStart + after, 20ms, last), kStart + 25ms)
        << "a picture that is a bit late still comes first";
    EXPECT_LE(cursor_due(kStart + after, 20ms, last), kStart + 40ms);
  }
}

}  // namespace
}  // namespace lumen
