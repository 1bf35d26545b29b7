#include "zerocopy/cpu/dmabuf_mapping.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_dmabuf.h"

namespace lumen::cpu {
namespace {

using test::is_mapped;
using test::make_dmabuf_memory;
using test::make_memfd;
using test::SyncRecorder;
using testing::ElementsAre;

const std::vector<std::uint8_t> kContent(8192, 42);

TEST(DmaBufReader, BracketsEveryReadAndMapsOnce) {
  SyncRecorder sync;
  DmaBufReader reader(sync.function());
  const auto fd = make_memfd(kContent);
  const auto memory = make_dmabuf_memory({fd.borrow()});
  const std::byte* address = nullptr;
  for (int i = 0; i < 2; ++i) {
    const auto scope = reader.read(memory);
    ASSERT_TRUE(scope);
    ASSERT_EQ(scope->bytes(0).size(), kContent.size());
    EXPECT_EQ(scope->bytes(0).back(), std::byte{42});
    EXPECT_TRUE(scope->bytes(1).empty());
    if (i == 0) address = scope->bytes(0).data();
    EXPECT_EQ(scope->bytes(0).data(), address);
  }
  EXPECT_TRUE(is_mapped(address));  // kept for the next frame
  EXPECT_THAT(sync.calls, ElementsAre("start 0", "end 0", "start 0", "end 0"));
}

TEST(DmaBufReader, PlanesOfOneBufferShareItsMappingAndSync) {
  SyncRecorder sync;
  DmaBufReader reader(sync.function());
  const auto first = make_memfd(kContent);
  const auto second = make_memfd(kContent);
  const auto shared = make_dmabuf_memory({first.borrow(), first.borrow()});
  {
    const auto scope = reader.read(shared);
    ASSERT_TRUE(scope);
    EXPECT_EQ(scope->bytes(0).data(), scope->bytes(1).data());
  }
  EXPECT_THAT(sync.calls, ElementsAre("start 0", "end 0"));
  sync.calls.clear();
  const auto separate = make_dmabuf_memory({first.borrow(), second.borrow()});
  {
    const auto scope = reader.read(separate);
    ASSERT_TRUE(scope);
    EXPECT_NE(scope->bytes(0).data(), scope->bytes(1).data());
  }
  EXPECT_THAT(sync.calls, ElementsAre("start 1", "start 2", "end 2", "end 1"));
}

TEST(DmaBufReader, EndsWhatItBeganWhenTheSecondPlaneFails) {
  SyncRecorder sync;
  DmaBufReader reader(sync.function());
  const auto first = make_memfd(kContent);
  const auto second = make_memfd(kContent);
  sync.answers = {0, EIO};
  const auto scope = reader.read(make_dmabuf_memory({first.borrow(), second.borrow()}));
  ASSERT_FALSE(scope);
  EXPECT_EQ(scope.error().kind, ErrorKind::kFormatRejected);
  EXPECT_EQ(scope.error().code, EIO);
  EXPECT_THAT(sync.calls, ElementsAre("start 0", "start 1 failed", "end 0"));
}

TEST(DmaBufReader, ComesAgainWhenInterrupted) {
  SyncRecorder sync;
  DmaBufReader reader(sync.function());
  const auto fd = make_memfd(kContent);
  sync.answers = {EINTR, EAGAIN, 0, EINTR, 0};
  EXPECT_TRUE(reader.read(make_dmabuf_memory({fd.borrow()})));
  EXPECT_THAT(sync.calls,
              ElementsAre("start 0 failed", "start 0 failed", "start 0", "end 0 failed", "end 0"));
}

TEST(DmaBufReader, WhatIsNoDmabufIsRejected) {
  DmaBufReader reader;  // the kernel's own ioctl
  const auto fd = make_memfd(kContent);
  const auto scope = reader.read(make_dmabuf_memory({fd.borrow()}));
  ASSERT_FALSE(scope);
  EXPECT_EQ(scope.error().kind, ErrorKind::kFormatRejected);
  EXPECT_EQ(scope.error().code, ENOTTY);
}

TEST(DmaBufReader, UnknownSizeAndUnmappableBuffersAreRejected) {
  SyncRecorder sync;
  DmaBufReader reader(sync.function());
  const auto empty = make_memfd({});
  const auto scope = reader.read(make_dmabuf_memory({empty.borrow()}));
  ASSERT_FALSE(scope);
  EXPECT_EQ(scope.error().kind, ErrorKind::kFormatRejected);
  EXPECT_TRUE(sync.calls.empty());
}

TEST(DmaBufReader, ForgetsBuffersThatAreGone) {
  SyncRecorder sync;
  DmaBufReader reader(sync.function());
  const auto fd = make_memfd(kContent);
  const auto unreadable = make_dmabuf_memory({make_memfd({}).borrow()});
  auto memory = make_dmabuf_memory({fd.borrow()});
  const std::byte* address = nullptr;
  {
    const auto scope = reader.read(memory);
    ASSERT_TRUE(scope);
    address = scope->bytes(0).data();
  }
  EXPECT_FALSE(reader.read(unreadable));  // maps nothing, so that the address stays free
  EXPECT_TRUE(is_mapped(address));
  memory.reset();
  EXPECT_FALSE(reader.read(unreadable));
  EXPECT_FALSE(is_mapped(address));
}

TEST(DmaBufReader, AScopeOutlivesItsBuffersRemoval) {
  SyncRecorder sync;
  DmaBufReader reader(sync.function());
  const auto fd = make_memfd(kContent);
  {
    const auto scope = reader.read(make_dmabuf_memory({fd.borrow()}));
    ASSERT_TRUE(scope);
    ASSERT_TRUE(reader.read(make_dmabuf_memory({fd.borrow()})));
    EXPECT_EQ(scope->bytes(0).front(), std::byte{42});
  }
  EXPECT_EQ(std::ranges::count(sync.calls, "end 0") + std::ranges::count(sync.calls, "end 1"), 2);
}

}  // namespace
}  // namespace lumen::cpu
