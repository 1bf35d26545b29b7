#include "encode/audio/opus_encoder.h"

#include <vector>

#include <opus/opus.h>

namespace lumen::audio {
namespace {

// The largest packet of one frame (RFC 6716 section 3.4, R2), with its table of contents.
constexpr std::size_t kMostBytes = 1276;
constexpr std::size_t kChannels = 2;

tl::unexpected<Error> fail_opus(const char* what, int code) {
  auto error = fail(ErrorKind::kUnsupported, std::string(what) + ": " + opus_strerror(code));
  error.value().domain = "opus";
  error.value().code = code;
  return error;
}

}  // namespace

void Encoder::Free::operator()(OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }

Result<std::unique_ptr<Encoder>> Encoder::create(const OpusSettings& settings) {
  int code = OPUS_OK;
  std::unique_ptr<Encoder> self(new Encoder);
  self->encoder_.reset(
      opus_encoder_create(kOpusRate, kChannels, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &code));
  if (code != OPUS_OK) return fail_opus("Opus can't be set up", code);
  OpusEncoder* const opus = self->encoder_.get();
  code = opus_encoder_ctl(opus, OPUS_SET_BITRATE(static_cast<opus_int32>(settings.bitrate_bps)));
  if (code != OPUS_OK) return fail_opus("Opus refuses the bit rate", code);
  opus_int32 lookahead = 0;
  code = opus_encoder_ctl(opus, OPUS_GET_LOOKAHEAD(&lookahead));
  if (code != OPUS_OK) return fail_opus("Opus can't tell its delay", code);
  self->parameters_ = {.channels = kChannels, .bitrate_bps = settings.bitrate_bps};
  self->delay_ = Nanoseconds{std::int64_t{lookahead} * 1'000'000'000 / kOpusRate};
  return self;
}

Result<AudioPacket> Encoder::encode(std::span<const float> samples, Timestamp time) {
  if (samples.size() != kOpusFrame * kChannels) {
    return fail(ErrorKind::kInvalidArgument, "an Opus frame of the wrong length");
  }
  auto bytes = std::make_shared<std::vector<std::uint8_t>>(kMostBytes);
  const int size = opus_encode_float(encoder_.get(), samples.data(), static_cast<int>(kOpusFrame),
                                     bytes->data(), static_cast<opus_int32>(bytes->size()));
  if (size < 0) return fail_opus("Opus can't encode", size);
  bytes->resize(static_cast<std::size_t>(size));
  const std::span<const std::uint8_t> view(*bytes);
  return AudioPacket{.data = SharedBytes(std::move(bytes), view),
                     .pts = time - delay_,
                     .duration = std::chrono::milliseconds{10}};
}

}  // namespace lumen::audio
