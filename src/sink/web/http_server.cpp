#include "sink/web/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen::web {
namespace {

// Both are what browsers of the last years know; nothing older (RFC 8996).
constexpr const char* kTlsPriorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

// The kernel keeps what a client doesn't read: by default megabytes for each, which would have to
// be made first. The page's files have some ten KiB each.
constexpr int kSendBufferBytes = 128 * 1024;

/// What comes in pieces: the request of one connection.
struct Incoming {
  HttpRequest request;
  bool too_large = false;
};

std::string header(MHD_Connection* connection, const char* name) {
  const char* const value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string() : std::string(value);
}

bool is_forwarded(MHD_Connection* connection) {
  return std::ranges::any_of(
      std::array{"Forwarded", "X-Forwarded-For", "Via"}, [connection](const char* name) {
        return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name) != nullptr;
      });
}

std::string peer_of(MHD_Connection* connection) {
  const MHD_ConnectionInfo* const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return {};
  const sockaddr* const address = info->client_addr;
  char text[INET6_ADDRSTRLEN] = {};
  if (address->sa_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text,
                sizeof text);
  } else {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text,
                sizeof text);
  }
  return text;
}

MHD_Result queue(MHD_Connection* connection, const HttpResponse& response) {
  // libmicrohttpd copies the body; it takes no pointer to const.
  MHD_Response* const made = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (made == nullptr) return MHD_NO;
  const auto add = [made](const char* name, std::string_view value) {
    MHD_add_response_header(made, name, std::string(value).c_str());
  };
  if (!response.content_type.empty()) add("Content-Type", response.content_type);
  // Nothing from elsewhere, nothing inline, in nobody's frame.
  add("Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
      "'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Cross-Origin-Opener-Policy", "same-origin");
  add("Cache-Control", "no-store");
  for (const auto& [name, value] : response.headers) add(name.c_str(), value);
  const MHD_Result queued = MHD_queue_response(connection, response.status, made);
  MHD_destroy_response(made);
  return queued;
}

HttpResponse too_large(std::size_t most) {
  return problem(413, "Content Too Large", fmt::format("more than {} bytes", most),
                 "an offer is a few kilobytes; send nothing else");
}

/// Keeps errno, which says why a daemon did not start: libmicrohttpd logs before it gives up.
void log_line(void*, const char* format, std::va_list arguments) {
  const int reason = errno;
  char line[512];
  const int size = std::vsnprintf(line, sizeof line, format, arguments);
  std::string_view text(line, size < 0 ? 0 : std::min<std::size_t>(std::strlen(line), sizeof line));
  while (text.ends_with('\n')) text.remove_suffix(1);
  log::area("web").debug("http: {}", text);
  errno = reason;
}

Result<sockaddr_storage> socket_address(const HttpServerSettings& settings) {
  sockaddr_storage storage{};
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, settings.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(settings.port);
  } else if (inet_pton(AF_INET6, settings.address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(settings.port);
  } else {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("\"{}\" is no numeric address", settings.address),
                "for example 127.0.0.1 or ::1");
  }
  return storage;
}

}  // namespace

struct HttpServer::State {
  Handler handler;
  HttpLimits limits;
  MHD_Daemon* daemon = nullptr;

  MHD_Result take(MHD_Connection* connection, const char* url, const char* method,
                  const char* upload, std::size_t* upload_bytes, void** context) {
    auto* incoming = static_cast<Incoming*>(*context);
    if (incoming == nullptr) return begin(connection, url, method, context);
    if (*upload_bytes > 0) {
      std::string& body = incoming->request.body;
      if (body.size() + *upload_bytes > limits.body_bytes) {
        incoming->too_large = true;
      } else {
        body.append(upload, *upload_bytes);
      }
      *upload_bytes = 0;
      return MHD_YES;
    }
    if (incoming->too_large) return queue(connection, too_large(limits.body_bytes));
    return queue(connection, handler(incoming->request));
  }

