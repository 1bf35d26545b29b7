// A screen cast by KWin's own protocol, zkde_screencast_unstable_v1: an output, a window, or a
// virtual output that lives as long as the cast.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "capture/session/cast_target.h"
#include "capture/session/kwin/connection.h"
#include "capture/session/screen_cast.h"

namespace lumen::kwin {

struct KwinCastSettings {
  session::CastTarget target;
  session::CursorMode cursor = session::CursorMode::kAuto;
  AbsentSource absent = AbsentSource::kIsError;  // an output that is named
};

class KwinCast final : public session::ScreenCast {
 public:
  explicit KwinCast(KwinCastSettings settings);
  ~KwinCast() override { end(); }

  /// Waits for a window, as long as it takes.
  Result<session::CastGrant> open(std::stop_token stop, Ended ended) override;
  void end() override;
  [[nodiscard]] std::string describe() const override;

 private:
  /// What the events of the stream said.
  struct Answer {
    std::optional<std::uint32_t> node;
    std::optional<std::string> refusal;
    bool closed = false;
  };

  Result<session::CastGrant> ask(const StopFd& stop);
  Result<session::CastGrant> ask_for_output(const StopFd& stop,
                                            const std::optional<std::string>& name);
  Result<session::CastGrant> ask_for_window(const StopFd& stop, const std::string& title);
  Result<session::CastGrant> ask_for_virtual(const StopFd& stop,
                                             const session::VirtualOutput& output);
  /// For a virtual output.
  [[nodiscard]] std::string free_name() const;
  Result<session::CastGrant> answer_to(const StopFd& stop,
                                       zkde_screencast_stream_unstable_v1* stream);
  Result<WindowInfo> await_window(const StopFd& stop, const std::string& title);
  void watch(const std::stop_token& stop, const Ended& ended);

  const KwinCastSettings settings_;
  std::unique_ptr<Connection> connection_;
  Proxy<zkde_screencast_stream_unstable_v1> stream_;
  Answer answer_;
  std::jthread watcher_;  // handles events while the cast lives
};

}  // namespace lumen::kwin
