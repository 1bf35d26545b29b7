#include "encode/nvenc/long_term_references.h"

#include <map>

#include <gtest/gtest.h>

namespace lumen::nvenc {
namespace {

Timestamp at(int picture) { return Timestamp{std::chrono::milliseconds{1000 + picture}}; }

TEST(LongTermReferences, ALossWithinReachAlwaysFindsAnOlderPicture) {
  constexpr unsigned kPlaces = 4;
  for (int loss_at = 30; loss_at < 50; ++loss_at) {
    for (int late = 1; late <= int(LongTermReferences::reach(kPlaces)); ++late) {
      LongTermReferences references(kPlaces);
      std::map<unsigned, int> kept;  // what the encoder has
      int last_mark = 0;
      for (int n = 0; n < loss_at + late; ++n) {
        if (const auto place = references.add(at(n), n == 0)) {
          ASSERT_LT(*place, kPlaces);
          kept[*place] = last_mark = n;
        }
      }
      EXPECT_GE(last_mark, loss_at + late - int(LongTermReferences::kInterval));
      const auto place = references.invalidate(at(loss_at));
      // The oldest may just have been replaced: then the loss is one picture too old.
      if (!place) {
        EXPECT_EQ(late, int(LongTermReferences::reach(kPlaces))) << loss_at;
        continue;
      }
      ASSERT_TRUE(kept.contains(*place));
      EXPECT_LT(kept[*place], loss_at) << "never one that the receiver lacks";
      for (const auto& [other, picture] : kept) {
        if (picture < loss_at) {
          EXPECT_LE(picture, kept[*place]) << "the newest";
        }
      }
    }
  }
}

TEST(LongTermReferences, LostOnesAreNotUsedLater) {
  LongTermReferences references(4);
  for (int n = 0; n < 9; ++n) references.add(at(n), n == 0);  // 0, 4, 8
  const auto first = references.invalidate(at(3));
  ASSERT_TRUE(first);
  references.add(at(9), false);
  EXPECT_EQ(references.invalidate(at(9)), first) << "4 and 8 were lost before";
  EXPECT_FALSE(references.invalidate(at(0)));
}

TEST(LongTermReferences, AnIdrDropsAllAndIsKept) {
  LongTermReferences references(2);
  for (int n = 0; n < 8; ++n) references.add(at(n), n == 0);
  EXPECT_TRUE(references.add(at(8), true));
  EXPECT_FALSE(references.invalidate(at(8))) << "what came before can't be referred to";
  EXPECT_TRUE(references.add(at(9), true));
  EXPECT_TRUE(references.invalidate(at(10)));
}

TEST(LongTermReferences, OnePlaceIsOfNoUse) { EXPECT_EQ(LongTermReferences::reach(1), 0u); }

}  // namespace
}  // namespace lumen::nvenc
