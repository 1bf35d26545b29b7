#include "blend.h"

#include <cstring>
#include <utility>

#include "copy.h"
#include "zerocopy/cuda/kernels/blend_kernel.h"

namespace lumen::sim {
namespace {

using cuda::BlendParams;
using cuda::OverlaySample;

std::size_t size(int value) { return static_cast<std::size_t>(value); }

/// The parameters with host memory in the place of device addresses.
struct Job {
  BlendParams params{};
  Rows target;
  Rows overlay;

  template <typename Sample>
  void run() const {
    const auto load = [this](long long offset) {
      Sample sample;
      std::memcpy(&sample, target.first + offset, sizeof sample);
      return unsigned{sample};
    };
    const auto store = [this](long long offset, unsigned value) {
      const auto sample = static_cast<Sample>(value);
      std::memcpy(target.first + offset, &sample, sizeof sample);
    };
    const auto over = [this](long long index) {
      OverlaySample sample;
      std::memcpy(&sample, overlay.first + index * static_cast<long long>(sizeof sample),
                  sizeof sample);
      return sample;
    };
    for (int y = 0; y < params.height; ++y) {
      for (int x = 0; x < params.width; ++x) {
        cuda::blend_sample<sizeof(Sample)>(params, load, store, over, x, y);
      }
    }
  }
};

}  // namespace

CUresult submit_blend(Simulator& sim, Lock& lock, const std::shared_ptr<Stream>& stream,
                      Kernel kernel, const void* parameters, Grid grid) {
  auto job = std::make_shared<Job>();
  std::memcpy(&job->params, parameters, sizeof job->params);
  const BlendParams& p = job->params;
  const unsigned sample = kernel == Kernel::kBlendTen ? 2 : 1;
  if (p.width <= 0 || p.height <= 0 || p.step < static_cast<int>(sample)) {
    sim.violation("a kernel lays nothing over a picture, or samples over each other");
    return kIllegalAddress;
  }
  if (p.target % sample != 0 || p.pitch % sample != 0 || size(p.step) % sample != 0 ||
      p.overlay % alignof(OverlaySample) != 0) {
    sim.violation("a kernel reads or writes words at an odd address, pitch or step");
    return kIllegalAddress;
  }
  const std::size_t over_bytes = size(p.width) * size(p.height) * sizeof(OverlaySample);
  job->target =
      rows_of_device(sim, p.target, p.pitch,
                     {size(p.width - 1) * size(p.step) + sample, size(p.height)}, Access::kWrite);
  job->overlay = rows_of_device(sim, p.overlay, over_bytes, {over_bytes, 1}, Access::kRead);
  if (job->target.first == nullptr || job->overlay.first == nullptr) return kIllegalAddress;
  if (grid.threads_x < static_cast<unsigned>(p.width) ||
      grid.threads_y < static_cast<unsigned>(p.height)) {
    sim.violation("a grid that does not cover the kernel's target");
  }
  Op op;
  op.uses = {job->target.storage, job->overlay.storage};
  op.work = [job, sample] { sample == 2 ? job->run<std::uint16_t>() : job->run<std::uint8_t>(); };
  sim.streams.submit(lock, stream, std::move(op));
  return CUDA_SUCCESS;
}

}  // namespace lumen::sim
