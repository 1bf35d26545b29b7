#include "zerocopy/cpu/dmabuf_mapping.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

namespace lumen::cpu {
namespace {

/// One mmap; unmapped at the end.
class MappedFile {
 public:
  static Result<MappedFile> create(int fd, std::size_t size) {
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) {
      return fail_errno(ErrorKind::kFormatRejected, "can't map a dmabuf", errno);
    }
    MappedFile result;
    result.bytes_ = {static_cast<const std::byte*>(address), size};
    return result;
  }
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// The ioctl may be interrupted or asked to come again, like every DRM ioctl (drmIoctl(3)).
int sync_retrying(const DmaBufSync& sync, int fd, std::uint64_t flags) {
  int code = 0;
  do {
    code = sync(fd, flags);
  } while (code == EINTR || code == EAGAIN);
  return code;
}

bool same_owner(const std::weak_ptr<const DmaBufMemory>& a,
                const std::shared_ptr<const DmaBufMemory>& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

}  // namespace

/// One buffer: its distinct dmabufs, and which of them each plane lies in.
struct DmaBufReader::Mapping {
  struct File {
    int fd = -1;  // borrowed from the DmaBufMemory, which every Scope keeps alive
    MappedFile map;
  };
  std::vector<File> files;
  std::array<std::size_t, 4> file_of_plane{};

  static Result<std::shared_ptr<const Mapping>> create(const DmaBufMemory& memory) {
    auto mapping = std::make_shared<Mapping>();
    for (unsigned plane = 0; plane < memory.plane_count(); ++plane) {
      // Every dmabuf has an inode of its own since Linux 5.3 (dma-buf pseudo filesystem).
      const auto same_file = [&](unsigned other) {
        return memory.plane(other).device == memory.plane(plane).device &&
               memory.plane(other).inode == memory.plane(plane).inode;
      };
      unsigned first = 0;
      while (!same_file(first)) ++first;
      if (first < plane) {
        mapping->file_of_plane[plane] = mapping->file_of_plane[first];
        continue;
      }
      const DmaBufMemory::Plane& source = memory.plane(plane);
      if (source.size == 0) {
        return fail(ErrorKind::kFormatRejected, "a dmabuf does not tell its size");
      }
      auto map = MappedFile::create(source.fd.borrow(), source.size);
      if (!map) return tl::unexpected(std::move(map.error()));
      mapping->file_of_plane[plane] = mapping->files.size();
      mapping->files.push_back({source.fd.borrow(), std::move(*map)});
    }
    return mapping;
  }
};

int sync_dmabuf(int fd, std::uint64_t flags) {
  dma_buf_sync request{};
  request.flags = flags;
  return ::ioctl(fd, DMA_BUF_IOCTL_SYNC, &request) == 0 ? 0 : errno;
}

DmaBufReader::Scope::~Scope() {
  // Backwards, like every nested access. A failing END leaves nothing to undo.
  for (auto fd = begun_.rbegin(); fd != begun_.rend(); ++fd) {
    sync_retrying(*sync_, *fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
  }
}

std::span<const std::byte> DmaBufReader::Scope::bytes(unsigned plane) const {
  if (plane >= memory_->plane_count()) return {};
  return mapping_->files[mapping_->file_of_plane[plane]].map.bytes();
}

DmaBufReader::DmaBufReader(DmaBufSync sync) : sync_(std::move(sync)) {}
DmaBufReader::~DmaBufReader() = default;

Result<std::shared_ptr<const DmaBufReader::Mapping>> DmaBufReader::mapping_of(
    const std::shared_ptr<const DmaBufMemory>& memory) {
  std::erase_if(entries_, [](const Entry& entry) { return entry.memory.expired(); });
  const auto known = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return same_owner(entry.memory, memory); });
  if (known != entries_.end()) return known->mapping;
  auto mapping = Mapping::create(*memory);
  if (mapping) entries_.push_back({memory, *mapping});
  return mapping;
}

Result<DmaBufReader::Scope> DmaBufReader::read(std::shared_ptr<const DmaBufMemory> memory) {
  auto mapping = mapping_of(memory);
  if (!mapping) return tl::unexpected(std::move(mapping.error()));
  Scope scope(sync_);
  scope.memory_ = std::move(memory);
  scope.mapping_ = std::move(*mapping);
  scope.begun_.reserve(scope.mapping_->files.size());
  for (const Mapping::File& file : scope.mapping_->files) {
    const int code = sync_retrying(sync_, file.fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
    if (code != 0) {
      return fail_errno(ErrorKind::kFormatRejected, "can't begin to read a dmabuf", code);
    }
    scope.begun_.push_back(file.fd);
  }
  return scope;
}

}  // namespace lumen::cpu
