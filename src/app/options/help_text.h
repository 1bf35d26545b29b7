// What --help and --version print. Pure.
#pragma once

#include <string>
#include <string_view>

namespace lumen {

std::string general_help();
std::string stream_help();
/// Of a command other than stream.
std::string tool_help(std::string_view command);
std::string version_text();

}  // namespace lumen
