// What a stream asks of its buffers once the format is known: how many, in which memory, with which
// metadata.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <spa/pod/builder.h>
#include <spa/pod/pod.h>

#include "capture/capture_source.h"

namespace lumen::pipewire {

enum class BufferMemory {
  kHost,            // memfds and pointers
  kDmaBuf,          // and dmabufs
  kDmaBufWithSync,  // dmabufs with explicit sync before anything else; as kDmaBuf where the headers
                    // that lumen was built with don't know it
};

/// Owns the pods for pw_stream_update_params().
class BufferPods {
 public:
  BufferPods(BufferMemory memory, CursorWish cursor);
  BufferPods(const BufferPods&) = delete;

  [[nodiscard]] std::span<const spa_pod*> pods() { return std::span(pods_).first(count_); }

 private:
  void add_buffers(int data_types, int required_metas);
  /// What is liked best, and what is taken, too.
  struct MetaSize {
    std::size_t best;
    std::size_t least;
    std::size_t most;
  };
  void add_meta(std::uint32_t type, const MetaSize& size);
  void add_meta(std::uint32_t type, std::size_t size) { add_meta(type, {size, size, size}); }

  alignas(8) std::array<std::uint8_t, 2048> storage_{};
  spa_pod_builder builder_{};
  std::array<const spa_pod*, 7> pods_{};
  std::size_t count_ = 0;
};

}  // namespace lumen::pipewire
