// The pipeline as those who control the host see it.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "app/control/host_control.h"
#include "app/pipeline/pipeline.h"

namespace lumen {

class HostOperations final : public control::HostControl {
 public:
  /// `wake` is called from any thread when there is something in wants_reload() or wants_quit().
  HostOperations(Pipeline& pipeline, std::function<void()> wake)
      : pipeline_(pipeline), wake_(std::move(wake)) {}

  StreamStatus status() override { return pipeline_.status(); }
  Result<Sink> add_sink(const std::string& spec) override;
  Result<Sink> remove_sink(unsigned id) override;
  Result<std::vector<std::string>> change(const StreamChange& change) override;
  void request_key_frame() override { pipeline_.request_key_frame(); }
  Result<void> start() override { return pipeline_.take_up(); }
  Result<void> stop() override { return pipeline_.hold(); }
  void reload() override;
  void quit() override;

  /// Once for each reload().
  bool wants_reload() { return reload_.exchange(false); }
  [[nodiscard]] bool wants_quit() const { return quit_; }

 private:
  Pipeline& pipeline_;
  std::function<void()> wake_;
  std::atomic<bool> reload_{false};
  std::atomic<bool> quit_{false};
};

}  // namespace lumen
