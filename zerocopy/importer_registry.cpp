#include "zerocopy/importer_registry.h"

#include <array>

#if !defined(_WIN32)
#include "zerocopy/cpu/cpu_importer.h"
#include "zerocopy/cuda/download.h"
#include "zerocopy/gpu_routes.h"
#endif

namespace lumen {

#if defined(_WIN32)

std::span<const ImporterEntry> importer_registry() { return {}; }
std::shared_ptr<cuda::Gpu> make_gpu() { return nullptr; }
void lose_gpu(cuda::Gpu&) {}
bool gpu_usable(const cuda::Gpu&) { return true; }
Result<CpuImage> read_back(const CudaBuffer&, Extent) {
  return fail(ErrorKind::kUnsupported, "there is no CUDA route in this build");
}

#else

std::span<const ImporterEntry> importer_registry() {
  static constexpr std::array kImporters = {
      ImporterEntry{"egl", RouteKind::kGpu, check_egl_route, create_egl_route},
      ImporterEntry{"vulkan", RouteKind::kGpu, check_vulkan_route, create_vulkan_route},
      ImporterEntry{"gl-blit", RouteKind::kGpu, check_egl_route, create_blit_route},
      ImporterEntry{"cpu", RouteKind::kCpu, []() -> Result<void> { return {}; },
                    [](cuda::Gpu&) -> Result<std::unique_ptr<FrameImporter> > {
                      return cpu::CpuImporter::make();
                    }},
  };
  return kImporters;
}

std::shared_ptr<cuda::Gpu> make_gpu() { return std::make_shared<cuda::Gpu>(); }
void lose_gpu(cuda::Gpu& gpu) { gpu.lose(); }
bool gpu_usable(const cuda::Gpu& gpu) { return gpu.usable(); }
Result<CpuImage> read_back(const CudaBuffer& buffer, Extent size) {
  return cuda::download(buffer, size);
}

#endif

}  // namespace lumen
