// Compile-only: the four interfaces and what they carry stay free of POSIX.
#include <type_traits>

#include "capture/capture_source.h"
#include "encode/video_encoder.h"
#include "sink/sink.h"
#include "zerocopy/frame_importer.h"

namespace lumen {

static_assert(std::is_abstract_v<CaptureSource>);
static_assert(std::is_abstract_v<FrameImporter>);
static_assert(std::is_abstract_v<VideoEncoder>);
static_assert(std::is_abstract_v<Sink>);
static_assert(std::is_nothrow_move_constructible_v<BufferLease>);

}  // namespace lumen
