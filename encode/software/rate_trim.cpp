#include "encode/software/rate_trim.h"

#include <algorithm>

namespace lumen::software {
namespace {

// Two pictures are 3% of a second at 60 fps: what was saved may be spent, and the second still
// keeps to its rate.
constexpr double kMostCredit = 2;
// With all of the credit there.
constexpr double kLargestRaise = 0.5;

}  // namespace

void RateTrim::coded(double bits) {
  credit_ = std::clamp(credit_ + 1 - bits / mean_, -kMostCredit, kMostCredit);
}

double RateTrim::factor() const { return 1 + kLargestRaise * credit_ / kMostCredit; }

}  // namespace lumen::software
