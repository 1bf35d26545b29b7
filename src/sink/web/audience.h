// The viewers of one stream, and the thread that looks after them: it sends again what they ask
// for and lets go of those that are gone. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/error.h"
#include "sink/web/viewer.h"

namespace lumen::web {

struct AudienceSettings {
  std::string_view who = "viewer";           // what the log calls them
  std::size_t most = 32;                     // at a time
  std::vector<std::string> local_addresses;  // as PeerSettings
  Patience patience;
  PeerFactory make_peer;
};

struct Admission {
  std::string id;  // 128 random bits in hexadecimal: who knows it may end the session
  std::string answer;
};

class Audience {
 public:
  /// Called on threads of the viewers' connections; must not wait.
  struct Callbacks {
    std::function<void()> key_frame_wanted;
    std::function<void(std::uint64_t bits_per_second)> bandwidth;  // as SinkRequests
    std::function<void()> left;                                    // somebody has been let go
    std::function<void()> changed;  // what wanted() or connected() says
  };

  Audience(AudienceSettings settings, Callbacks callbacks);
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;
  ~Audience() { close(); }

  /// Waits as MediaPeer::negotiate() does. kRetry: there are as many as there may be; else as
  /// Viewer::create().
  Result<Admission> admit(const Offer& offer);
  /// The other way round: offers the stream to somebody; the session's id. Waits and fails as
  /// Viewer::invite().
  Result<std::string> invite(std::vector<IceServer> ice_servers, const Viewer::Exchange& exchange);
  /// False where there is no such viewer.
  bool dismiss(std::string_view id);
  /// Viewer::listens(); false likewise.
  bool listens(std::string_view id, bool yes);

  void send(std::span<const rtp::Bytes> packets, Timestamp seen, bool key);
  void send_audio(rtp::Bytes packet, Timestamp heard);
  /// From now on who comes may have sound: offers of it are accepted, and it is offered.
  void expect_audio() { audio_ = true; }

  [[nodiscard]] std::size_t size() const;
  /// What the slowest way to a viewer carries, bits per second; 0: not known.
  [[nodiscard]] std::uint64_t bandwidth() const { return told_bandwidth_; }
  /// Somebody is here, or about to come.
  [[nodiscard]] bool wanted() const;
  /// To how many pictures can go.
  [[nodiscard]] std::size_t connected() const;
  /// Of all viewers so far.
  [[nodiscard]] ViewerCounts counts() const;
  /// Lets all go, and lets no more in. Idempotent.
  void close();

 private:
  using Viewers = std::vector<std::shared_ptr<Viewer>>;

  using Maker = std::function<Result<std::shared_ptr<Viewer>>(std::string id, Viewer::Callbacks)>;

  Result<std::shared_ptr<Viewer>> add(const Maker& make);
  void change_coming(int by);
  void tell_changed() const;
  void draw_attention();
  void look_after();
  [[nodiscard]] Viewers viewers() const;
  void let_go(std::shared_ptr<Viewer> viewer, std::string_view why);
  void tell_bandwidth();

  const AudienceSettings settings_;
  const Callbacks callbacks_;
  std::atomic<bool> audio_{false};

  mutable std::mutex mutex_;
  Viewers viewers_;
  std::size_t admitting_ = 0;  // not in viewers_ yet
  int coming_ = 0;             // of these, by their own wish
  ViewerCounts past_;          // of those that are gone
  bool closed_ = false;

  std::mutex bandwidth_mutex_;
  std::atomic<std::uint64_t> told_bandwidth_{0};

  std::mutex attention_mutex_;
  std::condition_variable attention_;
  bool attention_wanted_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace lumen::web
