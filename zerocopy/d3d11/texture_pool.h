// Encoder input in Direct3D 11 textures that are used again and again: nothing is allocated per
// frame.
#pragma once

#include <memory>

#include "core/geometry.h"
#include "zerocopy/d3d11/direct3d.h"
#include "zerocopy/frame.h"
#include "zerocopy/recycling_pool.h"

namespace lumen::d3d11 {

/// A bounded pool of textures of one format and size. A texture comes back when its last
/// D3d11Texture is dropped, on any thread, and may outlive the pool: it is then released instead.
class TexturePool {
 public:
  /// Eight in an encoder, the last one for repeats, the next one, and slack.
  static constexpr unsigned kDefaultLimit = 12;

  /// BGRx, BGRA or NV12; even sides. Makes no texture yet.
  /// Errors: kInvalidArgument; kUnsupported, this device has no such textures.
  static Result<std::unique_ptr<TexturePool>> create(ComPtr<ID3D11Device> device, Fourcc format,
                                                     Extent size, unsigned limit = kDefaultLimit);
  ~TexturePool();
  TexturePool(const TexturePool&) = delete;
  TexturePool& operator=(const TexturePool&) = delete;

  /// A texture with undefined contents. Any thread.
  /// Errors: kRetry, all textures are out; kIo, out of GPU memory; kDeviceLost.
  Result<D3d11Texture> acquire();

  [[nodiscard]] PoolStatus status() const;

 private:
  using Texture = std::shared_ptr<ID3D11Texture2D>;
  using Store = RecyclingPool<Texture>;

  TexturePool(ComPtr<ID3D11Device> device, unsigned limit, Fourcc format, Extent size)
      : device_(std::move(device)),
        store_(std::make_shared<Store>(limit)),
        format_(format),
        size_(size) {}
  Result<Texture> make();

  ComPtr<ID3D11Device> device_;
  std::shared_ptr<Store> store_;
  Fourcc format_;
  Extent size_;
};

}  // namespace lumen::d3d11
