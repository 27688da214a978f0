import type { Command, CommandOf } from "../../src/core/command.ts";
import { anonymousSubject } from "../../src/core/conditions/standing.ts";
import type { LimitScope } from "../../src/core/limits/limit.ts";
import type { AttemptReference, NewAction, NewTask } from "../../src/core/stated.ts";
import { aTask, noReplays, noRequest } from "./builders.ts";
import { Chooser, type Step } from "./chooser.ts";
import { placement, resources } from "./placing.ts";
import { acceptTimeoutMs, type World } from "./world.ts";

/** How often each kind of thing happens where work is placed. */
export const placementWeights = {
  create: 10,
  attach: 9,
  assign: 18,
  acceptAll: 4,
  finish: 12,
  decline: 2,
  worker: 2,
  evict: 1,
  cancel: 2,
  end: 1,
  retry: 2,
  update: 2,
  setLimit: 5,
  deleteLimit: 1,
  boot: 1,
  wait: 6,
};

const namespaces = ["default", "other"];
const ops = ["work", "heavy"];

/** The command that a step is in a world; undefined lets time pass. */
export function placementCommand(
  step: Step<keyof typeof placementWeights>,
  world: World,
): Command | undefined {
  const choose = new Chooser(step.choices);
  const attempt = () => choose.of(current(world));
  switch (step.kind) {
    case "create":
      return aCreate(choose, world);
    case "attach":
      return anAttach(choose, world);
    case "assign": {
      const sessions = world.state
        .sessions()
        .filter(() => !choose.is(4))
        .map(({ id }) => ({ sessionId: id, credit: choose.upTo(5) }));
      return { kind: "assign", sessions, limit: 1 + choose.upTo(6), acceptTimeoutMs };
    }
    case "acceptAll":
      return { kind: "accept", sessionId: "", attempts: current(world) };
    case "finish":
      return aFinish(choose, attempt());
    case "decline": {
      const declined = attempt();
      return declined && { kind: "decline", sessionId: "", attempt: declined, cause: "" };
    }
    case "worker":
      return aSessionCommand(choose, choose.of(world.state.sessions())?.id ?? "none");
    case "evict": {
      const { namespace = "default", workerId = "none" } = choose.of(world.state.sessions()) ?? {};
      return { kind: "evictWorker", request: noRequest, namespace, workerId, cause: "" };
    }
    case "boot":
      return { kind: "boot", leaseMs: 20_000 };
    case "setLimit":
      return aSetLimit(choose);
    case "deleteLimit":
      return {
        kind: "deleteLimit",
        request: noRequest,
        namespace: namespaceOf(choose),
        name: limitName(choose),
      };
    case "wait":
      return undefined;
    default:
      return ofRun(step.kind, choose, world);
  }
}

function namespaceOf(choose: Chooser): string {
  return choose.is(4) ? "other" : "default";
}

function limitName(choose: Chooser): string {
  return `l${choose.upTo(3)}`;
}

function current(world: World): readonly AttemptReference[] {
  return world.state
    .allActions()
    .filter(({ sessionId }) => sessionId !== undefined)
    .map(({ run, name, attempt, epoch }) => ({ run, action: name, attempt, epoch }));
}

function aCreate(choose: Chooser, world: World): CommandOf<"createRun"> {
  const plan = Array.from({ length: 1 + choose.upTo(4) }, (_, index) => aPlanned(choose, `t${index}`));
  return {
    kind: "createRun",
    request: noRequest,
    namespace: namespaceOf(choose),
    runId: "",
    newRunId: `r${world.state.runs.size}`,
    labels: someLabels(choose),
    priority: choose.upTo(3),
    timeoutMs: choose.is(9) ? 60_000 : undefined,
    delivery: undefined,
    createdBy: anonymousSubject,
    work: { plan },
  };
}

function aPlanned(choose: Chooser, name: string): NewAction {
  const after = choose.is(4) && name === "t1" ? ["t0 ended"] : [];
  return aTask(name, { ...someTask(choose), labels: choose.is(3) ? someLabels(choose) : {}, after });
}

function someLabels(choose: Chooser): Readonly<Record<string, string>> {
  const team = choose.of([undefined, "x", "x", "y"]);
  return team === undefined ? {} : { team };
}

function someTask(
  choose: Chooser,
): Partial<Pick<NewTask, "op" | "resources" | "placement" | "retry" | "timeouts">> {
  const timeouts = { queueToStartMs: 50_000, startToEndMs: undefined, heartbeatMs: undefined };
  return {
    op: choose.is(4) ? "heavy" : "work",
    resources: choose.is(4) ? undefined : someResources(choose),
    placement: choose.is(5) ? somePlacement(choose) : undefined,
    retry: { maxAttempts: 1 + choose.upTo(2), initialBackoffMs: 1000 },
    ...(choose.is(8) ? { timeouts } : {}),
  };
}

