// NVENC reading pictures where the producer drew them: no copy at all. CUDA arrays stand for what
// EGL registers. On the NVENC stand-in.
#include <array>
#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <sys/mman.h>

#include "capture/dmabuf_memory.h"
#include "encode/encoder_registry.h"
#include "platform/linux/unique_fd.h"
#include "sim/encode/stand_ins.h"
#include "support/test_frames.h"
#include "zerocopy/cuda/cuda_importer.h"
#include "zerocopy/cuda/texture.h"

namespace lumen {
namespace {

constexpr Extent kSize{320, 180};

/// What a route makes of a buffer.
struct ImportedArray {
  std::shared_ptr<const cuda::Context> context;
  CUarray array = nullptr;
  cuda::Texture texture;
  ~ImportedArray() {
    texture = {};
    context->driver().cuArrayDestroy(array);
  }
};

/// A compositor with a few buffers, whose pixels are CUDA arrays. A buffer that comes back is
/// scribbled over at once.
class ArrayProducer final : public LeaseReturn, public std::enable_shared_from_this<ArrayProducer> {
 public:
  ArrayProducer(std::shared_ptr<const cuda::Context> context, unsigned buffers)
      : context_(std::move(context)), painter_(Fourcc::kBGRx, kSize), buffers_(buffers) {
    for (Buffer& buffer : buffers_) {
      const UniqueFd fd = UniqueFd::take(::memfd_create("buffer", MFD_CLOEXEC));
      auto memory = DmaBufMemory::create({fd.borrow(), -1, -1, -1}, 1);
      buffer.memory = std::make_shared<const DmaBufMemory>(std::move(*memory));
    }
  }

  /// Draws into a free buffer; none where all are out.
  std::optional<CapturedFrame> show(std::uint32_t number) {
    for (std::size_t turn = 0; turn < buffers_.size(); ++turn) {
      const std::size_t i = next_++ % buffers_.size();
      Buffer& buffer = buffers_[i];
      if (buffer.out.exchange(true)) continue;
      most_out = std::max(most_out, static_cast<unsigned>(++out_));
      std::vector<std::uint8_t> pixels(std::size_t{kSize.width} * 4 * kSize.height);
      painter_.draw(number, view_pixels(pixels.data(), Fourcc::kBGRx, kSize, {kSize.width * 4}));
      if (buffer.array) fill(buffer.array->array, pixels);
      buffer.pixels = std::move(pixels);
      DmaBufImage image;
      image.memory = buffer.memory;
      image.plane_count = 1;
      image.planes[0].pitch = {kSize.width * 4};
      CapturedFrame frame;
      frame.image = std::move(image);
      frame.format = Fourcc::kBGRx;
      frame.size = kSize;
      frame.crop = {0, 0, kSize};
      frame.times.id = number + 1;
      frame.lease = BufferLease(shared_from_this(), i);
      return frame;
    }
    return std::nullopt;
  }

  /// May be called by CUDA itself, where CUDA can't be called.
  void give_back(std::uint64_t token) noexcept override { buffers_[token].returned = true; }
  ~ArrayProducer() override {
    stop_ = true;
    scribbler_.join();
  }

  /// The array of a frame's buffer, made when it is first asked for, as an import is.
  std::shared_ptr<ImportedArray> array_of(const DmaBufImage& image) {
    for (Buffer& buffer : buffers_) {
      if (buffer.memory != image.memory) continue;
      if (buffer.array == nullptr) {
        CUDA_ARRAY3D_DESCRIPTOR description{};
        description.Width = kSize.width;
        description.Height = kSize.height;
        description.Format = CU_AD_FORMAT_UNSIGNED_INT8;
        description.NumChannels = 4;
        CUarray array = nullptr;
        const cuda::Driver& cuda = context_->driver();
        EXPECT_EQ(cuda.cuArray3DCreate(&array, &description), CUDA_SUCCESS);
        auto texture = cuda::Texture::create(*context_, array);
        EXPECT_TRUE(texture);
        buffer.array = std::make_shared<ImportedArray>();
        buffer.array->context = context_;
        buffer.array->array = array;
        buffer.array->texture = std::move(*texture);
        fill(array, buffer.pixels);
      }
      return buffer.array;
    }
    return nullptr;
  }
  /// Waits for those that are out.
  void remove_buffers() {
    for (Buffer& buffer : buffers_) {
      while (buffer.out) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      buffer.array.reset();
    }
  }
  [[nodiscard]] std::size_t imported() const {
    std::size_t count = 0;
    for (const Buffer& buffer : buffers_) count += buffer.array != nullptr ? 1 : 0;
    return count;
  }
  [[nodiscard]] int out() const { return out_; }

