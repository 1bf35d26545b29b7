// A MediaPeer by GStreamer's webrtcbin (libnice for ICE, OpenSSL for DTLS, libsrtp), fed through a
// pad of our own. Any thread.
#pragma once

#include <memory>

#include "core/error.h"
#include "sink/web/media_peer.h"

namespace lumen::web {

/// Loads GStreamer and makes the process's DTLS key, so that the first viewer does not wait for
/// either. kUnsupported: an element is not installed.
Result<void> prepare_gst_peers();

/// After prepare_gst_peers().
Result<std::unique_ptr<MediaPeer>> create_gst_peer(PeerSettings settings);

}  // namespace lumen::web
