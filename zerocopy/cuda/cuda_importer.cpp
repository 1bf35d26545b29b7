#include "zerocopy/cuda/cuda_importer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "capture/dmabuf_memory.h"
#include "zerocopy/cuda/download.h"
#include "zerocopy/frame_color.h"
#include "zerocopy/frame_geometry.h"

namespace lumen::cuda {
namespace {

/// Alpha or padding: to an encoder it is the same.
bool same_bytes(Fourcc a, Fourcc b) {
  const auto opaque = [](Fourcc format) {
    if (format == Fourcc::kBGRA) return Fourcc::kBGRx;
    return format == Fourcc::kRGBA ? Fourcc::kRGBx : format;
  };
  return opaque(a) == opaque(b);
}

}  // namespace

CudaImporter::CudaImporter(std::shared_ptr<const Context> context,
                           std::unique_ptr<PictureReader> reader)
    : context_(std::move(context)),
      reader_(std::move(reader)),
      offers_(reader_->offers()),
      releases_(context_),
      in_place_(std::make_shared<std::atomic<unsigned>>(0)),
      route_(reader_->name()) {}

Result<std::unique_ptr<CudaImporter>> CudaImporter::create(std::shared_ptr<const Context> context,
                                                           std::unique_ptr<PictureReader> reader) {
  std::unique_ptr<CudaImporter> self(new CudaImporter(std::move(context), std::move(reader)));
  auto current = self->context_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  auto converter = Converter::create(self->context_);
  if (!converter) return tl::unexpected(std::move(converter.error()));
  self->converter_ = std::move(*converter);
  const Driver& cuda = self->context_->driver();
  auto made = cuda.check(
      cuda.cuEventCreate(&self->finished_, CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING),
      "cuEventCreate");
  if (!made) return tl::unexpected(std::move(made.error()));
  return self;
}

CudaImporter::~CudaImporter() {
  const auto current = context_->make_current();
  if (current) {
    (void)context_->synchronize();
    if (finished_ != nullptr) context_->driver().cuEventDestroy(finished_);
  }
  // In a lost context their driver calls fail, and that is all: nothing of theirs is left there.
  converter_.reset();
  reader_.reset();
}

void CudaImporter::keep_only(std::span<const Modifier> modifiers, unsigned bits) {
  for (FormatOffer& offer : offers_) {
    if (bit_depth(offer.format) != bits) continue;
    std::erase_if(offer.modifiers, [&](Modifier modifier) {
      return std::ranges::find(modifiers, modifier) == modifiers.end();
    });
  }
  std::erase_if(offers_, [](const FormatOffer& offer) { return offer.modifiers.empty(); });
}

Result<void> CudaImporter::configure(const ImportTarget& target) {
  const bool host = target.memory == FrameMemory::kHost;
  if (!buffers_ || buffers_->size() != target.size || buffers_->format() != target.format) {
    auto buffers = BufferPool::create(context_, target.format, target.size);
    if (!buffers) return with_context("import target", std::move(buffers.error()));
    buffers_ = std::move(*buffers);
    images_.reset();
  }
  if (host && !images_) {
    auto images = PinnedPool::create(context_, target.format, target.size);
    if (!images) return with_context("import target", std::move(images.error()));
    images_ = std::move(*images);
  } else if (!host) {
    images_.reset();
  }
  target_ = target;
  route_ = std::string(reader_->name()) + (host ? "+readback" : "");
  return {};
}

PoolStatus CudaImporter::pool() const {
  if (images_) return images_->status();
  return buffers_ ? buffers_->status() : PoolStatus{};
}

Result<Frame> CudaImporter::import(CapturedFrame captured) {
  if (!buffers_) return fail(ErrorKind::kInvalidArgument, "the importer has no target yet");
  captured.times.mark(Stage::kConvertBegin);
  const auto* image = std::get_if<DmaBufImage>(&captured.image);
  if (image == nullptr) {
    return fail(ErrorKind::kFormatRejected, "the GPU routes read dmabufs only");
  }
  if (image->memory == nullptr || image->memory->plane_count() == 0) {
    return fail(ErrorKind::kRetry, "captured frame has no memory");
  }
  const auto visible = visible_part(captured);
  if (!visible) return fail(ErrorKind::kRetry, visible.error().message);
  const ColorDescription color = imported_color(captured.format, captured.color, target_.color);
  auto current = context_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));

  auto picture = reader_->open(captured);
  if (!picture) {
    releases_.after_queued_work(std::move(captured.lease));
    return tl::unexpected(std::move(picture.error()));
  }
  if (fits_in_place(*picture, *visible)) {
    if (auto closed = reader_->close(); !closed) return tl::unexpected(std::move(closed.error()));
    return hand_on(*picture, std::move(captured));
  }
  auto buffer = convert(*picture, *visible);
  if (!buffer || target_.memory == FrameMemory::kCuda) {
    releases_.after_queued_work(std::move(captured.lease));
    if (!buffer) return tl::unexpected(std::move(buffer.error()));
    route_ = reader_->name();
    captured.times.mark(Stage::kConverted);
    return Frame{std::move(*buffer), target_.size, color, captured.times};
  }
  auto host = read_back(*buffer);
  if (!host) {
    releases_.after_queued_work(std::move(captured.lease));
    return tl::unexpected(std::move(host.error()));
  }
  captured.lease.drop();
  captured.times.mark(Stage::kConverted);
  return Frame{std::move(*host), target_.size, color, captured.times};
}

