// Explicit sync: each buffer that was dequeued signals its release point exactly once, and before
// it is queued again.
#include <array>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pipewire/pipewire.h>
#include <spa/buffer/meta.h>
#include <sys/mman.h>

#include "capture/pipewire/buffer_table.h"

namespace lumen::pipewire {
namespace {

#if PW_CHECK_VERSION(1, 2, 0)

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kAcquire = 1000;  // descriptors that only the fake device knows
constexpr int kRelease = 2000;

using Journal = std::vector<std::string>;

class FakeTimeline final : public SyncTimeline {
 public:
  FakeTimeline(Journal& journal, int descriptor) : journal_(journal), descriptor_(descriptor) {}
  Result<void> wait(std::uint64_t, Timestamp) override { return {}; }
  Result<UniqueFd> export_sync_file(std::uint64_t, Timestamp) override { return UniqueFd(); }
  Result<void> signal(std::uint64_t point) override {
    journal_.push_back("signal " + std::to_string(descriptor_) + " " + std::to_string(point));
    return {};
  }

 private:
  Journal& journal_;
  int descriptor_;
};

class FakeDevice final : public SyncDevice {
 public:
  explicit FakeDevice(Journal& journal) : journal_(journal) {}
  Result<std::shared_ptr<SyncTimeline>> import_timeline(int syncobj) override {
    if (syncobj < 0) return fail(ErrorKind::kInvalidArgument, "no syncobj");
    return std::make_shared<FakeTimeline>(journal_, syncobj);
  }
  Result<NewTimeline> create_timeline() override {
    return fail(ErrorKind::kUnsupported, "only the producer makes timelines");
  }

 private:
  Journal& journal_;
};

/// A buffer of one dmabuf (a memfd: nobody reads it here) and two syncobjs.
class SyncBuffer {
 public:
  explicit SyncBuffer(int number, bool with_syncobjs = true)
      : memory_(UniqueFd::take(::memfd_create("lumen-test", MFD_CLOEXEC))) {
    datas_[0].type = SPA_DATA_DmaBuf;
    datas_[0].fd = memory_.borrow();
    datas_[1].type = datas_[2].type = SPA_DATA_SyncObj;
    datas_[1].fd = kAcquire + number;
    datas_[2].fd = kRelease + number;
    for (std::size_t i = 0; i < datas_.size(); ++i) datas_[i].chunk = &chunks_[i];
    meta_ = {.type = SPA_META_SyncTimeline, .size = sizeof(points_), .data = &points_};
    content_.n_metas = 1;
    content_.metas = &meta_;
    content_.n_datas = with_syncobjs ? 3 : 1;
    content_.datas = datas_.data();
    buffer_.buffer = &content_;
  }
  SyncBuffer(const SyncBuffer&) = delete;

  /// As after pw_stream_dequeue_buffer().
  pw_buffer* dequeue(std::uint64_t acquire, std::uint64_t release) {
    points_.acquire_point = acquire;
    points_.release_point = release;
    BufferTable::dequeued(&buffer_);
    return &buffer_;
  }
  pw_buffer* get() { return &buffer_; }
  void set_release_descriptor(int descriptor) { datas_[2].fd = descriptor; }

 private:
  UniqueFd memory_;
  std::array<spa_chunk, 3> chunks_{};
  std::array<spa_data, 3> datas_{};
  spa_meta_sync_timeline points_{};
  spa_meta meta_{};
  spa_buffer content_{};
  pw_buffer buffer_{};
};

class ReleasePoint : public testing::Test {
 protected:
  static void SetUpTestSuite() { pw_init(nullptr, nullptr); }
  static void TearDownTestSuite() { pw_deinit(); }

  void SetUp() override {
    loop_ = pw_loop_new(nullptr);
    ASSERT_NE(loop_, nullptr);
    table_->attach([this](pw_buffer* buffer) { journal_.push_back("queue " + name(buffer)); },
                   loop_);
  }
  void TearDown() override {
    table_->detach();
    table_.reset();
    pw_loop_destroy(loop_);
  }

  void add(SyncBuffer& buffer, const std::string& name) {
    names_[buffer.get()] = name;
    const auto added = table_->add(buffer.get());
    ASSERT_TRUE(added) << added.error().describe();
  }
  BufferLease lease(pw_buffer* buffer) {
    BufferLease lease;
    table_->visit(buffer, [&](BufferTable::Entry* entry) { lease = table_->lease(*entry); });
    return lease;
  }
  const std::string& name(pw_buffer* buffer) { return names_[buffer]; }

