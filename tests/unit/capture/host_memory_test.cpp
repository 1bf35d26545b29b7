#include "capture/pipewire/host_memory.h"

#include <future>
#include <numeric>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/linux/unique_fd.h"

namespace lumen::pipewire {
namespace {

UniqueFd memfd_of(std::size_t size) {
  UniqueFd fd = UniqueFd::take(::memfd_create("test", MFD_CLOEXEC));
  std::vector<std::uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  EXPECT_EQ(::write(fd.borrow(), bytes.data(), size), static_cast<ssize_t>(size));
  return fd;
}

TEST(MappedMemory, ReadsFromAnyOffsetAndOutlivesTheDescriptor) {
  UniqueFd fd = memfd_of(20'000);
  auto memory = MappedMemory::create(fd.borrow(), 5001, 10'000);
  ASSERT_TRUE(memory) << memory.error().describe();
  fd.reset();
  const auto scope = (*memory)->read();
  ASSERT_EQ(scope.bytes().size(), 10'000U);
  EXPECT_EQ(scope.bytes()[0], std::byte{5001 % 256});
  EXPECT_EQ(scope.bytes()[9'999], std::byte{(5001 + 9'999) % 256});
}

TEST(MappedMemory, AFileShorterThanAnnouncedIsRefused) {
  const UniqueFd fd = memfd_of(4096);
  EXPECT_FALSE(MappedMemory::create(fd.borrow(), 0, 4097));
  EXPECT_FALSE(MappedMemory::create(fd.borrow(), 4096, 1));
  EXPECT_FALSE(MappedMemory::create(fd.borrow(), SIZE_MAX, 2));
  EXPECT_FALSE(MappedMemory::create(fd.borrow(), 0, 0));
  EXPECT_FALSE(MappedMemory::create(-1, 0, 1));
}

TEST(RevocableMemory, FindsNothingAfterRevocation) {
  const std::vector<std::byte> bytes(100);
  RevocableMemory memory(bytes);
  EXPECT_EQ(memory.read().bytes().size(), 100U);
  memory.revoke();
  EXPECT_TRUE(memory.read().bytes().empty());
}

TEST(RevocableMemory, RevocationWaitsForTheReaderInProgress) {
  const std::vector<std::byte> bytes(100);
  RevocableMemory memory(bytes);
  std::promise<void> revoked;
  auto is_revoked = revoked.get_future();
  std::thread revoker;
  {
    const auto scope = memory.read();
    revoker = std::thread([&] {
      memory.revoke();
      revoked.set_value();
    });
    // Later reads are refused at once, while the one in progress holds the revocation back.
    while (!memory.read().bytes().empty()) std::this_thread::yield();
    EXPECT_EQ(is_revoked.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  }
  revoker.join();
  EXPECT_EQ(is_revoked.wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

}  // namespace
}  // namespace lumen::pipewire
