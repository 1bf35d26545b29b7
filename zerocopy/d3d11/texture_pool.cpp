#include "zerocopy/d3d11/texture_pool.h"

#include <utility>

#include "zerocopy/frame_geometry.h"

namespace lumen::d3d11 {

Result<std::unique_ptr<TexturePool>> TexturePool::create(ComPtr<ID3D11Device> device, Fourcc format,
                                                         Extent size, unsigned limit) {
  if (auto known = texture_format(format); !known) {
    return tl::unexpected(std::move(known.error()));
  }
  if (size.empty() || size.width > kMaxSide || size.height > kMaxSide || even_size(size) != size ||
      limit == 0) {
    return fail(ErrorKind::kInvalidArgument, "impossible frame size",
                "both sides are even and at most " + std::to_string(kMaxSide));
  }
  if (!can_make(*device.Get(), format)) {
    return fail(ErrorKind::kUnsupported, "this GPU makes no textures of " + to_string(format),
                "use BGRx, which every GPU has");
  }
  return std::unique_ptr<TexturePool>(new TexturePool(std::move(device), limit, format, size));
}

TexturePool::~TexturePool() { store_->close(); }

PoolStatus TexturePool::status() const { return store_->status(); }

Result<TexturePool::Texture> TexturePool::make() {
  auto format = texture_format(format_);
  if (!format) return tl::unexpected(std::move(format.error()));
  D3D11_TEXTURE2D_DESC description{};
  description.Width = size_.width;
  description.Height = size_.height;
  description.MipLevels = 1;
  description.ArraySize = 1;
  description.Format = *format;
  description.SampleDesc.Count = 1;
  description.Usage = D3D11_USAGE_DEFAULT;
  // What NVENC reads is made so in NVIDIA's samples (NvEncoderD3D11).
  description.BindFlags = D3D11_BIND_RENDER_TARGET;
  ComPtr<ID3D11Texture2D> texture;
  auto made = check(device_->CreateTexture2D(&description, nullptr, &texture), "CreateTexture2D");
  if (!made) return with_context("a texture for a frame", std::move(made.error()));
  return Texture(texture.Detach(), [](ID3D11Texture2D* last) { last->Release(); });
}

Result<D3d11Texture> TexturePool::acquire() {
  auto texture = store_->take([this] { return make(); });
  if (!texture) return tl::unexpected(std::move(texture.error()));
  D3d11Texture frame;
  frame.texture = *texture;
  frame.format = format_;
  frame.memory = std::shared_ptr<void>(texture->get(),
                                       [store = store_, held = std::move(*texture)](void*) mutable {
                                         store->give_back(std::move(held));
                                       });
  return frame;
}

}  // namespace lumen::d3d11
