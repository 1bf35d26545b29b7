// Whether a TCP port can be listened at.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"

namespace lumen::doctor {

/// `address` is numeric. kRetry: it is taken. kInvalidArgument: the address is not this machine's.
Result<void> try_port(const std::string& address, std::uint16_t port);

}  // namespace lumen::doctor
