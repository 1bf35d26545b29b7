// A compositor's stand-in: a GL context of its own, on a thread of its own, that draws into
// textures and hands them out as EGLImages. A GPU without a DRM node can't make dmabufs, but
// registers and samples an EGLImage of a texture the same way.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/egl/gl_context.h"
#include "zerocopy/egl/settings.h"

namespace lumen::test {

/// All calls from one thread. Must outlive the readers that use its images.
class GlProducer {
 public:
  static Result<std::unique_ptr<GlProducer>> create(const cuda::DeviceInfo& device,
                                                    egl::DeviceKind kind);
  GlProducer(const GlProducer&) = delete;
  ~GlProducer();

  /// A texture of GL_RGBA8 dressed as a captured dmabuf frame of `format`. Its memory is named by
  /// an empty file of the right size, which nobody reads.
  Result<CapturedFrame> add(Extent size, Fourcc format);
  /// The frame again, as after another dequeue of the same buffer.
  [[nodiscard]] static CapturedFrame again(const CapturedFrame& frame);
  /// Deletes the texture; the EGLImages made of it keep the memory.
  void remove(const CapturedFrame& frame);

  /// Both return when the GPU is done, as a signalled fence would say.
  void upload(const CapturedFrame& frame, std::span<const std::uint32_t> pixels);
  /// Fills the texture with 0xAABBGGRR by drawing.
  void draw(const CapturedFrame& frame, std::uint32_t color);

  /// Makes an EGLImage of the frame's texture.
  [[nodiscard]] egl::MakeImage make_image();

 private:
  struct Texture {
    const DmaBufMemory* key = nullptr;
    Extent size;
    GLuint texture = 0;
    GLuint framebuffer = 0;
  };
  struct Gl;  // functions that lumen itself has no use for

  GlProducer() = default;
  void run(std::function<void()> work);  // on the thread; waits for its end
  void loop();
  Texture* find(const CapturedFrame& frame);

  std::shared_ptr<const egl::Display> display_;
  std::unique_ptr<egl::GlContext> context_;
  std::unique_ptr<Gl> gl_;
  std::vector<Texture> textures_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> work_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace lumen::test
