// What lumen-host's exit status means. Documented in the man page; scripts depend on the numbers.
#pragma once

namespace lumen {

enum class ExitCode : int {
  kOk = 0,              // done, or stopped cleanly by SIGINT or SIGTERM
  kInternalError = 1,   // a defect of lumen or of the system below it
  kUsage = 2,           // wrong command line or configuration file
  kSourceNotFound = 3,  // no such source, or nothing to capture
  kPipeWireUnreachable = 4,
  kOutputFailed = 5,  // a sink could not be opened, or the last one failed
  kEncoderUnavailable = 6,
  kCaptureFailed = 7,        // the source was lost for good
  kZeroCopyUnavailable = 8,  // --zerocopy require, and no GPU route works (any more)
  kNotRunning = 9,           // status, ctl, stop: no such host runs, or it does not answer
  kRefused = 10,             // ctl: the host refused
  kProblemsFound = 11,       // doctor: something is to be done
  kDeclined = 12,            // the user declined to share the screen, or stopped sharing it
};

}  // namespace lumen
