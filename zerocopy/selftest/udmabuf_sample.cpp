#include "zerocopy/selftest/udmabuf_sample.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace lumen::selftest {
namespace {

constexpr char kDevice[] = "/dev/udmabuf";
// What GPUs ask of LINEAR rows at most (NVIDIA: 256 for textures).
constexpr std::uint32_t kRowAlignment = 256;

class UdmabufMaker final : public SampleMaker {
 public:
  explicit UdmabufMaker(UniqueFd device) : device_(std::move(device)) {}

  [[nodiscard]] std::string_view name() const override { return "udmabuf"; }
  [[nodiscard]] bool can_make(Fourcc format, Modifier modifier) const override {
    return is_packed_rgb(format) && modifier == kModifierLinear;
  }

  Result<CapturedFrame> make(Fourcc format, Modifier modifier, Extent size,
                             std::span<const std::uint32_t> pixels) override {
    if (!can_make(format, modifier)) {
      return fail(ErrorKind::kUnsupported, "udmabuf makes LINEAR RGB buffers only");
    }
    const std::uint32_t row_bytes = size.width * 4;
    const std::uint32_t pitch = (row_bytes + kRowAlignment - 1) / kRowAlignment * kRowAlignment;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (std::size_t{pitch} * size.height + page - 1) / page * page;
    auto memory = fill(bytes, pitch, size, pixels);
    if (!memory) return tl::unexpected(std::move(memory.error()));
    udmabuf_create create{};
    create.memfd = static_cast<std::uint32_t>(memory->borrow());
    create.flags = UDMABUF_FLAGS_CLOEXEC;
    create.size = bytes;
    const UniqueFd dmabuf = UniqueFd::take(::ioctl(device_.borrow(), UDMABUF_CREATE, &create));
    if (!dmabuf) return fail_errno(ErrorKind::kUnsupported, "udmabuf makes no buffer", errno);
    return make_sample_frame(DmaBufMemory::create({dmabuf.borrow(), -1, -1, -1}, 1), format,
                             modifier, size, {0, Pitch{pitch}});
  }

 private:
  static Result<UniqueFd> fill(std::size_t bytes, std::uint32_t pitch, Extent size,
                               std::span<const std::uint32_t> pixels) {
    UniqueFd memory =
        UniqueFd::take(::memfd_create("lumen-sample", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory || ::ftruncate(memory.borrow(), static_cast<off_t>(bytes)) != 0) {
      return fail_errno(ErrorKind::kIo, "no memory for a sample picture", errno);
    }
    void* const mapped =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.borrow(), 0);
    if (mapped == MAP_FAILED) {
      return fail_errno(ErrorKind::kIo, "no memory for a sample picture", errno);
    }
    for (std::size_t row = 0; row < size.height; ++row) {
      std::memcpy(static_cast<std::byte*>(mapped) + row * pitch, pixels.data() + row * size.width,
                  std::size_t{size.width} * 4);
    }
    ::munmap(mapped, bytes);
    // udmabuf takes only memory that can't shrink (Documentation/driver-api/dma-buf.rst).
    if (::fcntl(memory.borrow(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
      return fail_errno(ErrorKind::kIo, "can't seal a sample picture", errno);
    }
    return memory;
  }

  UniqueFd device_;
};

}  // namespace

Result<std::unique_ptr<SampleMaker>> make_udmabuf_maker() {
  UniqueFd device = UniqueFd::take(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (!device) {
    return fail_errno(ErrorKind::kUnsupported, std::string(kDevice) + " can't be opened", errno,
                      errno == EACCES ? "add your user to its group (often kvm)"
                                      : "load the kernel module udmabuf");
  }
  return std::make_unique<UdmabufMaker>(std::move(device));
}

}  // namespace lumen::selftest
