// What a route has made of a producer's buffers, kept for as long as the buffer lives.
#pragma once

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "capture/captured_frame.h"
#include "capture/dmabuf_memory.h"

namespace lumen {

/// What an import depends on besides the buffer itself. A producer may reuse a dmabuf for another
/// geometry after a renegotiation.
struct ImportKey {
  std::array<std::uint64_t, 2> identity{};  // st_dev and st_ino of the first plane
  Fourcc format = Fourcc::kNone;
  Modifier modifier;
  Extent size;
  unsigned plane_count = 0;
  std::array<PlaneLayout, 4> planes{};

  static ImportKey of(const CapturedFrame& frame, const DmaBufImage& image) {
    const DmaBufMemory::Plane& first = image.memory->plane(0);
    return {{first.device, first.inode}, frame.format, image.modifier, frame.size,
            image.plane_count,           image.planes};
  }
  friend bool operator==(const ImportKey&, const ImportKey&) = default;
};

/// A handful of entries (a producer has at most 16 buffers), searched linearly. One thread.
template <typename Import>
class ImportCache {
 public:
  /// The import of this buffer, or null.
  [[nodiscard]] Import* find(const ImportKey& key, const DmaBufImage& image) {
    for (Entry& entry : entries_) {
      if (entry.key == key && !entry.memory.owner_before(image.memory) &&
          !image.memory.owner_before(entry.memory)) {
        return entry.import.get();
      }
    }
    return nullptr;
  }

  Import& add(const ImportKey& key, const DmaBufImage& image, std::unique_ptr<Import> import) {
    entries_.push_back({key, image.memory, std::move(import)});
    return *entries_.back().import;
  }

  /// True where remove_expired() would destroy something: let the GPU finish with it first.
  [[nodiscard]] bool has_expired() const {
    for (const Entry& entry : entries_) {
      if (entry.memory.expired()) return true;
    }
    return false;
  }
  void remove_expired() {
    std::erase_if(entries_, [](const Entry& entry) { return entry.memory.expired(); });
  }
  void clear() { entries_.clear(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    ImportKey key;
    std::weak_ptr<const DmaBufMemory> memory;  // expires when PipeWire removed the buffer
    std::unique_ptr<Import> import;
  };
  std::vector<Entry> entries_;
};

}  // namespace lumen
