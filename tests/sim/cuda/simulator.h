// The state of the stand-in for libcuda: one per process, made at the first call and never
// destroyed, since callers may still hold handles when the process ends. Everything in it is
// guarded by one mutex, which is free only while a host function runs.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gl_bridge.h"
#include "handle_table.h"
#include "memory.h"
#include "streams.h"
#include "tests/sim/journal.h"

namespace lumen::sim {

struct ContextState {
  bool primary = false;
  bool dead = false;
  int pushes = 0;  // on all threads
  std::shared_ptr<Stream> legacy;
};

struct Array : Owned {
  std::size_t width = 0;  // elements
  std::size_t height = 0;
  std::size_t element_bytes = 0;
  unsigned channels = 0;
  CUarray_format format = CU_AD_FORMAT_UNSIGNED_INT8;
  std::shared_ptr<Storage> storage;  // rows without gaps
  bool mapped = true;                // false: a graphics resource that is not mapped
  bool of_resource = false;          // belongs to one: not to be destroyed by itself
  bool read_only = false;

  [[nodiscard]] std::size_t row_bytes() const { return width * element_bytes; }
};

struct Texture : Owned {
  CUarray array_handle = nullptr;
  std::shared_ptr<Array> array;
};

struct Resource : Owned {
  enum class Kind { kGl, kEgl };
  Kind kind = Kind::kGl;
  CUarray array = nullptr;            // kGl: while mapped
  CUdeviceptr address = 0;            // kEgl with a pitched frame
  std::shared_ptr<Stream> mapped_on;  // kGl: while mapped
  GlTexture texture;                  // kGl
  std::shared_ptr<EglSource> source;  // kEgl
  CUeglFrame frame{};                 // kEgl
};

struct Module : Owned {
  std::string text;
};

enum class Kernel { kConvertYuv, kConvertYuvTen, kConvertPacked, kBlend, kBlendTen };
struct Function : Owned {
  CUmodule module = nullptr;
  Kernel kernel = Kernel::kConvertYuv;
};

struct ExternalMemory : Owned {
  std::shared_ptr<Storage> storage;
  std::string origin;  // what was found in the file, for messages
};

class Simulator {
 public:
  Simulator();

  std::mutex mutex;
  Journal journal{"CUDA stand-in", "LUMEN_SIM_CUDA"};
  DeviceMemory memory;
  Streams streams{mutex};
  bool initialized = false;
  /// A context could not be made current since reset(). Whoever wanted to release something in it
  /// can't do that properly any more, which is not held against him.
  bool push_refused = false;

  HandleTable<CUstream, Stream> stream_handles{0x51};
  HandleTable<CUevent, Event> events{0x52};
  HandleTable<CUarray, Array> arrays{0x53};
  HandleTable<CUtexObject, Texture> textures{0x54};
  HandleTable<CUmodule, Module> modules{0x55};
  HandleTable<CUfunction, Function> functions{0x56};
  HandleTable<CUgraphicsResource, Resource> resources{0x57};
  HandleTable<CUexternalMemory, ExternalMemory> external_memory{0x58};

  // Contexts.
  CUcontext make_context(bool primary);
  /// Destroys what is left in it; what is left is a violation unless the context is dead.
  void destroy_context(Lock& lock, CUcontext context);
  [[nodiscard]] ContextState* find_context(CUcontext context);
  [[nodiscard]] CUcontext current() const;  // of this thread; null: none
  void push(CUcontext context);
  CUcontext pop();  // null: nothing there
  void kill_contexts();
  CUcontext primary = nullptr;
  int primary_references = 0;
  unsigned primary_flags = 0;

  /// Of the current context; null: no such stream. The default streams are 0, 1 and 2.
  [[nodiscard]] std::shared_ptr<Stream> find_stream(CUstream stream);
  /// The result of a call that has waited: the context may have died meanwhile.
  [[nodiscard]] CUresult after_waiting();

  /// Objects that are alive: of one context, or of all with the contexts themselves. `names` gets
  /// "2 streams, 1 array".
  std::size_t live_handles(CUcontext context, std::string* names = nullptr);

  void violation(const std::string& text) { journal.violation(text); }

 private:
  std::map<CUcontext, ContextState> contexts_;
  std::uint64_t next_context_ = 0;
};

Simulator& simulator();

/// What a call needs before it does anything, and whether it gives something up.
enum class Needs {
  kNothing,
  kInit,
  kContext,
  kNothingToRelease,
  kInitToRelease,
  kContextToRelease,
};

/// Every exported function goes through here: counts, injected failures, the state of the context.
/// A release that is told to fail happens all the same, as after an earlier asynchronous error:
/// its caller can't do anything about it.
std::optional<CUresult> enter(Simulator& sim, const char* name, Needs needs,
                              std::optional<CUresult>& forced);

template <typename Body>
CUresult call(const char* name, Needs needs, Body&& body) {
  Simulator& sim = simulator();
  Lock lock(sim.mutex);
  std::optional<CUresult> forced;
  const auto refused = enter(sim, name, needs, forced);
  CUresult done = refused ? *refused : body(sim, lock);
  if (forced) done = *forced;
  sim.journal.leave(name, done);
  return done;
}

/// For functions that exist because loaders look for them: counted, and nothing else.
CUresult unsupported(const char* name);

}  // namespace lumen::sim
