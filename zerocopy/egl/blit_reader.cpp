#include "zerocopy/egl/blit_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "zerocopy/egl/blit_program.h"
#include "zerocopy/egl/blit_target.h"
#include "zerocopy/egl/egl_reader.h"
#include "zerocopy/egl/image.h"
#include "zerocopy/egl/queued_wait.h"
#include "zerocopy/import_cache.h"
#include "zerocopy/producer_fence.h"

namespace lumen::egl {
namespace {

/// One producer buffer as GL samples it.
class SampledImage {
 public:
  SampledImage(const Gles& gl, Image image, GLenum target)
      : gl_(&gl), image_(std::move(image)), target_(target) {
    gl_->glGenTextures(1, &texture_);
    gl_->glBindTexture(target_, texture_);
    gl_->glTexParameteri(target_, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    gl_->glTexParameteri(target_, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    // External textures know no other wrap mode (OES_EGL_image_external).
    gl_->glTexParameteri(target_, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    gl_->glTexParameteri(target_, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    gl_->glEGLImageTargetTexture2DOES(target_, image_.get());
  }
  SampledImage(const SampledImage&) = delete;
  ~SampledImage() { gl_->glDeleteTextures(1, &texture_); }

  [[nodiscard]] GLuint texture() const { return texture_; }
  [[nodiscard]] GLenum target() const { return target_; }

 private:
  const Gles* gl_;
  Image image_;
  GLenum target_;
  GLuint texture_ = 0;
};

Alpha alpha_of(Fourcc format) {
  return format == Fourcc::kBGRx || format == Fourcc::kRGBx ? Alpha::kOpaque : Alpha::kKeep;
}

}  // namespace

struct BlitReader::State {
  std::shared_ptr<const cuda::Context> cuda;
  EglSettings settings;
  std::unique_ptr<ImageImporter> importer;  // and the GL context that what follows lives in
  std::unique_ptr<BlitProgram> program_2d;
  std::unique_ptr<BlitProgram> program_external;  // null where GL samples no external textures
  std::unique_ptr<BlitTarget> target;             // null until the first frame
  ImportCache<SampledImage> cache;
  AcquireNotice notice;
  GLint max_side = 0;

  [[nodiscard]] const GlContext& gl() const { return importer->context(); }
  Result<void> prepare_target(Extent size);
  Result<const SampledImage*> sampled(const CapturedFrame& frame, const DmaBufImage& image);
};

Result<void> BlitReader::check() { return EglReader::check(); }

Result<std::unique_ptr<cuda::PictureReader>> BlitReader::create(
    std::shared_ptr<const cuda::Context> context, EglSettings settings) {
  const cuda::Driver& cuda = context->driver();
  if (cuda.cuGraphicsGLRegisterImage == nullptr || cuda.cuGraphicsMapResources == nullptr ||
      cuda.cuGraphicsUnmapResources == nullptr || cuda.cuGraphicsUnregisterResource == nullptr ||
      cuda.cuGraphicsSubResourceGetMappedArray == nullptr) {
    return fail(ErrorKind::kUnsupported, "this CUDA driver does not register GL textures");
  }
  auto importer = ImageImporter::create(context->device(), settings, ImageUse::kTexture);
  if (!importer) return tl::unexpected(std::move(importer.error()));
  auto state = std::make_unique<State>();
  state->cuda = std::move(context);
  state->settings = std::move(settings);
  state->importer = std::move(*importer);
  const Gles& gl = state->gl().gl();
  if (gl.glEGLImageTargetTexture2DOES == nullptr) {
    return fail(ErrorKind::kUnsupported, "GL can't sample EGLImages (no GL_OES_EGL_image)");
  }
  auto program = BlitProgram::create(state->gl(), GL_TEXTURE_2D);
  if (!program) return tl::unexpected(std::move(program.error()));
  state->program_2d = std::move(*program);
  if (gl.samples_external) {
    auto external = BlitProgram::create(state->gl(), GL_TEXTURE_EXTERNAL_OES);
    if (!external) return tl::unexpected(std::move(external.error()));
    state->program_external = std::move(*external);
  }
  gl.glDisable(GL_DITHER);  // on by default; nothing else stands between texel and pixel
  gl.glActiveTexture(GL_TEXTURE0);
  gl.glGetIntegerv(GL_MAX_TEXTURE_SIZE, &state->max_side);
  return std::unique_ptr<cuda::PictureReader>(new BlitReader(std::move(state)));
}

BlitReader::BlitReader(std::unique_ptr<State> state) : state_(std::move(state)) {}

BlitReader::~BlitReader() {
  // A failure leaves GL's objects to the context's end, which follows.
  static_cast<void>(state_->gl().make_current());
  static_cast<void>(state_->cuda->synchronize());
}

std::string BlitReader::driver() const { return state_->importer->context().driver(); }

std::vector<FormatOffer> BlitReader::offers() const { return state_->importer->offers(); }

Result<void> BlitReader::State::prepare_target(Extent size) {
  if (target != nullptr && target->size() == size) return {};
  if (std::max(size.width, size.height) > static_cast<std::uint32_t>(max_side)) {
    return fail(ErrorKind::kFormatRejected,
                fmt::format("GL draws at most {} pixels a side", max_side));
  }
  target.reset();
  auto made = BlitTarget::create(cuda, gl(), size);
  if (!made) return tl::unexpected(route_lost(std::move(made.error())));
  target = std::move(*made);
  return {};
}

Result<const SampledImage*> BlitReader::State::sampled(const CapturedFrame& frame,
                                                       const DmaBufImage& image) {
  // GL keeps what it still draws from; nobody else reads these images.
  cache.remove_expired();
  const ImportKey key = ImportKey::of(frame, image);
  if (const SampledImage* const known = cache.find(key, image)) return known;
  auto egl_image = importer->import(frame, image);
  if (!egl_image) return tl::unexpected(std::move(egl_image.error()));
  const GLenum texture_target = importer->external_only(frame.format, image.modifier)
                                    ? GL_TEXTURE_EXTERNAL_OES
                                    : GL_TEXTURE_2D;
  auto made = std::make_unique<SampledImage>(gl().gl(), std::move(*egl_image), texture_target);
  if (auto ok = gl().check("sampling a dmabuf"); !ok) {
    ok.error().kind = ErrorKind::kFormatRejected;
    return tl::unexpected(std::move(ok.error()));
  }
  return &cache.add(key, image, std::move(made));
}

Result<cuda::DevicePicture> BlitReader::open(const CapturedFrame& frame) {
  const auto* const image = std::get_if<DmaBufImage>(&frame.image);
  if (image == nullptr || image->memory == nullptr) {
    return fail(ErrorKind::kFormatRejected, "the picture is not in a dmabuf");
  }
  if (auto current = state_->gl().make_current(); !current) {
    return tl::unexpected(std::move(current.error()));
  }
  const Display& display = state_->gl().display();
  state_->notice.frame_came(
      frame, display.waits_for_sync_files() ? "GL" : "the CPU (EGL has no native fence sync)");
  auto waited = queue_wait_for_producer(display, frame, *image, state_->settings.producer_limit);
  if (!waited) return tl::unexpected(std::move(waited.error()));
  auto source = state_->sampled(frame, *image);
  if (!source) return tl::unexpected(std::move(source.error()));
  if (auto ready = state_->prepare_target(frame.size); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  // A frame that was never closed would leave the target mapped, and GL's drawing undefined.
  if (auto ready = state_->target->unmap(); !ready) {
    return tl::unexpected(route_lost(std::move(ready.error())));
  }
  const BlitProgram& program = (*source)->target() == GL_TEXTURE_EXTERNAL_OES
                                   ? *state_->program_external
                                   : *state_->program_2d;
  program.draw((*source)->texture(), state_->target->framebuffer(), frame.size,
               alpha_of(frame.format));
  auto mapped = state_->target->map();
  if (!mapped) return tl::unexpected(route_lost(std::move(mapped.error())));
  cuda::DevicePicture picture;
  picture.array = (*mapped)->array();
  picture.texture = (*mapped)->object();
  picture.format = Fourcc::kBGRA;
  picture.size = frame.size;
  return picture;
}

Result<void> BlitReader::close() {
  if (state_->target == nullptr) return {};
  if (auto current = state_->gl().make_current(); !current) return current;
  return state_->target->unmap();
}

}  // namespace lumen::egl
