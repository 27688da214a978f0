import { create, toBinary } from "@bufbuild/protobuf";
import { type Action, type NewAction, Action_State as State } from "../../../gen/signalbox/v1/action_pb.ts";
import { AddActionsSchema } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { SessionNotice, Ticket, WorkerCommand } from "../session/thread-messages.ts";
import { Refused } from "../worker-errors.ts";
import { frameBytesMax, framePartsMax } from "../worker-limits.ts";

/**
 * A child that is asked for. Both promises may be left alone: what rejects unobserved is not an unhandled
 * error.
 */
export interface AddedChild {
  /** The child as it stood when the server answered. */
  readonly added: Promise<Action>;
  /** The child as it ended; never settles for a step, which the attempt itself ends. */
  readonly ended: Promise<Action>;
}

interface Entry {
  /** The child's whole name. */
  readonly name: string;
  readonly newAction: NewAction;
  readonly sizeBytes: number;
  readonly added: PromiseWithResolvers<Action>;
  readonly ended: PromiseWithResolvers<Action>;
  isAdded: boolean;
  /** An end was pushed before the call was answered. It may be that of a child which is open again by now. */
  endedEarly: boolean;
}

/**
 * The children that one attempt asks for and waits for.
 *
 * What is asked for in one turn of the event loop goes out as one call; if the server declines it, each child
 * is asked for alone, so that a task learns which one is at fault. A push of an end is lost if the stream
 * breaks at that moment, so after each attach everything that is still waited for is asked for again: a child
 * that exists is found by its name, and the answer says how it stands.
 */
export class Children {
  readonly #ticket: Ticket;
  readonly #actionName: string;
  readonly #post: (command: WorkerCommand) => void;
  /** All that is not yet answered or not yet ended, by the child's whole name. */
  readonly #openByName = new Map<string, readonly Entry[]>();
  readonly #entriesByCall = new Map<number, readonly Entry[]>();
  #unasked = new Set<Entry>();
  #lastCallId = 0;

  /** `actionName` is the parent's whole name, which the names of its children begin with. */
  constructor({
    ticket,
    actionName,
    post,
  }: {
    ticket: Ticket;
    actionName: string;
    post: (command: WorkerCommand) => void;
  }) {
    this.#ticket = ticket;
    this.#actionName = actionName;
    this.#post = post;
  }

  /** Asks for a child, or finds the one of that name. Throws a RangeError for one that fits no frame. */
  add(newAction: NewAction): AddedChild {
    const sizeBytes = toBinary(
      AddActionsSchema,
      create(AddActionsSchema, { actions: [newAction] }),
    ).byteLength;
    if (sizeBytes > frameBytesMax) {
      throw new RangeError(
        `the child ${newAction.name} takes ${sizeBytes} bytes, and at most ${frameBytesMax} may be`,
      );
    }
    const added = Promise.withResolvers<Action>();
    const ended = Promise.withResolvers<Action>();
    added.promise.catch(() => undefined);
    ended.promise.catch(() => undefined);
    const name = `${this.#actionName}/${newAction.name}`;
    const entry: Entry = { name, newAction, sizeBytes, added, ended, isAdded: false, endedEarly: false };
    this.#openByName.set(name, [...this.#openOf(name), entry]);
    this.#ask([entry]);
    return { added: added.promise, ended: ended.promise };
  }

  /** Takes the answer to a call. */
  answered({ callId, actions, refusal }: Extract<SessionNotice, { kind: "added" }>): void {
    const entries = this.#entriesByCall.get(callId) ?? [];
    this.#entriesByCall.delete(callId);
    if (refusal !== undefined && entries.length > 1) {
      for (const entry of entries) {
        this.#call([entry]);
      }
      return;
    }
    for (const [index, entry] of entries.entries()) {
      const action = actions[index];
      if (refusal !== undefined) {
        this.#reject(entry, new Refused(refusal));
      } else if (action !== undefined) {
        this.#added(entry, action);
      }
    }
  }

  /** Takes the end of a child. */
  ended(action: Action): void {
    for (const entry of this.#openOf(action.name)) {
      if (entry.isAdded) {
        this.#end(entry, action);
      } else {
        entry.endedEarly = true;
      }
    }
  }

  /** Asks again for all that is waited for, since answers and ends on their way are lost with a stream. */
  reattached(): void {
    this.#entriesByCall.clear();
    this.#ask([...this.#openByName.values()].flat());
  }

  /** Ends every wait with the error. */
  close(error: Error): void {
    for (const entry of [...this.#openByName.values()].flat()) {
      this.#reject(entry, error);
    }
  }

  #ask(entries: readonly Entry[]): void {
    const isFirst = this.#unasked.size === 0;
    for (const entry of entries) {
      this.#unasked.add(entry);
    }
    if (isFirst && this.#unasked.size > 0) {
      queueMicrotask(() => this.#callUnasked());
    }
  }

  #callUnasked(): void {
    const unasked = [...this.#unasked].filter((entry) => this.#openOf(entry.name).includes(entry));
    this.#unasked = new Set();
    let batch: Entry[] = [];
    let sizeBytes = 0;
    for (const entry of unasked) {
      if (
        batch.length === framePartsMax ||
        (batch.length > 0 && sizeBytes + entry.sizeBytes > frameBytesMax)
      ) {
        this.#call(batch);
        batch = [];
        sizeBytes = 0;
      }
      batch.push(entry);
      sizeBytes += entry.sizeBytes;
    }
    if (batch.length > 0) {
      this.#call(batch);
    }
  }

  #call(entries: readonly Entry[]): void {
    this.#lastCallId += 1;
    this.#entriesByCall.set(this.#lastCallId, entries);
    const actions = entries.map(({ newAction }) => newAction);
    this.#post({ kind: "add", ticket: this.#ticket, callId: this.#lastCallId, actions });
  }

  #added(entry: Entry, action: Action): void {
    entry.isAdded = true;
    entry.added.resolve(action);
    if (hasEnded(action) || entry.newAction.kind.case === "trace") {
      this.#end(entry, action);
    } else if (entry.endedEarly) {
      entry.endedEarly = false;
      this.#ask([entry]);
    }
  }

  #end(entry: Entry, action: Action): void {
    this.#close(entry);
    if (hasEnded(action)) {
      entry.ended.resolve(action);
    }
  }

  #openOf(name: string): readonly Entry[] {
    return this.#openByName.get(name) ?? [];
  }

  #close(entry: Entry): void {
    const others = this.#openOf(entry.name).filter((other) => other !== entry);
    if (others.length === 0) {
      this.#openByName.delete(entry.name);
    } else {
      this.#openByName.set(entry.name, others);
    }
  }

  #reject(entry: Entry, error: Error): void {
    this.#close(entry);
    entry.added.reject(error);
    entry.ended.reject(error);
  }
}

/** True of an action that has reached its end. */
export function hasEnded({ state }: Action): boolean {
  switch (state) {
    case State.SUCCEEDED:
    case State.FAILED:
    case State.CANCELLED:
    case State.TIMED_OUT:
    case State.SKIPPED:
    case State.RECOVERED:
      return true;
    default:
      return false;
  }
}
