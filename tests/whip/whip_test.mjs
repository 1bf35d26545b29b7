// lumen-host publishes to a WHIP server: node whip_test.mjs HOST CASE.

import assert from "node:assert/strict";
import {spawn, spawnSync} from "node:child_process";
import {createSocket} from "node:dgram";
import {mkdtempSync, readFileSync, rmSync} from "node:fs";
import {networkInterfaces, tmpdir} from "node:os";
import {join} from "node:path";
import {numbersIn} from "./pictures.mjs";
import {Server} from "./server.mjs";
import {beepsIn, kRate, kSamplesPerPacket} from "./sound.mjs";

const [binary, wanted] = process.argv.slice(2);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function eventually(what, condition, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    if (condition()) return;
  }
  assert.fail(`not within ${seconds} s: ${what}\n${host?.log ?? ""}`);
}

class Host {
  log = "";
  constructor(url, ...options) {
    this.process = spawn(binary, ["stream", "--no-config", "--source", "synthetic:640x360@30",
      "--bitrate", "2M", "--sink", `whip:${url}`, ...options], {stdio: ["ignore", "ignore", "pipe"]});
    this.process.stderr.on("data", (text) => { this.log += text; });
    this.ended = new Promise((resolve) => this.process.on("exit", resolve));
  }
  stop() {
    this.process.kill("SIGINT");
    return this.ended;
  }
}
let host = null;

// When an RTP timestamp was, in milliseconds of the monotonic clock, as the last sender report has it.
function monotonic(report, timestamp, rate) {
  const offset = performance.timeOrigin + performance.now() - Number(process.hrtime.bigint()) / 1e6;
  return report.wall - offset + ((timestamp - report.timestamp) | 0) * 1000 / rate;
}

