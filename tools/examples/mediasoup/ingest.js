'use strict';
// Takes one stream of lumen's, picture and sound, into a mediasoup router, by plain RTP.

const crypto = require('node:crypto');
const mediasoup = require('mediasoup');

const extensions = {
  twcc: { id: 3, uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01' },
  'abs-capture-time': { id: 4, uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time' },
};

const codec = {
  kind: 'video',
  mimeType: 'video/H264',
  clockRate: 90000,
  // What every browser knows, and what lumen makes with --profile baseline.
  parameters: { 'packetization-mode': 1, 'profile-level-id': '42e01f', 'level-asymmetry-allowed': 1 },
};

const opus = { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2 };

/**
 * Resolves to { worker, router, transport, producer, sound, sink }; `sound` is the producer of it; `sink` is what lumen-host takes.
 * keyFrameRequest: 'nack pli' or 'ccm fir'.
 */
async function ingest({ ip = '127.0.0.1', port = 0, keyFrameRequest = 'nack pli' } = {}) {
  const worker = await mediasoup.createWorker({ logLevel: 'warn' });
  const router = await worker.createRouter({ mediaCodecs: [codec, opus] });
  const listen = (at) => router.createPlainTransport({
    listenInfo: { protocol: 'udp', ip, ...(at ? { port: at } : {}) },
    rtcpMux: true,
    comedia: true,  // whoever sends first is the one to answer
  });
  const transport = await listen(port);
  const soundTransport = await listen(port && port + 1);
  const payloadType = 96;
  const ssrc = crypto.randomBytes(4).readUInt32BE();
  const [type, parameter] = keyFrameRequest.split(' ');
  const producer = await transport.produce({
    kind: 'video',
    // However many come at once, they get one key frame in a second.
    keyFrameRequestDelay: 1000,
    rtpParameters: {
      codecs: [{
        ...codec,
        payloadType,
        rtcpFeedback: [
          { type: 'nack' },
          { type, parameter },
          { type: 'transport-cc' },
        ],
      }],
      headerExtensions: Object.values(extensions),
      encodings: [{ ssrc }],
    },
  });
  const soundType = 97;
  const soundSsrc = crypto.randomBytes(4).readUInt32BE();
  const sound = await soundTransport.produce({
    kind: 'audio',
    rtpParameters: {
      codecs: [{ ...opus, payloadType: soundType, parameters: { 'sprop-stereo': 1 } }],
      encodings: [{ ssrc: soundSsrc }],
    },
  });
  const ids = Object.entries(extensions).map(([name, { id }]) => `${name}=${id}`).join('&');
  const sink = `rtp:${ip}:${transport.tuple.localPort}?mux=1&pt=${payloadType}&ssrc=${ssrc}&${ids}` +
    `&audio-port=${soundTransport.tuple.localPort}&audio-pt=${soundType}&audio-ssrc=${soundSsrc}`;
  return { worker, router, transport, producer, sound, sink };
}

module.exports = { ingest };
