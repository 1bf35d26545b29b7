#include "encode/nvenc/picture_orders.h"

namespace lumen::nvenc {
namespace {

using Repair = EncodeRequest::Repair;

/// What H.264 and HEVC call by the same names.
template <typename Function>
void with_codec_params(Codec codec, NV_ENC_PIC_PARAMS& picture, Function&& function) {
  if (codec == Codec::kH264) function(picture.codecPicParams.h264PicParams);
  if (codec == Codec::kHevc) function(picture.codecPicParams.hevcPicParams);
}

}  // namespace

PictureOrders::PictureOrders(Session& session, const EncoderSettings& settings,
                             const Configuration& configuration)
    : session_(session),
      codec_(settings.codec),
      refresh_frames_(settings.refresh_frames),
      can_refresh_(configuration.intra_refresh),
      references_(configuration.references) {
  if (configuration.long_term > 0) {
    long_term_.emplace(configuration.long_term);
    references_ = LongTermReferences::reach(configuration.long_term);
  } else if (configuration.invalidation) {
    history_.emplace(configuration.references);
  }
}

PictureOrders::Order PictureOrders::apply(const EncodeRequest& request, Timestamp pts,
                                          NV_ENC_PIC_PARAMS& picture) {
  Order order;
  bool key = request.repair == Repair::kKeyFrame || new_sequence_;
  if (request.repair == Repair::kInvalidate && !key) {
    key = !invalidate(request.lost_from, picture);
    order.repaired = true;
  }
  const bool wave_starts = request.repair == Repair::kIntraRefresh && !key && wave_left_ == 0;
  if (wave_starts && !can_refresh_) key = true;
  if (key) {
    picture.encodePicFlags |= NV_ENC_PIC_FLAG_FORCEIDR;
    wave_left_ = 0;
    new_sequence_ = false;
  } else if (wave_starts) {
    start_wave(picture);
  }
  order.wave = wave_left_ > 0;
  if (order.wave) {
    --wave_left_;
    if (wave_left_ == 0) order.repaired = true;
  }
  if (history_) history_->add(pts, key);
  if (!long_term_) return order;
  if (const auto place = long_term_->add(pts, key)) {
    with_codec_params(codec_, picture, [&](auto& params) {
      params.ltrMarkFrame = 1;
      params.ltrMarkFrameIdx = *place;
    });
  }
  return order;
}

void PictureOrders::start_wave(NV_ENC_PIC_PARAMS& picture) {
  wave_left_ = refresh_frames_;
  with_codec_params(codec_, picture, [this](auto& params) {
    params.forceIntraRefreshWithFrameCnt = refresh_frames_;
  });
#if NVENCAPI_MAJOR_VERSION >= 12
  if (codec_ == Codec::kAv1) {
    picture.codecPicParams.av1PicParams.forceIntraRefreshWithFrameCnt = refresh_frames_;
  }
#endif
}

/// False: only a key frame helps.
bool PictureOrders::invalidate(Timestamp lost_from, NV_ENC_PIC_PARAMS& picture) {
  if (long_term_) {
    const auto place = long_term_->invalidate(lost_from);
    if (!place) return false;
    with_codec_params(codec_, picture, [&](auto& params) {
      params.ltrUseFrames = 1;
      params.ltrUseFrameBitmap = 1U << *place;
    });
    return true;
  }
  if (!history_) return false;
  const auto lost = history_->invalidate(lost_from);
  const Driver& driver = session_.driver();
  bool done = lost.usable;
  for (const Timestamp one : lost.pictures) {
    const auto status = driver.api.nvEncInvalidateRefFrames(session_.handle(), number_of(one));
    done = done && status == NV_ENC_SUCCESS;
  }
  return done;
}

}  // namespace lumen::nvenc
