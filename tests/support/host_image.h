// Pictures in plain host memory, written value by value.
#pragma once

#include <cstdint>

#include "zerocopy/frame.h"

namespace lumen::test {

/// Memory for a picture of one of the YUV formats, rows without gaps.
CpuImage make_image(Fourcc format, Extent size);

/// Samples of eight bits, whatever the format's own depth; `plane` 0 is luma, 1 Cb, 2 Cr, also
/// where the two are interleaved. Chroma is addressed in its own pixels.
void set_sample(CpuImage& image, unsigned plane, std::uint32_t x, std::uint32_t y,
                std::uint8_t value);
std::uint8_t sample(const CpuImage& image, unsigned plane, std::uint32_t x, std::uint32_t y);

/// More than eight bits a sample.
bool deep(Fourcc format);

/// Of Cb and Cr.
Extent chroma_size(Fourcc format, Extent size);

/// A frame of it, with that number as its id.
Frame frame_of(CpuImage image, Extent size, std::uint64_t number);

}  // namespace lumen::test
