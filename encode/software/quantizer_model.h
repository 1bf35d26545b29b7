// Chooses the quantizers of P pictures for an encoder that keeps to another bit rate than it
// should. Pure.
#pragma once

namespace lumen::software {

class QuantizerModel {
 public:
  /// Bits a picture, and the quantizer to begin with.
  QuantizerModel(double mean, double quantizer) : mean_(mean), quantizer_(quantizer) {}

  [[nodiscard]] int quantizer() const;
  /// What the picture took in the end.
  void coded(double bits);

 private:
  double mean_;
  double quantizer_;
  double balance_ = 0;  // pictures' worth of bits that were saved
};

}  // namespace lumen::software
