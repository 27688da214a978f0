import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import type { ValueSchema } from "../../gen/signalbox/v1/value_pb.ts";
import {
  type Assignment,
  AssignmentSchema,
  type AttemptReference,
  type AttemptReport,
} from "../../gen/signalbox/v1/worker_service_pb.ts";
import { Breach, within } from "./breach.ts";
import { concurrency, patienceMs, startPatienceMs } from "./conformance-limits.ts";
import type { Witness } from "./rules/witness.ts";
import type { Transcript } from "./transcript.ts";
import type { LyingServer } from "./wire/lying-server.ts";
import { isEnd, nameAttempt, referenceKey } from "./wire/said.ts";
import type { AttachedOptions, ServerStream } from "./wire/server-stream.ts";
import { describeEnd, type ProcessEnd, type WorkerProcess } from "./worker-process.ts";

/** An input, as it goes over the wire. */
export type InputInit = MessageInitShape<typeof ValueSchema>;

/** The ops that every worker under test has. */
export type ConformanceOp = "echo" | "sleep" | "fail" | "progress" | "ask";

/** What a stage is made of. */
export interface StageParts {
  readonly server: LyingServer;
  readonly worker: WorkerProcess;
  readonly witness: Witness;
  readonly transcript: Transcript;
  /** Streams that nobody has taken yet, in order. */
  readonly streams: ServerStream[];
  /** Resolves with the next stream there is. */
  readonly nextStream: () => Promise<ServerStream>;
  /** What the worker was told in SIGNALBOX_TOKEN. */
  readonly token: string;
}

