// GL textures and EGLImages, with the software GL of the machine. The images here are made from
// textures: real dmabufs need a kernel that makes them.
#include <cstdlib>
#include <memory>

#include "fixture.h"
#include "gl_functions.h"

namespace lumen::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kWidth = 16;
constexpr int kHeight = 8;
constexpr auto kBytes = static_cast<std::size_t>(kWidth * kHeight * 4);

struct EglDisplayFunctions {
  PFNEGLGETPLATFORMDISPLAYPROC eglGetPlatformDisplay = nullptr;
  PFNEGLINITIALIZEPROC eglInitialize = nullptr;
  PFNEGLCREATEIMAGEPROC eglCreateImage = nullptr;
  PFNEGLDESTROYIMAGEPROC eglDestroyImage = nullptr;
  PFNGLTEXSUBIMAGE2DPROC glTexSubImage2D = nullptr;
  PFNGLTEXIMAGE2DPROC glTexImage2D = nullptr;
  PFNGLFINISHPROC glFinish = nullptr;

  EglDisplayFunctions() {
    void* library = ::dlopen("libEGL.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) return;
    const auto get =
        reinterpret_cast<PFNEGLGETPROCADDRESSPROC>(::dlsym(library, "eglGetProcAddress"));
    find(get, eglGetPlatformDisplay, "eglGetPlatformDisplay");
    find(get, eglInitialize, "eglInitialize");
    find(get, eglCreateImage, "eglCreateImage");
    find(get, eglDestroyImage, "eglDestroyImage");
    find(get, glTexSubImage2D, "glTexSubImage2D");
    find(get, glTexImage2D, "glTexImage2D");
    find(get, glFinish, "glFinish");
  }
  template <typename Function>
  static void find(PFNEGLGETPROCADDRESSPROC get, Function& function, const char* name) {
    function = reinterpret_cast<Function>(get(name));
  }
};

class Graphics : public SimCuda {
 protected:
  void SetUp() override {
    SimCuda::SetUp();
    gl = gl_functions();
    if (gl == nullptr) GTEST_SKIP() << "no libEGL here";
    egl = std::make_unique<EglDisplayFunctions>();
    display = egl->eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, nullptr, nullptr);
    if (display == EGL_NO_DISPLAY || egl->eglInitialize(display, nullptr, nullptr) == EGL_FALSE) {
      display = EGL_NO_DISPLAY;
      GTEST_SKIP() << "EGL has no surfaceless platform here";
    }
    gl->eglBindAPI(EGL_OPENGL_ES_API);
    const EGLint attributes[] = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE};
    gl_context = gl->eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes);
    ASSERT_NE(gl_context, EGL_NO_CONTEXT);
    ASSERT_TRUE(gl->eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, gl_context));
    stream = make_stream();
    host = allocate_host(kBytes);
  }
  void TearDown() override {
    ::unsetenv("LUMEN_SIM_CUDA_EGL");
    if (stream != nullptr) {
      EXPECT_EQ(cuda.cuMemFreeHost(host.data()), CUDA_SUCCESS);
      EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS);
    }
    if (display != EGL_NO_DISPLAY) {
      gl->eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
      gl->eglDestroyContext(display, gl_context);
      // Not terminated: Mesa unloads its driver then, and LeakSanitizer could not name what that
      // has lost (128 bytes in Mesa 22.3).
    }
    SimCuda::TearDown();
  }

  GLuint make_texture() {
    GLuint texture = 0;
    gl->glGenTextures(1, &texture);
    gl->glBindTexture(GL_TEXTURE_2D, texture);
    gl->glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, kWidth, kHeight);
    return texture;
  }
  void paint(GLuint texture, std::array<std::uint8_t, 4> color, GLenum format = GL_RGBA) {
    std::vector<std::uint8_t> pixels;
    for (int i = 0; i < kWidth * kHeight; ++i) {
      pixels.insert(pixels.end(), color.begin(), color.end());
    }
    gl->glBindTexture(GL_TEXTURE_2D, texture);
    egl->glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, kWidth, kHeight, format, GL_UNSIGNED_BYTE,
                         pixels.data());
    egl->glFinish();
    ASSERT_EQ(gl->glGetError(), static_cast<GLenum>(GL_NO_ERROR));
  }
  EGLImage make_image(GLuint texture) {
    const EGLAttrib attributes[] = {EGL_IMAGE_PRESERVED, EGL_TRUE, EGL_NONE};
    const EGLImage image = egl->eglCreateImage(
        display, gl_context, EGL_GL_TEXTURE_2D,
        reinterpret_cast<EGLClientBuffer>(static_cast<std::uintptr_t>(texture)), attributes);
    EXPECT_NE(image, EGL_NO_IMAGE);
    return image;
  }
  CUresult copy_from(CUarray array) {
    CUDA_MEMCPY2D copy{};
    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
    copy.srcArray = array;
    copy.dstMemoryType = CU_MEMORYTYPE_HOST;
    copy.dstHost = host.data();
    copy.dstPitch = copy.WidthInBytes = kWidth * 4;
    copy.Height = kHeight;
    return cuda.cuMemcpy2DAsync_v2(&copy, stream);
  }
  std::vector<int> first_pixel() const { return {host.begin(), host.begin() + 4}; }

  const GlFunctions* gl = nullptr;
  std::unique_ptr<EglDisplayFunctions> egl;
  EGLDisplay display = EGL_NO_DISPLAY;
  EGLContext gl_context = EGL_NO_CONTEXT;
  CUstream stream = nullptr;
  std::span<std::uint8_t> host;
};