  unsigned most_out = 0;

 private:
  struct Buffer {
    std::shared_ptr<const DmaBufMemory> memory;
    std::shared_ptr<ImportedArray> array;
    std::vector<std::uint8_t> pixels;
    std::atomic<bool> out{false};
    std::atomic<bool> returned{false};
  };

  void scribble() {
    while (!stop_) {
      for (Buffer& buffer : buffers_) {
        if (!buffer.returned.exchange(false)) continue;
        if (const auto array = buffer.array) {
          fill(array->array,
               std::vector<std::uint8_t>(std::size_t{kSize.width} * 4 * kSize.height, 0xEE));
        }
        --out_;
        buffer.out = false;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  void fill(CUarray array, const std::vector<std::uint8_t>& pixels) {
    auto current = context_->make_current();
    CUDA_MEMCPY2D region{};
    region.srcMemoryType = CU_MEMORYTYPE_HOST;
    region.srcHost = pixels.data();
    region.srcPitch = kSize.width * 4;
    region.dstMemoryType = CU_MEMORYTYPE_ARRAY;
    region.dstArray = array;
    region.WidthInBytes = kSize.width * 4;
    region.Height = kSize.height;
    const cuda::Driver& cuda = context_->driver();
    // At once, whatever is queued elsewhere: nobody holds an impatient producer back.
    CUstream own = nullptr;
    EXPECT_EQ(cuda.cuStreamCreate(&own, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuMemcpy2DAsync(&region, own), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuStreamSynchronize(own), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuStreamDestroy(own), CUDA_SUCCESS);
  }

  std::shared_ptr<const cuda::Context> context_;
  PatternPainter painter_;
  std::vector<Buffer> buffers_;
  std::size_t next_ = 0;
  std::atomic<int> out_{0};
  std::atomic<bool> stop_{false};
  std::thread scribbler_{[this] { scribble(); }};
};

class ArrayReader final : public cuda::PictureReader {
 public:
  explicit ArrayReader(std::shared_ptr<ArrayProducer> producer) : producer_(std::move(producer)) {}
  [[nodiscard]] std::string_view name() const override { return "test"; }
  [[nodiscard]] std::vector<FormatOffer> offers() const override {
    return {{Fourcc::kBGRx, {kModifierLinear}}};
  }
  Result<cuda::DevicePicture> open(const CapturedFrame& frame) override {
    auto array = producer_->array_of(std::get<DmaBufImage>(frame.image));
    return cuda::DevicePicture{.array = array->array,
                               .texture = array->texture.object(),
                               .array_size = kSize,
                               .format = frame.format,
                               .size = frame.size,
                               .owner = array};
  }
  Result<void> close() override { return {}; }
  [[nodiscard]] std::size_t buffers() const override { return producer_->imported(); }

 private:
  std::shared_ptr<ArrayProducer> producer_;
};

class InPlace : public testing::Test {
 protected:
  void SetUp() override {
    machine_.start();
    auto context = gpu_->context();
    ASSERT_TRUE(context);
    context_ = *context;
  }
  void open(unsigned buffers) {
    producer_ = std::make_shared<ArrayProducer>(context_, buffers);
    auto current = context_->make_current();
    auto importer = cuda::CudaImporter::create(context_, std::make_unique<ArrayReader>(producer_));
    ASSERT_TRUE(importer) << importer.error().describe();
    importer_ = std::move(*importer);
    EncoderSettings settings;
    settings.size = kSize;
    settings.bitrate_bps = 4'000'000;
    settings.in_place = true;
    auto opened = open_encoder("nvenc", settings, {.gpu = gpu_}, [this](EncodedFrame frame) {
      const std::scoped_lock lock(mutex_);
      frames_.push_back(std::move(frame));
    });
    ASSERT_TRUE(opened) << opened.error().describe();
    encoder_ = std::move(opened->encoder);
    const EncoderInput input = encoder_->input();
    ASSERT_TRUE(input.in_place);
    ASSERT_TRUE(importer_->configure(
        {.size = kSize, .format = input.format, .memory = input.memory, .in_place = true}));
  }
  void TearDown() override {
    encoder_.reset();
    importer_.reset();
    if (producer_) {
      for (int i = 0; i < 1000 && producer_->out() != 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      EXPECT_EQ(producer_->out(), 0) << "a buffer was not given back";
      auto current = context_->make_current();
      producer_->remove_buffers();
    }
    producer_.reset();
    context_.reset();
    gpu_->lose();
    machine_.finish();
  }
  /// Shows, imports and encodes pictures; counts those that went in place.
  unsigned stream(std::uint32_t from, std::uint32_t to) {
    unsigned in_place = 0;
    for (std::uint32_t n = from; n < to; ++n) {
      std::optional<CapturedFrame> shown;
      for (int i = 0; i < 2000 && !(shown = producer_->show(n)); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      if (!shown) {
        ADD_FAILURE() << "the producer has no buffer left to draw into, at " << n;
        return in_place;
      }
      auto frame = importer_->import(std::move(*shown));
      if (!frame) {
        ADD_FAILURE() << frame.error().describe();
        return in_place;
      }
      const bool array = std::holds_alternative<CudaArray>(frame->payload);
      EXPECT_EQ(importer_->route(), array ? "test in place" : "test");
      in_place += array ? 1 : 0;
      const Timestamp pts = Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, n);
      const auto done = encoder_->encode(*frame, pts, EncodeRequest::key_frame(n == 0));
      EXPECT_TRUE(done) << done.error().describe();
    }
    return in_place;
  }
  void expect_pictures(std::uint32_t count) {
    ASSERT_TRUE(encoder_->flush());
    const std::scoped_lock lock(mutex_);
    const auto pictures = test::play(Codec::kH264, frames_);
    ASSERT_EQ(pictures.size(), count);
    const test::TestFrames originals(Fourcc::kNV12, kSize);
    for (std::uint32_t n = 0; n < count; ++n) {
      ASSERT_EQ(pictures[n].number(), n)
          << "the producer drew over a picture that NVENC still read";
      EXPECT_GE(test::psnr(pictures[n], originals.at(n)), 35) << n;
    }
  }

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  std::shared_ptr<const cuda::Context> context_;
  std::shared_ptr<ArrayProducer> producer_;
  std::unique_ptr<cuda::CudaImporter> importer_;
  std::unique_ptr<VideoEncoder> encoder_;
  std::mutex mutex_;
  std::vector<EncodedFrame> frames_;
};

TEST_F(InPlace, PicturesReachTheEncoderWithoutACopy) {
  open(8);
  // Until all buffers are known the first ones are copied.
  stream(0, 8);
  const auto copies = machine_.cuda.calls("cuLaunchKernel,cuMemAllocPitch_v2");
  const unsigned in_place = stream(8, 40);
  EXPECT_GE(in_place, 16u) << "most, however slow the encoder is";
  EXPECT_LE(machine_.cuda.calls("cuLaunchKernel,cuMemAllocPitch_v2") - copies, 32u - in_place);
  EXPECT_LE(machine_.nvenc.calls("nvEncRegisterResource"), 8u + 12u) << "one for each buffer";
  expect_pictures(40);
}

TEST_F(InPlace, AProducerWithFewBuffersIsNeverStarved) {
  for (const unsigned buffers : {2U, 3U, 4U}) {
    SCOPED_TRACE(buffers);
    open(buffers);
    stream(0, 30);
    expect_pictures(30);
    encoder_.reset();
    importer_.reset();
    auto current = context_->make_current();
    producer_->remove_buffers();
    frames_.clear();
  }
}

TEST_F(InPlace, ABufferThatIsRemovedIsUnregisteredBeforeItIsFreed) {
  open(6);
  EXPECT_GT(stream(0, 20), 0u);
  {
    auto current = context_->make_current();
    producer_->remove_buffers();  // a renegotiation: all buffers are new ones
  }
  const auto unregistered = machine_.nvenc.calls("nvEncUnregisterResource");
  stream(20, 40);
  EXPECT_GT(machine_.nvenc.calls("nvEncUnregisterResource"), unregistered);
  expect_pictures(40);
}

}  // namespace
}  // namespace lumen
