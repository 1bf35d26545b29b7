#include "encode/nvenc/nvenc_encoder.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "encode/obu.h"
#include "encode/sampling.h"
#include "encode/stream_description.h"

namespace lumen::nvenc {
namespace {

using namespace std::chrono_literals;

// An encoder that gives nothing back for so long hangs: no chip needs more for eight pictures.
constexpr auto kHang = 5s;
constexpr auto kBusyRetry = 1ms;
constexpr int kBusyRetries = 100;

std::size_t blocks_in(unsigned pixels, unsigned side) { return (pixels + side - 1) / side; }

std::string_view codec_label(Codec codec) {
  switch (codec) {
    case Codec::kHevc: return "hevc";
    case Codec::kAv1: return "av1";
    case Codec::kH264: break;
  }
  return "h264";
}

}  // namespace

NvencEncoder::NvencEncoder(std::unique_ptr<Device> device, const EncoderSettings& settings,
                           EncodedFrameCallback callback)
    : device_(std::move(device)), settings_(settings), callback_(std::move(callback)) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].index = i;
    free_.push_back(&slots_[i]);
  }
}

Result<std::unique_ptr<VideoEncoder>> NvencEncoder::create(std::shared_ptr<const Driver> driver,
                                                           std::unique_ptr<Device> device,
                                                           const EncoderSettings& settings,
                                                           EncodedFrameCallback callback) {
  std::unique_ptr<NvencEncoder> self(
      new NvencEncoder(std::move(device), settings, std::move(callback)));
  if (auto opened = self->open(std::move(driver)); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  return self;
}

Result<void> NvencEncoder::open(std::shared_ptr<const Driver> driver) {
  auto preset = choose_preset(settings_);
  if (!preset) return tl::unexpected(std::move(preset.error()));
  auto codec = guid_of(settings_.codec);
  if (!codec) return tl::unexpected(std::move(codec.error()));
  auto session = Session::open(std::move(driver), *device_);
  if (!session) return tl::unexpected(std::move(session.error()));
  session_ = std::move(*session);
  auto current = device_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  auto caps = ask_capabilities(session_->driver(), session_->handle(), *codec);
  if (!caps) return with_context(to_string(settings_.codec), std::move(caps.error()));
  caps_ = *caps;
  auto base = session_->preset_config(*codec, *preset);
  if (!base) return tl::unexpected(std::move(base.error()));
  auto configured = configure(settings_, caps_, *preset, *base);
  if (!configured) return tl::unexpected(std::move(configured.error()));
  configuration_ = *configured;
  if (auto ready = session_->initialize(configuration_); !ready) return ready;
  const Extent most = settings_.max_size.empty() ? settings_.size : settings_.max_size;
  reader_.emplace(*session_, blocks_in(std::max(most.width, settings_.size.width), 16) *
                                 blocks_in(std::max(most.height, settings_.size.height), 16));
  orders_.emplace(*session_, settings_, configuration_);
  if (auto described = describe_stream(); !described) return described;
  retrieval_ = std::thread([this] { retrieve(); });
  return {};
}

// With the device current.
Result<void> NvencEncoder::describe_stream() {
  auto header = session_->sequence_params();
  if (!header) return tl::unexpected(std::move(header.error()));
  auto stream = lumen::describe_stream(
      settings_, fmt::format("nvenc {}", codec_label(settings_.codec)), *header);
  if (!stream) return tl::unexpected(std::move(stream.error()));
  stream_ = std::move(*stream);
  return {};
}

NvencEncoder::~NvencEncoder() {
  if (retrieval_.joinable()) {
    {
      const std::scoped_lock lock(mutex_);
      silent_ = true;
      stopping_ = true;
    }
    changed_.notify_all();
    retrieval_.join();
  }
  for (Slot* slot : submitted_) discard(*slot);
  session_.reset();
}

// What retrieval could not take any more: an input is unmapped after its bitstream was locked, even
// if nobody wants that.
void NvencEncoder::discard(Slot& slot) {
  if (slot.mapped == nullptr) return;
  const auto current = device_->make_current();  // fails where the GPU is lost
  if (slot.completed || session_->completion().wait(slot.index)) {
    reader_->drop(session_->bitstream(slot.index));
  }
  (void)session_->inputs().unmap(slot.mapped);
}

// NVENC makes Y'CbCr of either sampling from packed RGB by itself, but of eight bits: ten come from
// lumen's own conversion.
EncoderInput NvencEncoder::input() const {
  const Fourcc yuv = sampled_input(settings_);
  const bool in_place = settings_.bit_depth == 8 && (settings_.in_place || !device_->takes(yuv));
  return {in_place ? Fourcc::kBGRx : yuv, device_->memory(), in_place, yuv};
}

EncoderCapabilities NvencEncoder::capabilities() const {
  return {.largest = caps_.largest,
          .invalidation = configuration_.invalidation,
          .references = orders_->references(),
          .intra_refresh = configuration_.intra_refresh,
          .change_bitrate = caps_.change_bitrate && !settings_.constant_qp,
          .change_size = caps_.change_size,
          .sub_frame = configuration_.sub_frame,
          .qp_block = configuration_.qp_block};
}

Result<NvencEncoder::Slot*> NvencEncoder::free_slot() {
  std::unique_lock lock(mutex_);
  const bool came =
      changed_.wait_for(lock, kHang, [this] { return error_.has_value() || !free_.empty(); });
  if (error_) return tl::unexpected(*error_);
  if (!came) return fail(ErrorKind::kDeviceLost, "NVENC gives nothing back");
  Slot* const slot = free_.back();
  free_.pop_back();
  return slot;
}

Result<void> NvencEncoder::encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) {
  if (frame.size != settings_.size) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} wants {}x{}", stream_->encoder, settings_.size.width,
                            settings_.size.height));
  }
  const Fourcc format =
      std::visit([](const auto& payload) { return payload.format; }, frame.payload);
  if (is_yuv(format) && (is_full_chroma(format) != (settings_.chroma == Chroma::k444) ||
                         is_ten_bit(format) != (settings_.bit_depth == 10))) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} wants {}, not {}", stream_->encoder,
                            to_string(sampled_input(settings_)), to_string(format)));
  }
  if (request.qp_map) {
    if (auto good = check_map(*request.qp_map); !good) return good;
  }
  auto slot = free_slot();
  if (!slot) return tl::unexpected(std::move(slot.error()));
  NV_ENC_PIC_PARAMS picture{};
  auto submitted = [&]() -> Result<void> {
    auto current = device_->make_current();
    if (!current) return tl::unexpected(std::move(current.error()));
    auto brought = device_->bring(frame);
    if (!brought) return tl::unexpected(std::move(brought.error()));
    (*slot)->frame = std::move(*brought);
    (*slot)->pts = pts;
    (*slot)->stream = stream_;
    (*slot)->qp_map = request.qp_map;
    const auto order = orders_->apply(request, pts, picture);
    (*slot)->repaired = order.repaired;
    // "When forceIntraRefreshWithFrameCnt is set it will have priority over sliceMode setting"
    // (nvEncodeAPI.h): how many slices there will be is not known.
    (*slot)->slices = order.wave ? 1 : configuration_.slices;
    (*slot)->frame.times.mark(Stage::kSubmitted);
    return submit(**slot, picture);
  }();
  const std::scoped_lock lock(mutex_);
  if (!submitted) {
    (*slot)->frame = {};
    (*slot)->qp_map.reset();
    free_.push_back(*slot);
    return submitted;
  }
  submitted_.push_back(*slot);
  changed_.notify_all();
  return {};
}

