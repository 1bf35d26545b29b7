#include "encode/nvenc/directx_device.h"

#include <d3d11_4.h>

#include <variant>

#include "encode/nvenc/buffer_format.h"

namespace lumen::nvenc {

using d3d11::ComPtr;

Result<std::unique_ptr<DirectxDevice>> DirectxDevice::create(ComPtr<ID3D11Device> device) {
  ComPtr<ID3D11DeviceContext> context;
  device->GetImmediateContext(&context);
  ComPtr<ID3D11Multithread> threads;
  if (auto found = d3d11::check(context.As(&threads), "ID3D11Multithread"); !found) {
    found.error().kind = ErrorKind::kUnsupported;
    found.error().hint = "update Windows and the graphics driver";
    return tl::unexpected(std::move(found.error()));
  }
  threads->SetMultithreadProtected(TRUE);
  return std::unique_ptr<DirectxDevice>(new DirectxDevice(std::move(device)));
}

bool DirectxDevice::takes(Fourcc format) const { return d3d11::can_make(*device_.Get(), format); }

Result<Frame> DirectxDevice::bring(const Frame& frame) {
  const auto* picture = std::get_if<D3d11Texture>(&frame.payload);
  if (picture == nullptr) {
    return fail(ErrorKind::kInvalidArgument, "NVENC reads Direct3D 11 textures here",
                "copy the picture into a texture of the encoder's device");
  }
  ComPtr<ID3D11Device> owner;
  picture->texture->GetDevice(&owner);
  if (owner.Get() != device_.Get()) {
    return fail(ErrorKind::kDeviceLost, "the GPU was opened again",
                "open the encoder again on the frame's device");
  }
  return frame;
}

Result<InputResource> DirectxDevice::resource(const Frame& frame) {
  const auto& picture = std::get<D3d11Texture>(frame.payload);
  auto format = buffer_format(picture.format);
  if (!format) return tl::unexpected(std::move(format.error()));
  InputResource resource;
  resource.type = NV_ENC_INPUT_RESOURCE_TYPE_DIRECTX;
  resource.handle = picture.texture.get();
  resource.pitch = 0;  // "for DIRECTX resources" (nvEncodeAPI.h, NV_ENC_REGISTER_RESOURCE)
  resource.format = *format;
  resource.allocation = picture.texture;
  return resource;
}

}  // namespace lumen::nvenc
