#include "gpu/gl_producer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include "capture/dmabuf_memory.h"
#include "platform/linux/unique_fd.h"

namespace lumen::test {

struct GlProducer::Gl {
  PFNGLCLEARPROC glClear = nullptr;
  PFNGLCLEARCOLORPROC glClearColor = nullptr;
  PFNGLTEXSUBIMAGE2DPROC glTexSubImage2D = nullptr;
};

Result<std::unique_ptr<GlProducer>> GlProducer::create(const cuda::DeviceInfo& device,
                                                       egl::DeviceKind kind) {
  auto driver = egl::load_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  auto display = egl::Display::create(*driver, device, kind);
  if (!display) return tl::unexpected(std::move(display.error()));
  if (!(*display)->has("EGL_KHR_gl_texture_2D_image")) {
    return fail(ErrorKind::kUnsupported, "EGL makes no images of textures");
  }
  std::unique_ptr<GlProducer> producer(new GlProducer);
  producer->display_ = std::move(*display);
  producer->thread_ = std::thread([&self = *producer] { self.loop(); });
  Result<void> result;
  producer->run([&] {
    auto context = egl::GlContext::create(producer->display_);
    if (!context) {
      result = tl::unexpected(std::move(context.error()));
      return;
    }
    producer->context_ = std::move(*context);
    auto gl = std::make_unique<Gl>();
    const auto load = [&]<typename Function>(Function& function, const char* name) {
      function = reinterpret_cast<Function>(producer->display_->driver().eglGetProcAddress(name));
    };
    load(gl->glClear, "glClear");
    load(gl->glClearColor, "glClearColor");
    load(gl->glTexSubImage2D, "glTexSubImage2D");
    producer->gl_ = std::move(gl);
  });
  if (!result) return tl::unexpected(std::move(result.error()));
  return producer;
}

GlProducer::~GlProducer() {
  run([&] {
    if (context_ != nullptr) {
      for (const Texture& texture : textures_) {
        context_->gl().glDeleteFramebuffers(1, &texture.framebuffer);
        context_->gl().glDeleteTextures(1, &texture.texture);
      }
    }
    context_.reset();
  });
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void GlProducer::run(std::function<void()> work) {
  std::unique_lock lock(mutex_);
  work_ = std::move(work);
  changed_.notify_all();
  changed_.wait(lock, [&] { return work_ == nullptr; });
}

void GlProducer::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return work_ != nullptr || stop_; });
    if (work_ == nullptr) return;
    work_();
    work_ = nullptr;
    changed_.notify_all();
  }
}

GlProducer::Texture* GlProducer::find(const CapturedFrame& frame) {
  const auto* const key = std::get<DmaBufImage>(frame.image).memory.get();
  const auto texture = std::ranges::find(textures_, key, &Texture::key);
  return texture == textures_.end() ? nullptr : &*texture;
}

Result<CapturedFrame> GlProducer::add(Extent size, Fourcc format) {
  const auto bytes = static_cast<off_t>(size.width) * size.height * 4;
  const UniqueFd name = UniqueFd::take(::memfd_create("lumen-test-picture", MFD_CLOEXEC));
  if (!name || ::ftruncate(name.borrow(), bytes) != 0) {
    return fail_errno(ErrorKind::kIo, "memfd", errno);
  }
  auto memory = DmaBufMemory::create({name.borrow(), -1, -1, -1}, 1);
  if (!memory) return tl::unexpected(std::move(memory.error()));
  CapturedFrame frame;
  DmaBufImage image{
      std::make_shared<const DmaBufMemory>(std::move(*memory)), kModifierLinear, 1, {}};
  image.planes[0] = {0, {size.width * 4}};
  Texture texture{image.memory.get(), size};
  frame.image = std::move(image);
  frame.format = format;
  frame.size = size;
  frame.crop = {0, 0, size};
  Result<void> result;
  run([&] {
    const egl::Gles& gl = context_->gl();
    gl.glGenTextures(1, &texture.texture);
    gl.glBindTexture(GL_TEXTURE_2D, texture.texture);
    gl.glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, static_cast<GLsizei>(size.width),
                      static_cast<GLsizei>(size.height));
    gl.glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    gl.glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    gl.glGenFramebuffers(1, &texture.framebuffer);
    gl.glBindFramebuffer(GL_FRAMEBUFFER, texture.framebuffer);
    gl.glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture.texture,
                              0);
    result = context_->check("the producer's texture");
  });
  if (!result) return tl::unexpected(std::move(result.error()));
  textures_.push_back(texture);
  return frame;
}

CapturedFrame GlProducer::again(const CapturedFrame& frame) {
  CapturedFrame copy;
  copy.image = std::get<DmaBufImage>(frame.image);
  copy.format = frame.format;
  copy.size = frame.size;
  copy.crop = frame.crop;
  return copy;
}

void GlProducer::remove(const CapturedFrame& frame) {
  run([&] {
    const Texture texture = *find(frame);
    context_->gl().glDeleteFramebuffers(1, &texture.framebuffer);
    context_->gl().glDeleteTextures(1, &texture.texture);
    std::erase_if(textures_, [&](const Texture& other) { return other.key == texture.key; });
  });
}

void GlProducer::upload(const CapturedFrame& frame, std::span<const std::uint32_t> pixels) {
  run([&] {
    const Texture& texture = *find(frame);
    context_->gl().glBindTexture(GL_TEXTURE_2D, texture.texture);
    gl_->glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, static_cast<GLsizei>(texture.size.width),
                         static_cast<GLsizei>(texture.size.height), GL_RGBA, GL_UNSIGNED_BYTE,
                         pixels.data());
    context_->gl().glFinish();
  });
}

void GlProducer::draw(const CapturedFrame& frame, std::uint32_t color) {
  run([&] {
    const egl::Gles& gl = context_->gl();
    gl.glBindFramebuffer(GL_FRAMEBUFFER, find(frame)->framebuffer);
    const auto channel = [&](int shift) {
      return static_cast<float>(color >> shift & 0xffU) / 255.0F;
    };
    gl_->glClearColor(channel(0), channel(8), channel(16), channel(24));
    gl_->glClear(GL_COLOR_BUFFER_BIT);
    gl.glFinish();
  });
}

egl::MakeImage GlProducer::make_image() {
  return [this](EGLDisplay display, EGLContext, const CapturedFrame& frame) -> Result<EGLImageKHR> {
    EGLImageKHR image = EGL_NO_IMAGE_KHR;
    Result<void> result;
    run([&] {
      // EGL_KHR_gl_texture_2D_image wants the context that the texture lives in.
      const std::array<EGLint, 3> attributes{EGL_IMAGE_PRESERVED_KHR, EGL_TRUE, EGL_NONE};
      const std::uintptr_t name = find(frame)->texture;
      image = display_->create_image(display, context_->handle(), EGL_GL_TEXTURE_2D_KHR,
                                     reinterpret_cast<EGLClientBuffer>(name), attributes.data());
      if (image == EGL_NO_IMAGE_KHR) {
        result = display_->driver().error(ErrorKind::kFormatRejected, "eglCreateImageKHR");
      }
      context_->gl().glFinish();
    });
    if (!result) return tl::unexpected(std::move(result.error()));
    return image;
  };
}

}  // namespace lumen::test
