#include "encode/nvenc/capabilities.h"

#include <algorithm>

namespace lumen::nvenc {

Result<std::vector<GUID>> list_codecs(const Driver& driver, void* session) {
  std::uint32_t count = 0;
  auto counted = driver.check(driver.api.nvEncGetEncodeGUIDCount(session, &count),
                              "nvEncGetEncodeGUIDCount", session);
  if (!counted) return tl::unexpected(std::move(counted.error()));
  std::vector<GUID> codecs(count);
  auto listed = driver.check(driver.api.nvEncGetEncodeGUIDs(session, codecs.data(), count, &count),
                             "nvEncGetEncodeGUIDs", session);
  if (!listed) return tl::unexpected(std::move(listed.error()));
  codecs.resize(std::min<std::size_t>(count, codecs.size()));
  return codecs;
}

Result<Capabilities> ask_capabilities(const Driver& driver, void* session, const GUID& codec) {
  auto codecs = list_codecs(driver, session);
  if (!codecs) return tl::unexpected(std::move(codecs.error()));
  if (std::ranges::none_of(*codecs, [&](const GUID& one) { return same(one, codec); })) {
    return fail(ErrorKind::kUnsupported, "this GPU's encoder does not have the codec");
  }
  const auto ask = [&](NV_ENC_CAPS cap) -> unsigned {
    NV_ENC_CAPS_PARAM parameter{};
    parameter.version = NV_ENC_CAPS_PARAM_VER;
    parameter.capsToQuery = cap;
    int value = 0;
    const auto status = driver.api.nvEncGetEncodeCaps(session, codec, &parameter, &value);
    return status == NV_ENC_SUCCESS && value > 0 ? static_cast<unsigned>(value) : 0;
  };
  Capabilities caps;
  caps.largest = {ask(NV_ENC_CAPS_WIDTH_MAX), ask(NV_ENC_CAPS_HEIGHT_MAX)};
  caps.smallest = {ask(NV_ENC_CAPS_WIDTH_MIN), ask(NV_ENC_CAPS_HEIGHT_MIN)};
  caps.ten_bit = ask(NV_ENC_CAPS_SUPPORT_10BIT_ENCODE) != 0;
  caps.yuv444 = ask(NV_ENC_CAPS_SUPPORT_YUV444_ENCODE) != 0;
  caps.lossless = ask(NV_ENC_CAPS_SUPPORT_LOSSLESS_ENCODE) != 0;
  caps.cabac = ask(NV_ENC_CAPS_SUPPORT_CABAC) != 0;
  caps.invalidation = ask(NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION) != 0;
  caps.intra_refresh = ask(NV_ENC_CAPS_SUPPORT_INTRA_REFRESH) != 0;
  caps.single_slice_refresh = ask(NV_ENC_CAPS_SINGLE_SLICE_INTRA_REFRESH) != 0;
  caps.multiple_references = ask(NV_ENC_CAPS_SUPPORT_MULTIPLE_REF_FRAMES) != 0;
  caps.change_bitrate = ask(NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE) != 0;
  caps.change_size = ask(NV_ENC_CAPS_SUPPORT_DYN_RES_CHANGE) != 0;
  caps.subframe_readback = ask(NV_ENC_CAPS_SUPPORT_SUBFRAME_READBACK) != 0;
  caps.custom_vbv = ask(NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE) != 0;
  caps.emphasis_map = ask(NV_ENC_CAPS_SUPPORT_EMPHASIS_LEVEL_MAP) != 0;
  caps.async = ask(NV_ENC_CAPS_ASYNC_ENCODE_SUPPORT) != 0;
  caps.long_term_references = ask(NV_ENC_CAPS_NUM_MAX_LTR_FRAMES);
  caps.engines = ask(NV_ENC_CAPS_NUM_ENCODER_ENGINES);
  return caps;
}

}  // namespace lumen::nvenc
