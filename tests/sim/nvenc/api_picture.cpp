#include <algorithm>
#include <span>

#include "api.h"
#include "completion.h"
#include "frames.h"
#include "simulator.h"

namespace lumen::sim::nvenc {
namespace {

constexpr std::uint32_t kAllFlags = NV_ENC_PIC_FLAG_FORCEINTRA | NV_ENC_PIC_FLAG_FORCEIDR |
                                    NV_ENC_PIC_FLAG_OUTPUT_SPSPPS | NV_ENC_PIC_FLAG_EOS;

/// FFmpeg ends the stream at every packet that it drains, once more at the end and again when it
/// closes; and once before nvEncInitializeEncoder where opening failed early. That much is let
/// pass.
NVENCSTATUS end_stream(Simulator& sim, Lock& lock, const std::shared_ptr<Session>& session,
                       const NV_ENC_PIC_PARAMS& params) {
  if (params.inputBuffer != nullptr || params.outputBitstream != nullptr) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "an end of stream with buffers");
  }
  if (!session->initialized) {
    if (session->ended_before_initialize) sim.violation("before nvEncInitializeEncoder");
    session->ended_before_initialize = true;
    return NV_ENC_ERR_ENCODER_NOT_INITIALIZED;
  }
  std::shared_ptr<CompletionEvent> event;
  const NVENCSTATUS status = find_event(sim, *session, params.completionEvent, nullptr, event);
  if (status != NV_ENC_SUCCESS) return status;
  if (++session->ends_in_a_row > 2) sim.violation("a third end of stream in a row");
  if (event != nullptr) {
    attach(event, nullptr);
    session->end = session->last_end = event;
    sim.chip_work.notify_all();
    return NV_ENC_SUCCESS;
  }
  if (!session->submitted.empty()) encode_until(sim, lock, session, nullptr);
  session->stream_open = false;
  session->ended = true;
  return NV_ENC_SUCCESS;
}

std::optional<PictureType> picture_type(NV_ENC_PIC_TYPE type) {
  if (type == NV_ENC_PIC_TYPE_P) return PictureType::kP;
  if (type == NV_ENC_PIC_TYPE_I) return PictureType::kI;
  if (type == NV_ENC_PIC_TYPE_IDR) return PictureType::kIdr;
  return std::nullopt;
}

std::uint32_t forced_refresh(CodecKind codec, const NV_ENC_CODEC_PIC_PARAMS& params) {
  if (codec == CodecKind::kH264) return params.h264PicParams.forceIntraRefreshWithFrameCnt;
  if (codec == CodecKind::kHevc) return params.hevcPicParams.forceIntraRefreshWithFrameCnt;
  return 0;
}

NVENCSTATUS check_size(Simulator& sim, const Session& session, const NV_ENC_PIC_PARAMS& params,
                       NV_ENC_BUFFER_FORMAT format, std::size_t width, std::size_t height,
                       std::size_t pitch) {
  if (params.bufferFmt != format) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "bufferFmt is not the input buffer's format");
  }
  // FFmpeg leaves both 0 with CUDA frames.
  const bool sized = params.inputWidth != 0 || params.inputHeight != 0;
  if (sized && (params.inputWidth != session.params.encodeWidth ||
                params.inputHeight != session.params.encodeHeight)) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "inputWidth and inputHeight are not the encoder's");
  }
  if (width < session.params.encodeWidth || height < session.params.encodeHeight) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "the input buffer is smaller than the picture");
  }
  // "If pitch value is not known, set this to inputWidth."
  if (params.inputPitch != pitch && params.inputPitch != params.inputWidth &&
      params.inputPitch != 0) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "inputPitch is not the input buffer's");
  }
  const StreamConfig& stream = session.stream_config;
  if (is_ten_bit(format) != stream.ten_bit && !is_rgb(format)) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "the input's depth is not the stream's");
  }
  if (is_444(format) != stream.full_chroma && !is_rgb(format)) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "the input's chroma format is not the stream's");
  }
  return NV_ENC_SUCCESS;
}

/// System memory is copied now, as its owner may write the next picture.
void copy_pixels(const InputBuffer& buffer, Frame& frame) {
  const auto planes =
      planes_of(buffer.format, static_cast<std::size_t>(frame.width),
                static_cast<std::size_t>(frame.height), buffer.pitch, buffer.height);
  for (const PlaneLayout& plane : planes) {
    auto& rows = frame.pixels.emplace_back();
    for (std::size_t y = 0; y < plane.rows; ++y) {
      const auto from =
          buffer.bytes.begin() + static_cast<std::ptrdiff_t>(plane.offset + y * plane.pitch);
      rows.insert(rows.end(), from, from + static_cast<std::ptrdiff_t>(plane.row_bytes));
    }
  }
}

