#include "encode/access_unit_assembler.h"

#include <utility>

namespace lumen {

std::optional<EncodedFrame> AccessUnitAssembler::add(EncodedFrame part) {
  if (part.part == 0) {
    parts_.clear();
    if (part.last) return part;
  } else if (part.part != parts_.size() || parts_.front().pts != part.pts) {
    parts_.clear();  // its beginning is not here
    return std::nullopt;
  }
  parts_.push_back(std::move(part));
  if (!parts_.back().last) return std::nullopt;
  EncodedFrame whole = parts_.back();
  whole.part = 0;
  auto bytes = std::make_shared<std::vector<std::uint8_t>>();
  for (const EncodedFrame& one : parts_) {
    const auto view = one.data.view();
    bytes->insert(bytes->end(), view.begin(), view.end());
  }
  const std::span<const std::uint8_t> view(*bytes);
  whole.data = SharedBytes(std::move(bytes), view);
  parts_.clear();
  return whole;
}

}  // namespace lumen
