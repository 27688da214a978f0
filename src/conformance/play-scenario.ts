import { Breach, within } from "./breach.ts";
import { scenarioTimeoutMs } from "./conformance-limits.ts";
import { Witness } from "./rules/witness.ts";
import type { Scenario, Verdict } from "./scenario.ts";
import { Stage } from "./stage.ts";
import { Transcript } from "./transcript.ts";
import { startLyingServer } from "./wire/lying-server.ts";
import type { ServerStream } from "./wire/server-stream.ts";
import { describeEnd, WorkerProcess } from "./worker-process.ts";

/** How scenarios are played. */
export interface PlayOptions {
  /** The worker's program and its arguments. */
  readonly command: readonly string[];
  /** What its environment is based on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends the worker and rejects with its reason. */
  readonly signal: AbortSignal;
}

/** The namespace and the token that workers under test are told. */
const namespace = "conformance";
const token = "conformance-token";

/** Plays a scenario with a process of its own and gives the verdict. Nothing of it is left running. */
export async function playScenario(scenario: Scenario, options: PlayOptions): Promise<Verdict> {
  options.signal.throwIfAborted();
  const startedAtMs = performance.now();
  const transcript = new Transcript();
  const witness = new Witness(transcript, namespace);
  const streams = new Streams();
  const server = await startLyingServer({
    watch: witness,
    transcript,
    onStream: (stream) => streams.add(stream),
    onBreach: ({ message }) => witness.accuse(message),
  });
  const worker = new WorkerProcess({
    command: options.command,
    environment: {
      ...options.environment,
      SIGNALBOX_SERVER: server.url,
      SIGNALBOX_NAMESPACE: namespace,
      SIGNALBOX_TOKEN: token,
    },
  });
  const parts = { server, worker, witness, transcript, token };
  const stage = new Stage({ ...parts, streams: streams.waiting, nextStream: () => streams.next() });
  let reason: string | undefined;
  try {
    await raceToEnd(scenario, stage, options.signal);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof Breach)) throw error;
    reason = error.message;
  } finally {
    await worker.stop();
    await server.close();
  }
  return {
    scenario,
    passed: reason === undefined,
    reason,
    durationMs: Math.round(performance.now() - startedAtMs),
    transcript: transcript.lines,
    output: worker.lastLines,
  };
}

async function raceToEnd(scenario: Scenario, stage: Stage, signal: AbortSignal): Promise<void> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const endedEarly = stage.worker.ended.then((end) => {
    if (stage.mayEnd) return new Promise<never>(() => undefined);
    throw new Breach(`its process ${describeEnd(end)} in the middle of the scenario`);
  });
  const played = scenario.play(stage);
  for (const one of [played, endedEarly, stopped.promise]) one.catch(() => undefined);
  try {
    const race = Promise.race([played, stage.witness.breached, endedEarly, stopped.promise]);
    await within(race, scenarioTimeoutMs, "the scenario did not come to its end");
    // What is told in the same turn of the event loop still counts.
    await Promise.race([stage.witness.breached, new Promise((resolve) => setImmediate(resolve))]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Streams in the order in which they were opened, and who waits for one. */
class Streams {
  readonly waiting: ServerStream[] = [];
  readonly #takers: ((stream: ServerStream) => void)[] = [];

  add(stream: ServerStream): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.waiting.push(stream);
    else taker(stream);
  }

  next(): Promise<ServerStream> {
    const first = this.waiting.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => this.#takers.push(resolve));
  }
}
