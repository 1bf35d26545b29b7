// The commands of lumen-host: from parsed options to an exit code.
#pragma once

#include <functional>

#include "app/exit_code.h"
#include "app/options/config_file.h"
#include "app/options/stream_options.h"
#include "platform/linux/signal_wait.h"

namespace lumen {

/// The command line, environment and configuration file once more.
using ReadOptions = std::function<Result<StreamOptions>()>;

/// Streams until the limit in the options, a signal, or a failure; prints progress and the report.
/// SIGHUP, unless a terminal hangs up, has the options read again.
ExitCode run_stream(const StreamOptions& options, const ReadOptions& read_again,
                    SignalWait& signals);

ExitCode run_sources(const SourcesOptions& options);

/// Asks a running host; --watch until a signal.
ExitCode run_status(const StatusOptions& options, SignalWait& signals);
ExitCode run_ctl(const CtlOptions& options);

ExitCode run_config(const ConfigOptions& options, const ConfigLocation& location);

/// kOk, or kProblemsFound where something keeps lumen from working well here.
ExitCode run_doctor(const DoctorOptions& options, const ConfigLocation& location);

/// Always kOk where it could print its report.
ExitCode run_encoders(const EncodersOptions& options);

/// Always kOk where it could print its report: a machine without zero copy is an answer.
ExitCode run_probe(const ProbeOptions& options);

}  // namespace lumen
