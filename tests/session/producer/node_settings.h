// What a video node offers to its consumers.
#pragma once

#include <cstdint>
#include <string>

#include "core/geometry.h"
#include "core/pixel_format.h"
#include "core/time.h"
#include "personality.h"

namespace lumen::producer {

enum class Memory {
  kMemFd,   // own sealed memfds (PW_STREAM_FLAG_ALLOC_BUFFERS)
  kMemPtr,  // PipeWire allocates
};
enum class RateOffer {
  kFixed,     // framerate N/1
  kVariable,  // framerate 0/1 and maxFramerate up to N/1, as compositors do
};
enum class Pts {
  kHeader,    // due time in SPA_META_Header
  kNone,      // no header metadata is offered
  kMinusOne,  // header with pts -1, as gamescope does
};
enum class ModifierOffer {
  kNone,
  kLinear,  // first pod: Choice{LINEAR}, MANDATORY | DONT_FIXATE; yet delivers MemFd, as Weston 14
};

struct NodeSettings {
  std::string name = "lumen-test-producer";
  Extent size{1920, 1080};
  Fourcc format = Fourcc::kBGRx;
  FrameRate rate{60, 1};
  RateOffer rate_offer = RateOffer::kFixed;
  Memory memory = Memory::kMemFd;
  Pts pts = Pts::kHeader;
  ModifierOffer modifiers = ModifierOffer::kNone;
  std::uint32_t least_buffers = 2;
  std::uint32_t most_buffers = 16;
  ExtentTrick extent = ExtentTrick::kNone;
  Descriptors descriptors = Descriptors::kAll;
};

}  // namespace lumen::producer
