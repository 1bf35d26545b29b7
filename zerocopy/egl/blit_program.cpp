#include "zerocopy/egl/blit_program.h"

#include <array>
#include <string>
#include <utility>

namespace lumen::egl {
namespace {

// One triangle that covers the viewport: no vertex buffer, no seam.
constexpr std::string_view kVertexShader = R"(#version 300 es
void main() {
  vec2 corner = vec2(float((gl_VertexID & 1) << 2), float((gl_VertexID & 2) << 1));
  gl_Position = vec4(corner - 1.0, 0.0, 1.0);
}
)";

// gl_FragCoord is at texel centres (x + 0.5). A render target of RGBA8 stores r, g, b, a in this
// byte order, so that .bgra lies as B, G, R, A.
constexpr std::string_view kFragmentShader2d = R"(#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D picture;
uniform float opaque;
out vec4 pixel;
void main() {
  vec4 color = texelFetch(picture, ivec2(gl_FragCoord.xy), 0);
  pixel = vec4(color.bgr, max(color.a, opaque));
}
)";

constexpr std::string_view kFragmentShaderExternal = R"(#version 300 es
#extension GL_OES_EGL_image_external_essl3 : require
precision highp float;
uniform highp samplerExternalOES picture;
uniform float opaque;
uniform vec2 texel;
out vec4 pixel;
void main() {
  vec4 color = texture(picture, gl_FragCoord.xy * texel);
  pixel = vec4(color.bgr, max(color.a, opaque));
}
)";

template <typename GetLog>
std::string log_of(GLuint object, GetLog get_log) {
  std::array<char, 1024> text{};
  GLsizei length = 0;
  get_log(object, static_cast<GLsizei>(text.size()), &length, text.data());
  std::string log(text.data(), static_cast<std::size_t>(length));
  while (!log.empty() && log.back() == '\n') log.pop_back();
  return log;
}

}  // namespace

Result<std::unique_ptr<BlitProgram>> BlitProgram::create(const GlContext& gl,
                                                         GLenum texture_target) {
  std::unique_ptr<BlitProgram> program(new BlitProgram(gl, texture_target));
  if (auto built = program->build(gl); !built) return tl::unexpected(std::move(built.error()));
  return program;
}

BlitProgram::~BlitProgram() { gl_->glDeleteProgram(program_); }

Result<void> BlitProgram::compile(GLenum stage, std::string_view source) {
  const GLuint shader = gl_->glCreateShader(stage);
  const char* const text = source.data();
  const auto length = static_cast<GLint>(source.size());
  gl_->glShaderSource(shader, 1, &text, &length);
  gl_->glCompileShader(shader);
  GLint compiled = GL_FALSE;
  gl_->glGetShaderiv(shader, GL_COMPILE_STATUS, &compiled);
  gl_->glAttachShader(program_, shader);
  const std::string log = compiled == GL_TRUE ? "" : log_of(shader, gl_->glGetShaderInfoLog);
  gl_->glDeleteShader(shader);  // lives on in the program
  if (compiled != GL_TRUE)
    return fail(ErrorKind::kUnsupported, "a shader does not compile: " + log);
  return {};
}

Result<void> BlitProgram::build(const GlContext& context) {
  program_ = gl_->glCreateProgram();
  const bool external = texture_target_ == GL_TEXTURE_EXTERNAL_OES;
  if (auto ok = compile(GL_VERTEX_SHADER, kVertexShader); !ok) return ok;
  if (auto ok = compile(GL_FRAGMENT_SHADER, external ? kFragmentShaderExternal : kFragmentShader2d);
      !ok) {
    return ok;
  }
  gl_->glLinkProgram(program_);
  GLint linked = GL_FALSE;
  gl_->glGetProgramiv(program_, GL_LINK_STATUS, &linked);
  if (linked != GL_TRUE) {
    return fail(ErrorKind::kUnsupported,
                "a shader does not link: " + log_of(program_, gl_->glGetProgramInfoLog));
  }
  opaque_ = gl_->glGetUniformLocation(program_, "opaque");
  texel_ = gl_->glGetUniformLocation(program_, "texel");
  return context.check("building the blit");
}

void BlitProgram::draw(GLuint texture, GLuint framebuffer, Extent size, Alpha alpha) const {
  gl_->glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
  gl_->glViewport(0, 0, static_cast<GLsizei>(size.width), static_cast<GLsizei>(size.height));
  gl_->glUseProgram(program_);
  gl_->glUniform1f(opaque_, alpha == Alpha::kOpaque ? 1.0F : 0.0F);
  if (texel_ >= 0) {
    gl_->glUniform2f(texel_, 1.0F / static_cast<float>(size.width),
                     1.0F / static_cast<float>(size.height));
  }
  // Binding again is what makes others' writes to an EGLImage visible (OES_EGL_image_external).
  gl_->glBindTexture(texture_target_, texture);
  gl_->glDrawArrays(GL_TRIANGLES, 0, 3);
}

}  // namespace lumen::egl
