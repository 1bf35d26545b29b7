#include "kernels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "blend.h"
#include "copy.h"
#include "zerocopy/cuda/kernels/convert_kernel.h"

namespace lumen::sim {
namespace {

using cuda::ConvertParams;
using cuda::Pixel;

std::size_t size(int value) { return static_cast<std::size_t>(value); }

struct Fetch {
  const ConvertParams& params;
  const std::byte* first;
  std::size_t pitch;
  Pixel operator()(int x, int y) const {
    unsigned word = 0;
    std::memcpy(&word, first + size(y) * pitch + size(x) * 4, sizeof word);
    return cuda::unpack(params, word);
  }
};

template <typename Sample>
struct Store {
  std::array<std::byte*, 3> planes;
  void operator()(int plane, long long offset, int value) const {
    const auto sample = static_cast<Sample>(value);
    std::memcpy(planes[size(plane)] + offset, &sample, sizeof sample);
  }
};

/// The parameters with host memory in the place of device addresses.
struct Job {
  ConvertParams params{};
  Kernel kernel = Kernel::kConvertYuv;
  Rows source;
  std::array<Rows, 3> planes;
  Grid grid;

  void run() const {
    if (source.storage->refresh) source.storage->refresh(*source.storage);
    const Fetch fetch{params, source.first, source.pitch};
    const std::array first{planes[0].first, planes[1].first, planes[2].first};
    const Store<std::uint8_t> bytes{first};
    const Store<std::uint16_t> words{first};
    for (int y = 0; y < static_cast<int>(grid.threads_y); ++y) {
      for (int x = 0; x < static_cast<int>(grid.threads_x); ++x) {
        switch (kernel) {
          case Kernel::kConvertYuv: cuda::convert_block<1>(params, fetch, bytes, x, y); break;
          case Kernel::kConvertYuvTen: cuda::convert_block<2>(params, fetch, words, x, y); break;
          case Kernel::kConvertPacked: cuda::convert_pixel(params, fetch, bytes, x, y); break;
          case Kernel::kBlend:
          case Kernel::kBlendTen: break;  // blend.cpp
        }
      }
    }
  }
};

bool is_sane(const ConvertParams& p) {
  return p.source_width > 0 && p.source_height > 0 && p.crop_x >= 0 && p.crop_y >= 0 &&
         p.crop_width > 0 && p.crop_height > 0 && p.crop_width <= p.source_width - p.crop_x &&
         p.crop_height <= p.source_height - p.crop_y && p.width > 0 && p.height > 0 &&
         p.inner_x >= 0 && p.inner_y >= 0 && p.inner_width > 0 && p.inner_height > 0 &&
         p.inner_width <= p.width - p.inner_x && p.inner_height <= p.height - p.inner_y;
}

/// Where the kernel reads: exactly one of texture and address.
Rows find_source(Simulator& sim, const ConvertParams& p, std::shared_ptr<const void>& texture_use) {
  const Extent2D extent{size(p.source_width) * 4, size(p.source_height)};
  if ((p.texture != 0) == (p.source != 0)) {
    sim.violation("a kernel needs a texture or an address");
    return {};
  }
  if (p.texture == 0) {
    if (p.source % 4 != 0 || p.source_pitch % 4 != 0) {
      sim.violation("a kernel reads words at an address or pitch that is no multiple of 4");
      return {};
    }
    return rows_of_device(sim, p.source, p.source_pitch, extent, Access::kRead);
  }
  const auto texture = sim.textures.find(p.texture);
  if (texture == nullptr) {
    sim.violation("no such texture object");
    return {};
  }
  texture_use = texture;
  if (p.extra_bits != 0) {
    sim.violation("a kernel takes ten bits from a texture of eight");
    return {};
  }
  if (texture->array->channels != 4) {
    sim.violation("a kernel reads a texture that has not four channels");
    return {};
  }
  return rows_of_array(sim, texture->array_handle, 0, 0, extent, Access::kRead);
}

bool find_planes(Simulator& sim, Job& job) {
  const ConvertParams& p = job.params;
  if (job.kernel == Kernel::kConvertPacked) {
    job.planes[0] = rows_of_device(sim, p.planes[0], p.pitches[0],
                                   {size(p.width) * 4, size(p.height)}, Access::kWrite);
    return job.planes[0].first != nullptr;
  }
  const int sample = job.kernel == Kernel::kConvertYuvTen ? 2 : 1;
  const bool full = p.full_chroma != 0;
  const bool planar_words = sample == 2 && p.chroma_step != 4;  // no format has them in 4:2:0
  const bool bad_step =
      !full && (planar_words || (p.chroma_step != sample && p.chroma_step != 2 * sample));
  if (p.width % 2 != 0 || p.height % 2 != 0 || bad_step) {
    sim.violation("a Y'CbCr target with an odd side or a strange chroma step");
    return false;
  }
  const auto misplaced = [&](std::size_t i) {
    return p.planes[i] % static_cast<unsigned>(sample) != 0 ||
           p.pitches[i] % static_cast<unsigned>(sample) != 0;
  };
  if (misplaced(0) || misplaced(1) || misplaced(2)) {
    sim.violation("a kernel writes words at an odd address or pitch");
    return false;
  }
  const Extent2D luma{size(p.width * sample), size(p.height)};
  const Extent2D half{size((p.width / 2 - 1) * p.chroma_step + sample), size(p.height / 2)};
  const Extent2D chroma = full ? luma : half;
  for (std::size_t i = 0; i < 3; ++i) {
    job.planes[i] =
        rows_of_device(sim, p.planes[i], p.pitches[i], i == 0 ? luma : chroma, Access::kWrite);
    if (job.planes[i].first == nullptr) return false;
  }
  return true;
}

}  // namespace

CUresult submit_kernel(Simulator& sim, Lock& lock, const std::shared_ptr<Stream>& stream,
                       Kernel kernel, const void* parameters, Grid grid) {
  if (kernel == Kernel::kBlend || kernel == Kernel::kBlendTen) {
    return submit_blend(sim, lock, stream, kernel, parameters, grid);
  }
  auto job = std::make_shared<Job>();
  std::memcpy(&job->params, parameters, sizeof job->params);
  job->kernel = kernel;
  if (!is_sane(job->params)) {
    sim.violation("a kernel's rectangles lie outside of its pictures");
    return kIllegalAddress;
  }
  std::shared_ptr<const void> texture_use;
  job->source = find_source(sim, job->params, texture_use);
  if (job->source.first == nullptr || !find_planes(sim, *job)) return kIllegalAddress;
  const unsigned step = kernel == Kernel::kConvertPacked ? 1 : 2;
  const auto width = static_cast<unsigned>(job->params.width);
  const auto height = static_cast<unsigned>(job->params.height);
  if (grid.threads_x * step < width || grid.threads_y * step < height) {
    sim.violation("a grid that does not cover the kernel's target");
  }
  // Threads past the target do nothing.
  job->grid = {std::min(grid.threads_x, width), std::min(grid.threads_y, height)};
  Op op;
  op.uses.push_back(job->source.storage);
  if (texture_use != nullptr) op.uses.push_back(texture_use);
  for (const Rows& plane : job->planes) {
    if (plane.storage != nullptr) op.uses.push_back(plane.storage);
  }
  op.work = [job] { job->run(); };
  sim.streams.submit(lock, stream, std::move(op));
  return CUDA_SUCCESS;
}

}  // namespace lumen::sim
