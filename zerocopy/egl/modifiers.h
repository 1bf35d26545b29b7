// Which dmabuf layouts an EGL display imports, and in which order lumen prefers them.
#pragma once

#include <vector>

#include "core/pixel_format.h"
#include "zerocopy/egl/display.h"

namespace lumen::egl {

struct ImageLayout {
  Modifier modifier;
  /// GL samples it through samplerExternalOES only (EGL_EXT_image_dma_buf_import_modifiers).
  bool external_only = false;

  friend bool operator==(const ImageLayout&, const ImageLayout&) = default;
};

/// Sorts uncompressed tiled layouts first, then compressed ones, then LINEAR; otherwise keeps the
/// driver's order, which is by preference. Reading a compressed picture costs its decompression,
/// reading LINEAR costs the producer its tiling.
void sort_by_preference(std::vector<ImageLayout>& layouts);

/// True for NVIDIA block-linear modifiers with a compression kind.
bool is_compressed(Modifier modifier);

/// What the display lists for `format`, sorted. Where it imports dmabufs and can't tell modifiers:
/// INVALID alone. Empty: it can't import this format.
std::vector<ImageLayout> query_layouts(const Display& display, Fourcc format);

}  // namespace lumen::egl
