import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type TrackedActionUpdateSchema,
  TrackedRunService,
} from "../../../gen/flyteidl2/workflow/tracked_run_service_pb.ts";
import { EmbeddedStore } from "../../../src/store/embedded/embedded-store.ts";
import { actionId, FlyteServer, faultIn, runId, task, taskSpec } from "../../support/flyte-clients.ts";

let flyte: FlyteServer;
let tracked: Client<typeof TrackedRunService>;

function use(server: FlyteServer): void {
  flyte = server;
  tracked = server.client(TrackedRunService);
}

beforeAll(async () => {
  use(await FlyteServer.start());
});
afterAll(() => flyte.server.close());

type Update = MessageInitShape<typeof TrackedActionUpdateSchema>;

function update(run: string, name: string, phase: number, more: Partial<Update> = {}): Update {
  const { event, ...rest } = more;
  return { event: { id: actionId(run, name), attempt: 1, phase, ...event }, ...rest } as Update;
}

async function report(run: string, ...updates: Update[]): Promise<readonly number[]> {
  const { statuses } = await tracked.reportActions({ runId: runId(run), updates });
  return statuses.map(({ code }) => code);
}

async function create(run: string): Promise<void> {
  const spec = { case: "taskSpec", value: taskSpec("main") } as const;
  await tracked.createRun({ id: { case: "runId", value: runId(run) }, task: spec, labels: { team: "a" } });
}

async function phases(run: string): Promise<Readonly<Record<string, number>>> {
  const { actions } = await flyte.runs.listActions({ runId: runId(run), request: { limit: 50 } });
  return Object.fromEntries(actions.map(({ id, status }) => [id?.name, status?.phase as number]));
}

describe("a run that happens elsewhere", () => {
  test("is seen as it is reported, with what is below it", async () => {
    await create("local-1");
    expect(await phases("local-1")).toEqual({ a0: 4 });
    const step = { case: "trace", value: { name: "step", phase: 5 } } as const;
    const codes = await report(
      "local-1",
      update("local-1", "a0", 4),
      update("local-1", "t1", 4, { parentName: "a0", spec: task("sub") }),
      update("local-1", "t2", 4, { parentName: "t1", spec: task("sub") }),
      update("local-1", "s1", 5, { parentName: "a0", spec: step }),
    );
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(await phases("local-1")).toEqual({ a0: 4, t1: 4, t2: 4, s1: 5 });
    const outputs = { outputUri: "/data/t2/outputs.pb" };
    const ends = [
      update("local-1", "t2", 5, { event: { outputs } as never }),
      update("local-1", "t1", 6, { event: { errorInfo: { code: "ValueError", message: "no" } } as never }),
      update("local-1", "a0", 5),
    ];
    expect(await report("local-1", ...ends)).toEqual([0, 0, 0]);
    expect(await report("local-1", ...ends)).toEqual([0, 0, 0]);
    expect(await phases("local-1")).toEqual({ a0: 5, t1: 6, t2: 5, s1: 5 });
    const { details } = await tracked.getActionDetails({ actionId: actionId("local-1", "t1") });
    expect(details?.result).toMatchObject({
      case: "errorInfo",
      value: { code: "ValueError", message: "no" },
    });
  });

  test("says of each word whether it was taken", async () => {
    await create("local-2");
    const codes = await report(
      "local-2",
      update("local-2", "x", 4, { parentName: "nobody", spec: task("sub") }),
      update("local-2", "y", 4, { parentName: "a0" }),
      update("local-2", "z", 4, { parentName: "a0", spec: task("sub") }),
    );
    expect(codes).toEqual([5, 3, 0]);
  });

  test("goes on when the server was started anew, with what was at work in it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "flyte-tracked-"));
    const open = async () => {
      const path = join(folder, "store");
      const store = await EmbeddedStore.open({ path });
      return FlyteServer.start({ store, flyte: { folder: join(folder, "flyte") } });
    };
    const before = flyte;
    try {
      use(await open());
      await create("local-4");
      await report("local-4", update("local-4", "t1", 4, { parentName: "a0", spec: task("sub") }));
      await flyte.server.close();
      use(await open());
      expect(await phases("local-4")).toEqual({ a0: 4, t1: 4 });
      const later = [
        update("local-4", "t2", 4, { parentName: "t1", spec: task("sub") }),
        update("local-4", "t2", 5),
        update("local-4", "t1", 5),
        update("local-4", "a0", 5),
      ];
      expect(await report("local-4", ...later)).toEqual([0, 0, 0, 0]);
      expect(await phases("local-4")).toEqual({ a0: 5, t1: 5, t2: 5 });
      await flyte.server.close();
    } finally {
      use(before);
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("has a name of its own kind, once", async () => {
    expect((await faultIn(create("run-1"))).code).toBe("InvalidArgument");
    await create("local-3");
    expect((await faultIn(create("local-3"))).code).toBe("AlreadyExists");
  });
});
