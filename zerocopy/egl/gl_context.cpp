#include "zerocopy/egl/gl_context.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace lumen::egl {
namespace {

constexpr int kMaxPendingErrors = 16;  // a lost context may report the same error for ever

Result<EGLConfig> choose_config(const Display& display) {
  if (display.has("EGL_KHR_no_config_context")) return EGL_NO_CONFIG_KHR;
  // EGL_DONT_CARE: a context that never meets a surface asks nothing of its config's surfaces.
  const std::array<EGLint, 5> wanted{EGL_RENDERABLE_TYPE, EGL_OPENGL_ES3_BIT, EGL_SURFACE_TYPE,
                                     EGL_DONT_CARE, EGL_NONE};
  EGLConfig config = nullptr;
  EGLint count = 0;
  if (display.driver().eglChooseConfig(display.handle(), wanted.data(), &config, 1, &count) !=
          EGL_TRUE ||
      count == 0) {
    return display.driver().error(ErrorKind::kUnsupported, "eglChooseConfig for GLES 3");
  }
  return config;
}

}  // namespace

Result<std::unique_ptr<GlContext>> GlContext::create(std::shared_ptr<const Display> display) {
  const Driver& driver = display->driver();
  if (!display->has("EGL_KHR_surfaceless_context")) {
    return fail(ErrorKind::kUnsupported, "EGL wants a surface (no EGL_KHR_surfaceless_context)");
  }
  auto config = choose_config(*display);
  if (!config) return tl::unexpected(std::move(config.error()));
  driver.eglBindAPI(EGL_OPENGL_ES_API);
  std::unique_ptr<GlContext> context(new GlContext(std::move(display)));
  const std::array<EGLint, 5> attributes{EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 0,
                                         EGL_NONE};
  context->handle_ = driver.eglCreateContext(context->display_->handle(), *config, EGL_NO_CONTEXT,
                                             attributes.data());
  if (context->handle_ == EGL_NO_CONTEXT) {
    return driver.error(ErrorKind::kUnsupported, "eglCreateContext for GLES 3");
  }
  if (auto current = context->make_current(); !current) {
    current.error().kind = ErrorKind::kUnsupported;
    return tl::unexpected(std::move(current.error()));
  }
  if (auto loaded = context->load(); !loaded) return tl::unexpected(std::move(loaded.error()));
  return context;
}

GlContext::~GlContext() {
  if (handle_ == EGL_NO_CONTEXT) return;
  const Driver& driver = display_->driver();
  if (driver.eglGetCurrentContext() == handle_) {
    driver.eglMakeCurrent(display_->handle(), EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
  }
  driver.eglDestroyContext(display_->handle(), handle_);
}

Result<void> GlContext::make_current() const {
  const Driver& driver = display_->driver();
  if (driver.eglGetCurrentContext() == handle_) return {};
  if (driver.eglMakeCurrent(display_->handle(), EGL_NO_SURFACE, EGL_NO_SURFACE, handle_) !=
      EGL_TRUE) {
    return driver.error(ErrorKind::kDeviceLost, "eglMakeCurrent");
  }
  return {};
}

Result<void> GlContext::load() {
  const Driver& driver = display_->driver();
  // Core functions too: EGL 1.5, 3.12 or EGL_KHR_get_all_proc_addresses.
#define LUMEN_GLES_LOAD(member, type)                                     \
  gl_.member = reinterpret_cast<type>(driver.eglGetProcAddress(#member)); \
  if (gl_.member == nullptr) return fail(ErrorKind::kUnsupported, "GLES has no " #member);
  LUMEN_GLES_REQUIRED(LUMEN_GLES_LOAD)
#undef LUMEN_GLES_LOAD
  const auto* const text = reinterpret_cast<const char*>(gl_.glGetString(GL_EXTENSIONS));
  const std::string_view extensions = text == nullptr ? "" : text;
  if (has_extension(extensions, "GL_OES_EGL_image")) {
    gl_.glEGLImageTargetTexture2DOES = reinterpret_cast<PFNGLEGLIMAGETARGETTEXTURE2DOESPROC>(
        driver.eglGetProcAddress("glEGLImageTargetTexture2DOES"));
  }
  gl_.samples_external = has_extension(extensions, "GL_OES_EGL_image_external_essl3");
  return {};
}

Result<void> GlContext::check(std::string_view what) const {
  std::string codes;
  GLenum first = GL_NO_ERROR;
  for (int i = 0; i < kMaxPendingErrors; ++i) {
    const GLenum code = gl_.glGetError();
    if (code == GL_NO_ERROR) break;
    if (first == GL_NO_ERROR) first = code;
    codes += fmt::format("{}{:#x}", codes.empty() ? "" : ", ", code);
  }
  if (first == GL_NO_ERROR) return {};
  Error error;
  error.kind = ErrorKind::kUnsupported;
  error.message = fmt::format("{}: GL error {}", what, codes);
  error.domain = "gl";
  error.code = first;
  return tl::unexpected(std::move(error));
}

std::string GlContext::driver() const {
  std::string result;
  for (const GLenum what : {GL_VENDOR, GL_RENDERER, GL_VERSION}) {
    const auto* const text = reinterpret_cast<const char*>(gl_.glGetString(what));
    if (text != nullptr) result += (result.empty() ? "" : ", ") + std::string(text);
  }
  return result;
}

}  // namespace lumen::egl
