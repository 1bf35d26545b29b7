// Real dmabufs through EGL and the blit's shaders, read back by GL: no CUDA, no stand-in.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/picture_pattern.h"
#include "support/udmabuf.h"
#include "zerocopy/egl/blit_program.h"
#include "zerocopy/egl/image.h"

namespace lumen::egl {
namespace {

/// Draws an imported dmabuf with one of the two samplers and reads the result.
class Blitter {
 public:
  static Result<std::unique_ptr<Blitter>> create() {
    EglSettings settings;
    settings.device = DeviceKind::kSoftware;
    std::unique_ptr<Blitter> blitter(new Blitter);
    auto importer = ImageImporter::create({}, settings, ImageUse::kTexture);
    if (!importer) return tl::unexpected(std::move(importer.error()));
    blitter->importer_ = std::move(*importer);
    const GlContext& context = blitter->importer_->context();
    blitter->read_pixels_ = reinterpret_cast<PFNGLREADPIXELSPROC>(
        context.display().driver().eglGetProcAddress("glReadPixels"));
    for (const GLenum target : std::array<GLenum, 2>{GL_TEXTURE_2D, GL_TEXTURE_EXTERNAL_OES}) {
      auto program = BlitProgram::create(context, target);
      if (!program) return tl::unexpected(std::move(program.error()));
      (target == GL_TEXTURE_2D ? blitter->plain_ : blitter->external_) = std::move(*program);
    }
    return blitter;
  }

  [[nodiscard]] const ImageImporter& importer() const { return *importer_; }

  /// The bytes B, G, R, A that the shader wrote.
  Result<std::vector<std::uint32_t>> draw(const CapturedFrame& frame, GLenum target, Alpha alpha) {
    const GlContext& context = importer_->context();
    const Gles& gl = context.gl();
    auto image = importer_->import(frame, std::get<DmaBufImage>(frame.image));
    if (!image) return tl::unexpected(std::move(image.error()));
    std::array<GLuint, 2> textures{};
    GLuint framebuffer = 0;
    gl.glGenTextures(2, textures.data());
    gl.glBindTexture(target, textures[0]);
    gl.glTexParameteri(target, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    gl.glTexParameteri(target, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    gl.glTexParameteri(target, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    gl.glTexParameteri(target, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    gl.glEGLImageTargetTexture2DOES(target, image->get());
    gl.glBindTexture(GL_TEXTURE_2D, textures[1]);
    gl.glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, static_cast<GLsizei>(frame.size.width),
                      static_cast<GLsizei>(frame.size.height));
    gl.glGenFramebuffers(1, &framebuffer);
    gl.glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    gl.glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, textures[1], 0);
    const BlitProgram& program = target == GL_TEXTURE_2D ? *plain_ : *external_;
    program.draw(textures[0], framebuffer, frame.size, alpha);
    std::vector<std::uint32_t> pixels(std::size_t{frame.size.width} * frame.size.height);
    read_pixels_(0, 0, static_cast<GLsizei>(frame.size.width),
                 static_cast<GLsizei>(frame.size.height), GL_RGBA, GL_UNSIGNED_BYTE, pixels.data());
    gl.glDeleteFramebuffers(1, &framebuffer);
    gl.glDeleteTextures(2, textures.data());
    if (auto ok = context.check("the test's drawing"); !ok) {
      return tl::unexpected(std::move(ok.error()));
    }
    return pixels;
  }

 private:
  Blitter() = default;
  std::unique_ptr<ImageImporter> importer_;
  std::unique_ptr<BlitProgram> plain_;
  std::unique_ptr<BlitProgram> external_;
  PFNGLREADPIXELSPROC read_pixels_ = nullptr;
};

class EglImport : public testing::TestWithParam<GLenum> {
 protected:
  void SetUp() override {
    if (auto dmabufs = test::TestDmaBuf::available(); !dmabufs) {
      GTEST_SKIP() << dmabufs.error().describe();
    }
    auto blitter = Blitter::create();
    ASSERT_TRUE(blitter) << blitter.error().describe();
    blitter_ = std::move(*blitter);
  }
  std::unique_ptr<Blitter> blitter_;
};

INSTANTIATE_TEST_SUITE_P(Vm, EglImport, testing::Values(GL_TEXTURE_2D, GL_TEXTURE_EXTERNAL_OES),
                         [](const auto& param) {
                           return param.param == GL_TEXTURE_2D ? "sampler2D" : "external";
                         });

TEST_P(EglImport, EveryFormatSizePitchAndOffsetIsDrawnExactly) {
  const std::array<test::TestPicture, 8> pictures{{{Fourcc::kNone, {64, 64}, {256}, 0},
                                                   {Fourcc::kNone, {61, 47}, {244}, 0},
                                                   {Fourcc::kNone, {61, 47}, {256}, 4},
                                                   {Fourcc::kNone, {1, 1}, {4}, 0},
                                                   {Fourcc::kNone, {127, 3}, {512}, 4096},
                                                   {Fourcc::kNone, {641, 359}, {2624}, 8200},
                                                   {Fourcc::kNone, {7680, 4}, {30720}, 0},
                                                   {Fourcc::kNone, {3, 4320}, {12}, 0}}};
  std::uint32_t seed = 0;
  for (const Fourcc format : {Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA}) {
    for (test::TestPicture picture : pictures) {
      picture.format = format;
      SCOPED_TRACE(fmt::format("{} {}x{} pitch {} offset {}", to_string(format), picture.size.width,
                               picture.size.height, picture.pitch.bytes, picture.offset_bytes));
      auto buffer = test::TestDmaBuf::allocate(test::bytes_needed(picture));
      ASSERT_TRUE(buffer) << buffer.error().describe();
      test::draw_pattern(buffer->bytes().subspan(picture.offset_bytes), format, picture.size,
                         picture.pitch, ++seed);
      auto frame = test::make_frame(*buffer, picture);
      ASSERT_TRUE(frame) << frame.error().describe();
      const Alpha alpha = test::has_alpha(format) ? Alpha::kKeep : Alpha::kOpaque;
      const auto pixels = blitter_->draw(*frame, GetParam(), alpha);
      ASSERT_TRUE(pixels) << pixels.error().describe();
      EXPECT_EQ(test::difference(*pixels, Fourcc::kBGRA, format, picture.size, seed), "");
    }
  }
}

}  // namespace
}  // namespace lumen::egl
