#include "encode/nvenc/completion.h"

#if defined(_WIN32)
#include "encode/nvenc/completion_events.h"
#endif

namespace lumen::nvenc {
namespace {

class BlockingLocks final : public Completion {
 public:
  [[nodiscard]] void* event(std::size_t) const override { return nullptr; }
  Result<void> wait(std::size_t) override { return {}; }
};

}  // namespace

Result<std::unique_ptr<Completion>> Completion::create(
    [[maybe_unused]] const std::shared_ptr<const Driver>& driver, [[maybe_unused]] void* session,
    bool async) {
  if (!async) return std::make_unique<BlockingLocks>();
#if defined(_WIN32)
  return CompletionEvents::create(driver, session);
#else
  return fail(ErrorKind::kUnsupported, "the NVIDIA driver offers completion events on Linux",
              "install the NVIDIA driver again: Linux has no such mode");
#endif
}

}  // namespace lumen::nvenc
