#include "encode/obu.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "encode/parameter_sets.h"

namespace lumen {
namespace {

using Bytes = std::vector<std::uint8_t>;

const Bytes kDelimiter{0x12, 0x00};
const Bytes kSequence{0x0a, 0x03, 0x00, 0x00, 0x01};

Bytes join(std::initializer_list<Bytes> all) {
  Bytes bytes;
  for (const Bytes& one : all) bytes.insert(bytes.end(), one.begin(), one.end());
  return bytes;
}

/// A frame with a payload of so many bytes; with an extension byte where there is room for doubt.
Bytes frame(std::size_t payload, bool extension) {
  Bytes bytes{static_cast<std::uint8_t>(6 << 3 | 2 | (extension ? 4 : 0))};
  if (extension) bytes.push_back(0x08);
  for (std::size_t rest = payload;; rest >>= 7) {
    bytes.push_back(static_cast<std::uint8_t>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)));
    if (rest <= 0x7f) break;
  }
  bytes.resize(bytes.size() + payload, 0x12);
  return bytes;
}

TEST(ObuReader, WalksUnitsOfEverySize) {
  for (const std::size_t payload : {0U, 1U, 127U, 128U, 16'383U, 16'384U, 100'000U}) {
    for (const bool extension : {false, true}) {
      const Bytes unit = frame(payload, extension);
      const Bytes stream = join({kDelimiter, kSequence, unit});
      ObuReader reader(stream);
      EXPECT_EQ(reader.next()->type, ObuType::kTemporalDelimiter);
      EXPECT_EQ(reader.next()->type, ObuType::kSequenceHeader);
      const auto last = reader.next();
      ASSERT_TRUE(last) << payload;
      EXPECT_EQ(Bytes(last->bytes.begin(), last->bytes.end()), unit);
      EXPECT_FALSE(reader.next());
    }
  }
}

TEST(ObuReader, EndsAtWhatIsCutOff) {
  const Bytes unit = frame(300, true);
  for (std::size_t size = 0; size < unit.size(); ++size) {
    ObuReader reader(std::span<const std::uint8_t>(unit).first(size));
    EXPECT_FALSE(reader.next()) << size;
  }
  const Bytes endless(20, 0xff);
  EXPECT_FALSE(ObuReader(endless).next());
  const Bytes huge{0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0};
  EXPECT_FALSE(ObuReader(huge).next()) << "a size that wraps around";
}

TEST(Obu, TheDelimiterIsTakenOffOnce) {
  const Bytes rest = join({kSequence, frame(10, false)});
  const Bytes unit = join({kDelimiter, rest});
  const auto without = without_temporal_delimiter(unit);
  EXPECT_EQ(Bytes(without.begin(), without.end()), rest);
  EXPECT_EQ(without_temporal_delimiter(rest).size(), rest.size());
  EXPECT_TRUE(without_temporal_delimiter({}).empty());
}

TEST(ParameterSets, OfAv1AreTheSequenceHeader) {
  EXPECT_EQ(pure_parameter_sets(Codec::kAv1, join({kDelimiter, kSequence, frame(10, false)})),
            kSequence);
  EXPECT_TRUE(pure_parameter_sets(Codec::kAv1, kDelimiter).empty());
}

}  // namespace
}  // namespace lumen
