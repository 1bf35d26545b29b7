// The NVENC stand-in as nvEncodeAPI64.dll, on Direct3D 11 devices: what it encodes, and its rules
// about devices and textures, each broken once.
#include "test_directx_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

using Microsoft::WRL::ComPtr;

class NvencDirectx : public SimDirectx {};

TEST_F(NvencDirectx, HasNoCodecButH264) {
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  const auto& api = client->api;
  std::uint32_t count = 0;
  EXPECT_EQ(api.nvEncGetEncodeGUIDCount(client->encoder, &count), NV_ENC_SUCCESS);
  EXPECT_EQ(count, 1U);
  NV_ENC_CAPS_PARAM caps{};
  caps.version = NV_ENC_CAPS_PARAM_VER;
  caps.capsToQuery = NV_ENC_CAPS_ASYNC_ENCODE_SUPPORT;
  int value = 0;
  EXPECT_EQ(api.nvEncGetEncodeCaps(client->encoder, NV_ENC_CODEC_H264_GUID, &caps, &value),
            NV_ENC_SUCCESS);
  EXPECT_EQ(value, 1);
  EXPECT_EQ(api.nvEncGetEncodeCaps(client->encoder, NV_ENC_CODEC_HEVC_GUID, &caps, &value),
            NV_ENC_ERR_INVALID_PARAM);
}

TEST_F(NvencDirectx, EncodesWhatIsInTheTexture) {
  client->start();
  const auto key = client->encode(16);
  const auto same = client->encode(16);
  const auto other = client->encode(200);
  ASSERT_GT(key.size(), 5U);
  EXPECT_EQ(key[2] == 1 ? key[3] & 0x1f : key[4] & 0x1f, 7) << "a sequence parameter set first";
  EXPECT_LT(same.size() * 2, other.size()) << "a change of all pixels costs bits";
}

TEST_F(NvencDirectx, SynchronousModeNeedsNoEvents) {
  client->start([](DirectxClient& c) { c.params.enableEncodeAsync = 0; });
  EXPECT_FALSE(client->encode(16).empty());
  HANDLE loose = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
  EXPECT_EQ(client->register_event(loose), NV_ENC_ERR_INVALID_CALL);
  expect_violation("an event in synchronous mode");
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  NV_ENC_PIC_PARAMS what = client->picture();
  what.completionEvent = loose;
  EXPECT_EQ(client->submit(what), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("a completion event in synchronous mode");
  ::CloseHandle(loose);
}

TEST_F(NvencDirectx, SessionsNeedADirect3dDevice) {
  NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS session{};
  session.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
  session.deviceType = NV_ENC_DEVICE_TYPE_DIRECTX;
  session.apiVersion = NVENCAPI_VERSION;
  void* encoder = nullptr;
  EXPECT_EQ(client->api.nvEncOpenEncodeSessionEx(&session, &encoder), NV_ENC_ERR_INVALID_DEVICE);
  expect_violation("no Direct3D 11 device");
  session.deviceType = NV_ENC_DEVICE_TYPE_CUDA;
  EXPECT_EQ(client->api.nvEncOpenEncodeSessionEx(&session, &encoder),
            NV_ENC_ERR_UNSUPPORTED_DEVICE);
}

TEST_F(NvencDirectx, CudaStreamsAreForCuda) {
  client->start();
  EXPECT_EQ(client->api.nvEncSetIOCudaStreams(client->encoder, nullptr, nullptr),
            NV_ENC_ERR_INVALID_CALL);
  expect_violation("CUDA streams for a Direct3D device");
}

TEST_F(NvencDirectx, RegistrationsFitTheirTexture) {
  client->start();
  const auto good = client->registered;
  const auto refuse = [&](ID3D11Texture2D* texture, UINT pitch, NVENCSTATUS status,
                          const char* text) {
    EXPECT_EQ(client->register_texture(texture, pitch), status);
    expect_violation(text);
    EXPECT_EQ(client->registered, good);
  };
  refuse(client->texture.Get(), 1280, NV_ENC_ERR_INVALID_PARAM, "pitch of a texture is not 0");
  const auto small = direct3d.texture(160, 96, DXGI_FORMAT_B8G8R8A8_UNORM);
  refuse(small.Get(), 0, NV_ENC_ERR_INVALID_PARAM,
         "the texture is smaller than the registration says");
  const auto swapped = direct3d.texture(320, 192, DXGI_FORMAT_R8G8B8A8_UNORM);
  refuse(swapped.Get(), 0, NV_ENC_ERR_INVALID_PARAM, "bufferFormat is not the texture's");
  const auto other = test::Direct3d::make();
  const auto foreign = other.texture(320, 192, DXGI_FORMAT_B8G8R8A8_UNORM);
  refuse(foreign.Get(), 0, NV_ENC_ERR_RESOURCE_REGISTER_FAILED, "the texture is of another device");
  D3D11_BUFFER_DESC bytes{};
  bytes.ByteWidth = 1024;
  bytes.BindFlags = D3D11_BIND_VERTEX_BUFFER;
  ComPtr<ID3D11Buffer> buffer;
  ASSERT_TRUE(SUCCEEDED(direct3d.device->CreateBuffer(&bytes, nullptr, &buffer)));
  auto* const disguised = reinterpret_cast<ID3D11Texture2D*>(buffer.Get());
  refuse(disguised, 0, NV_ENC_ERR_RESOURCE_REGISTER_FAILED, "not a Direct3D 11 texture");
}

TEST_F(NvencDirectx, RegisteredTexturesAreNotReleased) {
  client->start();
  client->encode(16);
  client->texture.Reset();
  EXPECT_EQ(client->unregister(), NV_ENC_SUCCESS);
  expect_violation("the texture was released while it was registered");
}

TEST_F(NvencDirectx, ATextureIsReadUntilItsPictureIsDone) {
  client->start([](DirectxClient& c) { c.params.enableEncodeAsync = 0; });
  client->encode(16);
  const auto still = client->encode(16);
  client->fill(16);
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  ASSERT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  client->fill(200);  // too early
  std::vector<std::uint8_t> bytes;
  ASSERT_EQ(client->lock(&bytes), NV_ENC_SUCCESS);
  EXPECT_GT(bytes.size(), still.size() * 2);
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
