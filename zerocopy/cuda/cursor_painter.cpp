#include "zerocopy/cuda/cursor_painter.h"

#include <algorithm>
#include <utility>

#include "zerocopy/cuda/convert_ptx.h"
#include "zerocopy/cuda/kernels/blend_kernel.h"
#include "zerocopy/cuda/launch_grid.h"
#include "zerocopy/cuda/plane_copy.h"
#include "zerocopy/frame_geometry.h"

namespace lumen::cuda {
namespace {

// What most pointers need, in pixels a side; larger ones make room for themselves.
constexpr std::size_t kUsualSide = 64;

std::size_t bytes_of(const OverlayChannel& channel) {
  return channel.samples.size() * sizeof(OverlaySample);
}

}  // namespace

Result<std::unique_ptr<CursorPainter>> CursorPainter::create(
    std::shared_ptr<const Context> context) {
  std::unique_ptr<CursorPainter> self(new CursorPainter(std::move(context)));
  auto current = self->context_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  const Driver& cuda = self->context_->driver();
  const auto find = [&](CUfunction& function, const char* name) {
    return cuda.check(cuda.cuModuleGetFunction(&function, self->module_, name),
                      "cuModuleGetFunction");
  };
  auto loaded = cuda.check(cuda.cuModuleLoadData(&self->module_, kConvertPtx), "cuModuleLoadData")
                    .and_then([&] { return find(self->blend_, kBlendKernel); })
                    .and_then([&] { return find(self->blend_ten_, kBlendTenKernel); });
  if (!loaded) return with_context("cursor kernels", std::move(loaded.error()));
  return self;
}

CursorPainter::~CursorPainter() {
  // In a lost context these calls fail, and that is all: nothing of theirs is left there.
  const auto current = context_->make_current();
  if (!current) return;
  (void)context_->synchronize();
  if (samples_ != 0) context_->driver().cuMemFree(samples_);
  if (module_ != nullptr) context_->driver().cuModuleUnload(module_);
}

Result<CudaBuffer> CursorPainter::acquire(Fourcc format, Extent size) {
  if (!pool_ || pool_->size() != size || pool_->format() != format) {
    auto pool = BufferPool::create(context_, format, size);
    if (!pool) return tl::unexpected(std::move(pool.error()));
    pool_ = std::move(*pool);
  }
  return pool_->acquire();
}

Result<CudaBuffer> CursorPainter::paint(const CudaBuffer& clean, Extent size,
                                        const CursorOverlay& overlay) {
  auto current = context_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  auto buffer = acquire(clean.format, size);
  if (!buffer) return buffer;
  auto copied = copy_planes(*context_, *buffer, size, [&](unsigned plane, CUDA_MEMCPY2D& region) {
    region.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    region.srcDevice = clean.planes[plane];
    region.srcPitch = clean.pitches[plane].bytes;
  });
  if (!copied) return tl::unexpected(std::move(copied.error()));
  if (auto done = blend(*buffer, overlay); !done) return tl::unexpected(std::move(done.error()));
  return buffer;
}

Result<CudaBuffer> CursorPainter::paint(const CudaArray& clean, Extent size,
                                        const CursorOverlay& overlay) {
  auto current = context_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  auto buffer = acquire(clean.format, size);
  if (!buffer) return buffer;
  auto copied = copy_planes(*context_, *buffer, size, [&](unsigned, CUDA_MEMCPY2D& region) {
                  region.srcMemoryType = CU_MEMORYTYPE_ARRAY;
                  region.srcArray = static_cast<CUarray>(clean.array);
                }).and_then([&] { return blend(*buffer, overlay); });
  auto done = context_->synchronize();
  if (!copied) return tl::unexpected(std::move(copied.error()));
  if (!done) return tl::unexpected(std::move(done.error()));
  return buffer;
}

Result<void> CursorPainter::blend(const CudaBuffer& buffer, const CursorOverlay& overlay) {
  if (overlay.rect.size.empty()) return {};
  if (auto there = upload(overlay); !there) return there;
  const Driver& cuda = context_->driver();
  const CUfunction kernel = is_ten_bit(buffer.format) ? blend_ten_ : blend_;
  CUdeviceptr samples = samples_;
  for (const OverlayChannel& channel : overlay.channels) {
    BlendParams params{};
    params.pitch = buffer.pitches[channel.plane].bytes;
    params.target = buffer.planes[channel.plane] + channel.offset_bytes +
                    std::uint64_t{channel.rect.y} * params.pitch +
                    std::uint64_t{channel.rect.x} * channel.step_bytes;
    params.overlay = samples;
    params.step = static_cast<int>(channel.step_bytes);
    params.width = static_cast<int>(channel.rect.size.width);
    params.height = static_cast<int>(channel.rect.size.height);
    void* arguments[] = {&params};
    auto launched =
        cuda.check(cuda.cuLaunchKernel(kernel, blocks(channel.rect.size.width, kThreadsX),
                                       blocks(channel.rect.size.height, kThreadsY), 1, kThreadsX,
                                       kThreadsY, 1, 0, context_->stream(), arguments, nullptr),
                   "cuLaunchKernel");
    if (!launched) return launched;
    samples += bytes_of(channel);
  }
  return {};
}

// On the same stream as the kernels, so that those of the picture before have read what is
// overwritten. From pageable memory the driver stages the bytes before it returns.
Result<void> CursorPainter::upload(const CursorOverlay& overlay) {
  if (uploaded_) return {};
  std::size_t bytes = 0;
  for (const OverlayChannel& channel : overlay.channels) bytes += bytes_of(channel);
  if (auto room = reserve(bytes); !room) return room;
  const Driver& cuda = context_->driver();
  CUdeviceptr samples = samples_;
  for (const OverlayChannel& channel : overlay.channels) {
    CUDA_MEMCPY2D region{};
    region.srcMemoryType = CU_MEMORYTYPE_HOST;
    region.srcHost = channel.samples.data();
    region.srcPitch = bytes_of(channel);
    region.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    region.dstDevice = samples;
    region.dstPitch = bytes_of(channel);
    region.WidthInBytes = bytes_of(channel);
    region.Height = 1;
    auto copied = cuda.check(cuda.cuMemcpy2DAsync(&region, context_->stream()), "cuMemcpy2DAsync");
    if (!copied) return copied;
    samples += bytes_of(channel);
  }
  uploaded_ = true;
  return {};
}

Result<void> CursorPainter::reserve(std::size_t bytes) {
  if (bytes <= samples_bytes_) return {};
  const Driver& cuda = context_->driver();
  if (samples_ != 0) {
    // It waits for the work that uses the memory.
    auto freed = cuda.check(cuda.cuMemFree(std::exchange(samples_, 0)), "cuMemFree");
    samples_bytes_ = 0;
    if (!freed) return freed;
  }
  const std::size_t room = std::max(bytes, kUsualSide * kUsualSide * 3 * sizeof(OverlaySample));
  std::size_t pitch = 0;
  auto made = cuda.check(cuda.cuMemAllocPitch(&samples_, &pitch, room, 1, 16), "cuMemAllocPitch");
  if (made) samples_bytes_ = room;
  return made;
}

}  // namespace lumen::cuda