  /// The headers are there, the body is not.
  MHD_Result begin(MHD_Connection* connection, const char* url, const char* method,
                   void** context) const {
    const std::string length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const std::string most = std::to_string(limits.body_bytes);
    // libmicrohttpd has refused what is no number.
    if (length.size() > most.size() || (length.size() == most.size() && length > most)) {
      return queue(connection, too_large(limits.body_bytes));
    }
    auto incoming = std::make_unique<Incoming>();
    incoming->request = {.method = method,
                         .path = url,
                         .host = header(connection, MHD_HTTP_HEADER_HOST),
                         .origin = header(connection, MHD_HTTP_HEADER_ORIGIN),
                         .content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
                         .authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION),
                         .cookies = header(connection, MHD_HTTP_HEADER_COOKIE),
                         .peer = peer_of(connection),
                         .forwarded = is_forwarded(connection)};
    *context = incoming.release();  // comes back in `completed`
    return MHD_YES;
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* /*version*/, const char* upload,
                               std::size_t* upload_bytes, void** context) {
    return static_cast<State*>(self)->take(connection, url, method, upload, upload_bytes, context);
  }

  static void on_completed(void* /*self*/, MHD_Connection* /*connection*/, void** context,
                           MHD_RequestTerminationCode /*code*/) {
    delete static_cast<Incoming*>(*context);
    *context = nullptr;
  }
};

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() { stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerSettings& settings,
                                                      Handler handler) {
  const auto address = socket_address(settings);
  if (!address) return tl::unexpected(address.error());
  auto state = std::make_unique<State>();
  state->handler = std::move(handler);
  state->limits = settings.limits;
  unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                   MHD_USE_ERROR_LOG;
  if (address->ss_family == AF_INET6)
    flags |= settings.address == "::" ? MHD_USE_DUAL_STACK : MHD_USE_IPv6;
  std::vector<MHD_OptionItem> tls;
  if (settings.tls) {
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_NO) {
      return fail(ErrorKind::kUnsupported, "this libmicrohttpd knows no TLS",
                  "use one that is built with GnuTLS, as Debian's is");
    }
    flags |= MHD_USE_TLS;
    const auto add = [&tls](MHD_OPTION option, const char* text) {
      tls.push_back({option, 0, const_cast<char*>(text)});  // libmicrohttpd only reads it
    };
    add(MHD_OPTION_HTTPS_MEM_CERT, settings.tls->certificate.c_str());
    add(MHD_OPTION_HTTPS_MEM_KEY, settings.tls->key.c_str());
    add(MHD_OPTION_HTTPS_PRIORITIES, kTlsPriorities);
  }
  tls.push_back({MHD_OPTION_END, 0, nullptr});
  errno = 0;
  state->daemon = MHD_start_daemon(
      flags, settings.port, nullptr, nullptr, &State::on_request, state.get(),
      MHD_OPTION_EXTERNAL_LOGGER, &log_line, nullptr, MHD_OPTION_ARRAY, tls.data(),
      MHD_OPTION_SOCK_ADDR, &*address, MHD_OPTION_NOTIFY_COMPLETED, &State::on_completed, nullptr,
      MHD_OPTION_CONNECTION_LIMIT, settings.limits.connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      settings.limits.connections_per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      settings.limits.memory_per_connection, MHD_OPTION_CONNECTION_TIMEOUT,
      settings.limits.idle_seconds, MHD_OPTION_END);
  if (state->daemon == nullptr) {
    const int code = errno;
    const std::string what =
        fmt::format("can't listen at {} port {}", settings.address, settings.port);
    const char* const hint = code == EADDRINUSE
                                 ? "something else listens there: choose another port"
                                 : "choose an address of this machine";
    return fail_errno(ErrorKind::kIo, what, code == 0 ? EIO : code, hint);
  }
  // Connections inherit it.
  const MHD_DaemonInfo* const info = MHD_get_daemon_info(state->daemon, MHD_DAEMON_INFO_LISTEN_FD);
  if (info != nullptr) {
    (void)::setsockopt(info->listen_fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes,
                       sizeof kSendBufferBytes);
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

std::uint16_t HttpServer::port() const {
  if (state_->daemon == nullptr) return 0;
  const MHD_DaemonInfo* const info = MHD_get_daemon_info(state_->daemon, MHD_DAEMON_INFO_BIND_PORT);
  return info == nullptr ? std::uint16_t{0} : info->port;
}

void HttpServer::stop() {
  if (MHD_Daemon* const daemon = std::exchange(state_->daemon, nullptr)) MHD_stop_daemon(daemon);
}

}  // namespace lumen::web