function someResources(choose: Chooser) {
  return resources({
    ...(choose.is(2) ? { cpu: choose.upTo(5) } : {}),
    ...(choose.is(3) ? { ramMb: choose.upTo(5) * 100 } : {}),
    ...(choose.is(3) ? { vramMb: choose.upTo(5) * 100 } : {}),
    ...(choose.is(7) ? { deviceIndex: choose.upTo(2) } : choose.is(5) ? { deviceCount: choose.upTo(3) } : {}),
  });
}

function somePlacement(choose: Chooser) {
  const workerLabels = choose.is(2) ? { zone: choose.of(["a", "b"]) ?? "" } : {};
  const tolerations = choose.is(2) ? [{ key: "team", value: choose.of(["", "x", "y"]) ?? "" }] : [];
  return placement({ workerLabels, tolerations });
}

function anAttach(choose: Chooser, world: World): CommandOf<"attach"> {
  const namespace = namespaceOf(choose);
  const devices = Array.from({ length: choose.upTo(4) }, (_, index) => index);
  return {
    kind: "attach",
    newSessionId: `s${world.effects.length}-${world.feed.length}-${choose.upTo(1000)}`,
    namespace,
    workerId: choose.of(["u", "v", "w"]) ?? "w",
    incarnation: choose.is(5) ? "2" : "1",
    ops: choose.of([["work"], ops, ops]) ?? ops,
    labels: choose.is(2) ? { zone: choose.of(["a", "b"]) ?? "" } : {},
    capacity: {
      cpuMilli: choose.is(6) ? undefined : choose.upTo(7) * 1000,
      ramMb: choose.is(4) ? undefined : choose.upTo(7) * 100,
      devices: devices.map((index) => ({ index, kind: "", vramMb: choose.upTo(6) * 100 })),
    },
    taints: choose.is(6) ? [{ key: "team", value: choose.of(["x", "y"]) ?? "" }] : [],
    sharedNamespaces: choose.is(3) ? namespaces.filter((one) => one !== namespace) : [],
    running: current(world).filter(() => !choose.is(3)),
    leaseMs: 15_000 + 1000 * choose.upTo(20),
  };
}

function aFinish(choose: Chooser, attempt: AttemptReference | undefined): Command | undefined {
  if (attempt === undefined) return undefined;
  const error = { type: "Broken", message: "it broke", stack: "", nonRetryable: choose.is(3) };
  const content = choose.of([
    { kind: "succeeded", outputs: {} },
    { kind: "succeeded", outputs: {} },
    { kind: "failed", error },
    { kind: "stopped", message: "" },
    { kind: "heartbeat" },
  ] as const);
  if (content === undefined) return undefined;
  return { kind: "report", sessionId: "", reports: [{ attempt, sequence: 1 + choose.upTo(50), content }] };
}

function aSessionCommand(choose: Chooser, sessionId: string): Command {
  switch (choose.upTo(4)) {
    case 0:
      return { kind: "leave", sessionId, cause: "" };
    case 1:
      return { kind: "detach", sessionId };
    case 2:
      return { kind: "drain", sessionId };
    default:
      return { kind: "pulse", sessionId, leaseMs: 30_000 };
  }
}

function aSetLimit(choose: Chooser): CommandOf<"setLimit"> {
  const scopes: readonly LimitScope[] = [
    { kind: "op", op: choose.of(ops) ?? "" },
    { kind: "namespace" },
    { kind: "label", name: "team", value: undefined },
    { kind: "label", name: "team", value: undefined },
    { kind: "label", name: "team", value: "x" },
  ];
  const rate = choose.is(3)
    ? { count: 1 + choose.upTo(3), periodMs: 1000 + 1000 * choose.upTo(30) }
    : undefined;
  return {
    kind: "setLimit",
    request: noRequest,
    namespace: namespaceOf(choose),
    name: limitName(choose),
    content: {
      scope: choose.of(scopes) ?? { kind: "namespace" },
      concurrentMax: choose.upTo(4),
      rate,
      shareWeight: 1 + choose.upTo(3),
    },
  };
}

function ofRun(
  kind: "cancel" | "end" | "retry" | "update",
  choose: Chooser,
  world: World,
): Command | undefined {
  const run = choose.of([...world.state.runs.keys()]);
  if (run === undefined) return undefined;
  const common = { request: noRequest, run };
  if (kind === "cancel") return { kind: "cancelRun", ...common, cause: "" };
  if (kind === "retry")
    return { kind: "retryRun", ...common, force: choose.is(2), all: choose.is(2), replays: noReplays };
  if (kind === "update") {
    const labels = someLabels(choose);
    return { kind: "updateRun", ...common, priority: choose.upTo(3), setLabels: labels, removeLabels: [] };
  }
  const action = choose.of(world.state.actions(run))?.name ?? "";
  return { kind: "endAction", ...common, action, end: { state: "CANCELLED" }, cause: "" };
}
