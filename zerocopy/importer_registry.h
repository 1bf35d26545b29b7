// The import routes of this build, best first: the fallback ladder as data.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/error.h"
#include "zerocopy/frame_importer.h"

namespace lumen {

namespace cuda {
class Gpu;
}

/// Who touches the pixels.
enum class RouteKind : std::uint8_t { kGpu, kCpu };

struct ImporterEntry {
  std::string_view name;
  RouteKind kind = RouteKind::kCpu;
  /// Cheap: is it worth trying here? The error's message is the reason why not.
  Result<void> (*check)() = nullptr;
  /// May load drivers and proves the route with a real picture. `gpu` is shared by all routes of a
  /// stream.
  Result<std::unique_ptr<FrameImporter>> (*create)(cuda::Gpu& gpu) = nullptr;
};

std::span<const ImporterEntry> importer_registry();

/// Opens nothing yet.
std::shared_ptr<cuda::Gpu> make_gpu();
/// The GPU's context is dead: the next route opens it anew.
void lose_gpu(cuda::Gpu& gpu);
/// False: it was opened, and its context has died since.
bool gpu_usable(const cuda::Gpu& gpu);
/// Brings a frame to the CPU, and waits for it: for the one frame that an encoder that reads host
/// memory takes over from one that read the GPU's. Errors: kDeviceLost, kIo.
Result<CpuImage> read_back(const CudaBuffer& buffer, Extent size);

}  // namespace lumen
