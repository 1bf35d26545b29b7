// What strangers may send to the port that a viewer's media goes through: bindings (STUN, RFC
// 8489), handshakes (DTLS, RFC 6347) and RTCP, each almost right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace lumen::browser {

class Garbage {
 public:
  /// The next datagram; valid until the next call.
  std::span<const std::uint8_t> next() {
    const auto& seeds = all_seeds();
    datagram_ = seeds[random_() % seeds.size()];
    for (unsigned changes = random_() % 4; changes > 0; --changes) change();
    return datagram_;
  }

 private:
  using Bytes = std::vector<std::uint8_t>;

  void change() {
    if (datagram_.empty()) return;
    const std::size_t at = random_() % datagram_.size();
    switch (random_() % 5) {
      case 0: datagram_[at] = static_cast<std::uint8_t>(random_()); break;
      case 1: datagram_[at] ^= static_cast<std::uint8_t>(1U << random_() % 8); break;
      case 2: datagram_.resize(at); break;
      case 3: datagram_.resize(datagram_.size() + random_() % 1200, 0xff); break;
      case 4: datagram_[at] = random_() % 2 == 0 ? 0xff : 0; break;
    }
  }

  static const std::vector<Bytes>& all_seeds() {
    static const std::vector<Bytes> seeds = {
        // A binding request: USERNAME "abcd:efgh", PRIORITY, ICE-CONTROLLING, MESSAGE-INTEGRITY.
        {0x00, 0x01, 0x00, 0x38, 0x21, 0x12, 0xa4, 0x42, 1,    2,    3,    4,    5,    6,
         7,    8,    9,    10,   11,   12,   0x00, 0x06, 0x00, 0x09, 'a',  'b',  'c',  'd',
         ':',  'e',  'f',  'g',  'h',  0,    0,    0,    0x00, 0x24, 0x00, 0x04, 0x6e, 0,
         0x1e, 0xff, 0x80, 0x2a, 0x00, 0x08, 1,    2,    3,    4,    5,    6,    7,    8,
         0x00, 0x08, 0x00, 0x14, 1,    2,    3,    4,    5,    6,    7,    8,    9,    10,
         11,   12,   13,   14,   15,   16,   17,   18,   19,   20},
        // A binding indication, and an answer with XOR-MAPPED-ADDRESS that nobody asked for.
        {0x00, 0x11, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
        {0x01, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42, 1,    2,    3,    4,    5,    6,    7, 8,
         9,    10,   11,   12,   0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 1, 2},
        // A DTLS record with a ClientHello's beginning, an alert, and data.
        {0x16, 0xfe, 0xfd, 0, 0,    0,    0,    0, 0, 0, 0, 0, 0x19, 1, 0,    0,    0x2c, 0,
         0,    0,    0,    0, 0x0d, 0xfe, 0xfd, 1, 2, 3, 4, 5, 6,    7, 0xc0, 0x2b, 1,    0},
        {0x15, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40},
        {0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8},
        // Receiver report, NACK, PLI, BYE, and RTP; none is encrypted as it should be.
        {0x81, 0xc9, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 255, 0, 0, 9,
         0,    0,    1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0,   0, 0, 0},
        {0x81, 0xcd, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 7, 0xff, 0xff},
        {0x81, 0xce, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2},
        {0x81, 0xcb, 0, 1, 0, 0, 0, 1},
        {0x80, 0x60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8},
    };
    return seeds;
  }

  std::mt19937 random_{20261201};
  Bytes datagram_;
};

}  // namespace lumen::browser
