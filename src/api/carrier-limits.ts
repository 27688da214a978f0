/**
 * The bounds of what carries calls, each with its reason. A value is the same for every connection and call.
 */
export const carrierLimits = {
  /** 8 MiB: a request may carry several inline values of 1 MiB each; what is larger travels by reference. */
  messageBytesMax: 8 * 1024 * 1024,

  /**
   * 10 s: a client that connects speaks at once; this allows for a slow network and bounds what a silent one
   * costs.
   */
  firstBytesTimeoutMs: 10_000,

  /**
   * 10 s for all headers of an HTTP/1.1 request, so that one sent byte by byte does not hold its connection.
   */
  headersTimeoutMs: 10_000,

  /** 60 s for the whole of a request with one message, on either HTTP: enough for 8 MiB at 1.2 Mbit/s. */
  requestTimeoutMs: 60_000,

  /** 5 s between looks at which requests are late: a late request is cut at most this much later. */
  lateRequestCheckMs: 5_000,

  /**
   * 120 s: an idle HTTP/1.1 connection outlives the 60 s that common load balancers keep theirs and the 90 s
   * of common clients, not the reverse.
   */
  idleConnectionMs: 120_000,

  /** 16 KiB of headers: room for tokens and tracing; both HTTP versions refuse more. */
  headerBytesMax: 16 * 1024,

  /**
   * 10,000 connections of about 10 KB each; a client needs one or two. More are closed as soon as they open.
   */
  connectionsMax: 10_000,

  /**
   * 4,096 calls open at a time on one HTTP/2 connection; a client that has more waits, or opens a second one.
   */
  streamsPerConnectionMax: 4_096,

  /** 64 MiB of buffers in one HTTP/2 connection; beyond it the connection's new calls are refused. */
  connectionMemoryMib: 64,

  /**
   * 256 KiB in flight per call from a client: fills 100 Mbit/s at 20 ms, and bounds what an unread stream
   * holds.
   */
  streamWindowBytes: 256 * 1024,

  /** 1 MiB in flight per connection: several calls send at full speed side by side. */
  connectionWindowBytes: 1024 * 1024,

  /** 20 s between pings on an HTTP/2 connection: under the idle limits of common proxies, and cheap. */
  pingIntervalMs: 20_000,

  /** 10 s for the answer to a ping; a peer that takes longer is gone, and its connection is closed. */
  pingTimeoutMs: 10_000,

  /** 500 ms for connections to close by themselves after their last call, before they are destroyed. */
  closeGraceMs: 500,

  /**
   * 4 KiB of listed violations: with base64 and other facts they stay under gRPC's usual 8 KiB of trailers.
   */
  violationBytesMax: 4 * 1024,
} as const;

/** The bounds of a carrier; tests give smaller ones. */
export type CarrierLimits = { readonly [Name in keyof typeof carrierLimits]: number };
