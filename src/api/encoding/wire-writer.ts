/** How large the buffer is to begin with; it grows with the largest message. */
const initialBytes = 64 * 1024;
/** Above this the native way of writing a text is the faster one. */
const shortTextLength = 48;

/** Writes what protobuf messages are made of, one message after the other into the same buffer. */
export class WireWriter {
  #bytes = Buffer.allocUnsafeSlow(initialBytes);
  #at = 0;

  /** Begins a message, behind so many bytes that are for others to fill in. */
  begin(reservedBytes = 0): void {
    this.#at = reservedBytes;
  }

  /** The bytes of the message, which are the caller's own. */
  finish(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#at);
    this.#bytes.copy(bytes, 0, 0, this.#at);
    // One large message must not hold its memory for ever.
    if (this.#bytes.length > 16 * initialBytes) this.#bytes = Buffer.allocUnsafeSlow(initialBytes);
    return bytes;
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    this.#reserve(10);
    const bytes = this.#bytes;
    let rest = value;
    let at = this.#at;
    while (rest >= 128) {
      bytes[at] = (rest % 128) + 128;
      at += 1;
      rest = Math.floor(rest / 128);
    }
    bytes[at] = rest;
    this.#at = at + 1;
  }

  /** A whole number of 32 bits, with a sign or without. */
  integer(value: number): void {
    if (value >= 0) this.varint(value);
    else this.integer64(BigInt(value));
  }

  /** A whole number of 64 bits, with a sign or without. */
  integer64(value: bigint): void {
    const plain = Number(value);
    if (plain >= 0 && plain <= Number.MAX_SAFE_INTEGER) {
      this.varint(plain);
      return;
    }
    let rest = BigInt.asUintN(64, value);
    this.#reserve(10);
    for (; rest >= 128n; rest >>= 7n) {
      this.#bytes[this.#at] = Number(rest & 127n) + 128;
      this.#at += 1;
    }
    this.#bytes[this.#at] = Number(rest);
    this.#at += 1;
  }

  /** A number with a fraction. */
  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** A text, with its length. */
  text(text: string): void {
    const { length } = text;
    this.#reserve(3 * length + 10);
    if (length <= shortTextLength && this.#ascii(text)) return;
    const start = this.open();
    this.#at += this.#bytes.write(text, this.#at, "utf8");
    this.close(start);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Begins something whose length stands before it; returns where, for `close`. */
  open(): number {
    this.#reserve(1);
    this.#at += 1;
    return this.#at;
  }

  /** Ends it: its length is written, and it is moved if that takes more than one byte. */
  close(start: number): void {
    const length = this.#at - start;
    if (length < 128) {
      this.#bytes[start - 1] = length;
      return;
    }
    const more = length < 16_384 ? 1 : length < 2_097_152 ? 2 : length < 268_435_456 ? 3 : 4;
    this.#reserve(more);
    this.#bytes.copyWithin(start + more, start, this.#at);
    this.#at = start - 1;
    this.varint(length);
    this.#at += length;
  }

  /** Writes a short text if it is of one byte a character. */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code >= 128) return false;
      bytes[start + index] = code;
    }
    bytes[start - 1] = text.length;
    this.#at = start + text.length;
    return true;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + count));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
