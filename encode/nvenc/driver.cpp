#include "encode/nvenc/driver.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace lumen::nvenc {
namespace {

#if defined(_WIN32)
constexpr const char* kLibrary = "nvEncodeAPI64.dll";
constexpr const char* kInstall = "install NVIDIA's graphics driver, which brings it";
#else
constexpr const char* kLibrary = "libnvidia-encode.so.1";
constexpr const char* kInstall =
    "install the encoder library of the NVIDIA driver (Debian: libnvidia-encode1)";
#endif

constexpr std::uint32_t kBuiltWith = (NVENCAPI_MAJOR_VERSION << 4U) | NVENCAPI_MINOR_VERSION;

std::string_view text_of(NVENCSTATUS status) {
  switch (status) {
    case NV_ENC_SUCCESS: return "success";
    case NV_ENC_ERR_NO_ENCODE_DEVICE: return "there is no GPU with an encoder";
    case NV_ENC_ERR_UNSUPPORTED_DEVICE: return "this GPU has no encoder";
    case NV_ENC_ERR_INVALID_ENCODERDEVICE:
    case NV_ENC_ERR_INVALID_DEVICE: return "the device is invalid";
    case NV_ENC_ERR_DEVICE_NOT_EXIST: return "the device is gone";
    case NV_ENC_ERR_INVALID_PTR: return "invalid pointer";
    case NV_ENC_ERR_INVALID_EVENT: return "invalid event";
    case NV_ENC_ERR_INVALID_PARAM: return "invalid parameter";
    case NV_ENC_ERR_INVALID_CALL: return "call out of order";
    case NV_ENC_ERR_OUT_OF_MEMORY: return "out of memory";
    case NV_ENC_ERR_ENCODER_NOT_INITIALIZED: return "the encoder is not initialized";
    case NV_ENC_ERR_UNSUPPORTED_PARAM: return "unsupported parameter";
    case NV_ENC_ERR_LOCK_BUSY: return "the buffer is busy";
    case NV_ENC_ERR_NOT_ENOUGH_BUFFER: return "the buffer is too small";
    case NV_ENC_ERR_INVALID_VERSION: return "the driver is too old for this structure";
    case NV_ENC_ERR_MAP_FAILED: return "the input can't be mapped";
    case NV_ENC_ERR_NEED_MORE_INPUT: return "more input is needed";
    case NV_ENC_ERR_ENCODER_BUSY: return "the encoder is busy";
    case NV_ENC_ERR_EVENT_NOT_REGISTERD: return "the event is not registered";
    case NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY: return "no encoder session is free";
    case NV_ENC_ERR_UNIMPLEMENTED: return "not implemented by this driver";
    case NV_ENC_ERR_RESOURCE_REGISTER_FAILED: return "the memory can't be registered";
    case NV_ENC_ERR_RESOURCE_NOT_REGISTERED: return "the memory is not registered";
    case NV_ENC_ERR_RESOURCE_NOT_MAPPED: return "the memory is not mapped";
    default: break;  // newer headers know more
  }
  return "the driver gives no reason";
}

ErrorKind kind_of(NVENCSTATUS status) {
  switch (status) {
    case NV_ENC_ERR_NO_ENCODE_DEVICE:
    case NV_ENC_ERR_UNSUPPORTED_DEVICE:
    case NV_ENC_ERR_UNSUPPORTED_PARAM:
    case NV_ENC_ERR_INVALID_PARAM:
    case NV_ENC_ERR_INVALID_VERSION:
    case NV_ENC_ERR_UNIMPLEMENTED: return ErrorKind::kUnsupported;
    case NV_ENC_ERR_OUT_OF_MEMORY:
    case NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY: return ErrorKind::kIo;
    default: return ErrorKind::kDeviceLost;
  }
}

}  // namespace

Result<void> Driver::check(NVENCSTATUS status, std::string_view call, void* session) const {
  if (status == NV_ENC_SUCCESS) return {};
  std::string message = fmt::format("{}: {}", call, text_of(status));
  if (session != nullptr && api.nvEncGetLastErrorString != nullptr) {
    const char* words = api.nvEncGetLastErrorString(session);
    if (words != nullptr && *words != '\0') message += fmt::format(" ({})", words);
  }
  auto failure = fail(kind_of(status), std::move(message));
  if (kind_of(status) == ErrorKind::kIo) {
    failure.value().hint = "other programs may hold all of the GPU's encoder sessions";
  }
  failure.value().domain = "nvenc";
  failure.value().code = status;
  return failure;
}

std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}", version >> 4U, version & 0xfU);
}

Result<std::shared_ptr<const Driver>> load_driver(const std::string& soname) {
  const std::string name = soname.empty() ? kLibrary : soname;
  auto library = load_library(name);
  if (!library) {
    return fail(ErrorKind::kUnsupported, fmt::format("{} can't be loaded", name), kInstall);
  }
  const auto get_version = reinterpret_cast<NVENCSTATUS(NVENCAPI*)(std::uint32_t*)>(
      find_symbol(*library, "NvEncodeAPIGetMaxSupportedVersion"));
  const auto create = reinterpret_cast<NVENCSTATUS(NVENCAPI*)(NV_ENCODE_API_FUNCTION_LIST*)>(
      find_symbol(*library, "NvEncodeAPICreateInstance"));
  if (get_version == nullptr || create == nullptr) {
    return fail(ErrorKind::kUnsupported, name + " lacks its entry points",
                "install the NVIDIA driver again");
  }
  auto driver = std::make_shared<Driver>();
  driver->library = std::move(*library);
  auto asked = driver->check(get_version(&driver->version), "NvEncodeAPIGetMaxSupportedVersion");
  if (!asked) return tl::unexpected(std::move(asked.error()));
  if (driver->version < kBuiltWith) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("the NVIDIA driver's encoder API is {}, {} is needed",
                            version_text(driver->version), version_text(kBuiltWith)),
                "install a newer NVIDIA driver");
  }
  driver->api.version = NV_ENCODE_API_FUNCTION_LIST_VER;
  auto created = driver->check(create(&driver->api), "NvEncodeAPICreateInstance");
  if (!created) return tl::unexpected(std::move(created.error()));
  return driver;
}

Result<GUID> guid_of(Codec codec) {
  switch (codec) {
    case Codec::kH264: return NV_ENC_CODEC_H264_GUID;
    case Codec::kHevc: return NV_ENC_CODEC_HEVC_GUID;
    case Codec::kAv1:
#if NVENCAPI_MAJOR_VERSION >= 12
      return NV_ENC_CODEC_AV1_GUID;
#else
      break;
#endif
  }
  return fail(ErrorKind::kUnsupported, fmt::format("built with the encoder API {}, which has no {}",
                                                   version_text(kBuiltWith), to_string(codec)));
}

bool same(const GUID& a, const GUID& b) { return std::memcmp(&a, &b, sizeof(GUID)) == 0; }

}  // namespace lumen::nvenc
