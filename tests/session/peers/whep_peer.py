#!/usr/bin/python3
"""GStreamer's webrtcbin as a viewer that asks for one codec by WHEP: writes what it receives, as it
came, into a Matroska file. Prints "playing", and after SECONDS of pictures "result JSON".

  whep_peer.py URL h264|hevc|hevc-10 SECONDS FILE
"""
import json
import sys
import threading
import time
import urllib.error
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

url, codec, seconds, path = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
Gst.init(None)

name = "H264" if codec == "h264" else "H265"
# RFC 7798 section 7.1: 1 is Main, 2 is Main 10.
format_parameters = {
    "h264": 'packetization-mode=(string)1,profile-level-id=(string)42e01f',
    "hevc": "profile-id=(string)1",
    "hevc-10": "profile-id=(string)2",
}[codec]
caps = Gst.Caps.from_string(
    f"application/x-rtp,media=video,clock-rate=90000,encoding-name={name},payload=96,"
    f"{format_parameters},rtcp-fb-nack=(boolean)true,rtcp-fb-nack-pli=(boolean)true"
)

pipeline = Gst.Pipeline()
peer = Gst.ElementFactory.make("webrtcbin", "peer")
peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
pipeline.add(peer)
# By itself libnice has no candidates of loopback, and from others it does not get there.
ice = peer.get_property("ice-agent")  # kept: Python's reference is the only one
ice.emit("add-local-ip-address", "127.0.0.1")
direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
peer.emit("add-transceiver", direction, caps)

pictures = 0
playing = threading.Event()


def on_picture(_pad, _info):
    global pictures
    pictures += 1
    playing.set()
    return Gst.PadProbeReturn.OK


def on_pad(_peer, pad):
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    recorder = Gst.parse_bin_from_description(
        f"rtp{name.lower()}depay ! {name.lower()}parse ! identity name=seen ! matroskamux"
        f" ! filesink location={path} sync=false async=false",
        True,
    )
    recorder.get_by_name("seen").get_static_pad("src").add_probe(
        Gst.PadProbeType.BUFFER, on_picture
    )
    pipeline.add(recorder)
    recorder.sync_state_with_parent()
    pad.link(recorder.get_static_pad("sink"))


def fail(reason):
    print("result", json.dumps({"error": reason}), flush=True)
    pipeline.set_state(Gst.State.NULL)
    sys.exit(0)


def ask(action, *arguments):
    promise = Gst.Promise.new()
    peer.emit(action, *arguments, promise)
    promise.wait()
    return promise.get_reply()


peer.connect("pad-added", on_pad)
pipeline.set_state(Gst.State.PLAYING)
made = ask("create-offer", None)  # the offer is a part of it
ask("set-local-description", made.get_value("offer"))
# A WHEP client that does not trickle waits for all its candidates.
deadline = time.monotonic() + 10
while peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
    if time.monotonic() > deadline:
        fail("no candidates in ten seconds")
    time.sleep(0.02)
offer = peer.get_property("local-description").sdp.as_text()
request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
try:
    answer = urllib.request.urlopen(request, timeout=10).read().decode()
except urllib.error.HTTPError as error:
    fail(f"{error.code} {error.read().decode()}")
_, message = GstSdp.SDPMessage.new_from_text(answer)
ask(
    "set-remote-description",
    GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message),
)
if not playing.wait(15):
    fail("no picture in fifteen seconds")
print("playing", flush=True)
time.sleep(seconds)
# The file's end first; the whole pipeline's never comes, for webrtcbin has sinks of its own.
for pad in peer.srcpads:
    pad.get_peer().send_event(Gst.Event.new_eos())
time.sleep(0.3)
pipeline.set_state(Gst.State.NULL)
print("result", json.dumps({"pictures": pictures, "answer": answer}), flush=True)
