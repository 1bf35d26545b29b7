#include "chip.h"

#include <algorithm>
#include <utility>

#include "frames.h"

namespace lumen::sim::nvenc {
namespace {

/// Null: none.
std::shared_ptr<Frame> next_frame(const Session& session) {
  const auto waits = [](const auto& frame) { return !frame->event->signalled; };
  const auto found = std::ranges::find_if(session.submitted, waits);
  return found == session.submitted.end() ? nullptr : *found;
}

void signal(CompletionEvent& event) {
  event.signalled = true;
  event.object->signal();
}

void run(Simulator& sim, const std::shared_ptr<Session>& session) {
  Lock lock(sim.mutex);
  for (;;) {
    sim.chip_work.wait(lock, [&] {
      return session->chip_stops ||
             (!sim.hangs && (next_frame(*session) != nullptr || session->end != nullptr));
    });
    if (session->chip_stops) return;
    if (const auto frame = next_frame(*session); frame != nullptr) {
      encode_until(sim, lock, session, frame);
      signal(*frame->event);
      continue;
    }
    session->stream_open = false;
    session->ended = true;
    session->end->in_flight = false;
    signal(*std::exchange(session->end, nullptr));
  }
}

}  // namespace

void start_chip(Simulator& sim, const std::shared_ptr<Session>& session) {
  session->chip = std::thread([&sim, session] { run(sim, session); });
}

void stop_chip(Simulator& sim, Lock& lock, Session& session) {
  if (!session.chip.joinable()) return;
  session.chip_stops = true;
  sim.chip_work.notify_all();
  std::thread chip = std::move(session.chip);
  lock.unlock();
  chip.join();
  lock.lock();
}

}  // namespace lumen::sim::nvenc
