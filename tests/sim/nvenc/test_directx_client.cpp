#include "test_directx_client.h"

#include <utility>

namespace lumen::sim::nvenc::testing {

DirectxClient::DirectxClient(const test::Direct3d& with) : direct3d(with) {
  api.version = NV_ENCODE_API_FUNCTION_LIST_VER;
  auto* const create = reinterpret_cast<decltype(NvEncodeAPICreateInstance)*>(
      reinterpret_cast<void*>(::GetProcAddress(test::nvenc_dll(), "NvEncodeAPICreateInstance")));
  EXPECT_EQ(create(&api), NV_ENC_SUCCESS);
}

NVENCSTATUS DirectxClient::open() {
  NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS session{};
  session.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
  session.deviceType = NV_ENC_DEVICE_TYPE_DIRECTX;
  session.device = direct3d.device.Get();
  session.apiVersion = NVENCAPI_VERSION;
  return api.nvEncOpenEncodeSessionEx(&session, &encoder);
}

void DirectxClient::take_preset() {
  NV_ENC_PRESET_CONFIG preset{};
  preset.version = NV_ENC_PRESET_CONFIG_VER;
  preset.presetCfg.version = NV_ENC_CONFIG_VER;
  EXPECT_EQ(api.nvEncGetEncodePresetConfigEx(encoder, NV_ENC_CODEC_H264_GUID, NV_ENC_PRESET_P1_GUID,
                                             NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &preset),
            NV_ENC_SUCCESS);
  config = preset.presetCfg;
  config.rcParams.averageBitRate = 4'000'000;
  params.version = NV_ENC_INITIALIZE_PARAMS_VER;
  params.encodeGUID = NV_ENC_CODEC_H264_GUID;
  params.presetGUID = NV_ENC_PRESET_P1_GUID;
  params.tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
  params.encodeWidth = params.darWidth = kWidth;
  params.encodeHeight = params.darHeight = kHeight;
  params.frameRateNum = 60;
  params.frameRateDen = 1;
  params.enablePTD = 1;
  params.enableEncodeAsync = 1;
  params.encodeConfig = &config;
}

NVENCSTATUS DirectxClient::initialize() {
  const NVENCSTATUS status = api.nvEncInitializeEncoder(encoder, &params);
  initialized = status == NV_ENC_SUCCESS;
  return status;
}

void DirectxClient::start(const std::function<void(DirectxClient&)>& change) {
  ASSERT_EQ(open(), NV_ENC_SUCCESS);
  take_preset();
  if (change) change(*this);
  ASSERT_EQ(initialize(), NV_ENC_SUCCESS);
  texture = direct3d.texture(kWidth, kHeight, DXGI_FORMAT_B8G8R8A8_UNORM);
  ASSERT_EQ(register_texture(texture.Get()), NV_ENC_SUCCESS);
  bitstream = make_bitstream();
  if (params.enableEncodeAsync == 0) return;
  event = make_event();
  end_event = make_event();
}

NV_ENC_OUTPUT_PTR DirectxClient::make_bitstream() {
  NV_ENC_CREATE_BITSTREAM_BUFFER buffer{};
  buffer.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER;
  EXPECT_EQ(api.nvEncCreateBitstreamBuffer(encoder, &buffer), NV_ENC_SUCCESS);
  bitstreams.push_back(buffer.bitstreamBuffer);
  return buffer.bitstreamBuffer;
}

HANDLE DirectxClient::make_event() {
  HANDLE one = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
  EXPECT_EQ(register_event(one), NV_ENC_SUCCESS);
  events.push_back(one);
  return one;
}

NVENCSTATUS DirectxClient::register_event(HANDLE one) {
  NV_ENC_EVENT_PARAMS wanted{};
  wanted.version = NV_ENC_EVENT_PARAMS_VER;
  wanted.completionEvent = one;
  return api.nvEncRegisterAsyncEvent(encoder, &wanted);
}

NVENCSTATUS DirectxClient::unregister_event(HANDLE one) {
  NV_ENC_EVENT_PARAMS wanted{};
  wanted.version = NV_ENC_EVENT_PARAMS_VER;
  wanted.completionEvent = one;
  std::erase(events, one);
  return api.nvEncUnregisterAsyncEvent(encoder, &wanted);
}

NVENCSTATUS DirectxClient::register_texture(ID3D11Texture2D* one, UINT pitch) {
  NV_ENC_REGISTER_RESOURCE resource{};
  resource.version = NV_ENC_REGISTER_RESOURCE_VER;
  resource.resourceType = NV_ENC_INPUT_RESOURCE_TYPE_DIRECTX;
  resource.resourceToRegister = one;
  resource.width = kWidth;
  resource.height = kHeight;
  resource.pitch = pitch;
  resource.bufferFormat = format;
  resource.bufferUsage = NV_ENC_INPUT_IMAGE;
  const NVENCSTATUS status = api.nvEncRegisterResource(encoder, &resource);
  if (status == NV_ENC_SUCCESS) registered = resource.registeredResource;
  return status;
}

NVENCSTATUS DirectxClient::map() {
  NV_ENC_MAP_INPUT_RESOURCE resource{};
  resource.version = NV_ENC_MAP_INPUT_RESOURCE_VER;
  resource.registeredResource = registered;
  const NVENCSTATUS status = api.nvEncMapInputResource(encoder, &resource);
  if (status == NV_ENC_SUCCESS) input = resource.mappedResource;
  return status;
}

void DirectxClient::fill(std::uint8_t value) {
  direct3d.write(texture.Get(), std::vector<std::uint8_t>(std::size_t{kWidth} * kHeight * 4, value),
                 kWidth);
}

NV_ENC_PIC_PARAMS DirectxClient::picture() const {
  NV_ENC_PIC_PARAMS what{};
  what.version = NV_ENC_PIC_PARAMS_VER;
  what.inputWidth = what.inputPitch = kWidth;
  what.inputHeight = kHeight;
  what.inputBuffer = input;
  what.outputBitstream = bitstream;
  what.bufferFmt = format;
  what.pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
  what.completionEvent = event;
  return what;
}

NVENCSTATUS DirectxClient::end_stream(HANDLE with) {
  NV_ENC_PIC_PARAMS what{};
  what.version = NV_ENC_PIC_PARAMS_VER;
  what.encodePicFlags = NV_ENC_PIC_FLAG_EOS;
  what.completionEvent = with;
  return submit(what);
}

NVENCSTATUS DirectxClient::lock(std::vector<std::uint8_t>* bytes, NV_ENC_OUTPUT_PTR buffer) {
  NV_ENC_LOCK_BITSTREAM locked{};
  locked.version = NV_ENC_LOCK_BITSTREAM_VER;
  locked.outputBitstream = buffer == nullptr ? bitstream : buffer;
  locked.doNotWait = do_not_wait ? 1 : 0;
  const NVENCSTATUS status = api.nvEncLockBitstream(encoder, &locked);
  if (status == NV_ENC_SUCCESS && bytes != nullptr) {
    const auto* data = static_cast<const std::uint8_t*>(locked.bitstreamBufferPtr);
    bytes->assign(data, data + locked.bitstreamSizeInBytes);
  }
  return status;
}

NVENCSTATUS DirectxClient::unlock(NV_ENC_OUTPUT_PTR buffer) {
  return api.nvEncUnlockBitstream(encoder, buffer == nullptr ? bitstream : buffer);
}

std::vector<std::uint8_t> DirectxClient::encode(std::uint8_t value) {
  fill(value);
  EXPECT_EQ(map(), NV_ENC_SUCCESS);
  EXPECT_EQ(submit(picture()), NV_ENC_SUCCESS);
  if (event != nullptr) {
    EXPECT_TRUE(wait(event));
  }
  std::vector<std::uint8_t> bytes;
  EXPECT_EQ(lock(&bytes), NV_ENC_SUCCESS);
  EXPECT_EQ(unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(unmap(), NV_ENC_SUCCESS);
  return bytes;
}

void DirectxClient::close() {
  if (encoder == nullptr) return;
  if (initialized && end_stream(end_event) == NV_ENC_SUCCESS && end_event != nullptr) {
    EXPECT_TRUE(wait(end_event));
  }
  if (input != nullptr) unmap();
  if (registered != nullptr) unregister();
  for (const auto one : std::exchange(bitstreams, {})) {
    api.nvEncDestroyBitstreamBuffer(encoder, one);
  }
  while (!events.empty()) {
    HANDLE one = events.back();
    unregister_event(one);
    ::CloseHandle(one);
  }
  api.nvEncDestroyEncoder(take(encoder));
}

}  // namespace lumen::sim::nvenc::testing
