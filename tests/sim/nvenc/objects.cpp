#include "objects.h"

#include <array>

namespace lumen::sim::nvenc {
namespace {

std::uint64_t number(const void* handle) { return reinterpret_cast<std::uint64_t>(handle); }

}  // namespace

const char* name_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kSession: return "session";
    case ObjectKind::kRegistration: return "registration";
    case ObjectKind::kMapping: return "mapped input";
    case ObjectKind::kInputBuffer: return "input buffer";
    case ObjectKind::kBitstream: return "bitstream buffer";
    case ObjectKind::kCompletionEvent: return "completion event";
  }
  return "";
}

void* ObjectTable::insert(const std::shared_ptr<Object>& object) {
  const std::uint64_t handle = next_;
  next_ += kStep;
  objects_.emplace(handle, object);
  return reinterpret_cast<void*>(handle);
}

std::shared_ptr<Object> ObjectTable::find(const void* handle) const {
  const auto entry = objects_.find(number(handle));
  return entry == objects_.end() ? nullptr : entry->second;
}

bool ObjectTable::is_stale(const void* handle) const {
  const std::uint64_t value = number(handle);
  return value >= kFirst && value < next_ && (value - kFirst) % kStep == 0 &&
         !objects_.contains(value);
}

void ObjectTable::erase(const void* handle) { objects_.erase(number(handle)); }

void ObjectTable::erase_all(const Session& session) {
  std::erase_if(objects_, [&](const auto& entry) { return entry.second->session == &session; });
}

std::size_t ObjectTable::count(const Session* session, std::string* names) const {
  std::array<std::size_t, 6> counts{};
  for (const auto& [handle, object] : objects_) {
    if (session != nullptr && (object->session != session || object.get() == session)) continue;
    ++counts.at(static_cast<std::size_t>(object->kind));
  }
  std::size_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    if (counts[i] == 0 || names == nullptr) continue;
    if (!names->empty()) *names += ", ";
    *names += std::to_string(counts[i]) + " " + name_of(static_cast<ObjectKind>(i)) +
              (counts[i] == 1 ? "" : "s");
  }
  return total;
}

std::size_t ObjectTable::sessions() const { return all_sessions().size(); }

std::vector<std::shared_ptr<Session>> ObjectTable::all_sessions() const {
  std::vector<std::shared_ptr<Session>> found;
  for (const auto& [handle, object] : objects_) {
    if (object->kind == ObjectKind::kSession) {
      found.push_back(std::static_pointer_cast<Session>(object));
    }
  }
  return found;
}

std::vector<std::shared_ptr<Object>> ObjectTable::all(const Session& session) const {
  std::vector<std::shared_ptr<Object>> found;
  for (const auto& [handle, object] : objects_) {
    if (object->session == &session && object.get() != &session) found.push_back(object);
  }
  return found;
}

}  // namespace lumen::sim::nvenc
