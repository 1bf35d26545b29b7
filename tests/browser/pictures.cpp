#include "pictures.h"

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <limits>
#include <vector>

#include <nlohmann/json.hpp>

#include "capture/synthetic/barcode.h"

namespace lumen::browser {

std::optional<std::uint32_t> number_in(const std::string& luma, Extent size) {
  gsize bytes = 0;
  guchar* const rows = g_base64_decode(luma.c_str(), &bytes);
  std::vector<std::uint8_t> picture(std::size_t{size.width} * size.height);
  std::copy_n(rows, std::min(bytes, picture.size()), picture.begin());
  g_free(rows);
  return barcode::read_luma(picture.data(), Pitch{size.width}, size);
}

Result<std::map<std::uint32_t, double>> production_times(const std::filesystem::path& trace) {
  std::ifstream file(trace);
  const auto events = nlohmann::json::parse(file, nullptr, false);
  if (!events.is_array()) return fail(ErrorKind::kIo, "the trace can't be read");
  std::map<int, std::string> tracks;
  std::map<std::uint32_t, double> times;
  for (const auto& event : events) {
    if (event.value("name", "") == "thread_name") {
      tracks[event.value("tid", 0)] = event["args"].value("name", "");
    }
    if (event.value("ph", "") != "X" || tracks[event.value("tid", 0)] != "source") continue;
    times[event["args"]["frame"].get<std::uint32_t>() - 1] = event["ts"].get<double>() / 1e3;
  }
  return times;
}

double monotonic_ms() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double ahead_of_monotonic(const std::function<double()>& clock) {
  double quickest = std::numeric_limits<double>::max();
  double ahead = 0;
  for (int i = 0; i < 20; ++i) {
    const double before = monotonic_ms();
    const double there = clock();
    const double took = monotonic_ms() - before;
    if (took >= quickest) continue;
    quickest = took;
    ahead = there - (before + took / 2);
  }
  return ahead;
}

}  // namespace lumen::browser
