#include "support/udmabuf.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/dmabuf_memory.h"

namespace lumen::test {
namespace {

constexpr const char* kUdmabufDevice = "/dev/udmabuf";
constexpr const char* kHeapDevice = "/dev/dma_heap/system";

UniqueFd open_device(const char* path) { return UniqueFd::take(::open(path, O_RDWR | O_CLOEXEC)); }

Result<UniqueFd> make_udmabuf(int device, std::size_t bytes) {
  const UniqueFd memory =
      UniqueFd::take(::memfd_create("lumen-test-dmabuf", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail_errno(ErrorKind::kIo, "memfd_create", errno);
  if (::ftruncate(memory.borrow(), static_cast<off_t>(bytes)) != 0) {
    return fail_errno(ErrorKind::kIo, "ftruncate", errno);
  }
  // udmabuf asks for exactly this: the memory can't shrink, and it is not sealed against writes.
  if (::fcntl(memory.borrow(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
    return fail_errno(ErrorKind::kIo, "sealing a memfd", errno);
  }
  udmabuf_create request{};
  request.memfd = static_cast<std::uint32_t>(memory.borrow());
  request.flags = UDMABUF_FLAGS_CLOEXEC;
  request.size = bytes;
  const int fd = ::ioctl(device, UDMABUF_CREATE, &request);
  if (fd < 0) return fail_errno(ErrorKind::kIo, "UDMABUF_CREATE", errno);
  return UniqueFd::take(fd);  // it keeps the memfd's pages
}

Result<UniqueFd> make_heap_buffer(int device, std::size_t bytes) {
  dma_heap_allocation_data request{};
  request.len = bytes;
  request.fd_flags = O_RDWR | O_CLOEXEC;
  if (::ioctl(device, DMA_HEAP_IOCTL_ALLOC, &request) != 0) {
    return fail_errno(ErrorKind::kIo, "DMA_HEAP_IOCTL_ALLOC", errno);
  }
  return UniqueFd::take(static_cast<int>(request.fd));
}

void sync(int fd, std::uint64_t flags) {
  dma_buf_sync request{};
  request.flags = flags;
  while (::ioctl(fd, DMA_BUF_IOCTL_SYNC, &request) != 0 && errno == EINTR) {
  }
}

struct Layout {
  std::array<PlaneLayout, 4> planes{};
  unsigned count = 0;
  std::size_t end = 0;  // bytes from the buffer's start
};

Layout lay_out(const TestPicture& picture) {
  const std::size_t width = picture.size.width;
  const std::size_t height = picture.size.height;
  Layout layout;
  layout.count = plane_count(picture.format);
  const std::size_t tight = is_packed_rgb(picture.format) ? width * 4 : (width + 1) / 2 * 2;
  const std::size_t pitch = picture.pitch.bytes == 0 ? tight : picture.pitch.bytes;
  std::size_t at = picture.offset_bytes;
  for (unsigned plane = 0; plane < layout.count; ++plane) {
    // I420 halves the chroma pitch, NV12 interleaves both chroma samples at the luma pitch.
    const bool chroma = plane > 0;
    const std::size_t own = chroma && picture.format == Fourcc::kI420 ? pitch / 2 : pitch;
    layout.planes[plane] = {static_cast<std::uint32_t>(at), {static_cast<std::uint32_t>(own)}};
    at += own * (chroma ? (height + 1) / 2 : height);
  }
  layout.end = at;
  return layout;
}

}  // namespace

Result<void> TestDmaBuf::available() {
  if (open_device(kUdmabufDevice) || open_device(kHeapDevice)) return {};
  return fail(ErrorKind::kUnsupported,
              "no dmabufs here: neither /dev/udmabuf nor /dev/dma_heap/system can be opened",
              "run it in the virtual machine (tools/vm.sh)");
}

Result<TestDmaBuf> TestDmaBuf::allocate(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t whole = (bytes + page - 1) / page * page;
  const UniqueFd udmabuf = open_device(kUdmabufDevice);
  const UniqueFd heap = udmabuf ? UniqueFd{} : open_device(kHeapDevice);
  if (!udmabuf && !heap) return tl::unexpected<Error>(available().error());
  auto fd =
      udmabuf ? make_udmabuf(udmabuf.borrow(), whole) : make_heap_buffer(heap.borrow(), whole);
  if (!fd) return tl::unexpected<Error>(std::move(fd.error()));
  return adopt(std::move(*fd), whole);
}

Result<TestDmaBuf> TestDmaBuf::adopt(UniqueFd fd, std::size_t bytes) {
  void* const data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.borrow(), 0);
  if (data == MAP_FAILED) return fail_errno(ErrorKind::kIo, "mapping a dmabuf", errno);
  return TestDmaBuf(std::move(fd), {static_cast<std::byte*>(data), bytes});
}

TestDmaBuf::TestDmaBuf(TestDmaBuf&& other) noexcept
    : fd_(std::move(other.fd_)), bytes_(std::exchange(other.bytes_, {})) {}

TestDmaBuf& TestDmaBuf::operator=(TestDmaBuf&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

TestDmaBuf::~TestDmaBuf() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

void TestDmaBuf::begin_write() const { sync(fd(), DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE); }

void TestDmaBuf::end_write() const { sync(fd(), DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE); }

std::size_t bytes_needed(const TestPicture& picture) { return lay_out(picture).end; }

Result<CapturedFrame> make_frame(const TestDmaBuf& buffer, const TestPicture& picture,
                                 std::shared_ptr<const DmaBufMemory> memory) {
  const Layout layout = lay_out(picture);
  if (layout.count == 0 || layout.end > buffer.bytes().size()) {
    return fail(ErrorKind::kInvalidArgument, "the test buffer can't hold this picture");
  }
  if (memory == nullptr) {
    // One block: one descriptor, whatever the number of planes, as PipeWire producers send it.
    auto held = DmaBufMemory::create({buffer.fd(), -1, -1, -1}, 1);
    if (!held) return tl::unexpected<Error>(std::move(held.error()));
    memory = std::make_shared<const DmaBufMemory>(std::move(*held));
  }
  CapturedFrame frame;
  frame.image = DmaBufImage{std::move(memory), picture.modifier, layout.count, layout.planes};
  frame.format = picture.format;
  frame.size = picture.size;
  frame.crop = {0, 0, picture.size};
  frame.times.mark(Stage::kProduced);
  frame.times.mark(Stage::kDequeued);
  return frame;
}

}  // namespace lumen::test