Result<CudaBuffer> CudaImporter::convert(const DevicePicture& picture, const Rect& visible) {
  auto buffer = buffers_->acquire();
  auto converted = buffer
                       ? converter_->convert(picture, visible, *buffer, target_.size, target_.color)
                       : Result<void>(tl::unexpected(buffer.error()));
  auto closed = reader_->close();
  if (!converted) return tl::unexpected(std::move(converted.error()));
  if (!closed) return tl::unexpected(std::move(closed.error()));
  return buffer;
}

// The producer needs one buffer to draw into, and one may be on its way to us: what is held here
// stays below that, and the rest is copied.
bool CudaImporter::fits_in_place(const DevicePicture& picture, const Rect& visible) const {
  if (!target_.in_place || picture.array == nullptr || picture.owner == nullptr) return false;
  const bool whole = visible == Rect{0, 0, picture.size} && picture.size == target_.size &&
                     picture.array_size == picture.size;
  return whole && same_bytes(picture.format, target_.format) && *in_place_ + 2 < reader_->buffers();
}

Frame CudaImporter::hand_on(const DevicePicture& picture, CapturedFrame captured) {
  struct Held {
    BufferLease lease;
    std::shared_ptr<std::atomic<unsigned>> count;
    ~Held() { --*count; }
  };
  ++*in_place_;
  route_ = std::string(reader_->name()) + " in place";
  captured.times.mark(Stage::kConverted);
  CudaArray array;
  array.memory = std::shared_ptr<void>(new Held{std::move(captured.lease), in_place_},
                                       [](void* held) { delete static_cast<Held*>(held); });
  array.allocation = picture.owner;
  array.context = context_;
  array.format = picture.format;
  array.array = picture.array;
  return Frame{std::move(array), target_.size,
               imported_color(captured.format, captured.color, target_.color), captured.times};
}

Result<CpuImage> CudaImporter::read_back(const CudaBuffer& buffer) {
  auto image = images_->acquire();
  if (!image) return image;
  if (auto queued = queue_download(*context_, buffer, target_.size, *image); !queued) {
    // What is queued already must not write into an image that goes back to the ring.
    (void)context_->synchronize();
    return tl::unexpected(std::move(queued.error()));
  }
  const Driver& cuda = context_->driver();
  auto done =
      cuda.check(cuda.cuEventRecord(finished_, context_->stream()), "cuEventRecord").and_then([&] {
        return cuda.check(cuda.cuEventSynchronize(finished_), "cuEventSynchronize");
      });
  if (!done) {
    (void)context_->synchronize();
    return tl::unexpected(std::move(done.error()));
  }
  return image;
}

}  // namespace lumen::cuda
