#include "test_client.h"

#include <cstring>

namespace lumen::sim::nvenc::testing {

NV_ENCODE_API_FUNCTION_LIST load_api() {
  NV_ENCODE_API_FUNCTION_LIST list{};
  list.version = NV_ENCODE_API_FUNCTION_LIST_VER;
  auto* const create = reinterpret_cast<decltype(NvEncodeAPICreateInstance)*>(
      ::dlsym(loaded_nvenc(), "NvEncodeAPICreateInstance"));
  EXPECT_EQ(create(&list), NV_ENC_SUCCESS);
  return list;
}

void set_ten_bits(NV_ENC_CONFIG_HEVC& config) {
  [](auto& hevc) {
    if constexpr (requires { hevc.outputBitDepth; }) {
      hevc.inputBitDepth = hevc.outputBitDepth = static_cast<decltype(hevc.outputBitDepth)>(10);
    } else {
      hevc.pixelBitDepthMinus8 = 2;
    }
  }(config);
}

void set_colour(NV_ENC_CONFIG_H264_VUI_PARAMETERS& vui, unsigned primaries, unsigned transfer,
                unsigned matrix, bool full_range) {
  const auto set = []<typename Field>(Field& field, unsigned value) {
    field = static_cast<Field>(value);
  };
  vui.videoSignalTypePresentFlag = 1;
  set(vui.videoFormat, 5);
  vui.videoFullRangeFlag = full_range ? 1 : 0;
  vui.colourDescriptionPresentFlag = 1;
  set(vui.colourPrimaries, primaries);
  set(vui.transferCharacteristics, transfer);
  set(vui.colourMatrix, matrix);
}

Client::Client(const Api& driver, CUcontext current, const GUID& codec_guid, int picture_width,
               int picture_height)
    : cuda(driver),
      context(current),
      codec(codec_guid),
      width(picture_width),
      height(picture_height) {}

NVENCSTATUS Client::open() {
  NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS session{};
  session.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
  session.deviceType = NV_ENC_DEVICE_TYPE_CUDA;
  session.device = context;
  session.apiVersion = NVENCAPI_VERSION;
  return api.nvEncOpenEncodeSessionEx(&session, &encoder);
}

void Client::take_preset() {
  NV_ENC_PRESET_CONFIG preset{};
  preset.version = NV_ENC_PRESET_CONFIG_VER;
  preset.presetCfg.version = NV_ENC_CONFIG_VER;
  api.nvEncGetEncodePresetConfigEx(encoder, codec, NV_ENC_PRESET_P1_GUID,
                                   NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &preset);
  config = preset.presetCfg;
  config.rcParams.averageBitRate = 4'000'000;
  params = {};
  params.version = NV_ENC_INITIALIZE_PARAMS_VER;
  params.encodeGUID = codec;
  params.presetGUID = NV_ENC_PRESET_P1_GUID;
  params.tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
  params.encodeWidth = params.darWidth = static_cast<std::uint32_t>(width);
  params.encodeHeight = params.darHeight = static_cast<std::uint32_t>(height);
  params.frameRateNum = 60;
  params.frameRateDen = 1;
  params.enablePTD = 1;
  params.encodeConfig = &config;
}

NVENCSTATUS Client::initialize() {
  const NVENCSTATUS status = api.nvEncInitializeEncoder(encoder, &params);
  initialized = status == NV_ENC_SUCCESS;
  return status;
}

void Client::start(const std::function<void(Client&)>& change, NV_ENC_BUFFER_FORMAT with_format,
                   Source with_source) {
  ASSERT_EQ(open(), NV_ENC_SUCCESS);
  take_preset();
  if (change) change(*this);
  ASSERT_EQ(initialize(), NV_ENC_SUCCESS);
  make_input(with_format, with_source);
  bitstream = make_bitstream();
}

NV_ENC_OUTPUT_PTR Client::make_bitstream() {
  NV_ENC_CREATE_BITSTREAM_BUFFER buffer{};
  buffer.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER;
  EXPECT_EQ(api.nvEncCreateBitstreamBuffer(encoder, &buffer), NV_ENC_SUCCESS);
  return buffer.bitstreamBuffer;
}

void Client::make_input(NV_ENC_BUFFER_FORMAT with_format, Source with_source) {
  format = with_format;
  source = with_source;
  const std::size_t row = row_bytes(format, width);
  const std::size_t rows = total_rows(format, height);
  if (source == Source::kBuffer) {
    NV_ENC_CREATE_INPUT_BUFFER buffer{};
    buffer.version = NV_ENC_CREATE_INPUT_BUFFER_VER;
    buffer.width = static_cast<std::uint32_t>(width);
    buffer.height = static_cast<std::uint32_t>(height);
    buffer.bufferFmt = format;
    EXPECT_EQ(api.nvEncCreateInputBuffer(encoder, &buffer), NV_ENC_SUCCESS);
    input = buffer.inputBuffer;
    return;
  }
  if (source == Source::kPointer) {
    EXPECT_EQ(cuda.cuMemAllocPitch_v2(&address, &pitch, row, rows, 16), CUDA_SUCCESS);
  } else {
    CUDA_ARRAY3D_DESCRIPTOR description{};
    description.NumChannels = row == static_cast<std::size_t>(width) * 4 ? 4 : 1;
    description.Width = row / description.NumChannels;
    description.Height = rows;
    description.Format = CU_AD_FORMAT_UNSIGNED_INT8;
    description.Flags = 2;  // CUDA_ARRAY3D_SURFACE_LDST: "must have been specified"
    EXPECT_EQ(cuda.cuArray3DCreate_v2(&array, &description), CUDA_SUCCESS);
    pitch = row;
  }
  EXPECT_EQ(register_input(), NV_ENC_SUCCESS);
}

NVENCSTATUS Client::register_input() {
  NV_ENC_REGISTER_RESOURCE resource{};
  resource.version = NV_ENC_REGISTER_RESOURCE_VER;
  resource.resourceType = source == Source::kArray ? NV_ENC_INPUT_RESOURCE_TYPE_CUDAARRAY
                                                   : NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR;
  resource.resourceToRegister =
      source == Source::kArray ? static_cast<void*>(array) : reinterpret_cast<void*>(address);
  resource.width = static_cast<std::uint32_t>(width);
  resource.height = static_cast<std::uint32_t>(height);
  resource.pitch = static_cast<std::uint32_t>(pitch);
  resource.bufferFormat = format;
  resource.bufferUsage = NV_ENC_INPUT_IMAGE;
  const NVENCSTATUS status = api.nvEncRegisterResource(encoder, &resource);
  if (status == NV_ENC_SUCCESS) registered = resource.registeredResource;
  return status;
}

NVENCSTATUS Client::map() {
  NV_ENC_MAP_INPUT_RESOURCE resource{};
  resource.version = NV_ENC_MAP_INPUT_RESOURCE_VER;
  resource.registeredResource = registered;
  const NVENCSTATUS status = api.nvEncMapInputResource(encoder, &resource);
  if (status == NV_ENC_SUCCESS) input = resource.mappedResource;
  return status;
}

NVENCSTATUS Client::unmap() {
  return api.nvEncUnmapInputResource(encoder, std::exchange(input, nullptr));
}

NVENCSTATUS Client::unregister() {
  return api.nvEncUnregisterResource(encoder, std::exchange(registered, nullptr));
}

void Client::write(const Bytes& gapless) {
  const std::size_t row = row_bytes(format, width);
  if (source == Source::kBuffer) {
    NV_ENC_LOCK_INPUT_BUFFER locked{};
    locked.version = NV_ENC_LOCK_INPUT_BUFFER_VER;
    locked.inputBuffer = input;
    if (api.nvEncLockInputBuffer(encoder, &locked) != NV_ENC_SUCCESS) return;
    pitch = locked.pitch;
    auto* to = static_cast<std::uint8_t*>(locked.bufferDataPtr);
    const bool planar = format == NV_ENC_BUFFER_FORMAT_YV12 || format == NV_ENC_BUFFER_FORMAT_IYUV;
    const auto luma_rows = static_cast<std::size_t>(height);
    const std::uint8_t* from = gapless.data();
    for (std::size_t y = 0; y < (planar ? luma_rows : total_rows(format, height)); ++y) {
      std::memcpy(to, from, row);
      to += pitch;
      from += row;
    }
    for (std::size_t y = 0; planar && y < luma_rows; ++y) {
      std::memcpy(to, from, row / 2);
      to += pitch / 2;
      from += row / 2;
    }
    api.nvEncUnlockInputBuffer(encoder, input);
    return;
  }
  CUDA_MEMCPY2D copy{};
  copy.srcMemoryType = CU_MEMORYTYPE_HOST;
  copy.srcHost = gapless.data();
  copy.srcPitch = row;
  copy.dstMemoryType = source == Source::kArray ? CU_MEMORYTYPE_ARRAY : CU_MEMORYTYPE_DEVICE;
  copy.dstArray = array;
  copy.dstDevice = address;
  copy.dstPitch = pitch;
  copy.WidthInBytes = row;
  copy.Height = total_rows(format, height);
  EXPECT_EQ(cuda.cuMemcpy2D_v2(&copy), CUDA_SUCCESS);
}

NV_ENC_PIC_PARAMS Client::picture() const {
  NV_ENC_PIC_PARAMS what{};
  what.version = NV_ENC_PIC_PARAMS_VER;
  what.inputWidth = params.encodeWidth;
  what.inputHeight = params.encodeHeight;
  what.inputPitch = static_cast<std::uint32_t>(pitch);
  what.inputBuffer = input;
  what.outputBitstream = bitstream;
  what.bufferFmt = format;
  what.pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
  what.inputTimeStamp = next_time;
  return what;
}

NVENCSTATUS Client::lock(NV_ENC_LOCK_BITSTREAM& locked, NV_ENC_OUTPUT_PTR buffer) {
  locked.version = NV_ENC_LOCK_BITSTREAM_VER;
  locked.outputBitstream = buffer == nullptr ? bitstream : buffer;
  return api.nvEncLockBitstream(encoder, &locked);
}

NVENCSTATUS Client::unlock(NV_ENC_OUTPUT_PTR buffer) {
  return api.nvEncUnlockBitstream(encoder, buffer == nullptr ? bitstream : buffer);
}

NVENCSTATUS Client::end_stream() {
  NV_ENC_PIC_PARAMS what{};
  what.version = NV_ENC_PIC_PARAMS_VER;
  what.encodePicFlags = NV_ENC_PIC_FLAG_EOS;
  return submit(what);
}

Packet Client::encode(int number, const std::function<void(NV_ENC_PIC_PARAMS&)>& change) {
  write(pixels(format, width, height, number));
  if (source != Source::kBuffer) {
    EXPECT_EQ(map(), NV_ENC_SUCCESS);
  }
  NV_ENC_PIC_PARAMS what = picture();
  what.frameIdx = static_cast<std::uint32_t>(number);
  ++next_time;
  if (change) change(what);
  EXPECT_EQ(submit(what), NV_ENC_SUCCESS);
  NV_ENC_LOCK_BITSTREAM locked{};
  std::vector<std::uint32_t> slices(1024);
  locked.sliceOffsets = slices.data();
  Packet packet;
  EXPECT_EQ(lock(locked), NV_ENC_SUCCESS);
  if (locked.bitstreamBufferPtr != nullptr) {
    const auto* data = static_cast<const std::uint8_t*>(locked.bitstreamBufferPtr);
    packet.bytes.assign(data, data + locked.bitstreamSizeInBytes);
    packet.type = locked.pictureType;
    packet.time_stamp = locked.outputTimeStamp;
    packet.index = locked.frameIdx;
    packet.average_qp = locked.frameAvgQP;
    slices.resize(locked.numSlices);
    packet.slices = slices;
    EXPECT_EQ(unlock(), NV_ENC_SUCCESS);
  }
  if (source != Source::kBuffer) {
    EXPECT_EQ(unmap(), NV_ENC_SUCCESS);
  }
  return packet;
}

NVENCSTATUS Client::reconfigure(const std::function<void(NV_ENC_RECONFIGURE_PARAMS&)>& change) {
  NV_ENC_RECONFIGURE_PARAMS wanted{};
  wanted.version = NV_ENC_RECONFIGURE_PARAMS_VER;
  wanted.reInitEncodeParams = params;
  change(wanted);
  const NVENCSTATUS status = api.nvEncReconfigureEncoder(encoder, &wanted);
  if (status == NV_ENC_SUCCESS) params = wanted.reInitEncodeParams;
  return status;
}

void Client::close() {
  if (encoder == nullptr) return;
  if (initialized) end_stream();
  if (source != Source::kBuffer && input != nullptr) unmap();
  if (registered != nullptr) unregister();
  if (source == Source::kBuffer && input != nullptr) {
    api.nvEncDestroyInputBuffer(encoder, input);
  }
  if (bitstream != nullptr) api.nvEncDestroyBitstreamBuffer(encoder, bitstream);
  for (const auto buffer : more_bitstreams) api.nvEncDestroyBitstreamBuffer(encoder, buffer);
  api.nvEncDestroyEncoder(std::exchange(encoder, nullptr));
  if (address != 0) cuda.cuMemFree_v2(std::exchange(address, 0));
  if (array != nullptr) cuda.cuArrayDestroy(std::exchange(array, nullptr));
}

void SimNvenc::SetUp() {
  SimCuda::SetUp();
  ASSERT_NE(loaded_nvenc(), nullptr) << ::dlerror();
  ASSERT_TRUE(nvenc.ok());
  nvenc.reset();
}

void SimNvenc::TearDown() {
  nvenc.set_fail("");
  EXPECT_STREQ(nvenc.violations(), "");
  EXPECT_STREQ(nvenc.live_names(), "");
  nvenc.reset();
  SimCuda::TearDown();
}

std::string SimNvenc::take_violations() {
  std::string text = nvenc.violations();
  nvenc.reset();
  return text;
}

}  // namespace lumen::sim::nvenc::testing
