// What --help and --version print. Pure.
#pragma once

#include <string>

namespace lumen {

std::string general_help();
std::string stream_help();
std::string sources_help();
std::string encoders_help();
std::string probe_help();
std::string version_text();

}  // namespace lumen
