'use strict';
// An SFU that waits for a stream of lumen's: prints the command to run, then once a second what comes.
// What you add is the other side: WebRTC transports whose consumers take `producer.id`.
//   node server.js [IP [PORT]]

const { ingest } = require('./ingest.js');

async function main() {
  const [ip, port] = process.argv.slice(2);
  const { worker, producer, sound, sink } = await ingest({ ip, port: Number(port ?? 0) });
  worker.on('died', () => process.exit(1));
  console.log(`lumen-host stream --profile baseline --sink "${sink}"`);
  let bytes = 0;
  setInterval(async () => {
    const [stats] = await producer.getStats();
    const [heard] = await sound.getStats();
    if (!stats) return;
    const rate = ((stats.byteCount - bytes) * 8) / 1e6;
    bytes = stats.byteCount;
    console.log(`${rate.toFixed(1)} Mb/s, score ${stats.score}, ${stats.packetsLost} packets lost, ` +
      `${stats.pliCount + stats.firCount} key frames asked for, ${heard ? 'sound' : 'no sound'}`);
  }, 1000);
}

main();
