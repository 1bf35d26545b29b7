// What the user's purpose and wishes mean for the encoder and for key frames. Pure.
//
//                 --latency (default)            --quality low|medium|high|lossless-like
//   rate          constant bit rate, 20 Mb/s     constant QP 28, 24, 20, 16
//   buffer (VBV)  1.5 frames                     -
//   key frames    on demand; every 2 s while a   every 2 s
//                 sink's receivers can't ask
//   losses        as the encoder can best        the same
//
// For browsers it is H.264, and constrained baseline unless a profile is asked for.
#pragma once

#include "app/options/stream_options.h"
#include "encode/repair_policy.h"

namespace lumen {

enum class KeyFrameSchedule : std::uint8_t {
  kAsSinksNeed,  // periodic while a sink's receivers can't ask
  kPeriodic,
  kOnDemand,
};

struct EncodingPlan {
  EncoderSettings video;  // without size, rate and colours, which the source decides
  RepairSettings repairs;
  KeyFrameSchedule schedule = KeyFrameSchedule::kAsSinksNeed;
};

/// kInvalidArgument: wishes that exclude each other.
Result<EncodingPlan> plan_encoding(const StreamOptions& options);

}  // namespace lumen
