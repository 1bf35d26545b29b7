#include "zerocopy/cuda/pinned_pool.h"

#include <utility>

#include "zerocopy/frame_geometry.h"
#include "zerocopy/recycling_pool.h"

namespace lumen::cuda {
namespace {

constexpr std::size_t kRowAlignment = 64;  // a cache line, as in cpu::ImagePool

class PinnedBlock {
 public:
  PinnedBlock(std::shared_ptr<const Context> context, std::uint8_t* bytes)
      : context_(std::move(context)), bytes_(bytes) {}
  PinnedBlock(PinnedBlock&& other) noexcept
      : context_(std::move(other.context_)), bytes_(std::exchange(other.bytes_, nullptr)) {}
  PinnedBlock& operator=(PinnedBlock&&) = delete;
  ~PinnedBlock() {
    if (bytes_ == nullptr) return;
    if (auto current = context_->make_current()) context_->driver().cuMemFreeHost(bytes_);
  }
  [[nodiscard]] std::uint8_t* bytes() const { return bytes_; }

 private:
  std::shared_ptr<const Context> context_;
  std::uint8_t* bytes_;
};

Pitch row_pitch(Fourcc format, Extent size, unsigned plane) {
  const std::size_t bytes = plane_extent(format, size, plane).row_bytes;
  return Pitch{
      static_cast<std::uint32_t>((bytes + kRowAlignment - 1) / kRowAlignment * kRowAlignment)};
}

}  // namespace

class PinnedPool::Store final : public RecyclingPool<PinnedBlock> {
 public:
  using RecyclingPool::RecyclingPool;
};

Result<std::unique_ptr<PinnedPool>> PinnedPool::create(std::shared_ptr<const Context> context,
                                                       Fourcc format, Extent size, unsigned limit) {
  if (!is_yuv(format) || size.empty() || size.width > kMaxSide || size.height > kMaxSide ||
      even_size(size) != size || limit == 0) {
    return fail(ErrorKind::kInvalidArgument, "impossible frame format or size");
  }
  return std::unique_ptr<PinnedPool>(
      new PinnedPool(std::move(context), std::make_shared<Store>(limit), format, size));
}

PinnedPool::PinnedPool(std::shared_ptr<const Context> context, std::shared_ptr<Store> store,
                       Fourcc format, Extent size)
    : context_(std::move(context)), store_(std::move(store)), format_(format), size_(size) {}

PinnedPool::~PinnedPool() { store_->close(); }

PoolStatus PinnedPool::status() const { return store_->status(); }

Result<CpuImage> PinnedPool::acquire() {
  CpuImage image;
  image.format = format_;
  std::size_t total = 0;
  std::array<std::size_t, 3> starts{};
  for (unsigned plane = 0; plane < plane_count(format_); ++plane) {
    starts[plane] = total;
    image.pitches[plane] = row_pitch(format_, size_, plane);
    total += std::size_t{image.pitches[plane].bytes} * plane_extent(format_, size_, plane).rows;
  }
  auto block = store_->take([&]() -> Result<PinnedBlock> {
    void* memory = nullptr;
    const Driver& cuda = context_->driver();
    auto made = cuda.check(cuda.cuMemHostAlloc(&memory, total, 0), "cuMemHostAlloc");
    if (!made) return with_context("page-locked memory for a frame", std::move(made.error()));
    return PinnedBlock(context_, static_cast<std::uint8_t*>(memory));
  });
  if (!block) return tl::unexpected(std::move(block.error()));
  std::uint8_t* const bytes = block->bytes();
  for (unsigned plane = 0; plane < plane_count(format_); ++plane) {
    image.planes[plane] = bytes + starts[plane];
  }
  auto holder = std::make_shared<PinnedBlock>(std::move(*block));
  image.memory = std::shared_ptr<std::uint8_t>(
      bytes, [store = store_, holder = std::move(holder)](std::uint8_t*) {
        store->give_back(std::move(*holder));
      });
  return image;
}

}  // namespace lumen::cuda
