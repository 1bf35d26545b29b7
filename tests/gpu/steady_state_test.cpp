// Once every buffer has been seen, a frame allocates, registers and creates nothing.
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "gpu/counting_driver.h"
#include "gpu/egl_fixture.h"
#include "zerocopy/cuda/cuda_importer.h"

namespace lumen::test {
namespace {

class SteadyState : public testing::TestWithParam<EglRoute> {};

INSTANTIATE_TEST_SUITE_P(Gpu, SteadyState, testing::Values(EglRoute::kEgl, EglRoute::kBlit),
                         [](const auto& route) { return to_string(route.param); });

TEST_P(SteadyState, AFrameCreatesNothing) {
  auto driver = cuda::load_driver();
  if (!driver) GTEST_SKIP() << driver.error().describe();
  auto gpu = EglGpu::create(counting(**driver));
  if (!gpu) GTEST_SKIP() << gpu.error().describe();
  constexpr Extent kSize{1280, 720};
  unsigned images = 0;
  egl::EglSettings settings = (*gpu)->settings(GetParam());
  settings.make_image = [&images, make = settings.make_image](
                            EGLDisplay display, EGLContext context, const CapturedFrame& frame) {
    ++images;
    return make(display, context, frame);
  };
  auto reader = (*gpu)->create_reader(GetParam(), std::move(settings));
  ASSERT_TRUE(reader) << reader.error().describe();
  for (const FrameMemory memory : {FrameMemory::kCuda, FrameMemory::kHost}) {
    if (memory == FrameMemory::kHost) {
      reader = (*gpu)->create_reader(GetParam());
      ASSERT_TRUE(reader) << reader.error().describe();
    }
    auto importer = cuda::CudaImporter::create((*gpu)->shared_context(), std::move(*reader));
    ASSERT_TRUE(importer) << importer.error().describe();
    ASSERT_TRUE((*importer)->configure({.size = kSize, .format = Fourcc::kNV12, .memory = memory}));
    std::vector<CapturedFrame> ring;
    for (int i = 0; i < 4; ++i) {
      auto frame = (*gpu)->producer().add(kSize, Fourcc::kBGRx);
      ASSERT_TRUE(frame) << frame.error().describe();
      ring.push_back(std::move(*frame));
    }
    const auto run = [&](unsigned frames) {
      for (unsigned i = 0; i < frames; ++i) {
        const CapturedFrame& source = ring[i % ring.size()];
        (*gpu)->producer().draw(source, i);
        CapturedFrame frame;
        frame.image = source.image;
        frame.format = source.format;
        frame.size = source.size;
        frame.crop = source.crop;
        ASSERT_TRUE((*importer)->import(std::move(frame)));
      }
    };
    run(20);
    const unsigned calls = counted_calls;
    const unsigned made = images;
    EXPECT_GT(calls, 5u) << "the wrapper counts nothing";
    run(300);
    EXPECT_EQ(counted_calls, calls);
    EXPECT_EQ(images, made);
    ASSERT_TRUE((*gpu)->context().synchronize());
    for (const CapturedFrame& frame : ring) (*gpu)->producer().remove(frame);
  }
}

}  // namespace
}  // namespace lumen::test
