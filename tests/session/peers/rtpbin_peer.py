#!/usr/bin/python3
"""GStreamer's rtpbin as a receiver that asks: it loses packets on purpose, asks for them, then asks
for key frames by FIR and by PLI. Prints "ready PORT", and in the end "result JSON".

  rtpbin_peer.py h264|hevc mux|two-ports DROP_EVERY
"""
import json
import socket
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import Gst, GstVideo  # noqa: E402

codec, ports, drop_every = sys.argv[1], sys.argv[2], int(sys.argv[3])
mux = ports == "mux"
Gst.init(None)


def bind_two():
    while True:
        first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        first.bind(("127.0.0.1", 0))
        second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            second.bind(("127.0.0.1", first.getsockname()[1] + 1))
            return first, second
        except OSError:
            continue


rtp_socket, rtcp_socket = bind_two()
rtp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

name = {"h264": "H264", "hevc": "H265"}[codec]
caps = (
    f"application/x-rtp,media=video,clock-rate=90000,encoding-name={name},payload=96,"
    "rtcp-fb-nack=(boolean)true,rtcp-fb-nack-pli=(boolean)true,rtcp-fb-ccm-fir=(boolean)true"
)
pipeline = Gst.parse_launch(
    f"""rtpbin name=bin rtp-profile=avpf do-retransmission=true latency=800
    appsrc name=rtp is-live=true format=time do-timestamp=true caps="{caps}" ! bin.recv_rtp_sink_0
    appsrc name=rtcp is-live=true format=time do-timestamp=true caps=application/x-rtcp
      ! bin.recv_rtcp_sink_0
    bin.send_rtcp_src_0 ! appsink name=reports sync=false async=false emit-signals=true
    bin. ! rtp{name.lower()}depay ! {name.lower()}parse name=parse
      ! video/x-{name.lower()},alignment=au ! avdec_{name.lower()} ! fakesink name=shown sync=false
    """
)
rtp, rtcp = pipeline.get_by_name("rtp"), pipeline.get_by_name("rtcp")

lock = threading.Lock()
dropped, again, sent_back = {}, set(), {"pli": 0, "fir": 0, "nack": 0}
key_frames, shown = [], 0
peer = None  # where reports go: who sent RTCP last


def count_feedback(data):
    at = 0
    while at + 4 <= len(data):
        kind = (data[at + 1], data[at] & 31)
        for which, label in (((206, 1), "pli"), ((206, 4), "fir"), ((205, 1), "nack")):
            if kind == which:
                sent_back[label] += 1
        at += 4 * (int.from_bytes(data[at + 2 : at + 4], "big") + 1)


def on_report(sink):
    buffer = sink.emit("pull-sample").get_buffer()
    data = buffer.extract_dup(0, buffer.get_size())
    if peer:
        with lock:
            count_feedback(data)
        (rtp_socket if mux else rtcp_socket).sendto(data, peer)
    return Gst.FlowReturn.OK


def on_parsed(pad, info):
    if not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
        with lock:
            key_frames.append(time.monotonic())
    return Gst.PadProbeReturn.OK


def on_shown(pad, info):
    global shown
    shown += 1
    return Gst.PadProbeReturn.OK


pipeline.get_by_name("reports").connect("new-sample", on_report)
pipeline.get_by_name("parse").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, on_parsed)
shown_pad = pipeline.get_by_name("shown").get_static_pad("sink")
shown_pad.add_probe(Gst.PadProbeType.BUFFER, on_shown)


def take_rtp():
    global peer
    count = 0
    while True:
        data, sender = rtp_socket.recvfrom(65536)
        if 192 <= data[1] <= 223:
            peer = sender
            rtcp.emit("push-buffer", Gst.Buffer.new_wrapped(data))
            continue
        sequence = data[2:4]
        with lock:
            if sequence in dropped:
                if dropped[sequence] == data:
                    again.add(sequence)
            else:
                count += 1
                # The first frames tell the jitter buffer where the stream begins.
                if count > 100 and count % drop_every == 0 and len(dropped) < 50:
                    dropped[sequence] = data
                    continue
        rtp.emit("push-buffer", Gst.Buffer.new_wrapped(data))


def take_rtcp():
    global peer
    while True:
        data, peer = rtcp_socket.recvfrom(65536)
        rtcp.emit("push-buffer", Gst.Buffer.new_wrapped(data))


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with lock:
            if condition():
                return True
        time.sleep(0.02)
    return False


def ask(full):
    """Asks for a key frame; how long it took to come, in seconds."""
    event = GstVideo.video_event_new_upstream_force_key_unit(Gst.CLOCK_TIME_NONE, full, 0)
    with lock:
        before = len(key_frames)
    begin = time.monotonic()
    shown_pad.push_event(event)
    return time.monotonic() - begin if until(lambda: len(key_frames) > before, 10) else None


# Else early feedback has to wait for the next regular report, up to five seconds (RFC 4585 3.5.2).
session = pipeline.get_by_name("bin").emit("get-internal-session", 0)
session.set_property("rtcp-min-interval", 200 * Gst.MSECOND)
pipeline.set_state(Gst.State.PLAYING)
threading.Thread(target=take_rtp, daemon=True).start()
threading.Thread(target=take_rtcp, daemon=True).start()
print("ready", rtp_socket.getsockname()[1], flush=True)

result = {"lost": until(lambda: len(dropped) == 50, 60)}
result["repaired"] = until(lambda: len(again) == len(dropped), 10)
result["fir"] = ask(True)
# Key frames come when asked for, and else no more: not every two seconds.
with lock:
    before = len(key_frames)
time.sleep(5)
with lock:
    result["unasked"] = len(key_frames) - before
result["pli"] = ask(False)
result.update(dropped=len(dropped), again=len(again), sent=sent_back, shown=shown)
print("result", json.dumps(result), flush=True)
pipeline.set_state(Gst.State.NULL)
