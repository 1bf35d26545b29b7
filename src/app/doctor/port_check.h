// Whether a page can listen at its TCP port, or at one of those that it tries next.
#pragma once

#include "app/doctor/finding.h"
#include "sink/web/web_settings.h"

namespace lumen::doctor {

/// Tries them as the page would, and lets go of them again.
Finding port_finding(const WebSettings& page);

}  // namespace lumen::doctor
