// Pixel formats as DRM names them (drm_fourcc.h): a fourcc and a modifier. The channel order in a
// fourcc is that of a little-endian word, so PipeWire's BGRx (bytes B,G,R,x) is DRM's XRGB8888.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lumen {

constexpr std::uint32_t fourcc(char a, char b, char c, char d) {
  return std::uint32_t(std::uint8_t(a)) | std::uint32_t(std::uint8_t(b)) << 8 |
         std::uint32_t(std::uint8_t(c)) << 16 | std::uint32_t(std::uint8_t(d)) << 24;
}

enum class Fourcc : std::uint32_t {
  kNone = 0,
  kBGRx = fourcc('X', 'R', '2', '4'),  // DRM_FORMAT_XRGB8888
  kBGRA = fourcc('A', 'R', '2', '4'),  // DRM_FORMAT_ARGB8888
  kRGBx = fourcc('X', 'B', '2', '4'),  // DRM_FORMAT_XBGR8888
  kRGBA = fourcc('A', 'B', '2', '4'),  // DRM_FORMAT_ABGR8888
  // Ten bits for each colour, from bit 20, 10 and 0 of a 32-bit little-endian word.
  kXR30 = fourcc('X', 'R', '3', '0'),  // DRM_FORMAT_XRGB2101010: red on top
  kAR30 = fourcc('A', 'R', '3', '0'),  // DRM_FORMAT_ARGB2101010
  kXB30 = fourcc('X', 'B', '3', '0'),  // DRM_FORMAT_XBGR2101010: blue on top
  kAB30 = fourcc('A', 'B', '3', '0'),  // DRM_FORMAT_ABGR2101010
  kNV12 = fourcc('N', 'V', '1', '2'),  // DRM_FORMAT_NV12: Y plane, then interleaved CbCr
  kI420 = fourcc('Y', 'U', '1', '2'),  // DRM_FORMAT_YUV420: Y, Cb, Cr planes
  kI444 = fourcc('Y', 'U', '2', '4'),  // DRM_FORMAT_YUV444: Y, Cb, Cr planes of full size
  // Ten bits in the high end of 16-bit little-endian words.
  kP010 = fourcc('P', '0', '1', '0'),  // DRM_FORMAT_P010: as NV12
  kQ410 = fourcc('Q', '4', '1', '0'),  // DRM_FORMAT_Q410: as I444
};

/// As PipeWire names it, "BGRx", "NV12", "xRGB_210LE", …; or "fourcc XXXX".
std::string to_string(Fourcc format);

/// Number of planes in memory: 1 for packed RGB, 2 for NV12 and P010, 3 for the planar ones, 0 for
/// kNone.
unsigned plane_count(Fourcc format);

/// True for packed 32-bit RGB of any order and depth.
bool is_packed_rgb(Fourcc format);
/// True where red lies in a pixel's lowest bits and not blue. Packed RGB only.
bool is_red_first(Fourcc format);

/// Bits of a colour or a Y'CbCr sample: 10 or 8.
unsigned bit_depth(Fourcc format);

/// How the Y'CbCr formats differ. All false for RGB.
bool is_yuv(Fourcc format);
bool is_full_chroma(Fourcc format);  // 4:4:4
bool is_ten_bit(Fourcc format);      // in 16-bit words; not for RGB, see bit_depth()

/// DRM format modifier. "Linear" and "invalid" (implicit, driver-private layout) are different
/// values; absence of a modifier is a third thing and is not expressed here.
struct Modifier {
  std::uint64_t value = 0;
  friend bool operator==(const Modifier&, const Modifier&) = default;
};
inline constexpr Modifier kModifierLinear{0};                          // DRM_FORMAT_MOD_LINEAR
inline constexpr Modifier kModifierInvalid{0x00ff'ffff'ffff'ffffULL};  // DRM_FORMAT_MOD_INVALID

/// "LINEAR", "INVALID" or hexadecimal.
std::string to_string(Modifier modifier);

/// For people: "LINEAR", "INVALID", "NVIDIA block-linear h=4 k=0x06 g=2 s=1 (0x0300000000606014)"
/// with the fields of DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D, or the vendor and the number.
std::string describe(Modifier modifier);

}  // namespace lumen
