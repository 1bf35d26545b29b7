// Asynchronous mode: events come when pictures are done, and each rule about them is broken once.
#include "test_directx_client.h"

namespace lumen::sim::nvenc::testing {
namespace {

class NvencCompletion : public SimDirectx {
 protected:
  void submit_one() {
    client->fill(16);
    EXPECT_EQ(client->map(), NV_ENC_SUCCESS);
    EXPECT_EQ(client->submit(client->picture()), NV_ENC_SUCCESS);
  }
  void finish_one() {
    EXPECT_TRUE(DirectxClient::wait(client->event));
    EXPECT_EQ(client->lock(), NV_ENC_SUCCESS);
    EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
    EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
  }
};

TEST_F(NvencCompletion, AnEventComesOncePerPictureWhenThatIsDone) {
  client->start();
  client->do_not_wait = true;  // else NV_ENC_ERR_LOCK_BUSY
  for (int i = 0; i < 3; ++i) {
    submit_one();
    finish_one();
    EXPECT_EQ(::WaitForSingleObject(client->event, 0), static_cast<DWORD>(WAIT_TIMEOUT));
  }
  EXPECT_EQ(client->end_stream(client->end_event), NV_ENC_SUCCESS);
  EXPECT_TRUE(DirectxClient::wait(client->end_event));
}

TEST_F(NvencCompletion, TheEndOfStreamComesAfterItsPictures) {
  client->start();
  submit_one();
  EXPECT_EQ(client->end_stream(client->end_event), NV_ENC_SUCCESS);
  EXPECT_TRUE(DirectxClient::wait(client->end_event));
  EXPECT_EQ(::WaitForSingleObject(client->event, 0), WAIT_OBJECT_0);
  EXPECT_EQ(client->lock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unmap(), NV_ENC_SUCCESS);
}

TEST_F(NvencCompletion, AHangingChipSignalsNothing) {
  client->start();
  nvenc.hang();
  submit_one();
  EXPECT_EQ(::WaitForSingleObject(client->event, 200), static_cast<DWORD>(WAIT_TIMEOUT));
  EXPECT_EQ(client->lock(), NV_ENC_ERR_INVALID_CALL);
  expect_violation("locked before its completion event was waited for");
  // The reset has set it going again.
  EXPECT_EQ(client->end_stream(client->end_event), NV_ENC_SUCCESS);
  EXPECT_TRUE(DirectxClient::wait(client->end_event));
  finish_one();
}

TEST_F(NvencCompletion, LocksComeAfterTheWait) {
  client->start();
  const auto second = client->make_bitstream();
  HANDLE second_event = client->make_event();
  submit_one();
  NV_ENC_PIC_PARAMS next = client->picture();
  next.outputBitstream = second;
  next.completionEvent = second_event;
  EXPECT_EQ(client->submit(next), NV_ENC_SUCCESS);
  EXPECT_TRUE(DirectxClient::wait(second_event));  // so the first one is done, too
  EXPECT_EQ(client->lock(), NV_ENC_ERR_INVALID_CALL);
  expect_violation("locked before its completion event was waited for");
  EXPECT_EQ(client->lock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unlock(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->lock(nullptr, second), NV_ENC_SUCCESS);
  EXPECT_EQ(client->unlock(second), NV_ENC_SUCCESS);
}

TEST_F(NvencCompletion, PicturesNeedARegisteredEventOfTheirBuffer) {
  client->start();
  submit_one();
  const auto second = client->make_bitstream();
  const auto refuse = [&](NV_ENC_OUTPUT_PTR bitstream, HANDLE event, NVENCSTATUS status,
                          const char* text) {
    NV_ENC_PIC_PARAMS what = client->picture();
    what.outputBitstream = bitstream;
    what.completionEvent = event;
    EXPECT_EQ(client->submit(what), status);
    expect_violation(text);
  };
  refuse(second, nullptr, NV_ENC_ERR_INVALID_EVENT, "no completion event in asynchronous mode");
  HANDLE loose = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
  refuse(second, loose, NV_ENC_ERR_EVENT_NOT_REGISTERD, "the completion event is not registered");
  ::CloseHandle(loose);
  refuse(second, client->event, NV_ENC_ERR_INVALID_EVENT,
         "the completion event belongs to another picture");
  finish_one();
  ASSERT_EQ(client->map(), NV_ENC_SUCCESS);
  const char* const swapped = "another completion event than the bitstream buffer had before";
  refuse(second, client->event, NV_ENC_ERR_INVALID_EVENT, swapped);
  refuse(client->bitstream, client->make_event(), NV_ENC_ERR_INVALID_EVENT, swapped);
}

TEST_F(NvencCompletion, Registering) {
  client->start();
  EXPECT_EQ(client->register_event(client->event), NV_ENC_ERR_INVALID_EVENT);
  expect_violation("the event is registered already");
  EXPECT_EQ(client->register_event(nullptr), NV_ENC_ERR_INVALID_EVENT);
  expect_violation("no such event object");
  HANDLE loose = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
  EXPECT_EQ(client->unregister_event(loose), NV_ENC_ERR_EVENT_NOT_REGISTERD);
  expect_violation("the event is not registered");
  ::CloseHandle(loose);
  // A closed handle's value may be another thread's event the next moment, which nobody can tell.
  for (int i = 0; i < 50 && std::string(nvenc.violations()).empty(); ++i) {
    loose = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
    EXPECT_EQ(client->register_event(loose), NV_ENC_SUCCESS);
    ::CloseHandle(loose);
    EXPECT_EQ(client->unregister_event(loose), NV_ENC_SUCCESS);
  }
  expect_violation("the event was closed while it was registered");
}

TEST_F(NvencCompletion, EventsStayForTheirPicture) {
  client->start();
  submit_one();
  EXPECT_EQ(client->unregister_event(client->event), NV_ENC_SUCCESS);
  expect_violation("the event belongs to a picture in flight");
  finish_one();
  ::CloseHandle(client->event);
}

TEST_F(NvencCompletion, EventsAreUnregisteredBeforeTheSession) {
  client->start();
  HANDLE loose = client->make_event();
  std::erase(client->events, loose);
  client->close();
  expect_violation("session destroyed with 1 completion event alive");
  ::CloseHandle(loose);
}

TEST_F(NvencCompletion, TheEndOfStreamIsWaitedFor) {
  client->start();
  submit_one();
  finish_one();
  EXPECT_EQ(client->unregister(), NV_ENC_SUCCESS);
  EXPECT_EQ(client->end_stream(client->end_event), NV_ENC_SUCCESS);
  for (const auto one : std::exchange(client->bitstreams, {})) {
    client->api.nvEncDestroyBitstreamBuffer(client->encoder, one);
  }
  EXPECT_EQ(client->unregister_event(client->event), NV_ENC_SUCCESS);
  ::CloseHandle(client->event);
  client->api.nvEncDestroyEncoder(std::exchange(client->encoder, nullptr));
  expect_violation("session destroyed before its end of stream was waited for");
  ::CloseHandle(client->end_event);
}

TEST_F(NvencCompletion, ModesDoNotMix) {
  ASSERT_EQ(client->open(), NV_ENC_SUCCESS);
  client->take_preset();
  client->params.reportSliceOffsets = 1;
  EXPECT_EQ(client->initialize(), NV_ENC_ERR_INVALID_PARAM);
  expect_violation("slice offsets in asynchronous mode");
  client = std::make_unique<DirectxClient>(direct3d);
  client->start();
  NV_ENC_RECONFIGURE_PARAMS wanted{};
  wanted.version = NV_ENC_RECONFIGURE_PARAMS_VER;
  wanted.reInitEncodeParams = client->params;
  wanted.reInitEncodeParams.enableEncodeAsync = 0;
  EXPECT_EQ(client->api.nvEncReconfigureEncoder(client->encoder, &wanted),
            NV_ENC_ERR_INVALID_PARAM);
}

}  // namespace
}  // namespace lumen::sim::nvenc::testing
