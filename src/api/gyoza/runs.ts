import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { Action_State, TaskSpecSchema } from "../../../gen/signalbox/v1/action_pb.ts";
import type { EventService } from "../../../gen/signalbox/v1/event_service_pb.ts";
import type { OpService } from "../../../gen/signalbox/v1/op_service_pb.ts";
import { type Run, Run_State } from "../../../gen/signalbox/v1/run_pb.ts";
import type { RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { toResources, toRetry, versionOf } from "./definitions.ts";
import { FieldFaults, toValue, toValues } from "./fields.ts";
import { type RestAnswer, type RestCall, RestError } from "./http.ts";
import { type RunParts, runStates, toOpRun } from "./op-run.ts";

type Body = Readonly<Record<string, unknown>>;

/** The op of runs that name only an image: workers that run containers announce it. */
const adHocOp = "container";
/** 10 pages are looked at for one of a list by a state that a run by itself does not tell. */
const pagesLookedAtMax = 10;

/** The clients of the contract that the routes are made of. */
export interface RunClients {
  readonly runs: Client<typeof RunService>;
  readonly ops: Client<typeof OpService>;
  readonly events: Client<typeof EventService>;
}

/** Runs, as gyoza calls runs of one task. */
export class OpRuns {
  readonly #clients: RunClients;

  constructor(clients: RunClients) {
    this.#clients = clients;
  }

  /** Creates a run of a definition. */
  async createOf({ headers, body }: RestCall, name: string): Promise<RestAnswer> {
    const given = await body();
    const faults = new FieldFaults();
    const inputs = toValues(faults.object(given, "inputs"));
    const priority = faults.integer(given, "priority") ?? 0;
    const version = faults.text(given, "version") ?? "";
    stop(faults);
    const { op } = await this.#clients.ops.getOp({ name, ...versionOf(version) }, { headers });
    const task = { op: name, opVersion: op?.version ?? 0, inputs: asInputs(inputs) };
    const run = { priority, work: { case: "task", value: task } } as const;
    const answer = await this.#clients.runs.createRun({ run }, { headers });
    return { status: 201, body: await this.#show(answer.run, headers) };
  }

  /** Creates a run of an image, without a definition. */
  async createAdHoc({ headers, body }: RestCall): Promise<RestAnswer> {
    const given = await body();
    const faults = new FieldFaults();
    const image = faults.text(given, "image");
    if (image === undefined) faults.faults.push("image is required");
    const delivery = faults.object(given, "event_delivery");
    const topic = faults.text(delivery, "topic") ?? "";
    const attributes = faults.object(delivery, "attributes") as Record<string, string>;
    const task = create(TaskSpecSchema, {
      op: faults.text(given, "op") ?? adHocOp,
      image: image ?? "",
      inputs: asInputs(toValues(faults.object(given, "inputs"))),
      resources: toResources(faults.object(given, "constraints"), faults),
      retry: toRetry(faults.object(given, "retry_policy"), faults),
    });
    const priority = faults.integer(given, "priority") ?? 0;
    stop(faults);
    const run = { priority, delivery: { topic, attributes }, work: { case: "task", value: task } } as const;
    const answer = await this.#clients.runs.createRun({ run }, { headers });
    return { status: 201, body: await this.#show(answer.run, headers) };
  }

  async get({ headers }: RestCall, runId: string): Promise<RestAnswer> {
    const { run } = await this.#clients.runs.getRun({ runId }, { headers });
    return { status: 200, body: await this.#show(run, headers) };
  }

  /** Lists runs, the newest first. */
  async list({ headers, query }: RestCall): Promise<RestAnswer> {
    const { filter, limit, state, startingAfter, endingBefore } = readQuery(query);
    const found: Body[] = [];
    let page = { startingAfter, endingBefore, pageToken: "" };
    for (let looked = 0; looked < pagesLookedAtMax; looked += 1) {
      const answer = await this.#clients.runs.listRuns({ filter, pageSize: limit, ...page }, { headers });
      for (const run of answer.runs) {
        const shown = await this.#show(run, headers);
        if (state !== undefined && shown["state"] !== state) continue;
        if (found.length === limit) return { status: 200, body: { data: found, has_more: true } };
        found.push(shown);
      }
      page = { startingAfter: "", endingBefore: "", pageToken: answer.nextPageToken };
      const isDone = page.pageToken === "" || (found.length === limit && state === undefined);
      if (isDone) return { status: 200, body: { data: found, has_more: answer.hasMore } };
    }
    return { status: 200, body: { data: found, has_more: true } };
  }

  /** Changes a run: its priority, or where it stands, as an operator's word. */
  async update(call: RestCall, runId: string): Promise<RestAnswer> {
    const given = await call.body();
    const faults = new FieldFaults();
    const priority = faults.integer(given, "priority");
    const state = faults.text(given, "state");
    const outputs = given["outputs"] === undefined ? undefined : toValues(faults.object(given, "outputs"));
    if (outputs !== undefined && state !== "COMPLETED") {
      faults.faults.push("outputs go along with state COMPLETED: they are put out by the end of a run");
    }
    stop(faults);
    const { headers } = call;
    const { runs } = this.#clients;
    if (priority !== undefined) await runs.updateRun({ runId, priority }, { headers });
    if (state !== undefined) await this.#move(runId, { state, outputs: outputs ?? {} }, headers);
    return this.get(call, runId);
  }

  async cancel(call: RestCall, runId: string): Promise<RestAnswer> {
    await this.#clients.runs.cancelRun({ runId }, { headers: call.headers });
    return this.get(call, runId);
  }

  async retry(call: RestCall, runId: string): Promise<RestAnswer> {
    const faults = new FieldFaults();
    const force = faults.flag(await call.body(), "force") ?? false;
    stop(faults);
    await this.#clients.runs.retryRun({ runId, force }, { headers: call.headers });
    return this.get(call, runId);
  }

  async attempts({ headers }: RestCall, runId: string): Promise<RestAnswer> {
    const { run } = await this.#clients.runs.getRun({ runId }, { headers });
    return { status: 200, body: (await this.#show(run, headers))["attempts"] };
  }

  /** Adds an event of a client's own. Those that move an attempt are its worker's to report. */
  async addEvent(call: RestCall, runId: string): Promise<RestAnswer> {
    const given = await call.body();
    const faults = new FieldFaults();
    const type = faults.text(given, "event_type") ?? faults.text(given, "type") ?? "";
    const payload = faults.object(given, "payload");
    const said = given["msg"];
    const msg = typeof said === "number" ? String(said) : (faults.text(given, "msg") ?? "");
    stop(faults);
    if (type === "CANCELLED") return this.cancel(call, runId);
    if (type !== "INFO" && type !== "ERROR") {
      throw new RestError(400, `event_type ${type || "(none)"} must be INFO, ERROR or CANCELLED from here`);
    }
    const json = toValue({ ...(payload as JsonObject), msg });
    const value = json.kind.case === "jsonValue" ? { payload: json.kind.value } : {};
    const published = { source: "gyoza", type: `gyoza.${type.toLowerCase()}`, ...value };
    const events = [{ runId, action: "main", published }];
    await this.#clients.events.publishEvents({ events }, { headers: call.headers });
    return { status: 201, body: { status: "ok" } };
  }

  async #move(
    runId: string,
    { state, outputs }: { readonly state: string; readonly outputs: ReturnType<typeof toValues> },
    headers: Headers,
  ): Promise<void> {
    const { runs } = this.#clients;
    const which = { runId, name: "main", cause: "set by a client" };
    switch (state) {
      case "CANCELLED":
        await runs.cancelRun({ runId, cause: which.cause }, { headers });
        return;
      case "PENDING":
        await runs.retryRun({ runId }, { headers });
        return;
      case "COMPLETED":
        await runs.endAction({ ...which, state: Action_State.SUCCEEDED, outputs }, { headers });
        return;
      case "FAILED": {
        const error = { type: "Failed", message: which.cause };
        await runs.endAction({ ...which, state: Action_State.FAILED, error }, { headers });
        return;
      }
      default:
        throw new RestError(400, `state ${state} must be PENDING, COMPLETED, FAILED or CANCELLED from here`);
    }
  }

  async #show(run: Run | undefined, headers: Headers): Promise<Body> {
    if (run === undefined) throw new RestError(500, "the run is missing");
    if (run.op === "") return toOpRun({ run });
    const which = { runId: run.runId, name: "main" };
    const { runs } = this.#clients;
    const [{ action }, { attempts }] = await Promise.all([
      runs.getAction(which, { headers }),
      runs.listAttempts(which, { headers }),
    ]);
    const attempt = action?.attempt ?? 0;
    const parts: RunParts = { run, action, attempts };
    if (attempt === 0) return toOpRun(parts);
    const { entries } = await runs.listTimeline({ ...which, attempt, pageSize: 1_000 }, { headers });
    return toOpRun({ ...parts, entries });
  }
}

function asInputs(values: ReturnType<typeof toValues>) {
  const inputs = Object.entries(values).map(
    ([name, value]) => [name, { source: { case: "value" as const, value } }] as const,
  );
  return Object.fromEntries(inputs);
}

function stop({ faults }: FieldFaults): void {
  if (faults.length > 0) throw new RestError(400, faults.join("; "));
}

const bounds = {
  gte: "createdFrom",
  gt: "createdAfter",
  lte: "createdUntil",
  lt: "createdBefore",
} as const;

function readQuery(query: URLSearchParams) {
  const faults: string[] = [];
  const limit = Number(query.get("limit") ?? 10);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) faults.push("limit must be from 1 to 100");
  const startingAfter = query.get("starting_after") ?? "";
  const endingBefore = query.get("ending_before") ?? "";
  if (startingAfter !== "" && endingBefore !== "") {
    faults.push("starting_after and ending_before are two pages");
  }
  const state = query.get("state") ?? query.get("status") ?? undefined;
  if (state !== undefined && !(state in runStates)) {
    faults.push(`state must be one of ${Object.keys(runStates).join(", ")}`);
  }
  const created: Record<string, unknown> = {};
  for (const [word, field] of Object.entries(bounds)) {
    const text = query.get(`created[${word}]`);
    if (text === null) continue;
    const seconds = Number(text);
    if (text === "" || !Number.isFinite(seconds)) faults.push(`created[${word}] must be UNIX seconds`);
    else created[field] = timestampFromMs(seconds * 1_000);
  }
  if (faults.length > 0) throw new RestError(400, faults.join("; "));
  const states = state === undefined ? [] : (runStates[state] ?? []);
  const filter = {
    op: query.get("op_definition") ?? "",
    image: query.get("image") ?? "",
    states: states.map((name) => Run_State[name]),
    ...created,
  };
  return { filter, limit, state, startingAfter, endingBefore };
}
