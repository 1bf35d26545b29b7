#include "zerocopy/cpu/image_pool.h"

#include <new>
#include <utility>

#include "zerocopy/cpu/picture.h"
#include "zerocopy/recycling_pool.h"

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

class ImagePool::Store final : public RecyclingPool<Block> {
 public:
  Store(std::size_t block_bytes, unsigned limit)
      : RecyclingPool(limit), block_bytes_(block_bytes) {}

  Result<Block> take_image() {
    return take([this]() -> Result<Block> {
      Block block(static_cast<std::uint8_t*>(
          ::operator new(block_bytes_, std::align_val_t{kAlignment}, std::nothrow)));
      if (!block) return fail(ErrorKind::kIo, "no memory for a frame");
      return block;
    });
  }

 private:
  const std::size_t block_bytes_;
};

Result<std::unique_ptr<ImagePool>> ImagePool::create(Fourcc format, Extent size, unsigned limit) {
  if (!is_yuv(format) || size.empty() || limit == 0 || size.width > kMaxSide ||
      size.height > kMaxSide || even_size(size) != size) {
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

PoolStatus ImagePool::status() const { return store_->status(); }

Result<CpuImage> ImagePool::acquire() {
  auto block = store_->take_image();
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
