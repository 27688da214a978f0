import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { Refusal } from "../../../gen/signalbox/v1/reason_pb.ts";
import type { Run } from "../../../gen/signalbox/v1/run_pb.ts";
import type { CreateRunRequest, RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { batchBytesMax, runsPerBatchMax } from "../client-limits.ts";
import { isUnavailable, toRefusedError } from "../refused-error.ts";
import { type RetryPolicy, retrying } from "./retry.ts";

/** Creates one run. The request has a `request_id`. */
export type CreateRun = (request: CreateRunRequest) => Promise<Run>;

/** What sends the messages. */
export interface Sender {
  readonly runs: Pick<Client<typeof RunService>, "createRun" | "batchCreateRuns">;
  readonly policy: RetryPolicy;
  readonly address: string;
}

/**
 * Creates runs so that calls made in the same turn of the event loop travel in one message, of at most 1,000
 * runs and 4 MiB; the rest goes into further messages. Each call gets its own run or its own RefusedError, as
 * if it had been alone, and a call that is alone is sent alone.
 */
export function coalesceCreateRun(sender: Sender): CreateRun {
  let waiting: Waiting[] = [];
  const flush = () => {
    const batches = splitBatches(waiting);
    waiting = [];
    for (const batch of batches) {
      void (batch.length === 1 ? sendOne(sender, batch[0] as Waiting) : sendMany(sender, batch));
    }
  };
  return (request) =>
    new Promise((resolve, reject) => {
      // An immediate runs after all callbacks and promises of this turn, among them those that create more
      // runs.
      if (waiting.push({ request, resolve, reject }) === 1) {
        setImmediate(flush);
      }
    });
}

interface Waiting {
  readonly request: CreateRunRequest;
  readonly resolve: (run: Run) => void;
  readonly reject: (error: unknown) => void;
}

async function sendOne({ runs }: Sender, { request, resolve, reject }: Waiting): Promise<void> {
  try {
    const { run } = await runs.createRun(request);
    resolve(run as Run);
  } catch (error) {
    reject(error);
  }
}

/** Sends a batch, and again what the server could not take at the moment. */
async function sendMany({ runs, policy, address }: Sender, batch: readonly Waiting[]): Promise<void> {
  let open = batch;
  const attempt = async (leftMs: number) => {
    const requests = open.map(({ request }) => request);
    const { results } = await runs.batchCreateRuns({ requests }, { timeoutMs: Math.max(1, leftMs) });
    const outcomes = open.map((waiting, index) => ({ waiting, result: results[index]?.result }));
    const postponed = outcomes.filter(
      ({ result }) => result?.case === "refusal" && isUnavailable(result.value),
    );
    open = postponed.map(({ waiting }) => waiting);
    for (const { waiting, result } of outcomes) {
      if (result?.case === "run") {
        waiting.resolve(result.value);
      } else if (result === undefined || result.case === undefined) {
        waiting.reject(new Error("the server gave no result for one of several runs"));
      } else if (!isUnavailable(result.value)) {
        waiting.reject(toRefusedError(result.value));
      }
    }
    const refusal = postponed[0]?.result?.value as Refusal | undefined;
    if (refusal !== undefined) {
      throw new ConnectError(refusal.message, Code.Unavailable);
    }
  };
  try {
    await retrying({ policy, address, attempt });
  } catch (error) {
    for (const { reject } of open) {
      reject(error);
    }
  }
}

function splitBatches(waiting: readonly Waiting[]): Waiting[][] {
  const batches: Waiting[][] = [];
  let batch: Waiting[] = [];
  let bytes = 0;
  for (const one of waiting) {
    const size = sizeBytesMax(one.request);
    if (batch.length === runsPerBatchMax || (batch.length > 0 && bytes + size > batchBytesMax)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(one);
    bytes += size;
  }
  batches.push(batch);
  return batches;
}

/** What a message takes at most on the wire: an estimate from above, far cheaper than to encode it twice. */
function sizeBytesMax(part: unknown): number {
  if (typeof part === "string") {
    // A UTF-16 unit takes at most three bytes of UTF-8, a field's tag and length at most six.
    return part.length * 3 + 6;
  }
  if (part instanceof Uint8Array) {
    return part.byteLength + 6;
  }
  if (typeof part !== "object" || part === null) {
    return 11;
  }
  let bytes = 6;
  const values = part as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(values)) {
    // Names of fields are not sent, but keys of maps are, and both are names here.
    bytes += name.startsWith("$") ? 0 : name.length * 3 + 6 + sizeBytesMax(values[name]);
  }
  return bytes;
}
