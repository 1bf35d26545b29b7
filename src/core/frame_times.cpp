#include "core/frame_times.h"

namespace lumen {

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kProduced: return "produced";
    case Stage::kDequeued: return "dequeued";
    case Stage::kConvertBegin: return "convert-begin";
    case Stage::kConverted: return "converted";
    case Stage::kSubmitted: return "submitted";
    case Stage::kEncoded: return "encoded";
    case Stage::kSendBegin: return "send-begin";
    case Stage::kSent: return "sent";
  }
  return "unknown";
}

}  // namespace lumen
