#include "app/options/audio_spec.h"

#include <utility>

#include <fmt/format.h>

#include "capture/audio/synthetic_sound.h"

namespace lumen {
namespace {

constexpr std::string_view kAudioForms =
    "use auto, off, node:NAME, node:id=N or node:serial=N; 'pw-cli ls Node' lists what is there";

}  // namespace

Result<AudioSpec> parse_audio_spec(std::string_view text) {
  constexpr std::string_view kSynthetic = "synthetic";
  if (text == "auto") return AutoAudio{};
  if (text == "off") return NoAudio{};
  if (text == kSynthetic) return SyntheticAudio{};
  if (text.starts_with("synthetic:")) {
    const std::string_view spec = text.substr(kSynthetic.size() + 1);
    if (auto parsed = parse_synthetic_sound(spec); !parsed) {
      return tl::unexpected(std::move(parsed.error()));
    }
    return SyntheticAudio{std::string(spec)};
  }
  auto source = text.starts_with("node:") ? parse_source_spec(text)
                                          : fail(ErrorKind::kInvalidArgument,
                                                 fmt::format("'{}' is no source of sound", text));
  if (!source) {
    source.error().hint = kAudioForms;
    return tl::unexpected(std::move(source.error()));
  }
  return std::get<NodeSource>(std::move(*source));
}

}  // namespace lumen
