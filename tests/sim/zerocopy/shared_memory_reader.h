// A producer and a route for tests: pictures lie in a memfd that CUDA maps as external memory, and
// a buffer that was given back is overwritten at once, as an impatient compositor would.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "capture/dmabuf_memory.h"
#include "platform/linux/unique_fd.h"
#include "zerocopy/cuda/picture_reader.h"

namespace lumen::test {

class SharedPicture final : public LeaseReturn {
 public:
  explicit SharedPicture(Extent size) : size_(size), bytes_(std::size_t{pitch()} * size.height) {
    fd_ = UniqueFd::take(::memfd_create("picture", MFD_CLOEXEC));
    if (::ftruncate(fd_.borrow(), static_cast<off_t>(bytes_)) != 0) std::abort();
    pixels_ = static_cast<std::uint8_t*>(
        ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.borrow(), 0));
    auto memory = DmaBufMemory::create({fd_.borrow(), -1, -1, -1}, 1);
    memory_ = std::make_shared<const DmaBufMemory>(std::move(*memory));
  }
  SharedPicture(const SharedPicture&) = delete;
  ~SharedPicture() override { ::munmap(pixels_, bytes_); }

  void draw(unsigned seed) {
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < bytes_; ++i) pixels_[i] = static_cast<std::uint8_t>(random());
  }
  /// The frame; dropping its lease scribbles over the picture.
  CapturedFrame frame(const std::shared_ptr<SharedPicture>& self) {
    ++leases_out;
    DmaBufImage image;
    image.memory = memory_;
    image.plane_count = 1;
    image.planes[0].pitch = Pitch{pitch()};
    CapturedFrame captured;
    captured.image = std::move(image);
    captured.format = Fourcc::kBGRx;
    captured.size = size_;
    captured.crop = {0, 0, size_};
    captured.lease = BufferLease(self, 1);
    return captured;
  }
  void give_back(std::uint64_t) noexcept override {
    for (std::size_t i = 0; i < bytes_; ++i) pixels_[i] = 0xEE;
    --leases_out;
  }

  [[nodiscard]] std::vector<std::uint8_t> copy() const { return {pixels_, pixels_ + bytes_}; }
  [[nodiscard]] Extent size() const { return size_; }
  [[nodiscard]] std::uint32_t pitch() const { return size_.width * 4; }
  [[nodiscard]] int fd() const { return fd_.borrow(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  std::atomic<int> leases_out{0};

 private:
  Extent size_;
  std::size_t bytes_;
  UniqueFd fd_;
  std::uint8_t* pixels_ = nullptr;
  std::shared_ptr<const DmaBufMemory> memory_;
};

/// Maps the one picture when it first sees it, and reads it in place.
class SharedMemoryReader final : public cuda::PictureReader {
 public:
  SharedMemoryReader(std::shared_ptr<const cuda::Context> context,
                     std::shared_ptr<const SharedPicture> picture)
      : context_(std::move(context)), picture_(std::move(picture)) {}
  ~SharedMemoryReader() override {
    const cuda::Driver& cuda = context_->driver();
    if (address_ != 0) cuda.cuMemFree(address_);
    if (memory_ != nullptr) cuda.cuDestroyExternalMemory(memory_);
  }

  [[nodiscard]] std::string_view name() const override { return "test"; }
  [[nodiscard]] std::vector<FormatOffer> offers() const override {
    return {{Fourcc::kBGRx, {kModifierLinear}}};
  }
  Result<cuda::DevicePicture> open(const CapturedFrame& frame) override {
    if (address_ == 0) {
      if (auto mapped = map(); !mapped) return tl::unexpected(mapped.error());
    }
    return cuda::DevicePicture{.address = address_,
                               .pitch = Pitch{picture_->pitch()},
                               .format = frame.format,
                               .size = frame.size};
  }
  Result<void> close() override { return {}; }

 private:
  Result<void> map() {
    const cuda::Driver& cuda = context_->driver();
    if (memory_ == nullptr) {
      auto fd = duplicate(picture_->fd());
      if (!fd) return tl::unexpected(fd.error());
      CUDA_EXTERNAL_MEMORY_HANDLE_DESC description{};
      description.type = CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD;
      description.handle.fd = fd->borrow();
      description.size = picture_->bytes();
      if (auto made = cuda.check(cuda.cuImportExternalMemory(&memory_, &description), "import");
          !made) {
        return made;
      }
      (void)fd->release();
    }
    CUDA_EXTERNAL_MEMORY_BUFFER_DESC buffer{};
    buffer.size = picture_->bytes();
    return cuda.check(cuda.cuExternalMemoryGetMappedBuffer(&address_, memory_, &buffer), "map");
  }

  std::shared_ptr<const cuda::Context> context_;
  std::shared_ptr<const SharedPicture> picture_;
  CUexternalMemory memory_ = nullptr;
  CUdeviceptr address_ = 0;
};

}  // namespace lumen::test
