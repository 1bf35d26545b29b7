#include "encode/access_unit_assembler.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

EncodedFrame part(int picture, unsigned number, bool last, std::vector<std::uint8_t> bytes) {
  EncodedFrame frame;
  frame.pts = Timestamp{std::chrono::milliseconds{picture}};
  frame.part = number;
  frame.last = last;
  frame.times.mark(Stage::kEncoded,
                   Timestamp{std::chrono::milliseconds{100 * picture + int(number)}});
  auto owner = std::make_shared<std::vector<std::uint8_t>>(std::move(bytes));
  const std::span<const std::uint8_t> view(*owner);
  frame.data = SharedBytes(std::move(owner), view);
  return frame;
}
std::vector<std::uint8_t> bytes_of(const EncodedFrame& frame) {
  return {frame.data.view().begin(), frame.data.view().end()};
}

TEST(AccessUnitAssembler, WholeOnesPassUncopied) {
  AccessUnitAssembler assembler;
  const EncodedFrame whole = part(1, 0, true, {1, 2});
  const auto out = assembler.add(whole);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->data.view().data(), whole.data.view().data());
}

TEST(AccessUnitAssembler, PartsBecomeOneWithTheTimesOfTheLast) {
  AccessUnitAssembler assembler;
  for (int picture = 1; picture < 4; ++picture) {
    EXPECT_FALSE(assembler.add(part(picture, 0, false, {1})));
    EXPECT_FALSE(assembler.add(part(picture, 1, false, {2, 3})));
    const auto out = assembler.add(part(picture, 2, true, {4}));
    ASSERT_TRUE(out);
    EXPECT_EQ(bytes_of(*out), (std::vector<std::uint8_t>{1, 2, 3, 4}));
    EXPECT_EQ(out->part, 0u);
    EXPECT_TRUE(out->last);
    EXPECT_EQ(out->times[Stage::kEncoded], Timestamp{std::chrono::milliseconds{100 * picture + 2}});
  }
}

TEST(AccessUnitAssembler, WhatIsNotEndedIsDropped) {
  AccessUnitAssembler assembler;
  EXPECT_FALSE(assembler.add(part(1, 0, false, {1})));
  const auto next = assembler.add(part(2, 0, true, {9}));
  ASSERT_TRUE(next);
  EXPECT_EQ(bytes_of(*next), std::vector<std::uint8_t>{9});
  EXPECT_FALSE(assembler.add(part(3, 0, false, {1})));
  EXPECT_FALSE(assembler.add(part(4, 0, false, {2})));
  const auto out = assembler.add(part(4, 1, true, {3}));
  ASSERT_TRUE(out);
  EXPECT_EQ(bytes_of(*out), (std::vector<std::uint8_t>{2, 3}));
}

TEST(AccessUnitAssembler, WhatHasNoBeginningIsDropped) {
  AccessUnitAssembler assembler;
  EXPECT_FALSE(assembler.add(part(1, 1, true, {2})));
  EXPECT_FALSE(assembler.add(part(2, 0, false, {1})));
  EXPECT_FALSE(assembler.add(part(2, 2, true, {3}))) << "part 1 is missing";
  EXPECT_FALSE(assembler.add(part(3, 0, false, {1})));
  EXPECT_FALSE(assembler.add(part(4, 1, true, {3}))) << "of another picture";
}

}  // namespace
}  // namespace lumen
