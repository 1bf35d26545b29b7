// The CPU route: converts straight from the producer's memory into pooled encoder input.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "zerocopy/cpu/dmabuf_mapping.h"
#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/cpu/picture.h"
#include "zerocopy/cpu/stale_regions.h"
#include "zerocopy/frame_importer.h"

namespace lumen::cpu {

struct CpuImporterSettings {
  unsigned pool_images = ImagePool::kDefaultLimit;  // frames that may be out at once; not zero
  DmaBufSync dmabuf_sync = sync_dmabuf;
  /// How long a frame may wait for its producer's GPU (explicit sync).
  std::chrono::milliseconds producer_limit{250};
};

/// Takes host memory and LINEAR dmabufs, packed RGB of 8 and 10 bits, NV12 and P010. A frame of the
/// target's size (odd sides rounded up) is converted directly; any other through a picture of its
/// own size, which gives the producer's buffer back before the scaling.
///
/// Of a frame whose damage is known only what the pooled image lacks is read: an image in use two
/// pictures ago lacks what has changed since.
///
/// Frames from RGB carry the target's colour description, those from Y'CbCr the capture's, because
/// their samples are not touched.
class CpuImporter final : public FrameImporter {
 public:
  static std::unique_ptr<FrameImporter> make(CpuImporterSettings settings = {});

  explicit CpuImporter(CpuImporterSettings settings);

  /// Host memory comes first: reading a discrete GPU's memory through mmap is uncached and can be
  /// slower by orders of magnitude than the copy that the producer makes with its GPU.
  [[nodiscard]] std::vector<FormatOffer> offers() const override;
  Result<void> configure(const ImportTarget& target) override;
  Result<Frame> import(CapturedFrame captured) override;
  [[nodiscard]] std::string_view route() const override { return route_; }
  [[nodiscard]] PoolStatus pool() const override { return pool_ ? pool_->status() : PoolStatus{}; }

 private:
  /// What decides, besides the pixels, how a picture comes out.
  struct Source {
    Fourcc format = Fourcc::kNone;
    Extent size;
    Rect visible;
    ColorDescription color;
    friend bool operator==(const Source&, const Source&) = default;
  };

  /// Brings the visible part into `image`, in its own size: what the image lacks of it is read from
  /// the producer's memory once, from front to back.
  Result<void> update(const CpuImage& image, const CapturedFrame& captured, const Rect& visible);
  Result<void> read(const CapturedFrame& captured, const Rect& visible, const TargetPicture& into,
                    std::span<const Rect> parts);
  /// The visible part in an image of its own size.
  Result<CpuImage> stage(const CapturedFrame& captured, const Rect& visible);

  CpuImporterSettings settings_;
  DmaBufReader dmabufs_;
  ImportTarget target_;
  std::unique_ptr<ImagePool> pool_;     // of the target's size; null before configure()
  std::unique_ptr<ImagePool> staging_;  // of the source's, while it differs; one image
  StaleRegions stale_;                  // of the images of both
  Source source_;
  std::string_view route_ = "cpu";
};

}  // namespace lumen::cpu
