// Owners for GLib's and GStreamer's references.
#pragma once

#include <memory>

#include <gst/gst.h>
#define GST_USE_UNSTABLE_API  // the WebRTC library's headers ask for it
#include <gst/webrtc/webrtc.h>

namespace lumen::web {

template <auto kRelease>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    kRelease(object);
  }
};

template <typename T>
using GstRef = std::unique_ptr<T, Release<gst_object_unref>>;
template <typename T>
using GlibRef = std::unique_ptr<T, Release<g_object_unref>>;
using GlibText = std::unique_ptr<char, Release<g_free>>;
using GlibError = std::unique_ptr<GError, Release<g_error_free>>;
using CapsRef = std::unique_ptr<GstCaps, Release<gst_caps_unref>>;
using PromiseRef = std::unique_ptr<GstPromise, Release<gst_promise_unref>>;
using DescriptionRef =
    std::unique_ptr<GstWebRTCSessionDescription, Release<gst_webrtc_session_description_free>>;

/// An object property; empty where it is not set.
template <typename T>
GlibRef<T> object_property(gpointer object, const char* name) {
  T* value = nullptr;
  g_object_get(object, name, &value, nullptr);
  return GlibRef<T>(value);
}

}  // namespace lumen::web
