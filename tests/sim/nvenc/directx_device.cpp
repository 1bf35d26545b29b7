// As late as it may: textures are read when the chip encodes, through a staging copy.
#include <cstring>

#include <d3d11.h>
#include <wrl/client.h>

#include "simulator.h"

namespace lumen::sim::nvenc {
namespace {

using Microsoft::WRL::ComPtr;

/// DXGI_FORMAT_UNKNOWN: no texture has it.
DXGI_FORMAT texture_format(NV_ENC_BUFFER_FORMAT format) {
  switch (format) {
    case NV_ENC_BUFFER_FORMAT_ARGB: return DXGI_FORMAT_B8G8R8A8_UNORM;
    case NV_ENC_BUFFER_FORMAT_ABGR: return DXGI_FORMAT_R8G8B8A8_UNORM;
    case NV_ENC_BUFFER_FORMAT_NV12: return DXGI_FORMAT_NV12;
    default: return DXGI_FORMAT_UNKNOWN;
  }
}

class DirectxDevice final : public Device {
 public:
  DirectxDevice(ComPtr<ID3D11Device> device, ComPtr<ID3D11DeviceContext> context)
      : device_(std::move(device)), context_(std::move(context)) {}

  [[nodiscard]] bool usable() const override { return device_->GetDeviceRemovedReason() == S_OK; }
  void check_thread(Simulator&) const override {}

  NVENCSTATUS check_resource(Simulator& sim,
                             const NV_ENC_REGISTER_RESOURCE& resource) const override {
    if (resource.resourceType != NV_ENC_INPUT_RESOURCE_TYPE_DIRECTX ||
        resource.subResourceIndex != 0) {
      return NV_ENC_ERR_UNIMPLEMENTED;
    }
    if (texture_format(resource.bufferFormat) == DXGI_FORMAT_UNKNOWN) {
      return NV_ENC_ERR_UNSUPPORTED_PARAM;
    }
    // "For ::NV_ENC_INPUT_RESOURCE_TYPE_DIRECTX resources, set this to 0."
    if (resource.pitch != 0) {
      return sim.broken(NV_ENC_ERR_INVALID_PARAM, "pitch of a texture is not 0");
    }
    ComPtr<ID3D11Texture2D> texture;
    auto* const unknown = static_cast<IUnknown*>(resource.resourceToRegister);
    if (FAILED(unknown->QueryInterface(IID_PPV_ARGS(&texture)))) {
      return sim.broken(NV_ENC_ERR_RESOURCE_REGISTER_FAILED, "not a Direct3D 11 texture");
    }
    ComPtr<ID3D11Device> owner;
    texture->GetDevice(&owner);
    if (owner.Get() != device_.Get()) {
      return sim.broken(NV_ENC_ERR_RESOURCE_REGISTER_FAILED, "the texture is of another device");
    }
    D3D11_TEXTURE2D_DESC description{};
    texture->GetDesc(&description);
    if (description.Format != texture_format(resource.bufferFormat)) {
      return sim.broken(NV_ENC_ERR_INVALID_PARAM, "bufferFormat is not the texture's");
    }
    if (description.Width < resource.width || description.Height < resource.height) {
      return sim.broken(NV_ENC_ERR_INVALID_PARAM,
                        "the texture is smaller than the registration says");
    }
    return NV_ENC_SUCCESS;
  }

  void hold(Simulator&, Registration& registration) override { texture_of(registration)->AddRef(); }
  void release(Simulator& sim, const Registration& registration) override {
    if (texture_of(registration)->Release() == 0) {
      sim.violation("the texture was released while it was registered");
    }
  }

  NVENCSTATUS set_streams(Simulator& sim, NV_ENC_CUSTREAM_PTR, NV_ENC_CUSTREAM_PTR) override {
    return sim.broken(NV_ENC_ERR_INVALID_CALL, "CUDA streams for a Direct3D device");
  }
  // Whatever the immediate context was given comes before the staging copy.
  NVENCSTATUS mark_work(Simulator&, WorkMark&) const override { return NV_ENC_SUCCESS; }
  [[nodiscard]] bool wait(const WorkMark&) const override { return true; }

  [[nodiscard]] bool read(const NV_ENC_REGISTER_RESOURCE& resource, NV_ENC_BUFFER_FORMAT format,
                          std::size_t width, std::size_t height, RawPlanes& pixels) const override {
    auto* const texture = static_cast<ID3D11Texture2D*>(resource.resourceToRegister);
    D3D11_TEXTURE2D_DESC description{};
    texture->GetDesc(&description);
    const std::size_t texture_rows = description.Height;
    description.Usage = D3D11_USAGE_STAGING;
    description.BindFlags = 0;
    description.MiscFlags = 0;
    description.CPUAccessFlags = D3D11_CPU_ACCESS_READ;
    ComPtr<ID3D11Texture2D> staging;
    if (FAILED(device_->CreateTexture2D(&description, nullptr, &staging))) return false;
    context_->CopyResource(staging.Get(), texture);
    D3D11_MAPPED_SUBRESOURCE mapped{};
    if (FAILED(context_->Map(staging.Get(), 0, D3D11_MAP_READ, 0, &mapped))) return false;
    for (const PlaneLayout& plane :
         planes_of(format, width, height, mapped.RowPitch, texture_rows)) {
      auto& rows = pixels.emplace_back(plane.row_bytes * plane.rows);
      const auto* from = static_cast<const std::uint8_t*>(mapped.pData) + plane.offset;
      for (std::size_t y = 0; y < plane.rows; ++y) {
        std::memcpy(rows.data() + y * plane.row_bytes, from + y * plane.pitch, plane.row_bytes);
      }
    }
    context_->Unmap(staging.Get(), 0);
    return true;
  }

 private:
  static ID3D11Texture2D* texture_of(const Registration& registration) {
    return static_cast<ID3D11Texture2D*>(registration.description.resourceToRegister);
  }

  ComPtr<ID3D11Device> device_;
  ComPtr<ID3D11DeviceContext> context_;
};

}  // namespace

NVENCSTATUS Device::open(Simulator& sim, const NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS& params,
                         std::shared_ptr<Device>& device) {
  if (params.deviceType != NV_ENC_DEVICE_TYPE_DIRECTX) return NV_ENC_ERR_UNSUPPORTED_DEVICE;
  ComPtr<ID3D11Device> direct3d;
  auto* const unknown = static_cast<IUnknown*>(params.device);
  if (unknown == nullptr || FAILED(unknown->QueryInterface(IID_PPV_ARGS(&direct3d)))) {
    return sim.broken(NV_ENC_ERR_INVALID_DEVICE, "no Direct3D 11 device");
  }
  ComPtr<ID3D11DeviceContext> context;
  direct3d->GetImmediateContext(&context);
  device = std::make_shared<DirectxDevice>(std::move(direct3d), std::move(context));
  return NV_ENC_SUCCESS;
}

}  // namespace lumen::sim::nvenc
