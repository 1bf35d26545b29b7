#include "zerocopy/gpu_routes.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/log.h"
#include "platform/linux/private_files.h"
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

selftest::ProofSubject subject_of(std::string_view name, vulkan::InPlace in_place,
                                  const cuda::CudaImporter& importer,
                                  const cuda::Context& context) {
  utsname kernel{};
  ::uname(&kernel);
  const std::string how = in_place == vulkan::InPlace::kNever ? " copying" : "";
  std::string driver = importer.driver();
  if (!driver.empty()) driver += fmt::format(", CUDA {}", context.driver().version);
  return {.route = std::string(name) + how,
          .gpu = context.device().name + " " + cuda::to_string(context.device().uuid),
          .driver = std::move(driver),
          .makers = ::access("/dev/udmabuf", R_OK | W_OK) == 0 ? "udmabuf" : "",
          .kernel = static_cast<const char*>(kernel.release),
          .lumen = LUMEN_VERSION};
}

std::vector<Modifier> tested_modifiers(const FrameImporter& importer, unsigned bits) {
  const auto offers = importer.offers();
  const auto first = std::ranges::find_if(
      offers, [bits](const FormatOffer& offer) { return bit_depth(offer.format) == bits; });
  return first == offers.end() ? std::vector<Modifier>{} : first->modifiers;
}

Result<selftest::Proof> prove_now(FrameImporter& importer, const cuda::Context& context,
                                  unsigned bits) {
  std::vector<std::string> reasons;
  const auto makers = selftest::make_sample_makers(context.device(), reasons);
  if (makers.empty()) {
    std::string why;
    for (const std::string& reason : reasons) why += "; " + reason;
    return fail(ErrorKind::kUnsupported,
                "can't be proven: no test buffer can be made on this machine" + why);
  }
  return selftest::prove(importer, makers, bits);
}

/// None where the user has no folder for such things.
std::optional<selftest::ProofCache> proof_cache() {
  auto folder = cache_folder();
  if (!folder) return std::nullopt;
  return selftest::ProofCache(std::move(*folder));
}

/// Of an earlier run, where nothing has changed since; else a new one.
Result<selftest::Proof> proof_of(FrameImporter& importer, cuda::Gpu& gpu,
                                 const selftest::ProofSubject& subject, unsigned bits) {
  const cuda::Context& context = **gpu.context();
  const auto cache = proof_cache();
  // A GPU that was lost has to prove that it is what it was.
  if (cache && !gpu.was_lost()) {
    if (auto known = cache->find(subject, tested_modifiers(importer, bits))) {
      log::area("zerocopy")
          .debug("{}: proven in an earlier run, with {}", subject.route, subject.driver);
      return std::move(*known);
    }
  }
  auto proof = prove_now(importer, context, bits);
  if (proof) keep_proof(subject, *proof);
  return proof;
}

struct Candidate {
  std::unique_ptr<cuda::CudaImporter> importer;
  selftest::Proof proof;
  selftest::Proof deep;  // of ten bits
};

Result<Candidate> try_route(std::string_view name, cuda::Gpu& gpu, vulkan::InPlace in_place) {
  auto importer = create_importer(name, gpu, in_place);
  if (!importer) return tl::unexpected(std::move(importer.error()));
  const cuda::Context& context = **gpu.context();
  const auto subject = subject_of(name, in_place, **importer, context);
  auto proof = proof_of(**importer, gpu, subject, 8);
  if (!proof) return tl::unexpected(std::move(proof.error()));
  Candidate candidate{std::move(*importer), std::move(*proof), {}};
  if (tested_modifiers(*candidate.importer, 10).empty()) return candidate;
  auto deep = proof_of(*candidate.importer, gpu, selftest::of_depth(subject, 10), 10);
  if (!deep && deep.error().kind == ErrorKind::kDeviceLost) {
    return tl::unexpected(std::move(deep.error()));
  }
  if (deep) candidate.deep = std::move(*deep);
  return candidate;
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
  candidate->importer->keep_only(candidate->proof.working(), 8);
  candidate->importer->keep_only(candidate->deep.working(), 10);
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

Result<UnprovenRoute> create_unproven_route(std::string_view name, cuda::Gpu& gpu) {
  auto importer = create_importer(name, gpu);
  if (!importer) return tl::unexpected(std::move(importer.error()));
  auto subject = subject_of(name, vulkan::InPlace::kAuto, **importer, **gpu.context());
  return UnprovenRoute{std::move(*importer), std::move(subject)};
}

void keep_proof(const selftest::ProofSubject& subject, const selftest::Proof& proof) {
  const auto cache = proof_cache();
  if (!cache) return;
  if (auto kept = cache->keep(subject, proof); !kept) {
    log::area("zerocopy").debug("the self-test's result is not kept: {}", kept.error().describe());
  }
}

}  // namespace lumen
