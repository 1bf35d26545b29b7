#include "zerocopy/egl/modifiers.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace lumen::egl {
namespace {

// drm_fourcc.h: the vendor is in bits 63:56, 3 is NVIDIA; in DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D
// bit 4 is set and bits 25:23 hold the compression kind, 0 for none.
constexpr std::uint64_t kVendorNvidia = 3;
constexpr std::uint64_t kBlockLinear = 0x10;
constexpr std::uint64_t kCompressionMask = std::uint64_t{7} << 23;

constexpr int kWorstRank = 2;
int rank(const ImageLayout& layout) {
  if (layout.modifier == kModifierLinear) return kWorstRank;
  return is_compressed(layout.modifier) ? 1 : 0;
}

bool lists_format(const Display& display, EGLint format) {
  EGLint count = 0;
  if (display.query_formats(display.handle(), 0, nullptr, &count) != EGL_TRUE) return false;
  std::vector<EGLint> formats(static_cast<std::size_t>(std::max(count, 0)));
  if (display.query_formats(display.handle(), count, formats.data(), &count) != EGL_TRUE) {
    return false;
  }
  return std::ranges::find(formats, format) != formats.end();
}

}  // namespace

bool is_compressed(Modifier modifier) {
  return modifier.value >> 56 == kVendorNvidia && (modifier.value & kBlockLinear) != 0 &&
         (modifier.value & kCompressionMask) != 0;
}

void sort_by_preference(std::vector<ImageLayout>& layouts) {
  std::vector<ImageLayout> sorted;
  for (int wanted = 0; wanted <= kWorstRank; ++wanted) {
    std::ranges::copy_if(layouts, std::back_inserter(sorted),
                         [&](const ImageLayout& layout) { return rank(layout) == wanted; });
  }
  layouts = std::move(sorted);
}

std::vector<ImageLayout> query_layouts(const Display& display, Fourcc format) {
  if (!display.imports_dmabufs()) return {};
  if (!display.lists_modifiers()) return {{kModifierInvalid, false}};
  const auto drm_format = static_cast<EGLint>(format);
  // Asking for the modifiers of a format that is not listed is EGL_BAD_PARAMETER.
  if (!lists_format(display, drm_format)) return {};
  EGLint count = 0;
  if (display.query_modifiers(display.handle(), drm_format, 0, nullptr, nullptr, &count) !=
          EGL_TRUE ||
      count <= 0) {
    return {};
  }
  const auto size = static_cast<std::size_t>(count);
  std::vector<EGLuint64KHR> modifiers(size);
  std::vector<EGLBoolean> external(size);
  if (display.query_modifiers(display.handle(), drm_format, count, modifiers.data(),
                              external.data(), &count) != EGL_TRUE) {
    return {};
  }
  std::vector<ImageLayout> layouts;
  for (std::size_t i = 0; i < std::min(size, static_cast<std::size_t>(count)); ++i) {
    const Modifier modifier{modifiers[i]};
    // An implicit layout is a guess where explicit ones can be had.
    if (modifier != kModifierInvalid) layouts.push_back({modifier, external[i] == EGL_TRUE});
  }
  sort_by_preference(layouts);
  return layouts;
}

}  // namespace lumen::egl
