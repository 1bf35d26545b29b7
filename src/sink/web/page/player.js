// Plays the stream by WHEP, says what is going on, and keeps trying.

import {newToken, refusedToken, useLink} from "/access.js";
import {showControls, toggleControls} from "/control.js";
import {gone, hostStatus, showEvents, showQualities} from "/host.js";
import {LipSync} from "/sync.js";

const kFirstPause = 500;       // ms before the first new attempt; doubled up to
const kLongestPause = 8000;
const kTick = 1000;
const kStill = 3000;           // a still screen sends two pictures a second: this is silence
const kUnreached = 5000;       // by then a connection stands, on slow networks too
const kStuck = 8000;           // the host streams, and still nothing: begin anew; it waits for 10 s itself
const kIdle = 3000;            // until controls and pointer hide

const element = (id) => document.getElementById(id);
const video = element("video");
const root = document.documentElement;

const kNotices = {
  connecting: ["Connecting", ""],
  playing: ["", ""],
  waiting: ["Waiting for the session", "The picture comes as soon as the session has one."],
  gone: ["The host is gone", "It was stopped, or the network is down. This page keeps trying."],
  blocked: ["The network keeps the picture away",
    "The host is there and streams, but its picture doesn't get through. A firewall or VPN that " +
    "blocks UDP does that. This page keeps trying."],
  undecoded: ["This browser can't show the stream",
    "The stream arrives, and the browser decodes nothing of it. Try another browser, or another " +
    "codec at the host."],
  busy: ["The host takes nobody in now", "This page keeps trying."],
  unsupported: ["This browser can't play the stream",
    "It has to decode the stream's codec by WebRTC, which is H.264 unless the host was told " +
    "otherwise. Try another browser, or one built with H.264."],
  refused: ["The host refused", ""],
  locked: ["A token is needed", "Open the link that lumen-host printed, or enter its token."],
  wrong: ["This token is wrong", "Open the link that lumen-host printed, or enter its token."],
  limited: ["Too many wrong tokens", ""],
};

const kLocked = ["locked", "wrong", "limited"];
const kNoPicture = ["blocked", "undecoded"];  // true until a picture comes, over many attempts

function show(state, advice) {
  if (root.dataset.state !== state) root.dataset.state = state;
  const [headline, usual] = kNotices[state];
  if (element("headline").textContent !== headline) element("headline").textContent = headline;
  const text = advice || usual;
  if (element("advice").textContent !== text) element("advice").textContent = text;
  element("retry").hidden = !["gone", "busy", "unsupported", "refused"].includes(state);
  element("sign-in").hidden = !kLocked.includes(state);
}

const pause = (milliseconds) => new Promise((resolve) => {
  const timer = setTimeout(resolve, milliseconds);
  wake = () => { clearTimeout(timer); resolve(); };
});
let wake = () => {};

