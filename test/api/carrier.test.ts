import { connect as connectHttp2, constants } from "node:http2";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import type { ConnectRouter, Transport } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { createChannel, createClient as createNiceClient } from "nice-grpc";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { openingOf } from "../../src/api/carrier/sniff.ts";
import { collect, keptLog, openCarrier, openRaw } from "../support/carrier.ts";
import { grpcJsClient, grpcJsDefinition } from "../support/grpc-js.ts";

const { SERVING } = ServingStatus;

/** One method of each shape, over protos that are there anyway. */
function echo(router: ConnectRouter): void {
  router.service(Health, {
    check: () => ({ status: SERVING }),
    async *watch() {
      for (let frame = 0; frame < 3; frame += 1) {
        yield { status: SERVING };
      }
    },
  });
  router.service(ServerReflection, {
    async *serverReflectionInfo(questions) {
      for await (const { host } of questions) {
        yield { validHost: host };
      }
    },
  });
}

/** The bytes of an HTTP/1.1 request with a JSON body. */
function post(
  path: string,
  body: string,
  headers: readonly string[] = ["content-type: application/json"],
): string {
  return [
    `POST ${path} HTTP/1.1`,
    "host: localhost",
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}

const check = "/grpc.health.v1.Health/Check";
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("one port serves", () => {
  const transports: { name: string; open: (baseUrl: string) => Transport }[] = [
    { name: "gRPC", open: (baseUrl) => createGrpcTransport({ baseUrl }) },
    {
      name: "gRPC-Web over HTTP/2",
      open: (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    },
    {
      name: "gRPC-Web over HTTP/1.1",
      open: (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    },
    { name: "Connect over HTTP/2", open: (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }) },
    {
      name: "Connect over HTTP/1.1",
      open: (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    },
    {
      name: "Connect as JSON over HTTP/1.1",
      open: (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
    },
  ];

  test.each(transports)("$name: a call and a stream from the server", async ({ open }) => {
    const carrier = await openCarrier(echo);
    const client = createClient(Health, open(carrier.address.url));
    expect(await client.check({})).toMatchObject({ status: SERVING });
    expect(await collect(client.watch({}))).toHaveLength(3);
  });

  const overHttp2 = transports.filter(({ name }) => !name.includes("1.1"));
  test.each(overHttp2)("$name: a stream both ways", async ({ open }) => {
    const carrier = await openCarrier(echo);
    const client = createClient(ServerReflection, open(carrier.address.url));
    async function* ask() {
      yield { host: "a" };
      yield { host: "b" };
    }
    const answers = await collect(client.serverReflectionInfo(ask()));
    expect(answers.map(({ validHost }) => validHost)).toEqual(["a", "b"]);
  });

  test("grpc-js: a call, and a stream both ways", async () => {
    const carrier = await openCarrier(echo);
    const address = `127.0.0.1:${carrier.address.port}`;
    const health = grpcJsClient(Health, address);
    const reflection = grpcJsClient(ServerReflection, address);
    onTestFinished(() => {
      health.close();
      reflection.close();
    });
    const answered = await new Promise((resolve, reject) =>
      health.check({}, (error, response) => (error === null ? resolve(response) : reject(error))),
    );
    expect(answered).toMatchObject({ status: SERVING });
    const stream = reflection.serverReflectionInfo();
    stream.write({ host: "a" });
    stream.write({ host: "b" });
    stream.end();
    const answers = await collect<{ validHost: string }>(stream);
    expect(answers.map(({ validHost }) => validHost)).toEqual(["a", "b"]);
  });

  test("nice-grpc: a call, and a stream from the server", async () => {
    const carrier = await openCarrier(echo);
    const channel = createChannel(carrier.address.url);
    onTestFinished(() => channel.close());
    const client = createNiceClient(grpcJsDefinition(Health), channel);
    expect(await client.check({})).toMatchObject({ status: SERVING });
    expect(await collect(client.watch({}))).toHaveLength(3);
  });

  test("curl: JSON by POST over HTTP/1.1, twice on one connection", async () => {
    const carrier = await openCarrier(echo);
    const raw = openRaw(carrier);
    raw.socket.write(post(check, "{}"));
    expect(await raw.received(/SERVING/)).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\{"status":"SERVING"\}/);
    raw.socket.write(post(check, "{}"));
    await raw.received(/SERVING[^]*SERVING/);
  });
});

describe("the first bytes of a connection", () => {
  test.each([
    { bytes: "", opening: "undecided" },
    { bytes: "P", opening: "undecided" },
    { bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r", opening: "undecided" },
    { bytes: preface, opening: "http2" },
    { bytes: `${preface}\0\0\0`, opening: "http2" },
    { bytes: "PO", opening: "http1" },
    { bytes: "PRI * HTTP/1.1", opening: "http1" },
    { bytes: "\x16\x03\x01", opening: "http1" },
  ])("$bytes: $opening", ({ bytes, opening }) => {
    expect(openingOf(Buffer.from(bytes, "latin1"))).toBe(opening);
  });

  test("may come one by one, for HTTP/1.1", async () => {
    const carrier = await openCarrier(echo);
    const raw = openRaw(carrier);
    await sendSlowly(raw.socket, post(check, "{}"));
    await raw.received(/SERVING/);
  });

  test("may come one by one, for HTTP/2", async () => {
    const carrier = await openCarrier(echo);
    const raw = openRaw(carrier);
    const emptySettings = "\0\0\0\x04\0\0\0\0\0";
    await sendSlowly(raw.socket, preface + emptySettings);
    // The server's own settings, and its acknowledgement of ours.
    await raw.received(/\0\0[^]\x04\0\0\0\0\0[^]*\0\0\0\x04\x01\0\0\0\0/);
  });

  test.each([
    { given: "garbage", bytes: "\xde\xad\xbe\xef\r\n\r\n", answer: /^HTTP\/1.1 400 Bad Request/ },
    {
      given: "a TLS hello",
      bytes: "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
      answer: /^HTTP\/1.1 400 Bad Request/,
    },
    {
      given: "an HTTP/2 preface and then garbage",
      bytes: `${preface}${"garbage ".repeat(9)}`,
      answer: /\x07/,
    },
    { given: "a broken request line", bytes: "POST\r\n\r\n", answer: /^HTTP\/1.1 400 Bad Request/ },
  ])("that are $given close this connection and no other", async ({ bytes, answer }) => {
    const carrier = await openCarrier(echo);
    const raw = openRaw(carrier);
    raw.socket.write(Buffer.from(bytes, "latin1"));
    expect(await raw.closed).toMatch(answer);
    const client = createClient(Health, createGrpcTransport({ baseUrl: carrier.address.url }));
    expect(await client.check({})).toMatchObject({ status: SERVING });
  });

  test("that end too early close the connection", async () => {
    const carrier = await openCarrier(echo);
    const raw = openRaw(carrier);
    raw.socket.end("PRI *");
    expect(await raw.closed).toBe("");
  });

  test("that never come close the connection", async () => {
    const carrier = await openCarrier(echo, { limits: { firstBytesTimeoutMs: 20 } });
    expect(await openRaw(carrier).closed).toBe("");
  });
});

describe("a request that is never whole", () => {
  test("is answered 408 when its HTTP/1.1 headers do not end", async () => {
    const carrier = await openCarrier(echo, { limits: { headersTimeoutMs: 20, lateRequestCheckMs: 20 } });
    const raw = openRaw(carrier);
    raw.socket.write("POST / HTTP/1.1\r\nhost: localhost\r\n");
    expect(await raw.closed).toMatch(/^HTTP\/1.1 408 Request Timeout/);
  });

  test("is cut when its HTTP/2 message does not end", async () => {
    const carrier = await openCarrier(echo, { limits: { requestTimeoutMs: 20, lateRequestCheckMs: 20 } });
    const session = connectHttp2(carrier.address.url);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":method": "POST", ":path": check, "content-type": "application/grpc" });
    stream.on("error", () => {});
    stream.write(Buffer.from([0, 0, 0, 0, 9]));
    await new Promise((resolve) => stream.once("close", resolve));
    expect(carrier.callCount).toBe(0);
  });
});

describe("a request that names no method", () => {
  test.each([
    { client: "gRPC", open: (baseUrl: string) => createGrpcTransport({ baseUrl }) },
    {
      client: "gRPC-Web",
      open: (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    },
    { client: "Connect", open: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" }) },
  ])("is UNIMPLEMENTED for a $client client, with its path", async ({ open }) => {
    const carrier = await openCarrier(() => {});
    const client = createClient(Health, open(carrier.address.url));
    const failed = await client.check({}).catch((error: unknown) => ConnectError.from(error));
    expect(failed).toMatchObject({ code: Code.Unimplemented });
    expect(failed).toHaveProperty("rawMessage", expect.stringContaining(check));
  });

  test("is UNIMPLEMENTED for grpc-js, also as a stream", async () => {
    const carrier = await openCarrier(() => {});
    const client = grpcJsClient(Health, `127.0.0.1:${carrier.address.port}`);
    onTestFinished(() => client.close());
    const unary = await new Promise((resolve) => client.check({}, resolve));
    expect(unary).toMatchObject({ code: status.UNIMPLEMENTED });
    const streamed = await new Promise((resolve) => client.watch({}).on("error", resolve).resume());
    expect(streamed).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test("is 404 with a sentence for everyone else", async () => {
    const carrier = await openCarrier(echo);
    const response = await fetch(`${carrier.address.url}/favicon.ico`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      message: expect.stringMatching(/^nothing is served at \/favicon.ico/),
    });
  });
});

describe("a request that a method cannot take", () => {
  test.each([
    { given: "an unknown content type", method: "POST", type: "text/csv", path: check, status: 415 },
    { given: "another verb", method: "PUT", type: "application/json", path: check, status: 405 },
    {
      given: "a stream both ways over HTTP/1.1",
      method: "POST",
      type: "application/connect+json",
      path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      status: 505,
    },
    { given: "an unknown JSON field", method: "POST", type: "application/json", path: check, status: 400 },
  ])("with $given is refused with $status and a sentence", async ({ method, type, path, status }) => {
    const carrier = await openCarrier(echo);
    const init: RequestInit = { method, headers: { "content-type": type }, body: '{"servise":"misspelt"}' };
    const response = await fetch(carrier.address.url + path, init);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      code: expect.any(String),
      message: expect.stringMatching(/\w+ \w+/),
    });
  });

  test.each([
    { given: "no host", request: `POST ${check} HTTP/1.0\r\ncontent-type: application/json\r\n\r\n` },
    {
      given: "a host that is none",
      request: `POST ${check} HTTP/1.1\r\nhost: [\r\nconnection: close\r\n\r\n`,
    },
  ])("with $given is refused with 400 and ends nothing else", async ({ request }) => {
    const carrier = await openCarrier(echo);
    const raw = openRaw(carrier);
    raw.socket.write(request);
    expect(await raw.closed).toMatch(/^HTTP\/1.1 400 Bad Request[^]*no valid host or path/);
  });

  test.each([
    { protocol: "gRPC", open: (baseUrl: string) => createGrpcTransport({ baseUrl }) },
    {
      protocol: "Connect",
      open: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    },
  ])("because it is too large is RESOURCE_EXHAUSTED over $protocol", async ({ open }) => {
    const carrier = await openCarrier(echo, { limits: { messageBytesMax: 1_000 } });
    const client = createClient(Health, open(carrier.address.url));
    await expect(client.check({ service: "x".repeat(900) })).resolves.toMatchObject({ status: SERVING });
    await expect(client.check({ service: "x".repeat(1_100) })).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    });
  });

  test("because of a method that is declared but not written is UNIMPLEMENTED", async () => {
    const carrier = await openCarrier(echo);
    const client = createClient(Health, createGrpcTransport({ baseUrl: carrier.address.url }));
    await expect(client.list({})).rejects.toMatchObject({ code: Code.Unimplemented });
  });
});

describe("compression", () => {
  test("is read from a client and never used in an answer", async () => {
    const carrier = await openCarrier((router) =>
      router.service(Health, {
        list: () => ({ statuses: { ["same ".repeat(2_000)]: { status: SERVING } } }),
      }),
    );
    const response = await fetch(`${carrier.address.url}/grpc.health.v1.Health/List`, {
      method: "POST",
      headers: { "content-type": "application/json", "content-encoding": "gzip", "accept-encoding": "gzip" },
      body: gzipSync("{}"),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-encoding")).toBeNull();
    expect((await response.text()).length).toBeGreaterThan(10_000);
  });

  test("of a message that is too large when unpacked is RESOURCE_EXHAUSTED", async () => {
    const carrier = await openCarrier(echo, { limits: { messageBytesMax: 1_000 } });
    const response = await fetch(carrier.address.url + check, {
      method: "POST",
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
      body: gzipSync(JSON.stringify({ service: "x".repeat(100_000) })),
    });
    expect(await response.json()).toMatchObject({ code: "resource_exhausted" });
  });
});

describe("a page of another origin", () => {
  const preflight = { origin: "https://app.example.com", "access-control-request-method": "POST" };

  test.each([
    { given: "is allowed by name", origins: ["https://app.example.com"], allowed: "https://app.example.com" },
    { given: "is allowed by *", origins: ["*"], allowed: "https://app.example.com" },
    { given: "is not in the list", origins: ["https://other.example.com"], allowed: null },
    { given: "finds no list", origins: [], allowed: null },
  ])("that $given sees $allowed", async ({ origins, allowed }) => {
    const carrier = await openCarrier(echo, { origins });
    const asked = await fetch(carrier.address.url + check, { method: "OPTIONS", headers: preflight });
    expect(asked.headers.get("access-control-allow-origin")).toBe(allowed);
    expect(
      asked.headers.get("access-control-allow-headers")?.includes("Connect-Protocol-Version") ?? null,
    ).toBe(allowed === null ? null : true);
    const called = await fetch(carrier.address.url + check, {
      method: "POST",
      headers: { "content-type": "application/json", origin: preflight.origin },
      body: "{}",
    });
    expect(called.headers.get("access-control-allow-origin")).toBe(allowed);
    expect(called.headers.get("access-control-expose-headers")?.includes("Grpc-Status") ?? null).toBe(
      allowed === null ? null : true,
    );
  });
});

describe("a peer that goes away", () => {
  test("without a word is found by a ping, and its call is aborted", async () => {
    const aborted = Promise.withResolvers<void>();
    const carrier = await openCarrier(
      (router) =>
        router.service(Health, {
          async *watch(_, { signal }) {
            signal.addEventListener("abort", () => aborted.resolve());
            yield { status: SERVING };
            await aborted.promise;
          },
        }),
      { limits: { pingIntervalMs: 20, pingTimeoutMs: 40 } },
    );
    // A client written by hand answers no ping, as one that is frozen.
    const raw = openRaw(carrier);
    raw.socket.write(preface, "latin1");
    raw.socket.write(frame({ type: 4, flags: 0, stream: 0, payload: "" }));
    raw.socket.write(
      frame({ type: 1, flags: 4, stream: 1, payload: packHeaders("/grpc.health.v1.Health/Watch") }),
    );
    raw.socket.write(frame({ type: 0, flags: 1, stream: 1, payload: "\0\0\0\0\0" }));
    await raw.closed;
    await aborted.promise;
  });

  test("under a write that waits for it ends the handler and prints nothing", async () => {
    const printed = vi.spyOn(console, "error");
    const { log, lines } = keptLog();
    const ended = Promise.withResolvers<void>();
    const carrier = await openCarrier(
      (router) =>
        router.service(ServerReflection, {
          async *serverReflectionInfo() {
            try {
              // More than the client's window takes, so that the write waits.
              yield { validHost: "x".repeat(1_000_000) };
            } finally {
              ended.resolve();
            }
          },
        }),
      { log },
    );
    const session = connectHttp2(carrier.address.url);
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    stream.end(Buffer.from([0, 0, 0, 0, 0]));
    await new Promise((resolve) => stream.once("response", resolve));
    session.destroy();
    await ended.promise;
    const cut = () => lines.filter(({ msg }) => msg === "an answer could not be sent");
    await vi.waitFor(() => expect(cut()).toHaveLength(1));
    expect(carrier.callCount).toBe(0);
    expect(printed).not.toHaveBeenCalled();
  });
});

describe("a drain", () => {
  /** A method that waits until the test lets it answer, and a stream that ends when the server stops. */
  function openHeld() {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const routes = (router: ConnectRouter, stopping: AbortSignal) => {
      router.service(Health, {
        async check({ service }) {
          if (service === "held") {
            started.resolve();
            await release.promise;
          }
          return { status: SERVING };
        },
        async *watch({ service }) {
          yield { status: SERVING };
          started.resolve();
          if (service === "deaf") {
            await release.promise;
          }
          await new Promise((resolve) => stopping.addEventListener("abort", resolve));
          yield { status: ServingStatus.NOT_SERVING };
        },
      });
    };
    return { routes, started: started.promise, release: release.resolve };
  }

  test.each([
    { protocol: "gRPC", open: (baseUrl: string) => createGrpcTransport({ baseUrl }) },
    {
      protocol: "Connect over HTTP/1.1",
      open: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    },
  ])("lets a call in progress end, over $protocol", async ({ open }) => {
    const held = openHeld();
    const carrier = await openCarrier(held.routes);
    const client = createClient(Health, open(carrier.address.url));
    const answer = client.check({ service: "held" });
    await held.started;
    const drained = carrier.drain(60_000);
    held.release();
    expect(await answer).toMatchObject({ status: SERVING });
    expect(await drained).toEqual({ cutCount: 0 });
  });

  test("tells long streams to end by themselves", async () => {
    const held = openHeld();
    const carrier = await openCarrier(held.routes);
    const client = createClient(Health, createGrpcTransport({ baseUrl: carrier.address.url }));
    const frames = collect(client.watch({}));
    await held.started;
    expect(await carrier.drain(60_000)).toEqual({ cutCount: 0 });
    expect((await frames).map(({ status }) => status)).toEqual([SERVING, ServingStatus.NOT_SERVING]);
  });

  test("ends with a stream both ways whose client keeps its side open", async () => {
    const carrier = await openCarrier((router, stopping) => {
      router.service(ServerReflection, {
        async *serverReflectionInfo() {
          yield { validHost: "hello" };
          await new Promise((resolve) => stopping.addEventListener("abort", resolve));
          yield { validHost: "leave" };
        },
      });
    });
    const client = grpcJsClient(ServerReflection, `127.0.0.1:${carrier.address.port}`);
    onTestFinished(() => client.close());
    const stream = client.serverReflectionInfo();
    const ended = new Promise<StatusObject>((resolve) => stream.on("status", resolve));
    const frames: string[] = [];
    const first = new Promise((resolve) => stream.once("data", resolve));
    stream.on("data", ({ validHost }: { validHost: string }) => frames.push(validHost));
    stream.write({ host: "open" });
    await first;
    expect(await carrier.drain(60_000)).toEqual({ cutCount: 0 });
    expect(await ended).toMatchObject({ code: status.OK });
    expect(frames).toEqual(["hello", "leave"]);
  });

  test("sends GOAWAY, closes idle connections and takes no new ones", async () => {
    const held = openHeld();
    const carrier = await openCarrier(held.routes);
    const session = connectHttp2(carrier.address.url);
    const code = new Promise((resolve) => session.once("goaway", resolve));
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    const idle = openRaw(carrier);
    idle.socket.write(post(check, "{}"));
    await idle.received(/SERVING/);
    expect(await carrier.drain(60_000)).toEqual({ cutCount: 0 });
    expect(await code).toBe(constants.NGHTTP2_NO_ERROR);
    await idle.closed;
    await expect(fetch(carrier.address.url)).rejects.toThrow("fetch failed");
  });

  test("cuts at its deadline what does not end, as UNAVAILABLE for a gRPC client", async () => {
    const held = openHeld();
    const carrier = await openCarrier(held.routes);
    const client = grpcJsClient(Health, `127.0.0.1:${carrier.address.port}`);
    onTestFinished(() => client.close());
    const failed = new Promise<ServiceError>((resolve) =>
      client.watch({ service: "deaf" }).on("error", resolve).resume(),
    );
    await held.started;
    expect(await carrier.drain(20)).toEqual({ cutCount: 1 });
    expect(await failed).toMatchObject({ code: status.UNAVAILABLE });
    held.release();
  });

  test("that is asked for twice happens once", async () => {
    const carrier = await openCarrier(echo);
    expect(carrier.drain(60_000)).toBe(carrier.drain(1));
    await carrier.drain(1);
  });
});

test("a port that is taken is an error that says so", async () => {
  const carrier = await openCarrier(echo);
  await expect(openCarrier(echo, { port: carrier.address.port })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

/** Sends each byte in a segment of its own. */
async function sendSlowly(socket: Socket, text: string): Promise<void> {
  for (const byte of Buffer.from(text, "latin1")) {
    await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: string;
}

/** The bytes of an HTTP/2 frame. */
function frame({ type, flags, stream, payload }: Frame): Buffer {
  const body = Buffer.from(payload, "latin1");
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** The headers of a gRPC call as HPACK without compression. */
function packHeaders(path: string): string {
  const headers = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ] as const;
  const sized = (text: string) => String.fromCharCode(text.length) + text;
  return headers.map(([name, value]) => `\0${sized(name)}${sized(value)}`).join("");
}
