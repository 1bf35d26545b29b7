#include "encode/parameter_sets.h"

#include <random>

#include <gtest/gtest.h>

#include "encode/nal.h"

namespace lumen {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> nals_of(const Bytes& stream) {
  std::vector<Bytes> result;
  NalReader reader(stream);
  while (const auto nal = reader.next()) result.emplace_back(nal->begin(), nal->end());
  return result;
}

TEST(NalReader, SplitsAtThreeAndFourByteStartCodes) {
  const Bytes stream = {0xaa, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 0, 1, 0x65, 4};
  EXPECT_EQ(nals_of(stream), (std::vector<Bytes>{{0x67, 1, 2}, {0x68, 3}, {0x65, 4}}));
}

TEST(NalReader, EmptyAndTruncatedStreamsHaveNoUnits) {
  for (const Bytes& stream : {Bytes{}, Bytes{0}, Bytes{0, 0, 1}, Bytes{0, 0, 0, 1},
                              Bytes{0, 0, 1, 0}, Bytes{1, 2, 3, 4}}) {
    EXPECT_TRUE(nals_of(stream).empty());
  }
}

TEST(NalReader, AnyBytesAreReadWithoutFault) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Bytes stream(random() % 64);
    for (auto& byte : stream) byte = static_cast<std::uint8_t>(random() % 3);
    std::size_t total = 0;
    for (const Bytes& nal : nals_of(stream)) total += nal.size();
    EXPECT_LE(total, stream.size());
  }
}

TEST(ParameterSets, KeepsSpsAndPpsAndDropsTheRest) {
  const Bytes header = {0, 0,    1,    0x67, 100, 0, 31,   0xac, 0, 0,
                        1, 0x68, 0xee, 0,    0,   1, 0x06, 5,    1, 2};
  EXPECT_EQ(pure_parameter_sets(Codec::kH264, header),
            (Bytes{0, 0, 0, 1, 0x67, 100, 0, 31, 0xac, 0, 0, 0, 1, 0x68, 0xee}));
}

TEST(ParameterSets, ConstrainedBaselineSaysSoInFull) {
  const Bytes header = {0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0, 0, 0, 1, 0x68, 0xce};
  const Bytes sets = pure_parameter_sets(Codec::kH264, header);
  EXPECT_EQ(Bytes(sets.begin() + 4, sets.begin() + 8), (Bytes{0x67, 0x42, 0xe0, 0x1f}));
  // Not where the stream may use FMO or ASO (constraint_set1 clear), nor in other profiles.
  for (const Bytes& other : {Bytes{0, 0, 0, 1, 0x67, 0x42, 0x80, 0x1f, 0x8c},
                             Bytes{0, 0, 0, 1, 0x67, 0x4d, 0x40, 0x1f, 0x8c}}) {
    EXPECT_EQ(pure_parameter_sets(Codec::kH264, other), other);
  }
}

TEST(ParameterSets, HevcKeepsAllThree) {
  const Bytes header = {0, 0, 0, 1, 0x40, 1, 7, 0, 0, 0, 1, 0x42, 1, 7,
                        0, 0, 0, 1, 0x44, 1, 7, 0, 0, 0, 1, 0x4e, 1, 7};
  EXPECT_EQ(nals_of(pure_parameter_sets(Codec::kHevc, header)),
            (std::vector<Bytes>{{0x40, 1, 7}, {0x42, 1, 7}, {0x44, 1, 7}}));
}

TEST(ParameterSets, NoSpsMeansNothing) {
  EXPECT_TRUE(pure_parameter_sets(Codec::kH264, Bytes{0, 0, 0, 1, 0x68, 0xce}).empty());
}

}  // namespace
}  // namespace lumen
