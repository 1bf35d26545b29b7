// The programs of another root (tools/vm.sh run --root), used from this one: a new compositor with
// its own PipeWire beside a lumen-host built here.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"

namespace lumen::session {

/// Makes this process and its children find `programs` in the root at /guest first: each gets a
/// script in a folder put in front of PATH, which enters that root and drops the library paths of
/// this one. /tmp and /run are shared, so sockets work across. kUnsupported: there is no other
/// root.
Result<void> use_other_root(const std::vector<std::string>& programs);

/// The version of a package in the other root, from its dpkg database; empty: not installed.
std::string other_root_version(const std::string& package);

}  // namespace lumen::session
