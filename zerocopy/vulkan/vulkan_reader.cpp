#include "zerocopy/vulkan/vulkan_reader.h"

#include <utility>
#include <variant>

#include <fmt/format.h>

#include "capture/dmabuf_memory.h"
#include "core/log.h"
#include "zerocopy/import_cache.h"
#include "zerocopy/producer_fence.h"
#include "zerocopy/vulkan/export_pool.h"
#include "zerocopy/vulkan/formats.h"
#include "zerocopy/vulkan/imported_picture.h"

namespace lumen::vulkan {
namespace {

// PipeWire has up to 16 buffers. More than a few times that is a producer
// that moves its pictures about in its buffers.
constexpr std::size_t kMostImports = 64;

struct Import {
  ImportedPicture picture;
  std::vector<CopyCommands> commands;  // by the index of the ExportBuffer
  std::uint64_t pool_generation = 0;   // whose buffers the commands name
};

/// An import's failure concerns this buffer's layout, whatever the driver calls it, unless the
/// device is gone.
tl::unexpected<Error> import_failed(Error error) {
  if (error.kind != ErrorKind::kDeviceLost) error.kind = ErrorKind::kFormatRejected;
  return with_context("Vulkan import", std::move(error));
}

/// What fails after the import fails for every frame: the route is dead, if it is not to be
/// retried.
tl::unexpected<Error> copy_failed(Error error) {
  if (error.kind != ErrorKind::kRetry) error.kind = ErrorKind::kDeviceLost;
  return with_context("Vulkan copy", std::move(error));
}

}  // namespace

struct VulkanReader::State {
  VulkanReaderSettings settings;
  std::shared_ptr<const cuda::Context> context;
  std::shared_ptr<const Device> device;
  std::vector<FormatOffer> offers;
  bool in_place = false;
  std::unique_ptr<CopyQueue> copies;  // outlives the commands that it recorded
  std::unique_ptr<ExportPool> pool;
  std::uint64_t pool_generation = 0;
  ImportCache<Import> imports;
  AcquireNotice notice;

  Result<void> let_gpu_finish();
  Result<void> forget_expired();
  Result<Import*> find_or_import(const CapturedFrame& frame, const DmaBufImage& image);
  Result<ImportedPicture> import_picture(const PictureLayout& layout, const ForeignMemory& memory);
  Result<UniqueFd> producer_writes(const CapturedFrame& frame, const DmaBufImage& image) const;
  Result<void> fit_pool(std::uint64_t bytes);
  Result<cuda::DevicePicture> read_in_place(const Import& import, const CapturedFrame& frame,
                                            const DmaBufImage& image);
  Result<cuda::DevicePicture> copy(Import& import, const CapturedFrame& frame,
                                   const DmaBufImage& image);
};

VulkanReader::VulkanReader(std::unique_ptr<State> state) : state_(std::move(state)) {}

VulkanReader::~VulkanReader() {
  if (state_->copies->drain()) return;
  log::area("zerocopy").warn("Vulkan: the GPU hangs; what it may still use is not freed");
  static_cast<void>(state_.release());
}

Result<void> VulkanReader::check() {
  auto driver = load_driver(VulkanReaderSettings().loader);
  if (!driver) return tl::unexpected(std::move(driver.error()));
  return {};
}

Result<std::unique_ptr<cuda::PictureReader>> VulkanReader::create(
    std::shared_ptr<const cuda::Context> context, VulkanReaderSettings settings) {
  auto driver = load_driver(settings.loader);
  if (!driver) return tl::unexpected(std::move(driver.error()));
  auto instance = Instance::create(std::move(*driver));
  if (!instance) return tl::unexpected(std::move(instance.error()));
  auto device = Device::create(std::move(*instance), context->device().uuid,
                               {.source = settings.source, .queue = settings.queue});
  if (!device) return tl::unexpected(std::move(device.error()));

  auto state = std::make_unique<State>();
  state->offers = query_offers(**device);
  if (state->offers.empty()) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("Vulkan on {} imports no 32-bit RGB buffers", (*device)->name()));
  }
  // One small buffer through both APIs, rather than taking their word.
  if (auto proof = ExportBuffer::create(*device, context, 4096, 0); !proof) {
    proof.error().kind = ErrorKind::kUnsupported;
    return with_context("CUDA can't read Vulkan's memory", std::move(proof.error()));
  }
  auto copies = CopyQueue::create(*device, context, settings.ordering, settings.patience);
  if (!copies) return tl::unexpected(std::move(copies.error()));
  state->in_place = settings.in_place == InPlace::kAuto && query_buffer_support(**device).in_place;
  state->settings = std::move(settings);
  state->context = std::move(context);
  state->device = std::move(*device);
  state->copies = std::move(*copies);
  return std::unique_ptr<cuda::PictureReader>(new VulkanReader(std::move(state)));
}