NVENCSTATUS take_input(Simulator& sim, const Session& session, const NV_ENC_PIC_PARAMS& params,
                       Frame& frame) {
  frame.format = params.bufferFmt;
  frame.width = static_cast<int>(session.params.encodeWidth);
  frame.height = static_cast<int>(session.params.encodeHeight);
  const auto object = sim.objects.find(params.inputBuffer);
  if (object != nullptr && object->kind == ObjectKind::kInputBuffer) {
    const auto buffer = sim.find<InputBuffer>(session, params.inputBuffer);
    if (buffer == nullptr) return NV_ENC_ERR_INVALID_PARAM;
    if (buffer->locked) return sim.broken(NV_ENC_ERR_INVALID_CALL, "the input buffer is locked");
    const NVENCSTATUS status = check_size(sim, session, params, buffer->format, buffer->width,
                                          buffer->height, buffer->pitch);
    if (status == NV_ENC_SUCCESS) copy_pixels(*buffer, frame);
    return status;
  }
  const auto mapping = sim.find<Mapping>(session, params.inputBuffer);
  if (mapping == nullptr) return NV_ENC_ERR_INVALID_PARAM;
  const NV_ENC_REGISTER_RESOURCE& resource = mapping->registration->description;
  frame.mapping = mapping;
  return check_size(sim, session, params, resource.bufferFormat, resource.width, resource.height,
                    resource.pitch);
}

int map_block(CodecKind codec) {
  // "Value per MB for H264 and per CTB for HEVC": 32 x 32; AV1's superblocks have 64 x 64.
  return codec == CodecKind::kH264 ? 16 : codec == CodecKind::kHevc ? 32 : 64;
}

/// The map is read when the picture is encoded: nothing says that it may go before.
NVENCSTATUS read_qp_map(Simulator& sim, const Session& session, const NV_ENC_PIC_PARAMS& params,
                        EncodeRequest& request) {
  const StreamConfig& stream = session.stream_config;
  if (params.qpDeltaMap == nullptr) return NV_ENC_SUCCESS;
  if (!stream.qp_delta_map && !stream.emphasis_map) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "qpDeltaMap with qpMapMode disabled");
  }
  const auto block = static_cast<std::uint32_t>(map_block(stream.codec));
  const auto along = [&](std::uint32_t pixels) { return (pixels + block - 1) / block; };
  const std::size_t blocks =
      std::size_t{along(session.params.encodeWidth)} * along(session.params.encodeHeight);
  if (params.qpDeltaMapSize != blocks) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "qpDeltaMap has not the picture's size");
  }
  const int most = stream.emphasis_map ? NV_ENC_EMPHASIS_MAP_LEVEL_5 : 51;
  const int least = stream.emphasis_map ? NV_ENC_EMPHASIS_MAP_LEVEL_0 : -51;
  const std::span map(params.qpDeltaMap, blocks);
  if (std::ranges::any_of(map, [&](int one) { return one < least || one > most; })) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "qpDeltaMap has values out of range");
  }
  request.qp_map = map.data();
  request.qp_blocks = map.size();
  return NV_ENC_SUCCESS;
}

/// H.264's and HEVC's fields have the same names.
template <typename Params>
NVENCSTATUS read_ltr(Simulator& sim, const Session& session, const Params& params,
                     EncodeRequest& request) {
  const unsigned frames = session.stream_config.ltr_frames;
  const auto refuse = [&](const char* text) { return sim.broken(NV_ENC_ERR_INVALID_PARAM, text); };
  if (params.ltrUsageMode != 0) return refuse("ltrUsageMode is not 0");
  if (params.ltrMarkFrame == 0 && params.ltrUseFrames == 0) return NV_ENC_SUCCESS;
  if (frames == 0) return refuse("long-term references without enableLTR");
  if (params.ltrMarkFrame != 0) {
    if (params.ltrMarkFrameIdx >= frames) return refuse("ltrMarkFrameIdx beyond ltrNumFrames");
    request.ltr_mark = params.ltrMarkFrameIdx;
  }
  if (params.ltrUseFrames == 0) return NV_ENC_SUCCESS;
  if (params.ltrUseFrameBitmap == 0) return refuse("ltrUseFrames without a frame to use");
  if ((params.ltrUseFrameBitmap & ~session.ltr_marked) != 0) {
    return refuse("ltrUseFrameBitmap names what was not marked");
  }
  request.ltr_use = params.ltrUseFrameBitmap;
  return NV_ENC_SUCCESS;
}

