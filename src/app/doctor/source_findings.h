// What doctor says of the sources in this session. Pure: from what was found here.
#pragma once

#include "app/doctor/finding.h"
#include "app/pipeline/source_choice.h"
#include "core/error.h"

namespace lumen::doctor {

/// `portal`: what look_for_portal() returned.
Finding portal_finding(const Result<void>& portal);

/// What --source auto would take and why; what the compositor forbids.
Findings source_findings(const Surroundings& around);

}  // namespace lumen::doctor
