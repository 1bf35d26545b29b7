// What this GPU's encoder can do with one codec, asked before anything is enabled.
#pragma once

#include <vector>

#include "core/geometry.h"
#include "encode/nvenc/driver.h"

namespace lumen::nvenc {

struct Capabilities {
  Extent largest;
  Extent smallest;
  bool ten_bit = false;
  bool yuv444 = false;
  bool lossless = false;
  bool cabac = false;  // H.264
  bool invalidation = false;
  bool intra_refresh = false;
  bool single_slice_refresh = false;  // a wave does not need several slices
  bool multiple_references = false;   // their number can be set
  bool change_bitrate = false;
  bool change_size = false;
  bool subframe_readback = false;
  bool custom_vbv = false;
  bool emphasis_map = false;
  bool async = false;  // completion events: Windows only
  unsigned long_term_references = 0;
  unsigned engines = 0;  // encoders on the chip; 0: the driver does not say
};

/// Of an open session. Errors: as Driver::check().
Result<std::vector<GUID>> list_codecs(const Driver& driver, void* session);
/// kUnsupported where the chip does not have the codec. What the driver can't answer counts as no.
Result<Capabilities> ask_capabilities(const Driver& driver, void* session, const GUID& codec);

}  // namespace lumen::nvenc