NVENCSTATUS read_request(Simulator& sim, const Session& session, const NV_ENC_PIC_PARAMS& params,
                         EncodeRequest& request) {
  const std::uint32_t flags = params.encodePicFlags;
  if ((flags & ~kAllFlags) != 0)
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "unknown picture flag");
  if (params.pictureStruct != NV_ENC_PIC_STRUCT_FRAME) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "pictureStruct is not a frame");
  }
  request.time_stamp = params.inputTimeStamp;
  request.force_idr = (flags & NV_ENC_PIC_FLAG_FORCEIDR) != 0;
  request.force_intra = (flags & NV_ENC_PIC_FLAG_FORCEINTRA) != 0;
  request.output_headers = (flags & NV_ENC_PIC_FLAG_OUTPUT_SPSPPS) != 0;
  if (session.params.enablePTD == 0) {
    if (request.force_idr) {
      return sim.broken(NV_ENC_ERR_INVALID_PARAM, "FORCEIDR is for enablePTD = 1");
    }
    request.type = picture_type(params.pictureType);
    if (!request.type) return NV_ENC_ERR_INVALID_PARAM;
  }
  request.start_refresh = forced_refresh(session.stream_config.codec, params.codecPicParams) != 0;
  if (request.start_refresh && !session.stream_config.intra_refresh) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM,
                      "forceIntraRefreshWithFrameCnt without enableIntraRefresh");
  }
  const NVENCSTATUS status = read_qp_map(sim, session, params, request);
  if (status != NV_ENC_SUCCESS || session.stream_config.codec == CodecKind::kAv1) return status;
  return session.stream_config.codec == CodecKind::kH264
             ? read_ltr(sim, session, params.codecPicParams.h264PicParams, request)
             : read_ltr(sim, session, params.codecPicParams.hevcPicParams, request);
}

NVENCSTATUS submit(Simulator& sim, Session& session, const NV_ENC_PIC_PARAMS& params) {
  auto frame = std::make_shared<Frame>();
  NVENCSTATUS status = read_request(sim, session, params, frame->request);
  if (status != NV_ENC_SUCCESS) return status;
  frame->bitstream = sim.find<Bitstream>(session, params.outputBitstream);
  if (frame->bitstream == nullptr) return NV_ENC_ERR_INVALID_PARAM;
  if (frame->bitstream->frame != nullptr) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "two pictures in one bitstream buffer");
  }
  status = find_event(sim, session, params.completionEvent, frame->bitstream, frame->event);
  if (status != NV_ENC_SUCCESS) return status;
  if (status = take_input(sim, session, params, *frame); status != NV_ENC_SUCCESS) return status;
  frame->index = params.frameIdx;
  frame->duration = params.inputDuration;
  if (status = session.device->mark_work(sim, frame->work); status != NV_ENC_SUCCESS) return status;
  frame->before = std::move(session.commands);
  session.commands.clear();
  attach(frame->event, frame->bitstream);
  frame->bitstream->frame = frame;
  if (frame->mapping != nullptr) ++frame->mapping->frames_in_flight;
  session.submitted.push_back(frame);
  sim.chip_work.notify_all();
  if (session.ended) frame->request.force_idr = true;
  if (frame->request.force_idr) session.ltr_marked = 0;
  if (frame->request.ltr_mark) session.ltr_marked |= 1U << *frame->request.ltr_mark;
  session.stream_open = true;
  session.ended = false;
  session.ends_in_a_row = 0;
  return NV_ENC_SUCCESS;
}

}  // namespace

NVENCSTATUS nvEncEncodePicture(void* encoder, NV_ENC_PIC_PARAMS* params) {
  // Ending a stream is part of the way down: it happens even when it is told to fail.
  const bool ends = params != nullptr && (params->encodePicFlags & NV_ENC_PIC_FLAG_EOS) != 0;
  return call(
      __func__, encoder, {.initialized = !ends, .device = !ends, .release = ends, .trouble = true},
      [&](Simulator& sim, Lock& lock, const auto& session) {
        const NVENCSTATUS version =
            check_version(sim, params, NV_ENC_PIC_PARAMS_VER, "NV_ENC_PIC_PARAMS");
        if (version != NV_ENC_SUCCESS) return version;
        return ends ? end_stream(sim, lock, session, *params) : submit(sim, *session, *params);
      });
}

// Takes effect at the next picture that is submitted: those in flight may still refer to it.
NVENCSTATUS nvEncInvalidateRefFrames(void* encoder, std::uint64_t time_stamp) {
  return call(__func__, encoder, {.initialized = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                const CodecKind codec = session->stream_config.codec;
                if (!sim.can(codec, NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION)) {
                  return NV_ENC_ERR_UNSUPPORTED_PARAM;
                }
                Command command;
                command.kind = Command::Kind::kInvalidate;
                command.time_stamp = time_stamp;
                session->commands.push_back(command);
                return NV_ENC_SUCCESS;
              });
}

}  // namespace lumen::sim::nvenc
