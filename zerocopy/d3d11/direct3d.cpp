#include "zerocopy/d3d11/direct3d.h"

#include <fmt/format.h>

namespace lumen::d3d11 {

Result<void> check(HRESULT result, std::string_view call) {
  if (SUCCEEDED(result)) return {};
  const bool lost = result == DXGI_ERROR_DEVICE_REMOVED || result == DXGI_ERROR_DEVICE_RESET ||
                    result == DXGI_ERROR_DEVICE_HUNG || result == DXGI_ERROR_DRIVER_INTERNAL_ERROR;
  auto failure = fail(lost ? ErrorKind::kDeviceLost : ErrorKind::kIo,
                      fmt::format("{} failed (0x{:08x})", call, static_cast<unsigned long>(result)),
                      lost ? "the graphics driver was reset or replaced: open the device again"
                           : "close programs that use much GPU memory");
  failure.value().domain = "hresult";
  failure.value().code = result;
  return failure;
}

Result<DXGI_FORMAT> texture_format(Fourcc format) {
  switch (format) {
    case Fourcc::kBGRx:
    case Fourcc::kBGRA: return DXGI_FORMAT_B8G8R8A8_UNORM;
    case Fourcc::kNV12: return DXGI_FORMAT_NV12;
    default: break;
  }
  return fail(ErrorKind::kInvalidArgument, "there are no textures of " + to_string(format),
              "use BGRx, BGRA or NV12");
}

bool can_make(ID3D11Device& device, Fourcc format) {
  const auto wanted = texture_format(format);
  UINT support = 0;
  return wanted && SUCCEEDED(device.CheckFormatSupport(*wanted, &support)) &&
         (support & D3D11_FORMAT_SUPPORT_TEXTURE2D) != 0;
}

}  // namespace lumen::d3d11
