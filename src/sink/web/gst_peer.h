// A MediaPeer by GStreamer's webrtcbin (libnice for ICE, OpenSSL for DTLS, libsrtp), fed through a
// pad of our own. Any thread.
#pragma once

#include <future>
#include <memory>

#include "core/error.h"
#include "sink/web/media_peer.h"

namespace lumen::web {

/// Loads GStreamer. kUnsupported: an element is not installed.
Result<void> prepare_gst_peers();

/// Makes the process's DTLS key, in the background since it takes up to 0.2 s, so that the first
/// viewer does not wait for it (one who comes sooner waits inside GLib). Keep the future: the
/// process must not end meanwhile, and its destructor waits. After prepare_gst_peers().
std::future<void> make_dtls_key();

/// After prepare_gst_peers().
Result<std::unique_ptr<MediaPeer>> create_gst_peer(PeerSettings settings);

}  // namespace lumen::web
