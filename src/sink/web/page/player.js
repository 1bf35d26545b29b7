// Plays the stream by WHEP, says what is going on, and keeps trying.

const kFirstPause = 500;       // ms before the first new attempt; doubled up to
const kLongestPause = 8000;
const kTick = 1000;
const kStill = 3000;           // a still screen sends two pictures a second: this is silence
const kStuck = 10000;          // connected and streaming, and still nothing: begin anew
const kIdle = 3000;            // until controls and pointer hide

const element = (id) => document.getElementById(id);
const video = element("video");
const root = document.documentElement;

const kNotices = {
  connecting: ["Connecting", ""],
  playing: ["", ""],
  waiting: ["Waiting for the session", "The picture comes as soon as the session has one."],
  gone: ["The host is gone", "It was stopped, or the network is down. This page keeps trying."],
  full: ["Too many are watching", "This page keeps trying."],
  unsupported: ["This browser can't play the stream",
    "It has to decode H.264 by WebRTC. Try another browser, or one built with H.264."],
  refused: ["The host refused", ""],
};

function show(state, advice) {
  if (root.dataset.state !== state) root.dataset.state = state;
  const [headline, usual] = kNotices[state];
  if (element("headline").textContent !== headline) element("headline").textContent = headline;
  const text = advice || usual;
  if (element("advice").textContent !== text) element("advice").textContent = text;
  element("retry").hidden = !["gone", "full", "unsupported", "refused"].includes(state);
}

const pause = (milliseconds) => new Promise((resolve) => {
  const timer = setTimeout(resolve, milliseconds);
  wake = () => { clearTimeout(timer); resolve(); };
});
let wake = () => {};

// One connection, from the offer to its end.
class Session {
  #pc = new RTCPeerConnection();
  #location = null;
  #ended;
  ended = new Promise((resolve) => { this.#ended = resolve; });

  constructor() {
    this.#pc.addEventListener("connectionstatechange", () => {
      if (["failed", "disconnected", "closed"].includes(this.#pc.connectionState)) this.end();
    });
    this.#pc.addEventListener("track", ({track, receiver}) => {
      receiver.jitterBufferTarget = 0;
      video.srcObject = new MediaStream([track]);
    });
  }

  // Throws {state, advice} where the host says no.
  async open() {
    this.#pc.addTransceiver("video", {direction: "recvonly"});
    await this.#pc.setLocalDescription();
    const response = await fetch("/whep", {
      method: "POST",
      headers: {"Content-Type": "application/sdp"},
      body: this.#pc.localDescription.sdp,
      signal: AbortSignal.timeout(10000),
    });
    if (response.status !== 201) throw await refusal(response);
    this.#location = response.headers.get("Location");
    await this.#pc.setRemoteDescription({type: "answer", sdp: await response.text()});
  }

