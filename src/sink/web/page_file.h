// The page's files, built into the program (src/sink/web/page, cmake/EmbedFiles.cmake).
#pragma once

#include <span>
#include <string_view>

namespace lumen::web {

struct PageFile {
  std::string_view path;  // "/player.js"
  std::string_view content_type;
  std::string_view bytes;
};

std::span<const PageFile> page_files();

}  // namespace lumen::web
