#include "sink/file/file_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <utility>

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
  const bool h264 = codec == Codec::kH264;
  if ((container == Container::kH264 && !h264) || (container == Container::kHevc && h264)) {
    return fail(ErrorKind::kInvalidArgument,
                h264 ? "a .hevc file can't hold H.264" : "a .h264 file can't hold HEVC",
                h264 ? "name the file .h264, .mp4 or .mkv, or use --codec hevc"
                     : "name the file .hevc, .mp4 or .mkv, or use --codec h264");
  }
  return {};
}

}  // namespace lumen
