// Runs lumen-host on a source that shows the test pattern, and tells what a viewer of its recording
// would see. For tests inside the virtual machine, where everything is slow: nothing here depends
// on how many frames a second come.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/geometry.h"
#include "harness/private_session.h"

namespace lumen::session {

/// What lumen-host said about a run.
struct HostRun {
  int exit_code = -1;
  // Every one that a status named while frames were encoded.
  std::set<std::string> routes;
  std::set<std::string> encoders;
  std::string log;  // and the last status
};

/// `lumen-host stream ARGS…`, to its end. Error: it could not be started.
Result<HostRun> run_host(PrivateSession& session, const std::vector<std::string>& args,
                         Milliseconds timeout = Milliseconds(90000));

struct Seen {
  std::vector<std::uint32_t> numbers;  // of the readable frames, in order
  unsigned unreadable = 0;
  double worst_patch = 0;  // largest difference of a primary colour, 0…255, over all frames
  unsigned decoder_errors = 0;
  std::set<std::pair<std::uint32_t, std::uint32_t>> sizes;  // width, height
  std::set<unsigned> bit_depths;

  /// None is older than the one before. A picture may come again: lumen-host repeats the last one
  /// when a source is silent, in a renegotiation for example.
  [[nodiscard]] bool in_order() const;
  [[nodiscard]] std::size_t different() const;
};

Result<Seen> watch(const std::string& recording);

}  // namespace lumen::session
