#include "rate_model.h"

#include <algorithm>
#include <cmath>

namespace lumen::sim::nvenc {

RateModel::RateModel(const StreamConfig& config) {
  change(config);
  // Before anything is known: 1.5 bits a pixel at quantizer 22.
  cost_[1] = 1.5 * config.width * config.height * std::exp2(22.0 / 6);
  cost_[0] = cost_[1] / 4;
}

void RateModel::change(const StreamConfig& config) {
  const double rate = double(config.rate_num) / config.rate_den;
  mean_ = config.bit_rate / rate;
  drain_ = config.peak_bit_rate() / rate;
  size_ = config.vbv_bits();
  fullness_ = std::min(fullness_, size_);
  smallest_ = static_cast<int>(config.min_qp.value_or(8));
  largest_ = static_cast<int>(config.max_qp.value_or(51));
}

int RateModel::quantizer(bool intra) const {
  const double free = std::max(size_ - fullness_, mean_ / 4);
  const double wanted = intra ? mean_ * 6 : mean_ * std::clamp(1.1 - fullness_ / size_, 0.3, 1.1);
  const double target = std::max(1.0, std::min(wanted, free * 0.7));
  const double exact = 6 * std::log2(cost_[intra ? 1 : 0] / target);
  return std::clamp(static_cast<int>(std::ceil(exact)), smallest_, largest_);
}

void RateModel::coded(bool intra, int quantizer, std::size_t bytes) {
  const double bits = double(bytes) * 8;
  fullness_ = std::max(0.0, fullness_ + bits - drain_);
  const double cost = bits * std::exp2(quantizer / 6.0);
  double& known = cost_[intra ? 1 : 0];
  // A rise is believed at once, a fall by and by.
  known = cost > known ? cost : (known + cost) / 2;
  if (intra && !known_p_) cost_[0] = known / 4;
  if (!intra) known_p_ = true;
}

}  // namespace lumen::sim::nvenc