Result<void> NvencEncoder::check_map(const QpMap& map) const {
  const unsigned block = configuration_.qp_block;
  if (block == 0 || map.block != block) {
    return fail(ErrorKind::kInvalidArgument,
                block == 0 ? fmt::format("{} takes no such QP maps", stream_->encoder)
                           : fmt::format("{} takes QP maps with blocks of {} pixels, not {}",
                                         stream_->encoder, block, map.block),
                "look at EncoderCapabilities::qp_block");
  }
  const std::size_t blocks =
      blocks_in(settings_.size.width, block) * blocks_in(settings_.size.height, block);
  if (map.deltas.size() != blocks) {
    return fail(
        ErrorKind::kInvalidArgument,
        fmt::format("a QP map of {} blocks for a picture of {}", map.deltas.size(), blocks));
  }
  const bool emphasis = settings_.qp_map == QpMapKind::kEmphasis;
  const int least = emphasis ? 0 : -51;
  const int most = emphasis ? 5 : 51;
  if (std::ranges::any_of(map.deltas, [&](int one) { return one < least || one > most; })) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("a QP map goes from {} to {}", least, most));
  }
  return {};
}

Result<void> NvencEncoder::submit(Slot& slot, NV_ENC_PIC_PARAMS& picture) {
  const Driver& driver = session_->driver();
  void* const session = session_->handle();
  auto resource = device_->resource(slot.frame);
  if (!resource) return tl::unexpected(std::move(resource.error()));
  auto registered = session_->registrations().get(*resource, slot.frame.size);
  if (!registered) return tl::unexpected(std::move(registered.error()));

  auto mapped = session_->inputs().map(*registered);
  if (!mapped) return tl::unexpected(std::move(mapped.error()));

  picture.version = NV_ENC_PIC_PARAMS_VER;
  picture.inputWidth = slot.frame.size.width;
  picture.inputHeight = slot.frame.size.height;
  // "If pitch value is not known, set this to inputWidth." (nvEncodeAPI.h)
  picture.inputPitch = resource->pitch != 0 ? resource->pitch : picture.inputWidth;
  picture.inputBuffer = mapped->buffer;
  picture.bufferFmt = mapped->format;
  picture.outputBitstream = session_->bitstream(slot.index);
  picture.completionEvent = session_->completion().event(slot.index);
  picture.pictureStruct = NV_ENC_PIC_STRUCT_FRAME;
  picture.frameIdx = next_index_++;
  picture.inputTimeStamp = number_of(slot.pts);
  if (slot.qp_map) {
    // The API's pointer is not const, but the field is an input.
    picture.qpDeltaMap = const_cast<std::int8_t*>(slot.qp_map->deltas.data());
    picture.qpDeltaMapSize = static_cast<std::uint32_t>(slot.qp_map->deltas.size());
  }
  NVENCSTATUS status = NV_ENC_ERR_ENCODER_BUSY;
  for (int i = 0; i < kBusyRetries && status == NV_ENC_ERR_ENCODER_BUSY; ++i) {
    if (i > 0) std::this_thread::sleep_for(kBusyRetry);
    status = driver.api.nvEncEncodePicture(session, &picture);
  }
  if (auto taken = driver.check(status, "nvEncEncodePicture", session); !taken) {
    (void)session_->inputs().unmap(mapped->buffer);
    taken.error().kind = ErrorKind::kDeviceLost;
    return taken;
  }
  slot.mapped = mapped->buffer;
  slot.completed = false;
  return {};
}