// When each picture of the synthetic source was made, by its number, in milliseconds likewise.
function productionTimes(trace) {
  const events = JSON.parse(readFileSync(trace));
  const track = events.find(({name, args}) => name === "thread_name" && args.name === "source").tid;
  return new Map(events.filter(({ph, tid}) => ph === "X" && tid === track)
    .map(({args, ts}) => [args.frame - 1, ts / 1000]));
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const cases = {
  async arrives() {
    const server = new Server({token: "tk-secret"});
    const port = await server.listen();
    const mirror = createSocket("udp4");
    let mirrored = 0;
    mirror.on("message", (packet) => { mirrored += (packet[1] & 0x7f) === 96 ? 1 : 0; });
    await new Promise((resolve) => mirror.bind(0, "127.0.0.1", resolve));
    host = new Host(`http://127.0.0.1:${port}/whip?room=1&token=tk-secret`, "--mirror",
      `127.0.0.1:${mirror.address().port}`);
    await eventually("a hundred frames", () => server.session?.frames > 100);
    assert.deepEqual(server.requests.slice(0, 2), ["OPTIONS /whip?room=1", "POST /whip?room=1"]);
    for (const line of ["a=group:BUNDLE 0", "a=sendonly", "a=setup:actpass", "a=rtcp-mux",
      "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"]) {
      assert.ok(server.session.offer.split("\r\n").includes(line), line);
    }
    assert.match(server.session.offer, /a=fmtp:96 .*packetization-mode=1;profile-level-id=42e01f/);
    // Every picture that came can be decoded.
    const frames = server.session.frames;
    assert.ok(mirrored >= frames, `${mirrored} packets were mirrored`);
    mirror.close();
    const decoded = spawnSync("ffprobe", ["-v", "error", "-f", "h264", "-count_frames", "-show_entries",
      "stream=nb_read_frames,width,height", "-of", "csv=p=0", "-"],
      {input: Buffer.concat(server.session.stream)});
    assert.equal(String(decoded.stderr), "");
    const [width, height, read] = String(decoded.stdout).trim().split(",").map(Number);
    assert.deepEqual([width, height], [640, 360]);
    assert.ok(read >= frames - 2, `${read} of ${frames} frames`);
    assert.equal(await host.stop(), 0);
    await eventually("the session's end", () => server.requests.includes("DELETE /session/0"));
    assert.match(host.log, /whip http:\/\/127\.0\.0\.1:\d+\/whip:/);
    assert.doesNotMatch(host.log, /tk-secret|room=1|trying again/);
    await server.close();
  },

  async sound() {
    const server = new Server({reports: true});
    const folder = mkdtempSync(join(tmpdir(), "lumen-whip-"));
    const trace = join(folder, "trace.json");
    host = new Host(`http://127.0.0.1:${await server.listen()}/whip`, "--audio", "synthetic",
      "--trace", trace);
    await eventually("five seconds of sound", () => server.session?.sound.length > 500);
    const {offer, reports, sound, stream, times, captured} = server.session;
    for (const line of ["a=group:BUNDLE 0 1", "m=audio 9 UDP/TLS/RTP/SAVPF 111",
      "a=rtpmap:111 opus/48000/2", "a=msid:lumen audio", "a=msid:lumen video"]) {
      assert.ok(offer.split("\r\n").includes(line), line);
    }
    assert.equal(offer.match(/a=rtcp-mux/g).length, 2);
    assert.equal(new Set(offer.match(/cname:\S+/g)).size, 1);  // receivers synchronize by it
    for (let i = 1; i < sound.length; ++i) {
      assert.equal((sound[i].timestamp - sound[i - 1].timestamp) >>> 0, kSamplesPerPacket);
    }
    await eventually("a report of each", () => reports.video.length > 0 && reports.audio.length > 0);
    assert.equal(await host.stop(), 0);

    // Beeps belong to whole seconds, pictures to when they were made.
    const beeps = beepsIn(sound.map(({payload}) => payload)).map((at) =>
      monotonic(reports.audio.at(-1), sound[0].timestamp + at * kRate, kRate));
    const late = beeps.map((at) => at - Math.round(at / 1000) * 1000);
    assert.ok(late.length >= 4, `${late.length} beeps`);
    const made = productionTimes(trace);
    rmSync(folder, {recursive: true});
    const behind = [];   // by sender reports
    const stamped = [];  // by what the pictures themselves say
    numbersIn(Buffer.concat(stream)).forEach((number, i) => {
      if (!made.has(number)) return;
      behind.push(monotonic(reports.video.at(-1), times[i], 90000) - made.get(number));
      const wall = {wall: captured.get(times[i]), timestamp: 0};
      stamped.push(monotonic(wall, 0, 1) - made.get(number));
    });
    assert.ok(behind.length > 100, `${behind.length} pictures were recognized`);
    const [soundLate, pictureLate, stampLate] = [late, behind, stamped].map(median);
    console.log(`sound ${soundLate.toFixed(2)} ms late, pictures ${pictureLate.toFixed(2)} ms, ` +
      `by their capture times ${stampLate.toFixed(2)} ms`);
    for (const off of late) assert.ok(Math.abs(off - pictureLate) < 20, `${late}`);
    for (const off of [...behind, ...stamped]) assert.ok(Math.abs(off) < 20, `${off}`);
    await server.close();
  },

  async "no-sound"() {
    const server = new Server({silent: true});
    host = new Host(`http://127.0.0.1:${await server.listen()}/whip`, "--audio", "synthetic");
    await eventually("frames", () => server.session?.frames > 60);
    assert.equal(server.session.sound.length, 0);
    assert.equal(server.sessions.length, 1);
    // The next session has the same server: nothing new is to be said.
    await server.session.connection.close();
    await eventually("another session", () => server.sessions.length > 1 && server.session.frames > 30);
    assert.equal(host.log.match(/takes no Opus/g)?.length, 1);
    assert.equal(await host.stop(), 0);
    await server.close();
  },

  async "key-frame"() {
    const server = new Server();
    host = new Host(`http://127.0.0.1:${await server.listen()}/whip`);
    await eventually("the first key frame", () => server.session?.keyFrames > 0);
    await sleep(1500);  // the one that was asked for at the beginning
    const before = server.session.keyFrames;
    await sleep(3000);
    assert.equal(server.session.keyFrames, before, "none comes unasked");
    server.session.askForKeyFrame();
    await eventually("another key frame", () => server.session.keyFrames > before, 2);
    await host.stop();
    await server.close();
  },

  async bandwidth() {
    // It knows no transport-wide feedback, but REMB.
    const server = new Server();
    host = new Host(`http://127.0.0.1:${await server.listen()}/whip`);
    const size = () => server.session.stream.reduce((sum, unit) => sum + unit.length, 0);
    const rate = async (seconds) => {
      const before = size();
      await sleep(seconds * 1000);
      return (size() - before) * 8 / seconds;
    };
    await eventually("frames", () => server.session?.frames > 60);
    assert.match(server.session.offer, /a=rtcp-fb:96 goog-remb/);
    const free = await rate(2);
    const ask = setInterval(() => server.session.tracks.video.requestBitrate(500_000), 300);
    await sleep(2000);
    const narrow = await rate(3);
    clearInterval(ask);
    console.log(`${(free / 1e6).toFixed(2)} Mb/s, asked for 0.5: ${(narrow / 1e6).toFixed(2)}`);
    assert.ok(free > 1_000_000, `${free}`);
    assert.ok(narrow < 600_000, `${narrow}`);
    await host.stop();
    await server.close();
  },

  async restart() {
    const first = new Server();
    const port = await first.listen();
    host = new Host(`http://127.0.0.1:${port}/whip`, "--verbose");
    await eventually("frames", () => first.session?.frames > 30);
    await first.close();
    await eventually("the loss to be noticed", () => /trying again/.test(host.log));
    await sleep(1000);
    const second = new Server();
    await second.listen(port);
    await eventually("frames again", () => second.session?.frames > 30, 30);
    assert.equal(host.log.match(/transport_error/g).length, 1, "told once, however often it is tried");
    assert.equal(host.log.match(/sender_started.*connected/g).length, 1);
    assert.equal(await host.stop(), 0);
    await second.close();
  },

  async "late-server"() {
    const server = new Server();
    const port = await server.listen();
    await server.close();
    host = new Host(`http://127.0.0.1:${port}/whip`);
    await eventually("a refused connection", () => /can't be reached.*trying again/.test(host.log));
    const later = new Server();
    await later.listen(port);
    await eventually("frames", () => later.session?.frames > 30);
    await host.stop();
    await later.close();
  },

  async unauthorized() {
    const server = new Server({token: "tk-secret"});
    const port = await server.listen();
    host = new Host(`http://127.0.0.1:${port}/whip?token=tk-wrong`);
    assert.equal(await host.ended, 5);
    assert.match(host.log, /refuses with 401: who are you\? \(check the token/);
    assert.doesNotMatch(host.log, /tk-wrong/);
    assert.equal(server.requests.filter((line) => line.startsWith("POST")).length, 1);
    await server.close();
  },

  async "unauthorized-later"() {
    // While nobody is there to publish to, the source rests.
    const gone = new Server();
    const port = await gone.listen();
    await gone.close();
    host = new Host(`http://127.0.0.1:${port}/whip?token=tk-wrong`);
    await sleep(6000);
    const server = new Server({token: "tk-secret"});
    await server.listen(port);
    assert.equal(await Promise.race([host.ended, sleep(20000)]), 5);
    assert.match(host.log, /refuses with 401/);
    await server.close();
  },

  async redirected() {
    const server = new Server({redirect: true, token: "tk-secret"});
    host = new Host(`http://127.0.0.1:${await server.listen()}/whip?token=tk-secret`);
    await eventually("frames", () => server.session?.frames > 30);
    assert.ok(server.requests.includes("POST /moved"));
    await host.stop();
    await server.close();
  },

  async "ice-servers"() {
    // The STUN server that the endpoint names is asked for this machine's address (RFC 8489).
    const address = Object.values(networkInterfaces()).flat()
      .find(({family, internal}) => family === "IPv4" && !internal)?.address;
    if (!address) {
      console.log("SKIPPED: this machine has no address but the loopback one");
      process.exit(77);
    }
    const stun = createSocket("udp4");
    let asked = false;
    stun.on("message", (message) => {
      asked ||= message.readUInt16BE(0) === 1 && message.readUInt32BE(4) === 0x2112a442;
    });
    await new Promise((resolve) => stun.bind(0, address, resolve));
    const server = new Server({links: `<stun:${address}:${stun.address().port}>; rel="ice-server"`});
    host = new Host(`http://127.0.0.1:${await server.listen()}/whip`);
    await eventually("frames", () => server.session?.frames > 30);
    assert.ok(asked, "the STUN server was asked");
    await host.stop();
    stun.close();
    await server.close();
  },

  async "leaks-nothing"() {
    // Another origin that is redirected to gets no token, and so refuses.
    const elsewhere = new Server({token: "tk-secret"});
    const place = `http://localhost:${await elsewhere.listen()}/whip`;
    const {createServer} = await import("node:http");
    const front = createServer((request, response) => {
      response.writeHead(308, {Location: place}).end();
    });
    const port = await new Promise((resolve) => {
      front.listen(0, "127.0.0.1", () => resolve(front.address().port));
    });
    host = new Host(`http://127.0.0.1:${port}/whip?token=tk-secret`);
    assert.equal(await host.ended, 5);
    assert.match(host.log, /refuses with 401/);
    front.close();
    await elsewhere.close();
  },

  async "goes-on"() {
    // What one server does is nothing to the others.
    const server = new Server();
    const broken = new Server({status: 503});
    host = new Host(`http://127.0.0.1:${await broken.listen()}/whip`, "--sink",
      `whip:http://127.0.0.1:${await server.listen()}/whip`);
    await eventually("frames", () => server.session?.frames > 100);
    assert.match(host.log, /refuses with 503: not today.*trying again/);
    assert.equal(await host.stop(), 0);
    await server.close();
    await broken.close();
  },
};

assert.ok(cases[wanted], `no such case; there are ${Object.keys(cases).join(" ")}`);
try {
  await cases[wanted]();
  console.log(`${wanted}: ok`);
  process.exit(0);
} catch (error) {
  console.error(error);
  if (host) console.error(host.log);
  host?.process.kill("SIGKILL");
  process.exit(1);
}
