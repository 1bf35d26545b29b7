// Frames whose layout is not what lies in their dmabuf: a reader refuses each.
#pragma once

#include <array>

#include "capture/captured_frame.h"

namespace lumen::test {

struct Lie {
  const char* what;
  void (*tell)(CapturedFrame&, DmaBufImage&);  // of a true frame, see kLiedAbout
};

/// What the lies are told about: a LINEAR BGRx picture without gaps that fills its dmabuf.
inline constexpr Extent kLiedAbout{64, 64};

inline constexpr std::array kLies{
    Lie{"taller", [](CapturedFrame& f, DmaBufImage&) { f.size.height = 65; }},
    Lie{"wider than its pitch", [](CapturedFrame& f, DmaBufImage&) { f.size.width = 65; }},
    Lie{"huge", [](CapturedFrame& f, DmaBufImage&) { f.size = {16384, 16384}; }},
    Lie{"larger than any picture", [](CapturedFrame& f, DmaBufImage&) { f.size.height = ~0U; }},
    Lie{"empty", [](CapturedFrame& f, DmaBufImage&) { f.size = {0, 64}; }},
    Lie{"another format", [](CapturedFrame& f, DmaBufImage&) { f.format = Fourcc::kNV12; }},
    Lie{"offset", [](CapturedFrame&, DmaBufImage& i) { i.planes[0].offset_bytes = 4; }},
    Lie{"far offset", [](CapturedFrame&, DmaBufImage& i) { i.planes[0].offset_bytes = ~3U; }},
    Lie{"pitch", [](CapturedFrame&, DmaBufImage& i) { i.planes[0].pitch = {0xffff'fffcU}; }},
    Lie{"no pitch", [](CapturedFrame&, DmaBufImage& i) { i.planes[0].pitch = {0}; }},
    Lie{"odd pitch",
        [](CapturedFrame& f, DmaBufImage& i) {
          f.size.height = 32;
          i.planes[0].pitch = {258};
        }},
    Lie{"no planes", [](CapturedFrame&, DmaBufImage& i) { i.plane_count = 0; }},
    Lie{"two planes", [](CapturedFrame&, DmaBufImage& i) { i.plane_count = 2; }},
    Lie{"five planes", [](CapturedFrame&, DmaBufImage& i) { i.plane_count = 5; }},
    Lie{"no memory", [](CapturedFrame&, DmaBufImage& i) { i.memory = nullptr; }},
    Lie{"a vendor's tiles",
        [](CapturedFrame&, DmaBufImage& i) { i.modifier = {0x0300'0000'0060'6010}; }},
    Lie{"implicit layout", [](CapturedFrame&, DmaBufImage& i) { i.modifier = kModifierInvalid; }},
    Lie{"shared memory", [](CapturedFrame& f, DmaBufImage&) { f.image = ShmImage{}; }},
};

}  // namespace lumen::test
