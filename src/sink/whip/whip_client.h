// The HTTP half of WHIP (RFC 9725), by libcurl: an offer goes to the endpoint, an answer and the
// session's address come back. One thread; cancel() any.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "core/error.h"
#include "sink/web/media_peer.h"
#include "sink/whip/whip_settings.h"

namespace lumen::whip {

struct WhipSession {
  std::string url;     // DELETE ends it; empty where the server has named none
  std::string answer;  // a session description
  std::vector<web::IceServer> ice_servers;
};

class WhipClient {
 public:
  explicit WhipClient(WhipSettings settings);
  WhipClient(const WhipClient&) = delete;
  WhipClient& operator=(const WhipClient&) = delete;

  /// The endpoint's, asked for before an offer is made (RFC 9725 section 4.6); none where it does
  /// not tell.
  std::vector<web::IceServer> ask_for_ice_servers();

  /// Follows five redirections of the kind that keep a POST a POST (307, 308); the token goes to
  /// the endpoint's own scheme, host and port only. kInvalidArgument, kUnsupported: asking again
  /// changes nothing (the server's refusal, and what to do). kRetry: later it may. kCancelled.
  Result<WhipSession> offer(const std::string& sdp);

  /// Ends a session; errors are of no interest.
  void end(const std::string& session_url);

  /// What runs, and all that is begun later but end(), comes to an end soon.
  void cancel() { cancelled_ = true; }

  /// The loopback address that the endpoint has; empty: it is not this machine's own.
  [[nodiscard]] std::string loopback_address() const;

  /// The endpoint for logs: without user, query and fragment.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  struct Request;
  struct Response;
  Result<Response> perform(const Request& request);
  Result<Response> perform_once(const Request& request, const std::string& url);

  const WhipSettings settings_;
  std::string origin_;  // of the endpoint
  std::string name_;
  std::atomic<bool> cancelled_{false};
};

/// kInvalidArgument: no http: or https: URL with a host. The message does not repeat the URL, which
/// may hold secrets.
Result<void> check_endpoint(const std::string& url);

}  // namespace lumen::whip
