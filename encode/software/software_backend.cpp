#include "encode/software/software_backend.h"

#include "encode/sampling.h"
#include "encode/software/av1_encoder.h"
#include "encode/software/sizes.h"
#include "encode/software/x264_encoder.h"
#include "encode/software/x265_encoder.h"

namespace lumen::software {

Result<void> check(Codec codec) { return codec == Codec::kAv1 ? check_av1() : Result<void>{}; }

Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                             const EncoderDevice& /*device*/,
                                             EncodedFrameCallback callback) {
  if (auto good = check_size(settings.size); !good) return tl::unexpected(std::move(good.error()));
  if (auto good = check_sampling(settings); !good) return tl::unexpected(std::move(good.error()));
  EncoderSettings sized = settings;
  if (sized.max_size.empty()) sized.max_size = sized.size;
  switch (settings.codec) {
    case Codec::kHevc: return X265Encoder::create(sized, std::move(callback));
    case Codec::kAv1: return Av1Encoder::create(sized, std::move(callback));
    case Codec::kH264: break;
  }
  return X264Encoder::create(sized, std::move(callback));
}

}  // namespace lumen::software
