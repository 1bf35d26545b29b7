// The real xdg-desktop-portal in a private session, with the scripted backend of
// tests/session/portal in place of a desktop's. One thread; the session must outlive it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "harness/private_session.h"

namespace lumen::session {

class Portal {
 public:
  enum class Backend {
    kRuns,
    kIsAway,  // installed, but it doesn't run
    kNone,    // the portal has none for screen casts
  };

  /// Returns once the portal answers. `script`: the backend's command line. kUnsupported when
  /// xdg-desktop-portal isn't installed.
  static Result<std::unique_ptr<Portal>> start(PrivateSession& session,
                                               std::vector<std::string> script,
                                               Backend backend = Backend::kRuns);
  Portal(const Portal&) = delete;
  ~Portal();

  /// Whose output tells what it was asked.
  [[nodiscard]] Process& backend() { return *backend_; }
  /// The portal dies as in a crash. Returns when the bus has noticed.
  void kill_portal();
  Result<void> start_portal();

 private:
  explicit Portal(PrivateSession& session) : session_(session) {}
  Result<void> configure(Backend backend) const;
  Result<void> start_backend(std::vector<std::string> script);
  Result<void> start_store();
  [[nodiscard]] bool is_on_bus(const std::string& name);

  PrivateSession& session_;
  std::optional<Process> store_;  // keeps what restore tokens stand for
  std::optional<Process> backend_;
  std::optional<Process> portal_;
};

}  // namespace lumen::session
