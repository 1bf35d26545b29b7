// Puts access units together that come in parts (EncoderSettings::sub_frame), for those who need
// them whole. Pure.
#pragma once

#include <optional>
#include <vector>

#include "encode/encoded_frame.h"

namespace lumen {

class AccessUnitAssembler {
 public:
  /// Takes the next part. Returns the access unit when it is whole, with the times of its last
  /// part; one that comes whole passes through, uncopied. An access unit that was begun and not
  /// ended, because its encoder failed, is dropped when the next one begins.
  std::optional<EncodedFrame> add(EncodedFrame part);

 private:
  std::vector<EncodedFrame> parts_;
};

}  // namespace lumen
