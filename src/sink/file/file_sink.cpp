#include "sink/file/file_sink.h"

#include <utility>

#include <fmt/format.h>

#include "core/log.h"
#include "sink/file/av_muxer.h"
#include "sink/file/raw_muxer.h"
#include "sink/file/tick_rate.h"

namespace lumen {
namespace {

std::vector<std::uint8_t> file_parameter_sets(const StreamParameters& stream) {
  auto sets = with_nominal_tick_rate(stream);
  if (sets) return *std::move(sets);
  log::area("file").warn("the bitstream keeps its own tick rate: {}", sets.error().describe());
  return stream.parameter_sets;
}

}  // namespace

Result<std::unique_ptr<FileSink>> FileSink::create(FileSettings settings) {
  const auto container = container_of(settings);
  if (!container) return tl::unexpected(container.error());
  auto output = FileOutput::open(settings.path);
  if (!output) return tl::unexpected(output.error());
  return std::unique_ptr<FileSink>(
      new FileSink(std::move(settings), *container, *std::move(output)));
}

FileSink::~FileSink() { (void)close(); }

Result<void> FileSink::open(const StreamParameters& stream) {
  if (auto good = check_codec(container_, stream.codec); !good) return good;
  if (auto begun = output_->begin(); !begun) return begun;
  codec_ = stream.codec;
  size_ = stream.size;
  header_sets_ = file_parameter_sets(stream);
  current_sets_ = header_sets_;
  if (container_ == Container::kH264 || container_ == Container::kHevc) {
    muxer_ = std::make_unique<RawMuxer>(*output_);
    return {};
  }
  auto muxer = AvMuxer::create(container_, stream, header_sets_, audio_, *output_);
  if (!muxer) return tl::unexpected(muxer.error());
  muxer_ = *std::move(muxer);
  return {};
}

Result<void> FileSink::adopt(const std::shared_ptr<const StreamParameters>& stream) {
  if (stream == stream_) return {};
  if (stream->codec != codec_ || stream->size != size_) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("{}: the stream changed its codec or size", describe()),
                "one file holds one picture size; give --size to keep it");
  }
  stream_ = stream;
  current_sets_ = file_parameter_sets(*stream);
  return {};
}

Result<void> FileSink::write(const EncodedFrame& frame, FrameTimes& times) {
  if (!muxer_) return fail(ErrorKind::kIo, describe() + " is not open");
  if (auto same = adopt(frame.stream); !same) return same;
  const bool raw = container_ == Container::kH264 || container_ == Container::kHevc;
  // Key frames of AV1 bring their sequence header themselves.
  const bool in_band = frame.key && codec_ != Codec::kAv1 && (raw || current_sets_ != header_sets_);

  times.mark(Stage::kSendBegin);
  auto written = muxer_->write(frame, in_band ? std::span<const std::uint8_t>(current_sets_)
                                              : std::span<const std::uint8_t>());
  if (!written) {
    muxer_.reset();
    return written;
  }
  times.mark(Stage::kSent);
  frames_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Result<void> FileSink::write_audio(const AudioPacket& packet) {
  if (!muxer_) return fail(ErrorKind::kIo, describe() + " is not open");
  auto written = muxer_->write(packet);
  if (!written) muxer_.reset();
  return written;
}

Result<void> FileSink::close() {
  const auto muxer = std::exchange(muxer_, nullptr);
  if (!muxer) return {};
  auto finished = muxer->finish();
  if (!finished) return finished;
  return output_->finish();
}

SinkStats FileSink::stats() const {
  SinkStats stats;
  stats.frames = frames_.load(std::memory_order_relaxed);
  stats.bytes = output_->bytes_written();
  return stats;
}

std::string FileSink::describe() const {
  return settings_.path == "-" ? "file standard output" : "file " + settings_.path;
}

}  // namespace lumen
