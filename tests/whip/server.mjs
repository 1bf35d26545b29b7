// A WHIP endpoint (RFC 9725) on node-datachannel: takes one H.264 stream at a time and counts.

import {createServer} from "node:http";
import nodeDataChannel from "node-datachannel";

export class Server {
  requests = [];    // "POST /whip"
  sessions = [];    // newest last
  #http;
  #options;

  // token: what a bearer has to say; redirect: POST of /whip is led to /moved.
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
    const session = new Session(`/session/${this.sessions.length}`, body);
    this.sessions.push(session);
    reply(201, {"Content-Type": "application/sdp", Location: session.url}, await session.answer);
  }
}

class Session {
  packets = 0;
  repeated = 0;          // by retransmission
  frames = 0;
  keyFrames = 0;
  stream = [];           // NAL units, Annex B
  #timestamp = null;
  #keyTimestamp = null;
  #fragment = [];

  constructor(url, offer) {
    this.url = url;
    this.offer = offer;
    this.connection = new nodeDataChannel.PeerConnection("server", {iceServers: []});
    this.connection.onTrack((track) => {
      this.track = track;
      track.setMediaHandler(new nodeDataChannel.RtcpReceivingSession());
      track.onMessage((packet) => this.#receive(packet));
    });
    this.answer = new Promise((resolve) => {
      this.connection.onGatheringStateChange((state) => {
        if (state === "complete") resolve(this.connection.localDescription().sdp);
      });
    });
    this.connection.setRemoteDescription(offer, "offer");
  }

  askForKeyFrame() { this.track.requestKeyframe(); }

  // RTP (RFC 3550) with H.264 in it (RFC 6184).
  #receive(packet) {
    const type = packet[1] & 0x7f;
    if (type === 97) { ++this.repeated; return; }
    if (type !== 96) return;
    ++this.packets;
    const timestamp = packet.readUInt32BE(4);
    let at = 12 + 4 * (packet[0] & 0x0f);
    if (packet[0] & 0x10) at += 4 + 4 * packet.readUInt16BE(at + 2);
    const payload = packet.subarray(at);
    if (timestamp !== this.#timestamp) {
      ++this.frames;
      this.#timestamp = timestamp;
    }
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