void NvencEncoder::retrieve() {
  for (;;) {
    Slot* slot = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !submitted_.empty(); });
      if (submitted_.empty()) return;
      slot = submitted_.front();
    }
    auto taken = take(*slot);
    {
      const std::scoped_lock lock(mutex_);
      if (!taken) {
        error_ = std::move(taken.error());
        error_->kind = ErrorKind::kDeviceLost;
      } else {
        slot->frame = {};
        slot->qp_map.reset();
        submitted_.pop_front();
        free_.push_back(slot);
      }
    }
    changed_.notify_all();
    if (error_) return;
  }
}

// Waits for the chip. On the retrieval thread, the only one that locks: outputs are locked in the
// order of submission.
Result<void> NvencEncoder::take(Slot& slot) {
  auto current = device_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  if (auto completed = session_->completion().wait(slot.index); !completed) return completed;
  slot.completed = true;
  unsigned parts = 0;
  auto last = reader_->read(session_->bitstream(slot.index), slot.slices, [&](BitstreamPart part) {
    hand_out(slot, parts++, false, std::move(part));
  });
  if (!last && !reader_->ended()) return tl::unexpected(std::move(last.error()));
  // The input was read: only now may it be unmapped.
  auto unmapped = session_->inputs().unmap(std::exchange(slot.mapped, nullptr));
  if (!last) return tl::unexpected(std::move(last.error()));
  if (!unmapped) return unmapped;
  hand_out(slot, parts, true, std::move(*last));
  return {};
}

