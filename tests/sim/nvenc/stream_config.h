// What a client asked of the encoder, out of NVENC's nested structures: one form for all codecs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <ffnvcodec/nvEncodeAPI.h>

namespace lumen::sim::nvenc {

enum class CodecKind { kH264, kHevc, kAv1 };

struct ColourDescription {
  bool signal_type_present = false;
  unsigned video_format = 5;
  bool full_range = false;
  bool description_present = false;
  unsigned primaries = 2;
  unsigned transfer = 2;
  unsigned matrix = 2;
  std::optional<unsigned> chroma_location;
};

struct StreamConfig {
  CodecKind codec = CodecKind::kH264;
  GUID profile{};
  int width = 0;
  int height = 0;
  unsigned rate_num = 60;
  unsigned rate_den = 1;
  bool ten_bit = false;
  bool full_chroma = false;  // 4:4:4
  unsigned level = 0;        // as NV_ENC_LEVEL; 0: by itself
  unsigned tier = 0;

  NV_ENC_PARAMS_RC_MODE rate_control = NV_ENC_PARAMS_RC_CONSTQP;
  std::uint32_t bit_rate = 0;
  std::uint32_t max_bit_rate = 0;
  std::uint32_t vbv_size = 0;     // bits; 0: one second
  std::uint32_t vbv_initial = 0;  // bits; 0: by itself
  unsigned qp_p = 0;
  unsigned qp_i = 0;
  unsigned target_quality = 0;  // VBR
  std::optional<unsigned> min_qp;
  std::optional<unsigned> max_qp;
  bool qp_delta_map = false;
  bool emphasis_map = false;
  bool filler = false;

  std::uint32_t gop_length = NVENC_INFINITE_GOPLENGTH;
  std::uint32_t idr_period = NVENC_INFINITE_GOPLENGTH;
  bool intra_refresh = false;
  std::uint32_t refresh_period = 0;
  std::uint32_t refresh_count = 0;
  unsigned reference_frames = 0;  // size of the DPB; 0: by itself
  unsigned ltr_frames = 0;        // long-term references; 0: off
  bool repeat_headers = false;
  bool no_headers = false;
  bool access_unit_delimiters = false;
  bool cabac = true;
  bool transform_8x8 = true;
  unsigned slice_mode = 0;
  unsigned slice_data = 0;
  bool short_counters = false;  // picture numbers of 4 bits, where the codec leaves that open
  ColourDescription colour;

  /// Bits a second that the rate control may spend at most.
  [[nodiscard]] std::uint32_t peak_bit_rate() const;
  [[nodiscard]] std::uint32_t vbv_bits() const;
};

/// `config` is the codec part in use. Nothing: what the stand-in does not do, said in `why`.
std::optional<StreamConfig> stream_config(const NV_ENC_INITIALIZE_PARAMS& params,
                                          const NV_ENC_CONFIG& config, std::string& why);

bool same_guid(const GUID& a, const GUID& b);
/// Nothing: no codec of the stand-in.
std::optional<CodecKind> codec_of(const GUID& guid);

}  // namespace lumen::sim::nvenc
