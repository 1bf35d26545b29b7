// What a client holds handles of. Handles are numbers that are never given out twice and that no
// caller can follow as pointers, so a stale one, one of another session and one of another kind are
// told apart. Guarded by the simulator's mutex; Session::encoding by Session::encoding_mutex.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "device.h"
#include "encoding.h"
#include "os_event.h"

namespace lumen::sim::nvenc {

enum class ObjectKind {
  kSession,
  kRegistration,
  kMapping,
  kInputBuffer,
  kBitstream,
  kCompletionEvent
};
/// "bitstream buffer".
const char* name_of(ObjectKind kind);

struct Session;

struct Object {
  ObjectKind kind;
  Session* session = nullptr;  // itself for a session

  explicit Object(ObjectKind of) : kind(of) {}
  Object(const Object&) = delete;
  virtual ~Object() = default;
};

struct Registration : Object {
  static constexpr ObjectKind kKind = ObjectKind::kRegistration;
  Registration() : Object(kKind) {}
  NV_ENC_REGISTER_RESOURCE description{};
  std::uint64_t allocation = 0;  // of the CUDA stand-in; 0: not known
  bool mapped = false;
};

struct Mapping : Object {
  static constexpr ObjectKind kKind = ObjectKind::kMapping;
  Mapping() : Object(kKind) {}
  std::shared_ptr<Registration> registration;
  int frames_in_flight = 0;
};

struct InputBuffer : Object {
  static constexpr ObjectKind kKind = ObjectKind::kInputBuffer;
  InputBuffer() : Object(kKind) {}
  NV_ENC_BUFFER_FORMAT format = NV_ENC_BUFFER_FORMAT_UNDEFINED;
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t pitch = 0;
  std::vector<std::uint8_t> bytes;
  bool locked = false;
};

struct Bitstream;

struct CompletionEvent : Object {
  static constexpr ObjectKind kKind = ObjectKind::kCompletionEvent;
  CompletionEvent() : Object(kKind) {}
  std::unique_ptr<OsEvent> object;
  std::weak_ptr<Bitstream> bitstream;  // null: the end of the stream's
  bool used = false;
  bool in_flight = false;
  bool signalled = false;  // since it was submitted
};

/// A picture between nvEncEncodePicture and nvEncUnlockBitstream.
struct Frame {
  std::shared_ptr<Bitstream> bitstream;
  std::shared_ptr<Mapping> mapping;  // null: `pixels` was copied from an input buffer
  RawPlanes pixels;
  NV_ENC_BUFFER_FORMAT format = NV_ENC_BUFFER_FORMAT_UNDEFINED;
  int width = 0;
  int height = 0;
  WorkMark work;
  std::shared_ptr<CompletionEvent> event;  // null in synchronous mode
  std::uint32_t index = 0;
  std::uint64_t duration = 0;
  std::vector<Command> before;
  EncodeRequest request;

  bool being_encoded = false;
  bool was_busy = false;  // LOCK_BUSY was answered once
  bool encoded = false;
  NVENCSTATUS status = NV_ENC_SUCCESS;  // when encoded
  std::size_t slices_shown = 0;
  EncodeResult result;
};

struct Bitstream : Object {
  static constexpr ObjectKind kKind = ObjectKind::kBitstream;
  Bitstream() : Object(kKind) {}
  std::shared_ptr<Frame> frame;
  std::shared_ptr<CompletionEvent> event;  // of its pictures, once there was one
  bool locked = false;
  std::vector<std::uint8_t> spent;  // the last picture's bytes, overwritten
};

struct Session : Object {
  static constexpr ObjectKind kKind = ObjectKind::kSession;
  Session() : Object(kKind) {}
  std::shared_ptr<Device> device;

  bool initialized = false;
  NV_ENC_INITIALIZE_PARAMS params{};  // its encodeConfig points to `config`
  NV_ENC_CONFIG config{};
  StreamConfig stream_config;  // of the next picture to be submitted

  std::deque<std::shared_ptr<Frame>> submitted;  // not locked yet
  std::vector<Command> commands;                 // for the next picture
  std::uint32_t ltr_marked = 0;                  // bitmap, since the last IDR
  bool stream_open = false;                      // pictures since the last end of stream
  bool ended = false;                            // by an end of stream, nothing since
  int ends_in_a_row = 0;                         // without a picture or a lock in between
  bool ended_before_initialize = false;
  /// A call failed that the client needs for an orderly way down: unmapping without a lock,
  /// destroying what was never made and leaving out the end of stream are not held against it.
  bool troubled = false;
  std::string last_error;

  // Asynchronous mode.
  std::map<void*, void*> events;         // the client's handles to ours
  std::shared_ptr<CompletionEvent> end;  // an end of stream that waits for its pictures
  std::shared_ptr<CompletionEvent> last_end;
  bool chip_stops = false;
  std::thread chip;

  std::mutex encoding_mutex;
  Encoding encoding;
};

class ObjectTable {
 public:
  void* insert(const std::shared_ptr<Object>& object);
  [[nodiscard]] std::shared_ptr<Object> find(const void* handle) const;
  /// Given out once, and gone.
  [[nodiscard]] bool is_stale(const void* handle) const;
  void erase(const void* handle);
  void erase_all(const Session& session);
  /// "2 registrations, 1 bitstream buffer" of one session, itself excluded; of all where null.
  std::size_t count(const Session* session, std::string* names) const;
  [[nodiscard]] std::size_t sessions() const;
  [[nodiscard]] std::vector<std::shared_ptr<Session>> all_sessions() const;
  [[nodiscard]] std::vector<std::shared_ptr<Object>> all(const Session& session) const;

 private:
  static constexpr std::uint64_t kFirst = std::uint64_t{0x61} << 40;
  static constexpr std::uint64_t kStep = 0x40;

  std::uint64_t next_ = kFirst;
  std::map<std::uint64_t, std::shared_ptr<Object>> objects_;
};

}  // namespace lumen::sim::nvenc
