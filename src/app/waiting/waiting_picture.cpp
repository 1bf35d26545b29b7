#include "app/waiting/waiting_picture.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "app/waiting/bitmap_font.h"

namespace lumen {
namespace {

constexpr Rgb kBackground{24, 26, 31};
constexpr Rgb kHeadline{230, 232, 236};
constexpr Rgb kDetail{150, 155, 165};
constexpr Rgb kDotDim{60, 64, 74};
constexpr Rgb kDotBright{110, 170, 255};
constexpr std::string_view kTitle = "Waiting for the session";
constexpr unsigned kDots = 5;
constexpr unsigned kDotAdvance = 8;  // in pixels of the font
constexpr unsigned kDotSide = 4;
constexpr std::size_t kDetailLines = 3;

// A quarter of the width stays free around the title.
unsigned scale_for(Extent size) {
  const auto columns = static_cast<std::uint32_t>(kTitle.size() * kGlyphAdvance);
  return std::max(1U, std::min(size.width * 3 / 4 / columns, size.height / (8 * kLineAdvance)));
}

void draw_line(const PixelsView& view, std::string_view text, std::uint32_t y, unsigned scale,
               Rgb color) {
  const auto width = static_cast<std::uint32_t>(text.size()) * kGlyphAdvance * scale;
  std::uint32_t x = view.size.width > width ? (view.size.width - width) / 2 : 0;
  for (const char character : text) {
    const Glyph& glyph = glyph_of(character);
    for (unsigned row = 0; row < kGlyphHeight; ++row) {
      for (unsigned column = 0; column < kGlyphWidth; ++column) {
        if ((glyph[row] >> (kGlyphWidth - 1 - column) & 1U) == 0) continue;
        fill_rect(view, {x + column * scale, y + row * scale, {scale, scale}}, color);
      }
    }
    x += kGlyphAdvance * scale;
  }
}

/// White on paper, in percent of the signal (ITU-R BT.2408-7, table 1): what lies above is for
/// lamps and the sun, and a headline as bright as that would blind.
unsigned white_percent(ColorTransfer transfer) {
  switch (transfer) {
    case ColorTransfer::kPq: return 58;
    case ColorTransfer::kHlg: return 75;
    default: return 100;
  }
}

}  // namespace

/// Packed RGB in memory of ours, as a capture source would hand it on.
class WaitingPicture::Canvas final : public HostMemory {
 public:
  explicit Canvas(Extent size)
      : size_(size),
        pitch_{row_bytes(kFormat, size.width)},
        pixels_(picture_bytes(kFormat, size.height, pitch_)) {}

  static constexpr Fourcc kFormat = Fourcc::kBGRx;

  [[nodiscard]] Extent size() const { return size_; }
  [[nodiscard]] PixelsView view() { return view_pixels(pixels_.data(), kFormat, size_, pitch_); }
  [[nodiscard]] Pitch pitch() const { return pitch_; }
  [[nodiscard]] ReadScope read() override { return {this, std::as_bytes(std::span(pixels_))}; }

 private:
  void end_read() noexcept override {}

  Extent size_;
  Pitch pitch_;
  std::vector<std::uint8_t> pixels_;
};

WaitingPicture::WaitingPicture(Extent size, ColorTransfer transfer)
    : importer_(cpu::CpuImporterSettings{}),
      canvas_(std::make_shared<Canvas>(size)),
      white_percent_(white_percent(transfer)) {}
WaitingPicture::~WaitingPicture() = default;

Result<std::unique_ptr<WaitingPicture>> WaitingPicture::create(const ImportTarget& target) {
  std::unique_ptr<WaitingPicture> self(new WaitingPicture(target.size, target.color.transfer));
  if (auto ready = self->importer_.configure(target); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  return self;
}

Result<Frame> WaitingPicture::draw(const std::string& missing) {
  if (missing != missing_) whole_ = true;
  if (whole_) {
    missing_ = missing;
    draw_text();
  }
  CapturedFrame picture;
  picture.image = ShmImage{canvas_, {PlaneLayout{0, canvas_->pitch()}}};
  picture.format = Canvas::kFormat;
  picture.size = canvas_->size();
  picture.crop = {0, 0, canvas_->size()};
  picture.times.mark(Stage::kProduced);
  const Rect moved = draw_dots();
  if (!whole_) {
    picture.damage = Damage::nothing();
    picture.damage.add(moved);
  }
  auto frame = importer_.import(std::move(picture));
  whole_ = !frame;
  return frame;
}

Rgb WaitingPicture::shown(Rgb color) const {
  const auto dim = [this](std::uint8_t level) {
    return static_cast<std::uint8_t>(level * white_percent_ / 100);
  };
  return {dim(color.r), dim(color.g), dim(color.b)};
}

// The title in the middle, the dots below it, then what is missing in half its size.
void WaitingPicture::draw_text() {
  const PixelsView view = canvas_->view();
  const Extent size = canvas_->size();
  fill_rect(view, {0, 0, size}, shown(kBackground));
  scale_ = scale_for(size);
  const std::uint32_t line = kLineAdvance * scale_;
  std::uint32_t y = size.height / 2 > 2 * line ? size.height / 2 - 2 * line : 0;
  draw_line(view, kTitle, y, scale_, shown(kHeadline));
  y += line + line / 2;
  dots_y_ = y;
  y += line + line / 2;
  const unsigned small = std::max(1U, scale_ / 2);
  const std::size_t columns = size.width * 7 / 8 / (kGlyphAdvance * small);
  auto lines = wrap_text(one_per_character(missing_), columns);
  if (lines.size() > kDetailLines) lines.resize(kDetailLines);
  for (const std::string& text : lines) {
    draw_line(view, text, y, small, shown(kDetail));
    y += kLineAdvance * small;
  }
}

/// The part of the picture that they take up.
Rect WaitingPicture::draw_dots() {
  const PixelsView view = canvas_->view();
  const std::uint32_t advance = kDotAdvance * scale_;
  const std::uint32_t width = ((kDots - 1) * kDotAdvance + kDotSide) * scale_;
  const std::uint32_t left = view.size.width > width ? (view.size.width - width) / 2 : 0;
  const std::uint32_t side = kDotSide * scale_;
  const auto bright = static_cast<unsigned>(step_++ % kDots);
  for (unsigned dot = 0; dot < kDots; ++dot) {
    fill_rect(view, {left + dot * advance, dots_y_, {side, side}},
              shown(dot == bright ? kDotBright : kDotDim));
  }
  return {left, dots_y_, {std::min(width, view.size.width), side}};
}

}  // namespace lumen
