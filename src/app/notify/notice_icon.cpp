#include "app/notify/notice_icon.h"

#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace lumen {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOwn = "io.github.lumen.Host";
// In the Icon Naming Specification's list.
constexpr std::string_view kStandard = "video-display";
constexpr const char* kDefaultDataDirs = "/usr/local/share:/usr/share";

bool is_set(const char* variable) { return variable != nullptr && *variable != '\0'; }

std::vector<fs::path> data_folders(const char* xdg_data_home, const char* home,
                                   const char* xdg_data_dirs) {
  std::vector<fs::path> folders;
  if (is_set(xdg_data_home)) {
    folders.emplace_back(xdg_data_home);
  } else if (is_set(home)) {
    folders.push_back(fs::path(home) / ".local/share");
  }
  std::istringstream list(is_set(xdg_data_dirs) ? xdg_data_dirs : kDefaultDataDirs);
  for (std::string folder; std::getline(list, folder, ':');) folders.emplace_back(folder);
  return folders;
}

}  // namespace

std::string notice_icon(const char* xdg_data_home, const char* home, const char* xdg_data_dirs) {
  const fs::path file = fs::path("icons/hicolor/scalable/apps") / (std::string(kOwn) + ".svg");
  for (const fs::path& folder : data_folders(xdg_data_home, home, xdg_data_dirs)) {
    std::error_code none;
    if (folder.is_absolute() && fs::exists(folder / file, none)) return std::string(kOwn);
  }
  return std::string(kStandard);
}

}  // namespace lumen
