import type { Socket } from "node:net";

/** What a connection turns out to speak; "undecided" while its bytes so far fit both. */
export type Opening = "http1" | "http2" | "undecided";

/** What every HTTP/2 client sends first (RFC 9113, section 3.4). No HTTP/1.1 request begins so. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Tells what a connection speaks from the bytes it has sent so far, however few they are. */
export function openingOf(bytes: Uint8Array): Opening {
  const compared = Math.min(bytes.length, preface.length);
  if (preface.compare(bytes, 0, compared, 0, compared) !== 0) {
    return "http1";
  }
  return compared === preface.length ? "http2" : "undecided";
}

/**
 * Reads a new connection until it is clear what it speaks, puts the bytes back and hands it over, once. A
 * connection that ends, fails or stays undecided for `timeoutMs` is destroyed and never handed over.
 */
export function sniff(
  socket: Socket,
  timeoutMs: number,
  handOver: (opening: "http1" | "http2") => void,
): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.on("readable", read);
  socket.on("end", giveUp);
  socket.on("close", settle);

  function read(): void {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      seen = Buffer.concat([seen, chunk]);
    }
    const opening = openingOf(seen);
    if (opening === "undecided" || seen.length === 0) {
      return;
    }
    settle();
    socket.unshift(seen);
    handOver(opening);
  }

  function giveUp(): void {
    settle();
    socket.destroy();
  }

  function settle(): void {
    clearTimeout(timer);
    socket.off("readable", read);
    socket.off("end", giveUp);
    socket.off("close", settle);
  }
}
