#include "zerocopy/egl/image.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "capture/dmabuf_memory.h"
#include "zerocopy/egl/layout_check.h"

namespace lumen::egl {
namespace {

constexpr std::array kFormats{Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA};

constexpr const char* kNoModeset = "nvidia-drm modeset is not loaded";
constexpr const char* kLoadModeset = "load nvidia-drm with modeset=1";

struct PlaneAttributes {
  EGLint fd, offset, pitch, modifier_low, modifier_high;
};
constexpr std::array<PlaneAttributes, 4> kPlanes{{
    {EGL_DMA_BUF_PLANE0_FD_EXT, EGL_DMA_BUF_PLANE0_OFFSET_EXT, EGL_DMA_BUF_PLANE0_PITCH_EXT,
     EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT},
    {EGL_DMA_BUF_PLANE1_FD_EXT, EGL_DMA_BUF_PLANE1_OFFSET_EXT, EGL_DMA_BUF_PLANE1_PITCH_EXT,
     EGL_DMA_BUF_PLANE1_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE1_MODIFIER_HI_EXT},
    {EGL_DMA_BUF_PLANE2_FD_EXT, EGL_DMA_BUF_PLANE2_OFFSET_EXT, EGL_DMA_BUF_PLANE2_PITCH_EXT,
     EGL_DMA_BUF_PLANE2_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE2_MODIFIER_HI_EXT},
    {EGL_DMA_BUF_PLANE3_FD_EXT, EGL_DMA_BUF_PLANE3_OFFSET_EXT, EGL_DMA_BUF_PLANE3_PITCH_EXT,
     EGL_DMA_BUF_PLANE3_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE3_MODIFIER_HI_EXT},
}};

/// A list of EGL's name-value pairs, ended by EGL_NONE.
class Attributes {
 public:
  template <typename Value>
  void add(EGLint name, Value value) {
    values_[count_++] = name;
    values_[count_++] = static_cast<EGLint>(value);
  }
  [[nodiscard]] const EGLint* ended() {
    values_[count_] = EGL_NONE;
    return values_.data();
  }

 private:
  std::array<EGLint, 64> values_{};  // 4 general pairs and 5 for each of 4 planes
  std::size_t count_ = 0;
};

}  // namespace

Fourcc with_alpha(Fourcc format) {
  switch (format) {
    case Fourcc::kBGRx: return Fourcc::kBGRA;
    case Fourcc::kRGBx: return Fourcc::kRGBA;
    default: return format;
  }
}

Result<std::unique_ptr<ImageImporter>> ImageImporter::create(const cuda::DeviceInfo& device,
                                                             EglSettings settings, ImageUse use) {
  auto driver = load_driver(settings.library);
  if (!driver) return tl::unexpected(std::move(driver.error()));
  auto display = settings.gbm_node.empty()
                     ? Display::create(std::move(*driver), device, settings.device)
                     : Display::create_on_gbm(std::move(*driver), settings.gbm_node);
  if (!display) return tl::unexpected(std::move(display.error()));
  std::unique_ptr<ImageImporter> importer(new ImageImporter(std::move(settings), use));
  importer->display_ = std::move(*display);
  const Display& egl = *importer->display_;
  if (!importer->settings_.make_image) {
    // NVIDIA's driver 580 lists dmabuf import on its device platform whether or not the kernel can
    // do it, and fails with EGL_BAD_ALLOC at the first image.
    if (egl.vendor() == "NVIDIA" && egl.drm_node().empty()) {
      return fail(ErrorKind::kUnsupported, kNoModeset, kLoadModeset);
    }
    if (!egl.imports_dmabufs()) {
      return fail(ErrorKind::kUnsupported,
                  fmt::format("{}'s EGL does not import dmabufs", egl.vendor()));
    }
  }
  auto context = GlContext::create(importer->display_);
  if (!context) return tl::unexpected(std::move(context.error()));
  importer->context_ = std::move(*context);
  if (auto queried = importer->query_formats(); !queried) {
    return tl::unexpected(std::move(queried.error()));
  }
  return importer;
}

Result<void> ImageImporter::query_formats() {
  for (const Fourcc format : kFormats) {
    Format entry{format, format, settings_.image_layouts};
    if (!settings_.make_image) {
      entry.layouts = {};
      if (use_ == ImageUse::kCuda) {
        // NVIDIA's driver is reported to refuse cuGraphicsEGLRegisterImage for images labelled
        // XRGB or XBGR and to take the same bytes labelled ARGB or ABGR.
        entry.label = with_alpha(format);
        entry.layouts = query_layouts(*display_, entry.label);
      }
      if (entry.layouts.empty()) {
        entry.label = format;
        entry.layouts = query_layouts(*display_, entry.label);
      }
    }
    std::erase_if(entry.layouts, [&](const ImageLayout& layout) {
      // CUDA reads what GL could sample as an ordinary texture. LINEAR stays, last, although
      // NVIDIA marks it external-only: whether CUDA takes it shows when it is tried.
      if (use_ == ImageUse::kCuda) {
        return layout.external_only && layout.modifier != kModifierLinear;
      }
      return layout.external_only && !context_->gl().samples_external;
    });
    if (!entry.layouts.empty()) formats_.push_back(std::move(entry));
  }
  if (formats_.empty()) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("{}'s EGL imports no 32-bit RGB dmabufs", display_->vendor()));
  }
  return {};
}

