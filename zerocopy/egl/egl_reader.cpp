#include "zerocopy/egl/egl_reader.h"

#include <utility>

#include <fmt/format.h>

#include "zerocopy/cuda/texture.h"
#include "zerocopy/egl/image.h"
#include "zerocopy/egl/registration.h"
#include "zerocopy/import_cache.h"
#include "zerocopy/producer_fence.h"

namespace lumen::egl {
namespace {

/// One producer buffer as CUDA sees it. An encoder that reads it in place may hold it for longer
/// than the reader lives.
struct RegisteredImage {
  Image image;
  Registration registration;
  cuda::Texture texture;  // over the registered array; empty where CUDA sees pitched memory
  cuda::DevicePicture picture;
};

/// Where the pixels of a registered image lie. cudaEGL.h: pPitch holds a device pointer.
Result<cuda::DevicePicture> locate(const CUeglFrame& mapped, const CapturedFrame& frame) {
  if (mapped.planeCount != 1 || mapped.numChannels != 4 ||
      mapped.cuFormat != CU_AD_FORMAT_UNSIGNED_INT8 || mapped.width < frame.size.width ||
      mapped.height < frame.size.height) {
    return fail(ErrorKind::kFormatRejected,
                fmt::format("CUDA sees the picture as {}x{}, {} planes, {} channels of format {}",
                            mapped.width, mapped.height, mapped.planeCount, mapped.numChannels,
                            static_cast<int>(mapped.cuFormat)));
  }
  cuda::DevicePicture picture;
  // The bytes of the dmabuf, whatever label EGL was given.
  picture.format = frame.format;
  picture.size = frame.size;
  if (mapped.frameType == CU_EGL_FRAME_TYPE_ARRAY) {
    picture.array = mapped.frame.pArray[0];
    picture.array_size = {mapped.width, mapped.height};
  } else {
    picture.address = reinterpret_cast<CUdeviceptr>(mapped.frame.pPitch[0]);
    picture.pitch = {mapped.pitch};
  }
  if (picture.array == nullptr && picture.address == 0) {
    return fail(ErrorKind::kFormatRejected, "CUDA registered the picture and shows no memory");
  }
  return picture;
}

}  // namespace

struct EglReader::State {
  std::shared_ptr<const cuda::Context> cuda;
  EglSettings settings;
  std::unique_ptr<ImageImporter> importer;
  ImportCache<std::shared_ptr<RegisteredImage>> cache;
  AcquireNotice notice;

  Result<std::shared_ptr<RegisteredImage>> import(const CapturedFrame& frame,
                                                  const DmaBufImage& image) const;
};

Result<void> EglReader::check() {
  auto driver = load_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  if ((*driver)->eglGetPlatformDisplayEXT == nullptr) {
    return fail(ErrorKind::kUnsupported, "EGL can't choose a platform (no EGL_EXT_platform_base)");
  }
  return {};
}

Result<std::unique_ptr<cuda::PictureReader>> EglReader::create(
    std::shared_ptr<const cuda::Context> context, EglSettings settings) {
  const cuda::Driver& cuda = context->driver();
  if (cuda.cuGraphicsEGLRegisterImage == nullptr ||
      cuda.cuGraphicsResourceGetMappedEglFrame == nullptr ||
      cuda.cuGraphicsUnregisterResource == nullptr) {
    return fail(ErrorKind::kUnsupported, "this CUDA driver does not register EGLImages");
  }
  auto importer = ImageImporter::create(context->device(), settings, ImageUse::kCuda);
  if (!importer) return tl::unexpected(std::move(importer.error()));
  auto state = std::make_unique<State>();
  state->cuda = std::move(context);
  state->settings = std::move(settings);
  state->importer = std::move(*importer);
  return std::unique_ptr<cuda::PictureReader>(new EglReader(std::move(state)));
}

EglReader::EglReader(std::unique_ptr<State> state) : state_(std::move(state)) {}

EglReader::~EglReader() {
  // Nothing can be done about a failure: the context is dead and its work with it.
  static_cast<void>(state_->cuda->synchronize());
}

std::string EglReader::driver() const { return state_->importer->context().driver(); }

std::vector<FormatOffer> EglReader::offers() const { return state_->importer->offers(); }

Result<std::shared_ptr<RegisteredImage>> EglReader::State::import(const CapturedFrame& frame,
                                                                  const DmaBufImage& image) const {
  // CUDA finds the display through the calling thread where it does not know it yet.
  if (auto current = importer->context().make_current(); !current) {
    return tl::unexpected(std::move(current.error()));
  }
  auto egl_image = importer->import(frame, image);
  if (!egl_image) return tl::unexpected(std::move(egl_image.error()));
  // Whatever our context still does with the image (a test's upload) ends before CUDA looks at it;
  // the producer's writing has ended already (wait_for_producer).
  importer->context().gl().glFinish();

  const cuda::Driver& driver = cuda->driver();
  CUgraphicsResource resource = nullptr;
  auto registered = driver.check(driver.cuGraphicsEGLRegisterImage(&resource, egl_image->get(),
                                                                   cuda::kGraphicsRegisterReadOnly),
                                 "cuGraphicsEGLRegisterImage");
  if (!registered) {
    return tl::unexpected(rejected_unless_lost(std::move(registered.error())));
  }
  Registration registration(resource, RegistrationDeleter{cuda});
  CUeglFrame mapped{};
  auto found = driver.check(driver.cuGraphicsResourceGetMappedEglFrame(&mapped, resource, 0, 0),
                            "cuGraphicsResourceGetMappedEglFrame");
  if (!found) return tl::unexpected(rejected_unless_lost(std::move(found.error())));
  auto picture = locate(mapped, frame);
  if (!picture) return tl::unexpected(std::move(picture.error()));
  cuda::Texture texture;
  if (picture->array != nullptr) {
    auto made = cuda::Texture::create(*cuda, picture->array);
    if (!made) return tl::unexpected(rejected_unless_lost(std::move(made.error())));
    texture = std::move(*made);
    picture->texture = texture.object();
  }
  return std::shared_ptr<RegisteredImage>(new RegisteredImage{
      std::move(*egl_image), std::move(registration), std::move(texture), std::move(*picture)});
}

Result<cuda::DevicePicture> EglReader::open(const CapturedFrame& frame) {
  const auto* const image = std::get_if<DmaBufImage>(&frame.image);
  if (image == nullptr || image->memory == nullptr) {
    return fail(ErrorKind::kFormatRejected, "the picture is not in a dmabuf");
  }
  state_->notice.frame_came(frame, "the CPU");
  if (auto waited = wait_for_producer(frame, *image, state_->settings.producer_limit); !waited) {
    return tl::unexpected(std::move(waited.error()));
  }
  auto& cache = state_->cache;
  if (cache.has_expired()) {
    if (auto idle = state_->cuda->synchronize(); !idle) {
      return tl::unexpected(route_lost(std::move(idle.error())));
    }
    cache.remove_expired();
  }
  const ImportKey key = ImportKey::of(frame, *image);
  const std::shared_ptr<RegisteredImage>* known = cache.find(key, *image);
  if (known == nullptr) {
    auto imported = state_->import(frame, *image);
    if (!imported) return tl::unexpected(std::move(imported.error()));
    known = &cache.add(key, *image,
                       std::make_unique<std::shared_ptr<RegisteredImage>>(std::move(*imported)));
  }
  cuda::DevicePicture picture = (*known)->picture;
  picture.owner = *known;
  return picture;
}

std::size_t EglReader::buffers() const { return state_->cache.size(); }

Result<void> EglReader::close() { return {}; }

}  // namespace lumen::egl
