import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Client, createClient, createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { TaskSpecSchema } from "../../../gen/flyteidl2/task/task_definition_pb.ts";
import { RunService } from "../../../gen/flyteidl2/workflow/run_service_pb.ts";
import { Blobs } from "../../../src/api/flyte/blobs.ts";
import type { ReadParts } from "../../../src/api/flyte/reads/details.ts";
import { runReads } from "../../../src/api/flyte/run-reads.ts";
import { flyteOp, printTaskFacts } from "../../../src/api/flyte/stated.ts";
import { RunViews, type ViewBounds } from "../../../src/api/flyte/view/run-views.ts";
import { register } from "../../../src/api/routes.ts";
import { type RunKey, runKey } from "../../../src/core/name.ts";
import { noCapacity } from "../../../src/core/placement/demand.ts";
import type { AttemptReference, NewAction, ReportContent } from "../../../src/core/stated.ts";
import type { Value } from "../../../src/core/value.ts";
import { Engine } from "../../../src/engine/engine.ts";
import { MemoryStore } from "../../../src/store/memory/memory-store.ts";
import { KeptLog, KeptOutlet, settings, takingSession } from "../../engine/support.ts";
import { aCondition, aTask, by, noRequest, theTask } from "../../support/builders.ts";
import { FakeClock, until } from "../../support/fake-clock.ts";

export const project = "shop";
export const domain = "dev";
export const namespace = "shop--dev";

/** What the facade reads from, with a worker that takes `a0` of each run, and a client of what it tells. */
export class FlyteBench {
  readonly clock: FakeClock;
  readonly store = new MemoryStore();
  readonly engine: Engine;
  readonly views: RunViews;
  readonly parts: ReadParts;
  readonly client: Client<typeof RunService>;
  readonly stopping = new AbortController();
  readonly log = new KeptLog();
  readonly #folder: string;
  readonly #outlet = new KeptOutlet();
  readonly #attempts = new Map<string, AttemptReference>();
  #sessionId = "";
  #sequence = 0;

  private constructor(folder: string, bounds: Partial<ViewBounds>) {
    this.#folder = folder;
    const { store, log } = this;
    this.clock = new FakeClock();
    this.engine = new Engine({ store, clock: this.clock, chance: { next: () => 0.5 }, log, settings });
    this.views = new RunViews({ store, feeds: this.engine.feeds, clock: this.clock }, bounds);
    const { engine, views } = this;
    this.parts = { engine, views, blobs: new Blobs(folder), log, stopping: this.stopping.signal };
    // What changes something is not asked for here.
    const reads = runReads(this.parts) as ServiceImpl<typeof RunService>;
    this.client = createClient(
      RunService,
      createRouterTransport((router) => register(router, RunService, reads)),
    );
  }

  /** Starts one; whoever does closes it. */
  static async start(bounds: Partial<ViewBounds> = {}): Promise<FlyteBench> {
    const bench = new FlyteBench(await mkdtemp(join(tmpdir(), "flyte-bench-")), bounds);
    await bench.engine.start();
    await bench.#attach();
    return bench;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    this.views.close();
    await this.engine.stop();
    await this.store.close();
    await rm(this.#folder, { recursive: true });
  }

  async #attach(): Promise<void> {
    this.#sessionId = this.engine.newSessionId();
    const outcome = await this.engine.execute<"attach">({
      kind: "attach",
      newSessionId: this.#sessionId,
      namespace,
      workerId: "w1",
      incarnation: "first",
      ops: [flyteOp],
      labels: {},
      capacity: noCapacity,
      taints: [],
      sharedNamespaces: [],
      running: [],
      leaseMs: 1_000_000_000,
    });
    if (!outcome.ok) throw new Error(outcome.refusal.reason);
    const taking = takingSession(this.#sessionId, [flyteOp], { namespace, workerId: "w1" });
    this.engine.sessions.open(taking, this.#outlet).addCredit(100);
  }

  /** Creates a run of `a0` as the facade does, and has the worker begin it. */
  async run(
    name: string,
    {
      labels = {},
      createdBy = "ana@example.com",
    }: { labels?: Record<string, string>; createdBy?: string } = {},
  ): Promise<RunKey> {
    const key = runKey(namespace, name);
    await this.create(name, [{ ...(await this.flyteTask("a0")), labels: {} }], { labels, createdBy });
    await this.begin(key, "a0");
    return key;
  }

  /** Creates a run with a plan of any shape. */
  async create(
    runId: string,
    plan: readonly NewAction[],
    { labels = {}, createdBy = "anonymous" }: { labels?: Record<string, string>; createdBy?: string } = {},
  ): Promise<void> {
    const outcome = await this.engine.execute<"createRun">({
      kind: "createRun",
      request: noRequest,
      namespace,
      runId,
      newRunId: this.engine.newRunId(),
      labels,
      priority: 0,
      timeoutMs: undefined,
      delivery: undefined,
      createdBy,
      work: { plan },
    });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusal));
  }

