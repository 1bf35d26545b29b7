// Opaque handles that are never given out twice and that no caller can follow as pointers, so that
// a stale one is told from a live one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "results.h"

namespace lumen::sim {

/// Anything that dies with its context.
struct Owned {
  CUcontext context = nullptr;
};

template <typename Handle, typename Object>
class HandleTable {
 public:
  /// `kind` is a small number that makes handles of different tables differ.
  explicit HandleTable(std::uint64_t kind) : next_(kind << 40 | 0x40) {}

  Handle insert(std::shared_ptr<Object> object) {
    const Handle handle = as_handle(next_);
    next_ += 0x40;
    objects_.emplace(handle, std::move(object));
    return handle;
  }
  [[nodiscard]] std::shared_ptr<Object> find(Handle handle) const {
    const auto entry = objects_.find(handle);
    return entry == objects_.end() ? nullptr : entry->second;
  }
  std::shared_ptr<Object> take(Handle handle) {
    const auto entry = objects_.find(handle);
    if (entry == objects_.end()) return nullptr;
    auto object = std::move(entry->second);
    objects_.erase(entry);
    return object;
  }
  /// Of one context; of all where null.
  [[nodiscard]] std::size_t count(CUcontext context = nullptr) const {
    std::size_t count = 0;
    for (const auto& [handle, object] : objects_) {
      if (context == nullptr || object->context == context) ++count;
    }
    return count;
  }
  [[nodiscard]] std::vector<std::shared_ptr<Object>> all(CUcontext context = nullptr) const {
    std::vector<std::shared_ptr<Object>> found;
    for (const auto& [handle, object] : objects_) {
      if (context == nullptr || object->context == context) found.push_back(object);
    }
    return found;
  }
  std::vector<std::shared_ptr<Object>> take_all(CUcontext context) {
    std::vector<std::shared_ptr<Object>> taken;
    std::erase_if(objects_, [&](auto& entry) {
      if (entry.second->context != context) return false;
      taken.push_back(std::move(entry.second));
      return true;
    });
    return taken;
  }

 private:
  static Handle as_handle(std::uint64_t number) {
    if constexpr (std::is_pointer_v<Handle>) {
      return reinterpret_cast<Handle>(number);
    } else {
      return number;
    }
  }

  std::uint64_t next_;
  std::map<Handle, std::shared_ptr<Object>> objects_;
};

}  // namespace lumen::sim
