# shellcheck shell=bash
# A private desktop session for scripts: D-Bus, PipeWire, WirePlumber and a headless Mutter, all in a
# temporary directory and apart from the session of the user who runs it. Source it (bash), then:
#
#   session_begin             makes the directory, exports the session's environment
#   session_media             starts D-Bus, PipeWire and WirePlumber
#   session_mutter 1920x1080@60    starts Mutter on a virtual monitor; sets WAYLAND_DISPLAY
#   session_spawn NAME CMD…   starts one more program in the session; sets session_pid
#   session_end               stops everything that was started here and removes the directory
#
# Every function returns non-zero after one line on standard error. Call session_end from a trap.

session_dir=""
session_pid=""
session_pids=()

session_say() { printf '%s\n' "$*" >&2; }

# Creates the directories and the configuration that keeps real devices and services out of it.
session_begin() {
  session_dir=$(mktemp -d "${TMPDIR:-/tmp}/lumen-session.XXXXXX") || return 1
  mkdir -p "$session_dir"/{run,config,state,data,log}
  chmod 700 "$session_dir" "$session_dir/run"
  unset DISPLAY WAYLAND_DISPLAY PIPEWIRE_REMOTE PIPEWIRE_RUNTIME_DIR XDG_SESSION_ID
  export XDG_RUNTIME_DIR="$session_dir/run" XDG_CONFIG_HOME="$session_dir/config" \
    XDG_STATE_HOME="$session_dir/state" XDG_DATA_HOME="$session_dir/data" \
    DBUS_SESSION_BUS_ADDRESS="unix:path=$session_dir/run/bus" \
    GSETTINGS_BACKEND=keyfile NO_AT_BRIDGE=1

  # A bus without service directories: nothing is started behind our back.
  cat > "$session_dir/config/bus.conf" <<XML
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=$session_dir/run/bus</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
XML
  # Newer Mutters put every window into the middle, on top of the others.
  mkdir -p "$session_dir/config/glib-2.0/settings"
  printf '[org/gnome/mutter]\ncenter-new-windows=false\n' \
    > "$session_dir/config/glib-2.0/settings/keyfile"
  # WirePlumber links streams here and leaves sound cards, cameras and radios to the real session.
  # 0.4 reads Lua fragments, 0.5 profiles.
  local wireplumber="$session_dir/config/wireplumber" monitor
  mkdir -p "$wireplumber"/{main.lua.d,bluetooth.lua.d,wireplumber.conf.d}
  for monitor in alsa v4l2 libcamera; do
    printf 'if %s_monitor then %s_monitor.enabled = false end\n' "$monitor" "$monitor"
  done > "$wireplumber/main.lua.d/60-no-devices.lua"
  for monitor in bluez bluez_midi; do
    printf 'if %s_monitor then %s_monitor.enabled = false end\n' "$monitor" "$monitor"
  done > "$wireplumber/bluetooth.lua.d/60-no-devices.lua"
  cat > "$wireplumber/wireplumber.conf.d/60-no-devices.conf" <<CONF
wireplumber.profiles = {
  main = {
    hardware.audio = disabled
    hardware.bluetooth = disabled
    hardware.video-capture = disabled
  }
}
CONF
}

# session_spawn NAME COMMAND…: its output goes to log/NAME.log. An own session keeps a terminal's
# Ctrl-C away from it; the parent-death signal covers a script that is killed outright.
session_spawn() {
  local name=$1
  shift
  setsid setpriv --pdeathsig TERM "$@" > "$session_dir/log/$name.log" 2>&1 < /dev/null &
  session_pid=$!
  session_pids+=("$session_pid")
}

# session_await SECONDS NAME COMMAND…: polls until COMMAND succeeds; fails when the process
# session_pid is gone or the time is up, and shows the end of its log.
session_await() {
  local seconds=$1 name=$2 until=$((SECONDS + $1)) why
  shift 2
  while ! "$@" > /dev/null 2>&1; do
    if ! kill -0 "$session_pid" 2> /dev/null; then
      why="$name stopped while starting"
    elif ((SECONDS >= until)); then
      why="$name isn't ready after $seconds s"
    else
      sleep 0.05
      continue
    fi
    session_say "$why; the end of its log:"
    tail -n 15 "$session_dir/log/$name.log" >&2
    return 1
  done
}

session_media() {
  # WirePlumber 0.4 with logind support ends itself where these directories are missing.
  if [[ $EUID -eq 0 ]]; then mkdir -p /run/systemd/{seats,sessions,users,machines}; fi
  session_spawn dbus-daemon dbus-daemon --config-file="$session_dir/config/bus.conf" --nofork
  session_await 10 dbus-daemon test -S "$session_dir/run/bus" || return 1
  session_spawn pipewire pipewire
  session_await 20 pipewire test -S "$session_dir/run/pipewire-0" || return 1
  session_spawn wireplumber wireplumber
  session_await 30 wireplumber session_has_wireplumber || return 1
}

# WirePlumber publishes the "default" metadata once its modules are loaded. (pw-dump 0.3.65 leaves out
# empty metadata, pw-cli lists it.)
session_has_wireplumber() {
  [[ $(timeout 5 pw-cli ls Metadata 2> /dev/null) == *'metadata.name = "default"'* ]]
}

# session_mutter WxH@FPS: Mutter on a virtual monitor. Sets WAYLAND_DISPLAY.
session_mutter() {
  export WAYLAND_DISPLAY=lumen-demo-0
  session_spawn mutter mutter --wayland --headless --no-x11 --virtual-monitor "$1" \
    --wayland-display="$WAYLAND_DISPLAY"
  session_await 30 mutter test -S "$session_dir/run/$WAYLAND_DISPLAY"
}

# Ends one process by its id: TERM, then KILL after 3 s.
session_stop() {
  local pid=$1 until=$((SECONDS + 3))
  kill -TERM "$pid" 2> /dev/null || { wait "$pid" 2> /dev/null; return 0; }
  while kill -0 "$pid" 2> /dev/null && ((SECONDS < until)); do sleep 0.02; done
  kill -KILL "$pid" 2> /dev/null
  wait "$pid" 2> /dev/null
  return 0
}

# Processes that carry this session's environment: what our programs started themselves (a terminal's
# shell). env hides the variable from the searching grep.
session_survivors() {
  local pid
  env -u XDG_RUNTIME_DIR grep -lzsx "XDG_RUNTIME_DIR=$session_dir/run" /proc/[0-9]*/environ |
    while IFS=/ read -r _ _ pid _; do
      if [[ $pid != "$$" && $pid != "$BASHPID" ]]; then printf '%s\n' "$pid"; fi
    done
}

# Stops the programs, the newest first, and removes the directory. Harmless when called twice.
session_end() {
  local i pid until
  for ((i = ${#session_pids[@]} - 1; i >= 0; --i)); do session_stop "${session_pids[i]}"; done
  session_pids=()
  if [[ -z $session_dir ]]; then return 0; fi
  until=$((SECONDS + 3))
  while pid=$(session_survivors) && [[ -n $pid ]] && ((SECONDS < until)); do sleep 0.05; done
  # shellcheck disable=SC2086 # a list of numbers
  if [[ -n $pid ]]; then kill -KILL $pid 2> /dev/null; fi
  rm -rf "$session_dir"
  session_dir=""
}