// One connection, from the offer to its end.
class Session {
  #pc = new RTCPeerConnection();
  #media = new MediaStream();
  #lips = new LipSync();
  #pictures = null;  // their receiver
  #location = null;
  #ended;
  ended = new Promise((resolve) => { this.#ended = resolve; });

  constructor() {
    this.#pc.addEventListener("connectionstatechange", () => {
      if (["failed", "disconnected", "closed"].includes(this.#pc.connectionState)) this.end();
    });
    this.#pc.addEventListener("track", ({track, receiver}) => {
      receiver.jitterBufferTarget = 0;
      this.#media.addTrack(track);
      if (video.srcObject !== this.#media) video.srcObject = this.#media;
      showMute();
    });
  }

  // Throws {state, advice} where there is no host, or it says no.
  async open() {
    const transceiver = this.#pc.addTransceiver("video", {direction: "recvonly"});
    this.#pictures = transceiver.receiver;
    const stamps = askForCaptureTimes(transceiver);
    this.#pc.addTransceiver("audio", {direction: "recvonly"});
    const offer = await this.#pc.createOffer();
    // Browsers decode Opus to mono unless their own description asks for stereo.
    offer.sdp = offer.sdp.replace(/a=fmtp:(\d+) /g, (start, type) =>
      offer.sdp.includes(`a=rtpmap:${type} opus/`) ? `${start}stereo=1;` : start);
    // Browsers tell captureTime once they know the host's clock, by its reports and the round trip,
    // which who sends nothing has to ask for (RFC 3611).
    if (stamps) offer.sdp = offer.sdp.replace(/a=rtcp-fb:(\d+) nack pli\r\n/g, "$&a=rtcp-fb:$1 rrtr\r\n");
    await this.#pc.setLocalDescription(offer);
    const response = await fetch("/whep", {
      method: "POST",
      headers: {"Content-Type": "application/sdp"},
      body: this.#pc.localDescription.sdp,
      signal: AbortSignal.timeout(10000),
    }).catch(gone);
    if (response.status !== 201) throw await refusal(response);
    this.#location = response.headers.get("Location");
    const sdp = await response.text().catch(gone);
    await this.#pc.setRemoteDescription({type: "answer", sdp});
    if (!video.muted) this.listens(true);
  }

  // While the sound is heard, the browser may hold pictures back for it.
  listens(yes) {
    if (!this.#location || !this.sounds) return;
    fetch(`${this.#location}/sound`, {method: yes ? "PUT" : "DELETE"}).catch(() => {});
  }

  get connected() { return this.#pc.connectionState === "connected"; }
  get sounds() { return this.#media.getAudioTracks().length > 0; }
  stats() { return this.#pc.getStats(); }

  synchronize({picture, heard, buffer}) {
    if (!this.sounds || video.muted) this.#lips.rest(this.#pictures);
    else this.#lips.adjust(this.#pictures, picture, heard, buffer * 1000);
  }

  // Idempotent. Tells the host even while the page goes away.
  end() {
    if (this.#location) fetch(this.#location, {method: "DELETE", keepalive: true}).catch(() => {});
    this.#location = null;
    this.#pc.close();
    this.#ended();
  }
}

// Has each picture carry the time of its capture, where the browser lets a page ask for that; only
// those are known to take other additions to their offer, too.
function askForCaptureTimes(transceiver) {
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
  const stamp = extensions?.find(({uri}) => uri.endsWith("/abs-capture-time"));
  if (!stamp) return false;
  stamp.direction = "sendrecv";
  transceiver.setHeaderExtensionsToNegotiate(extensions);
  return true;
}

async function refusal(response) {
  const locked = refusedToken(response);
  if (locked) return locked;
  const problem = await response.json().catch(() => ({}));
  const advice = [problem.detail, problem.hint].filter(Boolean).join("; ");
  if (response.status === 422) return {state: "unsupported", advice: ""};
  if (response.status === 503) return {state: "busy", advice};
  return {state: "refused", advice: advice || `It answered ${response.status}.`};
}

// What getStats() says now, and since last time.
class Figures {
  #last = null;

  async read(session) {
    const now = {time: performance.now(), packets: 0, lost: 0, frames: 0, bytes: 0, delay: 0, emitted: 0,
      decoding: 0, processing: 0};
    const report = await session.stats();
    for (const entry of report.values()) {
      if (entry.type === "inbound-rtp" && entry.kind === "video") {
        now.picture = entry;
        now.packets = entry.packetsReceived ?? 0;
        now.lost = entry.packetsLost ?? 0;
        now.frames = entry.framesDecoded ?? 0;
        now.bytes = entry.bytesReceived ?? 0;
        now.delay = entry.jitterBufferDelay ?? 0;
        now.emitted = entry.jitterBufferEmittedCount ?? 0;
        now.decoding = entry.totalDecodeTime ?? 0;
        now.processing = entry.totalProcessingDelay ?? 0;
        now.dropped = entry.framesDropped ?? 0;
        now.width = entry.frameWidth;
        now.height = entry.frameHeight;
        now.decoder = entry.decoderImplementation;
        now.codec = report.get(entry.codecId)?.mimeType?.replace("video/", "");
      }
      if (entry.type === "inbound-rtp" && entry.kind === "audio") {
        now.heard = entry;
        now.sound = report.get(entry.codecId)?.mimeType?.replace("audio/", "");
        now.soundBuffer = entry.jitterBufferEmittedCount > 0
          ? entry.jitterBufferDelay / entry.jitterBufferEmittedCount : null;
      }
      if (entry.type === "candidate-pair" && entry.nominated) now.roundTrip = entry.currentRoundTripTime;
    }
    const before = this.#last ?? {...now, time: now.time - kTick, frames: 0, bytes: 0, delay: 0, emitted: 0,
      decoding: 0, processing: 0};
    this.#last = now;
    const seconds = Math.max(0.001, (now.time - before.time) / 1000);
    const mean = (key, count) => {
      const share = now[count] - before[count];
      return share > 0 ? (now[key] - before[key]) / share : null;
    };
    return {
      ...now,
      fps: (now.frames - before.frames) / seconds,
      newlyLost: now.lost - before.lost,
      bitrate: (now.bytes - before.bytes) * 8 / seconds,
      loss: now.packets + now.lost > 0 ? now.lost / (now.packets + now.lost) : 0,
      buffer: mean("delay", "emitted"),
      decode: mean("decoding", "frames"),
      browser: mean("processing", "frames"),
    };
  }
}

const milliseconds = (seconds) => seconds == null ? "–" : `${(seconds * 1000).toFixed(1)} ms`;
const megabits = (bits) => `${(bits / 1e6).toFixed(1)} Mb/s`;

// What each picture tells about its own way, in milliseconds (HTMLVideoElement's
// requestVideoFrameCallback): from its last packet, or from its capture, to the screen.
class PictureTimes {
  #received = [];
  #captured = [];

  // Chromium may expect a picture at a refresh that was over when it got it: nothing is on the
  // screen before it was handed to the compositor (presentationTime).
  add({receiveTime, captureTime, expectedDisplayTime, presentationTime}) {
    const shown = Math.max(expectedDisplayTime, presentationTime);
    if (receiveTime) this.#received.push(shown - receiveTime);
    if (captureTime) this.#captured.push(shown - captureTime);
  }

  // Medians since the last call, in seconds; null without a picture.
  take() {
    const median = (list) => list.length > 0 ? list.sort((a, b) => a - b)[list.length >> 1] / 1000 : null;
    const taken = {received: median(this.#received), captured: median(this.#captured)};
    this.#received = [];
    this.#captured = [];
    return taken;
  }
}

// From capture to screen, and what it is made of. Where the browser knows when pictures were
// captured, it is measured as a whole; else it is the sum.
function latency(figures, times, host) {
  const host_s = host?.latency_ms?.total?.p50 / 1000;
  const network = figures.roundTrip / 2;
  const browser = times.received ?? figures.browser;
  const sum = host_s + network + browser;
  const total = times.captured > 0 ? times.captured : sum;
  if (!Number.isFinite(total) || browser === null) return "–";
  const parts = [["host", host_s], ["network", network], ["browser", browser]]
    .filter(([, seconds]) => Number.isFinite(seconds))
    .map(([name, seconds]) => `${name} ${(seconds * 1000).toFixed(1)}`);
  return `${milliseconds(total)} (${parts.join(", ")})`;
}

function adaptation(host) {
  if (!host?.adaptation?.text) return null;
  const {text, cause, level} = host.adaptation;
  return cause && level > 0 ? `${text}, for the ${cause}` : text;
}

function tabulate(figures, times, host) {
  const sent = host?.latency_ms?.total;
  const rows = [
    ["Codec", [figures.codec, figures.decoder].filter(Boolean).join(", ") || "–"],
    ["Size", figures.width ? `${figures.width} × ${figures.height}` : "–"],
    ["Frame rate", `${figures.fps.toFixed(1)} fps`],
    ["Bit rate", megabits(figures.bitrate)],
    ["Packets lost", `${figures.lost} (${(figures.loss * 100).toFixed(2)} %)`],
    ["Frames dropped", `${figures.dropped ?? 0}`],
    ["Latency", latency(figures, times, host)],
    ["Capture to sent", Number.isFinite(sent?.p50) ? `${milliseconds(sent.p50 / 1000)}, 95 % within ${milliseconds(sent.p95 / 1000)}` : "–"],
    ["Round trip", milliseconds(figures.roundTrip)],
    ["Jitter buffer", milliseconds(figures.buffer)],
    ["Decoding", milliseconds(figures.decode)],
    ["Sound", figures.sound ? `${figures.sound}, ${milliseconds(figures.soundBuffer)} buffer` : "–"],
    ["Encoder", host?.encoder ?? "–"],
    ["Route", host?.route ?? "–"],
    ["Target", adaptation(host)],
    ["Host", host?.state ?? "no answer"],
  ].filter(([, value]) => value !== null);
  element("figures").replaceChildren(...rows.map(([name, value]) => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    const cell = document.createElement("td");
    cell.textContent = value;
    row.append(head, cell);
    return row;
  }));
  element("summary").textContent = figures.width
    ? `${figures.width} × ${figures.height}, ${figures.fps.toFixed(0)} fps, ${megabits(figures.bitrate)}` : "";
}

// Why there is no picture; null where it is too early to say. quiet: ms since the last one; overdue:
// ms since one should have come, which is 0 while the host does not stream.
function absence({connected, streams, played, quiet, overdue}, figures) {
  if (!connected) return overdue > kUnreached ? "blocked" : null;
  if (!streams) return quiet > kStill || !played ? "waiting" : null;
  if (overdue <= kStill) return null;
  // Losses leave gaps that nobody can decode.
  return figures.bitrate > 0 && figures.newlyLost === 0 ? "undecoded" : "blocked";
}

// Sound that came later than this page is for new connections alone: one is made, once.
let tookSound = false;

function missesSound(session, host) {
  if (!host?.sound) {
    if (host) tookSound = false;
    return false;
  }
  if (!session.connected || session.sounds || tookSound) return false;
  tookSound = true;
  return true;
}

// Until the session ends: follows the pictures and tells what it means if there are none.
async function follow(session) {
  const figures = new Figures();
  const times = new PictureTimes();
  let played = false;
  let moved = performance.now();
  let due = moved;
  let connected = false;
  let over = false;
  session.ended.then(() => { over = true; wake(); });
  const play = () => {
    moved = due = performance.now();
    played = true;
    if (root.dataset.state !== "playing") show("playing");
  };
  // The first picture is shown at once; whether more come is seen below, in hidden tabs too.
  const timePicture = (time, metadata) => {
    if (over) return;
    times.add(metadata);
    video.requestVideoFrameCallback(timePicture);
  };
  video.requestVideoFrameCallback((time, metadata) => {
    performance.mark("first-picture");
    if (!over) play();
    timePicture(time, metadata);
  });
  while (!over) {
    const host = await hostStatus();
    const now = await figures.read(session);
    if (over) break;
    session.synchronize(now);
    tabulate(now, times.take(), host);
    showQualities(host);
    showEvents(host);
    showControls(host);
    if (now.fps > 0) play();
    const time = performance.now();
    const streams = host?.state === "streaming";
    if (!streams || session.connected !== connected) due = time;
    connected = session.connected;
    const quiet = time - moved;
    const overdue = time - due;
    if (missesSound(session, host) || (host === null ? quiet > kStill : overdue > kStuck)) {
      session.end();
      break;
    }
    const reason = host && absence({connected, streams, played, quiet, overdue}, now);
    if (reason) show(reason);
    await pause(kTick);
  }
  return played;
}

let current = null;

function newSession() {
  if (window.RTCPeerConnection) return new Session();
  throw {state: "unsupported", advice: "It has no WebRTC, or a setting or extension has turned it off."};
}

async function run() {
  let patience = kFirstPause;
  for (;;) {
    let locked = false;
    try {
      await useLink();
      current = newSession();
      await current.open();
      if (await follow(current)) patience = kFirstPause;
      if ((await hostStatus()) === null) show("gone");
      else if (!kNoPicture.includes(root.dataset.state)) show("connecting");
    } catch (reason) {
      current?.end();
      locked = kLocked.includes(reason?.state);
      if (reason?.state) show(reason.state, reason.advice);
      else show("unsupported", `It says: ${reason?.message ?? reason}`);
    }
    if (locked) {
      await newToken();
      show("connecting");
      patience = kFirstPause;
      continue;
    }
    await pause(patience);
    patience = Math.min(patience * 2, kLongestPause);
    if (root.dataset.state === "playing") show("connecting");
  }
}

function toggleStatistics() {
  const panel = element("statistics");
  panel.hidden = !panel.hidden;
  element("show-statistics").setAttribute("aria-pressed", String(!panel.hidden));
}

// Browsers let a page begin to play without sound only.
function showMute() {
  const name = video.muted ? "Unmute" : "Mute";
  element("mute").textContent = name;
  element("mute").title = `${name} (M)`;
  element("mute").hidden = !video.srcObject?.getAudioTracks().length;
}

// A picture that is unmuted before it has begun to play by itself stays paused in Chromium.
function toggleMute() {
  if (element("mute").hidden) return;
  video.muted = !video.muted;
  if (video.paused) video.play().catch(() => { video.muted = true; });
}

async function toggleFullScreen() {
  if (document.fullscreenElement) return document.exitFullscreen();
  if (element("stage").requestFullscreen) return element("stage").requestFullscreen({navigationUI: "hide"});
  video.webkitEnterFullscreen?.();  // iPhones know it for the video alone
}

let idleTimer = 0;
function awake() {
  delete root.dataset.idle;
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => { root.dataset.idle = ""; }, kIdle);
}

element("show-statistics").addEventListener("click", toggleStatistics);
element("mute").addEventListener("click", toggleMute);
video.addEventListener("volumechange", () => {
  showMute();
  current?.listens(!video.muted);
});
element("full-screen").addEventListener("click", () => toggleFullScreen().catch(() => {}));
element("retry").addEventListener("click", () => wake());
video.addEventListener("dblclick", () => toggleFullScreen().catch(() => {}));
document.addEventListener("fullscreenchange", () => {
  element("full-screen").setAttribute("aria-pressed", String(document.fullscreenElement !== null));
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.matches("input, select")) return;
  if (event.key === "f") toggleFullScreen().catch(() => {});
  if (event.key === "h") toggleControls();
  if (event.key === "m") toggleMute();
  if (event.key === "s") toggleStatistics();
  if (event.key === "q") {
    element("quality").focus();
    event.preventDefault();  // the menu would look for an entry with q
  }
});
for (const kind of ["pointermove", "pointerdown", "keydown", "focusin"]) {
  document.addEventListener(kind, awake);
}
addEventListener("online", () => wake());
addEventListener("pagehide", () => current?.end());
addEventListener("pageshow", (event) => { if (event.persisted) wake(); });

awake();
run();
