// The frame ledger's row: one frame's id and the moments it passed each stage. It travels with the
// frame by value; whoever handles a stage writes its own entry.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/time.h"

namespace lumen {

enum class Stage : std::uint8_t {
  kProduced,      // the producer's pts (or the dequeue time where it gave none)
  kDequeued,      // taken from PipeWire, on its data thread
  kConvertBegin,  // the encode thread begins to read the pixels
  kConverted,     // the picture is in encoder input
  kSubmitted,     // handed to the encoder
  kEncoded,       // its bitstream came back
  kSendBegin,     // the sink's first packet or write left
  kSent,          // the sink's last packet or write left
};
inline constexpr std::size_t kStageCount = 8;

std::string_view to_string(Stage stage);

struct FrameTimes {
  std::uint64_t id = 0;  // capture order, from 1; repeated (keep-alive) frames get a new id
  std::array<Timestamp, kStageCount> at{};

  void mark(Stage stage, Timestamp when = now()) { at[static_cast<std::size_t>(stage)] = when; }
  [[nodiscard]] Timestamp operator[](Stage stage) const {
    return at[static_cast<std::size_t>(stage)];
  }
  [[nodiscard]] bool has(Stage stage) const { return (*this)[stage] != kNoTimestamp; }
};

}  // namespace lumen