TEST_F(Graphics, AnEglImageIsReadWhenTheWorkRuns) {
  const GLuint texture = make_texture();
  paint(texture, {10, 20, 30, 40});
  const EGLImage image = make_image(texture);
  CUgraphicsResource resource = nullptr;
  ASSERT_EQ(cuda.cuGraphicsEGLRegisterImage(&resource, image, 1), CUDA_SUCCESS);
  EXPECT_EQ(gl->eglGetCurrentContext(), gl_context) << "the caller's context was lost";
  CUeglFrame frame{};
  ASSERT_EQ(cuda.cuGraphicsResourceGetMappedEglFrame(&frame, resource, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(frame.frameType, CU_EGL_FRAME_TYPE_ARRAY);
  EXPECT_EQ(static_cast<int>(frame.eglColorFormat), 0x0E) << "R, G, B, A in memory";
  EXPECT_EQ(frame.width, 16U);
  EXPECT_EQ(frame.height, 8U);
  EXPECT_EQ(copy_from(frame.frame.pArray[0]), CUDA_SUCCESS);
  paint(texture, {50, 60, 70, 80});  // before the copy has run
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(first_pixel(), ElementsAre(50, 60, 70, 80));
  EXPECT_EQ(copy_from(frame.frame.pArray[0]), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuGraphicsUnregisterResource(resource), CUDA_SUCCESS);
  EXPECT_THAT(take_violations(), HasSubstr("unregisters a resource that queued work reads"));
  EXPECT_EQ(copy_from(frame.frame.pArray[0]), kInvalidValue);
  EXPECT_THAT(take_violations(), HasSubstr("no such array"));
  egl->eglDestroyImage(display, image);
  gl->glDeleteTextures(1, &texture);
}

TEST_F(Graphics, BlueFirstImagesKeepTheirByteOrder) {
  GLuint texture = 0;
  gl->glGenTextures(1, &texture);
  gl->glBindTexture(GL_TEXTURE_2D, texture);
  gl->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
  egl->glTexImage2D(GL_TEXTURE_2D, 0, GL_BGRA_EXT, kWidth, kHeight, 0, GL_BGRA_EXT,
                    GL_UNSIGNED_BYTE, nullptr);
  if (gl->glGetError() != GL_NO_ERROR) GTEST_SKIP() << "no GL_EXT_texture_format_BGRA8888 here";
  paint(texture, {10, 20, 30, 40}, GL_BGRA_EXT);
  const EGLImage image = make_image(texture);
  CUgraphicsResource resource = nullptr;
  ASSERT_EQ(cuda.cuGraphicsEGLRegisterImage(&resource, image, 1), CUDA_SUCCESS);
  CUeglFrame frame{};
  ASSERT_EQ(cuda.cuGraphicsResourceGetMappedEglFrame(&frame, resource, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(static_cast<int>(frame.eglColorFormat), 0x06) << "B, G, R, A in memory";
  EXPECT_EQ(copy_from(frame.frame.pArray[0]), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(first_pixel(), ElementsAre(10, 20, 30, 40));
  EXPECT_EQ(cuda.cuGraphicsUnregisterResource(resource), CUDA_SUCCESS);
  egl->eglDestroyImage(display, image);
  gl->glDeleteTextures(1, &texture);
}

TEST_F(Graphics, AnEglFrameMayBePitched) {
  ::setenv("LUMEN_SIM_CUDA_EGL", "pitch", 1);
  const GLuint texture = make_texture();
  paint(texture, {1, 2, 3, 4});
  const EGLImage image = make_image(texture);
  CUgraphicsResource resource = nullptr;
  ASSERT_EQ(cuda.cuGraphicsEGLRegisterImage(&resource, image, 1), CUDA_SUCCESS);
  CUeglFrame frame{};
  ASSERT_EQ(cuda.cuGraphicsResourceGetMappedEglFrame(&frame, resource, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(frame.frameType, CU_EGL_FRAME_TYPE_PITCH);
  EXPECT_EQ(frame.pitch, 64U);
  const auto address = reinterpret_cast<CUdeviceptr>(frame.frame.pPitch[0]);
  EXPECT_THAT(download(address, 4), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(cuda.cuMemsetD8Async(address, 0, 4, stream), kInvalidValue);
  EXPECT_THAT(take_violations(), HasSubstr("writes to an EGL frame"));
  EXPECT_EQ(cuda.cuGraphicsUnregisterResource(resource), CUDA_SUCCESS);
  ::setenv("LUMEN_SIM_CUDA_EGL", "refuse", 1);
  EXPECT_EQ(cuda.cuGraphicsEGLRegisterImage(&resource, image, 1), kInvalidValue);
  egl->eglDestroyImage(display, image);
  gl->glDeleteTextures(1, &texture);
}

TEST_F(Graphics, AGlTextureIsReadWhereItIsMapped) {
  const GLuint texture = make_texture();
  paint(texture, {9, 8, 7, 6});
  CUgraphicsResource resource = nullptr;
  ASSERT_EQ(cuda.cuGraphicsGLRegisterImage(&resource, texture, GL_TEXTURE_2D, 1), CUDA_SUCCESS);
  CUarray array = nullptr;
  EXPECT_EQ(cuda.cuGraphicsSubResourceGetMappedArray(&array, resource, 0, 0), kNotMapped);
  EXPECT_THAT(take_violations(), HasSubstr("not mapped"));
  ASSERT_EQ(cuda.cuGraphicsMapResources(1, &resource, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuGraphicsMapResources(1, &resource, stream), kAlreadyMapped);
  EXPECT_THAT(take_violations(), HasSubstr("maps a resource that is mapped"));
  ASSERT_EQ(cuda.cuGraphicsSubResourceGetMappedArray(&array, resource, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(copy_from(array), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuGraphicsUnmapResources(1, &resource, stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuGraphicsUnmapResources(1, &resource, stream), kNotMapped);
  EXPECT_THAT(take_violations(), HasSubstr("unmaps a resource that is not mapped"));
  EXPECT_EQ(copy_from(array), kInvalidValue);
  EXPECT_THAT(take_violations(), HasSubstr("no such array"));
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(first_pixel(), ElementsAre(9, 8, 7, 6)) << "queued before the unmap";
  EXPECT_EQ(cuda.cuGraphicsUnregisterResource(resource), CUDA_SUCCESS);
  gl->glDeleteTextures(1, &texture);
}

TEST_F(Graphics, UnmappingOnAnotherStreamThanTheReaderIsReported) {
  const GLuint texture = make_texture();
  CUgraphicsResource resource = nullptr;
  ASSERT_EQ(cuda.cuGraphicsGLRegisterImage(&resource, texture, GL_TEXTURE_2D, 1), CUDA_SUCCESS);
  ASSERT_EQ(cuda.cuGraphicsMapResources(1, &resource, stream), CUDA_SUCCESS);
  CUarray array = nullptr;
  ASSERT_EQ(cuda.cuGraphicsSubResourceGetMappedArray(&array, resource, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(copy_from(array), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuGraphicsUnmapResources(1, &resource, nullptr), CUDA_SUCCESS);
  EXPECT_THAT(take_violations(), HasSubstr("work on another stream reads"));
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuGraphicsUnregisterResource(resource), CUDA_SUCCESS);
  gl->glDeleteTextures(1, &texture);
}

TEST_F(Graphics, OnlyImmutableTexturesOfACurrentContextAreRegistered) {
  GLuint mutable_texture = 0;
  gl->glGenTextures(1, &mutable_texture);
  gl->glBindTexture(GL_TEXTURE_2D, mutable_texture);
  egl->glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, kWidth, kHeight, 0, GL_RGBA, GL_UNSIGNED_BYTE,
                    nullptr);
  CUgraphicsResource resource = nullptr;
  EXPECT_EQ(cuda.cuGraphicsGLRegisterImage(&resource, mutable_texture, GL_TEXTURE_2D, 1),
            kInvalidValue);
  gl->glDeleteTextures(1, &mutable_texture);
  const GLuint texture = make_texture();
  gl->eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
  EXPECT_EQ(cuda.cuGraphicsGLRegisterImage(&resource, texture, GL_TEXTURE_2D, 1),
            kInvalidGraphicsContext);
  EXPECT_THAT(take_violations(), HasSubstr("no GL context is current"));
  gl->eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, gl_context);
  gl->glDeleteTextures(1, &texture);
}

}  // namespace
}  // namespace lumen::sim
