// The picture beside a notification, by its name in the icon theme.
#pragma once

#include <string>

namespace lumen {

/// The program's own icon where it is installed; else one that every theme has. The arguments are
/// the environment's variables of the XDG Base Directory Specification, each of which may be null.
/// Any thread; looks at the file system.
std::string notice_icon(const char* xdg_data_home, const char* home, const char* xdg_data_dirs);

}  // namespace lumen
