#include <atomic>
#include <chrono>
#include <thread>

#include "fixture.h"

namespace lumen::sim {
namespace {

constexpr std::size_t kSize = 64;
constexpr std::uint8_t kPoison = 0xA5;

class Streams : public SimCuda {
 protected:
  void SetUp() override {
    SimCuda::SetUp();
    device = allocate(kSize);
    host = allocate_host(kSize);
  }
  void TearDown() override {
    EXPECT_EQ(cuda.cuMemFree_v2(device), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuMemFreeHost(host.data()), CUDA_SUCCESS);
    SimCuda::TearDown();
  }
  void fill(std::uint8_t value, CUstream stream) {
    EXPECT_EQ(cuda.cuMemsetD8Async(device, value, kSize, stream), CUDA_SUCCESS);
  }
  void download_async(CUstream stream) {
    EXPECT_EQ(cuda.cuMemcpyDtoHAsync_v2(host.data(), device, kSize, stream), CUDA_SUCCESS);
  }

  CUdeviceptr device = 0;
  std::span<std::uint8_t> host;
};

TEST_F(Streams, AMissingSyncShowsEveryTime) {
  const CUstream stream = make_stream();
  fill(1, stream);
  download_async(stream);
  EXPECT_EQ(host[0], kPoison) << "ran although nobody waited";
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(host, testing::Each(1));
  cuda.cuStreamDestroy_v2(stream);
}

TEST_F(Streams, ImmediateModeRunsAtSubmission) {
  ASSERT_EQ(control.set_mode("immediate"), 1);
  const CUstream stream = make_stream();
  fill(1, stream);
  download_async(stream);
  EXPECT_EQ(host[0], 1);
  cuda.cuStreamDestroy_v2(stream);
}

TEST_F(Streams, PollingEndsButNotAtTheFirstQuestion) {
  const CUstream stream = make_stream();
  fill(1, stream);
  download_async(stream);
  int questions = 0;
  while (cuda.cuStreamQuery(stream) == CUDA_ERROR_NOT_READY && questions < 100) ++questions;
  EXPECT_EQ(questions, 2);
  EXPECT_EQ(host[0], 1);
  cuda.cuStreamDestroy_v2(stream);
}

TEST_F(Streams, OneStreamDoesNotWaitForAnother) {
  const CUstream writer = make_stream();
  const CUstream reader = make_stream();
  fill(1, writer);
  download_async(reader);
  EXPECT_EQ(cuda.cuStreamSynchronize(reader), CUDA_SUCCESS);
  EXPECT_EQ(host[0], kPoison) << "the missing event went unnoticed";
  cuda.cuStreamDestroy_v2(writer);
  cuda.cuStreamDestroy_v2(reader);
}

TEST_F(Streams, AnEventOrdersTwoStreams) {
  const CUstream writer = make_stream();
  const CUstream reader = make_stream();
  CUevent written = nullptr;
  ASSERT_EQ(cuda.cuEventCreate(&written, CU_EVENT_DISABLE_TIMING), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuEventQuery(written), CUDA_SUCCESS) << "never recorded";
  for (const char* mode : {"lazy", "reversed", "immediate", "thread"}) {
    ASSERT_EQ(control.set_mode(mode), 1);
    host[0] = 0;
    fill(7, writer);
    EXPECT_EQ(cuda.cuEventRecord(written, writer), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuStreamWaitEvent(reader, written, 0), CUDA_SUCCESS);
    fill(0, writer);  // after the event: not waited for
    download_async(reader);
    if (std::string(mode) != "lazy") {
      EXPECT_EQ(cuda.cuStreamSynchronize(reader), CUDA_SUCCESS);
      EXPECT_EQ(cuda.cuEventSynchronize(written), CUDA_SUCCESS);
      continue;  // what the writer does later is in a race with the reader
    }
    EXPECT_EQ(cuda.cuEventQuery(written), CUDA_ERROR_NOT_READY);
    EXPECT_EQ(cuda.cuStreamSynchronize(reader), CUDA_SUCCESS);
    EXPECT_EQ(host[0], 7);
    EXPECT_EQ(cuda.cuEventQuery(written), CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuStreamQuery(writer), CUDA_ERROR_NOT_READY);
  }
  cuda.cuEventDestroy_v2(written);
  cuda.cuStreamDestroy_v2(writer);
  cuda.cuStreamDestroy_v2(reader);
}

TEST_F(Streams, ReversedModeRunsTheNewestStreamFirst) {
  ASSERT_EQ(control.set_mode("reversed"), 1);
  const CUstream first = make_stream();
  const CUstream second = make_stream();
  fill(1, first);
  fill(2, second);
  EXPECT_EQ(cuda.cuStreamSynchronize(first), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamQuery(second), CUDA_SUCCESS);
  EXPECT_THAT(download(device, kSize), testing::Each(1)) << "order of submission was kept";
  cuda.cuStreamDestroy_v2(first);
  cuda.cuStreamDestroy_v2(second);
}

TEST_F(Streams, TheDefaultStreamWaitsForBlockingStreamsOnly) {
  const CUstream blocking = make_stream(0);
  fill(3, blocking);
  EXPECT_THAT(download(device, kSize), testing::Each(3));
  const CUstream free_running = make_stream();
  fill(4, free_running);
  EXPECT_THAT(download(device, kSize), testing::Each(3));
  cuda.cuStreamDestroy_v2(blocking);
  cuda.cuStreamDestroy_v2(free_running);
}

TEST_F(Streams, PageableSourcesAreReadAtTheCall) {
  const CUstream stream = make_stream();
  std::vector<std::uint8_t> source(kSize, 9);
  EXPECT_EQ(cuda.cuMemcpyHtoDAsync_v2(device, source.data(), kSize, stream), CUDA_SUCCESS);
  source.assign(kSize, 0);
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(download(device, kSize), testing::Each(9));

  std::ranges::fill(host, std::uint8_t{5});
  EXPECT_EQ(cuda.cuMemcpyHtoDAsync_v2(device, host.data(), kSize, stream), CUDA_SUCCESS);
  std::ranges::fill(host, std::uint8_t{6});  // too early: page-locked memory is read later
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(download(device, kSize), testing::Each(6));
  cuda.cuStreamDestroy_v2(stream);
}

TEST_F(Streams, HostFunctionsRunInOrder) {
  const CUstream stream = make_stream();
  std::vector<int> order;
  const auto note = [](void* data) {
    auto& list = *static_cast<std::vector<int>*>(data);
    list.push_back(static_cast<int>(list.size()));
  };
  fill(1, stream);
  download_async(stream);
  EXPECT_EQ(cuda.cuLaunchHostFunc(stream, note, &order), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuLaunchHostFunc(stream, note, &order), CUDA_SUCCESS);
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(cuda.cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(order, (std::vector{0, 1}));
  EXPECT_EQ(host[0], 1);
  cuda.cuStreamDestroy_v2(stream);
}

// A buffer that a host function gives back must come back though nobody waits for the stream.
TEST_F(Streams, WorkThatNobodyWaitsForRunsAfterAWhile) {
  for (const char* mode : {"lazy", "immediate", "thread", "reversed"}) {
    ASSERT_EQ(control.set_mode(mode), 1);
    control.set_idle_ms(5);
    const CUstream stream = make_stream();
    std::atomic<bool> ran = false;
    EXPECT_EQ(cuda.cuLaunchHostFunc(
                  stream, [](void* data) { *static_cast<std::atomic<bool>*>(data) = true; }, &ran),
              CUDA_SUCCESS);
    EXPECT_EQ(cuda.cuStreamDestroy_v2(stream), CUDA_SUCCESS) << "destroyed with work queued";
    for (int i = 0; i < 5000 && !ran; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(ran) << mode;
  }
}

TEST_F(Streams, ManyThreadsMayUseTheirOwnStreams) {
  ASSERT_EQ(control.set_mode("thread"), 1);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (std::uint8_t id = 1; id <= 4; ++id) {
    threads.emplace_back([this, id, &wrong] {
      cuda.cuCtxPushCurrent_v2(context);
      CUstream stream = nullptr;
      CUdeviceptr memory = 0;
      cuda.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);
      cuda.cuMemAlloc_v2(&memory, kSize);
      for (int round = 0; round < 50; ++round) {
        std::array<std::uint8_t, kSize> bytes{};
        cuda.cuMemsetD8Async(memory, id, kSize, stream);
        cuda.cuMemcpyDtoHAsync_v2(bytes.data(), memory, kSize, stream);
        cuda.cuStreamSynchronize(stream);
        if (bytes[0] != id || bytes[kSize - 1] != id) ++wrong;
      }
      cuda.cuMemFree_v2(memory);
      cuda.cuStreamDestroy_v2(stream);
      cuda.cuCtxPopCurrent_v2(nullptr);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace lumen::sim
