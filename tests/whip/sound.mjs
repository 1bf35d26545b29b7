// What is heard in packets of Opus, by way of an Ogg file (RFC 3533, RFC 7845) that FFmpeg decodes.

import {spawnSync} from "node:child_process";

export const kSamplesPerPacket = 480;  // 10 ms
export const kRate = 48000;

// Where in the sound, in seconds of it, beeps begin (capture/audio/beep.h: a second apart).
export function beepsIn(payloads) {
  const decoded = spawnSync("ffmpeg", ["-v", "error", "-f", "ogg", "-i", "-", "-ac", "1", "-f", "f32le", "-"],
    {input: ogg(payloads), maxBuffer: 1 << 28});
  if (decoded.status !== 0) throw new Error(`FFmpeg: ${decoded.stderr}`);
  const beeps = [];
  let quiet = 0;  // samples for which nothing was heard
  for (let i = 0; 4 * i + 4 <= decoded.stdout.length; ++i) {
    const loud = Math.abs(decoded.stdout.readFloatLE(4 * i)) > 0.05;
    if (loud && quiet > kRate / 2) beeps.push(i / kRate);
    quiet = loud ? 0 : quiet + 1;
  }
  return beeps;
}

function ogg(payloads) {
  const head = Buffer.from("OpusHead\x01\x02\0\0\0\0\0\0\0\0\0", "latin1");  // stereo, nothing to skip
  head.writeUInt32LE(kRate, 12);
  const tags = Buffer.from("OpusTags\0\0\0\0\0\0\0\0", "latin1");
  return Buffer.concat([page(head, 0, 0, 2), page(tags, 1, 0, 0),
    ...payloads.map((payload, i) =>
      page(payload, i + 2, (i + 1) * kSamplesPerPacket, i + 1 === payloads.length ? 4 : 0))]);
}

function page(payload, sequence, position, flags) {
  const segments = Math.floor(payload.length / 255) + 1;
  const header = Buffer.alloc(27 + segments, 255);
  header.fill(0, 0, 27);
  header.write("OggS");
  header[5] = flags;
  header.writeBigUInt64LE(BigInt(position), 6);
  header.writeUInt32LE(sequence, 18);
  header[26] = segments;
  header[26 + segments] = payload.length % 255;
  const whole = Buffer.concat([header, payload]);
  whole.writeUInt32LE(crc32(whole), 22);
  return whole;
}

function crc32(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; ++bit) crc = crc << 1 ^ (crc & 0x80000000 ? 0x04c11db7 : 0);
  }
  return crc >>> 0;
}
