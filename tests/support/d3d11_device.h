// A Direct3D 11 device, and pictures on the way to its textures (Windows).
#pragma once

#include <cstdint>
#include <vector>

#include <d3d11_4.h>
#include <wrl/client.h>

#include <gtest/gtest.h>

namespace lumen::test {

struct Direct3d {
  Microsoft::WRL::ComPtr<ID3D11Device> device;
  Microsoft::WRL::ComPtr<ID3D11DeviceContext> context;

  static Direct3d make() {
    Direct3d made;
    const HRESULT result = ::D3D11CreateDevice(
        nullptr, D3D_DRIVER_TYPE_HARDWARE, nullptr, D3D11_CREATE_DEVICE_BGRA_SUPPORT, nullptr, 0,
        D3D11_SDK_VERSION, &made.device, nullptr, &made.context);
    EXPECT_TRUE(SUCCEEDED(result)) << "D3D11CreateDevice: 0x" << std::hex << result;
    return made;
  }

  void protect() const {
    Microsoft::WRL::ComPtr<ID3D11Multithread> threads;
    ASSERT_TRUE(SUCCEEDED(context.As(&threads)));
    threads->SetMultithreadProtected(TRUE);
  }

  [[nodiscard]] Microsoft::WRL::ComPtr<ID3D11Texture2D> texture(UINT width, UINT height,
                                                                DXGI_FORMAT format) const {
    D3D11_TEXTURE2D_DESC description{};
    description.Width = width;
    description.Height = height;
    description.MipLevels = description.ArraySize = 1;
    description.Format = format;
    description.SampleDesc.Count = 1;
    description.BindFlags = D3D11_BIND_RENDER_TARGET;
    Microsoft::WRL::ComPtr<ID3D11Texture2D> made;
    EXPECT_TRUE(SUCCEEDED(device->CreateTexture2D(&description, nullptr, &made)));
    return made;
  }

  /// Four bytes a pixel, rows without gaps.
  void write(ID3D11Texture2D* to, const std::vector<std::uint8_t>& pixels, UINT width) const {
    context->UpdateSubresource(to, 0, nullptr, pixels.data(), width * 4, 0);
  }
};

}  // namespace lumen::test