  Journal journal_;
  std::map<pw_buffer*, std::string> names_;
  pw_loop* loop_ = nullptr;
  std::shared_ptr<BufferTable> table_ = std::make_shared<BufferTable>(
      std::make_shared<BufferTable::Count>(0), std::make_shared<FakeDevice>(journal_));
};

TEST_F(ReleasePoint, OfASkippedBufferIsSignalledBeforeItIsQueued) {
  SyncBuffer buffer(1);
  add(buffer, "a");
  table_->skip(buffer.dequeue(5, 6));
  EXPECT_THAT(journal_, ElementsAre("signal 2001 6", "queue a"));
}

TEST_F(ReleasePoint, OfALeasedBufferIsSignalledWhenTheLeaseIsDropped) {
  SyncBuffer buffer(1);
  add(buffer, "a");
  BufferLease held = lease(buffer.dequeue(5, 6));
  EXPECT_THAT(journal_, IsEmpty()) << "it is still being read";
  held.drop();
  table_->queue_returned();
  EXPECT_THAT(journal_, ElementsAre("signal 2001 6", "queue a"));
}

TEST_F(ReleasePoint, OfEachPictureInABuffer) {
  SyncBuffer first(1);
  SyncBuffer second(2);
  add(first, "a");
  add(second, "b");
  BufferLease a = lease(first.dequeue(1, 2));
  table_->skip(second.dequeue(1, 2));
  BufferLease b = lease(second.dequeue(3, 4));
  a.drop();
  table_->queue_returned();
  a = lease(first.dequeue(3, 4));
  b.drop();
  a.drop();
  table_->queue_returned();
  EXPECT_THAT(journal_, ElementsAre("signal 2002 2", "queue b", "signal 2001 2", "queue a",
                                    "signal 2002 4", "signal 2001 4", "queue b", "queue a"));
}

TEST_F(ReleasePoint, IsSignalledThoughTheBufferWasRemovedWhileItWasLeased) {
  SyncBuffer buffer(1);
  add(buffer, "a");
  BufferLease held = lease(buffer.dequeue(5, 6));
  table_->remove(buffer.get());
  EXPECT_THAT(journal_, IsEmpty()) << "it is still being read";
  held.drop();
  table_->queue_returned();
  EXPECT_THAT(journal_, ElementsAre("signal 2001 6"));
}

TEST_F(ReleasePoint, IsSignalledThoughTheStreamHasGone) {
  SyncBuffer leased(1);
  SyncBuffer late(2);
  add(leased, "a");
  add(late, "b");
  BufferLease held = lease(leased.dequeue(5, 6));
  table_->detach();
  table_->skip(late.dequeue(7, 8));  // a frame that came in between
  table_->remove(leased.get());
  table_->remove(late.get());
  held.drop();
  EXPECT_THAT(journal_, ElementsAre("signal 2002 8", "signal 2001 6"));
}

TEST_F(ReleasePoint, IsSignalledWhenABufferIsRemovedBetweenQueueAndLease) {
  SyncBuffer buffer(1);
  add(buffer, "a");
  pw_buffer* const dequeued = buffer.dequeue(5, 6);
  table_->remove(dequeued);
  EXPECT_THAT(journal_, ElementsAre("signal 2001 6"));
  table_->skip(dequeued);
  EXPECT_THAT(journal_, ElementsAre("signal 2001 6", "queue a"));
}

TEST_F(ReleasePoint, ABufferWithoutSyncobjsOwesNothing) {
  SyncBuffer buffer(1, false);
  add(buffer, "a");
  table_->skip(buffer.dequeue(5, 6));
  BufferLease held = lease(buffer.dequeue(7, 8));
  held.drop();
  table_->queue_returned();
  EXPECT_THAT(journal_, ElementsAre("queue a", "queue a"));
}

TEST_F(ReleasePoint, ABufferWhoseSyncobjsCantBeOpenedIsUnusable) {
  SyncBuffer buffer(1);
  buffer.set_release_descriptor(-1);
  EXPECT_FALSE(table_->sync_failed());
  EXPECT_FALSE(table_->add(buffer.get()));
  EXPECT_TRUE(table_->sync_failed());
  table_->visit(buffer.get(), [](BufferTable::Entry* entry) {
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->dmabuf, nullptr) << "its pictures are skipped";
  });
}

TEST_F(ReleasePoint, ThePictureCarriesItsAcquirePoint) {
  SyncBuffer buffer(1);
  add(buffer, "a");
  table_->visit(buffer.dequeue(5, 6), [](BufferTable::Entry* entry) {
    ASSERT_TRUE(entry->points);
    EXPECT_EQ(entry->points->acquire, 5U);
    EXPECT_NE(entry->acquire, nullptr);
  });
  table_->skip(buffer.get());
}

#else

TEST(ReleasePoint, NeedsNewerHeaders) {
  GTEST_SKIP() << "built with PipeWire " << pw_get_headers_version()
               << ": explicit sync came with 1.2";
}

#endif

}  // namespace
}  // namespace lumen::pipewire