  get connected() { return this.#pc.connectionState === "connected"; }
  stats() { return this.#pc.getStats(); }

  // Idempotent. Tells the host even while the page goes away.
  end() {
    if (this.#location) fetch(this.#location, {method: "DELETE", keepalive: true}).catch(() => {});
    this.#location = null;
    this.#pc.close();
    this.#ended();
  }
}

async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  const advice = [problem.detail, problem.hint].filter(Boolean).join("; ");
  if (response.status === 422) return {state: "unsupported", advice: ""};
  if (response.status === 503) return {state: "full", advice: ""};
  return {state: "refused", advice: advice || `It answered ${response.status}.`};
}

async function hostStatus() {
  try {
    const response = await fetch("/status", {signal: AbortSignal.timeout(3000)});
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

// What getStats() says now, and since last time.
class Figures {
  #last = null;

  async read(session) {
    const now = {time: performance.now(), packets: 0, lost: 0, frames: 0, bytes: 0, delay: 0, emitted: 0};
    const report = await session.stats();
    for (const entry of report.values()) {
      if (entry.type === "inbound-rtp" && entry.kind === "video") {
        now.packets = entry.packetsReceived ?? 0;
        now.lost = entry.packetsLost ?? 0;
        now.frames = entry.framesDecoded ?? 0;
        now.bytes = entry.bytesReceived ?? 0;
        now.delay = entry.jitterBufferDelay ?? 0;
        now.emitted = entry.jitterBufferEmittedCount ?? 0;
        now.dropped = entry.framesDropped ?? 0;
        now.width = entry.frameWidth;
        now.height = entry.frameHeight;
        now.decoder = entry.decoderImplementation;
        now.codec = report.get(entry.codecId)?.mimeType?.replace("video/", "");
      }
      if (entry.type === "candidate-pair" && entry.nominated) now.roundTrip = entry.currentRoundTripTime;
    }
    const before = this.#last ?? {...now, time: now.time - kTick, frames: 0, bytes: 0, delay: 0, emitted: 0};
    this.#last = now;
    const seconds = Math.max(0.001, (now.time - before.time) / 1000);
    const emitted = now.emitted - before.emitted;
    return {
      ...now,
      fps: (now.frames - before.frames) / seconds,
      bitrate: (now.bytes - before.bytes) * 8 / seconds,
      loss: now.packets + now.lost > 0 ? now.lost / (now.packets + now.lost) : 0,
      buffer: emitted > 0 ? (now.delay - before.delay) / emitted : null,
    };
  }
}

const milliseconds = (seconds) => seconds == null ? "–" : `${(seconds * 1000).toFixed(1)} ms`;
const megabits = (bits) => `${(bits / 1e6).toFixed(1)} Mb/s`;

function tabulate(figures, host) {
  const rows = [
    ["Codec", [figures.codec, figures.decoder].filter(Boolean).join(", ") || "–"],
    ["Size", figures.width ? `${figures.width} × ${figures.height}` : "–"],
    ["Frame rate", `${figures.fps.toFixed(1)} fps`],
    ["Bit rate", megabits(figures.bitrate)],
    ["Packets lost", `${figures.lost} (${(figures.loss * 100).toFixed(2)} %)`],
    ["Frames dropped", `${figures.dropped ?? 0}`],
    ["Round trip", milliseconds(figures.roundTrip)],
    ["Jitter buffer", milliseconds(figures.buffer)],
    ["Encoder", host?.encoder ?? "–"],
    ["Route", host?.route ?? "–"],
    ["Host", host?.state ?? "no answer"],
  ];
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

// Until the session ends: follows the pictures and tells what it means if there are none.
async function follow(session) {
  const figures = new Figures();
  let played = false;
  let moved = performance.now();
  let over = false;
  session.ended.then(() => { over = true; wake(); });
  const play = () => {
    moved = performance.now();
    played = true;
    if (root.dataset.state !== "playing") show("playing");
  };
  // The first picture is shown at once; whether more come is seen below, in hidden tabs too.
  video.requestVideoFrameCallback(() => {
    performance.mark("first-picture");
    if (!over) play();
  });
  while (!over) {
    const host = await hostStatus();
    const now = await figures.read(session);
    if (over) break;
    tabulate(now, host);
    if (now.fps > 0) play();
    const silence = performance.now() - moved;
    if (host === null && silence > kStill) {
      session.end();
      break;
    }
    if (silence > kStill || (!played && host?.state !== "streaming" && session.connected)) {
      show("waiting");
    }
    if (silence > kStuck && host?.state === "streaming") {
      session.end();
      break;
    }
    await pause(kTick);
  }
  return played;
}

let current = null;

async function run() {
  let patience = kFirstPause;
  for (;;) {
    const session = new Session();
    current = session;
    try {
      await session.open();
      if (await follow(session)) patience = kFirstPause;
      show((await hostStatus()) === null ? "gone" : "connecting");
    } catch (reason) {
      session.end();
      if (reason?.state) show(reason.state, reason.advice);
      else show("gone");
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
element("full-screen").addEventListener("click", () => toggleFullScreen().catch(() => {}));
element("retry").addEventListener("click", () => wake());
video.addEventListener("dblclick", () => toggleFullScreen().catch(() => {}));
document.addEventListener("fullscreenchange", () => {
  element("full-screen").setAttribute("aria-pressed", String(document.fullscreenElement !== null));
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "f") toggleFullScreen().catch(() => {});
  if (event.key === "s") toggleStatistics();
});
for (const kind of ["pointermove", "pointerdown", "keydown", "focusin"]) {
  document.addEventListener(kind, awake);
}
addEventListener("online", () => wake());
addEventListener("pagehide", () => current?.end());
addEventListener("pageshow", (event) => { if (event.persisted) wake(); });

awake();
run();
