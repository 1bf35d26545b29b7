// A small HTTP/1.1 server (libmicrohttpd), plain or by TLS, bounded in everything that a client can
// make grow: connections, of one address too; the memory of each; the size of a body; how long it
// may be idle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/error.h"
#include "sink/web/http.h"

namespace lumen::web {

struct HttpLimits {
  unsigned connections = 256;
  unsigned connections_per_address = 48;
  std::size_t memory_per_connection = 32 * 1024;  // headers and buffers
  std::size_t body_bytes = 64 * 1024;             // larger ones are answered with 413
  unsigned idle_seconds = 10;
};

/// PEM: a chain of certificates, the server's own first, and its key.
struct TlsKeyPair {
  std::string certificate;
  std::string key;
};

struct HttpServerSettings {
  std::string address = "127.0.0.1";  // numeric, IPv6 without brackets; :: takes IPv4 too
  std::uint16_t port = 0;             // 0: any that is free
  std::optional<TlsKeyPair> tls;      // none: plain HTTP
  HttpLimits limits;
};

class HttpServer {
 public:
  /// Called on a thread of the connection's own; it may wait. Must not throw.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  /// Listens. kInvalidArgument: no such address. kIo: it can't be listened at. kUnsupported: TLS
  /// is asked for, and this libmicrohttpd has none.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerSettings& settings,
                                                   Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();  // stops

  [[nodiscard]] std::uint16_t port() const;

  /// Waits for requests under way and closes the rest. Idempotent.
  void stop();

  struct State;

 private:
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lumen::web
