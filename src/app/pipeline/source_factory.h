// --source → CaptureSource.
#pragma once

#include <memory>

#include "app/options/source_spec.h"
#include "capture/capture_source.h"

namespace lumen {

Result<std::unique_ptr<CaptureSource>> create_source(const SourceSpec& spec);

}  // namespace lumen
