// Conversion speed on this machine: lumen's kernel next to libyuv's (whose matrix is BT.601) and to
// plain copies of the frame, which is the floor that memory sets. One thread.
#include <cstdint>
#include <cstring>
#include <vector>

#include <benchmark/benchmark.h>
#include <libyuv/convert.h>
#include <libyuv/convert_from_argb.h>

#include "zerocopy/cpu/convert.h"

namespace {

using lumen::Extent;
using lumen::Fourcc;
using lumen::Pitch;

/// A frame with something in it, and room for the result.
struct Buffers {
  explicit Buffers(Extent extent)
      : size(extent),
        source(std::size_t{4} * extent.width * extent.height),
        target(std::size_t{6} * extent.width * extent.height) {
    std::uint32_t state = 1;
    for (std::uint8_t& byte : source) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<std::uint8_t>(state >> 24);
    }
  }

  [[nodiscard]] lumen::cpu::Picture picture(Fourcc format = Fourcc::kBGRx) const {
    return {format, size, {source.data()}, {Pitch{size.width * 4}}};
  }
  [[nodiscard]] lumen::cpu::TargetPicture yuv(Fourcc format) {
    lumen::cpu::TargetPicture result{format, size, {}, {}};
    std::uint8_t* plane_start = target.data();
    for (unsigned plane = 0; plane < lumen::plane_count(format); ++plane) {
      const auto extent = lumen::plane_extent(format, size, plane);
      result.planes[plane] = plane_start;
      result.pitches[plane] = Pitch{static_cast<std::uint32_t>(extent.row_bytes)};
      plane_start += extent.row_bytes * extent.rows;
    }
    return result;
  }

  Extent size;
  std::vector<std::uint8_t> source;
  std::vector<std::uint8_t> target;
};

Extent extent_of(const benchmark::State& state) {
  return {static_cast<std::uint32_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1))};
}

void count_pixels(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}

void lumen_from(benchmark::State& state, Fourcc source, Fourcc format) {
  Buffers buffers(extent_of(state));
  const auto target = buffers.yuv(format);
  for (auto _ : state) {
    if (!lumen::cpu::convert(buffers.picture(source), target, {})) {
      state.SkipWithError("convert failed");
    }
    benchmark::ClobberMemory();
  }
  count_pixels(state);
}
void lumen_from_bgrx(benchmark::State& state, Fourcc format) {
  lumen_from(state, Fourcc::kBGRx, format);
}
void LumenToNv12(benchmark::State& state) { lumen_from_bgrx(state, Fourcc::kNV12); }
void LumenToI420(benchmark::State& state) { lumen_from_bgrx(state, Fourcc::kI420); }

void LumenToI444(benchmark::State& state) { lumen_from_bgrx(state, Fourcc::kI444); }
void LumenToP010(benchmark::State& state) { lumen_from_bgrx(state, Fourcc::kP010); }
void LumenToQ410(benchmark::State& state) { lumen_from_bgrx(state, Fourcc::kQ410); }

void LumenTenBitsToNv12(benchmark::State& state) {
  lumen_from(state, Fourcc::kXR30, Fourcc::kNV12);
}
void LumenTenBitsToP010(benchmark::State& state) {
  lumen_from(state, Fourcc::kXR30, Fourcc::kP010);
}

void LibyuvToNv12(benchmark::State& state) {
  Buffers buffers(extent_of(state));
  const auto target = buffers.yuv(Fourcc::kNV12);
  const int width = static_cast<int>(buffers.size.width);
  const int height = static_cast<int>(buffers.size.height);
  for (auto _ : state) {
    libyuv::ARGBToNV12(buffers.source.data(), width * 4, target.planes[0], width, target.planes[1],
                       width, width, height);
    benchmark::ClobberMemory();
  }
  count_pixels(state);
}

void LibyuvToI420(benchmark::State& state) {
  Buffers buffers(extent_of(state));
  const auto target = buffers.yuv(Fourcc::kI420);
  const int width = static_cast<int>(buffers.size.width);
  const int height = static_cast<int>(buffers.size.height);
  for (auto _ : state) {
    libyuv::ARGBToI420(buffers.source.data(), width * 4, target.planes[0], width, target.planes[1],
                       width / 2, target.planes[2], width / 2, width, height);
    benchmark::ClobberMemory();
  }
  count_pixels(state);
}

void CopyFrame(benchmark::State& state) {
  Buffers buffers(extent_of(state));
  for (auto _ : state) {
    std::memcpy(buffers.target.data(), buffers.source.data(), buffers.source.size());
    benchmark::ClobberMemory();
  }
  count_pixels(state);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({1920, 1080})->Args({3840, 2160})->Unit(benchmark::kMicrosecond);
}
BENCHMARK(LumenToNv12)->Apply(sizes);
BENCHMARK(LibyuvToNv12)->Apply(sizes);
BENCHMARK(LumenToI420)->Apply(sizes);
BENCHMARK(LibyuvToI420)->Apply(sizes);
BENCHMARK(LumenToI444)->Apply(sizes);
BENCHMARK(LumenToP010)->Apply(sizes);
BENCHMARK(LumenToQ410)->Apply(sizes);
BENCHMARK(LumenTenBitsToNv12)->Apply(sizes);
BENCHMARK(LumenTenBitsToP010)->Apply(sizes);
BENCHMARK(CopyFrame)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
