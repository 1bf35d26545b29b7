#!/usr/bin/python3
"""A desktop's notification service (org.freedesktop.Notifications): prints "ready", and what it is
asked to show and to take back, a line each: "show ID ICON SUMMARY", "close ID"."""
import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

INTERFACE = """<node><interface name="org.freedesktop.Notifications">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="CloseNotification"><arg type="u" direction="in"/></method>
</interface></node>"""

last = 0


def on_call(_bus, _sender, _path, _interface, method, arguments, invocation):
    global last
    values = arguments.unpack()
    if method == "Notify":
        last += 1
        print("show", last, values[2], values[3], flush=True)
        invocation.return_value(GLib.Variant("(u)", (last,)))
    else:
        print("close", values[0], flush=True)
        invocation.return_value(None)


def on_bus(bus, _name):
    interface = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
    bus.register_object("/org/freedesktop/Notifications", interface, on_call, None, None)


Gio.bus_own_name(
    Gio.BusType.SESSION, "org.freedesktop.Notifications", Gio.BusNameOwnerFlags.NONE,
    on_bus, lambda *_: print("ready", flush=True), lambda *_: exit(1))
GLib.MainLoop().run()
