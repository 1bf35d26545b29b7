#include "zerocopy/cuda/buffer_pool.h"

#include <utility>

#include "zerocopy/frame_geometry.h"
#include "zerocopy/recycling_pool.h"

namespace lumen::cuda {
namespace {

/// cuMemAllocPitch's element size: the widest it knows, so that rows start on 16 bytes at least.
constexpr unsigned kElementBytes = 16;

class DeviceMemory {
 public:
  DeviceMemory(std::shared_ptr<const Context> context, CUdeviceptr address, std::size_t pitch)
      : context_(std::move(context)), address_(address), pitch_(pitch) {}
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  /// cuMemFree waits for the work that uses the memory.
  ~DeviceMemory() {
    if (auto current = context_->make_current()) context_->driver().cuMemFree(address_);
  }

  [[nodiscard]] CUdeviceptr address() const { return address_; }
  [[nodiscard]] std::size_t pitch() const { return pitch_; }

 private:
  std::shared_ptr<const Context> context_;
  CUdeviceptr address_;
  std::size_t pitch_;
};

using DeviceBlock = std::shared_ptr<DeviceMemory>;

/// Rows of all planes as NVENC and FFmpeg expect them in one block: NV12's CbCr rows are as long as
/// the luma's; I420's chroma rows half as long, two to a luma row; 4:4:4 has three planes alike.
std::size_t total_rows(Fourcc format, Extent size) {
  if (is_packed_rgb(format)) return size.height;
  return std::size_t{size.height} * (is_full_chroma(format) ? 6 : 3) / 2;
}

}  // namespace

class BufferPool::Store final : public RecyclingPool<DeviceBlock> {
 public:
  using RecyclingPool::RecyclingPool;
};

Result<std::unique_ptr<BufferPool>> BufferPool::create(std::shared_ptr<const Context> context,
                                                       Fourcc format, Extent size, unsigned limit) {
  const bool yuv = is_yuv(format);
  if ((!yuv && !is_packed_rgb(format)) || size.empty() || size.width > kMaxSide ||
      size.height > kMaxSide || (yuv && even_size(size) != size) || limit == 0) {
    return fail(ErrorKind::kInvalidArgument, "impossible frame format or size");
  }
  return std::unique_ptr<BufferPool>(
      new BufferPool(std::move(context), std::make_shared<Store>(limit), format, size));
}

BufferPool::BufferPool(std::shared_ptr<const Context> context, std::shared_ptr<Store> store,
                       Fourcc format, Extent size)
    : context_(std::move(context)), store_(std::move(store)), format_(format), size_(size) {}

BufferPool::~BufferPool() { store_->close(); }

PoolStatus BufferPool::status() const { return store_->status(); }

Result<CudaBuffer> BufferPool::acquire() {
  auto block = store_->take([this]() -> Result<DeviceBlock> {
    CUdeviceptr address = 0;
    std::size_t pitch = 0;
    const Driver& cuda = context_->driver();
    auto made =
        cuda.check(cuda.cuMemAllocPitch(&address, &pitch, plane_extent(format_, size_, 0).row_bytes,
                                        total_rows(format_, size_), kElementBytes),
                   "cuMemAllocPitch");
    if (!made) return with_context("GPU memory for a frame", std::move(made.error()));
    return std::make_shared<DeviceMemory>(context_, address, pitch);
  });
  if (!block) return tl::unexpected(std::move(block.error()));

  CudaBuffer buffer;
  buffer.context = context_;
  buffer.format = format_;
  const DeviceMemory& memory = **block;
  const auto pitch = static_cast<std::uint32_t>(memory.pitch());
  const std::uint64_t luma_bytes = std::uint64_t{pitch} * size_.height;
  buffer.planes[0] = memory.address();
  buffer.pitches[0] = Pitch{pitch};
  if (is_yuv(format_)) {
    buffer.planes[1] = buffer.planes[0] + luma_bytes;
    buffer.pitches[1] = Pitch{pitch};
  }
  if (format_ == Fourcc::kI420) {
    buffer.planes[2] = buffer.planes[1] + luma_bytes / 4;
    buffer.pitches[1] = buffer.pitches[2] = Pitch{pitch / 2};
  } else if (is_full_chroma(format_)) {
    buffer.planes[2] = buffer.planes[1] + luma_bytes;
    buffer.pitches[2] = Pitch{pitch};
  }
  buffer.allocation = *block;
  buffer.memory = std::shared_ptr<void>(block->get(),
                                        [store = store_, held = std::move(*block)](void*) mutable {
                                          store->give_back(std::move(held));
                                        });
  return buffer;
}

}  // namespace lumen::cuda