std::string VulkanReader::driver() const { return state_->device->driver(); }

std::vector<FormatOffer> VulkanReader::offers() const { return state_->offers; }

Result<cuda::DevicePicture> VulkanReader::open(const CapturedFrame& frame) {
  const auto* const image = std::get_if<DmaBufImage>(&frame.image);
  if (image == nullptr) {
    return fail(ErrorKind::kFormatRejected, "the Vulkan route reads dmabufs, not host memory");
  }
  if (auto forgot = state_->forget_expired(); !forgot)
    return copy_failed(std::move(forgot.error()));
  auto import = state_->find_or_import(frame, *image);
  if (!import) return tl::unexpected(std::move(import.error()));
  return (*import)->picture.address() != 0 ? state_->read_in_place(**import, frame, *image)
                                           : state_->copy(**import, frame, *image);
}

Result<void> VulkanReader::close() {
  if (!state_->copies->lost()) return {};
  return fail(ErrorKind::kDeviceLost, "Vulkan did not finish copying a picture");
}

std::string VulkanReader::describe() const {
  const std::string copy =
      fmt::format("{}, {}", to_string(queue_kind()),
                  ordering() == Ordering::kTimeline ? "timeline semaphore" : "fence wait");
  return reads_in_place() ? fmt::format("LINEAR in place, else one copy ({})", copy)
                          : fmt::format("one copy ({})", copy);
}

QueueKind VulkanReader::queue_kind() const { return state_->device->queue_kind(); }
Ordering VulkanReader::ordering() const { return state_->copies->ordering(); }
bool VulkanReader::reads_in_place() const { return state_->in_place; }
std::size_t VulkanReader::import_count() const { return state_->imports.size(); }
std::size_t VulkanReader::pool_size() const {
  return state_->pool == nullptr ? 0 : state_->pool->size();
}

Result<void> VulkanReader::State::let_gpu_finish() {
  if (!copies->drain()) return fail(ErrorKind::kDeviceLost, "Vulkan does not finish its copies");
  return context->synchronize();
}

Result<void> VulkanReader::State::forget_expired() {
  if (!imports.has_expired()) return {};
  if (auto finished = let_gpu_finish(); !finished) return finished;
  imports.remove_expired();
  return {};
}

Result<Import*> VulkanReader::State::find_or_import(const CapturedFrame& frame,
                                                    const DmaBufImage& image) {
  const auto layout = PictureLayout::of(frame, image);
  if (!layout) return tl::unexpected(layout.error());
  const ImportKey key = ImportKey::of(frame, image);
  if (Import* const known = imports.find(key, image)) return known;
  if (imports.size() >= kMostImports) {
    if (auto finished = let_gpu_finish(); !finished)
      return copy_failed(std::move(finished.error()));
    imports.clear();
  }
  const DmaBufMemory::Plane& plane = image.memory->plane(0);
  // The size of opaque memory is not that of its descriptor.
  const ForeignMemory memory{plane.fd.borrow(),
                             settings.source == SourceMemory::kDmaBuf ? plane.size : 0};
  auto picture = import_picture(*layout, memory);
  if (!picture) return import_failed(std::move(picture.error()));
  return &imports.add(key, image, std::make_unique<Import>(Import{std::move(*picture), {}, 0}));
}

