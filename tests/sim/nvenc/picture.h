// What goes into an encoder: how NVENC's input formats lie in memory, and their conversion to the
// planar YUV that x264 and x265 take. No state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <ffnvcodec/nvEncodeAPI.h>

namespace lumen::sim::nvenc {

/// One plane of an input buffer: where it begins, in rows of `pitch`, and what of it is read.
struct PlaneLayout {
  std::size_t offset = 0;
  std::size_t pitch = 0;
  std::size_t row_bytes = 0;
  std::size_t rows = 0;
};

/// The planes of a picture of width × height in a buffer made for `buffer_height` rows. Empty: a
/// format that the stand-in does not take.
std::vector<PlaneLayout> planes_of(NV_ENC_BUFFER_FORMAT format, std::size_t width,
                                   std::size_t height, std::size_t pitch,
                                   std::size_t buffer_height);
/// Bytes of a row of the first plane.
std::size_t row_bytes_of(NV_ENC_BUFFER_FORMAT format, std::size_t width);
/// All bytes of a buffer without gaps after the last row.
std::size_t size_of(NV_ENC_BUFFER_FORMAT format, std::size_t width, std::size_t height,
                    std::size_t pitch);
bool is_ten_bit(NV_ENC_BUFFER_FORMAT format);
bool is_444(NV_ENC_BUFFER_FORMAT format);
bool is_rgb(NV_ENC_BUFFER_FORMAT format);

/// Limited-range planar YUV; samples of 10 bits take two bytes each.
struct Picture {
  int width = 0;
  int height = 0;
  bool ten_bit = false;
  bool full_chroma = false;  // 4:4:4
  std::array<std::vector<std::uint8_t>, 3> planes;
  std::array<int, 3> strides{};  // bytes
};

/// Gap-less planes as planes_of() lists them.
using RawPlanes = std::vector<std::vector<std::uint8_t>>;

/// `matrix` (H.273) is used for RGB: 5 and 6 give BT.601, 9 BT.2020, all others BT.709. RGB becomes
/// 4:4:4 only where `full_chroma` is set.
Picture convert(NV_ENC_BUFFER_FORMAT format, const RawPlanes& raw, int width, int height,
                unsigned matrix, bool full_chroma);

}  // namespace lumen::sim::nvenc
