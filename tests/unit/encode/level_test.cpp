#include "encode/level.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

TEST(Level, IsCountedInTenthsAndThirtieths) {
  EXPECT_EQ(level_idc(Codec::kH264, "4.1").value_or(0), 41u);
  EXPECT_EQ(level_idc(Codec::kH264, "5").value_or(0), 50u);
  EXPECT_EQ(level_idc(Codec::kHevc, "4.1").value_or(0), 123u);
  EXPECT_EQ(level_idc(Codec::kHevc, "6.2").value_or(0), 186u);
}

TEST(Level, ThatDoesNotExistIsRefused) {
  for (const char* level : {"", "9.9", "4.3", "4.", ".1", "41", "a", "4.1b", "-4.1", "4,1"}) {
    EXPECT_FALSE(level_idc(Codec::kH264, level)) << level;
    EXPECT_FALSE(level_idc(Codec::kHevc, level)) << level;
  }
  EXPECT_TRUE(level_idc(Codec::kH264, "4.2"));
  EXPECT_FALSE(level_idc(Codec::kHevc, "4.2"));
  EXPECT_FALSE(level_idc(Codec::kAv1, "4.1"));
}

}  // namespace
}  // namespace lumen
