#include "encode/nvenc/session.h"

namespace lumen::nvenc {

Result<std::unique_ptr<Session>> Session::open(std::shared_ptr<const Driver> driver,
                                               Device& device) {
  auto current = device.make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS parameters{};
  parameters.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
  parameters.deviceType = device.type();
  parameters.device = device.handle();
  parameters.apiVersion = NVENCAPI_VERSION;
  void* handle = nullptr;
  auto opened = driver->check(driver->api.nvEncOpenEncodeSessionEx(&parameters, &handle),
                              "nvEncOpenEncodeSessionEx");
  if (!opened) {
    // A session that failed to open is destroyed, too, where there is one (nvEncodeAPI.h).
    if (handle != nullptr) driver->api.nvEncDestroyEncoder(handle);
    return tl::unexpected(std::move(opened.error()));
  }
  return std::unique_ptr<Session>(new Session(std::move(driver), device, handle));
}

// In a lost context the calls fail, and the handle is given back all the same.
Session::~Session() {
  const auto current = device_.make_current();
  end_of_stream();
  registrations_.unregister_all();
  for (NV_ENC_OUTPUT_PTR bitstream : bitstreams_) {
    if (bitstream != nullptr) driver_->api.nvEncDestroyBitstreamBuffer(handle_, bitstream);
  }
  completion_.reset();
  driver_->api.nvEncDestroyEncoder(handle_);
}

Result<NV_ENC_CONFIG> Session::preset_config(const GUID& codec, const Preset& preset) const {
  NV_ENC_PRESET_CONFIG answer{};
  answer.version = NV_ENC_PRESET_CONFIG_VER;
  answer.presetCfg.version = NV_ENC_CONFIG_VER;
  auto asked = driver_->check(driver_->api.nvEncGetEncodePresetConfigEx(handle_, codec, preset.guid,
                                                                        preset.tuning, &answer),
                              "nvEncGetEncodePresetConfigEx", handle_);
  if (!asked) return tl::unexpected(std::move(asked.error()));
  return answer.presetCfg;
}

Result<void> Session::initialize(Configuration& configuration) {
  NV_ENC_INITIALIZE_PARAMS parameters = configuration.initialize_params();
  auto done = driver_->check(driver_->api.nvEncInitializeEncoder(handle_, &parameters),
                             "nvEncInitializeEncoder", handle_);
  if (!done) return done;
  auto completion = Completion::create(driver_, handle_, parameters.enableEncodeAsync != 0);
  if (!completion) return tl::unexpected(std::move(completion.error()));
  completion_ = std::move(*completion);
  if (auto ordered = device_.order(*driver_, handle_); !ordered) return ordered;
  for (NV_ENC_OUTPUT_PTR& bitstream : bitstreams_) {
    NV_ENC_CREATE_BITSTREAM_BUFFER buffer{};
    buffer.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER;
    done = driver_->check(driver_->api.nvEncCreateBitstreamBuffer(handle_, &buffer),
                          "nvEncCreateBitstreamBuffer", handle_);
    if (!done) return done;
    bitstream = buffer.bitstreamBuffer;
  }
  return {};
}

Result<void> Session::reconfigure(Configuration& configuration, bool new_size) {
  NV_ENC_RECONFIGURE_PARAMS parameters{};
  parameters.version = NV_ENC_RECONFIGURE_PARAMS_VER;
  parameters.reInitEncodeParams = configuration.initialize_params();
  // Without a reset the rate control goes on from where it is, and no key frame is made.
  parameters.resetEncoder = new_size ? 1 : 0;
  parameters.forceIDR = new_size ? 1 : 0;
  return driver_->check(driver_->api.nvEncReconfigureEncoder(handle_, &parameters),
                        "nvEncReconfigureEncoder", handle_);
}

Result<std::vector<std::uint8_t>> Session::sequence_params() const {
  std::vector<std::uint8_t> bytes(1024);
  std::uint32_t size = 0;
  NV_ENC_SEQUENCE_PARAM_PAYLOAD payload{};
  payload.version = NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER;
  payload.inBufferSize = static_cast<std::uint32_t>(bytes.size());
  payload.spsppsBuffer = bytes.data();
  payload.outSPSPPSPayloadSize = &size;
  auto asked = driver_->check(driver_->api.nvEncGetSequenceParams(handle_, &payload),
                              "nvEncGetSequenceParams", handle_);
  if (!asked) return tl::unexpected(std::move(asked.error()));
  bytes.resize(std::min<std::size_t>(size, bytes.size()));
  return bytes;
}

void Session::end_of_stream() {
  if (ended_ || completion_ == nullptr) return;  // nothing was ever submitted without it
  ended_ = true;
  NV_ENC_PIC_PARAMS end{};
  end.version = NV_ENC_PIC_PARAMS_VER;
  end.encodePicFlags = NV_ENC_PIC_FLAG_EOS;
  end.completionEvent = completion_->event(kEndOfStream);
  if (driver_->api.nvEncEncodePicture(handle_, &end) != NV_ENC_SUCCESS) return;
  (void)completion_->wait(kEndOfStream);
}

}  // namespace lumen::nvenc