/** What a scenario plays on: a worker's process, the server that lies to it, and the network between. */
export class Stage {
  readonly server: LyingServer;
  readonly worker: WorkerProcess;
  readonly witness: Witness;
  readonly token: string;
  readonly #parts: StageParts;
  #actionCount = 0;
  #streamCount = 0;
  #mayEnd = false;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.server = parts.server;
    this.worker = parts.worker;
    this.witness = parts.witness;
    this.token = parts.token;
  }

  /** True once the scenario expects the process to end. */
  get mayEnd(): boolean {
    return this.#mayEnd;
  }

  /** Notes what the scenario does, beside what is said. */
  note(who: "network" | "kit", text: string): void {
    this.#parts.transcript.note(who, text);
  }

  /** The next stream that the worker opens, with its Attach, not answered. */
  async stream(missing = "it opened no stream"): Promise<ServerStream> {
    const timeoutMs = this.#streamCount === 0 ? startPatienceMs : patienceMs;
    this.#streamCount += 1;
    return await within(this.#parts.nextStream(), timeoutMs, missing);
  }

  /** The next stream that the worker opens, answered. */
  async attach(options: AttachedOptions = {}, missing?: string): Promise<ServerStream> {
    const stream = await this.stream(missing);
    stream.attached(options);
    return stream;
  }

  /** The next stream, answered, once the worker has permitted as many assignments as it has places. */
  async ready(options: AttachedOptions = {}): Promise<ServerStream> {
    const stream = await this.attach(options);
    await this.credits(stream, concurrency);
    return stream;
  }

  /** Waits until so many credits are open on a stream. */
  async credits(stream: ServerStream, count: number): Promise<void> {
    const isOpen = () => this.witness.openCredit(stream) >= count;
    await stream.until(isOpen, `it did not permit ${count} assignments`);
  }

  /** How many streams the worker has opened that the scenario has not taken. */
  get untakenStreams(): number {
    return this.#parts.streams.length;
  }

  /** Work for one of the ops, under a name that was not used before unless it is said. */
  assignment(
    op: ConformanceOp | { readonly unknown: string },
    inputs: Readonly<Record<string, InputInit>> = {},
    { action, epoch = 1n }: { readonly action?: string; readonly epoch?: bigint } = {},
  ): Assignment & { attempt: AttemptReference } {
    this.#actionCount += 1;
    const name = action ?? `a${this.#actionCount}`;
    const attempt = { runId: "conformance", action: name, attempt: 1, epoch };
    return create(AssignmentSchema, {
      attempt,
      op: typeof op === "string" ? `conformance/${op}` : op.unknown,
      inputs: { ...inputs },
    }) as Assignment & { attempt: AttemptReference };
  }

  /** Waits until the worker has said that it runs an attempt: by Accept, or by a report. */
  async taken(stream: ServerStream, { attempt }: { readonly attempt: AttemptReference }): Promise<void> {
    const missing = `it neither accepted nor reported ${nameAttempt(attempt)}`;
    await stream.until(() => this.witness.attempt(attempt)?.isTaken === true, missing);
  }

  /** The next report of an attempt. */
  async report(
    stream: ServerStream,
    { attempt }: { readonly attempt: AttemptReference },
    isMeant: (report: AttemptReport) => boolean = () => true,
  ): Promise<AttemptReport> {
    const missing = `no report of ${nameAttempt(attempt)} came that was due`;
    const meant = ({ attempt: of, report }: { attempt: AttemptReference; report: AttemptReport }) =>
      isSame(of, attempt) && isMeant(report);
    return (await stream.next("report", missing, meant)).report;
  }

  /** The report that ends an attempt. */
  async end(stream: ServerStream, given: { readonly attempt: AttemptReference }): Promise<AttemptReport> {
    return await this.report(stream, given, isEnd);
  }

  /** The outputs of an attempt, which has to succeed. */
  async outputs(stream: ServerStream, given: { readonly attempt: AttemptReference }) {
    const { content } = await this.end(stream, given);
    if (content.case === "succeeded") return content.value.outputs;
    const told =
      content.case === "failed" ? `failed: ${content.value.type}: ${content.value.message}` : content.case;
    throw new Breach(`${nameAttempt(given.attempt)} was to succeed, and has ${told}`);
  }

  /** Gives the worker a small task and has it done, to see that all is well. */
  async isWell(stream: ServerStream): Promise<void> {
    await this.credits(stream, 1);
    const probe = this.assignment("echo", { well: { kind: { case: "stringValue", value: "yes" } } });
    stream.assign(probe);
    const outputs = await this.outputs(stream, probe);
    this.require(outputs["well"]?.kind.value === "yes", "it does not echo what it is given any more");
  }

  /** Ends the scenario with a breach unless the condition holds. */
  require(condition: boolean, fault: string): void {
    if (!condition) throw new Breach(fault);
  }

  /** Lets time pass in which something must not happen, or has time to. */
  async pass(durationMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, durationMs));
  }

  /** Lets time pass in which the worker must open no stream. */
  async staysAway(durationMs: number, fault: string): Promise<void> {
    await this.pass(durationMs);
    this.require(this.untakenStreams === 0, fault);
  }

  /** Sends SIGTERM. From here on the process may end. */
  terminate(): void {
    this.note("kit", "SIGTERM to the worker");
    this.#mayEnd = true;
    this.worker.terminate();
  }

  /** Says that from here on the process may end. */
  expectEnd(): void {
    this.#mayEnd = true;
  }

  /** Waits for the process to end, with that exit status or with any that says failure. */
  async exit(expected: 0 | "failure"): Promise<ProcessEnd> {
    this.#mayEnd = true;
    const end = await within(this.worker.ended, patienceMs, "its process did not end");
    const isAsExpected = expected === 0 ? end.code === 0 : end.code !== null && end.code !== 0;
    const wanted = expected === 0 ? "exit status 0" : "an exit status that says failure";
    this.require(isAsExpected, `its process ${describeEnd(end)}, and was to end with ${wanted}`);
    return end;
  }
}

/** True if both name the same attempt under the same lease. */
export function isSame(one: AttemptReference, other: AttemptReference): boolean {
  return referenceKey(one) === referenceKey(other);
}

/** A refusal as the server makes it. */
export function refusal(code: Code, reason: string, message: string): ConnectError {
  const info = create(ErrorInfoSchema, { domain: "signalbox", reason, metadata: {} });
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value: info }]);
}

/** A text as an input. */
export function text(value: string): InputInit {
  return { kind: { case: "stringValue", value } };
}

/** A whole number as an input. */
export function whole(value: number): InputInit {
  return { kind: { case: "intValue", value: BigInt(value) } };
}

/** A truth value as an input. */
export function truth(value: boolean): InputInit {
  return { kind: { case: "boolValue", value } };
}