void NvencEncoder::hand_out(const Slot& slot, unsigned number, bool last, BitstreamPart part) {
  {
    const std::scoped_lock guard(mutex_);
    if (silent_) return;
  }
  EncodedFrame encoded;
  encoded.part = number;
  encoded.last = last;
  encoded.pts = slot.pts;
  encoded.times = slot.frame.times;
  encoded.times.mark(Stage::kEncoded);
  encoded.key = part.key;
  encoded.repaired = encoded.key || slot.repaired;
  encoded.stream = slot.stream;
  std::span<const std::uint8_t> view(*part.bytes);
  if (settings_.codec == Codec::kAv1) view = without_temporal_delimiter(view);
  encoded.data = SharedBytes(std::move(part.bytes), view);
  callback_(std::move(encoded));
}

void NvencEncoder::wait_until_idle() {
  std::unique_lock lock(mutex_);
  while (!error_ && !submitted_.empty()) {
    const std::size_t left = submitted_.size();
    if (!changed_.wait_for(lock, kHang, [&] { return error_ || submitted_.size() < left; })) return;
  }
}

Result<void> NvencEncoder::reconfigure(const EncoderChange& change) {
  const EncoderSettings wanted = changed(settings_, change);
  const bool new_size = wanted.size != settings_.size;
  const bool new_rate =
      wanted.bitrate_bps != settings_.bitrate_bps || !(wanted.rate == settings_.rate);
  if (!new_size && !new_rate) return {};
  if (new_rate && !caps_.change_bitrate) {
    return fail(ErrorKind::kUnsupported, "this GPU can't change the bit rate while it encodes");
  }
  Configuration configuration = configuration_;
  set_rate(configuration, wanted, caps_);
  if (new_size) {
    if (!caps_.change_size || wanted.size.width > configuration.init.maxEncodeWidth ||
        wanted.size.height > configuration.init.maxEncodeHeight || wanted.size.width % 2 != 0 ||
        wanted.size.height % 2 != 0 || wanted.size.width < caps_.smallest.width ||
        wanted.size.height < caps_.smallest.height) {
      return fail(ErrorKind::kUnsupported, fmt::format("NVENC can't go to {}x{} while it encodes",
                                                       wanted.size.width, wanted.size.height));
    }
    set_size(configuration, wanted);
    wait_until_idle();
  }
  auto current = device_->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  if (auto done = session_->reconfigure(configuration, new_size); !done) {
    done.error().kind = ErrorKind::kUnsupported;
    return done;
  }
  configuration_ = configuration;
  settings_ = wanted;
  if (!new_size) return {};
  orders_->begin_sequence();
  return describe_stream();
}

Result<void> NvencEncoder::flush() {
  {
    auto current = device_->make_current();
    if (!current) return tl::unexpected(std::move(current.error()));
    session_->end_of_stream();
  }
  wait_until_idle();
  const std::scoped_lock lock(mutex_);
  if (error_) return tl::unexpected(*error_);
  if (!submitted_.empty()) return fail(ErrorKind::kDeviceLost, "NVENC gives nothing back");
  return {};
}

}  // namespace lumen::nvenc
