// Has the picture come out with the sound. By themselves browsers do that only roughly: Chromium
// leaves differences below 30 ms as they are (kMinDeltaMs in WebRTC's stream_synchronization.cc).

const kTogether = 6;   // ms that are close enough
const kShare = 0.5;    // of what is missing, each time
const kLongest = 400;  // ms; the host asks for no more, either

export class LipSync {
  #seen = [];

  // receiver: the picture's; picture and sound: their figures of getStats() (inbound-rtp); buffer: ms
  // that pictures wait now. Sets how long they are to.
  adjust(receiver, picture, sound, buffer) {
    const ahead = picture?.estimatedPlayoutTimestamp - sound?.estimatedPlayoutTimestamp;
    if (!Number.isFinite(ahead) || !Number.isFinite(buffer)) return;
    this.#seen.push(ahead);
    if (this.#seen.length < 3) return;
    const median = this.#seen.sort((a, b) => a - b)[1];
    this.#seen = [];
    if (Math.abs(median) <= kTogether) return;
    receiver.jitterBufferTarget = Math.round(Math.min(kLongest, Math.max(0, buffer + kShare * median)));
  }

  // Nobody hears: the picture waits for nothing.
  rest(receiver) {
    this.#seen = [];
    if (receiver.jitterBufferTarget !== 0) receiver.jitterBufferTarget = 0;
  }
}
