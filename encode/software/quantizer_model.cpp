#include "encode/software/quantizer_model.h"

#include <algorithm>
#include <cmath>

namespace lumen::software {
namespace {

// Six steps of the quantizer halve the bits, roughly: noise goes all at once. Half of the
// correction that this asks for does not swing; too many bits are answered faster than too few.
constexpr double kStepsPerHalving = 6;
constexpr double kGain = 0.5;
constexpr double kLargestStepDown = 1;
constexpr double kLargestStepUp = 6;
constexpr double kMostSaved = 2;  // pictures' worth of bits
constexpr double kMostOverdrawn = 6;
constexpr double kPaidBackAtOnce = 0.25;
constexpr double kFinest = 8;
constexpr double kCoarsestQuantizer = 51;

}  // namespace

int QuantizerModel::quantizer() const { return static_cast<int>(std::lround(quantizer_)); }

void QuantizerModel::coded(double bits) {
  balance_ = std::clamp(balance_ + 1 - bits / mean_, -kMostOverdrawn, kMostSaved);
  const double target = mean_ * std::max(0.25, 1 + kPaidBackAtOnce * balance_);
  const double step = kGain * kStepsPerHalving * std::log2(std::max(bits, 1.0) / target);
  quantizer_ = std::clamp(quantizer_ + std::clamp(step, -kLargestStepDown, kLargestStepUp), kFinest,
                          kCoarsestQuantizer);
}

}  // namespace lumen::software
