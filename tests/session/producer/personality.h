// What the producer does that a well-behaved one does not, and what happens at which frame.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen::producer {

/// What is wrong with one buffer. Its picture is garbage and carries no number.
enum class Defect {
  kNone,
  kZeroSize,         // chunk size 0
  kCorruptedHeader,  // SPA_META_HEADER_FLAG_CORRUPTED
  kCorruptedChunk,   // SPA_CHUNK_FLAG_CORRUPTED
  kBadStride,        // 0, then huge, then negative, in turn
  kBadOffset,        // beyond maxsize, also after the modulo that the SPA buffer format asks for
  kShortChunk,       // half the picture
};

/// Something that happens once, in place of sending frame `at_frame`, which follows later.
struct Action {
  enum class Kind {
    kResize,    // announces another size
    kReformat,  // announces another format
    kPause,     // sets the stream inactive for `frames` intervals
    kStall,     // stays active and sends nothing for `frames` intervals
    kFlap,      // destroys the node; a new one of the same name comes a second later
    kRecycle,   // makes PipeWire remove all buffers and add new ones
    kToMemFd,   // offers no modifiers any more, so that memfds follow
    kToDmaBuf,  // offers them again
  };
  Kind kind = Kind::kPause;
  std::uint32_t at_frame = 0;
  Extent size;                    // kResize
  Fourcc format = Fourcc::kNone;  // kReformat
  std::uint32_t frames = 0;       // kPause, kStall
};

enum class ExtentTrick { kNone, kZero, kHuge };
/// What is wrong with every second buffer's descriptor.
enum class Descriptors {
  kAll,           // nothing
  kSomeMissing,   // there is none
  kFirstMissing,  // there is none in the buffers of the first moments
  kAllMissing,    // there is never one
  kSomeSmall,     // a dmabuf of one page
  kSomeFake,      // called a dmabuf and is a memfd; the picture in it is right
};
enum class Syncobjs {
  kReal,
  kFake,  // called syncobjs and are memfds
};
enum class ModifierTrick {
  kNone,
  kForeign,  // fixes a modifier that the consumer did not offer
};

struct Personality {
  std::vector<Defect> defects;
  std::vector<Action> actions;  // sorted by at_frame
  ExtentTrick extent = ExtentTrick::kNone;
  Descriptors descriptors = Descriptors::kAll;
  ModifierTrick modifier_trick = ModifierTrick::kNone;
  Syncobjs syncobjs = Syncobjs::kReal;
  std::uint32_t recycle_every = 0;  // frames; 0: never

  /// Adds a comma list as --hostile takes it; errors name the word.
  Result<void> add(std::string_view words);

  /// What is wrong with the n-th buffer sent (from 0): every 7th has kZeroSize where it was asked
  /// for, every 5th one of the other defects in turn.
  [[nodiscard]] Defect defect_of(std::uint64_t buffer) const;
};

}  // namespace lumen::producer
