// A WHIP endpoint (RFC 9725) on node-datachannel: takes one H.264 stream at a time, with Opus beside
// it, and counts.

import {createServer} from "node:http";
import nodeDataChannel from "node-datachannel";

const kSenderReport = 200;

// An NTP timestamp (RFC 3550 section 4) in milliseconds since 1970.
function wallTime(bytes, at) {
  const kFrom1900 = 2208988800;
  return (bytes.readUInt32BE(at) - kFrom1900 + bytes.readUInt32BE(at + 4) / 2 ** 32) * 1000;
}

// Where the extension's elements begin and end; equal where there is none (RFC 8285 section 4.2).
function extensionRange(packet) {
  const at = 12 + 4 * (packet[0] & 0x0f);
  if (!(packet[0] & 0x10)) return [at, at];
  return [at + 4, at + 4 + 4 * packet.readUInt16BE(at + 2)];
}

const payloadOf = (packet) => packet.subarray(extensionRange(packet)[1]);

function extensionOf(packet, id) {
  let [at, end] = extensionRange(packet);
  while (at < end) {
    const size = (packet[at] & 0x0f) + 1;
    if (packet[at] === 0) ++at;
    else if (packet[at] >> 4 === id) return packet.subarray(at + 1, at + 1 + size);
    else at += 1 + size;
  }
  return null;
}

export class Server {
  requests = [];    // "POST /whip"
  sessions = [];    // newest last
  #http;
  #options;

  // token: what a bearer has to say; redirect: POST of /whip is led to /moved; silent: no sound is
  // taken; reports: sender reports are kept, and receivers' not sent.
  constructor(options = {}) {
    this.#options = options;
    this.#http = createServer((request, response) => this.#answer(request, response));
  }

  listen(port = 0) {
    return new Promise((resolve) => {
      this.#http.listen(port, "127.0.0.1", () => resolve(this.#http.address().port));
    });
  }

  get session() { return this.sessions.at(-1); }

  // As if it had been killed: nobody is told.
  async close() {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
    for (const session of this.sessions) session.connection.close();
  }

  async #answer(request, response) {
    const {method, url} = request;
    this.requests.push(`${method} ${url}`);
    let body = "";
    for await (const chunk of request) body += chunk;
    const reply = (status, headers = {}, text = "") => {
      response.writeHead(status, headers).end(text);
    };
    const {token, redirect, links, status} = this.#options;
    if (status) return reply(status, {}, "not today");
    if (token && request.headers.authorization !== `Bearer ${token}`) {
      return reply(401, {}, "who are you?");
    }
    if (method === "OPTIONS") return reply(204, links ? {Link: links} : {});
    if (method === "DELETE") return reply(this.sessions.some((s) => s.url === url) ? 200 : 404);
    if (method !== "POST" || request.headers["content-type"] !== "application/sdp") return reply(405);
    if (redirect && url === "/whip") return reply(307, {Location: "/moved"});
    const session = new Session(`/session/${this.sessions.length}`, body, this.#options);
    this.sessions.push(session);
    reply(201, {"Content-Type": "application/sdp", Location: session.url}, await session.answer);
  }
}

// The description without its sound, and an answer that rejects it (RFC 3264 section 6).
const withoutSound = (sdp) =>
  sdp.replace(/m=audio[^]*?(?=m=|$)/, "").replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0");
const rejectSound = (sdp) =>
  sdp + "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=inactive\r\n";

class Session {
  packets = 0;
  repeated = 0;          // by retransmission
  frames = 0;
  keyFrames = 0;
  stream = [];           // NAL units, Annex B
  times = [];            // RTP timestamps of the frames
  captured = new Map();  // by timestamp: when that frame was captured, in wall-clock ms
  sound = [];            // {timestamp, payload} of each packet
  reports = {video: [], audio: []};  // {wall, timestamp} of sender reports, wall in ms since 1970
  #timestamp = null;
  #keyTimestamp = null;
  #fragment = [];
  #captureTimeId;
  tracks = {};

  constructor(url, offer, {silent, reports}) {
    this.url = url;
    this.offer = offer;
    this.#captureTimeId = Number(/a=extmap:(\d+) \S*abs-capture-time/.exec(offer)?.[1]);
    this.connection = new nodeDataChannel.PeerConnection("server", {iceServers: []});
    this.connection.onTrack((track) => {
      const kind = track.type();
      this.tracks[kind] = track;
      // It keeps RTCP to itself.
      if (!reports) track.setMediaHandler(new nodeDataChannel.RtcpReceivingSession());
      track.onMessage((packet) => {
        if (packet[1] === kSenderReport) this.#report(kind, packet);
        else if (kind === "video") this.#receive(packet);
        else this.#hear(packet);
      });
    });
    this.answer = new Promise((resolve) => {
      this.connection.onGatheringStateChange((state) => {
        if (state !== "complete") return;
        const {sdp} = this.connection.localDescription();
        resolve(silent ? rejectSound(sdp) : sdp);
      });
    });
    this.connection.setRemoteDescription(silent ? withoutSound(offer) : offer, "offer");
  }

  askForKeyFrame() { this.tracks.video.requestKeyframe(); }

  // RFC 3550 section 6.4.1.
  #report(kind, packet) {
    this.reports[kind].push({wall: wallTime(packet, 8), timestamp: packet.readUInt32BE(16)});
  }

  #hear(packet) {
    if ((packet[1] & 0x7f) !== 111) return;
    this.sound.push({timestamp: packet.readUInt32BE(4), payload: Buffer.from(payloadOf(packet))});
  }

  // RTP (RFC 3550) with H.264 in it (RFC 6184).
  #receive(packet) {
    const type = packet[1] & 0x7f;
    if (type === 97) { ++this.repeated; return; }
    if (type !== 96) return;
    ++this.packets;
    const timestamp = packet.readUInt32BE(4);
    const payload = payloadOf(packet);
    if (timestamp !== this.#timestamp) {
      ++this.frames;
      this.times.push(timestamp);
      this.#timestamp = timestamp;
    }
    const captured = extensionOf(packet, this.#captureTimeId);
    if (captured) this.captured.set(timestamp, wallTime(captured, 0));
    const kind = payload[0] & 0x1f;
    if (kind === 28) {
      if (payload[1] & 0x80) this.#fragment = [Buffer.from([payload[0] & 0xe0 | payload[1] & 0x1f])];
      this.#fragment.push(payload.subarray(2));
      if (payload[1] & 0x40) this.#take(Buffer.concat(this.#fragment));
    } else if (kind === 24) {
      for (let i = 1; i + 2 <= payload.length; i += 2 + payload.readUInt16BE(i)) {
        this.#take(payload.subarray(i + 2, i + 2 + payload.readUInt16BE(i)));
      }
    } else {
      this.#take(payload);
    }
  }

  #take(unit) {
    if ((unit[0] & 0x1f) === 5 && this.#timestamp !== this.#keyTimestamp) {
      ++this.keyFrames;
      this.#keyTimestamp = this.#timestamp;
    }
    this.stream.push(Buffer.from([0, 0, 0, 1]), Buffer.from(unit));
  }
}
