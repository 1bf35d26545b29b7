// An encoded stream in a file, access unit by access unit, so that a test in one system writes it
// and a test in another plays it. Byte order is the machine's.
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "encode/encoded_frame.h"

namespace lumen::test {

/// A picture of the moving test picture, as it was encoded. What a receiver lost is left out.
struct StreamUnit {
  std::uint32_t number = 0;  // of the picture
  bool key = false;
  Extent size;
  std::vector<std::uint8_t> bytes;  // parameter sets in front of key frames
};

inline StreamUnit make_unit(std::uint32_t number, const EncodedFrame& frame) {
  StreamUnit unit{number, frame.key, frame.stream->size, {}};
  if (frame.key) unit.bytes = frame.stream->parameter_sets;
  const auto data = frame.data.view();
  unit.bytes.insert(unit.bytes.end(), data.begin(), data.end());
  return unit;
}

/// False: the file can't be written.
inline bool write_stream(const std::string& path, const std::vector<StreamUnit>& units) {
  std::ofstream file(path, std::ios::binary);
  for (const StreamUnit& unit : units) {
    const std::uint32_t head[] = {unit.number, unit.key ? 1U : 0U, unit.size.width,
                                  unit.size.height, static_cast<std::uint32_t>(unit.bytes.size())};
    file.write(reinterpret_cast<const char*>(head), sizeof head);
    file.write(reinterpret_cast<const char*>(unit.bytes.data()),
               static_cast<std::streamsize>(unit.bytes.size()));
  }
  return bool(file.flush());
}

/// Empty: no such file, or a torn one.
inline std::vector<StreamUnit> read_stream(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<StreamUnit> units;
  std::uint32_t head[5] = {};
  while (file.read(reinterpret_cast<char*>(head), sizeof head)) {
    StreamUnit unit{head[0], head[1] != 0, {head[2], head[3]}, {}};
    unit.bytes.resize(head[4]);
    if (!file.read(reinterpret_cast<char*>(unit.bytes.data()), head[4])) return {};
    units.push_back(std::move(unit));
  }
  return units;
}

/// As a player's decoder takes it.
inline EncodedFrame as_frame(const StreamUnit& unit) {
  EncodedFrame frame;
  auto bytes = std::make_shared<std::vector<std::uint8_t>>(unit.bytes);
  frame.data = SharedBytes(bytes, *bytes);
  frame.key = unit.key;
  frame.stream = std::make_shared<StreamParameters>();  // the sets are in the bytes
  return frame;
}

}  // namespace lumen::test
