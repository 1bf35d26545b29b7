// Direct3D 11: its errors as Results, its names of lumen's formats.
#pragma once

#include <string_view>

#include <d3d11.h>
#include <wrl/client.h>

#include "core/error.h"
#include "core/pixel_format.h"

namespace lumen::d3d11 {

using Microsoft::WRL::ComPtr;

/// An error for a failed call, domain "hresult": kDeviceLost, the device is of no use any more;
/// kIo otherwise.
Result<void> check(HRESULT result, std::string_view call);

/// kInvalidArgument: lumen makes no textures of it.
Result<DXGI_FORMAT> texture_format(Fourcc format);

/// The device can make textures of it.
bool can_make(ID3D11Device& device, Fourcc format);

}  // namespace lumen::d3d11
