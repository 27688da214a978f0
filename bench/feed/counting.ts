/** Counts what the frames of one gRPC stream of WatchEvents have, without decoding an event. */
export class Counting {
  eventCount = 0;
  frameCount = 0;
  byteCount = 0;
  isAtHead = false;
  #rest: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): void {
    this.byteCount += chunk.length;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 5) {
      const end = 5 + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      this.#count(bytes, 5, end);
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }

  /** The fields of WatchEventsResponse: 1 is an event, 3 says that this is the head. */
  #count(bytes: Buffer, start: number, end: number): void {
    this.frameCount += 1;
    for (let at = start; at < end; ) {
      const tag = bytes[at] ?? 0;
      let value = 0;
      let shift = 0;
      at += 1;
      for (;;) {
        const byte = bytes[at] ?? 0;
        at += 1;
        value += (byte & 127) * 2 ** shift;
        shift += 7;
        if (byte < 128) break;
      }
      if (tag >> 3 === 1) this.eventCount += 1;
      if (tag >> 3 === 3) this.isAtHead = value === 1;
      if ((tag & 7) === 2) at += value;
    }
  }
}
