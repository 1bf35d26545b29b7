#include "zerocopy/gpu_routes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "zerocopy/cuda/cuda_importer.h"
#include "zerocopy/egl/blit_reader.h"
#include "zerocopy/egl/egl_reader.h"
#include "zerocopy/vulkan/vulkan_reader.h"

namespace lumen {
namespace {

using ReaderPtr = std::unique_ptr<cuda::PictureReader>;
using ContextPtr = std::shared_ptr<const cuda::Context>;

/// lumen's CUDA stand-in for tests names itself; the GPU behind it is Mesa's software renderer.
bool is_stand_in(const cuda::Context& context) {
  return context.device().name.find("stand-in") != std::string::npos;
}

egl::EglSettings egl_settings(const cuda::Context& context) {
  egl::EglSettings settings;
  if (is_stand_in(context)) settings.device = egl::DeviceKind::kSoftware;
  return settings;
}

Result<ReaderPtr> create_reader(std::string_view name, const ContextPtr& context,
                                vulkan::InPlace in_place) {
  if (name == "egl") return egl::EglReader::create(context, egl_settings(*context));
  if (name == "gl-blit") return egl::BlitReader::create(context, egl_settings(*context));
  return vulkan::VulkanReader::create(context, {.in_place = in_place});
}

Result<std::unique_ptr<cuda::CudaImporter>> create_importer(
    std::string_view name, cuda::Gpu& gpu, vulkan::InPlace in_place = vulkan::InPlace::kAuto) {
  auto context = gpu.context();
  if (!context) return tl::unexpected(std::move(context.error()));
  auto current = (*context)->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  auto reader = create_reader(name, *context, in_place);
  if (!reader) return tl::unexpected(std::move(reader.error()));
  return cuda::CudaImporter::create(*context, std::move(*reader));
}

struct Candidate {
  std::unique_ptr<cuda::CudaImporter> importer;
  selftest::Proof proof;
};

Result<Candidate> try_route(std::string_view name, cuda::Gpu& gpu, vulkan::InPlace in_place) {
  auto importer = create_importer(name, gpu, in_place);
  if (!importer) return tl::unexpected(std::move(importer.error()));
  std::vector<std::string> reasons;
  const auto makers = selftest::make_sample_makers((*gpu.context())->device(), reasons);
  if (makers.empty()) {
    std::string why;
    for (const std::string& reason : reasons) why += "; " + reason;
    return fail(ErrorKind::kUnsupported,
                "can't be proven: no test buffer can be made on this machine" + why);
  }
  auto proof = selftest::prove(**importer, makers);
  if (!proof) return tl::unexpected(std::move(proof.error()));
  return Candidate{std::move(*importer), std::move(*proof)};
}

bool works(const selftest::Proof& proof, Modifier modifier) {
  const auto working = proof.working();
  return std::ranges::find(working, modifier) != working.end();
}

Result<std::unique_ptr<FrameImporter>> create_proven(std::string_view name, cuda::Gpu& gpu) {
  auto candidate = try_route(name, gpu, vulkan::InPlace::kAuto);
  // A driver may say that imported memory can be exported again, and then CUDA sees zeros (NVIDIA
  // 580 with memory that came as OPAQUE_FD): copying LINEAR memory is the way that is left.
  if (name == "vulkan" && candidate && !works(candidate->proof, kModifierLinear)) {
    auto copying = try_route(name, gpu, vulkan::InPlace::kNever);
    if (copying && works(copying->proof, kModifierLinear)) candidate = std::move(copying);
  }
  if (!candidate) return tl::unexpected(std::move(candidate.error()));
  if (const std::string failure = candidate->proof.failure(); !failure.empty()) {
    return fail(ErrorKind::kUnsupported, "self-test failed: " + failure);
  }
  candidate->importer->keep_only(candidate->proof.working());
  return std::move(candidate->importer);
}

}  // namespace

Result<void> check_egl_route() {
  if (auto driver = cuda::check_driver(); !driver) return driver;
  return egl::EglReader::check();
}

Result<void> check_vulkan_route() {
  if (auto driver = cuda::check_driver(); !driver) return driver;
  return vulkan::VulkanReader::check();
}

Result<std::unique_ptr<FrameImporter>> create_egl_route(cuda::Gpu& gpu) {
  return create_proven("egl", gpu);
}
Result<std::unique_ptr<FrameImporter>> create_vulkan_route(cuda::Gpu& gpu) {
  return create_proven("vulkan", gpu);
}
Result<std::unique_ptr<FrameImporter>> create_blit_route(cuda::Gpu& gpu) {
  return create_proven("gl-blit", gpu);
}

Result<std::unique_ptr<FrameImporter>> create_unproven_route(std::string_view name,
                                                             cuda::Gpu& gpu) {
  auto importer = create_importer(name, gpu);
  if (!importer) return tl::unexpected(std::move(importer.error()));
  return std::move(*importer);
}

}  // namespace lumen
