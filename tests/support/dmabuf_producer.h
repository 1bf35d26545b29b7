// A producer's buffer with one picture in it: a real dmabuf that the test draws into.
#pragma once

#include <memory>
#include <utility>

#include "capture/dmabuf_memory.h"
#include "core/error.h"
#include "support/picture_pattern.h"
#include "support/udmabuf.h"

namespace lumen::test {

struct DmaBufProducer {
  TestDmaBuf buffer;
  TestPicture picture;
  std::shared_ptr<const DmaBufMemory> memory;

  static Result<DmaBufProducer> create(TestPicture picture) {
    if (picture.pitch.bytes == 0) picture.pitch.bytes = picture.size.width * 4;
    auto buffer = TestDmaBuf::allocate(bytes_needed(picture));
    if (!buffer) return tl::unexpected(std::move(buffer.error()));
    return create_in(std::move(*buffer), picture);
  }
  /// `picture` with its pitch.
  static Result<DmaBufProducer> create_in(TestDmaBuf buffer, const TestPicture& picture) {
    auto memory = DmaBufMemory::create({buffer.fd(), -1, -1, -1}, 1);
    if (!memory) return tl::unexpected(std::move(memory.error()));
    return DmaBufProducer{std::move(buffer), picture,
                          std::make_shared<const DmaBufMemory>(std::move(*memory))};
  }
  /// The pattern of picture_pattern.h.
  void draw(std::uint32_t seed) const {
    buffer.begin_write();
    draw_pattern(buffer.bytes().subspan(picture.offset_bytes), picture.format, picture.size,
                 picture.pitch, seed);
    buffer.end_write();
  }
  /// All frames share one DmaBufMemory.
  [[nodiscard]] Result<CapturedFrame> frame() const { return make_frame(buffer, picture, memory); }
};

}  // namespace lumen::test
