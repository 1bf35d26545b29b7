#include "sink/rtp/nal.h"

#include "encode/nal.h"

namespace lumen::rtp {
bool is_sendable(Codec codec, Bytes nal) {
  if (codec == Codec::kH264) {
    if (nal.size() < kH264HeaderBytes) return false;
    const auto type = static_cast<unsigned>(h264_type(nal));
    return type != 0 && type < static_cast<unsigned>(H264Type::kStapA);
  }
  return nal.size() >= kHevcHeaderBytes && hevc_type(nal) < HevcType::kAp;
}

ParameterSets find_parameter_sets(Codec codec, Bytes annex_b) {
  ParameterSets sets;
  NalReader reader(annex_b);
  while (const auto next = reader.next()) {
    const Bytes nal = *next;
    if (codec == Codec::kH264) {
      if (h264_type(nal) == H264Type::kSps) sets.sps.push_back(nal);
      if (h264_type(nal) == H264Type::kPps) sets.pps.push_back(nal);
    } else {
      if (hevc_type(nal) == HevcType::kVps) sets.vps.push_back(nal);
      if (hevc_type(nal) == HevcType::kSps) sets.sps.push_back(nal);
      if (hevc_type(nal) == HevcType::kPps) sets.pps.push_back(nal);
    }
  }
  return sets;
}

}  // namespace lumen::rtp
