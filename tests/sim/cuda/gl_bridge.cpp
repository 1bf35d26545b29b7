#include "gl_bridge.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

#include "gl_functions.h"

namespace lumen::sim {

/// A surfaceless GLES context of the stand-in, one per display while something uses it.
struct EglContext {
  EGLDisplay display = EGL_NO_DISPLAY;
  EGLContext handle = EGL_NO_CONTEXT;
  GLuint external_program = 0;
  ~EglContext() { gl_functions()->eglDestroyContext(display, handle); }
};

namespace {

constexpr std::uint32_t fourcc(const char (&code)[5]) {
  return static_cast<std::uint32_t>(code[0]) | static_cast<std::uint32_t>(code[1]) << 8 |
         static_cast<std::uint32_t>(code[2]) << 16 | static_cast<std::uint32_t>(code[3]) << 24;
}

/// Makes a context current on this thread and puts back what was.
class ScopedContext {
 public:
  explicit ScopedContext(const EglContext& context)
      : gl_(*gl_functions()),
        api_(gl_.eglQueryAPI()),
        display_(gl_.eglGetCurrentDisplay()),
        context_(gl_.eglGetCurrentContext()),
        draw_(gl_.eglGetCurrentSurface(EGL_DRAW)),
        read_(gl_.eglGetCurrentSurface(EGL_READ)),
        own_display_(context.display) {
    gl_.eglBindAPI(EGL_OPENGL_ES_API);
    ok_ = gl_.eglMakeCurrent(context.display, EGL_NO_SURFACE, EGL_NO_SURFACE, context.handle) ==
          EGL_TRUE;
  }
  ScopedContext(const ScopedContext&) = delete;
  ~ScopedContext() {
    gl_.eglMakeCurrent(own_display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    gl_.eglBindAPI(api_);
    if (context_ != EGL_NO_CONTEXT) gl_.eglMakeCurrent(display_, draw_, read_, context_);
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  const GlFunctions& gl_;
  EGLenum api_;
  EGLDisplay display_;
  EGLContext context_;
  EGLSurface draw_;
  EGLSurface read_;
  EGLDisplay own_display_;
  bool ok_ = false;
};

/// Framebuffer, pixel pack and texture state of the application, put back at the end.
class ScopedReadState {
 public:
  ScopedReadState() : gl_(*gl_functions()) {
    gl_.glGetIntegerv(GL_READ_FRAMEBUFFER_BINDING, &framebuffer_);
    gl_.glGetIntegerv(GL_TEXTURE_BINDING_2D, &texture_);
    gl_.glGetIntegerv(GL_PIXEL_PACK_BUFFER_BINDING, &buffer_);
    for (auto& [name, value] : pack_) gl_.glGetIntegerv(name, &value);
    gl_.glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
    for (const auto& [name, value] : pack_) {
      gl_.glPixelStorei(name, name == GL_PACK_ALIGNMENT ? 1 : 0);
    }
  }
  ScopedReadState(const ScopedReadState&) = delete;
  ~ScopedReadState() {
    gl_.glBindFramebuffer(GL_READ_FRAMEBUFFER, static_cast<GLuint>(framebuffer_));
    gl_.glBindTexture(GL_TEXTURE_2D, static_cast<GLuint>(texture_));
    gl_.glBindBuffer(GL_PIXEL_PACK_BUFFER, static_cast<GLuint>(buffer_));
    for (const auto& [name, value] : pack_) gl_.glPixelStorei(name, value);
  }

 private:
  const GlFunctions& gl_;
  GLint framebuffer_ = 0;
  GLint texture_ = 0;
  GLint buffer_ = 0;
  std::pair<GLenum, GLint> pack_[4] = {{GL_PACK_ALIGNMENT, 0},
                                       {GL_PACK_ROW_LENGTH, 0},
                                       {GL_PACK_SKIP_ROWS, 0},
                                       {GL_PACK_SKIP_PIXELS, 0}};
};

std::string hexadecimal(unsigned value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", value);
  return text;
}

bool read_pixels(const GlFunctions& gl, GLuint texture, int width, int height, std::byte* pixels,
                 std::string& why) {
  GLuint framebuffer = 0;
  gl.glGenFramebuffers(1, &framebuffer);
  gl.glBindFramebuffer(GL_READ_FRAMEBUFFER, framebuffer);
  gl.glFramebufferTexture2D(GL_READ_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture, 0);
  const GLenum status = gl.glCheckFramebufferStatus(GL_READ_FRAMEBUFFER);
  GLenum error = GL_NO_ERROR;
  if (status == GL_FRAMEBUFFER_COMPLETE) {
    gl.glReadBuffer(GL_COLOR_ATTACHMENT0);
    gl.glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    error = gl.glGetError();
  }
  gl.glDeleteFramebuffers(1, &framebuffer);
  if (status == GL_FRAMEBUFFER_COMPLETE && error == GL_NO_ERROR) return true;
  why = "reading pixels: framebuffer status " + hexadecimal(status) + ", GL error " +
        hexadecimal(error);
  return false;
}

void clear_errors(const GlFunctions& gl) {
  for (int i = 0; i < 16 && gl.glGetError() != GL_NO_ERROR; ++i) {
  }
}

std::shared_ptr<EglContext> context_of(EGLDisplay display, std::string& why) {
  static auto& contexts = *new std::map<EGLDisplay, std::weak_ptr<EglContext>>;
  if (auto known = contexts[display].lock()) return known;
  const GlFunctions& gl = *gl_functions();
  const EGLenum api = gl.eglQueryAPI();
  gl.eglBindAPI(EGL_OPENGL_ES_API);
  const EGLint attributes[] = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE};
  auto context = std::make_shared<EglContext>();
  context->display = display;
  context->handle = gl.eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes);
  gl.eglBindAPI(api);
  if (context->handle == EGL_NO_CONTEXT) {
    why = "no GLES 3 context: EGL error " + hexadecimal(static_cast<unsigned>(gl.eglGetError()));
    return nullptr;
  }
  contexts[display] = context;
  return context;
}

GLuint make_external_program(const GlFunctions& gl) {
  constexpr const char* kVertex =
      "#version 300 es\n"
      "void main() {\n"
      "  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);\n"
      "  gl_Position = vec4(corner, 0.0, 1.0);\n"
      "}\n";
  constexpr const char* kFragment =
      "#version 300 es\n"
      "#extension GL_OES_EGL_image_external_essl3 : require\n"
      "precision highp float;\n"
      "uniform samplerExternalOES image;\n"
      "out vec4 color;\n"
      "void main() { color = texelFetch(image, ivec2(gl_FragCoord.xy), 0); }\n";
  const GLuint program = gl.glCreateProgram();
  for (const auto& [kind, text] : {std::pair<GLenum, const char*>{GL_VERTEX_SHADER, kVertex},
                                   {GL_FRAGMENT_SHADER, kFragment}}) {
    const GLuint shader = gl.glCreateShader(kind);
    gl.glShaderSource(shader, 1, &text, nullptr);
    gl.glCompileShader(shader);
    gl.glAttachShader(program, shader);
    gl.glDeleteShader(shader);
  }
  gl.glLinkProgram(program);
  GLint linked = GL_FALSE;
  gl.glGetProgramiv(program, GL_LINK_STATUS, &linked);
  return linked == GL_TRUE ? program : 0;
}

/// Whether blue lies first in memory. EGL tells the fourcc where it can export the image. Else Mesa
/// prefers to read a B8G8R8A8 texture as GL_BGRA; what has no alpha reads as RGB whatever its
/// order, and is taken for XRGB8888, which is what compositors make; so is an external-only image
/// (`texture` 0). LUMEN_SIM_CUDA_EGL_ORDER=bgra|rgba
/// overrides.
bool is_blue_first(const GlFunctions& gl, EGLDisplay display, void* image, GLuint texture) {
  if (const char* order = std::getenv("LUMEN_SIM_CUDA_EGL_ORDER"); order != nullptr) {
    return std::string_view(order) != "rgba";
  }
  int code = 0;
  int planes = 0;
  EGLuint64KHR modifier = 0;
  // Mesa crashes where the extension is not offered.
  const char* extensions = gl.eglQueryString(display, EGL_EXTENSIONS);
  if (extensions != nullptr && gl.eglExportDMABUFImageQueryMESA != nullptr &&
      std::string_view(extensions).find("EGL_MESA_image_dma_buf_export") !=
          std::string_view::npos &&
      gl.eglExportDMABUFImageQueryMESA(display, image, &code, &planes, &modifier) == EGL_TRUE) {
    const auto known = static_cast<std::uint32_t>(code);
    return known != fourcc("AB24") && known != fourcc("XB24");
  }
  if (texture == 0) return true;
  GLint alpha_bits = 0;
  gl.glBindTexture(GL_TEXTURE_2D, texture);
  gl.glGetTexLevelParameteriv(GL_TEXTURE_2D, 0, GL_TEXTURE_ALPHA_SIZE, &alpha_bits);
  GLuint framebuffer = 0;
  GLint preferred = 0;
  gl.glGenFramebuffers(1, &framebuffer);
  gl.glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
  gl.glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture, 0);
  if (gl.glCheckFramebufferStatus(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE) {
    gl.glGetIntegerv(GL_IMPLEMENTATION_COLOR_READ_FORMAT, &preferred);
  }
  gl.glDeleteFramebuffers(1, &framebuffer);
  clear_errors(gl);
  return alpha_bits == 0 || preferred != GL_RGBA;
}

}  // namespace

CUresult gl_describe(unsigned name, unsigned target, GlTexture& texture, std::string& why) {
  const GlFunctions* gl = gl_functions();
  if (gl == nullptr || gl->eglGetCurrentContext() == EGL_NO_CONTEXT) {
    why = "no GL context is current on this thread";
    return kInvalidGraphicsContext;
  }
  if (target != GL_TEXTURE_2D) {
    why = "not a 2D texture";
    return kInvalidValue;
  }
  clear_errors(*gl);
  GLint bound = 0;
  gl->glGetIntegerv(GL_TEXTURE_BINDING_2D, &bound);
  gl->glBindTexture(GL_TEXTURE_2D, name);
  GLint immutable = GL_FALSE;
  GLint format = 0;
  gl->glGetTexParameteriv(GL_TEXTURE_2D, GL_TEXTURE_IMMUTABLE_FORMAT, &immutable);
  gl->glGetTexLevelParameteriv(GL_TEXTURE_2D, 0, GL_TEXTURE_WIDTH, &texture.width);
  gl->glGetTexLevelParameteriv(GL_TEXTURE_2D, 0, GL_TEXTURE_HEIGHT, &texture.height);
  gl->glGetTexLevelParameteriv(GL_TEXTURE_2D, 0, GL_TEXTURE_INTERNAL_FORMAT, &format);
  gl->glBindTexture(GL_TEXTURE_2D, static_cast<GLuint>(bound));
  if (const GLenum error = gl->glGetError(); error != GL_NO_ERROR) {
    why = "no such texture: GL error " + hexadecimal(error);
    return kInvalidValue;
  }
  if (immutable != GL_TRUE || format != GL_RGBA8 || texture.width <= 0 || texture.height <= 0) {
    why = "not an immutable RGBA8 texture (glTexStorage2D)";
    return kInvalidValue;
  }
  texture.name = name;
  texture.context = gl->eglGetCurrentContext();
  return CUDA_SUCCESS;
}

CUresult gl_read(const GlTexture& texture, std::byte* pixels, std::string& why) {
  const GlFunctions* gl = gl_functions();
  if (gl == nullptr || gl->eglGetCurrentContext() != texture.context) {
    why = "the texture's GL context is not current on this thread";
    return kInvalidGraphicsContext;
  }
  const ScopedReadState state;
  clear_errors(*gl);
  return read_pixels(*gl, texture.name, texture.width, texture.height, pixels, why) ? CUDA_SUCCESS
                                                                                    : kUnknown;
}

std::shared_ptr<EglSource> egl_import(void* image, std::string& why) {
  const GlFunctions* gl = gl_functions();
  const EGLDisplay display = gl == nullptr ? EGL_NO_DISPLAY : gl->eglGetCurrentDisplay();
  if (display == EGL_NO_DISPLAY) {
    why = "no EGL display is current on this thread (the stand-in finds it that way)";
    return nullptr;
  }
  auto source = std::make_shared<EglSource>();
  source->context = context_of(display, why);
  if (source->context == nullptr) return nullptr;
  const ScopedContext current(*source->context);
  if (!current.ok()) {
    why = "can't make the stand-in's GLES context current";
    return nullptr;
  }
  for (const GLenum target : {GL_TEXTURE_2D, GL_TEXTURE_EXTERNAL_OES}) {
    clear_errors(*gl);
    GLuint texture = 0;
    gl->glGenTextures(1, &texture);
    gl->glBindTexture(target, texture);
    gl->glTexParameteri(target, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    gl->glTexParameteri(target, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    gl->glEGLImageTargetTexture2DOES(target, image);
    const GLenum error = gl->glGetError();
    if (error != GL_NO_ERROR) {
      gl->glDeleteTextures(1, &texture);
      why = "glEGLImageTargetTexture2DOES: GL error " + hexadecimal(error);
      continue;
    }
    source->texture = texture;
    source->target = target;
    gl->glGetTexLevelParameteriv(target, 0, GL_TEXTURE_WIDTH, &source->width);
    gl->glGetTexLevelParameteriv(target, 0, GL_TEXTURE_HEIGHT, &source->height);
    clear_errors(*gl);
    break;
  }
  if (source->texture == 0) return nullptr;
  if (source->width <= 0 || source->height <= 0) {
    why = "the size of the image is unknown to GL";
    gl->glDeleteTextures(1, &source->texture);
    return nullptr;
  }
  if (source->target == GL_TEXTURE_EXTERNAL_OES) {
    if (source->context->external_program == 0) {
      source->context->external_program = make_external_program(*gl);
    }
    if (source->context->external_program == 0) {
      why = "no shader for external images";
      gl->glDeleteTextures(1, &source->texture);
      return nullptr;
    }
    gl->glGenTextures(1, &source->staging);
    gl->glBindTexture(GL_TEXTURE_2D, source->staging);
    gl->glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, source->width, source->height);
  }
  source->blue_first =
      is_blue_first(*gl, display, image, source->staging != 0 ? 0 : source->texture);
  return source;
}

bool egl_read(const EglSource& source, std::byte* pixels, std::string& why) {
  const GlFunctions& gl = *gl_functions();
  const ScopedContext current(*source.context);
  if (!current.ok()) {
    why = "the EGL display of a registered image is gone";
    return false;
  }
  clear_errors(gl);
  GLuint readable = source.texture;
  if (source.staging != 0) {
    GLuint framebuffer = 0;
    gl.glGenFramebuffers(1, &framebuffer);
    gl.glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    gl.glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, source.staging,
                              0);
    gl.glViewport(0, 0, source.width, source.height);
    gl.glUseProgram(source.context->external_program);
    gl.glBindTexture(GL_TEXTURE_EXTERNAL_OES, source.texture);
    gl.glDrawArrays(GL_TRIANGLES, 0, 3);
    gl.glDeleteFramebuffers(1, &framebuffer);
    readable = source.staging;
  }
  gl.glPixelStorei(GL_PACK_ALIGNMENT, 1);
  if (!read_pixels(gl, readable, source.width, source.height, pixels, why)) return false;
  if (source.blue_first) {
    const std::size_t count =
        static_cast<std::size_t>(source.width) * static_cast<std::size_t>(source.height);
    for (std::size_t i = 0; i < count; ++i) std::swap(pixels[i * 4], pixels[i * 4 + 2]);
  }
  return true;
}

void gl_release(EglSource& source) {
  if (source.context == nullptr) return;
  {
    const GlFunctions& gl = *gl_functions();
    const ScopedContext current(*source.context);
    if (current.ok()) {
      gl.glDeleteTextures(1, &source.texture);
      if (source.staging != 0) gl.glDeleteTextures(1, &source.staging);
    }
  }
  source.context.reset();
}

}  // namespace lumen::sim
