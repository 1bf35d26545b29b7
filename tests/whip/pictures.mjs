// The numbers in the synthetic source's pictures (capture/synthetic/barcode.h).

import {spawnSync} from "node:child_process";

const kColumns = 24;
const kCell = 8;  // pixels of a cell's side, after scaling

// From H.264 in Annex B; null for a picture that can't be read.
export function numbersIn(stream) {
  const width = kColumns * kCell;
  const height = 2 * kCell;
  const decoded = spawnSync("ffmpeg", ["-v", "error", "-f", "h264", "-i", "-", "-fps_mode", "passthrough",
    "-vf", `crop=iw:ih/8:0:0,scale=${width}:${height}`, "-pix_fmt", "gray", "-f", "rawvideo", "-"],
    {input: stream, maxBuffer: 1 << 28});
  const numbers = [];
  for (let at = 0; at + width * height <= decoded.stdout.length; at += width * height) {
    const bit = (row, column) =>
      decoded.stdout[at + (row * kCell + kCell / 2) * width + column * kCell + kCell / 2] > 127 ? 1 : 0;
    numbers.push(numberOf(bit));
  }
  return numbers;
}

function numberOf(bit) {
  for (const [row, column, value] of [[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 22, 1], [0, 23, 0],
    [1, 22, 0], [1, 23, 1]]) {
    if (bit(row, column) !== value) return null;
  }
  let code = 0n;
  for (const row of [0, 1]) {
    for (let column = 2; column < kColumns - 2; ++column) code = code << 1n | BigInt(bit(row, column));
  }
  const number = Number(code >> 8n);
  return Number(code & 0xffn) === crc8(number) ? number : null;
}

function crc8(number) {
  let crc = 0xff;
  for (const shift of [24, 16, 8, 0]) {
    crc ^= number >>> shift & 0xff;
    for (let bit = 0; bit < 8; ++bit) crc = (crc << 1 ^ (crc & 0x80 ? 0x07 : 0)) & 0xff;
  }
  return crc;
}
