#include "sink/web/web_access.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "platform/linux/local_addresses.h"
#include "platform/linux/private_files.h"
#include "sink/web/access_token.h"
#include "sink/web/loopback.h"

namespace lumen::web {
namespace {

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

bool is_every_address(const std::string& address) {
  return address == "0.0.0.0" || address == "::";
}

std::string in_url(const std::string& address) {
  return is_v6(address) ? fmt::format("[{}]", address) : address;
}

/// What somebody else would type to get here.
std::string host_of(const WebSettings& settings, const std::vector<std::string>& reachable) {
  if (!is_every_address(settings.address)) return in_url(settings.address);
  const auto found = std::ranges::find_if(reachable, [&](const std::string& address) {
    return settings.address == "::" || !is_v6(address);
  });
  return found == reachable.end() ? "127.0.0.1" : in_url(*found);
}

/// For this machine alone only what no network can say about it (RFC 6761 section 6.3). The name
/// with .local is multicast DNS's (RFC 6762).
std::vector<std::string> names_of_machine(bool others) {
  if (!others) return {"localhost"};
  std::vector<std::string> names;
  const std::string name = host_name();
  if (!name.empty() && name != "localhost") {
    names.push_back(name);
    if (name.find('.') == std::string::npos) names.push_back(name + ".local");
  }
  names.emplace_back("localhost");
  return names;
}

Result<std::string> token_of(const WebSettings& settings, std::string& file) {
  if (!settings.token_file.empty()) {
    file = settings.token_file;
    return read_token(file);
  }
  const auto folder = state_folder();
  if (!folder) return tl::unexpected(folder.error());
  file = *folder / "web-token";
  return keep_token(file);
}

Result<TlsIdentity> identity_of(const WebSettings& settings, const WebAccess& access,
                                std::vector<std::string> reachable) {
  if (!settings.certificate_file.empty()) {
    return load_identity(settings.certificate_file, settings.key_file);
  }
  const auto folder = state_folder();
  if (!folder) return tl::unexpected(folder.error());
  reachable.emplace_back("127.0.0.1");
  reachable.emplace_back("::1");
  if (!is_every_address(settings.address) &&
      std::ranges::find(reachable, settings.address) == reachable.end()) {
    reachable.push_back(settings.address);
  }
  return keep_identity(*folder, {.names = access.names, .addresses = std::move(reachable)});
}

}  // namespace

Result<WebAccess> prepare_access(const WebSettings& settings) {
  in6_addr parsed{};
  if (inet_pton(is_v6(settings.address) ? AF_INET6 : AF_INET, settings.address.c_str(), &parsed) !=
      1) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("\"{}\" is no numeric address", settings.address),
                "for example 127.0.0.1, 0.0.0.0 for every address of this machine, or [::1]");
  }
  const bool others = !is_loopback(settings.address);
  const std::vector<std::string> reachable = reachable_addresses();
  WebAccess access{.names = names_of_machine(others), .host = host_of(settings, reachable)};
  if (others || settings.token || !settings.token_file.empty()) {
    auto token = token_of(settings, access.token_file);
    if (!token) return with_context("the page's token", std::move(token.error()));
    access.token = *std::move(token);
  }
  if (others || !settings.certificate_file.empty()) {
    auto identity = identity_of(settings, access, reachable);
    if (!identity) return with_context("the page's certificate", std::move(identity.error()));
    access.identity = *std::move(identity);
    access.names.insert(access.names.end(), access.identity->names.begin(),
                        access.identity->names.end());
  }
  return access;
}

std::string page_url(const WebAccess& access, std::uint16_t port) {
  return fmt::format("{}://{}:{}/", access.identity ? "https" : "http", access.host, port);
}

std::string invitation_url(const WebAccess& access, std::uint16_t port) {
  const std::string url = page_url(access, port);
  return access.token ? fmt::format("{}#token={}", url, *access.token) : url;
}

}  // namespace lumen::web
