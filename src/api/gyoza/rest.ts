import type { ConnectRouter, Interceptor } from "@connectrpc/connect";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { EventService } from "../../../gen/signalbox/v1/event_service_pb.ts";
import { OpService } from "../../../gen/signalbox/v1/op_service_pb.ts";
import { RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import type { Log } from "../../observe/log.ts";
import type { PlainService } from "../carrier/adapter.ts";
import { Definitions } from "./definitions.ts";
import { type RestAnswer, type RestCall, RestError, sendAnswer, toRestCall } from "./http.ts";
import { OpRuns } from "./runs.ts";

/** What the REST calls are answered from. */
export interface GyozaRestOptions {
  /** Registers the services of the contract. */
  readonly routes: (router: ConnectRouter) => void;
  /** Around each of their calls, as around those that come over the wire. */
  readonly interceptors: readonly Interceptor[];
  readonly log: Log;
}

type Route = (call: RestCall, name: string) => Promise<RestAnswer>;

/**
 * The REST calls of gyoza, so that its clients and scripts run against Signalbox: each is made of calls of
 * the contract, with the same checks, and nothing else. docs/gyoza.md lists them.
 */
export function gyozaRest({ routes, interceptors, log }: GyozaRestOptions): PlainService {
  const transport = createRouterTransport(routes, { router: { interceptors: [...interceptors] } });
  const clients = {
    runs: createClient(RunService, transport),
    ops: createClient(OpService, transport),
    events: createClient(EventService, transport),
  };
  const table = toTable(new Definitions(clients.ops), new OpRuns(clients));
  return (request, response) => {
    const [path = "", search = ""] = (request.url ?? "").split("?", 2);
    const found = table.find(({ pattern }) => pattern.test(path));
    if (found === undefined) return false;
    const name = decode(found.pattern.exec(path)?.[1] ?? "");
    const route = found.methods[request.method ?? ""];
    const call = toRestCall(request, new URLSearchParams(search));
    const answer =
      route === undefined
        ? Promise.resolve({
            status: 405,
            body: { detail: `${request.method ?? ""} is no method of ${path}` },
          })
        : route(call, name).catch((error: unknown) => toRefused(error, log));
    void answer.then((it) => {
      request.resume();
      sendAnswer(response, it);
    });
    return true;
  };
}

interface Entry {
  readonly pattern: RegExp;
  readonly methods: Readonly<Record<string, Route>>;
}

function toTable(definitions: Definitions, runs: OpRuns): readonly Entry[] {
  const upsert: Route = (call, name) => definitions.upsert(call, name);
  return [
    { pattern: /^\/health\/?$/, methods: { GET: async () => ({ status: 200, body: { status: "ok" } }) } },
    {
      pattern: /^\/definitions\/?$/,
      methods: { GET: (call) => definitions.list(call), POST: upsert, PUT: upsert },
    },
    {
      pattern: /^\/definitions\/(.+)\/runs\/?$/,
      methods: { POST: (call, name) => runs.createOf(call, name) },
    },
    {
      pattern: /^\/definitions\/(.+?)\/?$/,
      methods: { GET: (call, name) => definitions.get(call, name), PUT: upsert },
    },
    {
      pattern: /^\/runs\/?$/,
      methods: { GET: (call) => runs.list(call), POST: (call) => runs.createAdHoc(call) },
    },
    {
      pattern: /^\/runs\/([^/]+)\/?$/,
      methods: {
        GET: (call, name) => runs.get(call, name),
        PATCH: (call, name) => runs.update(call, name),
      },
    },
    { pattern: /^\/runs\/([^/]+)\/cancel$/, methods: { POST: (call, name) => runs.cancel(call, name) } },
    { pattern: /^\/runs\/([^/]+)\/retry$/, methods: { POST: (call, name) => runs.retry(call, name) } },
    { pattern: /^\/runs\/([^/]+)\/events$/, methods: { POST: (call, name) => runs.addEvent(call, name) } },
    { pattern: /^\/runs\/([^/]+)\/attempts$/, methods: { GET: (call, name) => runs.attempts(call, name) } },
  ];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const statusByCode = new Map<Code, number>([
  [Code.InvalidArgument, 400],
  [Code.FailedPrecondition, 400],
  [Code.OutOfRange, 400],
  [Code.Unauthenticated, 401],
  [Code.NotFound, 404],
  [Code.AlreadyExists, 409],
  [Code.ResourceExhausted, 429],
  [Code.Unavailable, 503],
]);

/** A refusal as an HTTP status with its sentence, reason and facts. */
function toRefused(error: unknown, log: Log): RestAnswer {
  if (error instanceof RestError) return { status: error.status, body: { detail: error.message } };
  if (error instanceof ConnectError) {
    const [info] = error.findDetails(ErrorInfoSchema);
    const detail = { detail: error.rawMessage, reason: info?.reason ?? "", facts: info?.metadata ?? {} };
    return { status: statusByCode.get(error.code) ?? 500, body: detail };
  }
  log.error({ err: error }, "a REST call failed");
  return { status: 500, body: { detail: "internal error" } };
}
