#include "sink/file/file_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

namespace lumen {
namespace {

constexpr std::array<std::pair<std::string_view, Container>, 8> kExtensions{{
    {"mp4", Container::kMp4},
    {"m4v", Container::kMp4},
    {"mkv", Container::kMatroska},
    {"h264", Container::kH264},
    {"264", Container::kH264},
    {"hevc", Container::kHevc},
    {"h265", Container::kHevc},
    {"265", Container::kHevc},
}};

std::string_view spoken(Codec codec) {
  switch (codec) {
    case Codec::kHevc: return "HEVC";
    case Codec::kAv1: return "AV1";
    case Codec::kH264: break;
  }
  return "H.264";
}

}  // namespace

Result<Container> container_of(const FileSettings& settings) {
  std::string name = settings.format;
  if (name.empty()) {
    if (settings.path == "-") return Container::kMatroska;
    name = std::filesystem::path(settings.path).extension().string();
    if (!name.empty()) name.erase(0, 1);
  }
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [extension, container] : kExtensions) {
    if (name == extension) return container;
  }
  return fail(ErrorKind::kInvalidArgument,
              settings.format.empty() ? "can't tell the container of \"" + settings.path + "\""
                                      : "unknown container \"" + settings.format + "\"",
              "use .mp4, .mkv, .h264 or .hevc, or add ?format=mp4|mkv|h264|hevc");
}

Result<void> check_codec(Container container, Codec codec) {
  const auto raw_only = [&](Codec fits, std::string_view extension) -> Result<void> {
    if (codec == fits) return {};
    const std::string hint = codec == Codec::kAv1
                                 ? "name the file .mp4 or .mkv"
                                 : fmt::format("name the file .{}, .mp4 or .mkv, or use --codec {}",
                                               to_string(codec), to_string(fits));
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("a .{} file can't hold {}", extension, spoken(codec)), hint);
  };
  if (container == Container::kH264) return raw_only(Codec::kH264, "h264");
  if (container == Container::kHevc) return raw_only(Codec::kHevc, "hevc");
  return {};
}

}  // namespace lumen
