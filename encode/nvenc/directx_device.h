// NVENC on a Direct3D 11 device: textures are registered where they lie.
#pragma once

#include <memory>

#include "encode/nvenc/device.h"
#include "zerocopy/d3d11/direct3d.h"

namespace lumen::nvenc {

class DirectxDevice final : public Device {
 public:
  /// Makes the device's immediate context safe for several threads, since NVENC uses it on two:
  /// the one that submits and the one that retrieves. Errors: kUnsupported, it can't be.
  static Result<std::unique_ptr<DirectxDevice>> create(d3d11::ComPtr<ID3D11Device> device);

  [[nodiscard]] NV_ENC_DEVICE_TYPE type() const override { return NV_ENC_DEVICE_TYPE_DIRECTX; }
  [[nodiscard]] void* handle() const override { return device_.Get(); }
  [[nodiscard]] FrameMemory memory() const override { return FrameMemory::kD3d11; }
  [[nodiscard]] bool takes(Fourcc format) const override;
  Result<Frame> bring(const Frame& frame) override;
  Result<InputResource> resource(const Frame& frame) override;
  /// nvEncMapInputResource does: it lets NVENC wait for what the device's context was given before.
  Result<void> order(const Driver&, void*) override { return {}; }

 private:
  explicit DirectxDevice(d3d11::ComPtr<ID3D11Device> device) : device_(std::move(device)) {}
  // A device needs not be made current.
  Result<void> enter() override { return {}; }
  void leave() override {}

  d3d11::ComPtr<ID3D11Device> device_;
};

}  // namespace lumen::nvenc
