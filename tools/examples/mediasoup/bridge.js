'use strict';
// An SFU that takes streams by WHIP and gives them to any number of viewers by WHEP:
//   node bridge.js [IP [PORT]]
// POST /whip/NAME publishes, POST /whep/NAME watches, DELETE of the Location ends either; /?NAME is a page
// that watches. For trying things out: it asks nobody who they are.

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const mediasoup = require('mediasoup');
const { parseOffer, writeAnswer } = require('./sdp.js');

const codecs = [
  {
    kind: 'video',
    mimeType: 'video/H264',
    clockRate: 90000,
    parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
  },
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2 },
];

const mostBytes = 64 * 1024;

/** The one of the offered codecs that the SFU forwards. */
const forwarded = ({ kind, codecs: offered }) => offered.find(({ mimeType, parameters }) => {
  const known = codecs.find((codec) => codec.kind === kind)?.mimeType.toLowerCase();
  return mimeType.toLowerCase() === known && (kind === 'audio' || (parameters['packetization-mode'] === 1 &&
    /^42[ce]0/.test(parameters['profile-level-id'])));
});

class Bridge {
  #streams = new Map();   // by name: { router, producers }
  #sessions = new Map();  // by their path: what ends them

  constructor(worker, ip) {
    this.worker = worker;
    this.ip = ip;
  }

  async #transport(router, { fingerprints }) {
    const transport = await router.createWebRtcTransport({ listenInfos: [{ protocol: 'udp', ip: this.ip }] });
    // The offer leaves open who begins (actpass): it is to be the other side.
    await transport.connect({ dtlsParameters: { role: 'client', fingerprints } });
    return transport;
  }

  #session(kind, name, end) {
    const location = `/${kind}/${name}/${crypto.randomUUID()}`;
    this.#sessions.set(location, () => {
      this.#sessions.delete(location);
      end();
    });
    return location;
  }

  end(location) {
    const end = this.#sessions.get(location);
    end?.();
    return Boolean(end);
  }

  async publish(name, text) {
    const offer = parseOffer(text);
    const router = await this.worker.createRouter({ mediaCodecs: codecs });
    try {
      const transport = await this.#transport(router, offer);
      const known = router.rtpCapabilities.headerExtensions.map(({ uri }) => uri);
      const accepted = new Map();
      const producers = [];
      for (const media of offer.media) {
        const codec = forwarded(media);
        if (!codec || !media.ssrc) continue;
        const rtx = media.codecs.find(({ parameters }) => parameters.apt === codec.payloadType);
        const rtpParameters = {
          mid: media.mid,
          codecs: [codec, ...(rtx ? [rtx] : [])],
          headerExtensions: media.headerExtensions.filter(({ uri }) => known.includes(uri)),
          encodings: [{ ssrc: media.ssrc, ...(rtx && media.rtxSsrc ? { rtx: { ssrc: media.rtxSsrc } } : {}) }],
          rtcp: { cname: media.cname },
        };
        // However many viewers come at once, they get one key frame in a second.
        producers.push(await transport.produce({ kind: media.kind, rtpParameters, keyFrameRequestDelay: 1000 }));
        accepted.set(media.mid, { direction: 'recvonly', rtpParameters });
      }
      if (producers.length === 0) throw new Error('the offer has neither H.264 nor Opus');
      this.#streams.get(name)?.router.close();
      const stream = { router, producers };
      this.#streams.set(name, stream);
      const location = this.#session('whip', name, () => {
        if (this.#streams.get(name) === stream) this.#streams.delete(name);
        router.close();
      });
      return { location, answer: writeAnswer(offer, transport, accepted) };
    } catch (error) {
      router.close();
      throw error;
    }
  }

  // WHEP's offers number the formats; a router of mediasoup's numbers them for all who listen to it. So each
  // viewer has a router of its own, with the viewer's numbers.
  async watch(name, text) {
    const stream = this.#streams.get(name);
    if (!stream) return null;
    const offer = parseOffer(text);
    const wanted = offer.media.map((media) => ({
      media,
      codec: forwarded(media),
      producer: stream.producers.find(({ kind }) => kind === media.kind),
    })).filter(({ codec, producer }) => codec && producer);
    if (wanted.length === 0) throw new Error('the offer asks for neither H.264 nor Opus');
    const capabilities = wanted.map(({ media: { kind }, codec: { payloadType, ...codec } }) => (
      { ...codec, kind, preferredPayloadType: payloadType }));
    const router = await this.worker.createRouter({ mediaCodecs: capabilities });
    try {
      const transport = await this.#transport(router, offer);
      const accepted = new Map();
      for (const { media, producer } of wanted) {
        const { pipeProducer } = await stream.router.pipeToRouter({
          producerId: producer.id,
          router,
          keepId: false,  // a worker knows one producer by each
        });
        const { rtpParameters } = await transport.consume({
          producerId: pipeProducer.id,
          mid: media.mid,
          rtpCapabilities: {
            codecs: capabilities,
            headerExtensions: media.headerExtensions.map(({ id, uri }) => (
              { kind: media.kind, uri, preferredId: id })),
          },
        });
        accepted.set(media.mid, { direction: 'sendonly', rtpParameters });
      }
      const location = this.#session('whep', name, () => router.close());
      transport.on('icestatechange', (state) => state === 'disconnected' && this.end(location));
      return { location, answer: writeAnswer(offer, transport, accepted) };
    } catch (error) {
      router.close();
      throw error;
    }
  }
}

async function bodyOf(request) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > mostBytes) throw new Error('the offer is too large');
  }
  return body;
}

async function respond(bridge, request, reply) {
  const { pathname } = new URL(request.url, 'http://bridge');
  const [, kind, name] = /^\/(whip|whep)\/([\w-]+)$/.exec(pathname) ?? [];
  if (request.method === 'GET' && pathname === '/') {
    reply(200, { 'Content-Type': 'text/html' }, fs.readFileSync(path.join(__dirname, 'viewer.html')));
  } else if (request.method === 'OPTIONS') {
    reply(204);
  } else if (request.method === 'DELETE') {
    reply(bridge.end(pathname) ? 200 : 404);
  } else if (request.method !== 'POST' || !kind) {
    reply(404);
  } else {
    const offer = await bodyOf(request);
    const session = await (kind === 'whip' ? bridge.publish(name, offer) : bridge.watch(name, offer));
    if (!session) return reply(404, {}, `nobody publishes ${name}`);
    reply(201, { 'Content-Type': 'application/sdp', Location: session.location }, session.answer);
  }
}

async function main() {
  const [ip = '127.0.0.1', port = '0'] = process.argv.slice(2);
  const worker = await mediasoup.createWorker({ logLevel: 'warn' });
  worker.on('died', () => process.exit(1));
  const bridge = new Bridge(worker, ip);
  const server = http.createServer((request, response) => {
    const reply = (status, headers = {}, body = '') => response.writeHead(status, headers).end(body);
    respond(bridge, request, reply).catch((error) => reply(400, {}, error.message));
  });
  server.listen(Number(port), ip, () => {
    const base = `http://${ip}:${server.address().port}`;
    console.log(`lumen-host stream --sink whip:${base}/whip/live`);
    console.log(`watch at ${base}/?live`);
  });
}

main();
