#include "zerocopy/cpu/image_pool.h"

#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "zerocopy/cpu/picture.h"

namespace lumen::cpu {
namespace {

struct AlignedDelete {
  void operator()(std::uint8_t* memory) const {
    ::operator delete(memory, std::align_val_t{ImagePool::kAlignment});
  }
};
using Block = std::unique_ptr<std::uint8_t, AlignedDelete>;

std::size_t aligned(std::size_t bytes) {
  return (bytes + ImagePool::kAlignment - 1) / ImagePool::kAlignment * ImagePool::kAlignment;
}

}  // namespace

/// What the pool and the images that are out share.
class ImagePool::Store {
 public:
  Store(std::size_t block_bytes, unsigned limit) : block_bytes_(block_bytes), limit_(limit) {
    free_.reserve(limit);  // so that give_back() can't fail
  }

  Result<Block> take() {
    const std::scoped_lock lock(mutex_);
    if (!free_.empty()) {
      Block block = std::move(free_.back());
      free_.pop_back();
      return block;
    }
    if (made_ == limit_) return fail(ErrorKind::kRetry, "all frames of the pool are in use");
    Block block(static_cast<std::uint8_t*>(
        ::operator new(block_bytes_, std::align_val_t{kAlignment}, std::nothrow)));
    if (!block) return fail(ErrorKind::kIo, "no memory for a frame");
    ++made_;
    return block;
  }

  void give_back(Block block) noexcept {
    const std::scoped_lock lock(mutex_);
    if (!closed_) free_.push_back(std::move(block));
  }

  void close() {
    std::vector<Block> unused;
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    unused.swap(free_);
  }

 private:
  const std::size_t block_bytes_;
  const unsigned limit_;
  std::mutex mutex_;
  std::vector<Block> free_;
  unsigned made_ = 0;
  bool closed_ = false;  // the pool is gone: what comes back is freed
};

Result<std::unique_ptr<ImagePool>> ImagePool::create(Fourcc format, Extent size, unsigned limit) {
  if ((format != Fourcc::kNV12 && format != Fourcc::kI420) || size.empty() || limit == 0 ||
      size.width > kMaxSide || size.height > kMaxSide || even_size(size) != size) {
    return fail(ErrorKind::kInvalidArgument, "impossible frame format or size");
  }
  CpuImage layout;
  layout.format = format;
  std::size_t bytes = 0;
  for (unsigned plane = 0; plane < plane_count(format); ++plane) {
    const PlaneExtent extent = plane_extent(format, size, plane);
    layout.pitches[plane] = Pitch{static_cast<std::uint32_t>(aligned(extent.row_bytes))};
    bytes += std::size_t{layout.pitches[plane].bytes} * extent.rows;
  }
  return std::unique_ptr<ImagePool>(
      new ImagePool(std::make_shared<Store>(bytes, limit), std::move(layout), size));
}

ImagePool::ImagePool(std::shared_ptr<Store> store, CpuImage layout, Extent size)
    : store_(std::move(store)), layout_(std::move(layout)), size_(size) {}

ImagePool::~ImagePool() { store_->close(); }

Result<CpuImage> ImagePool::acquire() {
  auto block = store_->take();
  if (!block) return tl::unexpected(std::move(block.error()));
  CpuImage image = layout_;
  std::uint8_t* const memory = block->release();
  image.memory = std::shared_ptr<std::uint8_t>(
      memory, [store = store_](std::uint8_t* bytes) { store->give_back(Block(bytes)); });
  std::uint8_t* plane_start = memory;
  for (unsigned plane = 0; plane < plane_count(image.format); ++plane) {
    image.planes[plane] = plane_start;
    plane_start +=
        std::size_t{image.pitches[plane].bytes} * plane_extent(image.format, size_, plane).rows;
  }
  return image;
}

}  // namespace lumen::cpu