Result<ImportedPicture> VulkanReader::State::import_picture(const PictureLayout& layout,
                                                            const ForeignMemory& memory) {
  if (in_place && layout.modifier == kModifierLinear) {
    auto picture = ImportedPicture::create_in_place(*device, context, layout, memory);
    if (picture || picture.error().kind == ErrorKind::kDeviceLost) return picture;
    in_place = false;
    log::area("zerocopy")
        .info(
            "Vulkan copies every picture: the producer's memory can't be read "
            "in place: {}",
            picture.error().describe());
  }
  return ImportedPicture::create(*device, layout, memory);
}

Result<UniqueFd> VulkanReader::State::producer_writes(const CapturedFrame& frame,
                                                      const DmaBufImage& image) const {
  if (settings.source != SourceMemory::kDmaBuf && !frame.acquire) return UniqueFd();
  return producer_fence(frame, image, settings.patience);
}

Result<cuda::DevicePicture> VulkanReader::State::read_in_place(const Import& import,
                                                               const CapturedFrame& frame,
                                                               const DmaBufImage& image) {
  notice.frame_came(frame, "the CPU");
  auto writes = producer_writes(frame, image);
  if (!writes) return tl::unexpected(std::move(writes.error()));
  if (*writes && !wait_for(*writes, settings.patience)) {
    return fail(ErrorKind::kRetry, "the producer does not finish its picture");
  }
  const PictureLayout& layout = import.picture.layout();
  return cuda::DevicePicture{.address = import.picture.address(),
                             .pitch = layout.plane.pitch,
                             .format = layout.format,
                             .size = layout.size};
}

Result<void> VulkanReader::State::fit_pool(std::uint64_t bytes) {
  if (pool != nullptr && pool->bytes() == bytes) return {};
  if (pool != nullptr) {
    if (auto finished = let_gpu_finish(); !finished) return finished;
  }
  ++pool_generation;
  pool = std::make_unique<ExportPool>(device, context, bytes, settings.pool_limit);
  return {};
}

Result<cuda::DevicePicture> VulkanReader::State::copy(Import& import, const CapturedFrame& frame,
                                                      const DmaBufImage& image) {
  const PictureLayout& layout = import.picture.layout();
  const CopyLayout target = CopyLayout::of(layout);
  if (auto fits = fit_pool(target.bytes); !fits) return copy_failed(std::move(fits.error()));
  auto buffer = pool->acquire();
  if (!buffer) return copy_failed(std::move(buffer.error()));
  const std::size_t index = (*buffer)->index();
  if (import.pool_generation != pool_generation) import.commands.clear();
  import.pool_generation = pool_generation;
  if (import.commands.size() <= index) import.commands.resize(index + 1);
  CopyCommands& commands = import.commands[index];
  if (!commands) {
    auto recorded = copies->record(import.picture, **buffer);
    if (!recorded) return copy_failed(std::move(recorded.error()));
    commands = std::move(*recorded);
  }
  notice.frame_came(frame, device->features().sync_file_import
                               ? "Vulkan"
                               : "the CPU (Vulkan imports no sync_files)");
  auto writes = producer_writes(frame, image);
  if (!writes) return tl::unexpected(std::move(writes.error()));
  if (auto copied = copies->copy(commands, **buffer, std::move(*writes)); !copied) {
    return copy_failed(std::move(copied.error()));
  }
  return cuda::DevicePicture{.address = (*buffer)->address(),
                             .pitch = target.pitch,
                             .format = layout.format,
                             .size = layout.size,
                             .keep = std::move(*buffer)};
}

}  // namespace lumen::vulkan
