#include "zerocopy/cursor_stage.h"

#include <variant>

#include "zerocopy/cpu/cursor_painter.h"
#include "zerocopy/cuda/cursor_painter.h"

namespace lumen {
namespace {

struct FormatOf {
  Fourcc operator()(const D3d11Texture&) const { return Fourcc::kNone; }
  template <typename Payload>
  Fourcc operator()(const Payload& payload) const {
    return payload.format;
  }
};

}  // namespace

CursorStage::CursorStage() = default;
CursorStage::~CursorStage() = default;

void CursorStage::lose_gpu() {
  gpu_.reset();
  forget();
}

void CursorStage::place(const CursorPlacement& placement) {
  if (placed_ == cursor_ && placement_ == placement) return;
  overlay_ = make_overlay(cursor_, placement);
  placed_ = cursor_;
  placement_ = placement;
  if (gpu_) gpu_->overlay_changed();
}

Result<Frame> CursorStage::paint(const Frame& clean) {
  Frame frame = clean;
  painted_ = {};
  const Fourcc format = std::visit(FormatOf{}, clean.payload);
  if (cursor_.shape != nullptr && format != Fourcc::kNone) {
    place({visible_, clean.size, format, clean.color});
    if (!overlay_.rect.size.empty()) {
      painted_ = {cursor_.shape, overlay_.rect, {cursor_.x, cursor_.y}};
    }
  }
  if (painted_ != encoded_) {
    frame.damage.add(painted_.rect);
    frame.damage.add(encoded_.rect);
  }
  if (painted_.shape == nullptr) {
    if (cpu_) cpu_->forget();
    return frame;
  }
  auto payload = draw(clean, clean.damage);
  if (!payload) return tl::unexpected(std::move(payload.error()));
  frame.payload = std::move(*payload);
  return frame;
}

Result<FramePayload> CursorStage::draw(const Frame& clean, const Damage& changed) {
  if (const auto* image = std::get_if<CpuImage>(&clean.payload)) {
    if (!cpu_) cpu_ = std::make_unique<cpu::CursorPainter>();
    return cpu_->paint(*image, clean.size, changed, overlay_);
  }
  if (const auto* buffer = std::get_if<CudaBuffer>(&clean.payload)) {
    auto painter = gpu_painter(buffer->context);
    if (!painter) return tl::unexpected(std::move(painter.error()));
    return (*painter)->paint(*buffer, clean.size, overlay_);
  }
  const auto& array = std::get<CudaArray>(clean.payload);
  auto painter = gpu_painter(array.context);
  if (!painter) return tl::unexpected(std::move(painter.error()));
  return (*painter)->paint(array, clean.size, overlay_);
}

Result<cuda::CursorPainter*> CursorStage::gpu_painter(
    const std::shared_ptr<const cuda::Context>& context) {
  if (gpu_ && gpu_->context() == context) return gpu_.get();
  gpu_.reset();
  auto painter = cuda::CursorPainter::create(context);
  if (!painter) return tl::unexpected(std::move(painter.error()));
  gpu_ = std::move(*painter);
  return gpu_.get();
}

}  // namespace lumen
