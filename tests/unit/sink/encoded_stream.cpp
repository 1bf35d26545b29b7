#include "encoded_stream.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "encode/software/software_backend.h"

namespace lumen::test {
namespace {

Frame picture(Fourcc format, Extent size, unsigned n) {
  const std::size_t luma = std::size_t{size.width} * size.height;
  CpuImage image;
  image.format = format;
  image.memory = std::shared_ptr<std::uint8_t>(new std::uint8_t[luma * 3 / 2],
                                               std::default_delete<std::uint8_t[]>());
  std::uint8_t* p = image.memory.get();
  std::uint32_t random = n * 2654435761U + 1;
  for (std::size_t i = 0; i < luma; ++i) {
    random = random * 1664525U + 1013904223U;
    p[i] = static_cast<std::uint8_t>(60 + (i + 4 * n) % 120 + (random >> 24U) % 40);
  }
  std::fill(p + luma, p + luma * 3 / 2, std::uint8_t{128});
  image.planes = {p, p + luma, p + luma + luma / 4};
  const std::uint32_t chroma = format == Fourcc::kNV12 ? size.width : size.width / 2;
  image.pitches = {Pitch{size.width}, Pitch{chroma}, Pitch{chroma}};
  Frame frame;
  frame.payload = image;
  frame.size = size;
  frame.times.id = n + 1;
  return frame;
}

}  // namespace

std::vector<EncodedFrame> encode_stream(const StreamWish& wish) {
  std::vector<EncodedFrame> frames;
  EncoderSettings settings;
  settings.codec = wish.codec;
  settings.size = wish.size;
  settings.rate = wish.rate;
  settings.bitrate_bps = 4'000'000;
  settings.profile = wish.profile;
  settings.preset = wish.preset;
  settings.color = wish.color;
  auto encoder = software::create(
      settings, {}, [&frames](EncodedFrame frame) { frames.push_back(std::move(frame)); });
  if (!encoder) throw std::runtime_error(encoder.error().describe());
  const Timestamp start{std::chrono::hours{1}};
  for (unsigned n = 0; n < wish.frames; ++n) {
    const auto done = (*encoder)->encode(picture((*encoder)->input().format, wish.size, n),
                                         start + frame_offset(wish.rate, n),
                                         EncodeRequest::key_frame(n % wish.key_interval == 0));
    if (!done) throw std::runtime_error(done.error().describe());
  }
  if (const auto done = (*encoder)->flush(); !done) {
    throw std::runtime_error(done.error().describe());
  }
  return frames;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "lumen-sink-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace lumen::test
