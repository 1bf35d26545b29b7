// Structures of another version, and handles that are null, strange, stale or another session's.
#include "test_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

using ::testing::HasSubstr;

class NvencHandles : public SimNvenc {
 protected:
  void SetUp() override {
    SimNvenc::SetUp();
    client = make_client();
  }
  void TearDown() override {
    client.reset();
    SimNvenc::TearDown();
  }
  void expect_violation(const char* text) { EXPECT_THAT(take_violations(), HasSubstr(text)); }

  std::unique_ptr<Client> client;
};

TEST_F(NvencHandles, VersionsOfStructuresAreChecked) {
  NV_ENCODE_API_FUNCTION_LIST list{};
  auto* const create = reinterpret_cast<decltype(NvEncodeAPICreateInstance)*>(
      ::dlsym(loaded_nvenc(), "NvEncodeAPICreateInstance"));
  EXPECT_EQ(create(&list), NV_ENC_ERR_INVALID_VERSION);
  expect_violation("NvEncodeAPICreateInstance: NV_ENCODE_API_FUNCTION_LIST has another version");
  EXPECT_EQ(create(nullptr), NV_ENC_ERR_INVALID_PTR);
  expect_violation("null NV_ENCODE_API_FUNCTION_LIST");
  void* encoder = nullptr;
  NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS session{};
  EXPECT_EQ(client->api.nvEncOpenEncodeSessionEx(&session, &encoder), NV_ENC_ERR_INVALID_VERSION);
  session.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
  session.apiVersion = 10;
  EXPECT_EQ(client->api.nvEncOpenEncodeSessionEx(&session, &encoder), NV_ENC_ERR_INVALID_VERSION);
  expect_violation("apiVersion is not NVENCAPI_VERSION");

  client->start();
  const auto check = [&](auto&& function, auto&& params, const char* name) {
    EXPECT_EQ(function(client->encoder, &params), NV_ENC_ERR_INVALID_VERSION) << name;
    expect_violation((std::string(name) + " has another version").c_str());
  };
  const auto& api = client->api;
  check(api.nvEncInitializeEncoder, NV_ENC_INITIALIZE_PARAMS{}, "NV_ENC_INITIALIZE_PARAMS");
  check(api.nvEncReconfigureEncoder, NV_ENC_RECONFIGURE_PARAMS{}, "NV_ENC_RECONFIGURE_PARAMS");
  check(api.nvEncCreateInputBuffer, NV_ENC_CREATE_INPUT_BUFFER{}, "NV_ENC_CREATE_INPUT_BUFFER");
  check(api.nvEncLockInputBuffer, NV_ENC_LOCK_INPUT_BUFFER{}, "NV_ENC_LOCK_INPUT_BUFFER");
  check(api.nvEncRegisterResource, NV_ENC_REGISTER_RESOURCE{}, "NV_ENC_REGISTER_RESOURCE");
  check(api.nvEncMapInputResource, NV_ENC_MAP_INPUT_RESOURCE{}, "NV_ENC_MAP_INPUT_RESOURCE");
  check(api.nvEncEncodePicture, NV_ENC_PIC_PARAMS{}, "NV_ENC_PIC_PARAMS");
  check(api.nvEncLockBitstream, NV_ENC_LOCK_BITSTREAM{}, "NV_ENC_LOCK_BITSTREAM");
  check(api.nvEncCreateBitstreamBuffer, NV_ENC_CREATE_BITSTREAM_BUFFER{},
        "NV_ENC_CREATE_BITSTREAM_BUFFER");
  check(api.nvEncGetSequenceParams, NV_ENC_SEQUENCE_PARAM_PAYLOAD{},
        "NV_ENC_SEQUENCE_PARAM_PAYLOAD");
  check(api.nvEncGetEncodeStats, NV_ENC_STAT{}, "NV_ENC_STAT");
  NV_ENC_CAPS_PARAM caps{};
  int value = 0;
  EXPECT_EQ(api.nvEncGetEncodeCaps(client->encoder, client->codec, &caps, &value),
            NV_ENC_ERR_INVALID_VERSION);
  expect_violation("NV_ENC_CAPS_PARAM has another version");
  NV_ENC_PRESET_CONFIG preset{};
  preset.version = NV_ENC_PRESET_CONFIG_VER;
  EXPECT_EQ(api.nvEncGetEncodePresetConfigEx(client->encoder, client->codec, NV_ENC_PRESET_P1_GUID,
                                             NV_ENC_TUNING_INFO_LOW_LATENCY, &preset),
            NV_ENC_ERR_INVALID_VERSION);
  expect_violation("NV_ENC_CONFIG has another version");
}

TEST_F(NvencHandles, HandlesAreKnown) {
  client->start();
  const auto other = make_client();
  other->start();
  const auto& api = client->api;
  void* const encoder = client->encoder;
  EXPECT_NE(api.nvEncDestroyBitstreamBuffer(encoder, nullptr), NV_ENC_SUCCESS);
  expect_violation("null bitstream buffer");
  EXPECT_NE(api.nvEncDestroyBitstreamBuffer(encoder, &client), NV_ENC_SUCCESS);
  expect_violation("no such bitstream buffer");
  EXPECT_NE(api.nvEncDestroyBitstreamBuffer(encoder, other->bitstream), NV_ENC_SUCCESS);
  expect_violation("bitstream buffer of another session");
  EXPECT_NE(api.nvEncDestroyBitstreamBuffer(encoder, client->registered), NV_ENC_SUCCESS);
  expect_violation("registration given as bitstream buffer");
  const auto buffer = client->make_bitstream();
  EXPECT_EQ(api.nvEncDestroyBitstreamBuffer(encoder, buffer), NV_ENC_SUCCESS);
  EXPECT_NE(api.nvEncDestroyBitstreamBuffer(encoder, buffer), NV_ENC_SUCCESS);
  expect_violation("bitstream buffer that is gone");
  EXPECT_EQ(api.nvEncDestroyEncoder(nullptr), NV_ENC_ERR_INVALID_ENCODERDEVICE);
  expect_violation("null session");
  other->close();
  EXPECT_EQ(api.nvEncDestroyEncoder(client->bitstream), NV_ENC_ERR_INVALID_ENCODERDEVICE);
  expect_violation("bitstream buffer given as session");
  client->close();
  EXPECT_EQ(api.nvEncDestroyEncoder(encoder), NV_ENC_ERR_INVALID_ENCODERDEVICE);
  expect_violation("session that is gone");
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
