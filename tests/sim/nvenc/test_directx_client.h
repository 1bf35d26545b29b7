// A small client of the raw API on a Direct3D 11 device, and the fixture that it runs in: a
// violation or an object that a test leaves fails it. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/d3d11_device.h"
#include "support/nvenc_dll.h"

#include <ffnvcodec/nvEncodeAPI.h>

namespace lumen::sim::nvenc::testing {

/// One session with one texture and one bitstream buffer with its event. Members are there to be
/// spoilt.
class DirectxClient {
 public:
  explicit DirectxClient(const test::Direct3d& with);
  DirectxClient(const DirectxClient&) = delete;
  ~DirectxClient() { close(); }

  NVENCSTATUS open();
  /// Takes the ultra-low-latency preset, in asynchronous mode.
  void take_preset();
  NVENCSTATUS initialize();
  /// All of the above, with buffers; `change` comes before initialize().
  void start(const std::function<void(DirectxClient&)>& change = nullptr);

  NV_ENC_OUTPUT_PTR make_bitstream();
  HANDLE make_event();  // registered
  NVENCSTATUS register_event(HANDLE one);
  NVENCSTATUS unregister_event(HANDLE one);
  NVENCSTATUS register_texture(ID3D11Texture2D* one, UINT pitch = 0);
  NVENCSTATUS unregister() { return api.nvEncUnregisterResource(encoder, take(registered)); }
  NVENCSTATUS map();
  NVENCSTATUS unmap() { return api.nvEncUnmapInputResource(encoder, take(input)); }
  /// All pixels of the picture get this value.
  void fill(std::uint8_t value);
  [[nodiscard]] NV_ENC_PIC_PARAMS picture() const;
  NVENCSTATUS submit(NV_ENC_PIC_PARAMS what) { return api.nvEncEncodePicture(encoder, &what); }
  NVENCSTATUS end_stream(HANDLE with);
  static bool wait(HANDLE one) { return ::WaitForSingleObject(one, 10'000) == WAIT_OBJECT_0; }
  NVENCSTATUS lock(std::vector<std::uint8_t>* bytes = nullptr, NV_ENC_OUTPUT_PTR buffer = nullptr);
  NVENCSTATUS unlock(NV_ENC_OUTPUT_PTR buffer = nullptr);
  /// Map, submit, wait, lock, unlock, unmap.
  std::vector<std::uint8_t> encode(std::uint8_t value);
  /// Everything in order, as far as it was made.
  void close();

  static constexpr UINT kWidth = 320;
  static constexpr UINT kHeight = 192;

  test::Direct3d direct3d;
  NV_ENCODE_API_FUNCTION_LIST api{};
  void* encoder = nullptr;
  NV_ENC_INITIALIZE_PARAMS params{};
  NV_ENC_CONFIG config{};
  NV_ENC_BUFFER_FORMAT format = NV_ENC_BUFFER_FORMAT_ARGB;
  Microsoft::WRL::ComPtr<ID3D11Texture2D> texture;
  NV_ENC_REGISTERED_PTR registered = nullptr;
  NV_ENC_INPUT_PTR input = nullptr;
  NV_ENC_OUTPUT_PTR bitstream = nullptr;
  std::vector<NV_ENC_OUTPUT_PTR> bitstreams;
  HANDLE event = nullptr;
  HANDLE end_event = nullptr;
  std::vector<HANDLE> events;
  bool initialized = false;
  bool do_not_wait = false;  // in locks

 private:
  template <typename Handle>
  static Handle take(Handle& handle) {
    return std::exchange(handle, nullptr);
  }
};

class SimDirectx : public ::testing::Test {
 protected:
  void SetUp() override {
    nvenc.start();
    direct3d = test::Direct3d::make();
    direct3d.protect();
    client = std::make_unique<DirectxClient>(direct3d);
  }
  void TearDown() override {
    client.reset();
    nvenc.finish();
  }
  void expect_violation(const char* text) {
    EXPECT_THAT(std::string(nvenc.violations()), ::testing::HasSubstr(text));
    nvenc.reset();
  }

  test::NvencDll nvenc;
  test::Direct3d direct3d;
  std::unique_ptr<DirectxClient> client;
};

}  // namespace lumen::sim::nvenc::testing
