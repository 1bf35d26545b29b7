// The commands of lumen-host: from parsed options to an exit code.
#pragma once

#include "app/exit_code.h"
#include "app/options/stream_options.h"
#include "platform/linux/signal_wait.h"

namespace lumen {

/// Streams until the limit in the options, a signal, or a failure; prints progress and the report.
ExitCode run_stream(const StreamOptions& options, SignalWait& signals);

ExitCode run_sources(const SourcesOptions& options);

/// Always kOk where it could print its report.
ExitCode run_encoders(const EncodersOptions& options);

/// Always kOk where it could print its report: a machine without zero copy is an answer.
ExitCode run_probe(const ProbeOptions& options);

}  // namespace lumen
