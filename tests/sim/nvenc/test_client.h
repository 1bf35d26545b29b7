// A small client of the raw API, and the fixture that it runs in: the CUDA stand-in's context is
// current; a violation or an object that a test leaves fails it, for both libraries. One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control.h"
#include "test_video.h"
#include "tests/sim/cuda/fixture.h"

namespace lumen::sim::nvenc::testing {

inline void* loaded_nvenc() {
  // The CUDA stand-in first: the encoder's library takes the one that is loaded.
  loaded_library();
  static void* const library = ::dlopen(LUMEN_SIM_NVENC_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  return library;
}

enum class Source { kPointer, kArray, kBuffer };

struct Packet {
  Bytes bytes;
  NV_ENC_PIC_TYPE type = NV_ENC_PIC_TYPE_UNKNOWN;
  std::uint64_t time_stamp = 0;
  std::uint32_t index = 0;
  std::uint32_t average_qp = 0;
  std::vector<std::uint32_t> slices;
};

NV_ENCODE_API_FUNCTION_LIST load_api();

/// The header's types of these changed with version 12.
void set_ten_bits(NV_ENC_CONFIG_HEVC& config);
void set_colour(NV_ENC_CONFIG_H264_VUI_PARAMETERS& vui, unsigned primaries, unsigned transfer,
                unsigned matrix, bool full_range = false);

/// One session with one input and one bitstream buffer. Members are there to be spoilt.
class Client {
 public:
  Client(const Api& driver, CUcontext current, const GUID& codec_guid, int picture_width = 320,
         int picture_height = 192);
  Client(const Client&) = delete;
  ~Client() { close(); }

  NVENCSTATUS open();
  /// Takes the ultra-low-latency preset; `params` and `config` may be changed after that.
  void take_preset();
  NVENCSTATUS initialize();
  /// All of the above, and make_input() and make_bitstream().
  void start(const std::function<void(Client&)>& change = nullptr,
             NV_ENC_BUFFER_FORMAT with_format = NV_ENC_BUFFER_FORMAT_NV12,
             Source with_source = Source::kPointer);

  NV_ENC_OUTPUT_PTR make_bitstream();
  void make_input(NV_ENC_BUFFER_FORMAT with_format, Source with_source);
  NVENCSTATUS register_input();
  NVENCSTATUS map();
  NVENCSTATUS unmap();
  NVENCSTATUS unregister();
  void write(const Bytes& gapless);
  /// What nvEncEncodePicture takes for the picture that was written.
  [[nodiscard]] NV_ENC_PIC_PARAMS picture() const;
  NVENCSTATUS submit(NV_ENC_PIC_PARAMS what) { return api.nvEncEncodePicture(encoder, &what); }
  NVENCSTATUS lock(NV_ENC_LOCK_BITSTREAM& locked, NV_ENC_OUTPUT_PTR buffer = nullptr);
  NVENCSTATUS unlock(NV_ENC_OUTPUT_PTR buffer = nullptr);
  NVENCSTATUS end_stream();
  /// Map, submit, lock, unlock, unmap.
  Packet encode(int number, const std::function<void(NV_ENC_PIC_PARAMS&)>& change = nullptr);
  NVENCSTATUS reconfigure(const std::function<void(NV_ENC_RECONFIGURE_PARAMS&)>& change);
  /// Everything in order, as far as it was made.
  void close();

  const Api& cuda;
  CUcontext context;
  GUID codec;
  int width;
  int height;
  NV_ENCODE_API_FUNCTION_LIST api = load_api();
  void* encoder = nullptr;
  NV_ENC_INITIALIZE_PARAMS params{};
  NV_ENC_CONFIG config{};
  bool initialized = false;

  NV_ENC_BUFFER_FORMAT format = NV_ENC_BUFFER_FORMAT_NV12;
  Source source = Source::kPointer;
  CUdeviceptr address = 0;
  CUarray array = nullptr;
  std::size_t pitch = 0;
  NV_ENC_REGISTERED_PTR registered = nullptr;
  NV_ENC_INPUT_PTR input = nullptr;  // mapped, or an input buffer
  NV_ENC_OUTPUT_PTR bitstream = nullptr;
  std::vector<NV_ENC_OUTPUT_PTR> more_bitstreams;
  std::uint64_t next_time = 1000;
};

class SimNvenc : public SimCuda {
 protected:
  void SetUp() override;
  void TearDown() override;
  std::string take_violations();

  std::unique_ptr<Client> make_client(const GUID& codec = NV_ENC_CODEC_H264_GUID, int width = 320,
                                      int height = 192) {
    return std::make_unique<Client>(cuda, context, codec, width, height);
  }

  NvencControl nvenc{loaded_nvenc()};
};

inline const char* decoder_name(const GUID& codec) {
  return codec.Data1 == NV_ENC_CODEC_H264_GUID.Data1 ? "h264" : "hevc";
}

/// The scene as a decoder should give it back.
inline Yuv expected(int width, int height, int number, Matrix matrix = kBt709) {
  return to_yuv(scene(width, height, number), width, height, matrix);
}

}  // namespace lumen::sim::nvenc::testing