const ImageImporter::Format* ImageImporter::find(Fourcc format) const {
  const auto entry = std::ranges::find(formats_, format, &Format::format);
  return entry == formats_.end() ? nullptr : &*entry;
}

const ImageLayout* ImageImporter::find(Fourcc format, Modifier modifier) const {
  const Format* const entry = find(format);
  if (entry == nullptr) return nullptr;
  const auto layout = std::ranges::find(entry->layouts, modifier, &ImageLayout::modifier);
  return layout == entry->layouts.end() ? nullptr : &*layout;
}

std::vector<FormatOffer> ImageImporter::offers() const {
  std::vector<FormatOffer> offers;
  for (const Format& entry : formats_) {
    FormatOffer offer{entry.format, {}};
    for (const ImageLayout& layout : entry.layouts) offer.modifiers.push_back(layout.modifier);
    offers.push_back(std::move(offer));
  }
  return offers;
}

bool ImageImporter::external_only(Fourcc format, Modifier modifier) const {
  const ImageLayout* const layout = find(format, modifier);
  return layout != nullptr && layout->external_only;
}

Result<Image> ImageImporter::import(const CapturedFrame& frame, const DmaBufImage& image) const {
  if (auto checked = check_layout(frame, image); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  if (find(frame.format, image.modifier) == nullptr) {
    return fail(ErrorKind::kFormatRejected,
                fmt::format("EGL does not list {} with modifier {}", to_string(frame.format),
                            to_string(image.modifier)));
  }
  auto handle = settings_.make_image
                    ? settings_.make_image(display_->handle(), context_->handle(), frame)
                    : import_dmabuf(frame, image);
  if (!handle) return tl::unexpected(std::move(handle.error()));
  return Image(*handle, ImageDeleter{display_});
}

Result<EGLImageKHR> ImageImporter::import_dmabuf(const CapturedFrame& frame,
                                                 const DmaBufImage& image) const {
  if (auto checked = check_is_dmabuf(*image.memory); !checked) {
    return tl::unexpected(std::move(checked.error()));
  }
  Attributes attributes;
  attributes.add(EGL_WIDTH, frame.size.width);
  attributes.add(EGL_HEIGHT, frame.size.height);
  attributes.add(EGL_LINUX_DRM_FOURCC_EXT, find(frame.format)->label);
  // Without it the contents become undefined (EGL_KHR_image_base).
  attributes.add(EGL_IMAGE_PRESERVED_KHR, EGL_TRUE);
  for (unsigned i = 0; i < image.plane_count; ++i) {
    const unsigned file = i < image.memory->plane_count() ? i : 0;
    // The driver takes no ownership of the descriptor (EGL_EXT_image_dma_buf_import).
    attributes.add(kPlanes[i].fd, image.memory->plane(file).fd.borrow());
    attributes.add(kPlanes[i].offset, image.planes[i].offset_bytes);
    attributes.add(kPlanes[i].pitch, image.planes[i].pitch.bytes);
    if (image.modifier != kModifierInvalid) {
      attributes.add(kPlanes[i].modifier_low, image.modifier.value & 0xffff'ffffU);
      attributes.add(kPlanes[i].modifier_high, image.modifier.value >> 32);
    }
  }
  EGLImageKHR handle = display_->create_image(display_->handle(), EGL_NO_CONTEXT,
                                              EGL_LINUX_DMA_BUF_EXT, nullptr, attributes.ended());
  if (handle == EGL_NO_IMAGE_KHR) return refused();
  return handle;
}

tl::unexpected<Error> ImageImporter::refused() const {
  auto error = display_->driver().error(ErrorKind::kFormatRejected, "eglCreateImageKHR (dmabuf)");
  Error& value = error.value();
  const bool lost = value.code == EGL_CONTEXT_LOST || value.code == EGL_NOT_INITIALIZED ||
                    value.code == EGL_BAD_DISPLAY;
  if (lost) value.kind = ErrorKind::kDeviceLost;
  if (value.code == EGL_BAD_ALLOC && display_->vendor() == "NVIDIA" &&
      display_->drm_node().empty()) {
    value.kind = ErrorKind::kDeviceLost;
    value.message = std::string(kNoModeset) + ": " + value.message;
    value.hint = kLoadModeset;
  }
  return error;
}

}  // namespace lumen::egl
