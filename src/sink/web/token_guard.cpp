#include "sink/web/token_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "sink/web/access_token.h"

namespace lumen::web {
namespace {

/// Whoever has one IPv6 address has usually a whole /64 of them (RFC 6177).
std::string network_of(std::string_view address) {
  in6_addr v6{};
  std::string text(address);
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return text.substr(text.rfind(':') + 1);
  std::fill(std::begin(v6.s6_addr) + 8, std::end(v6.s6_addr), std::uint8_t{0});
  char network[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET6, &v6, network, sizeof network);
  return network;
}

}  // namespace

TokenGuard::TokenGuard(std::string token, GuardLimits limits)
    : token_(std::move(token)), session_(session_secret(token_)), limits_(limits) {}

unsigned TokenGuard::wrong_in(const Window& window, Timestamp time) const {
  return window.begin == kNoTimestamp || time - window.begin >= limits_.window ? 0 : window.wrong;
}

void TokenGuard::count(Window& window, Timestamp time) const {
  const unsigned before = wrong_in(window, time);
  if (before == 0) window.begin = time;
  window.wrong = before + 1;
}

TokenGuard::Window& TokenGuard::of(const std::string& network) {
  if (networks_.size() >= limits_.remembered && !networks_.contains(network)) {
    networks_.erase(std::ranges::min_element(networks_, {},
                                             [](const auto& entry) { return entry.second.begin; }));
  }
  return networks_[network];
}

Decision TokenGuard::judge(const Credentials& credentials, std::string_view address,
                           Timestamp time) {
  if (credentials.token.empty() && credentials.session.empty()) {
    return {.verdict = Verdict::kNothingGiven};
  }
  const std::string network = network_of(address);
  const std::scoped_lock lock(mutex_);
  const auto found = networks_.find(network);
  const unsigned wrong = found == networks_.end() ? 0 : wrong_in(found->second, time);
  const unsigned most = wrong_in(all_, time) < limits_.of_all ? limits_.of_one : 1;
  if (wrong >= most) {
    const Nanoseconds left = found->second.begin + limits_.window - time;
    return {.verdict = Verdict::kTooMany,
            .retry_after = std::chrono::ceil<std::chrono::seconds>(left)};
  }
  const bool right = credentials.token.empty() ? same_secret(credentials.session, session_)
                                               : same_secret(credentials.token, token_);
  if (right) return {.verdict = Verdict::kWelcome};
  count(of(network), time);
  count(all_, time);
  ++unreported_;
  Decision decision{.verdict = Verdict::kWrong};
  if (reported_ == kNoTimestamp || time - reported_ >= limits_.window) {
    reported_ = time;
    decision.to_report = std::exchange(unreported_, 0);
  }
  return decision;
}

std::size_t TokenGuard::remembered() const {
  const std::scoped_lock lock(mutex_);
  return networks_.size();
}

}  // namespace lumen::web