  /** A task as the facade states it. */
  async flyteTask(name: string, { maxAttempts = 1, group = "" } = {}): Promise<NewAction> {
    const spec = create(TaskSpecSchema, { shortName: `fn_${name}`, environment: { name: "env" } });
    const { uri, sha256, sizeBytes } = await this.parts.blobs.put(toBinary(TaskSpecSchema, spec));
    const id = { org: "", project, domain, name: `env.fn_${name}`, version: "v1" };
    const facts = { ...id, shortName: `fn_${name}`, functionName: `fn_${name}`, taskType: "python" };
    const task = theTask({ op: flyteOp, retry: { maxAttempts } });
    const text = (value: string) => ({ value: { kind: "string", value } as const });
    return {
      ...aTask(name),
      labels: { "flyte-task": `fn_${name}`, ...(group === "" ? {} : { "flyte-group": group }) },
      spec: {
        ...task,
        inputs: {
          spec: { value: { kind: "reference", uri, sha256, sizeBytes: String(sizeBytes) } },
          input_uri: text(`/runs/${name}/inputs.pb`),
          task: { value: printTaskFacts({ ...facts, environment: "env" }) },
        },
      },
    };
  }

  /** A condition as the facade states it, by its name in the run and by what people call it. */
  condition(name: string, called: string, parts: Parameters<typeof aCondition>[1] = {}): NewAction {
    return aCondition(name, { ...parts, labels: { "flyte-condition": called } });
  }

  /** Adds children to an action that runs. */
  async add(parent: AttemptReference, ...actions: NewAction[]): Promise<void> {
    const command = { kind: "addActions", sessionId: this.#sessionId, attempt: parent, actions } as const;
    const outcome = await this.engine.execute<"addActions">(command);
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusal));
  }

  /** Adds children to `a0`. */
  async ask(run: RunKey, ...actions: NewAction[]): Promise<void> {
    await this.add(this.attempt(run, "a0"), ...actions);
  }

  /** Has the worker begin a task, once it was assigned. */
  async begin(run: RunKey, action: string): Promise<AttemptReference> {
    const isIt = ({ attempt }: { attempt: AttemptReference }) =>
      attempt.run === run && attempt.action === action;
    await until(`${action} is assigned`, () => this.#outlet.assignments.some(isIt));
    const attempt = this.#outlet.assignments.findLast(isIt)?.attempt as AttemptReference;
    const command = { kind: "accept", sessionId: this.#sessionId, attempts: [attempt] } as const;
    await this.engine.execute<"accept">(command);
    this.#attempts.set(`${run} ${action}`, attempt);
    return attempt;
  }

  /** The attempt at an action that was begun. */
  attempt(run: RunKey, action: string): AttemptReference {
    return this.#attempts.get(`${run} ${action}`) as AttemptReference;
  }

  /** Reports something of an attempt that was begun. */
  async report(run: RunKey, action: string, content: ReportContent): Promise<void> {
    this.#sequence += 1;
    const report = { attempt: this.attempt(run, action), sequence: this.#sequence, content };
    const command = { kind: "report", sessionId: this.#sessionId, reports: [report] } as const;
    const outcome = await this.engine.execute<"report">(command);
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusal));
  }

  async signal(run: RunKey, action: string, value: Value, signalledBy = ""): Promise<void> {
    const outcome = await this.engine.execute<"signalCondition">({
      kind: "signalCondition",
      request: noRequest,
      run,
      action,
      value,
      by: by("anonymous", { signalledBy }),
      instance: 0,
    });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusal));
  }

  async cancel(run: RunKey, cause: string): Promise<void> {
    await this.engine.execute<"cancelRun">({ kind: "cancelRun", request: noRequest, run, cause });
  }

  /** What a request names a run by. */
  runId(name: string, org = "") {
    return { org, project, domain, name };
  }

  /** What a request names an action by. */
  actionId(run: string, name: string, org = "") {
    return { run: this.runId(run, org), name };
  }
}
