'use strict';
// mediasoup as a test's SFU: prints "sink SINK", waits for the stream, lets a consumer join and leave,
// and prints "result JSON".
//   node mediasoup_peer.js INGEST.JS SECONDS JOINS 'nack pli'|'ccm fir'

const [, , ingestFile, seconds, joins, keyFrameRequest] = process.argv;
const { ingest } = require(ingestFile);
const { setTimeout: pause } = require('node:timers/promises');

async function main() {
  const { router, transport, producer, sound, sink } = await ingest({ keyFrameRequest });
  const direct = await router.createDirectTransport();
  const keyFrames = [];  // when each came, one for each RTP time
  let last;
  await producer.enableTraceEvent(['keyframe', 'pli', 'fir']);
  const asked = { pli: 0, fir: 0 };
  producer.on('trace', ({ type, info }) => {
    if (type !== 'keyframe') {
      ++asked[type];
    } else if (last !== info.rtpPacket.timestamp) {
      last = info.rtpPacket.timestamp;
      keyFrames.push(Date.now());
    }
  });
  console.log(`sink ${sink}`);

  while (!(await producer.getStats())[0]?.packetCount) await pause(20);
  await pause(1000);
  const begin = Date.now();
  const whole = keyFrames.length;
  const waits = [];  // of consumers for their first key frame, in ms
  for (let i = 0; i < Number(joins); ++i) {
    const joined = Date.now();
    const consumer = await direct.consume({
      producerId: producer.id,
      rtpCapabilities: router.rtpCapabilities,
    });
    consumer.once('rtp', () => waits.push(Date.now() - joined));
    await pause(Math.max(0, begin + ((i + 1) * Number(seconds) * 1000) / (Number(joins) + 1) - Date.now()));
    consumer.close();
  }
  await pause(Math.max(0, begin + Number(seconds) * 1000 - Date.now()));

  const [stats] = await producer.getStats();
  const [heard] = await sound.getStats();
  const [transportStats] = await transport.getStats();
  console.log(`result ${JSON.stringify({
    packets: stats.packetCount,
    lost: stats.packetsLost,
    score: stats.score,
    asked,
    keyFrames: keyFrames.length - whole,
    seconds: (Date.now() - begin) / 1000,
    waits,
    sound: { packets: heard?.packetCount ?? 0, lost: heard?.packetsLost ?? 0, score: heard?.score ?? 0 },
    feedbackBytes: transportStats.bytesSent,
  })}`);
  process.exit(0);
}

main();
