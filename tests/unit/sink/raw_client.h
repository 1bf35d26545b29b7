// TCP clients that say what they like.
#pragma once

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/linux/unique_fd.h"

namespace lumen::web {

/// 127.0.0.1 of that port; `from` is where it comes from, in 127.0.0.0/8.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, const char* from = "127.0.0.1")
      : fd_(UniqueFd::take(::socket(AF_INET, SOCK_STREAM, 0))) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, from, &address.sin_addr);
    (void)::bind(fd_.borrow(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(fd_.borrow(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd_.borrow(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  [[nodiscard]] int fd() const { return fd_.borrow(); }
  [[nodiscard]] bool connected() const { return connected_; }
  void say(std::string_view text) const {
    (void)::send(fd_.borrow(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Until the server closes, or five seconds of silence.
  [[nodiscard]] std::string hear() const {
    std::string all;
    char chunk[4096];
    for (;;) {
      const auto size = ::recv(fd_.borrow(), chunk, sizeof chunk, 0);
      if (size < 0 && errno == EAGAIN) return all + "<silence>";
      if (size <= 0) return all;
      all.append(chunk, static_cast<std::size_t>(size));
    }
  }

 private:
  UniqueFd fd_;
  bool connected_ = false;
};

/// The same by TLS; takes any certificate.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, const char* priorities = "NORMAL") : raw_(port) {
    gnutls_certificate_allocate_credentials(&credentials_);
    gnutls_init(&session_, GNUTLS_CLIENT);
    gnutls_priority_set_direct(session_, priorities, nullptr);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_);
    gnutls_transport_set_int(session_, raw_.fd());
    gnutls_handshake_set_timeout(session_, 10000);
    int code = 0;
    do code = gnutls_handshake(session_);
    while (code < 0 && gnutls_error_is_fatal(code) == 0);
    shaken_ = code == GNUTLS_E_SUCCESS;
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient() {
    gnutls_deinit(session_);
    gnutls_certificate_free_credentials(credentials_);
  }
  [[nodiscard]] bool shaken() const { return shaken_; }
  /// What comes back until the server closes.
  [[nodiscard]] std::string exchange(std::string_view text) const {
    gnutls_record_send(session_, text.data(), text.size());
    std::string all;
    char chunk[4096];
    for (;;) {
      const auto size = gnutls_record_recv(session_, chunk, sizeof chunk);
      if (size < 0 && gnutls_error_is_fatal(static_cast<int>(size)) == 0) continue;
      if (size <= 0) return all;
      all.append(chunk, static_cast<std::size_t>(size));
    }
  }
  [[nodiscard]] std::string version() const {
    return gnutls_protocol_get_name(gnutls_protocol_get_version(session_));
  }

 private:
  RawClient raw_;
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t session_ = nullptr;
  bool shaken_ = false;
};

}  // namespace lumen::web
